//! What a response used: said once, in the response that ends the stream or is the whole answer.

use super::{Glance, Seen, list, number, openai, text};
use crate::domain::usage::{Units, Usage};
use serde_json::Value;

/// No honest answer has searched more often.
const MOST_SEARCHES: u64 = 100_000;

pub(super) fn glance(read: &Value) -> Glance {
    let mut glance = Glance::default();
    let mut said = |text: Option<&str>| glance.texts.extend(text.map(|text| (0, text.to_owned())));
    match text(read, "type") {
        Some("response.completed" | "response.incomplete" | "response.failed") => {
            glance.usage = read.get("response").and_then(usage);
            glance.seen = Some(Seen::Done);
        }
        // Of a tool's call, its name; what else an item says comes in pieces.
        Some("response.output_item.added") => said(read.get("item").and_then(|item| text(item, "name"))),
        // A summary, or a thought, or a text: whatever the model wrote.
        Some(kind) if kind.ends_with(".delta") => said(text(read, "delta")),
        Some(_) => {}
        None => {
            list(read, "output").iter().flat_map(whole).for_each(|text| said(Some(text)));
            glance.usage = usage(read);
        }
    }
    glance
}

/// What the model wrote in an item.
fn whole(item: &Value) -> impl Iterator<Item = &str> {
    let own = ["name", "arguments", "input"].into_iter().filter_map(|field| text(item, field));
    let parts = ["content", "summary"].into_iter().flat_map(|field| list(item, field));
    own.chain(parts.filter_map(|part| text(part, "text").or(text(part, "refusal"))))
}

/// Its tokens, and what it searched: the web is charged by the search, beside what was read.
fn usage(response: &Value) -> Option<Usage> {
    let usage = openai::usage(response.get("usage")?)?;
    let said = response.get("tool_usage").and_then(|tools| tools.get("web_search"));
    let said = said.and_then(|search| number(search.get("num_requests")));
    let called =
        || list(response, "output").iter().filter(|item| text(item, "type") == Some("web_search_call")).count();
    let searches = said.map_or_else(|| called() as u64, |count| u64::try_from(count).unwrap_or(0));
    Some(Usage { units: Units { searches: searches.min(MOST_SEARCHES), ..usage.units }, ..usage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(read: &Value) -> String {
        glance(read).texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_the_model_wrote_is_told_from_what_stands_around_it() {
        let item = json!({ "type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}" });
        let message = json!({ "type": "message", "content": [{ "type": "output_text", "text": "hi" },
            { "type": "refusal", "refusal": "no" }] });
        let thought = json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": "hm" }] });
        assert_eq!(texts(&json!({ "object": "response", "output": [thought, message, item] })), "hm hi no f {}");
        for (event, said) in [
            (json!({ "type": "response.output_item.added", "item": item }), "f"),
            (json!({ "type": "response.function_call_arguments.delta", "delta": "{}" }), "{}"),
            (json!({ "type": "response.output_text.delta", "delta": "hi" }), "hi"),
            // It has been said already.
            (json!({ "type": "response.output_text.done", "text": "hi" }), ""),
            (json!({ "type": "response.completed", "response": { "output": [message] } }), ""),
        ] {
            assert_eq!(texts(&event), said, "{event}");
        }
    }

    #[test]
    fn what_was_searched_is_counted_beside_the_tokens() {
        let usage = json!({ "input_tokens": 9, "input_tokens_details": { "cached_tokens": 4, "cache_write_tokens": 2 },
            "output_tokens": 7, "output_tokens_details": { "reasoning_tokens": 5 } });
        let mut answer = json!({ "output": [{ "type": "web_search_call", "id": "ws_1" }], "usage": usage });
        let due = Usage { input: 9, cached_input: 4, cache_write: 2, output: 7, reasoning: 5, ..Usage::default() };
        let searched = |searches| Some(Usage { units: Units { searches, ..Units::NONE }, ..due });
        assert_eq!(glance(&answer).usage, searched(1));
        answer["tool_usage"] = json!({ "web_search": { "num_requests": 3 } });
        assert_eq!(glance(&json!({ "type": "response.completed", "response": answer })).usage, searched(3));
    }

    #[test]
    fn only_an_end_ends_it() {
        let seen = |kind: &str| glance(&json!({ "type": kind, "response": { "usage": null } })).seen;
        assert_eq!(seen("response.created"), None);
        assert_eq!(seen("error"), None);
        for kind in ["response.completed", "response.incomplete", "response.failed"] {
            assert_eq!(seen(kind), Some(Seen::Done));
        }
    }
}
