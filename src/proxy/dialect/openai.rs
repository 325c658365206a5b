//! OpenAI's chat completions, as everything that calls itself compatible speaks them. Source: platform.openai.com, "Chat
//! completions"; for what is thought, openrouter.ai, "Reasoning tokens".

pub mod answer;
pub mod read;
pub mod stream;
pub mod write;

use super::Dialect;
use super::json::{Json, object};
use super::neutral::{Finish, Seal};

pub fn finish(reason: &str) -> Finish {
    match reason {
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::Calls,
        "content_filter" => Finish::Filtered,
        _ => Finish::Stop,
    }
}

pub fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Sequence(_) => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filtered => "content_filter",
    }
}

/// What a provider wants back, as OpenRouter carries it. `text` is the thought that it seals.
pub fn reasoning_detail(text: &str, seal: &Seal) -> Json {
    let format = match seal.by {
        Dialect::Anthropic => "anthropic-claude-v1",
        Dialect::Gemini => "google-gemini-v1",
        Dialect::Responses => "openai-responses-v1",
        Dialect::Openai => "unknown",
    };
    if seal.is_whole || seal.by != Dialect::Anthropic {
        return object! { "type": "reasoning.encrypted", "data": &seal.data, "format": format };
    }
    object! { "type": "reasoning.text", "text": text, "signature": &seal.data, "format": format }
}
