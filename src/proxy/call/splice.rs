//! Where things stand in a body, and how a few of them are replaced: every other byte stays as the caller wrote it.

use crate::domain::refusal::{Code, Refusal};
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::ops::Range;

/// A field that is there, even as `null`: where something is to be written, its place must be known.
pub(super) fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Where a borrowed value stands in the body it was borrowed from.
pub(super) fn place(body: &Bytes, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + raw.get().len()
}

/// What is to be written into a body.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<(Range<usize>, String)>,
    fields: String,
}

impl Edits {
    pub(super) fn replace(&mut self, place: Range<usize>, text: impl Into<String>) {
        self.edits.push((place, text.into()));
    }

    /// A field of its own, at the beginning of the body; `text` ends with a comma.
    pub(super) fn add(&mut self, text: &str) {
        self.fields.push_str(text);
    }

    /// The model by the name that the upstream knows it by.
    pub(super) fn name(&mut self, place: &Range<usize>, model: &str, upstream_model: &str) {
        if upstream_model != model {
            self.replace(place.clone(), serde_json::Value::from(upstream_model).to_string());
        }
    }

    /// The body with each place replaced; the very same bytes where nothing is.
    pub(super) fn applied(mut self, body: &Bytes) -> Bytes {
        if !self.fields.is_empty() {
            // The object holds at least one field, so what goes in first is followed by a comma.
            let first = body.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
            self.edits.push((first..first, self.fields));
        }
        if self.edits.is_empty() {
            return body.clone();
        }
        self.edits.sort_by_key(|(place, _)| place.start);
        let mut text = Vec::with_capacity(body.len() + 128);
        let mut at = 0;
        for (place, replacement) in self.edits {
            text.extend_from_slice(&body[at..place.start]);
            text.extend_from_slice(replacement.as_bytes());
            at = place.end;
        }
        text.extend_from_slice(&body[at..]);
        text.into()
    }
}

pub(super) fn count(field: &str, raw: Option<&RawValue>) -> Result<Option<u64>, Refusal> {
    match raw.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(count) if count <= 1_000_000_000 => Ok(Some(count)),
            _ => Err(invalid(field, &format!("{field:?} must be a whole number from 0 to 1,000,000,000."))),
        },
    }
}

pub(super) fn flag(field: &str, raw: Option<&RawValue>) -> Result<bool, Refusal> {
    match raw.map(RawValue::get) {
        None | Some("null" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(invalid(field, &format!("{field:?} must be true or false."))),
    }
}

/// A field that must be a list.
pub(super) fn list<'a>(field: &str, raw: Option<&'a RawValue>) -> Result<&'a RawValue, Refusal> {
    let missing = || invalid(field, &format!("{field:?} must be a list of messages."));
    raw.filter(|raw| raw.get().starts_with('[')).ok_or_else(missing)
}

pub(super) fn unreadable(error: &serde_json::Error) -> Refusal {
    let message = format!("The body is not a JSON object that can be read: {error}.");
    Refusal::new(Code::InvalidBody, message)
}

pub(super) fn invalid(field: &str, message: &str) -> Refusal {
    Refusal::new(Code::InvalidBody, message).about(field)
}
