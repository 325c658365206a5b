//! A request as it arrived: whose key, which model, how much it may use at most. Only the fields that the gate needs
//! are read, and the caller's bytes stay as they are but for what must be written into them.

use super::tokens::Input;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::gateway::admit::Output;
use crate::gateway::authenticate::Holder;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::ops::Range;

/// The secret of the key, from wherever a client library puts it.
pub(super) fn secret(headers: &HeaderMap) -> Result<String, Refusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer =
        bearer.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let named = ["x-api-key", "api-key", "x-goog-api-key"];
    let named = named.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let secret = bearer.map(|(_, secret)| secret.trim()).or(named.map(str::trim)).filter(|secret| !secret.is_empty());
    secret.map(str::to_owned).ok_or_else(|| {
        let message = "No key was given. Send one as `Authorization: Bearer sk-tg-…`.";
        Refusal::new(Code::MissingKey, message)
    })
}

/// The fields of a chat completion that the gate reads, as they stand in the body.
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

/// A field that is there, even as `null`: where something is to be written, its place must be known.
fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// A chat completion, read just as far as the gate needs. Places are byte ranges of the body.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    body: Bytes,
    pub model: String,
    model_at: Range<usize>,
    max_tokens: Option<Most>,
    max_completion_tokens: Option<Most>,
    stream_options: Usage,
    pub stream: bool,
    pub output: Output,
    pub choices: u64,
    /// A message may hold more than text: there is a list within the list of messages, or a bracket in a text; or it may
    /// refer to something spoken.
    pub has_parts: bool,
    /// The upstream must be told its output bound by the name that it is sure to read.
    pub must_bind: bool,
    /// It must be known beforehand what the input comes to.
    must_bound_input: bool,
    /// It asks the provider to search the web, and to read what it finds at the caller's cost.
    searches: bool,
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

/// The body, whole.
///
/// # Errors
/// 413 above `most` bytes, after reading the rest up to as much again: a client that is still sending would see a
/// broken connection instead of the reason. 400 where the client stops in mid-body.
pub(super) async fn whole(body: axum::body::Body, most: usize) -> Result<Bytes, Refusal> {
    let mut body = body;
    let mut gathered = bytes::BytesMut::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let broken = |error| Refusal::new(Code::InvalidBody, format!("The body broke off: {error}."));
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= most {
            gathered.extend_from_slice(&data);
        } else {
            gathered.clear();
            if size > most.saturating_mul(2) {
                break;
            }
        }
    }
    if size > most {
        let message = format!("The body is larger than this gateway takes: {most} bytes.");
        return Err(Refusal { retry: Retry::Never, ..Refusal::new(Code::BodyTooLarge, message) });
    }
    Ok(gathered.freeze())
}

/// The model that a body names, before the rest of it is judged.
pub(super) fn model(body: &Bytes) -> Result<String, Refusal> {
    // A list would be read as the fields in their order; only an object says what its values are.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::new(Code::InvalidBody, "The body must be a JSON object."));
    }
    let fields: Fields = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let named = fields.model.ok_or_else(|| invalid("model", "The request names no model. Give one in \"model\"."))?;
    let name: String =
        serde_json::from_str(named.get()).map_err(|_| invalid("model", "\"model\" must be a string."))?;
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err(invalid("model", "\"model\" must be the name of a model, 1 to 200 characters."));
    }
    Ok(name)
}

impl Chat {
    /// # Errors
    /// 400 for each field that is not what the dialect says it is.
    pub(super) fn read(body: Bytes, model: String) -> Result<Self, Refusal> {
        let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
        let messages = fields.messages.filter(|raw| raw.get().starts_with('['));
        let messages = messages.ok_or_else(|| invalid("messages", "\"messages\" must be a list of messages."))?;
        let stream = match fields.stream.map(RawValue::get) {
            None | Some("null" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(invalid("stream", "\"stream\" must be true or false.")),
        };
        let choices = count("n", fields.n)?.unwrap_or(1);
        if !(1..=128).contains(&choices) {
            return Err(invalid("n", "\"n\" must be between 1 and 128."));
        }
        let max_completion_tokens = most(&body, "max_completion_tokens", fields.max_completion_tokens)?;
        let max_tokens = most(&body, "max_tokens", fields.max_tokens)?;
        let said = [&max_completion_tokens, &max_tokens].into_iter().flatten().filter_map(|most| most.says);
        let output = match said.max() {
            Some(most) => Output::Declared(most.saturating_mul(choices)),
            None => Output::Open { choices },
        };
        let place = |raw: &RawValue| place(&body, raw);
        let model_at = fields.model.map(place).ok_or_else(|| invalid("model", "The request names no model."))?;
        let stream_options = match fields.stream_options {
            None => Usage::Unsaid,
            Some(raw) => usage_option(&body, raw)?,
        };
        Ok(Self {
            model,
            model_at,
            max_tokens,
            max_completion_tokens,
            stream_options,
            stream,
            output,
            choices,
            has_parts: messages.get()[1..].contains('[') || may_be_spoken(messages.get()),
            must_bind: false,
            must_bound_input: false,
            searches: fields.web_search_options.is_some_and(|options| options.get() != "null"),
            body,
        })
    }

    /// The call as one of this key: under limits it must be known beforehand what it may use at most.
    ///
    /// # Errors
    /// 400 for an output bound of 0, which some upstreams take for none; for a provider's own search: nobody can count
    /// beforehand the pages that it will read.
    pub(super) fn held_to(self, holder: &Holder) -> Result<Self, Refusal> {
        let (must_bind, must_bound_input) = (holder.bounds_output(), holder.bounds_cost());
        let bounds = [("max_tokens", &self.max_tokens), ("max_completion_tokens", &self.max_completion_tokens)];
        let zero = bounds.iter().find(|(_, most)| most.as_ref().is_some_and(|most| most.says == Some(0)));
        if let Some((field, _)) = zero.filter(|_| must_bind) {
            let message = format!("{field:?} must be at least 1: some providers take 0 for no bound at all.");
            return Err(Refusal { retry: Retry::Never, ..invalid(field, &message) });
        }
        if !self.searches || !must_bound_input {
            return Ok(Self { must_bind, must_bound_input, ..self });
        }
        let message = "A search by the provider costs what nobody can say beforehand, so a key with limits may not ask \
                       for one. Leave \"web_search_options\" out, or use a key without limits.";
        Err(Refusal { retry: Retry::Never, ..invalid("web_search_options", message) })
    }

    /// Whether its input is bounded as far as its key needs.
    ///
    /// # Errors
    /// 400 for parts that nobody can bound.
    pub(super) fn is_bounded(&self, input: Input) -> Result<(), Refusal> {
        if input.is_bounded || !self.must_bound_input {
            return Ok(());
        }
        let message = "Nobody can say beforehand how many tokens the images, files or sounds in this call come to, so a \
                       key with limits may not send them. Ask an admin to enter the model's context length, send text \
                       alone, or use a key without limits.";
        Err(Refusal { retry: Retry::Never, ..invalid("messages", message) })
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the caller wants the usage chunk at the end of its stream.
    pub(super) fn wants_usage(&self) -> bool {
        self.stream_options == Usage::Asked
    }

    /// The body for an upstream: the caller's own but for the model's name there, the output bound (for each choice)
    /// under the name that this upstream reads, where it must be bound, and the request for usage.
    pub(super) fn forwarded(&self, upstream_model: &str, bound: Option<(&str, u64)>, ask_usage: bool) -> Bytes {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        if upstream_model != self.model {
            edits.push((self.model_at.clone(), serde_json::Value::from(upstream_model).to_string()));
        }
        let mut fields = String::new();
        if let Some((field, most)) = bound {
            let (own, other) = match field {
                "max_tokens" => (&self.max_tokens, &self.max_completion_tokens),
                _ => (&self.max_completion_tokens, &self.max_tokens),
            };
            match (own, other.as_ref().filter(|other| other.says.is_some())) {
                (Some(own), _) if own.says.is_some() => {}
                // The caller's bound takes the other name: OpenAI refuses a call that gives both, others one of them.
                (None, Some(other)) => edits.push((other.name_at.clone(), format!("\"{field}\""))),
                (Some(own), Some(other)) => {
                    edits.push((own.value_at.clone(), most.to_string()));
                    edits.push((other.value_at.clone(), "null".to_owned()));
                }
                (Some(own), None) => edits.push((own.value_at.clone(), most.to_string())),
                (None, None) => fields.push_str(&format!("\"{field}\":{most},")),
            }
        }
        if ask_usage && self.stream {
            match &self.stream_options {
                Usage::Asked => {}
                Usage::Unsaid => fields.push_str("\"stream_options\":{\"include_usage\":true},"),
                Usage::Replace(place, text) => edits.push((place.clone(), (*text).to_owned())),
                Usage::Insert(at, text) => edits.push((*at..*at, (*text).to_owned())),
            }
        }
        if !fields.is_empty() {
            // The object holds at least the model, so what goes in first is followed by a comma.
            let first = self.body.iter().position(|byte| *byte == b'{').map_or(0, |brace| brace + 1);
            edits.push((first..first, fields));
        }
        splice(&self.body, edits)
    }
}

/// The body with each range replaced; the very same bytes where nothing is.
fn splice(body: &Bytes, mut edits: Vec<(Range<usize>, String)>) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|(place, _)| place.start);
    let mut text = Vec::with_capacity(body.len() + 128);
    let mut at = 0;
    for (place, replacement) in edits {
        text.extend_from_slice(&body[at..place.start]);
        text.extend_from_slice(replacement.as_bytes());
        at = place.end;
    }
    text.extend_from_slice(&body[at..]);
    text.into()
}

/// Where a borrowed value stands in the body it was borrowed from.
fn place(body: &Bytes, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + raw.get().len()
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

fn count(field: &str, raw: Option<&RawValue>) -> Result<Option<u64>, Refusal> {
    match raw.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(count) if count <= 1_000_000_000 => Ok(Some(count)),
            _ => Err(invalid(field, &format!("{field:?} must be a whole number from 0 to 1,000,000,000."))),
        },
    }
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    let message = format!("The body is not a JSON object that can be read: {error}.");
    Refusal::new(Code::InvalidBody, message)
}

fn invalid(field: &str, message: &str) -> Refusal {
    Refusal::new(Code::InvalidBody, message).about(field)
}

/// One line of visible text, at most so many characters: what a caller sends must not break a row.
pub(super) fn plain(text: &str, most: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &'static str) -> Result<Chat, Refusal> {
        let body = Bytes::from_static(text.as_bytes());
        let named = model(&body)?;
        Chat::read(body, named)
    }

    fn forwarded(text: &'static str, bound: Option<(&str, u64)>, ask_usage: bool) -> String {
        let chat = chat(text).expect("a chat");
        String::from_utf8(chat.forwarded("up", bound, ask_usage).to_vec()).expect("text")
    }

    #[test]
    fn the_body_is_the_callers_own_but_for_what_must_be_written() {
        let text = r#" { "model" : "up", "messages": [ ], "x": 1e9 }"#;
        assert_eq!(forwarded(text, None, true), text);
        assert_eq!(forwarded(r#"{"model":"m\u0061","messages":[]}"#, None, true), r#"{"model":"up","messages":[]}"#);
        let bound = Some(("max_tokens", 9));
        assert_eq!(
            forwarded(r#"{"model":"up","messages":[]}"#, bound, false),
            r#"{"max_tokens":9,"model":"up","messages":[]}"#
        );
        assert_eq!(
            forwarded(r#"{"max_tokens":null,"model":"up","messages":[]}"#, bound, false),
            r#"{"max_tokens":9,"model":"up","messages":[]}"#
        );
    }

    #[test]
    fn usage_is_asked_for_where_the_caller_did_not() {
        for (given, sent) in [
            (
                r#""stream":true"#,
                r#"{"stream_options":{"include_usage":true},"stream":true,"model":"up","messages":[]}"#,
            ),
            (
                r#""stream":true,"stream_options":null"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"model":"up","messages":[]}"#,
            ),
            (
                r#""stream":true,"stream_options":{}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"model":"up","messages":[]}"#,
            ),
            (
                r#""stream":true,"stream_options":{"a":1}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true,"a":1},"model":"up","messages":[]}"#,
            ),
            (
                r#""stream":true,"stream_options":{"include_usage":false}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"model":"up","messages":[]}"#,
            ),
            (
                r#""stream":true,"stream_options":{"include_usage":true}"#,
                r#"{"stream":true,"stream_options":{"include_usage":true},"model":"up","messages":[]}"#,
            ),
            (r#""stream":false"#, r#"{"stream":false,"model":"up","messages":[]}"#),
        ] {
            let text: &'static str = format!(r#"{{{given},"model":"up","messages":[]}}"#).leak();
            assert_eq!(forwarded(text, None, true), sent);
        }
    }

    #[test]
    fn a_bound_goes_by_the_name_that_the_upstream_reads() {
        let bound = Some(("max_tokens", 9));
        for (given, sent) in [
            (r#""max_completion_tokens" : 9"#, r#"{"max_tokens" : 9,"model":"up","messages":[]}"#),
            (r#""max\u005fcompletion_tokens":9"#, r#"{"max_tokens":9,"model":"up","messages":[]}"#),
            (r#""max_tokens":9"#, r#"{"max_tokens":9,"model":"up","messages":[]}"#),
            (
                r#""max_tokens":5,"max_completion_tokens":9"#,
                r#"{"max_tokens":5,"max_completion_tokens":9,"model":"up","messages":[]}"#,
            ),
            (
                r#""max_completion_tokens":9,"max_tokens":null"#,
                r#"{"max_completion_tokens":null,"max_tokens":9,"model":"up","messages":[]}"#,
            ),
        ] {
            let text: &'static str = format!(r#"{{{given},"model":"up","messages":[]}}"#).leak();
            assert_eq!(forwarded(text, bound, false), sent);
            assert_eq!(forwarded(text, None, false), text);
        }
        let text = r#"{"model":"up","max_tokens":9,"messages":[]}"#;
        let openai = Some(("max_completion_tokens", 9));
        assert_eq!(forwarded(text, openai, false), text.replace("max_tokens", "max_completion_tokens"));
    }

    #[test]
    fn what_is_spoken_is_seen_however_its_name_is_written() {
        for (message, has_parts) in [
            (r#"{"role":"assistant","audio":{"id":"a"}}"#, true),
            (r#"{"role":"assistant","\u0061udio":{"id":"a"}}"#, true),
            (r#"{"role":"user","content":"caf\u00e9"}"#, false),
        ] {
            let text: &'static str = format!(r#"{{"model":"m","messages":[{message}]}}"#).leak();
            assert_eq!(chat(text).expect("a chat").has_parts, has_parts, "{message}");
        }
    }

    #[test]
    fn the_largest_bound_given_counts_for_every_choice() {
        let chat =
            chat(r#"{"model":"m","messages":[],"max_tokens":5,"max_completion_tokens":9,"n":3}"#).expect("a chat");
        assert_eq!(chat.output, Output::Declared(27));
    }

    #[test]
    fn what_is_not_a_chat_is_refused_with_the_field_named() {
        for (text, param) in [
            ("", None),
            ("[]", None),
            ("{", None),
            (r#"{"model":"m","messages":[]} trailing"#, None),
            (r#"{"model":"a","model":"b","messages":[]}"#, None),
            (r#"{"messages":[]}"#, Some("model")),
            (r#"{"model":7,"messages":[]}"#, Some("model")),
            (r#"{"model":"m"}"#, Some("messages")),
            (r#"{"model":"m","messages":"hi"}"#, Some("messages")),
            (r#"{"model":"m","messages":[],"stream":"yes"}"#, Some("stream")),
            (r#"{"model":"m","messages":[],"max_tokens":-1}"#, Some("max_tokens")),
            (r#"{"model":"m","messages":[],"max_tokens":1.5}"#, Some("max_tokens")),
            (r#"{"model":"m","messages":[],"n":0}"#, Some("n")),
            (r#"{"model":"m","messages":[],"stream_options":[1]}"#, Some("stream_options")),
        ] {
            let refusal = chat(text).expect_err(text);
            assert_eq!((refusal.code, refusal.param.as_deref()), (Code::InvalidBody, param), "{text}");
        }
    }
}
