// What the tests of npm's clients share: a gateway, its management, and an upstream that we did not write, npm's aimock,
// on providers of every kind. Node's own library only.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const binary = process.env.TOLLGATE_BIN ?? join(here, "../../target/debug/tollgate");
const aimock = join(here, "../node_modules/.bin/llmock");

export const ECHO = "tollgate/echo";
export const FILL = "tollgate/fill";
export const KINDS = ["openai", "azure", "anthropic", "gemini"];
/** One pixel. */
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** The settings of whoever runs the tests must not reach the gateway under test. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("TOLLGATE_") && !name.startsWith("LEPTOS_")),
);

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A process that is ready when its URL answers 200. */
async function started(program, args, url) {
  const child = spawn(program, args, { env: environment });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  for (const until = Date.now() + 20_000; ; await sleep(20)) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return { child, said: () => said };
    if (child.exitCode !== null || Date.now() > until) throw new Error(`${program} did not get ready:\n${said}`);
  }
}

async function ended({ child }) {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await gone;
}

export class World {
  /** Starts the gateway and the upstream before the tests of a file, and ends them after. */
  static ofThisFile() {
    const world = new World();
    before(() => world.start());
    after(() => world.stop());
    return world;
  }

  async start() {
    this.dataDir = await mkdtemp(join(tmpdir(), "tollgate-end2end-"));
    this.url = `http://127.0.0.1:${await freePort()}`;
    this.upstream = `http://127.0.0.1:${await freePort()}`;
    const port = (url) => new URL(url).port;
    const fixtures = join(here, "fixtures.json");
    const mocks = ["-p", port(this.upstream), "-f", fixtures, "--log-level", "warn"];
    const serve = ["serve", "--listen", `127.0.0.1:${port(this.url)}`, "--data-dir", this.dataDir];
    this.processes = [await started(aimock, mocks, `${this.upstream}/health`)];
    this.processes.push(await started(binary, serve, `${this.url}/readyz`));
    const email = "admin@example.com";
    await this.cli(["account", "create", "--email", email, "--role", "admin", "--password-stdin"], "correct horse battery\n");
    const printed = await this.cli(["management-token", "create", "--email", email, "--name", "end2end"]);
    this.token = /tg-mgmt-\S+/.exec(printed)[0];
    await this.connect();
  }

  async stop() {
    await Promise.all((this.processes ?? []).map(ended));
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Runs `tollgate …` beside the server and returns what it printed. */
  cli(args, input = "") {
    return new Promise((resolve, reject) => {
      const child = execFile(binary, [...args, "--data-dir", this.dataDir], { env: environment }, (error, out, err) =>
        error ? reject(new Error(`tollgate ${args.join(" ")}: ${error.message}\n${out}${err}`)) : resolve(out),
      );
      // A command that reads nothing may be over before it is written to.
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }

  /** A model on each kind of provider, all of them the same upstream: `on/openai` and so on. */
  async connect() {
    const models = { openai: "gpt-4o", azure: "gpt-4o", anthropic: "claude-sonnet-4-5", gemini: "gemini-2.5-flash" };
    for (const kind of KINDS) {
      const base_url = kind === "openai" ? `${this.upstream}/v1` : this.upstream;
      await this.model(`on/${kind}`, { name: kind, kind, base_url, credentials: ["sk-upstream"] }, models[kind]);
    }
    const embeds = { name: "embeddings", kind: "openai", base_url: `${this.upstream}/v1`, credentials: ["sk-upstream"] };
    await this.model("embeds", embeds, "text-embedding-3-small");
  }

  /** A model on a provider of its own. */
  async model(name, provider, upstream_model) {
    const { id } = await this.manage("POST", "/providers", provider);
    const routes = [{ provider_id: id, upstream_model, weight: 1, priority: 0 }];
    const price = { input: "2.50", output: "10.00" };
    await this.manage("POST", "/models", { name, price, routes, context_length: 100_000 });
  }

  async manage(method, path, body) {
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** A new key's id and secret. */
  async key(spec = {}) {
    const { key, secret } = await this.manage("POST", "/keys", { name: "sdk", ...spec });
    return { id: key.id, secret };
  }

  async secret(spec) {
    return (await this.key(spec)).secret;
  }

  /** A key that has run into its limit: 400 words at 2 credits a million are 0.0008, so once fits and twice does not. */
  async spent() {
    const secret = await this.secret({ limits: { monthly_spend: "0.001" } });
    const answer = await this.say(secret, { model: FILL, max_tokens: 400, messages: [{ role: "user", content: "go" }] });
    assert.equal(answer.status, 200, await answer.text());
    return secret;
  }

  /** A key that may be asked once a minute, and was. */
  async hasty() {
    const secret = await this.secret({ limits: { rpm: 1 } });
    const answer = await this.say(secret, { model: ECHO, messages: [{ role: "user", content: "one" }] });
    assert.equal(answer.status, 200, await answer.text());
    return secret;
  }

  /** A plain chat completion, for what only prepares a test. */
  say(secret, body, headers = {}) {
    const own = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
    return fetch(`${this.url}/v1/chat/completions`, { method: "POST", headers: { ...own, ...headers }, body: JSON.stringify(body) });
  }

  /** Calls of a key, newest first, once there are so many and none is in flight. */
  async calls(key_id, due) {
    for (const until = Date.now() + 10_000; ; await sleep(20)) {
      const { data } = await this.manage("GET", `/logs?key_id=${key_id}`);
      if (data.length >= due && data.every((call) => call.status !== null)) return data;
      if (Date.now() > until) throw new Error(`${data.length} calls in the logs, not ${due} that are over: ${JSON.stringify(data)}`);
    }
  }

  /** The row of a call that is over: a refusal is written down after it was told. */
  async row(id) {
    for (const until = Date.now() + 10_000; ; await sleep(20)) {
      const row = await this.manage("GET", `/logs/${id}`).catch((error) => error);
      if (!(row instanceof Error) && row.status !== null) return row;
      if (Date.now() > until) throw row instanceof Error ? row : new Error(`still in flight: ${JSON.stringify(row)}`);
    }
  }

  /** The books add up: meters, balances and rollups are what the calls come to. */
  audit() {
    return this.cli(["audit"]);
  }
}

/** What a call of so many tokens costs on a model of `connect`, as the row of a log says it. */
export function due({ input, output }) {
  const nanos = BigInt(input) * 2_500n + BigInt(output) * 10_000n;
  return `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, "0")}`;
}

/** The error that a promise must end with. */
export async function thrown(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("the call was not refused");
}

/** A promise that must be kept soon: a client that hangs is a failure, not a wait. */
export function soon(promise, ms = 20_000) {
  const late = sleep(ms, undefined, { ref: false }).then(() => assert.fail(`no answer in ${ms} ms`));
  return Promise.race([promise, late]);
}
