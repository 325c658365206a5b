//! The built-in provider: `tollgate/echo` answers with the last user message, `tollgate/fill` with as many words as
//! asked for. Its tokens are words between white space, so that anyone can check a charge by eye.

mod media;
mod services;
mod texts;

use super::call::Ask;
use super::dialect::Dialect;
use super::upstream::UpstreamBody;
use crate::domain::call::Arrival;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::gateway::admit::{Ceiling, Output};
use axum::http::{Response, StatusCode, header};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Words in an answer of `tollgate/fill` where the caller gives no number.
const FILL: u64 = 16;
/// Words that one call may ask for, over all its choices.
const MOST: u64 = 1_000_000;
/// The longest wait between chunks that a caller may ask for.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A message as it is counted and echoed.
struct Message {
    is_the_users: bool,
    text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    /// OpenAI's and Anthropic's.
    #[serde(default)]
    messages: Vec<Value>,
    /// Anthropic's.
    #[serde(default)]
    system: Value,
    /// Gemini's.
    #[serde(default)]
    contents: Vec<Value>,
    #[serde(default, alias = "system_instruction")]
    system_instruction: Value,
    /// OpenAI's, in a response's request.
    #[serde(default)]
    instructions: Value,
    #[serde(default)]
    input: Value,
}

/// A string, or the text parts of a list.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}

fn messages(ask: &Ask) -> Vec<Message> {
    // What cannot be read as messages counts no words and is echoed as nothing.
    let Ok(body) = serde_json::from_slice::<Body>(ask.body()) else { return Vec::new() };
    let read = |list: &[Value], field: &str| -> Vec<Message> {
        let each = list.iter().map(|message| Message {
            is_the_users: message.get("role").map_or(ask.dialect == Dialect::Gemini, |role| role == "user"),
            text: message.get(field).map(text).unwrap_or_default(),
        });
        each.collect()
    };
    let of_system = |text: String| Message { is_the_users: false, text };
    match ask.dialect {
        Dialect::Openai => read(&body.messages, "content"),
        Dialect::Responses => {
            let input = match body.input.as_array() {
                Some(items) => read(items, "content"),
                None => vec![Message { is_the_users: true, text: text(&body.input) }],
            };
            [vec![of_system(text(&body.instructions))], input].into_iter().flatten().collect()
        }
        Dialect::Anthropic => {
            [vec![of_system(text(&body.system))], read(&body.messages, "content")].into_iter().flatten().collect()
        }
        Dialect::Gemini => {
            let system = body.system_instruction.get("parts").map(text).unwrap_or_default();
            [vec![of_system(system)], read(&body.contents, "parts")].into_iter().flatten().collect()
        }
    }
}

/// Words between white space.
pub(super) fn words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// What this call uses, exactly: the built-in provider declares its own bound.
pub(super) fn ceiling(upstream_model: &str, ask: &Ask) -> Ceiling {
    if let Some(service) = ask.service {
        return services::ceiling(service, upstream_model, ask);
    }
    let input = messages(ask).iter().map(|message| words(&message.text)).sum();
    let each = answer(upstream_model, ask).0.count();
    Ceiling::tokens(input, Output::Declared(each.saturating_mul(ask.choices)))
}

/// # Errors
/// 400 for more words than anybody tries a gateway with: an answer that is not streamed lies whole in this process's memory.
pub(super) fn is_small(ask: &Ask) -> Result<(), Refusal> {
    match ask.output {
        Output::Declared(most) if most > MOST => {
            let message =
                format!("The built-in provider answers with at most {MOST} words; this call asks for {most}.");
            Err(Refusal { retry: Retry::Never, ..Refusal::new(Code::InvalidBody, message).about("max_tokens") })
        }
        _ => Ok(()),
    }
}

/// The words of an answer, each made when it is wanted.
#[derive(Clone, Debug)]
enum Words {
    /// `word1`, `word2`, … up to this one.
    Numbered(u64),
    Echoed(Arc<[String]>),
}

impl Words {
    fn count(&self) -> u64 {
        match self {
            Words::Numbered(count) => *count,
            Words::Echoed(words) => words.len() as u64,
        }
    }

    /// The word at this place, counted from 0, with the blank before it.
    fn piece(&self, place: u64) -> String {
        let blank = if place > 0 { " " } else { "" };
        match self {
            Words::Numbered(_) => format!("{blank}word{}", place + 1),
            Words::Echoed(words) => {
                let word = usize::try_from(place).ok().and_then(|place| words.get(place));
                format!("{blank}{}", word.map_or("", String::as_str))
            }
        }
    }

    fn joined(&self) -> String {
        (0..self.count()).map(|place| self.piece(place)).collect()
    }
}

/// One choice's words, and whether they were cut short.
fn answer(upstream_model: &str, ask: &Ask) -> (Words, bool) {
    let most = match ask.output {
        Output::Declared(most) => Some(most / ask.choices),
        Output::Open { .. } => None,
    };
    let messages = messages(ask);
    let last = messages.iter().rev().find(|message| message.is_the_users).map(|message| message.text.as_str());
    said(upstream_model, last.unwrap_or_default(), most)
}

/// The words that answer a text, and whether they were cut short.
fn said(upstream_model: &str, text: &str, most: Option<u64>) -> (Words, bool) {
    if upstream_model.ends_with("fill") {
        return (Words::Numbered(most.unwrap_or(FILL)), most.is_some());
    }
    let mut said: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let cut = said.len() > most;
    said.truncate(most);
    (Words::Echoed(said.into()), cut)
}

/// Reads how long the caller wants to wait between chunks.
pub(super) fn delay(headers: &axum::http::HeaderMap) -> Duration {
    let asked = headers.get("x-tollgate-echo-delay-ms").and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_millis(asked.unwrap_or(0)).min(LONGEST_DELAY)
}

/// Answers as an OpenAI-compatible upstream would, usage included, whatever dialect it was asked in.
pub(super) async fn respond(
    arrival: &Arrival,
    upstream_model: &str,
    ask: &Ask,
    delay: Duration,
) -> Response<UpstreamBody> {
    if let Some(service) = ask.service {
        return services::respond(service, arrival, upstream_model, ask, delay).await;
    }
    let (said, cut) = answer(upstream_model, ask);
    let input: u64 = ceiling(upstream_model, ask).input;
    let output = said.count() * ask.choices;
    let usage = json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
    let finish = if cut { "length" } else { "stop" };
    let head = json!({
        "id": format!("chatcmpl-{}", arrival.id),
        "created": arrival.at.micros() / 1_000_000,
        "model": ask.model,
    });
    if ask.stream {
        return stream(head, said, finish, usage, ask.choices, delay);
    }
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let choice = |index: u64| {
        json!({
            "index": index,
            "message": { "role": "assistant", "content": said.joined(), "refusal": null },
            "logprobs": null,
            "finish_reason": finish,
        })
    };
    let mut body = head;
    body["object"] = json!("chat.completion");
    body["choices"] = (0..ask.choices).map(choice).collect();
    body["usage"] = usage;
    reply("application/json", whole(body.to_string()))
}

fn whole(body: impl Into<Bytes>) -> UpstreamBody {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

fn stream(
    head: Value,
    said: Words,
    finish: &'static str,
    usage: Value,
    choices: u64,
    delay: Duration,
) -> Response<UpstreamBody> {
    let chunk = move |fields: Value| {
        let mut chunk = head.clone();
        chunk["object"] = json!("chat.completion.chunk");
        for (name, value) in fields.as_object().into_iter().flatten() {
            chunk[name] = value.clone();
        }
        format!("data: {chunk}\n\n")
    };
    let (bill, words) = (chunk(json!({ "choices": [], "usage": usage })), said.count());
    let delta = move |index: u64, place: u64| {
        let (delta, finish) = match place {
            _ if place == said.count() => (json!({}), Some(finish)),
            0 => (json!({ "role": "assistant", "content": said.piece(0) }), None),
            _ => (json!({ "content": said.piece(place) }), None),
        };
        chunk(json!({ "choices": [{ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish }] }))
    };
    // Each choice's words and then its end, made one by one as they are sent.
    let places = (0..choices).flat_map(move |index| (0..=words).map(move |place| (index, place)));
    events(places.map(move |(index, place)| delta(index, place)).chain([bill, "data: [DONE]\n\n".to_owned()]), delay)
}

/// One after the other, with a wait between them.
fn events<I>(chunks: I, delay: Duration) -> Response<UpstreamBody>
where
    I: IntoIterator<Item = String>,
    I::IntoIter: Send + 'static,
{
    let paced = futures::stream::iter(chunks).enumerate().then(move |(number, text)| async move {
        if number > 0 && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(Frame::data(Bytes::from(text)))
    });
    reply("text/event-stream", StreamBody::new(paced).boxed_unsync())
}

fn reply(content_type: &'static str, body: UpstreamBody) -> Response<UpstreamBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
