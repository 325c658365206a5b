//! A response's stream: events that name the item they belong to, numbered throughout, with the whole response in the
//! first and in the last.

use super::answer::{kept, response, status};
use super::{call_item, item_id, message_item, reasoning_item, summary_part, text_part, whole_arguments};
use crate::domain::usage::Usage;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Call, Event, Finish, Heading, Seal, What};

/// An item that is still growing.
#[derive(Debug)]
struct Open {
    /// Its place in the output.
    index: u64,
    id: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(String),
    Thought(String),
    /// A call and the number by which the upstream tells it from others.
    Call(u64, Call),
}

/// Writes a response's events.
#[derive(Debug)]
pub struct Writer {
    heading: Heading,
    is_begun: bool,
    /// Events so far.
    sequence: u64,
    /// Items that have begun.
    items: u64,
    /// A text or a thought alone, or calls, which may grow at the same time.
    open: Vec<Open>,
    /// Items that are whole, and their places.
    done: Vec<(u64, Json)>,
    finish: Finish,
}

impl Writer {
    pub fn new(heading: Heading) -> Self {
        let (open, done) = (Vec::new(), Vec::new());
        Self { heading, is_begun: false, sequence: 0, items: 0, open, done, finish: Finish::Stop }
    }

    pub fn write(&mut self, event: &Event) -> String {
        let mut text = String::new();
        // There is one answer in a response.
        if event.choice > 0 {
            return text;
        }
        self.begin(&mut text);
        match &event.what {
            What::Text(said) => self.said(said, &mut text),
            What::Thought(said) => self.thought(said, &mut text),
            What::Seal(seal) => self.seal(seal, &mut text),
            What::Call { number, id, name } => {
                if !self.open.iter().all(|open| matches!(open.kind, Kind::Call(..))) {
                    self.close(None, &mut text);
                }
                let call = Call { id: id.clone(), name: name.clone(), arguments: String::new() };
                let item = self.next_id("fc");
                self.start(&item, call_item(&item, "in_progress", &call), Kind::Call(*number, call), &mut text);
            }
            What::Arguments { number, json } => self.arguments(*number, json, &mut text),
            What::Finish(finish) => self.finish = finish.clone(),
            What::Failed(_) => {}
        }
        text
    }

    pub fn end(&mut self, usage: &Usage) -> String {
        let mut text = String::new();
        self.begin(&mut text);
        self.close(None, &mut text);
        let status = status(&self.finish);
        let response = response(&self.heading, status, &self.finish, None, self.output(), Some(usage));
        self.event(&format!("response.{status}"), vec![("response", response)], &mut text);
        text
    }

    /// The end of a stream that broke off: the error, and the response as one that failed. `error` is OpenAI's error
    /// object.
    pub fn failed(&mut self, error: &serde_json::Value) -> String {
        let mut text = String::new();
        self.begin(&mut text);
        text.push_str(&error_event(self.sequence, error));
        self.sequence += 1;
        let said = |name: &str| Json::raw(&error[name].to_string()).unwrap_or(Json::Null);
        let brief = object! { "code": said("code"), "message": said("message") };
        let response = response(&self.heading, "failed", &Finish::Stop, Some(brief), self.output(), None);
        self.event("response.failed", vec![("response", response)], &mut text);
        text
    }

    fn begin(&mut self, text: &mut String) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            let response = response(&self.heading, "in_progress", &Finish::Stop, None, Vec::new(), None);
            self.event(name, vec![("response", response)], text);
        }
    }

    fn event(&mut self, name: &str, fields: Vec<(&'static str, Json)>, text: &mut String) {
        let mut data = object! { "type": name, "sequence_number": self.sequence };
        self.sequence += 1;
        fields.into_iter().for_each(|(name, value)| data.set(name, value));
        text.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    }

    fn next_id(&self, kind: &str) -> String {
        item_id(kind, &self.heading.id, self.items)
    }

    fn start(&mut self, id: &str, item: Json, kind: Kind, text: &mut String) {
        let index = self.items;
        self.items += 1;
        self.event("response.output_item.added", vec![("output_index", index.into()), ("item", item)], text);
        self.open.push(Open { index, id: id.to_owned(), kind });
    }

    /// An event of a part of an item: `numbered` is the field that numbers parts of its kind.
    fn part_event(
        &mut self,
        name: &str,
        (id, index): (&str, u64),
        numbered: Option<&'static str>,
        more: Vec<(&'static str, Json)>,
        text: &mut String,
    ) {
        let mut fields = vec![("item_id", Json::from(id)), ("output_index", Json::from(index))];
        fields.extend(numbered.map(|field| (field, Json::from(0))));
        fields.extend(more);
        self.event(name, fields, text);
    }

    fn said(&mut self, said: &str, text: &mut String) {
        if !matches!(self.open.last(), Some(Open { kind: Kind::Text(_), .. })) {
            self.close(None, text);
            let id = self.next_id("msg");
            let item = message_item(&id, "in_progress", Vec::new());
            self.start(&id, item, Kind::Text(String::new()), text);
            let at = (id.as_str(), self.items - 1);
            let part = vec![("part", text_part(""))];
            self.part_event("response.content_part.added", at, Some("content_index"), part, text);
        }
        let Some(Open { index, id, kind: Kind::Text(so_far) }) = self.open.last_mut() else { return };
        so_far.push_str(said);
        let (index, id) = (*index, id.clone());
        let delta = vec![("delta", Json::from(said)), ("logprobs", Json::List(Vec::new()))];
        self.part_event("response.output_text.delta", (&id, index), Some("content_index"), delta, text);
    }

    fn thought(&mut self, said: &str, text: &mut String) {
        if !matches!(self.open.last(), Some(Open { kind: Kind::Thought(_), .. })) {
            self.close(None, text);
            let id = self.next_id("rs");
            self.start(&id, reasoning_item(&id, "", None), Kind::Thought(String::new()), text);
            let at = (id.as_str(), self.items - 1);
            let part = vec![("part", summary_part(""))];
            self.part_event("response.reasoning_summary_part.added", at, Some("summary_index"), part, text);
        }
        let Some(Open { index, id, kind: Kind::Thought(so_far) }) = self.open.last_mut() else { return };
        so_far.push_str(said);
        let (index, id) = (*index, id.clone());
        let delta = vec![("delta", Json::from(said))];
        self.part_event("response.reasoning_summary_text.delta", (&id, index), Some("summary_index"), delta, text);
    }

    /// Ends the thought that is open; or is one by itself.
    fn seal(&mut self, seal: &Seal, text: &mut String) {
        let is_open = matches!(self.open.last(), Some(Open { kind: Kind::Thought(_), .. }));
        if seal.is_whole || !is_open {
            self.close(None, text);
            let id = self.next_id("rs");
            self.start(&id, reasoning_item(&id, "", None), Kind::Thought(String::new()), text);
        }
        self.close(Some(seal), text);
    }

    fn arguments(&mut self, number: u64, json: &str, text: &mut String) {
        let is_it = |open: &&mut Open| matches!(open.kind, Kind::Call(other, _) if other == number);
        let Some(Open { index, id, kind: Kind::Call(_, call) }) = self.open.iter_mut().rev().find(is_it) else {
            return;
        };
        call.arguments.push_str(json);
        let (index, id) = (*index, id.clone());
        let delta = vec![("delta", Json::from(json))];
        self.part_event("response.function_call_arguments.delta", (&id, index), None, delta, text);
    }

    /// Ends whatever is open. `seal` seals the thought among it.
    fn close(&mut self, seal: Option<&Seal>, text: &mut String) {
        for Open { index, id, kind } in std::mem::take(&mut self.open) {
            let at = (id.as_str(), index);
            let item = match kind {
                Kind::Text(said) => {
                    let done = vec![("text", Json::from(&said)), ("logprobs", Json::List(Vec::new()))];
                    self.part_event("response.output_text.done", at, Some("content_index"), done, text);
                    let part = vec![("part", text_part(&said))];
                    self.part_event("response.content_part.done", at, Some("content_index"), part, text);
                    message_item(&id, status(&self.finish), vec![text_part(&said)])
                }
                Kind::Thought(said) => {
                    if !said.is_empty() {
                        let done = vec![("text", Json::from(&said))];
                        self.part_event("response.reasoning_summary_text.done", at, Some("summary_index"), done, text);
                        let part = vec![("part", summary_part(&said))];
                        self.part_event("response.reasoning_summary_part.done", at, Some("summary_index"), part, text);
                    }
                    reasoning_item(&id, &said, seal)
                }
                Kind::Call(_, mut call) => {
                    call.arguments = whole_arguments(&call.arguments).to_owned();
                    let done = vec![("name", Json::from(&call.name)), ("arguments", Json::from(&call.arguments))];
                    self.part_event("response.function_call_arguments.done", at, None, done, text);
                    call_item(&id, status(&self.finish), &call)
                }
            };
            let fields = vec![("output_index", index.into()), ("item", item.clone())];
            self.event("response.output_item.done", fields, text);
            self.done.push((index, item));
        }
    }

    /// Items that the caller may refer to later, with their ids.
    pub fn kept(&self) -> Vec<(String, String)> {
        kept(&self.heading, &self.output())
    }

    /// The items that are whole, in their order.
    fn output(&self) -> Vec<Json> {
        let mut done: Vec<&(u64, Json)> = self.done.iter().collect();
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, item)| item.clone()).collect()
    }
}

/// An error in the middle of a stream, as the event of this number: in the form of the API's reference, and in that of
/// its other errors, which OpenAI's libraries raise.
pub fn error_event(sequence: u64, error: &serde_json::Value) -> String {
    let said = |name: &str| Json::raw(&error[name].to_string()).unwrap_or(Json::Null);
    let data = object! {
        "type": "error",
        "sequence_number": sequence,
        "code": said("code"),
        "message": said("message"),
        "param": said("param"),
        "error": Json::raw(&error.to_string()),
    };
    format!("event: error\ndata: {data}\n\n")
}
