//! What a message used: said at its start for the input, at its end for all of it. What was read from a cache, and what
//! was written into one, is not part of `input_tokens`.

use super::{Glance, Seen, list, number, sane, text};
use crate::domain::usage::{Reported, Units, Usage};
use serde_json::Value;

/// No honest answer has searched more often.
const MOST_SEARCHES: u64 = 100_000;

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
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let cached = said("cache_read_input_tokens").unwrap_or(signed(before.cached_input));
    let (written, written_1h) = match said("cache_creation_input_tokens") {
        Some(all) => {
            let hours = value.get("cache_creation").and_then(|apart| number(apart.get("ephemeral_1h_input_tokens")));
            let hours = hours.unwrap_or(0).clamp(0, all.max(0));
            (all.saturating_sub(hours), hours)
        }
        None => (signed(before.cache_write), signed(before.cache_write_1h)),
    };
    let input = match input {
        Some(fresh) => [cached, written, written_1h].into_iter().fold(fresh, i64::saturating_add),
        None => signed(before.input),
    };
    let usage = sane(
        value,
        Reported {
            input,
            cached_input: cached,
            cache_write: written,
            cache_write_1h: written_1h,
            output: output.unwrap_or(signed(before.output)),
            ..Reported::default()
        },
    );
    // Searches of the web are charged by the search, beside their tokens.
    let searches = value.get("server_tool_use").and_then(|used| number(used.get("web_search_requests")));
    let searches = searches.map_or(before.units.searches, |count| u64::try_from(count).unwrap_or(0).min(MOST_SEARCHES));
    Some(Usage { units: Units { searches, ..Units::NONE }, ..usage })
}
