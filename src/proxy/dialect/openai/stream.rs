//! A chat completion's stream: chunks of choices, and `[DONE]`.

use super::answer::{text, thought, usage};
use super::{finish, reason, reasoning_detail};
use crate::domain::usage::Usage;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Event, Finish, Heading, What};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Chosen>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(default)]
    index: u64,
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Value,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    index: Option<u64>,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

/// Remembers which calls have begun.
#[derive(Debug, Default)]
pub struct Reader {
    calls: Vec<Begun>,
}

#[derive(Debug)]
struct Begun {
    choice: u64,
    index: Option<u64>,
    id: String,
}

impl Reader {
    pub fn read(&mut self, data: &[u8]) -> Vec<Event> {
        let Ok(chunk) = serde_json::from_slice::<Chunk>(data) else { return Vec::new() };
        if let Some(error) = chunk.error {
            let message =
                error.get("message").and_then(Value::as_str).or(error.as_str()).unwrap_or("It did not say why.");
            return vec![Event { choice: 0, what: What::Failed(message.to_owned()) }];
        }
        let mut events = Vec::new();
        for Chosen { index: choice, delta, finish_reason } in chunk.choices {
            let (mut what, delta) = (Vec::new(), delta.unwrap_or_default());
            let is_said = |text: &String| !text.is_empty();
            let reasoning = delta.reasoning_content.or(delta.reasoning).filter(is_said);
            what.extend(reasoning.or_else(|| thought(&delta.content)).map(What::Thought));
            let texts = [text(&delta.content), delta.refusal.unwrap_or_default()];
            what.extend(texts.into_iter().filter(is_said).map(What::Text));
            for call in delta.tool_calls.unwrap_or_default() {
                self.called(choice, call, &mut what);
            }
            what.extend(finish_reason.map(|reason| What::Finish(finish(&reason))));
            events.extend(what.into_iter().map(|what| Event { choice, what }));
        }
        events
    }

    fn called(&mut self, choice: u64, call: Called, what: &mut Vec<What>) {
        let Called { index, id, function } = call;
        let (name, arguments) = function.map_or((None, None), |function| (function.name, function.arguments));
        let id = id.filter(|id| !id.is_empty());
        // Some number every call 0, and tell them apart by their ids.
        let is_it = |begun: &Begun| {
            begun.choice == choice
                && index.is_none_or(|index| begun.index == Some(index))
                && id.as_ref().is_none_or(|id| begun.id == *id)
        };
        let number = match self.calls.iter().rposition(is_it) {
            Some(number) => number,
            None => {
                let id = id.unwrap_or_else(|| format!("call_{}", self.calls.len()));
                self.calls.push(Begun { choice, index, id: id.clone() });
                let number = self.calls.len() - 1;
                what.push(What::Call { number: number as u64, id, name: name.unwrap_or_default() });
                number
            }
        };
        let number = number as u64;
        what.extend(arguments.filter(|text| !text.is_empty()).map(|json| What::Arguments { number, json }));
    }
}

/// Writes chunks.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    wants_usage: bool,
    begun: Vec<u64>,
    finished: Vec<u64>,
    /// Calls in the order in which they began: choice and number.
    calls: Vec<(u64, u64)>,
}

impl Writer {
    pub fn new(heading: Heading, wants_usage: bool) -> Self {
        Self { heading, wants_usage, begun: Vec::new(), finished: Vec::new(), calls: Vec::new() }
    }

    pub fn write(&mut self, event: &Event) -> String {
        let choice = event.choice;
        let mut delta = object! {};
        if !self.begun.contains(&choice) {
            self.begun.push(choice);
            delta.set("role", "assistant");
        }
        let mut reason = None;
        match &event.what {
            What::Text(text) => delta.set("content", text),
            What::Thought(text) => {
                delta.set("reasoning", text);
                delta.set("reasoning_details", vec![object! { "type": "reasoning.text", "text": text }]);
            }
            What::Seal(seal) => delta.set("reasoning_details", vec![reasoning_detail("", seal)]),
            What::Call { number, id, name } => {
                self.calls.push((choice, *number));
                let function = object! { "name": name, "arguments": "" };
                let index = self.index(choice, *number);
                let call = object! { "index": index, "id": id, "type": "function", "function": function };
                delta.set("tool_calls", vec![call]);
            }
            What::Arguments { number, json } => {
                let index = self.index(choice, *number);
                let call = object! { "index": index, "function": object! { "arguments": json } };
                delta.set("tool_calls", vec![call]);
            }
            What::Finish(finish) => {
                self.finished.push(choice);
                reason = Some(self::reason(finish));
            }
            What::Failed(_) => return String::new(),
        }
        let choice = object! { "index": choice, "delta": delta, "logprobs": Json::Null, "finish_reason": reason };
        self.chunk(vec![choice], None)
    }

    /// A call's place among those of its choice.
    fn index(&self, choice: u64, number: u64) -> u64 {
        let of_choice = self.calls.iter().filter(|(of, _)| *of == choice);
        of_choice.zip(0..).find(|((_, other), _)| *other == number).map_or(0, |(_, index)| index)
    }

    pub fn end(&mut self, usage: &Usage) -> String {
        let unfinished = self.begun.iter().filter(|choice| !self.finished.contains(choice));
        let unfinished: Vec<u64> = unfinished.copied().collect();
        let mut last = String::new();
        for choice in unfinished {
            // A provider that does not say why it ended just ended.
            let has_called = self.calls.iter().any(|(of, _)| *of == choice);
            let what = What::Finish(Finish::Stop.with_calls(has_called));
            last.push_str(&self.write(&Event { choice, what }));
        }
        if self.wants_usage {
            last.push_str(&self.chunk(Vec::new(), Some(self::usage(usage))));
        }
        last.push_str("data: [DONE]\n\n");
        last
    }

    fn chunk(&self, choices: Vec<Json>, usage: Option<Json>) -> String {
        let mut chunk = object! {
            "id": format!("chatcmpl-{}", self.heading.id),
            "object": "chat.completion.chunk",
            "created": self.heading.created,
            "model": &self.heading.model,
            "choices": choices,
        };
        chunk.set_some("usage", usage);
        format!("data: {chunk}\n\n")
    }
}
