//! A message request, as far as the gate reads it.

use super::splice::{Edits, count, flag, invalid, list, place, raw, unreadable};
use super::{Ask, Places as Of};
use crate::domain::refusal::Refusal;
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
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    mcp_servers: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    container: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Kinds of tools that the caller runs itself. Any other kind runs at the provider.
const RUN_BY_CALLERS: [&str; 5] = ["custom", "bash_", "computer_", "memory_", "text_editor_"];

#[derive(Clone, Debug)]
pub(super) struct Places {
    pub model_at: Range<usize>,
    /// The bound, and whether it says anything.
    most: Option<(Range<usize>, bool)>,
}

/// # Errors
/// 400 for each field that is not what Anthropic's API says it is.
pub(super) fn read(body: Bytes, model: String) -> Result<Ask, Refusal> {
    let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    let messages = list("messages", fields.messages)?.get();
    let stream = flag("stream", fields.stream)?;
    let says = count("max_tokens", fields.max_tokens)?;
    let model_at = fields.model.map(|raw| place(&body, raw));
    let model_at = model_at.ok_or_else(|| invalid("model", "The request names no model."))?;
    let is_there = |field: Option<&RawValue>| field.is_some_and(|raw| !matches!(raw.get(), "null" | "[]"));
    let searches = match fields.tools {
        Some(tools) if runs_there(tools) => Some("tools"),
        _ if is_there(fields.mcp_servers) => Some("mcp_servers"),
        _ if is_there(fields.container) => Some("container"),
        _ => None,
    };
    let output = says.map_or(Output::Open { choices: 1 }, Output::Declared);
    // There is a list within the list of messages, or a bracket in a text.
    let has_parts = messages[1..].contains('[');
    let (has_tools, zero) = (is_there(fields.tools), (says == Some(0)).then_some("max_tokens"));
    let most = fields.max_tokens.map(|raw| (place(&body, raw), says.is_some()));
    let ask = Ask::new(Dialect::Anthropic, model, body, Of::Anthropic(Places { model_at, most }));
    Ok(Ask { stream, output, has_parts, has_tools, searches, zero, ..ask })
}

/// Whether any tool runs at the provider, at the caller's cost. What cannot be read is one.
fn runs_there(tools: &RawValue) -> bool {
    if tools.get() == "null" {
        return false;
    }
    let Ok(tools) = serde_json::from_str::<Vec<Tool>>(tools.get()) else { return true };
    let own = |kind: &str| RUN_BY_CALLERS.iter().any(|own| kind.starts_with(own));
    tools.iter().filter_map(|tool| tool.kind.as_deref()).any(|kind| !own(kind))
}

impl Places {
    pub(super) fn bind(&self, bound: Option<(&str, u64)>, edits: &mut Edits) {
        match (bound, &self.most) {
            (None, _) | (_, Some((_, true))) => {}
            (Some((_, most)), Some((place, false))) => edits.replace(place.clone(), most.to_string()),
            (Some((_, most)), None) => edits.add(&format!("\"max_tokens\":{most},")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &str) -> Ask {
        read(Bytes::from(text.to_owned()), "m".to_owned()).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"))
    }

    #[test]
    fn only_the_model_is_written_anew_and_a_bound_where_there_is_none() {
        let forwarded = |text: &str| {
            let body = chat(text).forwarded("up", Some(("max_tokens", 9)), true);
            String::from_utf8(body.to_vec()).expect("text")
        };
        let text = r#"{"model": "m", "max_tokens": 5, "messages": [ ]}"#;
        assert_eq!(forwarded(text), text.replace("\"m\"", "\"up\""));
        assert_eq!(forwarded(r#"{"model":"m","messages":[]}"#), r#"{"max_tokens":9,"model":"up","messages":[]}"#);
    }

    #[test]
    fn tools_that_run_at_the_provider_are_told_from_the_callers_own() {
        for (tools, searches) in [
            (
                r#"[{"name":"a","input_schema":{}},{"type":"custom","name":"b"},{"type":"bash_20250124","name":"bash"}]"#,
                None,
            ),
            (r#"[{"type":"web_search_20250305","name":"web_search"}]"#, Some("tools")),
            (r#"[{"type":"\u0077eb_fetch_20250910"}]"#, Some("tools")),
            ("7", Some("tools")),
            ("null", None),
        ] {
            let chat = chat(&format!(r#"{{"model":"m","messages":[],"tools":{tools}}}"#));
            assert_eq!(chat.searches, searches, "{tools}");
        }
        assert_eq!(chat(r#"{"model":"m","messages":[],"mcp_servers":[{}]}"#).searches, Some("mcp_servers"));
    }
}
