// npm's `ai` with its providers for OpenAI, Anthropic and Google, unmodified, against the running gateway: each of them
// on every kind of provider.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, embedMany, generateText, Output, RetryError, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { ECHO, FILL, KINDS, PNG, thrown, World } from "./world.mjs";

const world = World.ofThisFile();

/** The ways to say it, each with a key; of OpenAI's two, its Responses API is what the library speaks by itself. */
const DIALECTS = {
  openai: (apiKey) => {
    const openai = createOpenAI({ apiKey, baseURL: `${world.url}/v1` });
    return (model) => openai.chat(model);
  },
  responses: (apiKey) => createOpenAI({ apiKey, baseURL: `${world.url}/v1` }),
  anthropic: (apiKey) => createAnthropic({ apiKey, baseURL: `${world.url}/v1` }),
  google: (apiKey) => createGoogleGenerativeAI({ apiKey, baseURL: `${world.url}/v1beta` }),
};

function tools(run) {
  const inputSchema = z.object({ city: z.string().optional(), unit: z.string().optional() });
  const noted = (name) => async (given) => {
    run.push([name, given]);
    return "fine";
  };
  return {
    weather: tool({ description: "The weather now.", inputSchema, execute: noted("weather") }),
    clock: tool({ description: "The time now.", inputSchema: z.object({}), execute: noted("clock") }),
  };
}

for (const [dialect, of] of Object.entries(DIALECTS)) {
  const pairs = async (each) => {
    const provider = of(await world.secret());
    for (const kind of KINDS) {
      await each(provider(`on/${kind}`), kind);
    }
  };

  test(`${dialect}: every kind of provider answers and streams`, () =>
    pairs(async (model, kind) => {
      const answer = await generateText({ model, prompt: "hello", maxOutputTokens: 100, maxRetries: 0 });
      assert.deepEqual([answer.text, answer.finishReason], ["Hello! How can I help you today?", "stop"], kind);
      assert.deepEqual([answer.usage.inputTokens, answer.usage.outputTokens], [1234, 567], kind);
      const stream = streamText({ model, prompt: "hello", maxRetries: 0 });
      let said = "";
      for await (const piece of stream.textStream) said += piece;
      assert.deepEqual([said, await stream.finishReason], [answer.text, "stop"], kind);
      assert.deepEqual([(await stream.usage).inputTokens, (await stream.usage).outputTokens], [1234, 567], kind);
    }));

  test(`${dialect}: tools are called at once, run, and answered with`, () =>
    pairs(async (model, kind) => {
      for (const say of [generateText, streamText]) {
        const run = [];
        const result = await say({ model, prompt: "weather", tools: tools(run), stopWhen: stepCountIs(2), maxRetries: 0 });
        const called = [["clock", {}], ["weather", { city: "Paris", unit: "C" }]];
        const sorted = (calls) => calls.sort(([one], [other]) => one.localeCompare(other));
        if (dialect === "google" && kind === "gemini") {
          // Google's API has no reason of its own for an answer that calls. This upstream gives one all the same, which
          // passes untouched where both speak alike, and at which the client stops.
          assert.deepEqual(sorted((await result.toolCalls).map((call) => [call.toolName, call.input])), called, kind);
          continue;
        }
        assert.equal(await result.text, "It is 21 degrees in Paris, and noon.", kind);
        assert.deepEqual(sorted(run), called, kind);
      }
    }));

  test(`${dialect}: images are seen`, () =>
    pairs(async (model, kind) => {
      const content = [{ type: "image", image: Buffer.from(PNG, "base64") }, { type: "text", text: "picture" }];
      const answer = await generateText({ model, messages: [{ role: "user", content }], maxRetries: 0 });
      assert.equal(answer.text, "I see a picture.", kind);
    }));

  test(`${dialect}: answers have the shape of a schema`, () =>
    pairs(async (model, kind) => {
      const output = Output.object({ schema: z.object({ city: z.string(), celsius: z.number() }) });
      const answer = await generateText({ model, prompt: "extract", output, maxRetries: 0 });
      assert.deepEqual(answer.output, { city: "Paris", celsius: 21 }, kind);
    }));

  test(`${dialect}: refusals are its own errors, with their message and the id of the call`, async () => {
    for (const [secret, model, more, status, code] of [
      ["sk-tg-nobody", ECHO, {}, 401, "invalid_key"],
      [await world.spent(), FILL, { maxOutputTokens: 400 }, 402, "quota_exceeded"],
      [await world.secret(), "nobody", {}, 404, "model_not_found"],
      [await world.hasty(), ECHO, {}, 429, "rate_limit_exceeded"],
    ]) {
      const error = await thrown(generateText({ model: of(secret)(model), prompt: "go", maxRetries: 0, ...more }));
      assert.ok(APICallError.isInstance(error), `${status}: ${error}`);
      assert.equal(error.statusCode, status);
      assert.ok(error.responseBody.includes(`"${code}"`) && error.message.length > 20, error.message);
      assert.ok(error.responseBody.includes(JSON.stringify(error.message).slice(1, -1)), error.message);
      if (status !== 401) assert.equal((await world.row(error.responseHeaders["x-request-id"])).refusal.code, code);
      assert.equal(error.isRetryable, status === 429);
    }
  });

  test(`${dialect}: only what may pass later is tried again`, async () => {
    const { id, secret } = await world.key({ limits: { monthly_tokens: 5 } });
    const error = await thrown(generateText({ model: of(secret)(FILL), prompt: "go", maxOutputTokens: 400, maxRetries: 2 }));
    assert.ok(APICallError.isInstance(error) && !RetryError.isInstance(error), String(error));
    assert.equal((await world.calls(id, 1)).length, 1);
  });

  test(`${dialect}: a stream that is aborted costs what was sent`, async () => {
    const { id, secret } = await world.key();
    const leaving = new AbortController();
    const headers = { "x-tollgate-echo-delay-ms": "20" };
    const { textStream } = streamText({
      model: of(secret)(FILL),
      prompt: "go",
      maxOutputTokens: 1000,
      maxRetries: 0,
      headers,
      abortSignal: leaving.signal,
    });
    let heard = 0;
    for await (const _ of textStream) if (++heard === 5) leaving.abort();
    const [call] = await world.calls(id, 1);
    assert.ok(call.tokens.output >= 5 && call.tokens.output < 1000, JSON.stringify(call.tokens));
    assert.equal(call.status, 499);
  });

  test(`${dialect}: a caller's own timeout ends the call for it, and the books agree`, async () => {
    const { id, secret } = await world.key();
    const headers = { "x-tollgate-echo-delay-ms": "700" };
    const abortSignal = AbortSignal.timeout(300);
    const asked = { model: of(secret)(ECHO), prompt: "one two three", maxRetries: 0, headers, abortSignal };
    assert.equal((await thrown(generateText(asked))).name, "TimeoutError");
    const [call] = await world.calls(id, 1);
    assert.deepEqual([call.tokens.input, call.tokens.output, call.cost], [3, 3, "0.000009000"]);
  });

  test(`${dialect}: a stream that its provider cuts is told as an error`, () =>
    pairs(async (model, kind) => {
      const errors = [];
      const { fullStream } = streamText({ model, prompt: "cut", maxRetries: 0, onError: ({ error }) => errors.push(error) });
      let said = "";
      for await (const part of fullStream) if (part.type === "text-delta") said += part.text;
      assert.ok(said.startsWith("This answer is"), `${kind}: ${said}`);
      assert.equal(errors.length, 1, kind);
    }));
}

test("openai: many texts become vectors at once", async () => {
  const openai = createOpenAI({ apiKey: await world.secret(), baseURL: `${world.url}/v1` });
  const { embeddings } = await embedMany({ model: openai.embedding("embeds"), values: ["far away", "far away too"], maxRetries: 0 });
  assert.deepEqual(embeddings, [[0.25, -0.5, 0.75], [0.25, -0.5, 0.75]]);
});

test("the books add up", async () => {
  await world.audit();
});
