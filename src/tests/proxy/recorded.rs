//! The shapes that real providers' answers have, as files in `src/tests/fixtures`, played through the whole proxy to
//! callers of every dialect: untouched where both speak alike, understood elsewhere, and charged what is told beside.

use crate::domain::provider::ProviderKind;
use crate::domain::usage::UsageSource;
use crate::tests::app::{Answer, TestApp};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

const DIALECTS: [&str; 3] = ["openai", "anthropic", "gemini"];

/// What a recorded answer says, and what it costs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    /// For people.
    #[serde(rename = "what")]
    _what: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    thought: String,
    #[serde(default)]
    calls: Vec<(String, Value)>,
    /// `stop`, `length`, `tools`, `filtered` or `sequence`.
    reason: Option<String>,
    error: Option<String>,
    /// Tokens: input, of them cached, output, of them thought. Estimated where it is not told.
    usage: Option<[u64; 4]>,
    /// Tokens written into a cache: for minutes, and for an hour.
    written: Option<[u64; 2]>,
    /// Where it is estimated, what was said of the input, and what the output comes to.
    input: Option<u64>,
    output: Option<u64>,
    /// At 2.50 credits a million input tokens, 1.25 cached, 10 output.
    cost: Option<String>,
    /// For people: where the cost comes from, per million.
    #[serde(rename = "arithmetic", default)]
    _arithmetic: String,
    /// The provider's kind, where it is not called as the dialect.
    kind: Option<String>,
}

struct Recorded {
    name: String,
    dialect: &'static str,
    stream: bool,
    body: Bytes,
    told: Told,
}

/// All of a dialect, in the order of their names.
fn recorded(dialect: &'static str) -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/fixtures").join(dialect);
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|kind| kind != "told")).collect();
    paths.sort();
    let read = paths.into_iter().map(|path| {
        let name = format!("{dialect}/{}", path.file_name().expect("a name").to_string_lossy());
        let told = fs::read_to_string(path.with_extension("told")).expect("what it says");
        let told = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{name}: {error}"));
        let stream = path.extension().is_some_and(|kind| kind == "sse");
        Recorded { name, dialect, stream, body: fs::read(&path).expect("an answer").into(), told }
    });
    read.collect()
}

async fn ask(app: &TestApp, dialect: &str, secret: &str, stream: bool) -> Answer {
    let (path, body) = match dialect {
        "openai" => {
            let message = json!({ "role": "user", "content": "hi" });
            let mut body = json!({ "model": "m", "max_tokens": 500, "messages": [message], "stream": stream });
            if stream {
                body["stream_options"] = json!({ "include_usage": true });
            }
            ("/v1/chat/completions", body)
        }
        "anthropic" => {
            let message = json!({ "role": "user", "content": "hi" });
            ("/v1/messages", json!({ "model": "m", "max_tokens": 500, "messages": [message], "stream": stream }))
        }
        _ => (
            if stream { "/v1beta/models/m:streamGenerateContent?alt=sse" } else { "/v1beta/models/m:generateContent" },
            json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }],
                "generationConfig": { "maxOutputTokens": 500 } }),
        ),
    };
    let request = Request::post(path).header("authorization", format!("Bearer {secret}"));
    Answer::read(app.send(request.body(Body::from(body.to_string())).expect("a request")).await).await
}

/// What a caller makes of an answer, or of the events of a stream.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    text: String,
    thought: String,
    calls: Vec<(String, Value)>,
    reason: Option<String>,
    error: Option<String>,
}

fn heard(dialect: &str, answer: &Answer, stream: bool) -> Heard {
    let data = answer.body.split(['\r', '\n']).filter_map(|line| line.strip_prefix("data:")).map(str::trim_start);
    let pieces: Vec<Value> = match stream {
        true => data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).expect(data)).collect(),
        false => vec![answer.json()],
    };
    let mut heard = Heard::default();
    let message = pieces.iter().find_map(|piece| piece.get("error").filter(|error| !error.is_null()));
    heard.error = message.and_then(|error| error["message"].as_str()).map(str::to_owned);
    match dialect {
        "openai" => openai(&pieces, &mut heard),
        "anthropic" => anthropic(&pieces, &mut heard),
        _ => gemini(&pieces, &mut heard),
    }
    heard
}

fn said(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A call's arguments, written as text.
fn arguments(text: &str) -> Value {
    if text.is_empty() { json!({}) } else { serde_json::from_str(text).expect(text) }
}

fn openai(pieces: &[Value], heard: &mut Heard) {
    let mut calls: Vec<(Value, String, String)> = Vec::new();
    for choice in pieces.iter().flat_map(|piece| list(&piece["choices"])) {
        let message = choice.get("delta").or(choice.get("message")).unwrap_or(&Value::Null);
        heard.text += said(&message["content"]);
        heard.thought += said(&message["reasoning"]);
        for (number, call) in list(&message["tool_calls"]).iter().enumerate() {
            let index = call.get("index").cloned().unwrap_or(json!(number));
            if !calls.iter().any(|(known, ..)| *known == index) {
                calls.push((index.clone(), String::new(), String::new()));
            }
            let known = calls.iter_mut().find(|(known, ..)| *known == index).expect("known");
            known.1 += said(&call["function"]["name"]);
            known.2 += said(&call["function"]["arguments"]);
        }
        heard.reason = choice["finish_reason"].as_str().map(str::to_owned).or(heard.reason.take());
    }
    heard.calls = calls.into_iter().map(|(_, name, text)| (name, arguments(&text))).collect();
}

fn anthropic(pieces: &[Value], heard: &mut Heard) {
    let mut calls: Vec<(Value, String, String)> = Vec::new();
    for piece in pieces {
        let block = &piece["content_block"];
        if block["type"] == "tool_use" {
            calls.push((piece["index"].clone(), said(&block["name"]).to_owned(), String::new()));
        }
        for block in list(&piece["content"]) {
            if block["type"] == "tool_use" {
                calls.push((Value::Null, said(&block["name"]).to_owned(), block["input"].to_string()));
            }
        }
        for part in list(&piece["content"]).iter().chain([&piece["delta"]]) {
            heard.text += said(&part["text"]);
            heard.thought += said(&part["thinking"]);
            if let Some(text) = part["partial_json"].as_str() {
                calls.iter_mut().find(|(index, ..)| *index == piece["index"]).expect("a call").2 += text;
            }
        }
        let reason = piece["delta"]["stop_reason"].as_str().or(piece["stop_reason"].as_str());
        heard.reason = reason.map(str::to_owned).or(heard.reason.take());
    }
    heard.calls = calls.into_iter().map(|(_, name, text)| (name, arguments(&text))).collect();
}

fn gemini(pieces: &[Value], heard: &mut Heard) {
    for candidate in pieces.iter().flat_map(|piece| list(&piece["candidates"])) {
        for part in list(&candidate["content"]["parts"]) {
            let place = if part["thought"] == true { &mut heard.thought } else { &mut heard.text };
            *place += said(&part["text"]);
            if let Some(call) = part.get("functionCall") {
                heard.calls.push((said(&call["name"]).to_owned(), call["args"].clone()));
            }
        }
        heard.reason = candidate["finishReason"].as_str().map(str::to_owned).or(heard.reason.take());
    }
}

/// What a caller of this dialect is due.
fn due(dialect: &str, told: &Told) -> Heard {
    let word = |reason: &String| match (dialect, reason.as_str()) {
        ("openai", "stop" | "sequence") => "stop",
        ("openai", "length") => "length",
        ("openai", "tools") => "tool_calls",
        ("openai", "filtered") => "content_filter",
        ("anthropic", "stop") => "end_turn",
        ("anthropic", "sequence") => "stop_sequence",
        ("anthropic", "length") => "max_tokens",
        ("anthropic", "tools") => "tool_use",
        ("anthropic", "filtered") => "refusal",
        (_, "stop" | "sequence" | "tools") => "STOP",
        (_, "length") => "MAX_TOKENS",
        (_, "filtered") => "SAFETY",
        (_, other) => panic!("no reason is called {other}"),
    };
    Heard {
        text: told.text.clone(),
        thought: told.thought.clone(),
        calls: told.calls.clone(),
        reason: told.reason.as_ref().map(|reason| word(reason).to_owned()),
        error: told.error.clone().map(|error| format!("The provider broke off: {error}")),
    }
}

async fn charged(app: &TestApp, answer: &Answer, told: &Told, place: &str) {
    let row = app.row(answer).await;
    let usage = [row.usage.input, row.usage.cached_input, row.usage.output, row.usage.reasoning];
    match told.usage {
        Some(due) => {
            assert_eq!((usage, row.usage_source), (due, Some(UsageSource::Upstream)), "{place}");
            let written = [row.usage.cache_write, row.usage.cache_write_1h];
            assert!(told.written.is_none_or(|due| due == written), "{place}: {written:?}");
            assert_eq!(Some(row.cost.exact()), told.cost, "{place}");
        }
        None => {
            assert_eq!((Some(usage[2]), row.usage_source), (told.output, Some(UsageSource::Estimated)), "{place}");
            assert!(told.input.is_none_or(|input| input == usage[0]), "{place}: {usage:?}");
        }
    }
}

/// Played in pieces of so many bytes, which cut letters and ends of lines in two.
async fn play_all(dialect: &'static str, size: usize) {
    let app = TestApp::sqlite().await;
    let playing: Arc<Mutex<(Bytes, bool)>> = Arc::default();
    let script = Arc::clone(&playing);
    let upstream = Upstream::start(move || {
        let (body, stream) = script.lock().expect("whole").clone();
        let pieces: Vec<Result<Bytes, std::io::Error>> =
            body.chunks(size).map(|piece| Ok(body.slice_ref(piece))).collect();
        let body = Body::from_stream(futures::stream::iter(pieces));
        let mut response = upstream::events(body);
        if !stream {
            response.headers_mut().insert("content-type", "application/json".parse().expect("a type"));
        }
        response
    })
    .await;
    let key = app.key(|_| ()).await;
    for Recorded { name, dialect: from, stream, body, told } in recorded(dialect) {
        let kind = ProviderKind::parse(told.kind.as_deref().unwrap_or(from)).expect("a kind");
        let base_url = match kind {
            ProviderKind::Azure => upstream.base_url.trim_end_matches("/v1"),
            _ => &upstream.base_url,
        };
        app.model_of(kind, "m", "up", base_url).await;
        *playing.lock().expect("whole") = (body.clone(), stream);
        for to in DIALECTS {
            let place = format!("{name} to a caller of {to}, {size} bytes at a time");
            let answer = ask(&app, to, &key.secret, stream).await;
            assert_eq!(answer.status, 200, "{place}: {}", answer.body);
            match from == to {
                true => assert_eq!(answer.body.as_bytes(), &body[..], "{place}"),
                false => assert_eq!(heard(to, &answer, stream), due(to, &told), "{place}: {}", answer.body),
            }
            charged(&app, &answer, &told, &place).await;
        }
        app.gateway.delete_model(&app.admin, "m").await.expect("deleted");
        let provider = app.gateway.providers(&app.admin).expect("providers");
        let provider = provider.iter().find(|provider| provider.kind == kind).expect("a provider");
        app.gateway.delete_provider(&app.admin, &provider.id).await.expect("deleted");
    }
}

#[tokio::test]
async fn what_openai_and_those_like_it_send_reaches_every_caller_and_is_charged() {
    play_all("openai", 7).await;
    play_all("openai", 1 << 20).await;
}

#[tokio::test]
async fn what_anthropic_sends_reaches_every_caller_and_is_charged() {
    play_all("anthropic", 7).await;
    play_all("anthropic", 1 << 20).await;
}

#[tokio::test]
async fn what_gemini_sends_reaches_every_caller_and_is_charged() {
    play_all("gemini", 7).await;
    play_all("gemini", 1 << 20).await;
}

#[tokio::test]
async fn geminis_list_keeps_a_last_item_that_came_without_an_empty_line() {
    let app = TestApp::sqlite().await;
    let body = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]},\"finishReason\":\"STOP\"}]}";
    let upstream = Upstream::start(move || upstream::events(body)).await;
    app.model_of(ProviderKind::Gemini, "m", "up", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let contents = json!({ "contents": [] }).to_string();
    let answer = Answer::read(app.post(&key.secret, "/v1beta/models/m:streamGenerateContent", contents).await).await;
    assert_eq!(answer.json()[0]["candidates"][0]["content"]["parts"][0]["text"], "hi", "{}", answer.body);
}
