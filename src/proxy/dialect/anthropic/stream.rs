//! A message's stream: blocks that begin, grow and end, one after the other.

use super::answer::{signature, usage};
use super::{finish, reason};
use crate::domain::usage::Usage;
use crate::proxy::dialect::Dialect;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Event, Finish, Heading, Seal, What};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    delta: Option<Delta>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    message: String,
}

pub fn read(data: &[u8]) -> Vec<Event> {
    let Ok(read) = serde_json::from_slice::<Read>(data) else { return Vec::new() };
    let number = read.index;
    let mut what = Vec::new();
    match (read.kind.as_str(), read.content_block, read.delta) {
        ("content_block_start", Some(block), _) => begun(number, block, &mut what),
        ("content_block_delta", _, Some(delta)) => {
            what.extend(delta.text.map(What::Text));
            what.extend(delta.thinking.map(What::Thought));
            what.extend(delta.signature.map(|data| What::Seal(Seal::new(Dialect::Anthropic, data))));
            what.extend(delta.partial_json.map(|json| What::Arguments { number, json }));
        }
        ("message_delta", _, Some(delta)) => {
            let sequence = delta.stop_sequence.as_deref();
            what.extend(delta.stop_reason.map(|reason| What::Finish(finish(&reason, sequence))));
        }
        ("error", _, _) => what.push(What::Failed(read.error.map(|error| error.message).unwrap_or_default())),
        _ => {}
    }
    let says_something = |what: &What| match what {
        What::Text(text) | What::Thought(text) | What::Arguments { json: text, .. } => !text.is_empty(),
        _ => true,
    };
    what.into_iter().filter(says_something).map(|what| Event { choice: 0, what }).collect()
}

fn begun(number: u64, block: Block, what: &mut Vec<What>) {
    match block.kind.as_str() {
        "text" => what.extend(block.text.map(What::Text)),
        "thinking" => what.extend(block.thinking.map(What::Thought)),
        "redacted_thinking" => {
            let seal = block.data.map(|data| Seal { by: Dialect::Anthropic, data, is_whole: true });
            what.extend(seal.map(What::Seal));
        }
        "tool_use" => {
            what.push(What::Call { number, id: block.id.unwrap_or_default(), name: block.name.unwrap_or_default() });
            // It comes in pieces; some give it at once.
            let input = block.input.map(RawValue::get).filter(|input| !matches!(*input, "{}" | "null"));
            what.extend(input.map(|json| What::Arguments { number, json: json.to_owned() }));
        }
        _ => {}
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
    Call,
}

/// Writes a message's events.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    begun: bool,
    /// Blocks so far; the last is open where `open` says what it is.
    blocks: u64,
    open: Option<Kind>,
    /// Calls and their blocks.
    calls: Vec<(u64, u64)>,
    /// What the open call has of its arguments.
    grown: String,
    /// Calls that began while the open one had not all of its arguments: blocks come one after another, and an upstream's
    /// calls may grow in turns.
    later: Vec<Later>,
    finish: Finish,
}

#[derive(Debug)]
struct Later {
    number: u64,
    block: Json,
    json: String,
}

fn event(name: &str, mut fields: Vec<(&'static str, Json)>) -> String {
    let mut data = object! { "type": name };
    fields.drain(..).for_each(|(name, value)| data.set(name, value));
    format!("event: {name}\ndata: {data}\n\n")
}

impl Writer {
    pub fn new(heading: Heading) -> Self {
        Self {
            heading,
            begun: false,
            blocks: 0,
            open: None,
            calls: Vec::new(),
            grown: String::new(),
            later: Vec::new(),
            finish: Finish::Stop,
        }
    }

    pub fn write(&mut self, event: &Event, so_far: &Usage) -> String {
        let mut text = String::new();
        // There is one answer in a message.
        if event.choice > 0 {
            return text;
        }
        self.begin(&mut text, so_far);
        match &event.what {
            What::Text(said) => {
                self.in_block(Kind::Text, &mut text);
                self.delta(self.blocks, object! { "type": "text_delta", "text": said }, &mut text);
            }
            What::Thought(said) => {
                self.in_block(Kind::Thought, &mut text);
                self.delta(self.blocks, object! { "type": "thinking_delta", "thinking": said }, &mut text);
            }
            What::Seal(seal) if seal.is_whole => {
                self.close(&mut text);
                self.start(None, object! { "type": "redacted_thinking", "data": &seal.data }, &mut text);
            }
            What::Seal(seal) => {
                self.in_block(Kind::Thought, &mut text);
                let delta = object! { "type": "signature_delta", "signature": signature(seal) };
                self.delta(self.blocks, delta, &mut text);
                self.close(&mut text);
            }
            What::Call { number, id, name } => {
                let block = object! { "type": "tool_use", "id": id, "name": name, "input": object! {} };
                let later = Later { number: *number, block, json: String::new() };
                let is_whole = || serde_json::from_str::<IgnoredAny>(&self.grown).is_ok();
                if self.open == Some(Kind::Call) && !(self.later.is_empty() && is_whole()) {
                    self.later.push(later);
                } else {
                    self.close(&mut text);
                    self.call(later, &mut text);
                }
            }
            What::Arguments { number, json } => {
                if let Some(later) = self.later.iter_mut().rev().find(|later| later.number == *number) {
                    later.json.push_str(json);
                    return text;
                }
                self.grown.push_str(json);
                let block = self.calls.iter().rev().find(|(call, _)| call == number).map(|(_, block)| *block);
                let delta = object! { "type": "input_json_delta", "partial_json": json };
                self.delta(block.unwrap_or(self.blocks), delta, &mut text);
            }
            What::Finish(finish) => self.finish = finish.clone(),
            What::Failed(_) => {}
        }
        text
    }

    pub fn end(&mut self, usage: &Usage) -> String {
        let mut text = String::new();
        self.begin(&mut text, usage);
        self.close(&mut text);
        let (reason, sequence) = reason(&self.finish);
        let delta = object! { "stop_reason": reason, "stop_sequence": sequence };
        text.push_str(&event("message_delta", vec![("delta", delta), ("usage", self::usage(usage))]));
        text.push_str(&event("message_stop", Vec::new()));
        text
    }

    fn begin(&mut self, text: &mut String, so_far: &Usage) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let message = object! {
            "id": format!("msg_{}", self.heading.id),
            "type": "message",
            "role": "assistant",
            "model": &self.heading.model,
            "content": Vec::new(),
            "stop_reason": Json::Null,
            "stop_sequence": Json::Null,
            "usage": self::usage(so_far),
        };
        text.push_str(&event("message_start", vec![("message", message)]));
    }

    /// Opens a block of this kind, unless the open one is of it.
    fn in_block(&mut self, kind: Kind, text: &mut String) {
        if self.open == Some(kind) {
            return;
        }
        self.close(text);
        let block = match kind {
            Kind::Thought => object! { "type": "thinking", "thinking": "", "signature": "" },
            _ => object! { "type": "text", "text": "" },
        };
        self.start(Some(kind), block, text);
    }

    /// A block; whole already where it is of no kind.
    fn start(&mut self, kind: Option<Kind>, block: Json, text: &mut String) {
        text.push_str(&event("content_block_start", vec![("index", self.blocks.into()), ("content_block", block)]));
        self.open = kind;
        if kind.is_none() {
            self.stop(text);
        }
    }

    fn delta(&self, block: u64, delta: Json, text: &mut String) {
        text.push_str(&event("content_block_delta", vec![("index", block.into()), ("delta", delta)]));
    }

    /// Ends the block that is open, and says the calls that waited for that.
    fn close(&mut self, text: &mut String) {
        if self.open.take().is_some() {
            self.stop(text);
        }
        for later in std::mem::take(&mut self.later) {
            self.call(later, text);
            self.open = None;
            self.stop(text);
        }
    }

    /// Begins a call, with what is known of its arguments.
    fn call(&mut self, Later { number, block, json }: Later, text: &mut String) {
        self.calls.push((number, self.blocks));
        self.start(Some(Kind::Call), block, text);
        if !json.is_empty() {
            self.delta(self.blocks, object! { "type": "input_json_delta", "partial_json": &json }, text);
        }
        self.grown = json;
    }

    fn stop(&mut self, text: &mut String) {
        text.push_str(&event("content_block_stop", vec![("index", self.blocks.into())]));
        self.blocks += 1;
    }
}
