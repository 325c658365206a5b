// npm's `@anthropic-ai/sdk`, unmodified, against the running gateway: the built-in models, and every kind of provider.
import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { due, ECHO, FILL, KINDS, PNG, thrown, World } from "./world.mjs";

const world = World.ofThisFile();
const TOOLS = [
  { name: "weather", description: "The weather now.", input_schema: { type: "object", properties: { city: { type: "string" } } } },
  { name: "clock", input_schema: { type: "object", properties: {} } },
];

/** A client that asks once, with a key of its own or this one. */
async function client({ secret, key, ...options } = {}) {
  const apiKey = secret ?? (await world.secret(key));
  return new Anthropic({ apiKey, baseURL: world.url, maxRetries: 0, timeout: 20_000, ...options });
}

function say(anthropic, content = "one two three", more = {}, options = {}) {
  const body = { model: ECHO, max_tokens: 100, messages: [{ role: "user", content }], ...more };
  return anthropic.messages.create(body, options);
}

const text = (message) => message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
const calls = (message) => message.content.filter((block) => block.type === "tool_use");

test("a message is answered", async () => {
  const answer = await say(await client());
  assert.deepEqual([answer.type, answer.role, answer.model, answer.stop_reason], ["message", "assistant", ECHO, "end_turn"]);
  assert.equal(text(answer), "one two three");
  assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [3, 3]);
  assert.ok(answer._request_id, "the client found no request id");
});

test("a stream says the same in pieces", async () => {
  const pieces = [];
  const stream = (await client()).messages.stream({ model: ECHO, max_tokens: 100, messages: [{ role: "user", content: "one two three" }] });
  stream.on("text", (piece) => pieces.push(piece));
  const answer = await stream.finalMessage();
  assert.deepEqual([pieces.join(""), pieces.length, answer.stop_reason], ["one two three", 3, "end_turn"]);
  assert.equal(text(answer), "one two three");
});

test("tokens are counted for nothing, and models are listed", async () => {
  const anthropic = await client();
  const counted = await anthropic.messages.countTokens({ model: ECHO, messages: [{ role: "user", content: "one two three" }] });
  assert.equal(counted.input_tokens, 3);
  const names = [];
  for await (const model of anthropic.models.list()) names.push(model.id);
  assert.ok(names.includes(ECHO) && names.includes("on/gemini"), names.join());
});

test("every kind of provider answers and streams, and costs what it counted", async () => {
  const anthropic = await client();
  for (const kind of KINDS) {
    const { data: answer, response } = await say(anthropic, "hello", { model: `on/${kind}` }).withResponse();
    assert.deepEqual([text(answer), answer.stop_reason], ["Hello! How can I help you today?", "end_turn"], kind);
    const counted = { input: answer.usage.input_tokens, output: answer.usage.output_tokens };
    assert.deepEqual(counted, { input: 1234, output: 567 }, kind);
    assert.equal(response.headers.get("x-tollgate-cost"), due(counted), kind);
    const streamed = await anthropic.messages
      .stream({ model: `on/${kind}`, max_tokens: 100, messages: [{ role: "user", content: "hello" }] })
      .finalMessage();
    assert.deepEqual([text(streamed), streamed.stop_reason], [text(answer), "end_turn"], kind);
    assert.equal(streamed.usage.output_tokens, 567, kind);
  }
});

test("every kind of provider calls tools at once and takes what came of them", async () => {
  const anthropic = await client();
  for (const kind of KINDS) {
    const asked = { model: `on/${kind}`, max_tokens: 100, tools: TOOLS };
    const messages = [{ role: "user", content: "weather" }];
    const answer = await anthropic.messages.create({ ...asked, messages });
    const told = (message) => calls(message).map((call) => [call.name, call.input]);
    const called = [["weather", { city: "Paris", unit: "C" }], ["clock", {}]];
    assert.deepEqual([told(answer), answer.stop_reason], [called, "tool_use"], kind);
    const streamed = await anthropic.messages.stream({ ...asked, messages }).finalMessage();
    assert.deepEqual([told(streamed), streamed.stop_reason], [called, "tool_use"], kind);
    const results = calls(answer).map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "fine" }));
    const { role, content } = answer;
    const rest = [...messages, { role, content }, { role: "user", content: results }];
    const after = await anthropic.messages.create({ ...asked, messages: rest });
    assert.equal(text(after), "It is 21 degrees in Paris, and noon.", kind);
  }
});

test("every kind of provider is shown images", async () => {
  const anthropic = await client();
  for (const kind of KINDS) {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
    const answer = await say(anthropic, [image, { type: "text", text: "picture" }], { model: `on/${kind}` });
    assert.equal(text(answer), "I see a picture.", kind);
  }
});

test("every kind of provider answers in the shape of a schema", async () => {
  const anthropic = await client();
  const format = zodOutputFormat(z.object({ city: z.string(), celsius: z.number() }));
  for (const kind of KINDS) {
    const answer = await anthropic.messages.parse({
      model: `on/${kind}`,
      max_tokens: 100,
      messages: [{ role: "user", content: "extract" }],
      output_config: { format },
    });
    assert.deepEqual(answer.parsed_output, { city: "Paris", celsius: 21 }, kind);
  }
});

test("thoughts come as thoughts, streamed and not", async () => {
  const anthropic = await client();
  for (const kind of ["openai", "anthropic", "gemini"]) {
    const asked = { model: `on/${kind}`, max_tokens: 4096, messages: [{ role: "user", content: "think" }] };
    for (const answer of [await anthropic.messages.create(asked), await anthropic.messages.stream(asked).finalMessage()]) {
      const thought = answer.content.find((block) => block.type === "thinking")?.thinking;
      assert.deepEqual([thought, text(answer)], ["First this, then that.", "Forty-two."], kind);
    }
  }
});

for (const [name, status, code, kind, of] of [
  ["an unknown key", 401, "invalid_key", Anthropic.AuthenticationError, async () => say(await client({ secret: "sk-tg-nobody" }))],
  ["a spent month", 402, "quota_exceeded", Anthropic.PaymentRequiredError, async () => say(await client({ secret: await world.spent() }), "go", { model: FILL, max_tokens: 400 })],
  ["a model that the key may not use", 403, "model_not_allowed", Anthropic.PermissionDeniedError, async () => say(await client({ key: { models: [FILL] } }))],
  ["an unknown model", 404, "model_not_found", Anthropic.NotFoundError, async () => say(await client(), "hi", { model: "nobody" })],
  ["a wrong type", 400, "invalid_body", Anthropic.BadRequestError, async () => say(await client(), "hi", { max_tokens: -1 })],
  ["too many requests", 429, "rate_limit_exceeded", Anthropic.RateLimitError, async () => say(await client({ secret: await world.hasty() }))],
]) {
  test(`${name} is the client's own error of status ${status}`, async () => {
    const error = await thrown(of());
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    assert.deepEqual([error.status, error.error.error.code], [status, code]);
    assert.ok(error.apiMessage.length > 20 && error.apiMessage === error.error.error.message, error.message);
    assert.equal(error.requestID, error.headers.get("x-request-id"));
    if (status !== 401) assert.equal((await world.row(error.requestID)).refusal.code, code);
  });
}

test("a refusal that no waiting helps against is not tried again", async () => {
  const { id, secret } = await world.key({ limits: { monthly_tokens: 5 } });
  const error = await thrown(say(await client({ secret, maxRetries: 5 }), "go", { model: FILL, max_tokens: 400 }));
  assert.deepEqual([error.status, error.headers.get("x-should-retry")], [402, "false"]);
  assert.equal((await world.calls(id, 1)).length, 1);
});

test("a call that only waits for others in flight is tried again when it was told to, and passes", async () => {
  const { id, secret } = await world.key({ limits: { token_quota: { max: 1500, reset: "never" } } });
  // It holds a thousand tokens for two seconds, and uses nineteen.
  const asked = { model: "on/anthropic", max_tokens: 1000 };
  const slow = (await client({ secret })).messages.stream({ ...asked, messages: [{ role: "user", content: "slow" }] });
  await slow.withResponse();
  const again = say(await client({ secret, maxRetries: 5 }), "hello", asked);
  await slow.done();
  assert.equal((await again).usage.output_tokens, 567);
  assert.ok((await world.calls(id, 3)).filter((call) => call.refusal !== null).length >= 1);
});

test("a client that waits no longer than it wants to gets its own timeout, and the books agree", async () => {
  const { id, secret } = await world.key();
  const anthropic = await client({ secret, timeout: 300 });
  const error = await thrown(say(anthropic, "one two three", {}, { headers: { "x-tollgate-echo-delay-ms": "700" } }));
  assert.ok(error instanceof Anthropic.APIConnectionTimeoutError, error.constructor.name);
  const [call] = await world.calls(id, 1);
  assert.deepEqual([call.tokens.input, call.tokens.output, call.cost], [3, 3, "0.000009000"]);
});

test("a stream that is aborted costs what was sent", async () => {
  const { id, secret } = await world.key();
  const anthropic = await client({ secret });
  const stream = anthropic.messages.stream(
    { model: FILL, max_tokens: 1000, messages: [{ role: "user", content: "go" }] },
    { headers: { "x-tollgate-echo-delay-ms": "20" } },
  );
  let heard = 0;
  stream.on("text", () => ++heard === 5 && stream.abort());
  assert.ok((await thrown(stream.finalMessage())) instanceof Anthropic.APIUserAbortError);
  const [call] = await world.calls(id, 1);
  assert.ok(call.tokens.output >= 5 && call.tokens.output < 1000, JSON.stringify(call.tokens));
  assert.equal(call.status, 499);
});

test("a provider's complaint is the client's own error, and costs nothing", async () => {
  const anthropic = await client();
  for (const kind of KINDS) {
    const error = await thrown(say(anthropic, "broken", { model: `on/${kind}` }));
    assert.ok(error instanceof Anthropic.BadRequestError && error.message.includes("too hot"), `${kind}: ${error.message}`);
    assert.equal((await world.row(error.headers.get("x-request-id"))).cost, "0.000000000", kind);
  }
});

test("a stream that its provider cuts ends in an error that the client throws", async () => {
  const anthropic = await client();
  for (const kind of KINDS) {
    let said = "";
    const stream = anthropic.messages.stream({ model: `on/${kind}`, max_tokens: 100, messages: [{ role: "user", content: "cut" }] });
    stream.on("text", (piece) => (said += piece));
    const error = await thrown(stream.finalMessage());
    assert.ok(error instanceof Anthropic.APIError && error.message.includes("broke off"), `${kind}: ${error}`);
    assert.ok(said.startsWith("This answer is"), `${kind}: ${said}`);
  }
});

test("the books add up", async () => {
  await world.audit();
});
