// npm's `openai`, unmodified, against the running gateway: the built-in models, and every kind of provider.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { due, ECHO, FILL, KINDS, PNG, thrown, World } from "./world.mjs";

const world = World.ofThisFile();
const TOOLS = [
  { type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } },
  { type: "function", function: { name: "clock" } },
];

/** A client that asks once, with a key of its own or this one. */
async function client({ secret, key, ...options } = {}) {
  const apiKey = secret ?? (await world.secret(key));
  return new OpenAI({ apiKey, baseURL: `${world.url}/v1`, maxRetries: 0, timeout: 20_000, ...options });
}

function say(openai, content = "one two three", more = {}, options = {}) {
  return openai.chat.completions.create({ model: ECHO, messages: [{ role: "user", content }], ...more }, options);
}

test("a chat is answered", async () => {
  const answer = await say(await client());
  assert.deepEqual([answer.object, answer.model], ["chat.completion", ECHO]);
  assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["one two three", "stop"]);
  assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [3, 3]);
});

test("a stream says the same in pieces", async () => {
  const pieces = [];
  let reason;
  for await (const chunk of await say(await client(), "one two three", { stream: true })) {
    assert.equal(chunk.choices.length, 1, "a usage chunk slipped out");
    if (chunk.choices[0].delta.content) pieces.push(chunk.choices[0].delta.content);
    reason = chunk.choices[0].finish_reason ?? reason;
  }
  assert.deepEqual([pieces.join(""), pieces.length, reason], ["one two three", 3, "stop"]);
});

test("models are listed, and one is told of by its name with a slash", async () => {
  const openai = await client();
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.ok(names.includes(ECHO) && names.includes("on/gemini"), names.join());
  assert.equal((await openai.models.retrieve(ECHO)).id, ECHO);
});

test("every kind of provider answers and streams, and costs what it counted", async () => {
  const openai = await client();
  for (const kind of KINDS) {
    const { data: answer, response } = await say(openai, "hello", { model: `on/${kind}`, max_tokens: 100 }).withResponse();
    assert.equal(answer.choices[0].message.content, "Hello! How can I help you today?", kind);
    assert.equal(answer.choices[0].finish_reason, "stop", kind);
    const counted = { input: answer.usage.prompt_tokens, output: answer.usage.completion_tokens };
    assert.deepEqual(counted, { input: 1234, output: 567 }, kind);
    assert.equal(response.headers.get("x-tollgate-cost"), due(counted), kind);
    const stream = openai.chat.completions.stream({
      model: `on/${kind}`,
      messages: [{ role: "user", content: "hello" }],
      stream_options: { include_usage: true },
    });
    const whole = await stream.finalChatCompletion();
    assert.equal(whole.choices[0].message.content, answer.choices[0].message.content, kind);
    assert.deepEqual([whole.usage.prompt_tokens, whole.usage.completion_tokens], [1234, 567], kind);
  }
});

test("every kind of provider calls tools at once and takes what came of them", async () => {
  const openai = await client();
  for (const kind of KINDS) {
    const asked = { model: `on/${kind}`, tools: TOOLS };
    const messages = [{ role: "user", content: "weather" }];
    const answer = await openai.chat.completions.create({ ...asked, messages });
    const told = (calls) => calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
    const called = [["weather", { city: "Paris", unit: "C" }], ["clock", {}]];
    assert.deepEqual(told(answer.choices[0].message.tool_calls), called, kind);
    assert.equal(answer.choices[0].finish_reason, "tool_calls", kind);
    const streamed = await openai.chat.completions.stream({ ...asked, messages }).finalChatCompletion();
    assert.deepEqual(told(streamed.choices[0].message.tool_calls), called, kind);
    const results = answer.choices[0].message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "fine" }));
    const after = await openai.chat.completions.create({ ...asked, messages: [...messages, answer.choices[0].message, ...results] });
    assert.equal(after.choices[0].message.content, "It is 21 degrees in Paris, and noon.", kind);
  }
});

test("the client runs tools by itself until there is an answer", async () => {
  const openai = await client();
  for (const kind of KINDS) {
    const run = [];
    const tool = (name) => ({
      type: "function",
      function: { name, parse: JSON.parse, parameters: { type: "object", properties: {} }, function: (given) => run.push([name, given]) && "fine" },
    });
    const runner = openai.chat.completions.runTools({
      model: `on/${kind}`,
      messages: [{ role: "user", content: "weather" }],
      tools: [tool("weather"), tool("clock")],
      stream: true,
    });
    assert.equal(await runner.finalContent(), "It is 21 degrees in Paris, and noon.", kind);
    assert.deepEqual(run, [["weather", { city: "Paris", unit: "C" }], ["clock", {}]], kind);
  }
});

test("every kind of provider is shown images", async () => {
  const openai = await client();
  for (const kind of KINDS) {
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } };
    const answer = await say(openai, [image, { type: "text", text: "picture" }], { model: `on/${kind}` });
    assert.equal(answer.choices[0].message.content, "I see a picture.", kind);
  }
});

test("every kind of provider answers in the shape of a schema", async () => {
  const openai = await client();
  const shape = z.object({ city: z.string(), celsius: z.number() });
  for (const kind of KINDS) {
    const answer = await openai.chat.completions.parse({
      model: `on/${kind}`,
      messages: [{ role: "user", content: "extract" }],
      response_format: zodResponseFormat(shape, "weather"),
    });
    assert.deepEqual(answer.choices[0].message.parsed, { city: "Paris", celsius: 21 }, kind);
  }
});

test("texts become vectors, in base64 as the client asks by itself and in numbers, and cost what was counted", async () => {
  const openai = await client();
  const { data: answer, response } = await openai.embeddings.create({ model: ECHO, input: ["a b", "c"] }).withResponse();
  assert.deepEqual(answer.data.map(({ index, embedding }) => [index, embedding.length]), [[0, 8], [1, 8]]);
  assert.equal(answer.usage.prompt_tokens, 3);
  const row = await world.row(response.headers.get("x-request-id"));
  assert.deepEqual([row.endpoint, row.tokens.input, row.cost], ["/v1/embeddings", 3, "0.000003000"]);
  const other = await openai.embeddings.create({ model: "embeds", input: "far away", encoding_format: "float" });
  assert.deepEqual(other.data[0].embedding, [0.25, -0.5, 0.75]);
});

test("a response is answered and streamed event by event", async () => {
  const openai = await client();
  const answer = await openai.responses.create({ model: ECHO, instructions: "be brief", input: "one two three" });
  assert.deepEqual([answer.object, answer.status, answer.output_text], ["response", "completed", "one two three"]);
  assert.deepEqual([answer.usage.input_tokens, answer.usage.output_tokens], [5, 3]);
  const stream = openai.responses.stream({ model: ECHO, input: "one two three" });
  const events = [];
  for await (const event of stream) events.push(event);
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, at) => at));
  assert.deepEqual(events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join(""), "one two three");
  assert.equal((await stream.finalResponse()).output_text, "one two three");
});

test("every kind of provider answers responses, calls tools in them and keeps to a schema", async () => {
  const openai = await client();
  const shape = z.object({ city: z.string(), celsius: z.number() });
  const tools = ["weather", "clock"].map((name) => ({ type: "function", name, strict: false, parameters: { type: "object", properties: {} } }));
  const told = (response) => response.output.filter((item) => item.type === "function_call").map((call) => [call.name, JSON.parse(call.arguments)]);
  for (const kind of KINDS) {
    const model = `on/${kind}`;
    const { data: answer, response } = await openai.responses.create({ model, input: "hello", max_output_tokens: 100 }).withResponse();
    assert.equal(answer.output_text, "Hello! How can I help you today?", kind);
    assert.equal(response.headers.get("x-tollgate-cost"), due({ input: 1234, output: 567 }), kind);
    const streamed = await openai.responses.stream({ model, input: "hello" }).finalResponse();
    assert.deepEqual([streamed.output_text, streamed.usage.output_tokens], [answer.output_text, 567], kind);
    const ask = [{ role: "user", content: "weather" }];
    const called = await openai.responses.create({ model, tools, input: ask });
    assert.deepEqual(told(called), [["weather", { city: "Paris", unit: "C" }], ["clock", {}]], kind);
    assert.deepEqual(told(await openai.responses.stream({ model, tools, input: ask }).finalResponse()), told(called), kind);
    const results = called.output.filter((item) => item.type === "function_call").map(({ call_id }) => ({ type: "function_call_output", call_id, output: "fine" }));
    const after = await openai.responses.create({ model, tools, input: [...ask, ...called.output, ...results, { role: "user", content: "hello" }] });
    assert.ok(after.output_text.startsWith("Hello!"), `${kind}: ${after.output_text}`);
    const parsed = await openai.responses.parse({ model, input: "extract", text: { format: zodTextFormat(shape, "weather") } });
    assert.deepEqual(parsed.output_parsed, { city: "Paris", celsius: 21 }, kind);
  }
});

test("a response that cannot be carried over is refused by its name", async () => {
  const openai = await client();
  for (const [fields, param] of [[{ previous_response_id: "resp_1" }, "previous_response_id"], [{ background: true }, "background"]]) {
    const error = await thrown(openai.responses.create({ model: "on/anthropic", input: "hello", ...fields }));
    assert.ok(error instanceof OpenAI.BadRequestError, error.constructor.name);
    assert.deepEqual([error.code, error.param], ["invalid_body", param]);
  }
});

for (const [name, status, code, kind, of] of [
  ["an unknown key", 401, "invalid_key", OpenAI.AuthenticationError, async () => say(await client({ secret: "sk-tg-nobody" }))],
  ["a spent month", 402, "quota_exceeded", OpenAI.APIError, async () => say(await client({ secret: await world.spent() }), "go", { model: FILL, max_tokens: 400 })],
  ["a model that the key may not use", 403, "model_not_allowed", OpenAI.PermissionDeniedError, async () => say(await client({ key: { models: [FILL] } }))],
  ["an unknown model", 404, "model_not_found", OpenAI.NotFoundError, async () => say(await client(), "hi", { model: "nobody" })],
  ["a wrong type", 400, "invalid_body", OpenAI.BadRequestError, async () => say(await client(), "hi", { max_tokens: -1 })],
  ["too many requests", 429, "rate_limit_exceeded", OpenAI.RateLimitError, async () => say(await client({ secret: await world.hasty() }))],
]) {
  test(`${name} is the client's own error of status ${status}`, async () => {
    const error = await thrown(of());
    assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
    assert.deepEqual([error.status, error.code], [status, code]);
    assert.ok(error.error.message.length > 20 && error.message.includes(error.error.message), error.message);
    assert.equal(error.requestID, error.headers.get("x-request-id"));
    // A call of a key that is not known is nobody's, and has no row.
    if (status !== 401) assert.equal((await world.row(error.requestID)).refusal.code, code);
  });
}

test("a refusal that no waiting helps against is not tried again", async () => {
  const { id, secret } = await world.key({ limits: { monthly_tokens: 5 } });
  const openai = await client({ secret, maxRetries: 5 });
  const error = await thrown(say(openai, "go", { model: FILL, max_tokens: 400 }));
  assert.deepEqual([error.status, error.headers.get("x-should-retry")], [402, "false"]);
  assert.equal((await world.calls(id, 1)).length, 1);
});

test("a call that only waits for others in flight is tried again when it was told to, and passes", async () => {
  const { id, secret } = await world.key({ limits: { token_quota: { max: 1500, reset: "never" } } });
  // It holds a thousand tokens for two seconds, and uses nineteen.
  const slow = await say(await client({ secret }), "slow", { model: "on/openai", max_tokens: 1000, stream: true });
  const rest = slow[Symbol.asyncIterator]();
  await rest.next();
  const error = await thrown(say(await client({ secret }), "hello", { model: "on/openai", max_tokens: 1000 }));
  assert.deepEqual([error.status, error.headers.get("retry-after"), error.headers.get("x-should-retry")], [402, "1", "true"]);
  const began = Date.now();
  const again = say(await client({ secret, maxRetries: 5 }), "hello", { model: "on/openai", max_tokens: 1000 });
  while (!(await rest.next()).done);
  assert.equal((await again).usage.completion_tokens, 567);
  assert.ok(Date.now() - began >= 900, "the client did not wait as long as it was told to");
  assert.ok((await world.calls(id, 4)).filter((call) => call.refusal !== null).length >= 2);
});

test("a client that waits no longer than it wants to gets its own timeout, and the books agree", async () => {
  const { id, secret } = await world.key();
  const openai = await client({ secret, timeout: 300 });
  const error = await thrown(say(openai, "one two three", {}, { headers: { "x-tollgate-echo-delay-ms": "700" } }));
  assert.ok(error instanceof OpenAI.APIConnectionTimeoutError, error.constructor.name);
  // An answer that is not streamed is drained and charged: hanging up early must not make it free.
  const [call] = await world.calls(id, 1);
  assert.deepEqual([call.tokens.input, call.tokens.output, call.cost], [3, 3, "0.000009000"]);
});

test("a stream that is aborted costs what was sent", async () => {
  const { id, secret } = await world.key();
  const stream = await say(await client({ secret }), "go", { model: FILL, max_tokens: 1000, stream: true }, { headers: { "x-tollgate-echo-delay-ms": "20" } });
  let heard = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content && ++heard === 5) break;
  }
  assert.ok(stream.controller.signal.aborted, "leaving the loop aborts the call");
  const [call] = await world.calls(id, 1);
  assert.ok(call.tokens.output >= 5 && call.tokens.output < 1000, JSON.stringify(call.tokens));
  assert.equal(call.status, 499);
});

test("a provider's complaint is the client's own error, and costs nothing", async () => {
  const openai = await client();
  for (const kind of KINDS) {
    const error = await thrown(say(openai, "broken", { model: `on/${kind}` }));
    assert.ok(error instanceof OpenAI.BadRequestError && error.message.includes("too hot"), `${kind}: ${error.message}`);
    assert.equal((await world.row(error.requestID)).cost, "0.000000000", kind);
  }
});

test("a stream that its provider cuts ends in an error that the client throws", async () => {
  const openai = await client();
  for (const kind of KINDS) {
    let said = "";
    const error = await thrown(
      (async () => {
        const stream = await say(openai, "cut", { model: `on/${kind}`, stream: true });
        for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? "";
      })(),
    );
    assert.ok(error instanceof OpenAI.APIError && error.code === "upstream_failed", `${kind}: ${error}`);
    assert.ok(said.startsWith("This answer is"), `${kind}: ${said}`);
  }
});

test("the books add up", async () => {
  await world.audit();
});
