// A gateway of its own for each test, and a page that must stay quiet.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import AxeBuilder from "@axe-core/playwright";
import { test as base, type CDPSession, expect, type Page } from "@playwright/test";
import { HANGS } from "./last-words.ts";

export { expect };

const here = fileURLToPath(new URL(".", import.meta.url));
const binary = process.env.TOLLGATE_BIN ?? join(here, "../target/debug/tollgate");

/** Of every account that a test makes. */
export const PASSWORD = "correct horse battery staple";

/** The settings of whoever runs the tests must not reach the gateway under test. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("TOLLGATE_") && !name.startsWith("LEPTOS_")),
);

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve((address as { port: number }).port));
    });
  });
}

/** Waits until the URL answers 200; fails with what `why` tells when it takes longer than `limitMs`. */
export async function answers(url: string, why: () => string, limitMs = 20_000): Promise<void> {
  const until = Date.now() + limitMs;
  for (;;) {
    const reply = await fetch(url).catch(() => undefined);
    await reply?.body?.cancel();
    if (reply?.status === 200) return;
    if (Date.now() > until) throw new Error(`${url} did not answer 200 (last: ${reply?.status ?? "nothing"})\n${why()}`);
    await new Promise((wait) => setTimeout(wait, 20));
  }
}

export class Gateway {
  /** What the process printed since its first start, both streams. */
  output = "";
  private process: ChildProcess | undefined;

  private constructor(
    readonly dataDir: string,
    readonly port: number,
    private readonly flags: string[],
  ) {}

  /** Starts on an empty data folder; `flags` are added to `serve`. */
  static async start(flags: string[] = []): Promise<Gateway> {
    const gateway = new Gateway(await mkdtemp(join(tmpdir(), "tollgate-end2end-")), await freePort(), flags);
    await gateway.restart();
    return gateway;
  }

  /** The origin to open in a browser: passkeys and cookies want a name, not a number. */
  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** The link by which the first admin signs up; printed on the first start only. */
  get setupLink(): string {
    const link = /\S+\/setup\?token=\S+/.exec(this.output)?.[0];
    if (!link) throw new Error(`no set-up link was printed:\n${this.output}`);
    return link;
  }

  /** Starts the process again on the same data and port. */
  async restart(): Promise<void> {
    await this.stop();
    const listen = ["--listen", `127.0.0.1:${this.port}`, "--public-url", this.url];
    const child = spawn(binary, ["serve", ...listen, "--data-dir", this.dataDir, ...this.flags], { env: environment });
    this.process = child;
    child.stdout.on("data", (text: Buffer) => (this.output += text));
    child.stderr.on("data", (text: Buffer) => (this.output += text));
    const died = new Promise<never>((_, reject) => {
      child.once("error", (error) => reject(new Error(`${binary} did not start: ${error.message}`)));
      child.once("exit", (code) => reject(new Error(`tollgate serve ended early (${code}):\n${this.output}`)));
    });
    died.catch(() => {});
    await Promise.race([answers(`${this.url}/readyz`, () => this.output), died]);
  }

  /** SIGTERM, and waits for it to drain. */
  async stop(): Promise<void> {
    await this.end("SIGTERM");
  }

  /** As a crash would: no warning, no last words. */
  async kill9(): Promise<void> {
    await this.end("SIGKILL");
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** Ends the process and forgets its data. */
  async discard(): Promise<void> {
    await this.kill9();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Runs `tollgate …` beside the server and returns what it printed. */
  async cli(args: string[], input = ""): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(binary, [...args, "--data-dir", this.dataDir], { env: environment }, (error, out, err) =>
        error ? reject(new Error(`tollgate ${args.join(" ")}: ${error.message}\n${err}`)) : resolve(out),
      );
      // A command that reads nothing may be over before it is written to.
      child.stdin?.on("error", () => {});
      child.stdin?.end(input);
    });
  }

  async createAdmin(email = "admin@example.com"): Promise<void> {
    await this.createAccount(email, "admin");
  }

  async createAccount(email: string, role: "admin" | "user"): Promise<void> {
    await this.cli(["account", "create", "--email", email, "--role", role, "--password-stdin"], `${PASSWORD}\n`);
  }

  /** A management token of an account that exists. */
  async managementToken(email = "admin@example.com", name = "end2end"): Promise<string> {
    const printed = await this.cli(["management-token", "create", "--email", email, "--name", name]);
    const token = /tg-mgmt-\S+/.exec(printed)?.[0];
    if (!token) throw new Error(`no management token was printed:\n${printed}`);
    return token;
  }
}

/** The management API, as one admin sees it. */
export class Management {
  constructor(
    private readonly gateway: Gateway,
    private readonly token: string,
  ) {}

  /** Makes an admin and a token for it. */
  static async of(gateway: Gateway): Promise<Management> {
    await gateway.createAdmin();
    return new Management(gateway, await gateway.managementToken());
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects.
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const reply = await fetch(`${this.gateway.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }
}

/** What a page must not do: log errors, throw, or break its own content security policy. */
export class Quiet {
  readonly problems: string[] = [];
  private readonly allowed: RegExp[] = [];

  /** For pages whose error is the point of the test: a refused sign-in logs its 401 by itself. */
  allow(problem: RegExp): void {
    this.allowed.push(problem);
  }

  async watch(page: Page): Promise<void> {
    const add = (kind: string, text: string) => this.problems.push(`${kind} at ${page.url()}: ${text}`);
    page.on("console", (message) => {
      const isHydrationWarning = message.type() === "warning" && /hydrat/i.test(message.text());
      if (message.type() === "error" || isHydrationWarning) add(`console ${message.type()}`, `${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => add("exception", error.message));
    page.on("crash", () => add("crash", "the page's process ended"));
    await page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) =>
        console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`),
      );
    });
  }

  check(): void {
    const unexpected = this.problems.filter((problem) => !this.allowed.some((allowed) => allowed.test(problem)));
    expect(unexpected, "console errors, exceptions, CSP violations").toEqual([]);
  }
}

export const test = base.extend<{ gateway: Gateway; management: Management; quiet: Quiet }>({
  gateway: async ({}, use, info) => {
    const gateway = await Gateway.start();
    await use(gateway);
    if (info.status !== info.expectedStatus) {
      await info.attach("gateway.log", { body: gateway.output, contentType: "text/plain" });
    }
    await gateway.discard();
  },
  management: async ({ gateway }, use) => use(await Management.of(gateway)),
  quiet: async ({}, use) => {
    const quiet = new Quiet();
    await use(quiet);
    quiet.check();
  },
  // Every page is watched; one that a test opens by itself wants `quiet.watch(page)`.
  // It is closed before its gateway goes, since a page is not to blame for a server that was taken away.
  page: async ({ page, quiet, gateway: _gateway }, use, info) => {
    await quiet.watch(page);
    // From before it hangs: none can be begun then.
    const inspector = await page.context().newCDPSession(page);
    await use(page);
    if (info.status !== info.expectedStatus) info.annotations.push({ type: "page", description: await stateOf(page, inspector) });
    await page.close();
  },
});

/** Where a page that failed a test is; where it does not answer, what can be found out from outside. */
async function stateOf(page: Page, inspector: CDPSession): Promise<string> {
  const state = async () => {
    const answer = page.evaluate(() => `${document.readyState}, hydrated: ${document.body?.dataset.hydrated !== undefined}`);
    return Promise.race([answer.catch((error: Error) => error.message), sleep(3_000, undefined)]);
  };
  const first = await state();
  if (first) return `${page.url()}, ${first}`;
  const busy = await Promise.race([busyness(page).catch(String), sleep(3_000, "the browser does not answer either")]);
  // A script that goes on for ever is ours, and is no more after this. Nothing that the browser itself waits for is ended by it.
  inspector.send("Runtime.terminateExecution").catch(() => {});
  const second = await state();
  return second ? `${page.url()} ran a script without end, until it was stopped; ${busy}` : `${page.url()} ${HANGS}; ${busy}`;
}

async function busyness(page: Page): Promise<string> {
  const browser = await page.context().browser()?.newBrowserCDPSession();
  const used = async () => {
    const { processInfo = [] } = (await browser?.send("SystemInfo.getProcessInfo")) ?? {};
    return processInfo.filter(({ type }) => type === "renderer").reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
  const before = await used();
  await sleep(1_000);
  return `pages were busy for ${((await used()) - before).toFixed(2)} of one second`;
}

/** Signs in by password, and stays at the dashboard. */
export async function signIn(page: Page, gateway: Gateway, email = "admin@example.com", password = PASSWORD): Promise<void> {
  await page.goto(`${gateway.url}/sign-in`);
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  await page.locator(".entry__form button").last().click();
  await page.waitForURL((url) => url.pathname === "/");
}

/** Waits until the WASM has taken the page over: `hydrate` in `src/lib.rs` marks the body. */
export async function hydrated(page: Page): Promise<void> {
  await page.locator("body[data-hydrated]").waitFor({ state: "attached" });
}

/** A day of the week that it is not, nor soon: three days from now. */
export function anotherDay(): string {
  return ["sun", "mon", "tue", "wed", "thu", "fri", "sat"][(new Date().getUTCDay() + 3) % 7];
}

/** The page hears of changes: what happens from now on is shown. For pages that say how fresh they are. */
export async function listening(page: Page): Promise<void> {
  await page.locator(".as-of:not(.as-of--still)").first().waitFor({ state: "attached" });
}

/** No violation of WCAG A and AA, 2.0 to 2.2, in both colour schemes. */
export async function axe(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    const found = await new AxeBuilder({ page })
      .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
      .analyze();
    const violations = found.violations.map(
      ({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.target.join(" ")}`).join("\n")}`,
    );
    expect(violations, `axe, ${colorScheme}, ${page.url()}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Pictures for people: light and dark, wide and narrow, in results/shots. */
export async function shots(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const [width, height] of [[1440, 900], [390, 844]] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const path = join(here, `results/shots/${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true, animations: "disabled" });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}
