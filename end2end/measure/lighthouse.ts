// Lighthouse, where it is installed: hundreds of packages that the tests have no use for.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium, type Cookie, type Page } from "@playwright/test";
import config from "./playwright.config.ts";

const SCORES = ["performance", "accessibility", "best-practices"] as const;
export type Score = (typeof SCORES)[number];

export interface Report {
  /** Of 100. */
  scores: Record<Score, number>;
  /** The audits that cost something. */
  lost: Record<Score, string[]>;
}

const core = (file: string) => fileURLToPath(new URL(`node_modules/lighthouse/core/${file}`, import.meta.url));
const entry = core("index.js");

/** How quick a page is on this machine, by Lighthouse's own benchmark; nothing where Lighthouse is not installed. */
export async function speed(page: Page): Promise<number | undefined> {
  if (!existsSync(entry)) return undefined;
  const { pageFunctions } = await import(pathToFileURL(core("lib/page-functions.js")).href);
  return page.evaluate<number>(`(${pageFunctions.computeBenchmarkIndex})()`);
}

export class Lighthouse {
  private constructor(
    // biome-ignore lint/suspicious/noExplicitAny: it may not be installed, and its types with it.
    private readonly library: any,
    private readonly browser: ChildProcess,
    private readonly profile: string,
    private readonly port: number,
  ) {}

  /** With a browser of its own, whose profile is new; nothing where Lighthouse is not installed. */
  static async open(): Promise<Lighthouse | undefined> {
    if (!existsSync(entry)) return undefined;
    const profile = await mkdtemp(join(tmpdir(), "tollgate-lighthouse-"));
    const { executablePath, args } = config.use?.launchOptions ?? {};
    const own = ["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
    const browser = spawn(executablePath ?? "chromium", [...(args ?? []), ...own], { stdio: ["ignore", "ignore", "pipe"] });
    const port = await new Promise<number>((found, failed) => {
      let said = "";
      browser.stderr?.on("data", (text) => {
        said += text;
        const port = /DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(said)?.[1];
        if (port) found(Number(port));
      });
      browser.once("error", failed);
      browser.once("exit", (code) => failed(new Error(`Chromium ended (${code}):\n${said}`)));
    });
    return new Lighthouse(await import(pathToFileURL(entry).href), browser, profile, port);
  }

  async judge(url: string, cookies: Cookie[], form: "mobile" | "desktop"): Promise<Report> {
    await this.wear(cookies);
    const flags = { port: this.port, output: "json", logLevel: "error", onlyCategories: [...SCORES] };
    const { lhr } = await this.library.default(url, flags, form === "desktop" ? this.library.desktopConfig : undefined);
    if (lhr.runtimeError) throw new Error(`Lighthouse: ${lhr.runtimeError.message}`);
    if (lhr.finalDisplayedUrl !== url) throw new Error(`${url} led Lighthouse to ${lhr.finalDisplayedUrl}`);
    const report: Report = { scores: {} as Report["scores"], lost: {} as Report["lost"] };
    for (const name of SCORES) {
      const { score, auditRefs } = lhr.categories[name];
      if (score === null) throw new Error(`Lighthouse gave ${url} no score for ${name}`);
      report.scores[name] = Math.round(score * 100);
      const costs = auditRefs.filter(({ id, weight }: { id: string; weight: number }) => weight > 0 && lhr.audits[id].score < 1);
      report.lost[name] = costs.map(({ id }: { id: string }) => [id, lhr.audits[id].displayValue].filter(Boolean).join(" "));
    }
    return report;
  }

  /** The cookies of the browser are these and no others. */
  private async wear(cookies: Cookie[]): Promise<void> {
    const connected = await chromium.connectOverCDP(`http://127.0.0.1:${this.port}`);
    const [context] = connected.contexts();
    await context.clearCookies();
    await context.addCookies(cookies);
    await connected.close();
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.browser.once("exit", resolve));
    this.browser.kill();
    await ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
