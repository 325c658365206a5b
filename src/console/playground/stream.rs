//! An answer as it comes: posted by `fetch`, read piece by piece, each event of OpenAI's stream as it is complete.

use crate::console::form::post::{object, settled};
use crate::console::ui::browser::{call, get};
use leptos::prelude::window;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Array, Function, Reflect, Uint8Array};
use serde::Deserialize;
use std::cell::RefCell;

/// What an event brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    pub answer: String,
    pub thought: String,
    pub problem: String,
}

/// An answer that has begun, or will not.
pub struct Begun {
    /// The call's id in the log; empty where it has none.
    pub id: String,
    /// What the pieces are read from; nothing where none will come.
    pub reader: Option<JsValue>,
    /// Why none will come: a refusal in the API's words.
    pub problem: String,
}

/// Sends the form.
pub async fn begin(body: &str) -> Begun {
    let halt = get(&window(), "AbortController").dyn_into::<Function>().ok();
    let halt = halt.and_then(|class| Reflect::construct(&class, &Array::new()).ok()).unwrap_or_default();
    let signal = get(&halt, "signal");
    HALT.set(Some(halt));
    let headers = object(&[("content-type", &"application/x-www-form-urlencoded".into())]);
    let (post, body) = ("POST".into(), body.into());
    let options = object(&[("method", &post), ("headers", &headers), ("body", &body), ("signal", &signal)]);
    let asked = call(&window(), "fetch", &["/playground/stream".into(), options]);
    let Some(response) = settled(asked).await else {
        let problem = match get(&signal, "aborted").is_truthy() {
            true => "Stopped before an answer began. Whether it cost something is in the logs.",
            false => "Tollgate did not answer. Look in the logs whether the call was made.",
        };
        return Begun { id: String::new(), reader: None, problem: problem.to_owned() };
    };
    let headers = get(&response, "headers");
    let id = call(&headers, "get", &["x-request-id".into()]).as_string().unwrap_or_default();
    if get(&response, "ok").is_truthy() {
        let reader = call(&get(&response, "body"), "getReader", &[]);
        return Begun { id, reader: Some(reader), problem: String::new() };
    }
    let text = settled(call(&response, "text", &[])).await.and_then(|text| text.as_string()).unwrap_or_default();
    let said = event(&text).problem;
    let problem = if said.is_empty() { text } else { said };
    Begun { id, reader: None, problem }
}

/// The next bytes; `None` at the end, or where it was broken off.
pub async fn next(reader: &JsValue) -> Option<Vec<u8>> {
    let read = settled(call(reader, "read", &[])).await?;
    if get(&read, "done").is_truthy() {
        return None;
    }
    Some(Uint8Array::new(&get(&read, "value")).to_vec())
}

thread_local! {
    /// What breaks off the call under way. A browser has one thread and one playground; no signal may hold it, since a page
    /// that the server draws changes threads.
    static HALT: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// Hangs up, whether an answer has begun or not: the provider is told to stop too.
pub fn stop() {
    if let Some(halt) = HALT.take() {
        call(&halt, "abort", &[]);
    }
}

/// Takes the events that are complete out of what has come.
pub fn events(come: &mut Vec<u8>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    while let Some(end) = come.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = come.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line);
        if let Some(data) = line.trim_end().strip_prefix("data:") {
            pieces.push(event(data.trim_start()));
        }
    }
    pieces
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
    #[serde(alias = "reasoning_content")]
    reasoning: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    message: Option<String>,
}

fn event(data: &str) -> Piece {
    let Ok(Event { choices, error }) = serde_json::from_str(data) else { return Piece::default() };
    let delta = choices.into_iter().next().and_then(|choice| choice.delta);
    let (answer, thought) = delta.map(|delta| (delta.content, delta.reasoning)).unwrap_or_default();
    Piece {
        answer: answer.unwrap_or_default(),
        thought: thought.unwrap_or_default(),
        problem: error.and_then(|fault| fault.message).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_are_complete_wherever_they_are_cut() {
        let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\r\n\r\n: still here\n\ndata:{\"choices\":[],\"usage\":{}}\n\n\
                      data: {\"error\":{\"message\":\"it broke\"}}\n\ndata: [DONE]\n\n";
        let (mut come, mut pieces) = (Vec::new(), Vec::new());
        for byte in stream.bytes() {
            come.push(byte);
            pieces.extend(events(&mut come));
        }
        let answer: String = pieces.iter().map(|piece| piece.answer.as_str()).collect();
        let problem: String = pieces.iter().map(|piece| piece.problem.as_str()).collect();
        assert_eq!((answer.as_str(), problem.as_str(), come.is_empty()), ("é", "it broke", true));
    }
}
