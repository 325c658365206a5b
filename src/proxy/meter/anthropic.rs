//! What a message used: said at its start for the input, at its end for all of it. What was read from a cache, and what
//! was written into one, is not part of `input_tokens`.

use super::{Glance, Seen, list, number, sane, text};
use crate::domain::usage::Usage;
use serde_json::Value;

/// `before` is what was reported before this event: what it does not say again stays.
pub(super) fn glance(read: &Value, before: Usage) -> Glance {
    let mut glance = Glance::default();
    match text(read, "type") {
        Some("message_start") => {
            glance.usage =
                read.get("message").and_then(|message| message.get("usage")).and_then(|said| usage(said, before));
            glance.is_partial = true;
        }
        Some("message_delta") => {
            glance.usage = read.get("usage").and_then(|said| usage(said, before));
            glance.seen = Some(Seen::Bill);
        }
        Some("message_stop") => glance.seen = Some(Seen::Done),
        Some("content_block_start") => said(read.get("content_block"), &mut glance.texts),
        Some("content_block_delta") => said(read.get("delta"), &mut glance.texts),
        _ => {
            list(read, "content").iter().for_each(|block| said(Some(block), &mut glance.texts));
            glance.usage = read.get("usage").and_then(|said| usage(said, before));
        }
    }
    glance
}

/// What the model wrote; its signatures are not its words.
fn said(block: Option<&Value>, texts: &mut Vec<(u64, String)>) {
    let Some(block) = block else { return };
    let plain = ["text", "thinking", "partial_json", "name"].into_iter().filter_map(|field| text(block, field));
    texts.extend(plain.map(|text| (0, text.to_owned())));
    let input = block.get("input").filter(|input| input.as_object().is_some_and(|fields| !fields.is_empty()));
    texts.extend(input.map(|input| (0, input.to_string())));
}

fn usage(value: &Value, before: Usage) -> Option<Usage> {
    let said = |name: &str| number(value.get(name));
    let (input, output) = (said("input_tokens"), said("output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let before = (before.input as i64, before.cached_input as i64, before.output as i64);
    let cached = said("cache_read_input_tokens").unwrap_or(before.1);
    let written = said("cache_creation_input_tokens").unwrap_or(0);
    let whole = match input {
        Some(fresh) => fresh.saturating_add(cached).saturating_add(written),
        None => before.0,
    };
    Some(sane(value, whole, cached, output.unwrap_or(before.2), 0))
}
