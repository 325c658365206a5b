// The measured goals that need a browser, for every page; started by `end2end/goals`.
import { statSync } from "node:fs";
import { relative } from "node:path";
import type { Browser, Page } from "@playwright/test";
import { type House, PAGES, type Place, test } from "../house.ts";
import { Lighthouse, type Score, speed } from "./lighthouse.ts";
import { median, print, spread } from "./print.ts";

const RUNS = Number(process.env.RUNS ?? 3);

/** As Lighthouse's phone: four times slower than this machine, on its “slow 4G”. */
const SLOWER = 4;
/** What Chromium's DevTools take for the speed of a usual phone, by Lighthouse's benchmark, and of a slow one. */
const PHONE = 1_000;
const SLOW_PHONE = 264;
const SLOW_4G = { rttMs: 150, kilobits: 1.6 * 1024, kilobitsUp: 750 };

/** What blocks the page after this is not its loading. */
const LOADS_MS = 5_000;
/** For a page to be quiet again. */
const RESTS_MS = 500;
const GIVES_UP_MS = 30_000;
/** From the pressing of a link to its letting go, which is where a click begins: people take about this long. */
const PRESS_MS = 80;

type Cookies = Awaited<ReturnType<ReturnType<Page["context"]>["cookies"]>>;

interface Visit {
  browser: Browser;
  house: House;
  cookies: Cookies;
}

/** What a page tells of its own loading, in milliseconds from the click that led to it. */
interface Loading {
  hydrated: number;
  blocked: number;
  shift: number;
}

/** How much slower than this machine a usual phone is; unknown without Lighthouse. */
let phone: number | undefined;

test.beforeAll(async ({ browser }) => {
  const binary = process.env.TOLLGATE_BIN ?? "";
  const build = ["release", "debug"].find((build) => binary.includes(`/${build}/`)) ?? "unknown";
  console.log(`Binary: ${relative("..", binary)}, ${build}, ${Math.round(statSync(binary).size / 1e6)} MB`);
  if (build !== "release") console.log("The goals are those of a release build.");
  const page = await browser.newPage();
  const speeds = await repeat(() => speed(page));
  await page.close();
  const [machine] = speeds.some((one) => one === undefined) ? [] : [median(speeds as number[])];
  if (machine === undefined) return;
  phone = Math.max(1, machine / PHONE);
  console.log(`This machine is ${Math.round(machine)} quick by Lighthouse's benchmark, and ${Math.round(machine / SLOWER)} where it is ${SLOWER}x slower; a usual phone ${PHONE}, a slow one ${SLOW_PHONE}.`);
});

for (const place of PAGES) {
  test(place.name, async ({ browser, house, cookies }) => {
    const visit = { browser, house, cookies: place.isOutside ? [] : cookies };
    await loadings(visit, place);
    if (!place.isOutside) await crossings(visit, place);
    await scores(visit, place);
  });
}

async function loadings(visit: Visit, place: Place): Promise<void> {
  const slow = await repeat(() => load(visit, place, { cpu: SLOWER, network: false }));
  const far = await repeat(() => load(visit, place, { cpu: SLOWER, network: true }));
  const hydrated = slow.map((run) => run.hydrated);
  const hydratedFar = far.map((run) => run.hydrated);
  const blocked = slow.map((run) => run.blocked);
  const shifts = [...slow, ...far].map((run) => run.shift);
  const ms = { unit: "ms" };
  print({ ...ms, what: `${place.name}: hydrated, ${SLOWER}x slower CPU`, measured: Math.round(median(hydrated)), goal: 500, note: spread(hydrated) });
  if (phone !== undefined) {
    const usual = await repeat(() => load(visit, place, { cpu: phone ?? 1, network: false }));
    const times = usual.map((run) => run.hydrated);
    print({ ...ms, what: `${place.name}: hydrated, as a usual phone (${phone.toFixed(1)}x)`, measured: Math.round(median(times)), goal: 500, note: spread(times) });
  }
  print({ ...ms, what: `${place.name}: and slow 4G`, measured: Math.round(median(hydratedFar)), goal: 1_800, note: spread(hydratedFar) });
  print({ ...ms, what: `${place.name}: blocked in all, ${SLOWER}x`, measured: Math.round(median(blocked)), goal: 100, note: spread(blocked) });
  print({ unit: "", what: `${place.name}: layout shift, worst`, measured: Math.max(...shifts), goal: 0 });
}

async function crossings(visit: Visit, place: Place): Promise<void> {
  const crossed = await repeat(() => cross(visit, place));
  for (const [how, of] of [["its part is here", "again"], ["its part comes", "first"], ["by the keyboard", "keyed"]] as const) {
    const times = crossed.map((run) => run[of]);
    const what = `${place.name}: from another page, ${how}, ${SLOWER}x`;
    print({ what, unit: "ms", measured: Math.round(median(times)), goal: 100, note: spread(times) });
  }
}

const GOALS: [form: "mobile" | "desktop", score: Score, goal: number][] = [
  ["mobile", "performance", 98],
  ["desktop", "performance", 100],
  ["mobile", "accessibility", 100],
  ["desktop", "accessibility", 100],
  ["mobile", "best-practices", 100],
  ["desktop", "best-practices", 100],
];

async function scores({ house, cookies }: Visit, place: Place): Promise<void> {
  const lighthouse = await Lighthouse.open();
  if (!lighthouse) return console.log(`${place.name}: Lighthouse is not installed; it comes with  npm --prefix end2end/measure ci`);
  try {
    const reports = { mobile: await repeat(() => lighthouse.judge(house.url(place), cookies, "mobile")), desktop: await repeat(() => lighthouse.judge(house.url(place), cookies, "desktop")) };
    for (const [form, score, goal] of GOALS) {
      const values = reports[form].map((report) => report.scores[score]);
      const why = [...new Set(reports[form].flatMap((report) => report.lost[score]))].join(", ");
      const note = [score === "performance" && spread(values), median(values) < goal && why].filter(Boolean).join("; ");
      print({ what: `${place.name}: Lighthouse, ${score}, ${form}`, unit: "", measured: median(values), goal, isScore: true, note });
    }
  } finally {
    await lighthouse.close();
  }
}

async function repeat<T>(run: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let at = 0; at < RUNS; at++) all.push(await run());
  return all;
}

/** A tab of a browser that has never been here, on a slower machine. */
async function tab({ browser, cookies }: Visit, slower: { cpu: number; network: boolean }): Promise<Page> {
  const context = await browser.newContext();
  await context.addCookies(cookies);
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: slower.cpu });
  if (slower.network) {
    await devtools.send("Network.enable");
    await devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: SLOW_4G.rttMs,
      downloadThroughput: (SLOW_4G.kilobits * 1024) / 8,
      uploadThroughput: (SLOW_4G.kilobitsUp * 1024) / 8,
    });
  }
  await page.addInitScript(watch);
  return page;
}

async function load(visit: Visit, place: Place, slower: { cpu: number; network: boolean }): Promise<Loading> {
  const page = await tab(visit, slower);
  const began = Date.now();
  await page.goto(visit.house.url(place), { waitUntil: "commit" });
  // Asking the page would slow it down: it is left alone while it is measured.
  await page.waitForTimeout(LOADS_MS);
  let loading: Loading | undefined;
  while (!(loading = await page.evaluate<Loading | undefined>(`loading(${LOADS_MS})`))) {
    if (Date.now() - began > GIVES_UP_MS) throw new Error(`${page.url()} was not hydrated in ${GIVES_UP_MS / 1000} s`);
    await page.waitForTimeout(RESTS_MS);
  }
  if (page.url() !== visit.house.url(place)) throw new Error(`${visit.house.url(place)} led to ${page.url()}`);
  await page.context().close();
  return loading;
}

/**
 * From one page to another, by a link: where its part of the WASM was never used, where it was, and again by the keyboard, where
 * nothing is pressed before.
 */
async function cross(visit: Visit, to: Place): Promise<{ first: number; again: number; keyed: number }> {
  const { house } = visit;
  const page = await tab(visit, { cpu: SLOWER, network: false });
  const from = to.path === "/" ? "/logs" : "/";
  const path = new URL(house.url(to)).pathname;
  await page.goto(house.gateway.url + from);
  await page.locator("body[data-hydrated]").waitFor({ state: "attached" });
  // Pages that the index does not list are reached by links of lists and of the palette, which are links as any other.
  await page.evaluate(([from, to]) => {
    for (const [id, path] of [["from", from], ["to", to]]) {
      const link = Object.assign(document.createElement("a"), { id: `goals-${id}`, href: path, textContent: id });
      Object.assign(link.style, { position: "fixed", zIndex: "99", top: "0", left: id === "to" ? "0" : "60px" });
      document.body.append(link);
    }
  }, [from, path]);
  const listed = page.locator(`.index__link[href="${path}"]`);
  const link = (await listed.count()) ? listed : page.locator("#goals-to");
  const follow = async (which: typeof link, key?: "Enter") => {
    await page.waitForTimeout(RESTS_MS);
    await page.evaluate("cross()");
    if (key) await which.press(key);
    else await which.click({ delay: PRESS_MS });
    return page.evaluate<number>(`Promise.race([crossed, new Promise((_, no) => setTimeout(() => no(new Error("${path} was not shown")), ${GIVES_UP_MS}))])`);
  };
  const first = await follow(link);
  if (new URL(page.url()).pathname !== path) throw new Error(`the link to ${path} led to ${page.url()}`);
  await follow(page.locator("#goals-from"));
  const again = await follow(link);
  await follow(page.locator("#goals-from"));
  const keyed = await follow(link, "Enter");
  await page.context().close();
  return { first, again, keyed };
}

/** In the page, from its first instant: notes what happens, and tells when asked. */
function watch(): void {
  let hydratedAt: number | undefined;
  const tasks: PerformanceEntry[] = [];
  let shift = 0;
  const observe = (type: string, note: (entry: PerformanceEntry) => void) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe("longtask", (task) => tasks.push(task));
  observe("layout-shift", (entry) => {
    shift += (entry as PerformanceEntry & { value: number }).value;
  });
  const body = new MutationObserver(() => {
    if (!document.body?.hasAttribute("data-hydrated")) return;
    hydratedAt = performance.now();
    body.disconnect();
  });
  body.observe(document, { attributes: true, attributeFilter: ["data-hydrated"], subtree: true });

  Object.assign(window, {
    /** Nothing until the page is hydrated. */
    loading(end: number) {
      const paint = performance.getEntriesByName("first-contentful-paint")[0];
      if (hydratedAt === undefined || !paint) return undefined;
      // Of each long task, what is over 50 ms; as Lighthouse counts, from the first paint on.
      const blocked = tasks.map(({ startTime, duration }) => {
        const [from, to] = [Math.max(startTime, paint.startTime), Math.min(startTime + duration, end)];
        return Math.max(0, to - from - 50);
      });
      return { hydrated: hydratedAt, blocked: blocked.reduce((sum, ms) => sum + ms, 0), shift };
    },
    /** From now on waits for a click, and `crossed` for the paint of another page's heading. */
    cross() {
      const heading = () => document.querySelector("main h1")?.textContent;
      const before = heading();
      let clicked = 0;
      addEventListener("click", (event) => (clicked = event.timeStamp), { capture: true, once: true });
      const crossed = new Promise<number>((tell) => {
        const drawn = new MutationObserver(() => {
          const now = heading();
          if (!clicked || !now || now === before) return;
          drawn.disconnect();
          // The frame is painted between its callbacks and the next message.
          requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => tell(performance.now() - clicked);
            port2.postMessage(undefined);
          });
        });
        drawn.observe(document.body, { childList: true, characterData: true, subtree: true });
      });
      Object.assign(window, { crossed });
    },
  });
}
