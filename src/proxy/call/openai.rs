//! A chat completion, as far as the gate reads it.

use super::splice::{Edits, count, flag, invalid, list, place, raw, unreadable};
use super::{Ask, Places as Of};
use crate::domain::refusal::Refusal;
use crate::gateway::admit::Output;
use crate::proxy::dialect::Dialect;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::ops::Range;

/// The fields that the gate reads, as they stand in the body.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    model: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    n: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    web_search_options: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StreamOptions<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    include_usage: Option<&'a RawValue>,
}

/// Where in the body stands what may have to be written anew.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub model_at: Range<usize>,
    max_tokens: Option<Most>,
    max_completion_tokens: Option<Most>,
    stream_options: Usage,
}

/// One of the two fields that bound the length of an answer, and its place.
#[derive(Clone, Debug)]
struct Most {
    name_at: Range<usize>,
    value_at: Range<usize>,
    /// `None` for `null`.
    says: Option<u64>,
}

/// Whether the caller asks for usage at the end of a stream, or how to ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Usage {
    Asked,
    /// Nothing is said: a field of its own does it.
    Unsaid,
    /// `null` or `false` stands here: it is replaced.
    Replace(Range<usize>, &'static str),
    /// Options without this one: it goes in here.
    Insert(usize, &'static str),
}

/// # Errors
/// 400 for each field that is not what OpenAI's API says it is.
pub(super) fn read(body: Bytes, model: String) -> Result<Ask, Refusal> {
    let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    let messages = list("messages", fields.messages)?.get();
    let stream = flag("stream", fields.stream)?;
    let choices = count("n", fields.n)?.unwrap_or(1);
    if !(1..=128).contains(&choices) {
        return Err(invalid("n", "\"n\" must be between 1 and 128."));
    }
    let places = Places::of(&body, &fields)?;
    let bounds = [("max_tokens", &places.max_tokens), ("max_completion_tokens", &places.max_completion_tokens)];
    let said = bounds.iter().filter_map(|(field, most)| Some((*field, most.as_ref()?.says?)));
    let output = match said.clone().map(|(_, most)| most).max() {
        Some(most) => Output::Declared(most.saturating_mul(choices)),
        None => Output::Open { choices },
    };
    let zero = said.clone().find(|(_, most)| *most == 0).map(|(field, _)| field);
    // There is a list within the list of messages, or a bracket in a text.
    let has_parts = messages[1..].contains('[') || may_be_spoken(messages);
    let searches = fields.web_search_options.filter(|options| options.get() != "null").map(|_| "web_search_options");
    let ask = Ask::new(Dialect::Openai, model, body, Of::Openai(places));
    Ok(Ask { stream, output, choices, has_parts, searches, zero, ..ask })
}

impl Places {
    /// Those of a completion, which has the same fields.
    ///
    /// # Errors
    /// As [`read`].
    pub(super) fn read(body: &Bytes) -> Result<Self, Refusal> {
        Self::of(body, &serde_json::from_slice(body).map_err(|error| unreadable(&error))?)
    }

    fn of(body: &Bytes, fields: &Fields) -> Result<Self, Refusal> {
        let model_at = fields.model.map(|raw| place(body, raw));
        Ok(Self {
            model_at: model_at.ok_or_else(|| invalid("model", "The request names no model."))?,
            max_tokens: most(body, "max_tokens", fields.max_tokens)?,
            max_completion_tokens: most(body, "max_completion_tokens", fields.max_completion_tokens)?,
            stream_options: match fields.stream_options {
                None => Usage::Unsaid,
                Some(raw) => usage_option(body, raw)?,
            },
        })
    }

    /// What `max_tokens` says.
    pub(super) fn says_most(&self) -> Option<u64> {
        self.max_tokens.as_ref()?.says
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options == Usage::Asked
    }

    pub(super) fn edit(&self, bound: Option<(&str, u64)>, ask_usage: bool, edits: &mut Edits) {
        if let Some((field, most)) = bound {
            let (own, other) = match field {
                "max_tokens" => (&self.max_tokens, &self.max_completion_tokens),
                _ => (&self.max_completion_tokens, &self.max_tokens),
            };
            match (own, other.as_ref().filter(|other| other.says.is_some())) {
                (Some(own), _) if own.says.is_some() => {}
                // The caller's bound takes the other name: OpenAI refuses a call that gives both, others one of them.
                (None, Some(other)) => edits.replace(other.name_at.clone(), format!("\"{field}\"")),
                (Some(own), Some(other)) => {
                    edits.replace(own.value_at.clone(), most.to_string());
                    edits.replace(other.value_at.clone(), "null");
                }
                (Some(own), None) => edits.replace(own.value_at.clone(), most.to_string()),
                (None, None) => edits.add(&format!("\"{field}\":{most},")),
            }
        }
        if ask_usage {
            match &self.stream_options {
                Usage::Asked => {}
                Usage::Unsaid => edits.add("\"stream_options\":{\"include_usage\":true},"),
                Usage::Replace(place, text) => edits.replace(place.clone(), *text),
                Usage::Insert(at, text) => edits.replace(*at..*at, *text),
            }
        }
    }
}

fn usage_option(body: &Bytes, raw: &RawValue) -> Result<Usage, Refusal> {
    if raw.get() == "null" {
        return Ok(Usage::Replace(place(body, raw), "{\"include_usage\":true}"));
    }
    let wrong = || invalid("stream_options", "\"stream_options\" must be an object such as {\"include_usage\": true}.");
    let object = raw.get().starts_with('{').then(|| serde_json::from_str::<StreamOptions>(raw.get()).ok());
    let options = object.flatten().ok_or_else(wrong)?;
    match options.include_usage {
        Some(value) => match value.get() {
            "true" => Ok(Usage::Asked),
            "false" | "null" => Ok(Usage::Replace(place(body, value), "true")),
            _ => Err(invalid("stream_options", "\"include_usage\" must be true or false.")),
        },
        None => {
            let inside = place(body, raw).start + 1;
            let empty = raw.get()[1..].trim_start() == "}";
            Ok(Usage::Insert(inside, if empty { "\"include_usage\":true" } else { "\"include_usage\":true," }))
        }
    }
}

fn most(body: &Bytes, field: &str, raw: Option<&RawValue>) -> Result<Option<Most>, Refusal> {
    let says = count(field, raw)?;
    let Some(value_at) = raw.map(|raw| place(body, raw)) else { return Ok(None) };
    // Between a field's name and its value there is nothing but a colon and blanks, and in this name there is no quote.
    let quote_before = |at: usize| body[..at].iter().rposition(|byte| *byte == b'"').unwrap_or_default();
    let name_end = quote_before(value_at.start);
    Ok(Some(Most { name_at: quote_before(name_end)..name_end + 1, value_at, says }))
}

/// Whether a message may have a field `audio`: JSON may write each of its letters by number.
fn may_be_spoken(messages: &str) -> bool {
    ["\"audio\"", "\\u006", "\\u007"].iter().any(|sign| messages.contains(sign))
}
