//! A `generateContent` request, as far as the gate reads it. Field names may be written in either case, as protocol
//! buffers read them; written in both they are refused.

use super::splice::{Edits, count, invalid, list, place, raw, unreadable};
use super::{Ask, Places as Of};
use crate::domain::refusal::Refusal;
use crate::gateway::admit::Output;
use crate::proxy::dialect::Dialect;
use crate::proxy::dialect::fields::Ordered;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    contents: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw", alias = "generation_config", rename = "generationConfig")]
    config: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    tools: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Config<'a> {
    #[serde(borrow, default, deserialize_with = "raw", alias = "max_output_tokens", rename = "maxOutputTokens")]
    most: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw", alias = "candidate_count", rename = "candidateCount")]
    count: Option<&'a RawValue>,
}

#[derive(Clone, Debug)]
pub(super) struct Places {
    bound: Bound,
}

/// Where the output bound stands, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bound {
    Said,
    /// `null` stands here.
    Replace(Range<usize>, bool),
    /// Within the generation's settings, which are otherwise empty or not.
    Insert(usize, bool),
    /// Nothing is said of the generation at all.
    Add,
}

/// # Errors
/// 400 for each field that is not what Gemini's API says it is.
pub(super) fn read(body: Bytes, model: String, stream: bool) -> Result<Ask, Refusal> {
    let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    list("contents", fields.contents)?;
    let (mut says, mut choices, mut bound) = (None, 1, Bound::Add);
    if let Some(raw) = fields.config {
        if raw.get() == "null" {
            bound = Bound::Replace(place(&body, raw), true);
        } else {
            let wrong = || invalid("generationConfig", "\"generationConfig\" must be an object.");
            let config = raw.get().starts_with('{').then(|| serde_json::from_str::<Config>(raw.get()).ok());
            let config = config.flatten().ok_or_else(wrong)?;
            says = count("generationConfig.maxOutputTokens", config.most)?;
            choices = count("generationConfig.candidateCount", config.count)?.unwrap_or(1).max(1);
            bound = match config.most {
                Some(_) if says.is_some() => Bound::Said,
                Some(null) => Bound::Replace(place(&body, null), false),
                None => Bound::Insert(place(&body, raw).start + 1, raw.get()[1..].trim_start() == "}"),
            };
        }
    }
    if choices > 128 {
        return Err(invalid("generationConfig.candidateCount", "\"candidateCount\" must be between 1 and 128."));
    }
    let text = String::from_utf8_lossy(&body);
    // Inline data, file data, cached content: JSON may write each of their letters by number.
    let has_parts = ["ata\"", "ached", "\\u00"].iter().any(|sign| text.contains(sign));
    let output = match says {
        Some(most) => Output::Declared(most.saturating_mul(choices)),
        None => Output::Open { choices },
    };
    let has_tools = fields.tools.is_some_and(|tools| !matches!(tools.get(), "null" | "[]"));
    let searches = fields.tools.filter(|tools| runs_there(tools)).map(|_| "tools");
    let zero = (says == Some(0)).then_some("generationConfig.maxOutputTokens");
    let ask = Ask::new(Dialect::Gemini, model, body, Of::Gemini(Places { bound }));
    Ok(Ask { stream, output, choices, has_parts, has_tools, searches, zero, ..ask })
}

/// Whether any tool runs at the provider: all do but functions. What cannot be read is one.
fn runs_there(tools: &RawValue) -> bool {
    if tools.get() == "null" {
        return false;
    }
    let Ok(tools) = serde_json::from_str::<Vec<Ordered>>(tools.get()) else { return true };
    let own = |name: &str| matches!(name, "functionDeclarations" | "function_declarations");
    tools.iter().flat_map(|Ordered(fields)| fields).any(|(name, value)| !own(name) && value.get() != "null")
}

impl Places {
    pub(super) fn bind(&self, bound: Option<(&str, u64)>, edits: &mut Edits) {
        let Some((_, most)) = bound else { return };
        match &self.bound {
            Bound::Said => {}
            Bound::Replace(place, true) => edits.replace(place.clone(), format!("{{\"maxOutputTokens\":{most}}}")),
            Bound::Replace(place, false) => edits.replace(place.clone(), most.to_string()),
            Bound::Insert(at, is_empty) => {
                let comma = if *is_empty { "" } else { "," };
                edits.replace(*at..*at, format!("\"maxOutputTokens\":{most}{comma}"));
            }
            Bound::Add => edits.add(&format!("\"generationConfig\":{{\"maxOutputTokens\":{most}}},")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> Result<Ask, Refusal> {
        read(Bytes::from(text.to_owned()), "m".to_owned(), false)
    }

    #[test]
    fn the_bound_goes_where_the_caller_would_have_written_it() {
        for (given, sent) in [
            (r#"{"contents":[]}"#, r#"{"generationConfig":{"maxOutputTokens":9},"contents":[]}"#),
            (r#"{"contents":[],"generationConfig":{}}"#, r#"{"contents":[],"generationConfig":{"maxOutputTokens":9}}"#),
            (
                r#"{"contents":[],"generation_config":{"topK":1}}"#,
                r#"{"contents":[],"generation_config":{"maxOutputTokens":9,"topK":1}}"#,
            ),
            (
                r#"{"contents":[],"generationConfig":{"max_output_tokens":null}}"#,
                r#"{"contents":[],"generationConfig":{"max_output_tokens":9}}"#,
            ),
            (
                r#"{"contents":[],"generationConfig":null}"#,
                r#"{"contents":[],"generationConfig":{"maxOutputTokens":9}}"#,
            ),
            (
                r#"{"contents":[],"generationConfig":{"maxOutputTokens":5}}"#,
                r#"{"contents":[],"generationConfig":{"maxOutputTokens":5}}"#,
            ),
        ] {
            let chat = chat(given).expect("a chat");
            assert_eq!(chat.forwarded("up", Some(("max_tokens", 9)), true), sent, "{given}");
            assert_eq!(chat.forwarded("up", None, true), given);
        }
    }

    #[test]
    fn a_bound_written_in_both_cases_is_refused_since_nobody_can_say_which_one_holds() {
        for body in [
            r#"{"contents":[],"generationConfig":{"maxOutputTokens":5,"max_output_tokens":50000}}"#,
            r#"{"contents":[],"generationConfig":{"maxOutputTokens":5},"generation_config":{}}"#,
        ] {
            assert!(chat(body).is_err(), "{body}");
        }
    }

    #[test]
    fn candidates_are_counted_and_tools_at_google_are_told_from_functions() {
        let given = r#"{"contents":[],"generationConfig":{"candidateCount":3,"maxOutputTokens":5}}"#;
        let chat = |text: &str| self::chat(text).expect("a chat");
        assert_eq!((chat(given).output, chat(given).choices), (Output::Declared(15), 3));
        assert_eq!(chat(r#"{"contents":[],"tools":[{"functionDeclarations":[]}]}"#).searches, None);
        assert_eq!(chat(r#"{"contents":[],"tools":[{"google_search":{}}]}"#).searches, Some("tools"));
    }
}
