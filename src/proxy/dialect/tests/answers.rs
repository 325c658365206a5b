//! Answers that are not streamed, from each dialect to each other.

use crate::domain::usage::Usage;
use crate::proxy::dialect::{Dialect, Heading, read_answer, write_answer};
use serde_json::{Value, json};

const OPENAI: Dialect = Dialect::Openai;
const ANTHROPIC: Dialect = Dialect::Anthropic;
const GEMINI: Dialect = Dialect::Gemini;

/// 12 tokens in, 4 of them from a cache; 30 out, 10 of them thought.
const USAGE: Usage = Usage { input: 12, cached_input: 4, output: 30, reasoning: 10, ..Usage::NONE };

fn written(from: Dialect, to: Dialect, body: &Value) -> Value {
    let answer = read_answer(from, body.to_string().as_bytes(), "0199-ab").expect("an answer");
    let (id, model) = ("0199-ab".to_owned(), "m".to_owned());
    let heading = Heading { id, model, created: 1_700_000_000, ..Heading::default() };
    serde_json::from_str(&write_answer(to, &answer, &heading, &USAGE).to_string()).expect("JSON")
}

fn openai() -> Value {
    json!({ "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt", "choices": [{ "index": 0,
        "finish_reason": "tool_calls", "logprobs": null, "message": { "role": "assistant", "content": "Let me look.",
            "reasoning_content": "Weather, then.", "refusal": null, "annotations": [], "tool_calls": [
            { "id": "call_a", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } },
            { "id": "call_b", "type": "function", "function": { "name": "time", "arguments": "" } }] } }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42 } })
}

fn anthropic() -> Value {
    json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [
            { "type": "thinking", "thinking": "Weather, then.", "signature": "EqQB" },
            { "type": "text", "text": "Let me look." },
            { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Paris" } }],
        "stop_reason": "tool_use", "stop_sequence": null, "usage": { "input_tokens": 8, "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 0, "output_tokens": 30, "service_tier": "standard" } })
}

fn gemini() -> Value {
    json!({ "candidates": [{ "content": { "role": "model", "parts": [
            { "text": "Weather, then.", "thought": true },
            { "text": "Let me look." },
            { "functionCall": { "name": "weather", "args": { "city": "Paris" } }, "thoughtSignature": "CsMB" }] },
            "finishReason": "STOP", "index": 0, "safetyRatings": [] }],
        "usageMetadata": { "promptTokenCount": 12, "candidatesTokenCount": 20, "thoughtsTokenCount": 10 },
        "modelVersion": "gemini" })
}

#[test]
fn an_answer_becomes_a_message() {
    let usage = json!({ "input_tokens": 8, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4,
        "output_tokens": 30 });
    let tool =
        |id: &str, name: &str, input: Value| json!({ "type": "tool_use", "id": id, "name": name, "input": input });
    let thought = |text: &str, signature: &str| json!({ "type": "thinking", "thinking": text, "signature": signature });
    let text = json!({ "type": "text", "text": "Let me look." });
    let message = written(OPENAI, ANTHROPIC, &openai());
    assert_eq!(
        message,
        json!({ "id": "msg_0199-ab", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
            "stop_sequence": null, "usage": usage, "content": [
                thought("Weather, then.", ""), text,
                tool("call_a", "weather", json!({ "city": "Paris" })), tool("call_b", "time", json!({}))] })
    );
    let message = written(GEMINI, ANTHROPIC, &gemini());
    let due = json!([
        thought("Weather, then.", ""),
        text,
        thought("", "gemini:CsMB"),
        tool("call_0199ab_0", "weather", json!({ "city": "Paris" }))
    ]);
    assert_eq!((&message["content"], &message["stop_reason"]), (&due, &json!("tool_use")));
}

#[test]
fn an_answer_becomes_a_chat_completion() {
    let usage = json!({ "prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42,
        "prompt_tokens_details": { "cached_tokens": 4 }, "completion_tokens_details": { "reasoning_tokens": 10 } });
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } });
    let due = |id: &str, details: Value| {
        json!({ "id": "chatcmpl-0199-ab", "object": "chat.completion", "created": 1_700_000_000, "model": "m",
            "usage": usage, "choices": [{ "index": 0, "finish_reason": "tool_calls", "logprobs": null,
                "message": { "role": "assistant", "content": "Let me look.", "refusal": null,
                    "reasoning": "Weather, then.", "reasoning_details": details, "tool_calls": [call(id)] } }] })
    };
    let sealed = json!([{ "type": "reasoning.text", "text": "Weather, then.", "signature": "EqQB",
        "format": "anthropic-claude-v1" }]);
    assert_eq!(written(ANTHROPIC, OPENAI, &anthropic()), due("toolu_1", sealed));
    let sealed = json!([{ "type": "reasoning.encrypted", "data": "CsMB", "format": "google-gemini-v1" }]);
    assert_eq!(written(GEMINI, OPENAI, &gemini()), due("call_0199ab_0", sealed));
}

#[test]
fn an_answer_becomes_a_candidate() {
    let usage = json!({ "promptTokenCount": 12, "candidatesTokenCount": 20, "totalTokenCount": 42,
        "cachedContentTokenCount": 4, "thoughtsTokenCount": 10 });
    let call = |id: &str, name: &str, args: Value| json!({ "functionCall": { "id": id, "name": name, "args": args } });
    let answer = written(OPENAI, GEMINI, &openai());
    assert_eq!(
        answer,
        json!({ "usageMetadata": usage, "modelVersion": "m", "responseId": "0199-ab", "candidates": [{ "index": 0,
            "finishReason": "STOP", "content": { "role": "model", "parts": [
                { "text": "Weather, then.", "thought": true }, { "text": "Let me look." },
                call("call_a", "weather", json!({ "city": "Paris" })), call("call_b", "time", json!({}))] } }] })
    );
    let parts = &written(ANTHROPIC, GEMINI, &anthropic())["candidates"][0]["content"]["parts"];
    let sealed = json!({ "text": "Weather, then.", "thought": true, "thoughtSignature": "YW50aHJvcGljEqQB" });
    assert_eq!(parts[0], sealed);
}

#[test]
fn every_reason_to_end_has_its_word_in_each_dialect() {
    let openai = |reason: &str| json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": reason }] });
    let anthropic = |reason: &str| json!({ "content": [], "stop_reason": reason, "stop_sequence": "END" });
    let gemini = |reason: &str| json!({ "candidates": [{ "finishReason": reason }] });
    for (from, body, words) in [
        (OPENAI, openai("stop"), ["stop", "end_turn", "STOP"]),
        (OPENAI, openai("length"), ["length", "max_tokens", "MAX_TOKENS"]),
        (OPENAI, openai("content_filter"), ["content_filter", "refusal", "SAFETY"]),
        (ANTHROPIC, anthropic("end_turn"), ["stop", "end_turn", "STOP"]),
        (ANTHROPIC, anthropic("stop_sequence"), ["stop", "stop_sequence", "STOP"]),
        (ANTHROPIC, anthropic("max_tokens"), ["length", "max_tokens", "MAX_TOKENS"]),
        (ANTHROPIC, anthropic("refusal"), ["content_filter", "refusal", "SAFETY"]),
        (GEMINI, gemini("MAX_TOKENS"), ["length", "max_tokens", "MAX_TOKENS"]),
        (GEMINI, gemini("PROHIBITED_CONTENT"), ["content_filter", "refusal", "SAFETY"]),
        (GEMINI, json!({ "promptFeedback": { "blockReason": "SAFETY" } }), ["content_filter", "refusal", "SAFETY"]),
    ] {
        let said = [
            written(from, OPENAI, &body)["choices"][0]["finish_reason"].clone(),
            written(from, ANTHROPIC, &body)["stop_reason"].clone(),
            written(from, GEMINI, &body)["candidates"][0]["finishReason"].clone(),
        ];
        assert_eq!(said, words.map(Value::from), "{body}");
    }
}

#[test]
fn what_is_no_answer_is_not_made_into_one() {
    for (from, body) in [(OPENAI, "{}"), (ANTHROPIC, "[]"), (GEMINI, "{}"), (OPENAI, "<html>")] {
        assert!(read_answer(from, body.as_bytes(), "x").is_none(), "{body}");
    }
}
