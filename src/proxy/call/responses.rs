//! A response asked for, as far as the gate reads it.

use super::splice::{Edits, count, flag, invalid, place, raw, unreadable};
use super::{Ask, Places as Of};
use crate::domain::refusal::{Refusal, Retry};
use crate::gateway::admit::Output;
use crate::proxy::dialect::Dialect;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    model: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    max_output_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    input: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    background: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    previous_response_id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    conversation: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    prompt: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    context_management: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Kinds of tools that the caller runs itself. Any other kind runs at the provider.
const RUN_BY_CALLERS: [&str; 7] =
    ["apply_patch", "computer", "computer_use", "computer_use_preview", "custom", "function", "local_shell"];

#[derive(Clone, Debug)]
pub(super) struct Places {
    pub model_at: Range<usize>,
    /// The bound, and whether it says anything.
    most: Option<(Range<usize>, bool)>,
    /// It goes on with a conversation, and adds to it.
    pub is_conversation: bool,
}

/// # Errors
/// 400 for each field that is not what OpenAI's API says it is, and for a response in the background.
pub(super) fn read(body: Bytes, model: String) -> Result<Ask, Refusal> {
    let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    let is_there = |field: Option<&RawValue>| field.is_some_and(|raw| !matches!(raw.get(), "null" | "[]"));
    if flag("background", fields.background)? {
        let message = "A response in the background goes on after its call has been answered, and nobody could charge it. \
                       Leave \"background\" out, and stream the answer where it takes long.";
        return Err(Refusal { retry: Retry::Never, ..invalid("background", message) });
    }
    // What went before is with the provider.
    let refers = [fields.previous_response_id, fields.conversation, fields.prompt].into_iter().any(is_there);
    let input = match fields.input.map(RawValue::get) {
        Some(input) if input.starts_with(['"', '[']) => input,
        None | Some("null") if refers => "",
        _ => return Err(invalid("input", "\"input\" must be a text or a list of items.")),
    };
    let stream = flag("stream", fields.stream)?;
    let says = count("max_output_tokens", fields.max_output_tokens)?;
    let model_at = fields.model.map(|raw| place(&body, raw));
    let model_at = model_at.ok_or_else(|| invalid("model", "The request names no model."))?;
    let searches = match fields.tools {
        Some(tools) if runs_there(tools) => Some("tools"),
        // It may name tools of its own, and sums up what is too long.
        _ if is_there(fields.prompt) => Some("prompt"),
        _ if is_there(fields.context_management) => Some("context_management"),
        _ => None,
    };
    let output = says.map_or(Output::Open { choices: 1 }, Output::Declared);
    let has_parts = refers || may_have_parts(input);
    let (has_tools, zero) = (is_there(fields.tools), (says == Some(0)).then_some("max_output_tokens"));
    let is_conversation = is_there(fields.conversation);
    let most = fields.max_output_tokens.map(|raw| (place(&body, raw), says.is_some()));
    let ask = Ask::new(Dialect::Responses, model, body, Of::Responses(Places { model_at, most, is_conversation }));
    Ok(Ask { stream, output, has_parts, has_tools, searches, zero, ..ask })
}

/// An item of an earlier answer, by its id.
#[derive(Debug)]
pub(in crate::proxy) struct Reference {
    pub id: String,
    /// Where in the body it stands.
    pub place: Range<usize>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type")]
    kind: Option<String>,
    id: Option<String>,
    role: Option<serde::de::IgnoredAny>,
}

/// The items of the input that are only referred to.
pub(super) fn references(body: &Bytes) -> Vec<Reference> {
    let input = serde_json::from_slice::<Fields>(body).ok().and_then(|fields| fields.input);
    let Some(input) = input.filter(|input| input.get().starts_with('[') && input.get().contains("id\"")) else {
        return Vec::new();
    };
    let items = serde_json::from_str::<Vec<&RawValue>>(input.get()).unwrap_or_default();
    let each = items.into_iter().filter_map(|raw| {
        let Item { kind, id, role } = serde_json::from_str(raw.get()).ok()?;
        let is_reference = kind.as_deref().map_or(role.is_none(), |kind| kind == "item_reference");
        Some(Reference { id: id.filter(|_| is_reference)?, place: place(body, raw) })
    });
    each.collect()
}

/// Whether there is a list within the list of items, or an item that is elsewhere and known by its id. JSON may write
/// each of these letters by number.
fn may_have_parts(input: &str) -> bool {
    input.starts_with('[') && (input[1..].contains('[') || ["\"id\"", "\\u006"].iter().any(|sign| input.contains(sign)))
}

/// Whether any tool runs at the provider, at the caller's cost. What cannot be read is one.
fn runs_there(tools: &RawValue) -> bool {
    if tools.get() == "null" {
        return false;
    }
    let Ok(tools) = serde_json::from_str::<Vec<Tool>>(tools.get()) else { return true };
    tools.iter().any(|tool| tool.kind.as_deref().is_none_or(|kind| !RUN_BY_CALLERS.contains(&kind)))
}

impl Places {
    pub(super) fn bind(&self, bound: Option<(&str, u64)>, edits: &mut Edits) {
        match (bound, &self.most) {
            (None, _) | (_, Some((_, true))) => {}
            (Some((_, most)), Some((place, false))) => edits.replace(place.clone(), most.to_string()),
            (Some((_, most)), None) => edits.add(&format!("\"max_output_tokens\":{most},")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> Result<Ask, Refusal> {
        read(Bytes::from(text.to_owned()), "m".to_owned())
    }

    #[test]
    fn only_the_model_is_written_anew_and_a_bound_where_there_is_none() {
        let forwarded = |text: &str| {
            let body = chat(text).expect("a call").forwarded("up", Some(("max_completion_tokens", 9)), true);
            String::from_utf8(body.to_vec()).expect("text")
        };
        let text = r#"{"model": "m", "stream":true, "max_output_tokens": 5, "input": [ ]}"#;
        assert_eq!(forwarded(text), text.replace("\"m\"", "\"up\""));
        assert_eq!(forwarded(r#"{"model":"m","input":"hi"}"#), r#"{"max_output_tokens":9,"model":"up","input":"hi"}"#);
        assert_eq!(
            forwarded(r#"{"model":"m","input":"hi","max_output_tokens":null}"#),
            r#"{"model":"up","input":"hi","max_output_tokens":9}"#
        );
    }

    #[test]
    fn what_the_provider_does_by_itself_is_told_from_the_callers_own_tools() {
        for (field, searches) in [
            (r#""tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"},{"type":"local_shell"}]"#, None),
            (r#""tools":[{"type":"web_search"}]"#, Some("tools")),
            (r#""tools":[{"type":"\u0066ile_search"}]"#, Some("tools")),
            (r#""tools":[{"name":"f"}]"#, Some("tools")),
            (r#""tools":7"#, Some("tools")),
            (r#""tools":null"#, None),
            (r#""prompt":{"id":"pmpt_1"}"#, Some("prompt")),
            (r#""prompt":null"#, None),
            (r#""context_management":[{"type":"compaction"}]"#, Some("context_management")),
        ] {
            let chat = chat(&format!(r#"{{"model":"m","input":"hi",{field}}}"#)).expect("a call");
            assert_eq!(chat.searches, searches, "{field}");
        }
    }

    #[test]
    fn what_may_come_to_more_than_its_text_is_seen() {
        for (fields, has_parts) in [
            (r#""input":"[\"id\"]""#, false),
            (r#""input":[{"role":"user","content":"hi"}]"#, false),
            (r#""input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]"#, true),
            (r#""input":[{"type":"item_reference","id":"msg_1"}]"#, true),
            (r#""input":[{"\u0069d":"msg_1"}]"#, true),
            (r#""input":"hi","previous_response_id":"resp_1""#, true),
            (r#""conversation":"conv_1""#, true),
        ] {
            let chat = chat(&format!(r#"{{"model":"m",{fields}}}"#)).expect("a call");
            assert_eq!(chat.has_parts, has_parts, "{fields}");
        }
    }

    #[test]
    fn what_is_no_response_is_refused_with_the_field_named() {
        for (fields, param) in [
            ("", "input"),
            (r#","input":7"#, "input"),
            (r#","input":{"role":"user"}"#, "input"),
            (r#","input":"hi","background":true"#, "background"),
            (r#","input":"hi","stream":1"#, "stream"),
            (r#","input":"hi","max_output_tokens":"9""#, "max_output_tokens"),
        ] {
            let refusal = chat(&format!(r#"{{"model":"m"{fields}}}"#)).expect_err(fields);
            assert_eq!(refusal.param.as_deref(), Some(param), "{fields}");
        }
    }
}
