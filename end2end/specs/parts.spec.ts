// The WASM in parts: a page loads the one that all need and its own, both from its head on, and at rest those of other pages.
import type { Locator, Page } from "@playwright/test";
import { expect, type Gateway, hydrated, listening, Management, signIn, test } from "../gateway.ts";

const PARTS = /\/pkg\/[\w.]+\.(?:js|wasm)/g;

/** What is asked for from now on, or since the last document, as paths. */
function asked(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request) => {
    if (request.isNavigationRequest()) paths.length = 0;
    paths.push(...(new URL(request.url()).pathname.match(PARTS) ?? []));
  });
  return paths;
}

/** As whoever asks their browser to save data: only what is needed now is loaded. */
async function savesData(page: Page): Promise<void> {
  await page.addInitScript(() => Object.defineProperty(navigator, "connection", { value: { saveData: true } }));
}

const index = (page: Page, label: string) => page.locator(".index__link", { hasText: label });

test("a page loads what its head names: the script, the part that all share, and its own", async ({ page, gateway }) => {
  await savesData(page);
  const paths = asked(page);
  const own = new Set<string>();
  const visit = async (path: string) => {
    const html = (await (await page.goto(gateway.url + path))?.text()) ?? "";
    await hydrated(page);
    // Nothing is asked for later, when what was loaded first turns out to need it.
    const named = new Set(html.match(PARTS));
    expect(paths.toSorted(), path).toEqual([...named].toSorted());
    expect(named.size, path).toBe(3);
    for (const part of named) if (!part.startsWith("/pkg/tollgate.")) own.add(part);
  };
  await visit("/sign-in");
  await visit(new URL(gateway.setupLink).pathname + new URL(gateway.setupLink).search);
  await gateway.createAdmin();
  await signIn(page, gateway);
  const management = new Management(gateway, await gateway.managementToken());
  const key = (await management.call("POST", "/keys", { name: "a" })).key.id;
  const group = (await management.call("POST", "/groups", { name: "a" })).id;
  for (const path of ["/", "/logs", "/tokens?new=1", `/tokens/${key}`, "/groups", `/groups/${group}`, "/rules", "/rules/new", "/models", "/models/prices", "/models/tollgate/echo", "/playground", "/providers", "/profile", "/find"]) await visit(path);
  expect(own.size, "every page has a part of its own").toBe(17);
});

test("a link brings the next page's part, once, and leaves the page where it is", async ({ page, gateway }) => {
  await savesData(page);
  await gateway.createAdmin();
  await signIn(page, gateway);
  await page.goto(gateway.url);
  await hydrated(page);
  await page.evaluate(() => document.body.setAttribute("data-stayed", ""));
  const paths = asked(page);
  for (const [label, shows] of [["Logs", "Logs"], ["Tokens", "Tokens"], ["Logs", "Logs"], ["Dashboard", "Nothing in"]] as const) {
    await index(page, label).click();
    await expect(page.locator("main h1")).toContainText(shows);
  }
  await page.goBack();
  await expect(page.locator("main h1")).toContainText("Logs");
  await expect(page.locator("body[data-stayed]")).toBeAttached();
  expect(paths.map((path) => path.replace(/\.[0-9a-f]{16}\./, "."))).toEqual(["/pkg/logs.wasm", "/pkg/tokens.wasm"]);
});

test("at rest a page loads every other part, once, and links wait for none", async ({ page, gateway }) => {
  await gateway.createAdmin();
  await signIn(page, gateway);
  // What the page after signing in still asks for is not this one's.
  await page.goto("about:blank");
  const paths = asked(page);
  await page.goto(gateway.url);
  await hydrated(page);
  const parts = () => paths.filter((path) => !path.startsWith("/pkg/tollgate."));
  await expect.poll(() => new Set(parts()).size, "one for each page, and the palette's").toBe(18);
  expect(parts()).toHaveLength(18);
  await page.route("**/pkg/*.wasm", (route) => route.abort());
  await page.evaluate(() => document.body.setAttribute("data-stayed", ""));
  for (const label of ["Logs", "Tokens", "Groups", "Quota rules", "Models", "Providers"]) {
    await index(page, label).click();
    await expect(page.locator("main h1")).toContainText(label);
  }
  await expect(page.locator("body[data-stayed]")).toBeAttached();
  expect(parts()).toHaveLength(18);
});

test("where a part does not come, pages work as without JavaScript", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 404|HTTP status code is not ok/);
  await gateway.createAdmin();
  await signIn(page, gateway);
  await page.goto("about:blank");
  // As after an update of the server: its parts have other names.
  let asked = 0;
  await page.route("**/pkg/logs.*.wasm", (route) => {
    asked++;
    return route.fulfill({ status: 404 });
  });
  await page.goto(gateway.url);
  await hydrated(page);
  await expect.poll(() => asked, "at rest it was to be loaded").toBe(1);
  await index(page, "Logs").click();
  await page.waitForURL((url) => url.pathname === "/logs");
  await expect(page.locator("main h1")).toContainText("Logs");
  await index(page, "Tokens").click();
  await page.waitForURL((url) => url.pathname === "/tokens");
  await hydrated(page);
});

test("a part that did not come at rest is asked for again by a link", async ({ page, gateway, quiet }) => {
  quiet.allow(/status of 404/);
  await gateway.createAdmin();
  await signIn(page, gateway);
  await page.goto("about:blank");
  let asked = 0;
  await page.route("**/pkg/logs.*.wasm", (route) => (asked++ ? route.continue() : route.fulfill({ status: 404 })));
  // They are asked for one after another, the smallest last: by then the page has heard of that 404.
  const last = page.waitForRequest("**/pkg/find.*.wasm");
  await page.goto(gateway.url);
  await hydrated(page);
  await last;
  expect(asked).toBe(1);
  await page.evaluate(() => document.body.setAttribute("data-stayed", ""));
  await index(page, "Logs").click();
  await expect(page.locator("main h1")).toContainText("Logs");
  await expect(page.locator("body[data-stayed]")).toBeAttached();
  expect(asked).toBe(2);
});

/**
 * Thirty tokens, and their page before its script has come: what the server wrote is marked. It hears of no change before it
 * may listen, since the tokens are so new that it would be read anew at once.
 */
async function asleep(page: Page, gateway: Gateway): Promise<{ wake: () => void; listen: () => void; rows: Locator; management: Management }> {
  await gateway.createAdmin();
  await signIn(page, gateway);
  const management = new Management(gateway, await gateway.managementToken());
  for (let at = 0; at < 30; at++) await management.call("POST", "/keys", { name: `key-${at}` });
  let wake = () => {};
  const held = new Promise<void>((go) => (wake = go));
  await page.route("**/pkg/tollgate.*.js", async (route) => {
    await held;
    await route.continue();
  });
  let listen = () => {};
  const mayListen = new Promise<void>((go) => (listen = go));
  await page.route("**/live?*", async (route) => {
    await mayListen;
    await route.continue();
  });
  await page.goto(`${gateway.url}/tokens`, { waitUntil: "commit" });
  const rows = page.locator(".ledger--keys tbody tr");
  await expect(rows).toHaveCount(25);
  await rows.evaluateAll((rows) => rows.forEach((row) => row.setAttribute("data-mark", "")));
  return { wake, listen, rows, management };
}

/** Presses Escape in the menu of the last row, which closes it once the row is awake, and tells whether it is open then. */
const staysOpen = `(() => {
  const menu = document.querySelector(".ledger--keys tbody tr:last-child details");
  menu.open = true;
  menu.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  return menu.open;
})()`;

test("rows wake after the page, as the elements that the server wrote", async ({ page, gateway }) => {
  const { wake, listen, rows, management } = await asleep(page, gateway);
  // In the instant in which the page answers, a row does not yet, and what is ticked in it counts.
  await page.evaluate(`new MutationObserver((_, observer) => {
    observer.disconnect();
    window.sleeps = ${staysOpen};
    document.querySelector(".ledger--keys tbody tr:last-child [type=checkbox]").click();
  }).observe(document.body, { attributes: true, attributeFilter: ["data-hydrated"] })`);
  wake();
  await hydrated(page);
  await expect(page.locator(".bulk__count")).toHaveText("1 selected");
  expect(await page.evaluate("window.sleeps")).toBe(true);
  await expect.poll(() => page.evaluate(staysOpen)).toBe(false);
  await expect(rows.last().getByRole("checkbox")).toBeChecked();
  // Awake, rows follow what happens, and are still the same.
  await page.locator("thead").getByRole("checkbox").check();
  for (const row of await rows.all()) await expect(row.getByRole("checkbox")).toBeChecked();
  listen();
  await listening(page);
  await management.call("POST", "/keys", { name: "newest" });
  await expect(rows.first()).toContainText("newest");
  await expect(page.locator("tr[data-mark]")).toHaveCount(25);
});

test("a list that changes while its rows are asleep is right, and no menu is open for another row", async ({ page, gateway }) => {
  // Rows are woken by timers that are due at once: here they wait until they are let go.
  await page.addInitScript(() => {
    const real = window.setTimeout;
    const waiting: (() => void)[] = [];
    const hold = (run: () => void, ms?: number, ...rest: unknown[]) => (ms ? real(run, ms, ...rest) : waiting.push(run));
    const letGo = () => {
      Object.assign(window, { setTimeout: real });
      for (const run of waiting.splice(0)) run();
    };
    Object.assign(window, { setTimeout: hold, letGo });
  });
  const { wake, listen, rows, management } = await asleep(page, gateway);
  wake();
  await hydrated(page);
  expect(await page.evaluate(staysOpen)).toBe(true);
  await page.getByRole("checkbox", { name: "Select key-20", exact: true }).check();
  listen();
  await listening(page);
  await management.call("POST", "/keys", { name: "newest" });
  await expect(rows.first()).toContainText("newest");
  await expect(rows).toHaveCount(25);
  await expect(page.locator("details[open]")).toHaveCount(0);
  await expect(page.getByRole("checkbox", { name: "Select key-20", exact: true })).toBeChecked();
  await page.evaluate("letGo()");
  await expect.poll(() => page.evaluate(staysOpen)).toBe(false);
  await expect(page.locator(".ledger--keys tbody :checked")).toHaveCount(1);
});

test("what a page calls first is compiled before, beside it", async ({ browser, gateway }) => {
  await gateway.createAdmin();
  /** How many functions the browser compiles because a link leads to the list of tokens. */
  const compiled = async (hasWorker: boolean) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    if (!hasWorker) await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "userAgentData", { value: undefined }));
    // It ends when all parts have come and are warm.
    const ended: Promise<unknown>[] = [];
    page.on("worker", (worker) => ended.push(new Promise((end) => worker.once("close", end))));
    await signIn(page, gateway);
    await page.goto("about:blank");
    // Parts come one after another, the smallest last.
    const last = page.waitForResponse("**/pkg/find.*.wasm");
    await page.goto(gateway.url);
    await hydrated(page);
    await last;
    expect(ended.length > 0).toBe(hasWorker);
    await Promise.all(ended);
    await browser.startTracing(page, { categories: ["-*", "v8.wasm"] });
    await index(page, "Tokens").click();
    await expect(page.locator("main h1")).toHaveText("Tokens");
    await page.waitForTimeout(500);
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: { name: string }[] };
    await context.close();
    return traceEvents.filter(({ name }) => name === "wasm.CompileLazy").length;
  };
  const alone = await compiled(false);
  expect(alone).toBeGreaterThan(400);
  // Where it is more, the profile is of a console that is no more: make a new one with `end2end/profile`.
  expect(await compiled(true), `of ${alone}`).toBeLessThan(alone / 4);
});
