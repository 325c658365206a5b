//! What `generateContent` used: each event says it anew for all of the answer. What was thought is not part of
//! `candidatesTokenCount`.

use super::{Glance, Seen, list, number, sane, text};
use crate::domain::usage::{Reported, Usage};
use serde_json::Value;

pub(super) fn glance(read: &Value) -> Glance {
    let candidates = list(read, "candidates");
    let mut glance = Glance { usage: read.get("usageMetadata").and_then(usage), ..Glance::default() };
    for candidate in candidates {
        let index = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
        for part in candidate.get("content").map(|content| list(content, "parts")).unwrap_or_default() {
            glance.texts.extend(text(part, "text").map(|text| (index, text.to_owned())));
            if let Some(call) = part.get("functionCall") {
                glance.texts.extend(text(call, "name").map(|name| (index, name.to_owned())));
                glance.texts.extend(call.get("args").map(|args| (index, args.to_string())));
            }
        }
    }
    let is_over = candidates.iter().any(|candidate| text(candidate, "finishReason").is_some());
    // A prompt that is not let through has no candidates.
    if is_over || read.get("promptFeedback").is_some_and(|feedback| feedback.get("blockReason").is_some()) {
        glance.seen = Some(Seen::Last);
    }
    glance.is_partial = glance.seen.is_none();
    glance
}

fn usage(value: &Value) -> Option<Usage> {
    let said = |name: &str| number(value.get(name)).unwrap_or(0);
    number(value.get("promptTokenCount")).or(number(value.get("candidatesTokenCount")))?;
    let thought = said("thoughtsTokenCount");
    let of = |names: &[&str], modality: &str| -> i64 {
        let each = names.iter().flat_map(|name| list(value, name));
        let counts = each.filter(|part| text(part, "modality") == Some(modality));
        counts.filter_map(|part| number(part.get("tokenCount"))).fold(0, i64::saturating_add)
    };
    // What the cache held is part of the prompt, and was neither heard nor seen anew.
    let fresh = |modality: &str| {
        let all = of(&["promptTokensDetails", "toolUsePromptTokensDetails"], modality);
        all.saturating_sub(of(&["cacheTokensDetails"], modality).max(0))
    };
    Some(sane(
        value,
        Reported {
            input: said("promptTokenCount").saturating_add(said("toolUsePromptTokenCount")),
            cached_input: said("cachedContentTokenCount"),
            audio_input: fresh("AUDIO"),
            image_input: fresh("IMAGE"),
            output: said("candidatesTokenCount").saturating_add(thought),
            reasoning: thought,
            audio_output: of(&["candidatesTokensDetails"], "AUDIO"),
            image_output: of(&["candidatesTokensDetails"], "IMAGE"),
            ..Reported::default()
        },
    ))
}
