//! What a chat completion used.

use super::{Glance, Seen, list, number, sane, text};
use crate::domain::usage::{Reported, Usage};
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

/// OpenAI's usage object, as any of its services writes it: chats say `prompt_tokens` and `completion_tokens`, later
/// services `input_tokens` and `output_tokens`, with the details beside them. `None` where it is absent or null, or counts
/// no tokens.
pub(in crate::proxy) fn usage(value: &Value) -> Option<Usage> {
    let whole = |names: [&str; 2]| names.into_iter().find_map(|name| number(value.get(name)));
    let input = whole(["prompt_tokens", "input_tokens"]);
    let output = whole(["completion_tokens", "output_tokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    // Transcriptions leave out an `s`.
    let of_input = details(value, ["prompt_tokens_details", "input_tokens_details", "input_token_details"]);
    let of_output = details(value, ["completion_tokens_details", "output_tokens_details", "output_token_details"]);
    let part = |details: Option<&Value>, name: &str| number(details.and_then(|details| details.get(name))).unwrap_or(0);
    // Where it is said what the cache held, that was neither heard nor seen anew.
    let cached = of_input.and_then(|details| details.get("cached_tokens_details"));
    let fresh = |name: &str| part(of_input, name).saturating_sub(part(cached, name).max(0));
    Some(sane(
        value,
        Reported {
            input: input.unwrap_or(0),
            cached_input: part(of_input, "cached_tokens"),
            // OpenRouter's name for what others' caches are charged for.
            cache_write: part(of_input, "cache_write_tokens"),
            audio_input: fresh("audio_tokens"),
            image_input: fresh("image_tokens"),
            output: output.unwrap_or(0),
            reasoning: part(of_output, "reasoning_tokens"),
            audio_output: part(of_output, "audio_tokens"),
            image_output: part(of_output, "image_tokens"),
            ..Reported::default()
        },
    ))
}

fn details<'a>(value: &'a Value, names: [&str; 3]) -> Option<&'a Value> {
    names.into_iter().find_map(|name| value.get(name).filter(|details| details.is_object()))
}
