//! The languages that callers and upstreams speak. What is said in one is read into a neutral form and written in
//! another; pure, and only where the two differ: between two that speak alike, bytes pass untouched.

mod anthropic;
pub mod fields;
mod gemini;
mod json;
mod neutral;
mod openai;
mod responses;
#[cfg(test)]
mod tests;

pub use fields::Fault;
pub use json::Json;
pub use neutral::{Answer, Event, Heading, What};
pub use responses::stream::error_event;

use crate::domain::usage::Usage;
use neutral::Said;
use serde_json::Number;
use serde_json::value::RawValue;

/// An API for chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Chat completions.
    Openai,
    /// OpenAI's Responses.
    Responses,
    /// Messages.
    Anthropic,
    /// `generateContent`.
    Gemini,
}

impl Dialect {
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Openai => "openai",
            Dialect::Responses => "responses",
            Dialect::Anthropic => "anthropic",
            Dialect::Gemini => "gemini",
        }
    }
}

/// What an upstream is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// By the name that it knows the model by.
    pub model: &'a str,
    /// OpenAI's field for the output bound, as this upstream reads it.
    pub bound_field: &'static str,
}

/// A request as another dialect writes it.
#[derive(Debug)]
pub struct Carried {
    pub body: String,
    /// Fields that change no answer and have no place there.
    pub left_out: Vec<String>,
    /// The caller wants one call of a tool at a time, which this API cannot be told: its answers are held to that here.
    pub one_call: bool,
}

/// Writes a request in another dialect.
///
/// # Errors
/// Names the first field that is malformed, or that the other dialect has no word for.
pub fn carried(body: &[u8], from: Dialect, stream: bool, to: Dialect, asked: &Asked) -> Result<Carried, Fault> {
    let unreadable = |error: serde_json::Error| Fault {
        field: "body".to_owned(),
        message: format!("The body is not a JSON object that can be read: {error}."),
    };
    let raw: &RawValue = serde_json::from_slice(body).map_err(unreadable)?;
    let request = match from {
        Dialect::Openai => openai::read::request(raw)?,
        Dialect::Responses => responses::read::request(raw)?,
        Dialect::Anthropic => anthropic::read::request(raw)?,
        Dialect::Gemini => gemini::read::request(raw, stream)?,
    };
    let mut left_out = request.left_out.clone();
    let written = match to {
        Dialect::Openai => openai::write::request(&request, asked, &mut left_out)?,
        Dialect::Responses => return Err(responses::unwritten()),
        Dialect::Anthropic => anthropic::write::request(&request, asked, &mut left_out)?,
        Dialect::Gemini => gemini::write::request(&request, asked, &mut left_out)?,
    };
    let wants_one = request.parallel_calls.as_ref().is_some_and(|said| !said.value) && !request.tools.is_empty();
    Ok(Carried { body: written.to_string(), left_out, one_call: wants_one && to == Dialect::Gemini })
}

/// Reads an answer that is not streamed. `None` where it is not one of this dialect.
pub fn read_answer(dialect: Dialect, body: &[u8], id: &str) -> Option<Answer> {
    // A list would be read as the fields in their order.
    body.trim_ascii_start().first().filter(|first| **first == b'{')?;
    match dialect {
        Dialect::Openai => openai::answer::read(body),
        Dialect::Responses => None,
        Dialect::Anthropic => anthropic::answer::read(body),
        Dialect::Gemini => gemini::answer::read(body, id),
    }
}

/// Writes it in another.
pub fn write_answer(dialect: Dialect, answer: &Answer, heading: &Heading, usage: &Usage) -> Json {
    match dialect {
        Dialect::Openai => openai::answer::write(answer, heading, usage),
        Dialect::Responses => responses::answer::write(answer, heading, usage),
        Dialect::Anthropic => anthropic::answer::write(answer, heading, usage),
        Dialect::Gemini => gemini::answer::write(answer, heading, usage),
    }
}

/// Reads a stream of one dialect.
#[derive(Debug)]
pub enum Reader {
    Openai(openai::stream::Reader),
    /// Nobody's answers are told in another dialect from this one.
    Responses,
    Anthropic,
    Gemini(gemini::stream::Reader),
}

impl Reader {
    /// `id` is the call's own, for calls of tools that bear none.
    pub fn of(dialect: Dialect, id: &str) -> Self {
        match dialect {
            Dialect::Openai => Self::Openai(openai::stream::Reader::default()),
            Dialect::Responses => Self::Responses,
            Dialect::Anthropic => Self::Anthropic,
            Dialect::Gemini => Self::Gemini(gemini::stream::Reader::new(id)),
        }
    }

    /// One event's data. What cannot be read says nothing.
    pub fn read(&mut self, data: &[u8]) -> Vec<Event> {
        match self {
            Self::Openai(reader) => reader.read(data),
            Self::Responses => Vec::new(),
            Self::Anthropic => anthropic::stream::read(data),
            Self::Gemini(reader) => reader.read(data),
        }
    }
}

/// Writes a stream of another.
#[derive(Debug)]
pub enum Writer {
    Openai(openai::stream::Writer),
    Responses(responses::stream::Writer),
    Anthropic(anthropic::stream::Writer),
    Gemini(gemini::stream::Writer),
}

impl Writer {
    /// `wants_usage` is whether a caller of OpenAI's API asked for the usage at the end.
    pub fn of(dialect: Dialect, heading: Heading, wants_usage: bool) -> Self {
        match dialect {
            Dialect::Openai => Self::Openai(openai::stream::Writer::new(heading, wants_usage)),
            Dialect::Responses => Self::Responses(responses::stream::Writer::new(heading)),
            Dialect::Anthropic => Self::Anthropic(anthropic::stream::Writer::new(heading)),
            Dialect::Gemini => Self::Gemini(gemini::stream::Writer::new(heading)),
        }
    }

    /// Whole server-sent events, or nothing yet. `so_far` is what is known of the usage.
    pub fn write(&mut self, event: &Event, so_far: &Usage) -> String {
        match self {
            Self::Openai(writer) => writer.write(event),
            Self::Responses(writer) => writer.write(event),
            Self::Anthropic(writer) => writer.write(event, so_far),
            Self::Gemini(writer) => writer.write(event),
        }
    }

    /// The end of a stream that broke off, where this dialect says more of it than what went wrong. `error` is its own
    /// error object.
    pub fn failed(&mut self, error: &serde_json::Value) -> Option<String> {
        match self {
            Self::Responses(writer) => Some(writer.failed(error)),
            _ => None,
        }
    }

    /// Items of the answer that its caller may refer to later, with their ids.
    pub fn kept(&self) -> Vec<(String, String)> {
        match self {
            Self::Responses(writer) => writer.kept(),
            _ => Vec::new(),
        }
    }

    /// The end of a stream that ended well.
    pub fn end(&mut self, usage: &Usage) -> String {
        match self {
            Self::Openai(writer) => writer.end(usage),
            Self::Responses(writer) => writer.end(usage),
            Self::Anthropic(writer) => writer.end(usage),
            Self::Gemini(writer) => writer.end(usage),
        }
    }
}

/// What the caller's request has its answer say again.
pub fn echo(dialect: Dialect, request: &[u8]) -> Vec<(&'static str, Json)> {
    if dialect == Dialect::Responses { responses::answer::echo(request) } else { Vec::new() }
}

/// The items of an answer that its caller may refer to later, with their ids.
pub fn kept(dialect: Dialect, heading: &Heading, answer: &Json) -> Vec<(String, String)> {
    if dialect == Dialect::Responses { responses::answer::kept_of(heading, answer) } else { Vec::new() }
}

/// A number as the caller wrote it.
fn number(said: &Said<Number>) -> Json {
    Json::raw(&said.value.to_string()).unwrap_or(Json::Null)
}

/// An id for a call of a tool, where its provider gave none: of letters that every dialect allows, and short enough.
fn call_id(id: &str, number: usize) -> String {
    let letters: Vec<char> = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail: String = letters.iter().skip(letters.len().saturating_sub(24)).collect();
    format!("call_{tail}_{number}")
}
