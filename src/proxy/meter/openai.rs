//! What a chat completion used.

use super::{Glance, Seen, list, number, sane, text};
use crate::domain::usage::Usage;
use serde_json::Value;

pub(super) fn glance(read: &Value) -> Glance {
    let choices = list(read, "choices");
    let mut glance = Glance { usage: read.get("usage").and_then(usage), ..Glance::default() };
    for choice in choices {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        if let Some(said) = choice.get("delta").or_else(|| choice.get("message")) {
            relayed(index, said, &mut glance.texts);
        }
    }
    if glance.usage.is_some() && choices.is_empty() {
        glance.seen = Some(Seen::UsageOnly);
    }
    glance
}

fn relayed(choice: u64, said: &Value, texts: &mut Vec<(u64, String)>) {
    // Of a tool's call, what the model wrote: the JSON around it is written again with every chunk.
    let functions = list(said, "tool_calls").iter().filter_map(|call| call.get("function"));
    let called = functions.flat_map(|function| [text(function, "name"), text(function, "arguments")]);
    // Some say what was thought under both names.
    let thought = text(said, "reasoning_content").or(text(said, "reasoning"));
    let said = [text(said, "content"), thought, text(said, "refusal")];
    texts.extend(said.into_iter().chain(called).flatten().map(|text| (choice, text.to_owned())));
}

/// OpenAI's usage object; `None` where it is absent or null.
fn usage(value: &Value) -> Option<Usage> {
    let part = |whole: &str, part: &str| number(value.get(whole).and_then(|details| details.get(part))).unwrap_or(0);
    let (input, output) = (number(value.get("prompt_tokens")), number(value.get("completion_tokens")));
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = part("prompt_tokens_details", "cached_tokens");
    let reasoning = part("completion_tokens_details", "reasoning_tokens");
    Some(sane(value, input.unwrap_or(0), cached, output.unwrap_or(0), reasoning))
}
