//! What is said in every dialect alike: a request, an answer, and the events of a stream.

use super::Dialect;
use super::fields::{Fault, uncarried};
use super::json::Json;
use serde_json::Number;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// A value with the place where the caller wrote it, so that what cannot be carried over is refused by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    pub at: String,
    pub value: T,
}

impl<T> Said<T> {
    pub fn uncarried(&self) -> Fault {
        uncarried(&self.at)
    }

    pub fn map<U>(self, of: impl FnOnce(T) -> U) -> Said<U> {
        Said { at: self.at, value: of(self.value) }
    }
}

/// What a caller asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub stream: bool,
    /// Texts, whichever place in the conversation they had.
    pub system: Vec<String>,
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<Said<ToolChoice>>,
    /// Whether several tools may be called at once.
    pub parallel_calls: Option<Said<bool>>,
    /// Output tokens of each answer.
    pub most_tokens: Option<u64>,
    /// How many answers.
    pub answers: Option<Said<u64>>,
    pub stop: Option<Said<Vec<String>>>,
    pub temperature: Option<Said<Number>>,
    pub top_p: Option<Said<Number>>,
    pub top_k: Option<Said<Number>>,
    pub seed: Option<Said<Number>>,
    pub presence_penalty: Option<Said<Number>>,
    pub frequency_penalty: Option<Said<Number>>,
    pub format: Option<Said<Format>>,
    pub thinking: Option<Said<Thinking>>,
    /// Who asks, among the caller's own users.
    pub end_user: Option<Said<String>>,
    /// Fields that change no answer and have no place elsewhere.
    pub left_out: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    User,
    Model,
}

#[derive(Clone, Debug)]
pub struct Turn {
    pub by: Speaker,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub at: String,
    pub piece: Piece,
}

#[derive(Clone, Debug)]
pub enum Piece {
    Text(String),
    Media(Media),
    Call(Call),
    Outcome(Outcome),
    Thought(Thought),
}

/// An image, a sound or a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Its media type; `image/*` for an image that is only referred to.
    pub kind: String,
    pub source: Source,
    pub name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Base64(String),
    Url(String),
}

/// `data:image/png;base64,AAAA`: the media type, and the data.
pub fn data_url(url: &str) -> Option<(String, String)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let kind = head.strip_suffix(";base64")?;
    Some((kind.split(';').next().unwrap_or(kind).to_owned(), data.to_owned()))
}

/// A tool as the model called it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// A JSON object, as text.
    pub arguments: String,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub id: String,
    /// The tool's name, where it is known.
    pub name: Option<String>,
    pub said: Vec<Part>,
    pub is_error: bool,
}

/// What the model thought on the way to an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thought {
    pub text: String,
    pub seal: Option<Seal>,
}

/// What a provider wants back with the next request, unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Only a provider of this dialect can read it.
    pub by: Dialect,
    pub data: String,
    /// The thought itself is in it, and not shown.
    pub is_whole: bool,
}

impl Seal {
    pub fn new(by: Dialect, data: impl Into<String>) -> Self {
        Self { by, data: data.into(), is_whole: false }
    }
}

/// A stream gives a thought in pieces, and seals it last: what a caller sends back piece by piece is one thought again.
pub fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut whole: Vec<Part> = Vec::new();
    for part in parts {
        let before = match whole.last_mut() {
            Some(Part { piece: Piece::Thought(before), .. }) if before.seal.is_none() => before,
            _ => {
                whole.push(part);
                continue;
            }
        };
        match part.piece {
            Piece::Thought(Thought { text, seal }) if seal.as_ref().is_none_or(|seal| !seal.is_whole) => {
                before.text.push_str(&text);
                before.seal = seal;
            }
            _ => whole.push(part),
        }
    }
    whole
}

/// An outcome names its call by an id; elsewhere it also bears the tool's name.
pub fn name_outcomes(turns: &mut [Turn]) {
    let mut called: HashMap<String, String> = HashMap::new();
    for part in turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match &mut part.piece {
            Piece::Call(call) => {
                called.insert(call.id.clone(), call.name.clone());
            }
            Piece::Outcome(outcome) => outcome.name = called.get(&outcome.id).cloned(),
            _ => {}
        }
    }
}

#[derive(Clone, Debug)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// A JSON schema.
    pub schema: Option<Box<RawValue>>,
    pub is_strict: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Any of these; any at all where none is named.
    Required(Vec<String>),
}

#[derive(Clone, Debug)]
pub enum Format {
    /// Any JSON object.
    Json,
    Schema {
        name: Option<String>,
        description: Option<String>,
        schema: Box<RawValue>,
        is_strict: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinking {
    pub much: Much,
    /// Whether the caller wants to read it, where it says so.
    pub shown: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Much {
    Off,
    /// As much as the model sees fit.
    Open,
    Effort(Effort),
    /// Tokens.
    Budget(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    Highest,
}

/// An answer that is not streamed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub choices: Vec<Choice>,
}

impl Answer {
    /// The same with the first call of each choice alone.
    pub fn with_one_call(mut self) -> Self {
        for choice in &mut self.choices {
            let mut has_called = false;
            choice.said.retain(|said| !matches!(said, Utterance::Call(_)) || !std::mem::replace(&mut has_called, true));
        }
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub said: Vec<Utterance>,
    pub finish: Finish,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Utterance {
    Text(String),
    Thought(Thought),
    Call(Call),
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    Stop,
    /// At this of the caller's own stop sequences.
    Sequence(String),
    Length,
    Calls,
    /// The provider would not let it be said.
    Filtered,
}

impl Finish {
    /// A dialect that has no word for tool calls says that the answer just ended.
    pub fn with_calls(self, has_calls: bool) -> Self {
        if has_calls && self == Finish::Stop { Finish::Calls } else { self }
    }
}

/// A piece of a streamed answer. `choice` numbers the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub choice: u64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Text(String),
    Thought(String),
    /// Ends a thought; or stands before the call that it belongs to.
    Seal(Seal),
    /// A call begins; `number` tells it from others of this answer.
    Call {
        number: u64,
        id: String,
        name: String,
    },
    /// More of the arguments of a call.
    Arguments {
        number: u64,
        json: String,
    },
    Finish(Finish),
    /// The provider says that it failed.
    Failed(String),
}

/// The head of an answer that is written anew.
#[derive(Clone, Debug, Default)]
pub struct Heading {
    /// The call's id.
    pub id: String,
    /// The model by the name that the caller used.
    pub model: String,
    /// Seconds since 1970.
    pub created: u64,
    /// What an answer in the Responses API says again of its request.
    pub echo: Vec<(&'static str, Json)>,
}
