//! A request as it arrived: whose key, which model, how much it may use at most. Only the fields that the gate needs
//! are read, and the caller's bytes stay as they are but for what must be written into them.

mod anthropic;
mod gemini;
mod media;
mod openai;
mod received;
mod responses;
mod splice;
mod texts;

use super::dialect::Dialect;
use super::form::Form;
use super::relay::Entrance;
use super::tokens::Input;
use crate::domain::provider::Errand;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::domain::service::Service;
use crate::gateway::admit::Output;
use crate::gateway::authenticate::Holder;
use crate::gateway::dial::{Outgoing, outgoing};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
pub(super) use media::Media;
use received::is_object;
pub(super) use received::{Received, broken_off, is_name, model, too_large};
pub(super) use responses::Reference;
use splice::invalid;
use std::ops::Range;
pub(super) use texts::Texts;

/// The secret of the key, from wherever a client library puts it; `query` may hold it as `key`.
pub(super) fn secret(headers: &HeaderMap, query: Option<&str>) -> Result<String, Refusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer =
        bearer.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let named = ["x-api-key", "api-key", "x-goog-api-key"];
    let named = named.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let secret = bearer.map(|(_, secret)| secret.trim()).or(named.map(str::trim)).map(str::to_owned);
    let secret = secret.or_else(|| asked(query?, "key")).filter(|secret| !secret.is_empty());
    secret.ok_or_else(|| {
        let message = "No key was given. Send one as `Authorization: Bearer sk-tg-…`.";
        Refusal::new(Code::MissingKey, message)
    })
}

/// A query's value by its name.
pub(super) fn asked(query: &str, name: &str) -> Option<String> {
    let pairs = serde_urlencoded::from_str::<Vec<(String, String)>>(query).unwrap_or_default();
    pairs.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}

/// A call, read just as far as the gate needs.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub dialect: Dialect,
    /// What it asks for, where that is no chat.
    pub service: Option<Service>,
    /// Empty where it is a form.
    body: Bytes,
    pub form: Option<Form>,
    pub model: String,
    pub stream: bool,
    /// What its input comes to, where its fields say so by themselves.
    pub input: Option<Input>,
    /// How many contexts its input may fill, where nobody can say what it comes to.
    pub contexts: u64,
    /// What it asks for beside tokens.
    pub media: Media,
    pub output: Output,
    /// How many answers.
    pub choices: u64,
    /// A message may hold more than text, or refer to more.
    pub has_parts: bool,
    /// It describes tools, which some providers explain to the model in words of their own.
    pub has_tools: bool,
    /// The upstream must be told its output bound by the name that it is sure to read.
    pub must_bind: bool,
    /// It must be known beforehand what the input comes to.
    must_bound_input: bool,
    /// The field by which it asks the provider for work of its own, such as to search the web and to read what it finds at
    /// the caller's cost.
    searches: Option<&'static str>,
    /// The field that bounds the output, where it says 0.
    zero: Option<&'static str>,
    places: Places,
}

/// Where in the body stands what may have to be written anew.
#[derive(Clone, Debug)]
enum Places {
    Openai(openai::Places),
    Responses(responses::Places),
    Anthropic(anthropic::Places),
    Gemini(gemini::Places),
    /// Where the model is named, if it is.
    Named(Option<Range<usize>>),
    /// In a form.
    Form,
}

impl Ask {
    /// A call of which nothing else is known yet.
    fn new(dialect: Dialect, model: String, body: Bytes, places: Places) -> Self {
        Self {
            dialect,
            service: None,
            body,
            form: None,
            model,
            stream: false,
            input: None,
            contexts: 1,
            media: Media::default(),
            output: Output::Open { choices: 1 },
            choices: 1,
            has_parts: false,
            has_tools: false,
            must_bind: false,
            must_bound_input: false,
            searches: None,
            zero: None,
            places,
        }
    }

    /// A call of a service that answers no tokens, as far as is known yet.
    fn plain(service: Service, model: String, body: Bytes, places: Places) -> Self {
        let ask = Self::new(Dialect::Openai, model, body, places);
        Self { service: Some(service), output: Output::Declared(0), ..ask }
    }

    /// What was asked for at this entrance.
    ///
    /// # Errors
    /// 400 for each field that is not what the entrance's API says it is.
    pub(super) fn of(entrance: &Entrance, received: Received, model: String, streams: bool) -> Result<Self, Refusal> {
        match (entrance.service, received) {
            (None, Received::Json(body)) => Self::read(entrance.dialect, body, model, streams),
            (Some(service), Received::Json(body)) => {
                is_object(&body)?;
                match service {
                    Service::Completions | Service::Embeddings | Service::Moderations | Service::Rerank => {
                        texts::read(service, body, model)
                    }
                    _ => media::read(service, body, model),
                }
            }
            (service, Received::Form(form)) => media::read_form(service, form, model),
        }
    }

    /// A call of this dialect. Gemini's says in its path whether it is streamed, others in the body.
    ///
    /// # Errors
    /// 400 for each field that is not what the dialect says it is.
    pub(super) fn read(dialect: Dialect, body: Bytes, model: String, streams: bool) -> Result<Self, Refusal> {
        is_object(&body)?;
        match dialect {
            Dialect::Openai => openai::read(body, model),
            Dialect::Responses => responses::read(body, model),
            Dialect::Anthropic => anthropic::read(body, model),
            Dialect::Gemini => gemini::read(body, model, streams),
        }
    }

    /// The call as one of this key: under limits it must be known beforehand what it may use at most.
    ///
    /// # Errors
    /// 400 for an output bound of 0, which some upstreams take for none; for a provider's own search: nobody can count
    /// beforehand the pages that it will read.
    pub(super) fn held_to(self, holder: &Holder) -> Result<Self, Refusal> {
        let (must_bind, must_bound_input) = (holder.bounds_output(), holder.bounds_cost());
        if let Some(field) = self.zero.filter(|_| must_bind) {
            let message = format!("{field:?} must be at least 1: some providers take 0 for no bound at all.");
            return Err(Refusal { retry: Retry::Never, ..invalid(field, &message) });
        }
        let Some(field) = self.searches.filter(|_| must_bound_input) else {
            return Ok(Self { must_bind, must_bound_input, ..self });
        };
        let message = format!(
            "What the provider does by itself, such as to search the web, costs what nobody can say beforehand, so a key \
             with limits may not ask for it. Leave it out of {field:?}, or use a key without limits."
        );
        Err(Refusal { retry: Retry::Never, ..invalid(field, &message) })
    }

    pub(super) fn must_bound_input(&self) -> bool {
        self.must_bound_input
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
        let field = match (self.service, self.dialect) {
            (Some(Service::Rerank), _) => "documents",
            (Some(Service::Images | Service::ImageEdits), _) => "image",
            (Some(_), _) | (None, Dialect::Responses) => "input",
            (None, Dialect::Gemini) => "contents",
            (None, _) => "messages",
        };
        Err(Refusal { retry: Retry::Never, ..invalid(field, message) })
    }

    /// Items of earlier answers that it refers to by their ids.
    pub(super) fn references(&self) -> Vec<Reference> {
        if matches!(self.places, Places::Responses(_)) { responses::references(&self.body) } else { Vec::new() }
    }

    /// Whether it adds to a conversation that the provider keeps: the same words are another call the next time.
    pub(super) fn goes_on(&self) -> bool {
        matches!(&self.places, Places::Responses(places) if places.is_conversation)
    }

    /// The same call with other texts at these places.
    ///
    /// # Errors
    /// As [`Ask::read`].
    pub(super) fn with(self, texts: Vec<(Range<usize>, String)>) -> Result<Self, Refusal> {
        let mut edits = splice::Edits::default();
        texts.into_iter().for_each(|(place, text)| edits.replace(place, text));
        let ask = Self::read(self.dialect, edits.applied(&self.body), self.model, self.stream)?;
        Ok(Self { must_bind: self.must_bind, must_bound_input: self.must_bound_input, ..ask })
    }

    /// The same call as another dialect writes it, for a provider that knows the model by this name.
    ///
    /// # Errors
    /// As [`Ask::read`].
    pub(super) fn rewritten(&self, dialect: Dialect, body: String, model: &str) -> Result<Self, Refusal> {
        let chat = Self::read(dialect, body.into(), model.to_owned(), self.stream)?;
        Ok(Self { must_bind: self.must_bind, must_bound_input: self.must_bound_input, ..chat })
    }

    /// What a provider is asked for, by its name for the model.
    pub(super) fn errand<'a>(&self, model: &'a str) -> Errand<'a> {
        match self.service {
            Some(service) => Errand::Service { model, service },
            None if self.dialect == Dialect::Responses => Errand::Responses,
            None => Errand::Chat { model, stream: self.stream },
        }
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether the caller wants the usage chunk at the end of its stream.
    pub(super) fn wants_usage(&self) -> bool {
        matches!(&self.places, Places::Openai(places) if places.wants_usage())
    }

    /// Whether the provider takes no call without an output bound, and this one has none.
    pub(super) fn lacks_bound(&self) -> bool {
        self.dialect == Dialect::Anthropic && matches!(self.output, Output::Open { .. })
    }

    /// What it takes for an answer.
    pub(super) fn accepts(&self) -> &'static str {
        match self.service {
            Some(Service::Speech | Service::Transcriptions | Service::Translations) => "*/*",
            _ if self.stream => "text/event-stream",
            _ => "application/json",
        }
    }

    /// Whether its files have gone to a provider, and cannot go to another.
    pub(super) fn is_spent(&self) -> bool {
        self.form.as_ref().is_some_and(Form::is_spent)
    }

    /// What was wrong with the rest of a form that was flowing to its provider.
    pub(super) fn fault(&self) -> Option<Refusal> {
        self.form.as_ref()?.fault()
    }

    /// The request's body for an upstream, and of what type it is.
    pub(super) fn outgoing(
        &self,
        upstream_model: &str,
        bound: Option<(&str, u64)>,
        ask_usage: bool,
    ) -> (HeaderValue, Outgoing) {
        match &self.form {
            Some(form) => (form.content_type.clone(), form.outgoing(upstream_model)),
            None => {
                let body = self.forwarded(upstream_model, bound, ask_usage);
                (HeaderValue::from_static("application/json"), outgoing(body))
            }
        }
    }

    /// The body for an upstream: the caller's own but for the model's name there, the output bound (for each choice)
    /// under the name that this upstream reads, where it must be bound, and the request for usage.
    pub(super) fn forwarded(&self, upstream_model: &str, bound: Option<(&str, u64)>, ask_usage: bool) -> Bytes {
        let mut edits = splice::Edits::default();
        match &self.places {
            Places::Openai(places) => {
                edits.name(&places.model_at, &self.model, upstream_model);
                places.edit(bound, ask_usage && self.stream, &mut edits);
            }
            Places::Responses(places) => {
                edits.name(&places.model_at, &self.model, upstream_model);
                places.bind(bound, &mut edits);
            }
            Places::Anthropic(places) => {
                edits.name(&places.model_at, &self.model, upstream_model);
                places.bind(bound, &mut edits);
            }
            // Its model is in the path.
            Places::Gemini(places) => places.bind(bound, &mut edits),
            Places::Named(Some(model_at)) => edits.name(model_at, &self.model, upstream_model),
            Places::Named(None) => {
                edits.add(&format!("\"model\":{},", serde_json::Value::from(upstream_model)));
            }
            Places::Form => {}
        }
        edits.applied(&self.body)
    }
}

/// One line of visible text, at most so many characters: what a caller sends must not break a row.
pub(super) fn plain(text: &str, most: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(text: &'static str) -> Result<Ask, Refusal> {
        let body = Bytes::from_static(text.as_bytes());
        let named = model(&body, None)?;
        Ask::read(Dialect::Openai, body, named, false)
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
    fn a_body_that_is_not_utf_8_is_refused_wherever_it_is_not() {
        let body = Bytes::from_static(b"{\"model\":\"m\",\"messages\":[],\"unread\":\"\xff\"}");
        assert_eq!(model(&body, None).expect_err("no text").code, Code::InvalidBody);
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
