//! Streams, from each dialect to each other.

use crate::domain::usage::Usage;
use crate::proxy::dialect::{Dialect, Heading, Reader, Writer};
use serde_json::{Value, json};

const OPENAI: Dialect = Dialect::Openai;
const ANTHROPIC: Dialect = Dialect::Anthropic;
const GEMINI: Dialect = Dialect::Gemini;

const USAGE: Usage = Usage { input: 12, cached_input: 4, output: 30, reasoning: 10, ..Usage::NONE };

fn written(from: Dialect, to: Dialect, events: &[Value]) -> String {
    let (id, model) = ("0199-ab".to_owned(), "m".to_owned());
    let heading = Heading { id, model, created: 1_700_000_000, ..Heading::default() };
    let (mut reader, mut writer) = (Reader::of(from, "0199-ab"), Writer::of(to, heading, true));
    let mut text = String::new();
    for event in events {
        for event in reader.read(event.to_string().as_bytes()) {
            text.push_str(&writer.write(&event, &Usage::new(12, 0)));
        }
    }
    text + &writer.end(&USAGE)
}

/// The data of each event; `[DONE]` as a text.
fn data(text: &str) -> Vec<Value> {
    let events = text.split("\n\n").filter(|event| !event.is_empty());
    let data = events.map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")).expect("data"));
    data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| data.into())).collect()
}

/// Thought, text, two calls at once.
fn openai() -> Vec<Value> {
    let chunk = |delta: Value, reason: Value| {
        json!({ "id": "c", "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": delta,
            "finish_reason": reason }], "usage": null })
    };
    let call = |call: Value| chunk(json!({ "tool_calls": [call] }), Value::Null);
    vec![
        chunk(json!({ "role": "assistant", "content": "" }), Value::Null),
        chunk(json!({ "reasoning_content": "Hm." }), Value::Null),
        chunk(json!({ "content": "Let me" }), Value::Null),
        chunk(json!({ "content": " look." }), Value::Null),
        call(
            json!({ "index": 0, "id": "call_a", "type": "function", "function": { "name": "weather", "arguments": "" } }),
        ),
        call(json!({ "index": 0, "function": { "arguments": "{\"city\":" } })),
        call(json!({ "index": 0, "function": { "arguments": "\"Paris\"}" } })),
        call(
            json!({ "index": 1, "id": "call_b", "type": "function", "function": { "name": "time", "arguments": "{}" } }),
        ),
        chunk(json!({}), json!("tool_calls")),
        json!({ "choices": [], "usage": { "prompt_tokens": 12, "completion_tokens": 30 } }),
    ]
}

fn anthropic() -> Vec<Value> {
    let start =
        |index: u64, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let delta = |index: u64, delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let stop = |index: u64| json!({ "type": "content_block_stop", "index": index });
    vec![
        json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant",
            "content": [], "model": "claude", "stop_reason": null, "stop_sequence": null,
            "usage": { "input_tokens": 12, "output_tokens": 1 } } }),
        start(0, json!({ "type": "thinking", "thinking": "", "signature": "" })),
        json!({ "type": "ping" }),
        delta(0, json!({ "type": "thinking_delta", "thinking": "Hm." })),
        delta(0, json!({ "type": "signature_delta", "signature": "EqQB" })),
        stop(0),
        start(1, json!({ "type": "text", "text": "" })),
        delta(1, json!({ "type": "text_delta", "text": "Let me" })),
        delta(1, json!({ "type": "text_delta", "text": " look." })),
        stop(1),
        start(2, json!({ "type": "tool_use", "id": "call_a", "name": "weather", "input": {} })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "" })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "{\"city\":" })),
        delta(2, json!({ "type": "input_json_delta", "partial_json": "\"Paris\"}" })),
        stop(2),
        start(3, json!({ "type": "tool_use", "id": "call_b", "name": "time", "input": {} })),
        delta(3, json!({ "type": "input_json_delta", "partial_json": "{}" })),
        stop(3),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null },
            "usage": { "output_tokens": 30 } }),
        json!({ "type": "message_stop" }),
    ]
}

fn gemini() -> Vec<Value> {
    let chunk =
        |parts: Value| json!({ "candidates": [{ "content": { "role": "model", "parts": parts }, "index": 0 }] });
    let mut last = chunk(json!([
        { "functionCall": { "id": "call_a", "name": "weather", "args": { "city": "Paris" } }, "thoughtSignature": "CsMB" },
        { "functionCall": { "id": "call_b", "name": "time", "args": {} } },
    ]));
    last["candidates"][0]["finishReason"] = json!("STOP");
    vec![
        chunk(json!([{ "text": "Hm.", "thought": true }])),
        chunk(json!([{ "text": "Let me" }])),
        chunk(json!([{ "text": " look." }])),
        last,
    ]
}

#[test]
fn a_stream_becomes_blocks_that_begin_grow_and_end_one_after_the_other() {
    for (from, given, sealed) in [(OPENAI, openai(), None), (GEMINI, gemini(), Some("gemini:CsMB"))] {
        let text = written(from, ANTHROPIC, &given);
        let events = data(&text);
        for (line, event) in text.lines().filter_map(|line| line.strip_prefix("event: ")).zip(&events) {
            assert_eq!(line, event["type"]);
        }
        let mut due = vec![json!("message_start")];
        let mut blocks = vec![("thinking", 1), ("text", 2)];
        if sealed.is_some() {
            blocks.push(("thinking", 1));
        }
        blocks.extend([("tool_use", if sealed.is_some() { 1 } else { 2 }), ("tool_use", 1)]);
        let (mut at, mut open) = (1, 0_u64);
        for (kind, deltas) in blocks {
            assert_eq!((&events[at]["index"], &events[at]["content_block"]["type"]), (&json!(open), &json!(kind)));
            due.push(json!("content_block_start"));
            due.extend(vec![json!("content_block_delta"); deltas]);
            due.push(json!("content_block_stop"));
            assert_eq!(events[at + deltas + 1]["index"], open);
            (at, open) = (at + deltas + 2, open + 1);
        }
        due.extend([json!("message_delta"), json!("message_stop")]);
        assert_eq!(events.iter().map(|event| event["type"].clone()).collect::<Vec<_>>(), due, "{text}");
        assert_eq!(events[0]["message"]["usage"]["input_tokens"], 12);
        let last = &events[events.len() - 2];
        assert_eq!(last["delta"], json!({ "stop_reason": "tool_use", "stop_sequence": null }));
        let usage = json!({ "input_tokens": 8, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4,
            "output_tokens": 30 });
        assert_eq!(last["usage"], usage);
        let grown =
            |kind: &str| -> String { events.iter().filter_map(|event| event["delta"][kind].as_str()).collect() };
        assert_eq!((grown("thinking"), grown("text")), ("Hm.".to_owned(), "Let me look.".to_owned()));
        assert_eq!(grown("partial_json"), "{\"city\":\"Paris\"}{}");
        assert_eq!(grown("signature"), sealed.unwrap_or_default());
    }
}

#[test]
fn a_stream_becomes_chunks_and_done() {
    for (from, given, sealed) in [
        (
            ANTHROPIC,
            anthropic(),
            json!({ "type": "reasoning.text", "text": "", "signature": "EqQB",
            "format": "anthropic-claude-v1" }),
        ),
        (GEMINI, gemini(), json!({ "type": "reasoning.encrypted", "data": "CsMB", "format": "google-gemini-v1" })),
    ] {
        let mut chunks = data(&written(from, OPENAI, &given));
        assert_eq!(chunks.pop(), Some(json!("[DONE]")));
        let bill = chunks.pop().expect("a chunk");
        assert_eq!((&bill["choices"], &bill["usage"]["total_tokens"]), (&json!([]), &json!(42)));
        assert!(chunks.iter().all(|chunk| chunk["id"] == "chatcmpl-0199-ab" && chunk["model"] == "m"));
        let deltas: Vec<&Value> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
        assert_eq!(deltas[0]["role"], "assistant");
        let grown = |field: &str| -> String { deltas.iter().filter_map(|delta| delta[field].as_str()).collect() };
        assert_eq!((grown("reasoning"), grown("content")), ("Hm.".to_owned(), "Let me look.".to_owned()));
        let details = deltas.iter().filter_map(|delta| delta["reasoning_details"].as_array()).flatten();
        assert!(details.into_iter().any(|detail| *detail == sealed));
        let mut calls = [(Value::Null, String::new()), (Value::Null, String::new())];
        for call in deltas.iter().filter_map(|delta| delta["tool_calls"].get(0)) {
            let (head, arguments) = &mut calls[call["index"].as_u64().expect("an index") as usize];
            if call.get("id").is_some() {
                *head = json!([call["id"], call["type"], call["function"]["name"]]);
            }
            arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
        }
        assert_eq!(calls[0], (json!(["call_a", "function", "weather"]), "{\"city\":\"Paris\"}".to_owned()));
        assert_eq!(calls[1], (json!(["call_b", "function", "time"]), "{}".to_owned()));
        assert_eq!(chunks.last().map(|chunk| chunk["choices"][0]["finish_reason"].clone()), Some(json!("tool_calls")));
    }
}

#[test]
fn a_stream_becomes_candidates_whose_calls_are_whole() {
    for (from, given) in [(OPENAI, openai()), (ANTHROPIC, anthropic())] {
        let chunks = data(&written(from, GEMINI, &given));
        let parts = chunks.iter().filter_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array()).flatten();
        let parts: Vec<&Value> = parts.collect();
        let calls: Vec<Value> = parts.iter().filter_map(|part| part.get("functionCall").cloned()).collect();
        let due = [
            json!({ "id": "call_a", "name": "weather", "args": { "city": "Paris" } }),
            json!({ "id": "call_b", "name": "time", "args": {} }),
        ];
        assert_eq!(calls, due);
        let grown = |thought: bool| -> String {
            let said = parts.iter().filter(|part| part.get("thought").is_some() == thought);
            said.filter_map(|part| part["text"].as_str()).collect()
        };
        assert_eq!((grown(true), grown(false)), ("Hm.".to_owned(), "Let me look.".to_owned()));
        let last = chunks.last().expect("a chunk");
        assert_eq!(
            (&last["candidates"][0]["finishReason"], &last["usageMetadata"]["totalTokenCount"]),
            (&json!("STOP"), &json!(42))
        );
    }
}

#[test]
fn a_call_of_a_compatible_provider_is_told_from_the_next_by_its_id_where_all_are_number_0() {
    let call = |id: &str, name: &str| {
        let function = json!({ "name": name, "arguments": "{}" });
        json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "id": id, "function": function }] } }] })
    };
    let text = written(OPENAI, ANTHROPIC, &[call("a", "one"), call("b", "two")]);
    let events = data(&text);
    let begun: Vec<&Value> = events.iter().filter_map(|event| event.get("content_block")).collect();
    assert_eq!((&begun[0]["id"], &begun[1]["id"]), (&json!("a"), &json!("b")));
}

#[test]
fn calls_whose_arguments_come_in_turns_are_blocks_that_do_not_overlap() {
    let chunk = |calls: Value| json!({ "id": "x", "choices": [{ "index": 0, "delta": { "tool_calls": calls } }] });
    let call = |index: u64, arguments: &str| {
        json!([{ "index": index, "id": format!("call_{index}"), "type": "function",
            "function": { "name": "weather", "arguments": arguments } }])
    };
    let more = |index: u64, arguments: &str| json!([{ "index": index, "function": { "arguments": arguments } }]);
    let given = [
        chunk(call(0, "{\"city\":")),
        chunk(call(1, "")),
        chunk(more(1, "{\"city\":\"Rome\"")),
        chunk(more(0, "\"Paris\"}")),
        chunk(more(1, "}")),
        json!({ "id": "x", "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }),
    ];
    let events = data(&written(OPENAI, ANTHROPIC, &given));
    let mut open = None;
    let mut blocks = Vec::<String>::new();
    for event in &events {
        match event["type"].as_str() {
            Some("content_block_start") => {
                assert_eq!(open.replace(event["index"].as_u64()), None, "a block begins in another");
                blocks.push(String::new());
            }
            Some("content_block_delta") => {
                assert_eq!(open, Some(event["index"].as_u64()), "a block grows that is not open");
                let last = blocks.last_mut().expect("a block");
                last.push_str(event["delta"]["partial_json"].as_str().expect("arguments"));
            }
            Some("content_block_stop") => assert_eq!(open.take(), Some(event["index"].as_u64())),
            _ => {}
        }
    }
    assert_eq!((blocks, open), (vec!["{\"city\":\"Paris\"}".to_owned(), "{\"city\":\"Rome\"}".to_owned()], None));
}

#[test]
fn a_call_that_follows_a_whole_one_grows_as_it_comes() {
    let chunk = |index: u64, id: Option<&str>, arguments: &str| {
        let function = json!({ "name": id.map(|_| "weather"), "arguments": arguments });
        json!({ "id": "x", "choices": [{ "index": 0, "delta":
            { "tool_calls": [{ "index": index, "id": id, "type": "function", "function": function }] } }] })
    };
    let given = [
        chunk(0, Some("call_a"), "{}"),
        chunk(1, Some("call_b"), ""),
        chunk(1, None, "{\"city\":"),
        chunk(1, None, "\"Rome\"}"),
        json!({ "id": "x", "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }] }),
    ];
    let events = data(&written(OPENAI, ANTHROPIC, &given));
    let grown =
        events.iter().filter(|event| event["index"] == 1).filter_map(|event| event["delta"]["partial_json"].as_str());
    assert_eq!(grown.collect::<Vec<_>>(), ["{\"city\":", "\"Rome\"}"]);
}

#[test]
fn an_answer_of_nothing_still_ends_properly() {
    assert!(written(GEMINI, ANTHROPIC, &[]).ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    assert!(written(ANTHROPIC, OPENAI, &[]).ends_with("data: [DONE]\n\n"));
    assert_eq!(data(&written(OPENAI, GEMINI, &[]))[0]["candidates"][0]["finishReason"], "STOP");
}
