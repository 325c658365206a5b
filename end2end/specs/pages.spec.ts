// What holds for every page there is: nothing moves, nothing complains, nobody is shut out.
import type { Browser, BrowserContextOptions, Page } from "@playwright/test";
import { axe, expect, hydrated, signIn } from "../gateway.ts";
import { DIALOGS, type House, PAGES, type Place, test } from "../house.ts";

type Cookies = Awaited<ReturnType<ReturnType<Page["context"]>["cookies"]>>;

/** Opens a page as whom it is for, and makes sure that it is that page. */
async function open(page: Page, house: House, cookies: Cookies, place: Place): Promise<void> {
  if (place.isOutside) await page.context().clearCookies();
  else await page.context().addCookies(cookies);
  const answer = await page.goto(house.url(place));
  expect(answer?.status(), place.name).toBe(200);
  expect(page.url(), place.name).toBe(house.url(place));
}

test("no page shifts while it loads", async ({ page, house, cookies }) => {
  test.setTimeout(180_000);
  await page.addInitScript(() => {
    const shifts: string[] = [];
    const place = ({ x, y, width, height }: DOMRectReadOnly) => `${x},${y} ${width}x${height}`;
    const note = (entries: PerformanceEntry[]) => {
      // biome-ignore lint/suspicious/noExplicitAny: the types of TypeScript's DOM leave these entries out.
      for (const { value, sources } of entries as any[]) {
        for (const { node, previousRect, currentRect } of sources) {
          const name = node?.className || node?.nodeName || "something that is gone";
          shifts.push(`${value.toFixed(4)}: ${name}, ${place(previousRect)} -> ${place(currentRect)}`);
        }
      }
    };
    const observer = new PerformanceObserver((list) => note(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    Object.assign(window, {
      shifts: () => {
        note(observer.takeRecords());
        return shifts;
      },
    });
  });
  // The WASM comes only when the page has been painted without it: however fast the machine, what hydration moves is seen.
  // It is the page that waits: a route here would race with the next page for what it asks of this one.
  await page.addInitScript(() => {
    const painted = new Promise((resolve) => {
      new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").length && resolve(undefined)).observe({
        type: "paint",
        buffered: true,
      });
    });
    const { fetch } = window;
    window.fetch = async (what, how) => {
      const url = what instanceof Request ? what.url : String(what);
      if (url.endsWith(".wasm")) await painted;
      return fetch(what, how);
    };
  });
  const shifted: string[] = [];
  for (const [width, height] of [[1440, 900], [390, 844]] as const) {
    await page.setViewportSize({ width, height });
    for (const place of PAGES) {
      await open(page, house, cookies, place);
      await hydrated(page);
      // The stream of changes opens, and says so.
      await page.waitForTimeout(300);
      const shifts: string[] = await page.evaluate("shifts()");
      shifted.push(...shifts.map((shift) => `${place.name} at ${width} px: ${shift}`));
    }
  }
  expect(shifted).toEqual([]);
});

test("every page is quiet and passes axe with rows, light and dark", async ({ page, house, cookies }) => {
  test.setTimeout(300_000);
  for (const place of PAGES) {
    await open(page, house, cookies, place);
    await hydrated(page);
    await axe(page);
  }
});

test("every page is quiet and passes axe while it is empty, light and dark", async ({ page, gateway }) => {
  test.setTimeout(300_000);
  await gateway.createAdmin();
  const [outside, inside] = [PAGES.filter((place) => place.isOutside), PAGES.filter((place) => !place.isOutside)];
  const look = async ({ name, path }: Place) => {
    const answer = await page.goto(gateway.url + path);
    expect(answer?.status(), name).toBe(200);
    await hydrated(page);
    await axe(page);
  };
  for (const place of outside) await look(place);
  await signIn(page, gateway);
  for (const place of inside.filter(({ path }) => !path.includes(":"))) await look(place);
});

test("every page reflows at 320 px without a horizontal scrollbar", async ({ page, house, cookies }) => {
  test.setTimeout(120_000);
  await page.setViewportSize({ width: 320, height: 640 });
  const wide: string[] = [];
  for (const place of [...PAGES, ...DIALOGS]) {
    await open(page, house, cookies, place);
    await hydrated(page);
    const found = await page.evaluate(() => {
      // What scrolls by itself on purpose, such as code, is not the page.
      const scrollers = [document.documentElement, ...document.querySelectorAll("dialog[open], dialog[open] .dialog__body")];
      const isWide = (element: Element) => element.scrollWidth > element.clientWidth;
      const name = (element: Element) => `${element.localName}.${element.className}`;
      const culprits = (scroller: Element) => {
        const edge = scroller.getBoundingClientRect().left + scroller.clientWidth;
        const beyond = [...scroller.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > edge + 1);
        return `${name(scroller)} is ${scroller.scrollWidth} wide, by ${beyond.slice(0, 8).map(name).join(", ")}`;
      };
      return scrollers.filter(isWide).map(culprits);
    });
    wide.push(...found.map((which) => `${place.name}: ${which}`));
  }
  expect(wide).toEqual([]);
});

test("every page works with JavaScript off: it shows what it shows with it", async ({ browser, house, cookies }) => {
  test.setTimeout(180_000);
  const without = await opener(browser, { javaScriptEnabled: false });
  const hydrating = await opener(browser, {});
  for (const place of [...PAGES, ...DIALOGS]) {
    // Minutes pass between two looks now and then, so that what was “just now” is “1 min ago”: then it is looked at again.
    await expect(async () => {
      await open(without, house, cookies, place);
      await open(hydrating, house, cookies, place);
      await hydrated(hydrating);
      const expected = await words(hydrating);
      expect(expected.length, place.name).toBeGreaterThan(3);
      expect(await words(without), place.name).toEqual(expected);
    }).toPass({ timeout: 15_000 });
  }
  for (const page of [without, hydrating]) await page.context().close();
});

async function opener(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  return (await browser.newContext(options)).newPage();
}

/** Every line that one reads on the page, but for buttons that say for which of both they are, and the time of day. */
async function words(page: Page): Promise<string[]> {
  const text = await page.evaluate(() => {
    for (const element of document.querySelectorAll(".needs-script, .without-script")) element.remove();
    return document.body.innerText;
  });
  const lines = text.replace(/Live, as of/g, "As of").replace(/\b\d\d:\d\d:\d\d\b/g, "now").split("\n");
  return lines.map((line) => line.replace(/\s+/g, " ").trim()).filter(Boolean);
}
