//! Every dialect of callers on every kind of provider: the request as the provider reads it, the answer as the caller
//! does, streamed and not, and the same charge whoever asks.

use crate::domain::call::Call;
use crate::domain::provider::ProviderKind;
use crate::domain::usage::{Usage, UsageSource};
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

const KINDS: [ProviderKind; 4] =
    [ProviderKind::Openai, ProviderKind::Azure, ProviderKind::Anthropic, ProviderKind::Gemini];
const DIALECTS: [&str; 4] = ["openai", "responses", "anthropic", "gemini"];

/// Azure is asked for a response in the caller's own words, which is another test's.
fn are_alike(dialect: &str, kind: ProviderKind) -> bool {
    dialect == "responses" && kind == ProviderKind::Azure
}

/// What each kind of provider answers: a thought, a text, a call; 12 tokens in, 4 of them cached, 30 out.
fn whole(kind: ProviderKind) -> Value {
    match kind {
        ProviderKind::Anthropic => json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
            "content": [{ "type": "text", "text": "Let me look." },
                { "type": "tool_use", "id": "call_a", "name": "weather", "input": { "city": "Paris" } }],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": { "input_tokens": 8, "cache_read_input_tokens": 4, "output_tokens": 30 } }),
        ProviderKind::Gemini => json!({ "candidates": [{ "content": { "role": "model", "parts": [
                { "text": "Let me look." }, { "functionCall": { "id": "call_a", "name": "weather", "args": { "city": "Paris" } } }] },
                "finishReason": "STOP", "index": 0 }],
            "usageMetadata": { "promptTokenCount": 12, "cachedContentTokenCount": 4, "candidatesTokenCount": 30 } }),
        _ => json!({ "id": "c", "object": "chat.completion", "choices": [{ "index": 0, "finish_reason": "tool_calls",
                "message": { "role": "assistant", "content": "Let me look.", "tool_calls": [{ "id": "call_a",
                    "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } }] } }],
            "usage": { "prompt_tokens": 12, "completion_tokens": 30, "prompt_tokens_details": { "cached_tokens": 4 } } }),
    }
}

fn streamed(kind: ProviderKind) -> String {
    let events: Vec<Value> = match kind {
        ProviderKind::Anthropic => vec![
            json!({ "type": "message_start", "message": { "usage": { "input_tokens": 8, "cache_read_input_tokens": 4,
                "output_tokens": 1 } } }),
            json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
            json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Let me look." } }),
            json!({ "type": "content_block_stop", "index": 0 }),
            json!({ "type": "content_block_start", "index": 1, "content_block":
                { "type": "tool_use", "id": "call_a", "name": "weather", "input": {} } }),
            json!({ "type": "content_block_delta", "index": 1, "delta":
                { "type": "input_json_delta", "partial_json": "{\"city\":\"Paris\"}" } }),
            json!({ "type": "content_block_stop", "index": 1 }),
            json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" }, "usage": { "output_tokens": 30 } }),
            json!({ "type": "message_stop" }),
        ],
        ProviderKind::Gemini => vec![
            json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": "Let me look." }] } }] }),
            whole(kind)
                .as_object()
                .map(|fields| {
                    let mut last = Value::Object(fields.clone());
                    last["candidates"][0]["content"]["parts"].as_array_mut().expect("parts").remove(0);
                    last
                })
                .expect("an object"),
        ],
        _ => {
            let chunk = |delta: Value, reason: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
            let function = json!({ "name": "weather", "arguments": "{\"city\":\"Paris\"}" });
            vec![
                chunk(json!({ "role": "assistant", "content": "Let me look." }), Value::Null),
                chunk(json!({ "tool_calls": [{ "index": 0, "id": "call_a", "function": function }] }), Value::Null),
                chunk(json!({}), json!("tool_calls")),
                json!({ "choices": [], "usage": whole(kind)["usage"] }),
            ]
        }
    };
    let mut text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    if matches!(kind, ProviderKind::Openai | ProviderKind::Azure) {
        text.push_str("data: [DONE]\n\n");
    }
    text
}

/// The same request in each dialect.
async fn ask(app: &TestApp, dialect: &str, secret: &str, stream: bool) -> Answer {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let (path, mut body) = match dialect {
        "openai" => (
            "/v1/chat/completions",
            json!({ "model": "m", "max_tokens": 50, "messages":
                [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Weather?" }],
            "tools": [{ "type": "function", "function": { "name": "weather", "parameters": schema } }] }),
        ),
        "responses" => (
            "/v1/responses",
            json!({ "model": "m", "max_output_tokens": 50, "instructions": "Be brief.", "input": "Weather?",
                "tools": [{ "type": "function", "name": "weather", "parameters": schema }] }),
        ),
        "anthropic" => (
            "/v1/messages",
            json!({ "model": "m", "max_tokens": 50, "system": "Be brief.",
            "messages": [{ "role": "user", "content": "Weather?" }],
            "tools": [{ "name": "weather", "input_schema": schema }] }),
        ),
        _ => (
            if stream { "/v1beta/models/m:streamGenerateContent?alt=sse" } else { "/v1beta/models/m:generateContent" },
            json!({ "systemInstruction": { "parts": [{ "text": "Be brief." }] },
                "contents": [{ "role": "user", "parts": [{ "text": "Weather?" }] }],
                "tools": [{ "functionDeclarations": [{ "name": "weather", "parametersJsonSchema": schema }] }],
                "generationConfig": { "maxOutputTokens": 50 } }),
        ),
    };
    if stream && dialect != "gemini" {
        body["stream"] = json!(true);
    }
    if stream && dialect == "openai" {
        body["stream_options"] = json!({ "include_usage": true });
    }
    let request = Request::post(path).header("authorization", format!("Bearer {secret}"));
    Answer::read(app.send(request.body(Body::from(body.to_string())).expect("a request")).await).await
}

/// The most, the system prompt, the question and the tool's name, as each kind of provider reads them.
fn heard(kind: ProviderKind, body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).expect("JSON");
    match kind {
        ProviderKind::Anthropic => json!([
            body["max_tokens"],
            body["system"],
            body["messages"][0]["content"]
                .as_str()
                .map(Value::from)
                .unwrap_or(body["messages"][0]["content"][0]["text"].clone()),
            body["tools"][0]["name"]
        ]),
        ProviderKind::Gemini => json!([
            body["generationConfig"]["maxOutputTokens"],
            body["systemInstruction"]["parts"][0]["text"],
            body["contents"][0]["parts"][0]["text"],
            body["tools"][0]["functionDeclarations"][0]["name"]
        ]),
        _ => json!([
            body.get("max_tokens").or(body.get("max_completion_tokens")),
            body["messages"][0]["content"],
            body["messages"][1]["content"],
            body["tools"][0]["function"]["name"]
        ]),
    }
}

/// Text, called tool with its arguments, reason, and input, cached and output tokens, as each dialect says them.
fn understood(dialect: &str, body: &Value) -> Value {
    match dialect {
        "openai" => {
            let (choice, usage) = (&body["choices"][0], &body["usage"]);
            let function = &choice["message"]["tool_calls"][0]["function"];
            let arguments: Value =
                serde_json::from_str(function["arguments"].as_str().expect("arguments")).expect("JSON");
            json!([
                choice["message"]["content"],
                function["name"],
                arguments,
                choice["finish_reason"],
                usage["prompt_tokens"],
                usage["prompt_tokens_details"]["cached_tokens"],
                usage["completion_tokens"]
            ])
        }
        "responses" => {
            let (output, usage) = (&body["output"], &body["usage"]);
            let arguments = output[1]["arguments"].as_str().expect("arguments");
            json!([
                output[0]["content"][0]["text"],
                output[1]["name"],
                serde_json::from_str::<Value>(arguments).expect("JSON"),
                body["status"],
                usage["input_tokens"],
                usage["input_tokens_details"]["cached_tokens"],
                usage["output_tokens"]
            ])
        }
        "anthropic" => {
            let usage = &body["usage"];
            let fresh = usage["input_tokens"].as_u64().expect("a count");
            let cached = usage["cache_read_input_tokens"].as_u64().expect("a count");
            json!([
                body["content"][0]["text"],
                body["content"][1]["name"],
                body["content"][1]["input"],
                body["stop_reason"],
                fresh + cached,
                cached,
                usage["output_tokens"]
            ])
        }
        _ => {
            let (candidate, usage) = (&body["candidates"][0], &body["usageMetadata"]);
            let parts = &candidate["content"]["parts"];
            json!([
                parts[0]["text"],
                parts[1]["functionCall"]["name"],
                parts[1]["functionCall"]["args"],
                candidate["finishReason"],
                usage["promptTokenCount"],
                usage["cachedContentTokenCount"],
                usage["candidatesTokenCount"]
            ])
        }
    }
}

fn due(dialect: &str) -> Value {
    let reason = match dialect {
        "openai" => "tool_calls",
        "responses" => "completed",
        "anthropic" => "tool_use",
        _ => "STOP",
    };
    json!(["Let me look.", "weather", { "city": "Paris" }, reason, 12, 4, 30])
}

/// A stream put together again, as an answer that is not streamed.
fn gathered(dialect: &str, text: &str) -> Value {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    let texts = |pick: &dyn Fn(&Value) -> Option<String>| -> String { events.iter().filter_map(pick).collect() };
    let text_at = |event: &Value, pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    match dialect {
        "openai" => {
            let at = |pointer: &'static str| texts(&|event: &Value| text_at(event, pointer));
            let function = json!({ "name": at("/choices/0/delta/tool_calls/0/function/name"),
                "arguments": at("/choices/0/delta/tool_calls/0/function/arguments") });
            json!({ "usage": events.last().expect("an event")["usage"], "choices": [{
                "finish_reason": at("/choices/0/finish_reason"),
                "message": { "content": at("/choices/0/delta/content"), "tool_calls": [{ "function": function }] } }] })
        }
        "responses" => events.last().expect("an event")["response"].clone(),
        "anthropic" => {
            let at = |pointer: &'static str| texts(&|event: &Value| text_at(event, pointer));
            let input: Value = serde_json::from_str(&at("/delta/partial_json")).expect("JSON");
            // A provider of this very dialect says in two places what it used.
            let mut usage = events[0]["message"]["usage"].clone();
            for event in events.iter().filter(|event| event["type"] == "message_delta") {
                for (name, value) in event["usage"].as_object().expect("usage") {
                    usage[name] = value.clone();
                }
            }
            json!({ "content": [{ "text": at("/delta/text") }, { "name": at("/content_block/name"), "input": input }],
                "stop_reason": at("/delta/stop_reason"), "usage": usage })
        }
        _ => {
            let parts =
                events.iter().filter_map(|event| event.pointer("/candidates/0/content/parts")?.as_array()).flatten();
            let parts: Vec<&Value> = parts.collect();
            let said: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            let call = parts.iter().find_map(|part| part.get("functionCall"));
            let last = events.last().expect("an event");
            json!({ "candidates": [{ "content": { "parts": [{ "text": said }, { "functionCall": call }] },
                "finishReason": last["candidates"][0]["finishReason"] }], "usageMetadata": last["usageMetadata"] })
        }
    }
}

fn expect_charged(row: &Call, pair: &str) {
    let usage = Usage { input: 12, cached_input: 4, output: 30, reasoning: 0, ..Usage::default() };
    assert_eq!((row.usage, row.usage_source), (usage, Some(UsageSource::Upstream)), "{pair}");
    // 8 x 2.50 + 4 x 1.25 + 30 x 10, per million.
    assert_eq!((row.cost.exact().as_str(), row.status), ("0.000325000", 200), "{pair}");
}

#[tokio::test]
async fn every_dialect_is_answered_by_every_kind_of_provider_and_charged_what_that_one_says() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000_000)).await;
        for kind in KINDS {
            let upstream = Upstream::start(move || upstream::json(200, &whole(kind).to_string())).await;
            let base_url = match kind {
                ProviderKind::Azure => upstream.base_url.trim_end_matches("/v1").to_owned(),
                _ => upstream.base_url.clone(),
            };
            app.model_of(kind, "m", "up", &base_url).await;
            for dialect in DIALECTS.into_iter().filter(|dialect| !are_alike(dialect, kind)) {
                let pair = format!("{dialect} on {}", kind.as_str());
                let answer = ask(&app, dialect, &key.secret, false).await;
                assert_eq!(answer.status, 200, "{pair}: {}", answer.body);
                assert_eq!(understood(dialect, &answer.json()), due(dialect), "{pair}: {}", answer.body);
                assert_eq!(answer.header("content-type"), "application/json", "{pair}");
                let asked = upstream.asked().pop().expect("asked");
                assert_eq!(heard(kind, &asked.body), json!([50, "Be brief.", "Weather?", "weather"]), "{pair}");
                expect_charged(&app.row(&answer).await, &pair);
            }
            app.gateway.delete_model(&app.admin, "m").await.expect("deleted");
            let provider = app.gateway.providers(&app.admin).expect("providers");
            let provider = provider.iter().find(|provider| provider.kind == kind).expect("a provider");
            app.gateway.delete_provider(&app.admin, &provider.id).await.expect("deleted");
        }
        assert_eq!(app.first_meter(&key).await, (15 * 42, 0));
    })
    .await;
}

#[tokio::test]
async fn every_dialect_is_streamed_to_by_every_kind_of_provider_and_charged_what_that_one_says() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.max_cost_per_request = crate::domain::credits::Credits::parse("1")).await;
    for kind in KINDS {
        let upstream = Upstream::start(move || upstream::events(streamed(kind))).await;
        let base_url = match kind {
            ProviderKind::Azure => upstream.base_url.trim_end_matches("/v1").to_owned(),
            _ => upstream.base_url.clone(),
        };
        app.model_of(kind, "m", "up", &base_url).await;
        for dialect in DIALECTS.into_iter().filter(|dialect| !are_alike(dialect, kind)) {
            let pair = format!("{dialect} on {}", kind.as_str());
            let answer = ask(&app, dialect, &key.secret, true).await;
            assert_eq!(answer.status, 200, "{pair}: {}", answer.body);
            assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8", "{pair}");
            assert_eq!(understood(dialect, &gathered(dialect, &answer.body)), due(dialect), "{pair}: {}", answer.body);
            let ending = match dialect {
                "openai" => "data: [DONE]\n\n",
                "responses" => "\"user\":null}}\n\n",
                "anthropic" => "data: {\"type\":\"message_stop\"}\n\n",
                _ => "}\n\n",
            };
            assert!(answer.body.ends_with(ending), "{pair}: {}", answer.body);
            expect_charged(&app.row(&answer).await, &pair);
            let asked = upstream.asked().pop().expect("asked");
            assert_eq!(heard(kind, &asked.body), json!([50, "Be brief.", "Weather?", "weather"]), "{pair}");
        }
        app.gateway.delete_model(&app.admin, "m").await.expect("deleted");
        let provider = app.gateway.providers(&app.admin).expect("providers");
        let provider = provider.iter().find(|provider| provider.kind == kind).expect("a provider");
        app.gateway.delete_provider(&app.admin, &provider.id).await.expect("deleted");
    }
}
