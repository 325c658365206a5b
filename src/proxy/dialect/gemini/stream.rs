//! A `streamGenerateContent` answer: each event is an answer of its own that says a little more.

use super::answer::{Response, call, thought, usage};
use super::{finish, reason};
use crate::domain::usage::Usage;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Call, Event, Finish, Heading, Utterance, What};

/// Numbers the calls, which come whole.
#[derive(Debug)]
pub struct Reader {
    id: String,
    calls: usize,
    /// Answers that called something.
    callers: Vec<u64>,
}

impl Reader {
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), calls: 0, callers: Vec::new() }
    }

    pub fn read(&mut self, data: &[u8]) -> Vec<Event> {
        let Ok(response) = serde_json::from_slice::<Response>(data) else { return Vec::new() };
        if let Some(error) = response.error {
            return vec![Event { choice: 0, what: What::Failed(error.message) }];
        }
        let mut events = Vec::new();
        let is_blocked = response.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
        if is_blocked && response.candidates.is_empty() {
            events.push(Event { choice: 0, what: What::Finish(Finish::Filtered) });
        }
        for candidate in response.candidates {
            let choice = candidate.index;
            let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
            for part in parts {
                let number = self.calls as u64;
                for said in part.utterances(&self.id, &mut self.calls) {
                    self.said(choice, number, said, &mut events);
                }
            }
            if let Some(reason) = candidate.finish_reason {
                let finish = finish(&reason).with_calls(self.callers.contains(&choice));
                events.push(Event { choice, what: What::Finish(finish) });
            }
        }
        events
    }

    fn said(&mut self, choice: u64, number: u64, said: Utterance, events: &mut Vec<Event>) {
        let mut push = |what| events.push(Event { choice, what });
        match said {
            Utterance::Text(text) => push(What::Text(text)),
            Utterance::Thought(thought) => {
                if !thought.text.is_empty() {
                    push(What::Thought(thought.text));
                }
                if let Some(seal) = thought.seal {
                    push(What::Seal(seal));
                }
            }
            Utterance::Call(Call { id, name, arguments }) => {
                push(What::Call { number, id, name });
                push(What::Arguments { number, json: arguments });
                self.callers.push(choice);
            }
        }
    }
}

/// Writes answers that each say a little more. A call is held back until it is whole.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    /// Calls that are still growing: choice, number, call.
    growing: Vec<(u64, u64, Call)>,
    finished: Vec<(u64, Finish)>,
}

impl Writer {
    pub fn new(heading: Heading) -> Self {
        Self { heading, growing: Vec::new(), finished: Vec::new() }
    }

    pub fn write(&mut self, event: &Event) -> String {
        let choice = event.choice;
        match &event.what {
            What::Text(said) => self.grown(choice) + &self.chunk(choice, vec![object! { "text": said }]),
            What::Thought(said) => self.chunk(choice, thought(said, None).into_iter().collect()),
            What::Seal(seal) => match thought("", Some(seal)) {
                Some(part) => self.chunk(choice, vec![part]),
                None => String::new(),
            },
            What::Call { number, id, name } => {
                let call = Call { id: id.clone(), name: name.clone(), arguments: String::new() };
                self.growing.push((choice, *number, call));
                String::new()
            }
            What::Arguments { number, json } => {
                let of_it = |(of, other, _): &&mut (u64, u64, Call)| *of == choice && other == number;
                if let Some((_, _, call)) = self.growing.iter_mut().find(of_it) {
                    call.arguments.push_str(json);
                }
                String::new()
            }
            What::Finish(finish) => {
                self.finished.push((choice, finish.clone()));
                self.grown(choice)
            }
            What::Failed(_) => String::new(),
        }
    }

    /// The calls of an answer that goes on to something else.
    fn grown(&mut self, choice: u64) -> String {
        let (done, rest) = std::mem::take(&mut self.growing).into_iter().partition(|(of, ..)| *of == choice);
        self.growing = rest;
        let done: Vec<(u64, u64, Call)> = done;
        if done.is_empty() {
            return String::new();
        }
        self.chunk(choice, done.iter().map(|(_, _, grown)| call(grown)).collect())
    }

    pub fn end(&mut self, usage: &Usage) -> String {
        let unfinished: Vec<u64> = self.growing.iter().map(|(choice, ..)| *choice).collect();
        let mut text: String = unfinished.into_iter().map(|choice| self.grown(choice)).collect();
        if self.finished.is_empty() {
            self.finished.push((0, Finish::Stop));
        }
        let candidates = self.finished.iter().map(|(index, finish)| {
            object! {
                "content": object! { "role": "model", "parts": vec![object! { "text": "" }] },
                "finishReason": reason(finish),
                "index": *index,
            }
        });
        let last = self.response(candidates.collect(), Some(self::usage(usage)));
        text.push_str(&last);
        text
    }

    fn chunk(&self, choice: u64, parts: Vec<Json>) -> String {
        let content = object! { "role": "model", "parts": parts };
        self.response(vec![object! { "content": content, "index": choice }], None)
    }

    fn response(&self, candidates: Vec<Json>, usage: Option<Json>) -> String {
        let mut response = object! { "candidates": candidates };
        response.set_some("usageMetadata", usage);
        response.set("modelVersion", &self.heading.model);
        response.set("responseId", &self.heading.id);
        format!("data: {response}\n\n")
    }
}
