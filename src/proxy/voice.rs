//! How the caller is answered: in its own dialect, whatever the upstream speaks. Where both speak alike every byte is
//! the upstream's own.

use super::call::Ask;
use super::dialect::{self, Dialect, Event, Heading, Reader, What, Writer};
use super::error::{self, upstream_failed};
use super::kept::Kept;
use super::sse;
use crate::domain::call::Arrival;
use crate::domain::id::KeyId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::domain::usage::Usage;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;

/// How a streamed answer is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON list that grows: Gemini's, where the caller does not ask for `alt=sse`.
    List,
}

/// The voice in which one call is answered.
pub(super) struct Voice {
    dialect: Dialect,
    framing: Framing,
    heading: Heading,
    wants_usage: bool,
    /// Between an upstream and a caller that speak differently.
    interpreter: Option<Interpreter>,
    /// Nothing may be said any more.
    is_over: bool,
    /// Whether the list has begun.
    is_begun: bool,
    /// The request, which an answer may have to say again.
    request: Bytes,
    /// Where what the caller may refer to later goes, whose it is, and when it was asked for.
    kept: (Arc<Kept>, KeyId, Time),
    /// Events of the upstream's that were passed on as they are.
    passed: u64,
}

struct Interpreter {
    from: Dialect,
    reader: Reader,
    writer: Writer,
    /// Where each choice may call one tool: those that have, and by which number.
    called: Option<Vec<(u64, u64)>>,
}

impl Interpreter {
    /// Whether the caller is told this, who may have asked for one call at a time.
    fn tells(&mut self, event: &Event) -> bool {
        let (Some(called), What::Call { number, .. } | What::Arguments { number, .. }) =
            (&mut self.called, &event.what)
        else {
            return true;
        };
        match called.iter().find(|(choice, _)| *choice == event.choice) {
            Some((_, first)) => first == number,
            None => {
                called.push((event.choice, *number));
                true
            }
        }
    }
}

impl Voice {
    pub(super) fn new(ask: &Ask, framing: Framing, arrival: &Arrival, kept: &Arc<Kept>) -> Self {
        let heading = Heading {
            id: arrival.id.0.clone(),
            model: ask.model.clone(),
            created: u64::try_from(arrival.at.micros() / 1_000_000).unwrap_or(0),
            echo: Vec::new(),
        };
        Self {
            dialect: ask.dialect,
            framing,
            heading,
            wants_usage: ask.wants_usage(),
            interpreter: None,
            is_over: false,
            is_begun: false,
            request: ask.body().clone(),
            kept: (Arc::clone(kept), arrival.key_id.clone(), arrival.at),
            passed: 0,
        }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Who is to be heard, and whether of its calls of tools the first of each answer alone.
    pub(super) fn listen_to(&mut self, from: Dialect, one_call: bool) {
        if from != self.dialect {
            self.heading.echo = dialect::echo(self.dialect, &self.request);
        }
        self.interpreter = (from != self.dialect).then(|| Interpreter {
            from,
            reader: Reader::of(from, &self.heading.id),
            writer: Writer::of(self.dialect, self.heading.clone(), self.wants_usage),
            called: one_call.then(Vec::new),
        });
    }

    /// Whether an event of nothing but usage is kept from the caller.
    pub(super) fn withholds_usage(&self) -> bool {
        self.interpreter.is_none() && !self.wants_usage
    }

    /// An answer that is not streamed.
    ///
    /// # Errors
    /// Where the upstream's cannot be read.
    pub(super) fn whole(&self, body: Bytes, usage: &Usage) -> Result<Bytes, Refusal> {
        let Some(Interpreter { from, called, .. }) = &self.interpreter else { return Ok(body) };
        let answer = dialect::read_answer(*from, &body, &self.heading.id);
        let answer =
            answer.ok_or_else(|| upstream_failed("The provider's answer is not one that its API promises."))?;
        let answer = if called.is_some() { answer.with_one_call() } else { answer };
        let answer = dialect::write_answer(self.dialect, &answer, &self.heading, usage);
        self.keep(dialect::kept(self.dialect, &self.heading, &answer));
        Ok(answer.to_string().into())
    }

    fn keep(&self, items: Vec<(String, String)>) {
        let (kept, key_id, at) = &self.kept;
        if !items.is_empty() {
            kept.keep(key_id, *at, items);
        }
    }

    /// An upstream's complaint about the request.
    pub(super) fn complaint(&self, status: StatusCode, body: Bytes) -> Bytes {
        if self.interpreter.is_none() {
            return body;
        }
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let error = said.get("error").unwrap_or(&said);
        let message = error.get("message").and_then(Value::as_str).or(error.as_str());
        let message = message.map_or_else(|| format!("The provider answered {status}."), str::to_owned);
        error::complaint(self.dialect, status, &message).to_string().into()
    }

    /// What the caller is sent for an event of the upstream's stream, if anything.
    pub(super) fn event(&mut self, event: Bytes, data: Option<&[u8]>, so_far: &Usage) -> Bytes {
        let Some(interpreter) = &mut self.interpreter else {
            self.passed += u64::from(data.is_some());
            return self.framed(event);
        };
        if self.is_over {
            return Bytes::new();
        }
        let (mut text, mut failure) = (String::new(), None);
        for event in data.map(|data| interpreter.reader.read(data)).unwrap_or_default() {
            if let What::Failed(message) = &event.what {
                failure = Some(upstream_failed(format!("The provider broke off: {message}")));
                break;
            }
            if interpreter.tells(&event) {
                text.push_str(&interpreter.writer.write(&event, so_far));
            }
        }
        if let Some(refusal) = failure {
            self.is_over = true;
            text.push_str(&self.last_words(&refusal));
        }
        self.framed(text.into())
    }

    /// What the caller is sent at the end of a stream that ended well, once.
    pub(super) fn end(&mut self, usage: &Usage) -> Bytes {
        if std::mem::replace(&mut self.is_over, true) {
            return Bytes::new();
        }
        let text = match &mut self.interpreter {
            Some(interpreter) => interpreter.writer.end(usage),
            None => String::new(),
        };
        self.keep(self.interpreter.as_ref().map(|interpreter| interpreter.writer.kept()).unwrap_or_default());
        self.closed(text)
    }

    /// What the caller is told when a stream breaks off.
    pub(super) fn broken(&mut self, refusal: &Refusal) -> Bytes {
        self.is_over = true;
        let text = self.last_words(refusal);
        self.closed(text)
    }

    fn last_words(&mut self, refusal: &Refusal) -> String {
        let error = error::error(self.dialect, refusal);
        let own = self.interpreter.as_mut().and_then(|interpreter| interpreter.writer.failed(&error["error"]));
        own.unwrap_or_else(|| error::last_words(self.dialect, refusal, self.passed))
    }

    fn closed(&mut self, text: String) -> Bytes {
        let text = self.framed(text.into());
        match self.framing {
            Framing::Events => text,
            Framing::List => {
                let bracket: &[u8] = if self.is_begun { b"]" } else { b"[]" };
                [&text, bracket].concat().into()
            }
        }
    }

    /// Events as they are, or as items of the list.
    fn framed(&mut self, text: Bytes) -> Bytes {
        if self.framing == Framing::Events || text.is_empty() {
            return text;
        }
        let mut events = sse::Events::default();
        events.push(&text);
        let mut items = Vec::new();
        // The very last may lack the empty line that ends an event.
        while let Some(event) = events.next_event().or_else(|| events.rest()) {
            if let Some(data) = sse::data(&event) {
                items.extend_from_slice(if std::mem::replace(&mut self.is_begun, true) { b",\r\n" } else { b"[" });
                items.extend_from_slice(&data);
            }
        }
        items.into()
    }

    /// Says of what kind the answer is, where it is not the upstream's own.
    pub(super) fn content_type(&self, is_stream: bool, headers: &mut HeaderMap) {
        let is_list = is_stream && self.framing == Framing::List;
        if self.interpreter.is_none() && !is_list {
            return;
        }
        let kind = if is_stream && !is_list { "text/event-stream; charset=utf-8" } else { "application/json" };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
}
