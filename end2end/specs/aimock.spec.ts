// An upstream that we did not write: what it counts is what we charge.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answers, expect, freePort, type Gateway, type Management, test as base } from "../gateway.ts";

/** Credits per million tokens, in billionths of a credit per token. */
const PRICE = { input: "2.50", output: "10.00" };
const NANOS = { input: 2_500n, output: 10_000n };

interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
}

// The first is counted by aimock itself, the second tells numbers that nobody would guess.
const fixtures = [
  { match: { userMessage: "hello" }, response: { content: "Hello! How can I help you today?" } },
  {
    match: { userMessage: "long story" },
    response: {
      content: "Once upon a time, ".repeat(40),
      usage: { prompt_tokens: 12_345, completion_tokens: 6_789, total_tokens: 19_134 },
    },
  },
];

const test = base.extend<{ upstream: string; secret: string }>({
  upstream: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "tollgate-aimock-"));
    const file = join(folder, "fixtures.json");
    await writeFile(file, JSON.stringify({ fixtures }));
    const port = await freePort();
    const llmock = fileURLToPath(new URL("../node_modules/.bin/llmock", import.meta.url));
    const child: ChildProcess = spawn(llmock, ["-p", `${port}`, "-f", file, "--strict", "--log-level", "warn"]);
    let output = "";
    child.stdout?.on("data", (text) => (output += text));
    child.stderr?.on("data", (text) => (output += text));
    const url = `http://127.0.0.1:${port}`;
    await answers(`${url}/health`, () => output);
    await use(`${url}/v1`);
    child.kill();
    await rm(folder, { recursive: true, force: true });
  },
  secret: async ({ management, upstream }, use) => use(await connect(management, upstream)),
});

async function connect(management: Management, upstream: string): Promise<string> {
  const provider = await management.call("POST", "/providers", {
    name: "aimock",
    kind: "openai",
    base_url: upstream,
    credentials: ["sk-aimock"],
  });
  await management.call("POST", "/models", {
    name: "story-model",
    price: PRICE,
    routes: [{ provider_id: provider.id, upstream_model: "gpt-4o", weight: 1, priority: 0 }],
  });
  const made = await management.call("POST", "/keys", { name: "aimock" });
  return made.secret;
}

function body(message: string, more: object = {}): string {
  return JSON.stringify({ model: "story-model", messages: [{ role: "user", content: message }], ...more });
}

async function ask(gateway: Gateway, secret: string, message: string, more: object = {}) {
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: body(message, more),
  });
  const text = await reply.text();
  expect(reply.status, text).toBe(200);
  return { text, requestId: reply.headers.get("x-request-id") ?? "", cost: reply.headers.get("x-tollgate-cost") };
}

/** What aimock says of the same call when asked without us. */
async function usageByUpstream(upstream: string, message: string): Promise<Usage> {
  const reply = await fetch(`${upstream}/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer sk-aimock", "content-type": "application/json" },
    body: body(message, { model: "gpt-4o" }),
  });
  return (await reply.json()).usage;
}

function nanos(credits: string): bigint {
  const [whole = "0", part = ""] = credits.split(".");
  return BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, "0"));
}

async function expectCharged(management: Management, requestId: string, usage: Usage, stream: boolean) {
  const row = await management.call("GET", `/logs/${requestId}`);
  expect(row).toMatchObject({ id: requestId, model: "story-model", provider: "aimock", stream, status: 200 });
  expect(row.usage_source).toBe("upstream");
  expect(row.tokens).toMatchObject({ input: usage.prompt_tokens, output: usage.completion_tokens });
  const due = BigInt(usage.prompt_tokens) * NANOS.input + BigInt(usage.completion_tokens) * NANOS.output;
  expect(nanos(row.cost)).toBe(due);
  return due;
}

function events(text: string) {
  const data = text.split("\n\n").filter(Boolean).map((event) => event.replace(/^data: /, ""));
  expect(data.pop()).toBe("[DONE]");
  return data.map((json) => JSON.parse(json));
}

for (const message of ["hello", "long story"]) {
  test(`"${message}" costs what the upstream counted`, async ({ gateway, management, upstream, secret }) => {
    const { text, requestId, cost } = await ask(gateway, secret, message);
    const usage: Usage = JSON.parse(text).usage;
    expect(usage).toMatchObject(await usageByUpstream(upstream, message));
    const due = await expectCharged(management, requestId, usage, false);
    expect(nanos(cost ?? "")).toBe(due);
  });

  test(`"${message}" streamed costs the same, and nobody sees the usage that we asked for`, async ({
    gateway,
    management,
    upstream,
    secret,
  }) => {
    const { text, requestId } = await ask(gateway, secret, message, { stream: true });
    const chunks = events(text);
    expect(chunks.every((chunk) => chunk.choices.length > 0 && !chunk.usage)).toBe(true);
    const said = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
    expect(said).toBe(fixtures.find((fixture) => fixture.match.userMessage === message)?.response.content);
    await expectCharged(management, requestId, await usageByUpstream(upstream, message), true);
  });
}

test("a client that asks for the usage chunk gets it", async ({ gateway, management, upstream, secret }) => {
  const usage = await usageByUpstream(upstream, "long story");
  const more = { stream: true, stream_options: { include_usage: true } };
  const { text, requestId } = await ask(gateway, secret, "long story", more);
  const last = events(text).at(-1);
  expect(last.choices).toEqual([]);
  expect(last.usage).toMatchObject(usage);
  await expectCharged(management, requestId, usage, true);
});
