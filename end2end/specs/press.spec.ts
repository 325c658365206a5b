// What a link leads to is asked for while the link is pressed, so that it is there when the link is let go.
import type { Locator, Page } from "@playwright/test";
import { expect, hydrated, listening, Management, signIn } from "../gateway.ts";
import { type House, PAGES, type Place, test } from "../house.ts";

/** What the server was asked for pages from now on, as names of server functions. */
function asked(page: Page): string[] {
  const names: string[] = [];
  page.on("request", (request) => {
    const [, name] = /\/fn\/([\w-]+)$/.exec(request.url()) ?? [];
    if (name) names.push(name);
  });
  return names;
}

/** A link to the place, in the corner and over all else. */
async function linkTo(page: Page, url: string): Promise<Locator> {
  await page.evaluate((url) => {
    const link = Object.assign(document.createElement("a"), { id: "to", href: url, textContent: "There", draggable: false });
    Object.assign(link.style, { position: "fixed", zIndex: "99", top: "0", left: "0" });
    document.body.append(link);
  }, url);
  return page.locator("#to");
}

async function open(page: Page, house: House, path: string): Promise<void> {
  await page.goto(house.gateway.url + path);
  await hydrated(page);
}

/** Presses it and does not let go. */
async function press(page: Page, link: Locator): Promise<void> {
  await link.hover();
  await page.mouse.down();
}

const painted = (page: Page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));

/** Nothing is heard of what changes, so that nothing is read anew. */
const deaf = (page: Page) => page.route("**/live?*", (route) => route.fulfill({ status: 204 }));

test.beforeEach(async ({ page, house }) => {
  await signIn(page, house.gateway);
  await page.goto("about:blank");
});

/** What the address of a page has, and what the server is asked for it first. */
const FIRST: [place: string, path: string, asked: string][] = [
  ["Dashboard", "/?p=day", "dashboard"],
  ["Logs", "/logs?status=refused&time=7d&q=a%20b", "logs"],
  ["Tokens", "/tokens?status=active&sort=-used&edit=:token", "keys"],
  ["One token", "/tokens/:token?span=day", "token"],
  ["Groups", "/groups?q=s&sort=-spend", "groups"],
  ["One group", "/groups/:group?p=period", "group"],
  ["Quota rules", "/rules?q=o&status=on", "rules"],
  ["New rule", "/rules/new", "rule-fields"],
  ["One rule", "/rules/:rule", "rule-fields"],
  ["Models", "/models?can=vision&days=7", "models"],
  ["Prices", "/models/prices?model=tollgate/echo", "prices"],
  ["One model", "/models/tollgate/echo?of=gpt-4o", "model-page"],
  ["Providers", "/providers", "providers"],
  ["Profile", "/profile", "profile"],
];

test("each page is asked for while a link to it is pressed, and then not again", async ({ page, house }) => {
  await deaf(page);
  // Those that have nothing to read, or are asked for as one writes, and those outside.
  const rest = ["Sign in", "Playground", "Find"];
  expect([...FIRST.map(([name]) => name), ...rest].sort()).toEqual(PAGES.map(({ name }) => name).sort());
  for (const [name, path, first] of FIRST) {
    for (const way of ["with what its address has", "bare"] as const) {
      const url = house.url({ name, path: way === "bare" ? (path.split("?")[0] ?? "") : path });
      const last = page.waitForResponse("**/pkg/find.*.wasm");
      await open(page, house, "/playground");
      await last;
      const link = await linkTo(page, url);
      const names = asked(page);
      const answer = page.waitForResponse(/\/fn\//);
      await press(page, link);
      await (await answer).finished();
      expect(names, `${name}, ${way}`).toEqual([first]);
      expect(new URL(page.url()).pathname).toBe("/playground");
      await page.mouse.up();
      await page.waitForURL(url);
      await expect(page.locator("main h1").first()).not.toContainText("Playground");
      await painted(page);
      expect(names.filter((name) => name === first), `${name}, ${way}`).toHaveLength(1);
    }
  }
});

test("a page that was asked for early is shown without a blank one before it", async ({ page, house }) => {
  await deaf(page);
  // An answer takes longer than a frame.
  await page.route("**/fn/token", async (route) => {
    await new Promise((done) => setTimeout(done, 200));
    await route.continue();
  });
  /** Where there was no heading in a frame. */
  const blanks = async (cross: (link: Locator) => Promise<void>) => {
    // Parts come one after another, the smallest last.
    const last = page.waitForResponse("**/pkg/find.*.wasm");
    await open(page, house, "/");
    await last;
    const token = PAGES.find(({ name }) => name === "One token") as Place;
    const link = await linkTo(page, house.url(token));
    await page.evaluate(() => {
      const blanks: string[] = [];
      Object.assign(window, { blanks });
      const look = () => {
        if (!document.querySelector("main h1")?.textContent) blanks.push(location.pathname);
        requestAnimationFrame(look);
      };
      look();
    });
    await cross(link);
    await expect(page.locator("main.token h1")).not.toBeEmpty();
    return (await page.evaluate("blanks")) as string[];
  };
  expect(await blanks((link) => link.press("Enter"))).not.toEqual([]);
  const pressed = async (link: Locator) => {
    const answer = page.waitForResponse(/\/fn\/token$/);
    await press(page, link);
    await (await answer).finished();
    await page.mouse.up();
  };
  expect(await blanks(pressed)).toEqual([]);
});

test("what has changed since the link was pressed is asked for anew", async ({ page, house }) => {
  const management = new Management(house.gateway, await house.gateway.managementToken());
  const rule = await management.call("POST", "/rules", { name: "before", quota: { credits: "1", period: "daily" } });
  await open(page, house, "/groups");
  await listening(page);
  // Not for its age.
  await page.evaluate(() => Object.assign(Date, { now: () => 0 }));
  const link = await linkTo(page, `${house.gateway.url}/rules`);
  const names = asked(page);
  const answer = page.waitForResponse(/\/fn\/rules$/);
  await press(page, link);
  await (await answer).finished();
  // The count of rules beside the page is asked for anew by the same news.
  const heard = page.waitForResponse(/\/fn\/viewer$/);
  await management.call("PATCH", `/rules/${rule.id}`, { name: "after" });
  await heard;
  await page.mouse.up();
  await expect(page.locator(".ledger")).toContainText("after");
  expect(names.filter((name) => name === "rules").length).toBeGreaterThan(1);
});

test("what was pressed and not followed is forgotten", async ({ page, house }) => {
  await deaf(page);
  await open(page, house, "/groups");
  const link = await linkTo(page, `${house.gateway.url}/rules`);
  const names = asked(page);
  await press(page, link);
  await expect.poll(() => names).toEqual(["rules"]);
  await page.mouse.move(700, 600);
  await page.mouse.up();
  expect(new URL(page.url()).pathname).toBe("/groups");
  await page.mouse.click(700, 600);
  await link.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("main h1")).toHaveText("Quota rules");
  expect(names).toEqual(["rules", "rules"]);
});

test("nothing is asked for early by those who save data, for other tabs, or for the page that is shown", async ({ page, house }) => {
  await deaf(page);
  await page.addInitScript(() => {
    if (location.search === "?saves") Object.defineProperty(navigator, "connection", { value: { saveData: true } });
  });
  const pressing = async (from: string, to: string, key?: string) => {
    await open(page, house, from);
    const link = await linkTo(page, house.gateway.url + to);
    const names = asked(page);
    if (key) await page.keyboard.down(key);
    await press(page, link);
    // Whatever is to be asked for is asked for in the same task.
    await page.evaluate("1");
    await page.mouse.move(700, 600);
    await page.mouse.up();
    if (key) await page.keyboard.up(key);
    return names;
  };
  expect(await pressing("/groups", "/rules")).toEqual(["rules"]);
  expect(await pressing("/groups?saves", "/rules")).toEqual([]);
  expect(await pressing("/groups", "/rules", "Control")).toEqual([]);
  expect(await pressing("/groups", "/groups?sort=name")).toEqual([]);
});
