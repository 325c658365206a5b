//! OpenAI's Responses API. Source: platform.openai.com, "Responses", and the event types of OpenAI's own libraries.
//!
//! Providers that speak it are sent their callers' own bytes, so it is read as requests and written as answers alone:
//! no call of another dialect is carried over into it.

pub mod answer;
mod items;
pub mod read;
pub mod stream;

use super::Dialect;
use super::fields::Fault;
use super::json::{Json, object};
use super::neutral::{Call, Finish, Seal};

/// What stands before the seal of each other provider: OpenAI's own are base64, which has no colon.
const SEALED: [(&str, Dialect, bool); 4] = [
    ("anthropic:", Dialect::Anthropic, false),
    ("anthropic-redacted:", Dialect::Anthropic, true),
    ("gemini:", Dialect::Gemini, false),
    ("openai-chat:", Dialect::Openai, false),
];

/// `encrypted_content` as a caller sends it back.
fn seal(encrypted: &str) -> Seal {
    for (mark, by, is_whole) in SEALED {
        if let Some(data) = encrypted.strip_prefix(mark) {
            return Seal { by, data: data.to_owned(), is_whole };
        }
    }
    Seal::new(Dialect::Responses, encrypted)
}

/// `encrypted_content` that the caller is to send back.
fn encrypted(seal: &Seal) -> String {
    let marked = SEALED.iter().find(|(_, by, is_whole)| *by == seal.by && *is_whole == seal.is_whole);
    format!("{}{}", marked.map_or("", |(mark, ..)| *mark), seal.data)
}

/// A provider that speaks this API is asked in its caller's own words, or not at all.
pub fn unwritten() -> Fault {
    let message = "A call of another API is not carried over into the Responses API.".to_owned();
    Fault { field: "model".to_owned(), message }
}

/// Why an answer is not all that it might have been.
fn incomplete(finish: &Finish) -> Option<&'static str> {
    match finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Calls => None,
        Finish::Length => Some("max_output_tokens"),
        Finish::Filtered => Some("content_filter"),
    }
}

/// An item's id: `kind` is `msg`, `rs` or `fc`, `number` its place in the answer.
fn item_id(kind: &str, id: &str, number: u64) -> String {
    format!("{kind}_{id}_{number}")
}

fn text_part(text: &str) -> Json {
    object! { "type": "output_text", "text": text, "annotations": Vec::new(), "logprobs": Vec::new() }
}

fn message_item(id: &str, status: &str, parts: Vec<Json>) -> Json {
    object! { "id": id, "type": "message", "status": status, "role": "assistant", "content": parts }
}

fn summary_part(text: &str) -> Json {
    object! { "type": "summary_text", "text": text }
}

fn reasoning_item(id: &str, text: &str, seal: Option<&Seal>) -> Json {
    let summary = if text.is_empty() { Vec::new() } else { vec![summary_part(text)] };
    let mut item = object! { "id": id, "type": "reasoning", "summary": summary };
    item.set_some("encrypted_content", seal.map(encrypted));
    item
}

fn call_item(id: &str, status: &str, call: &Call) -> Json {
    object! {
        "id": id,
        "type": "function_call",
        "status": status,
        "arguments": &call.arguments,
        "call_id": &call.id,
        "name": &call.name,
    }
}

/// Callers read the arguments as JSON, which a text of nothing is not.
fn whole_arguments(arguments: &str) -> &str {
    if arguments.trim().is_empty() { "{}" } else { arguments }
}
