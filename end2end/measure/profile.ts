// Which functions pages call first; started by `end2end/profile`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "@playwright/test";
import { PAGES, test } from "../house.ts";

const ASSETS = join(import.meta.dirname, "../../target/assets");
const PROFILE = join(import.meta.dirname, "../../xtask/profile.txt");

/** For a page to be quiet. */
const RESTS_MS = 1_500;

/** A key is of use where pages call at least this share of the functions that have it. */
const SHARE = 0.25;

/** A module of the WASM: its functions' numbers begin after those that it imports. */
interface Wasm {
  name: string;
  imported: number;
  functions: { bytes: number; key: string; loading: boolean; crossing: boolean }[];
}

const wasm = readdirSync(join(ASSETS, "pkg")).filter((file) => file.endsWith(".wasm")).map(read);
const { pages } = JSON.parse(readFileSync(join(ASSETS, "manifest.json"), "utf8")) as { pages: Record<string, string[]> };

/** Pages that have been looked at by this process: after a failure another goes on. */
let seen = 0;

for (const place of PAGES) {
  test(place.name, async ({ browser, house, cookies }) => {
    const context = await browser.newContext();
    if (!place.isOutside) await context.addCookies(cookies);
    // Without the worker, the page compiles all that it calls.
    await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "userAgentData", { value: undefined }));
    const page = await context.newPage();
    const hydrated = (page: Page) => page.locator("body[data-hydrated]").waitFor({ state: "attached" });
    const load = async () => {
      await page.goto(house.url(place));
      await hydrated(page);
    };
    const called = await compiled(browser, page, load);
    const parts = async () => {
      const named = await page.locator("meta[name=page]").getAttribute("content");
      return ["tollgate", ...(pages[named ?? ""] ?? []).map(stem)];
    };
    const own = await parts();
    note(called, own, "loading");
    seen += 1;
    if (place.isOutside) return;
    await page.goto(house.gateway.url + (place.path === "/" ? "/logs" : "/"));
    await hydrated(page);
    const path = new URL(house.url(place)).pathname;
    await page.evaluate((path) => {
      const link = Object.assign(document.createElement("a"), { id: "profile-to", href: path, textContent: "to" });
      Object.assign(link.style, { position: "fixed", zIndex: "99", top: "0", left: "0" });
      document.body.append(link);
    }, path);
    // Of the page that is left, what tears it down.
    const both = [...own, ...(await parts())];
    note(await compiled(browser, page, () => page.locator("#profile-to").click()), both, "crossing");
    await context.close();
  });
}

test.afterAll(() => {
  if (seen < PAGES.length) return console.log(`${seen} of ${PAGES.length} pages were looked at: the profile stays as it was.`);
  const kinds = new Map<string, { all: number; loading: number; called: number }>();
  for (const { key, loading, crossing } of wasm.flatMap((module) => module.functions).filter(({ key }) => key)) {
    const kind = kinds.get(key) ?? { all: 0, loading: 0, called: 0 };
    kinds.set(key, kind);
    kind.all += 1;
    kind.loading += Number(loading);
    kind.called += Number(loading || crossing);
  }
  const first = [...kinds].filter(([, { loading, all }]) => loading >= all * SHARE).map(([key]) => key).sort();
  const others = [...kinds].filter(([key, { called, all }]) => called >= all * SHARE && !first.includes(key)).map(([key]) => key).sort();
  const count = (keys: string[]) => keys.reduce((sum, key) => sum + (kinds.get(key)?.all ?? 0), 0);
  writeFileSync(PROFILE, `${first.join("\n")}\n\n${others.join("\n")}\n`);
  const all = [...kinds.values()];
  console.log(`${all.reduce((sum, kind) => sum + kind.called, 0)} functions are called, of ${all.reduce((sum, kind) => sum + kind.all, 0)}.`);
  console.log(`${first.length} keys of ${count(first)} functions for pages that load, ${others.length} of ${count(others)} for those that one comes to.`);
});

type Compiled = { funcIndex: number; bodySize: number };

/** What the browser compiled meanwhile. */
async function compiled(browser: Browser, page: Page, act: () => Promise<void>): Promise<Compiled[]> {
  await browser.startTracing(page, { categories: ["-*", "v8.wasm", "disabled-by-default-v8.wasm.detailed"] });
  await act();
  await page.waitForTimeout(RESTS_MS);
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: { name: string; args: Compiled }[] };
  return traceEvents.filter(({ name }) => name === "wasm.CompileBaseline").map(({ args }) => args);
}

/** The trace tells a function's number and length, and not of which module it is. */
function note(called: Compiled[], parts: string[], when: "loading" | "crossing"): void {
  for (const { funcIndex, bodySize } of called) {
    for (const module of wasm.filter(({ name }) => parts.includes(name))) {
      const it = module.functions[funcIndex - module.imported];
      if (it?.bytes === bodySize) it[when] = true;
    }
  }
}

function stem(url: string): string {
  return /([^/.]+)\.[^/]*$/.exec(url)?.[1] ?? url;
}

/** Reads what is needed of a module: https://webassembly.github.io/spec/core/binary/modules.html */
function read(file: string): Wasm {
  const bytes = readFileSync(join(ASSETS, "pkg", file));
  const module: Wasm = { name: stem(file), imported: 0, functions: [] };
  const keys = new Map<number, string>();
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const text = () => {
    const length = number();
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  const limits = () => {
    const flags = number();
    number();
    if (flags & 1) number();
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const length = number();
    const end = at + length;
    if (section === 2) {
      for (let left = number(); left > 0; left--) {
        text();
        text();
        const kind = bytes[at++];
        if (kind === 0) module.imported += 1;
        if (kind === 0) number();
        else if (kind === 3) at += 2;
        else {
          if (kind === 1) at += 1;
          limits();
        }
      }
    } else if (section === 10) {
      for (let left = number(); left > 0; left--) {
        const length = number();
        module.functions.push({ bytes: length, key: "", loading: false, crossing: false });
        at += length;
      }
    } else if (section === 0 && text() === "name") {
      while (at < end) {
        const kind = bytes[at++];
        const length = number();
        const after = at + length;
        if (kind === 1) for (let left = number(); left > 0; left--) keys.set(number(), text());
        at = after;
      }
    }
    at = end;
  }
  module.functions.forEach((it, index) => (it.key = keys.get(module.imported + index) ?? ""));
  if (keys.size === 0) throw new Error(`${file} has no keys; build it with:  cargo xtask assets --named`);
  return module;
}
