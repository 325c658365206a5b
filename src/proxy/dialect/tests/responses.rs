//! Callers of the Responses API: their requests as each other dialect writes them, and each other's answers as theirs.

use crate::domain::usage::Usage;
use crate::proxy::dialect::{
    Asked, Carried, Dialect, Event, Heading, Reader, What, Writer, carried, echo, read_answer, write_answer,
};
use serde_json::{Value, json};

const OPENAI: Dialect = Dialect::Openai;
const RESPONSES: Dialect = Dialect::Responses;
const ANTHROPIC: Dialect = Dialect::Anthropic;
const GEMINI: Dialect = Dialect::Gemini;

const USAGE: Usage = Usage { input: 12, cached_input: 4, output: 30, reasoning: 10, ..Usage::NONE };

fn to(to: Dialect, body: &Value) -> Result<Carried, String> {
    let asked = Asked { model: "up", bound_field: "max_tokens" };
    carried(body.to_string().as_bytes(), RESPONSES, false, to, &asked).map_err(|fault| fault.field)
}

fn written(dialect: Dialect, body: &Value) -> Value {
    let carried = to(dialect, body).unwrap_or_else(|field| panic!("{field} was refused: {body}"));
    serde_json::from_str(&carried.body).expect("JSON")
}

/// Instructions, an image, a thought of Anthropic's, parallel calls, what came of them, a schema.
fn request() -> Value {
    json!({
        "model": "m", "max_output_tokens": 300, "temperature": 0.2, "top_p": 0.9, "user": "user-7", "store": false,
        "instructions": "Be brief.", "metadata": { "a": "b" }, "include": ["reasoning.encrypted_content"],
        "truncation": "disabled", "service_tier": "auto", "parallel_tool_calls": true,
        "input": [
            { "role": "developer", "content": "No jokes." },
            { "type": "message", "role": "user", "content": [
                { "type": "input_text", "text": "What is this, and the weather?" },
                { "type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=" } ] },
            { "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": "Paris, then." }],
                "encrypted_content": "anthropic:EqQB" },
            { "type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
                { "type": "output_text", "text": "Let me look.", "annotations": [], "logprobs": [] }] },
            { "type": "function_call", "id": "fc_1", "status": "completed", "call_id": "call_a", "name": "weather",
                "arguments": "{\"city\":\"Paris\"}" },
            { "type": "function_call", "call_id": "call_b", "name": "time", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "call_a", "output": "{\"celsius\":21}" },
            { "type": "function_call_output", "call_id": "call_b", "output": [{ "type": "input_text", "text": "noon" }] },
            { "role": "user", "content": "Go on." },
        ],
        "tools": [
            { "type": "function", "name": "weather", "description": "Now.", "strict": true, "parameters":
                { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } },
            { "type": "function", "name": "time", "parameters": null },
        ],
        "tool_choice": "required",
        "text": { "format": { "type": "json_schema", "name": "reply", "strict": true,
            "schema": { "type": "object", "properties": { "text": { "type": "string" } } } }, "verbosity": "medium" },
    })
}

#[test]
fn a_response_asked_for_becomes_a_chat_completion() {
    let call = |id: &str, name: &str, arguments: &str| {
        json!({ "id": id, "type": "function",
        "function": { "name": name, "arguments": arguments } })
    };
    let due = json!({
        "model": "up", "max_tokens": 300, "temperature": 0.2, "top_p": 0.9, "user": "user-7",
        "parallel_tool_calls": true,
        "messages": [
            { "role": "system", "content": [
                { "type": "text", "text": "Be brief." }, { "type": "text", "text": "No jokes." }] },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this, and the weather?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } }] },
            { "role": "assistant", "content": "Let me look.", "tool_calls":
                [call("call_a", "weather", "{\"city\":\"Paris\"}"), call("call_b", "time", "{}")] },
            { "role": "tool", "tool_call_id": "call_a", "content": "{\"celsius\":21}" },
            { "role": "tool", "tool_call_id": "call_b", "content": "noon" },
            { "role": "user", "content": "Go on." },
        ],
        "tools": [
            { "type": "function", "function": { "name": "weather", "description": "Now.", "strict": true, "parameters":
                { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } } },
            { "type": "function", "function": { "name": "time" } },
        ],
        "tool_choice": "required",
        "response_format": { "type": "json_schema", "json_schema": { "name": "reply", "strict": true,
            "schema": { "type": "object", "properties": { "text": { "type": "string" } } } } },
    });
    assert_eq!(written(OPENAI, &request()), due);
    // A thought that Anthropic sealed is of use to nobody else.
    assert_eq!(to(OPENAI, &request()).expect("carried").left_out, ["input[2]"]);
}

#[test]
fn a_response_asked_for_becomes_a_message_and_thoughts_go_back_to_whom_they_came_from() {
    let body = written(ANTHROPIC, &request());
    assert_eq!((&body["max_tokens"], &body["metadata"]), (&json!(300), &json!({ "user_id": "user-7" })));
    let due = json!([
        { "role": "user", "content": [
            { "type": "text", "text": "What is this, and the weather?" },
            { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" } }] },
        { "role": "assistant", "content": [
            { "type": "thinking", "thinking": "Paris, then.", "signature": "EqQB" },
            { "type": "text", "text": "Let me look." },
            { "type": "tool_use", "id": "call_a", "name": "weather", "input": { "city": "Paris" } },
            { "type": "tool_use", "id": "call_b", "name": "time", "input": {} }] },
        { "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": "call_a", "content": "{\"celsius\":21}" },
            { "type": "tool_result", "tool_use_id": "call_b", "content": "noon" }] },
        { "role": "user", "content": [{ "type": "text", "text": "Go on." }] },
    ]);
    assert_eq!(body["messages"], due);
    let sealed = |encrypted: &str| {
        let thought = json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted });
        let call = json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" });
        json!({ "model": "m", "input": [thought, call] })
    };
    let redacted = written(ANTHROPIC, &sealed("anthropic-redacted:Eo8B"));
    assert_eq!(redacted["messages"][0]["content"][0], json!({ "type": "redacted_thinking", "data": "Eo8B" }));
    let signed = written(GEMINI, &sealed("gemini:CsMB"));
    assert_eq!(signed["contents"][0]["parts"][0]["thoughtSignature"], "CsMB");
    // OpenAI's own bear no mark, and are for OpenAI alone.
    assert_eq!(to(ANTHROPIC, &sealed("gAAAAB")).expect("carried").left_out, ["input[0]"]);
}

#[test]
fn a_response_asked_for_becomes_contents() {
    let body = written(GEMINI, &request());
    let due = json!([
        { "role": "user", "parts": [
            { "text": "What is this, and the weather?" },
            { "inlineData": { "mimeType": "image/png", "data": "iVBORw0KGgo=" } }] },
        { "role": "model", "parts": [
            { "text": "Let me look." },
            { "functionCall": { "name": "weather", "args": { "city": "Paris" } } },
            { "functionCall": { "name": "time", "args": {} } }] },
        { "role": "user", "parts": [
            { "functionResponse": { "name": "weather", "response": { "celsius": 21 } } },
            { "functionResponse": { "name": "time", "response": { "output": "noon" } } }] },
        { "role": "user", "parts": [{ "text": "Go on." }] },
    ]);
    assert_eq!(body["contents"], due);
    assert_eq!(body["generationConfig"]["maxOutputTokens"], 300);
    assert_eq!(body["generationConfig"]["responseMimeType"], "application/json");
}

#[test]
fn a_text_alone_is_what_the_user_says_and_efforts_are_carried_over() {
    let body =
        json!({ "model": "m", "input": "hi", "stream": true, "reasoning": { "effort": "low", "summary": "auto" } });
    let due = json!({ "model": "up", "messages": [{ "role": "user", "content": "hi" }], "stream": true,
        "reasoning_effort": "low" });
    assert_eq!(written(OPENAI, &body), due);
    assert_eq!(written(ANTHROPIC, &body)["output_config"], json!({ "effort": "low" }));
    let config = written(GEMINI, &body)["generationConfig"]["thinkingConfig"].clone();
    assert_eq!(config, json!({ "thinkingBudget": 1_024, "includeThoughts": true }));
}

#[test]
fn of_tools_that_are_allowed_the_others_are_not_told() {
    let tool = |name: &str| json!({ "type": "function", "name": name });
    let body = json!({ "model": "m", "input": "hi", "tools": [tool("a"), tool("b")], "tool_choice":
        { "type": "allowed_tools", "mode": "required", "tools": [tool("b")] } });
    let carried = written(OPENAI, &body);
    assert_eq!(carried["tools"], json!([{ "type": "function", "function": { "name": "b" } }]));
    assert_eq!(carried["tool_choice"], "required");
}

#[test]
fn what_has_no_counterpart_is_refused_by_its_name_and_hints_are_named() {
    let with = |fields: Value| {
        let mut body = json!({ "model": "m", "input": "hi" });
        fields.as_object().expect("an object").iter().for_each(|(name, value)| body[name] = value.clone());
        body
    };
    let items = |item: Value| json!({ "input": [item] });
    let part = |part: Value| items(json!({ "role": "user", "content": [part] }));
    for (fields, field) in [
        (json!({ "previous_response_id": "resp_1" }), "previous_response_id"),
        (json!({ "conversation": "conv_1" }), "conversation"),
        (json!({ "prompt": { "id": "p" } }), "prompt"),
        (json!({ "tools": [{ "type": "web_search" }] }), "tools[0].type"),
        (json!({ "tools": [{ "type": "custom", "name": "x", "format": {} }] }), "tools[0].type"),
        (json!({ "tools": [{ "type": "function", "name": "x", "defer_loading": true }] }), "tools[0].defer_loading"),
        (json!({ "tool_choice": { "type": "mcp", "server_label": "x" } }), "tool_choice.type"),
        (json!({ "text": { "verbosity": "low" } }), "text.verbosity"),
        (json!({ "text": { "format": { "type": "grammar" } } }), "text.format.type"),
        (json!({ "truncation": "auto" }), "truncation"),
        (json!({ "top_logprobs": 5 }), "top_logprobs"),
        (json!({ "include": ["reasoning.encrypted_content", "message.output_text.logprobs"] }), "include[1]"),
        (json!({ "service_tier": "flex" }), "service_tier"),
        (json!({ "reasoning": { "effort": "extreme" } }), "reasoning.effort"),
        (json!({ "reasoning": { "mode": "pro" } }), "reasoning.mode"),
        (json!({ "context_management": [{}] }), "context_management"),
        (json!({ "moderation": { "model": "x" } }), "moderation"),
        (json!({ "unheard_of": 1 }), "unheard_of"),
        (items(json!({ "type": "item_reference", "id": "msg_1" })), "input[0].id"),
        (items(json!({ "type": "web_search_call", "id": "ws_1" })), "input[0].type"),
        (items(json!({ "type": "custom_tool_call", "call_id": "c" })), "input[0].type"),
        (items(json!({ "role": "tool", "content": "x" })), "input[0].role"),
        (items(json!({ "role": "user" })), "input[0].content"),
        (items(json!({ "type": "function_call", "call_id": "c", "name": "f" })), "input[0].arguments"),
        (
            items(json!({ "type": "function_call", "call_id": "c", "name": "f", "arguments": "", "namespace": "n" })),
            "input[0].namespace",
        ),
        (part(json!({ "type": "input_image", "file_id": "file_1" })), "input[0].content[0].file_id"),
        (part(json!({ "type": "input_file", "file_id": "file_1" })), "input[0].content[0].file_id"),
        (part(json!({ "type": "hologram" })), "input[0].content[0].type"),
    ] {
        let body = with(fields);
        for dialect in [OPENAI, ANTHROPIC, GEMINI] {
            assert_eq!(to(dialect, &body).map(|carried| carried.body), Err(field.to_owned()), "{body}");
        }
    }
    let hints = with(json!({ "store": true, "prompt_cache_key": "k", "safety_identifier": "s", "max_tool_calls": 3 }));
    let left_out = to(OPENAI, &hints).expect("carried").left_out;
    assert_eq!(left_out, ["store", "max_tool_calls", "prompt_cache_key", "safety_identifier"]);
}

fn heading(request: &Value) -> Heading {
    let echo = echo(RESPONSES, request.to_string().as_bytes());
    Heading { id: "0199-ab".to_owned(), model: "m".to_owned(), created: 1_700_000_000, echo }
}

fn answered(from: Dialect, body: &Value) -> Value {
    let answer = read_answer(from, body.to_string().as_bytes(), "0199-ab").expect("an answer");
    let asked = json!({ "model": "m", "input": "hi", "temperature": 0.5, "metadata": { "a": "b" } });
    serde_json::from_str(&write_answer(RESPONSES, &answer, &heading(&asked), &USAGE).to_string()).expect("JSON")
}

#[test]
fn an_answer_becomes_a_response() {
    let body = json!({ "content": [
            { "type": "thinking", "thinking": "Weather, then.", "signature": "EqQB" },
            { "type": "redacted_thinking", "data": "Eo8B" },
            { "type": "text", "text": "Let me" }, { "type": "text", "text": " look." },
            { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Paris" } }],
        "stop_reason": "tool_use" });
    let due = json!({
        "id": "resp_0199-ab", "object": "response", "created_at": 1_700_000_000, "status": "completed",
        "background": false, "error": null, "incomplete_details": null, "model": "m",
        "output": [
            { "id": "rs_0199-ab_0", "type": "reasoning", "encrypted_content": "anthropic:EqQB",
                "summary": [{ "type": "summary_text", "text": "Weather, then." }] },
            { "id": "rs_0199-ab_1", "type": "reasoning", "encrypted_content": "anthropic-redacted:Eo8B", "summary": [] },
            { "id": "msg_0199-ab_2", "type": "message", "status": "completed", "role": "assistant", "content": [
                { "type": "output_text", "text": "Let me look.", "annotations": [], "logprobs": [] }] },
            { "id": "fc_0199-ab_3", "type": "function_call", "status": "completed", "arguments": "{\"city\":\"Paris\"}",
                "call_id": "toolu_1", "name": "weather" }],
        "usage": { "input_tokens": 12, "input_tokens_details": { "cached_tokens": 4, "cache_write_tokens": 0 },
            "output_tokens": 30, "output_tokens_details": { "reasoning_tokens": 10 }, "total_tokens": 42 },
        "instructions": null, "max_output_tokens": null, "max_tool_calls": null, "metadata": { "a": "b" },
        "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
        "reasoning": { "effort": null, "summary": null }, "safety_identifier": null, "store": true, "temperature": 0.5,
        "text": { "format": { "type": "text" } }, "tool_choice": "auto", "tools": [], "top_p": 1,
        "truncation": "disabled", "user": null,
    });
    assert_eq!(answered(ANTHROPIC, &body), due);
    let signed = json!({ "candidates": [{ "finishReason": "STOP", "content": { "parts": [
        { "functionCall": { "name": "f", "args": {} }, "thoughtSignature": "CsMB" }] } }] });
    let output = answered(GEMINI, &signed)["output"].clone();
    assert_eq!(
        (&output[0]["encrypted_content"], &output[1]["call_id"]),
        (&json!("gemini:CsMB"), &json!("call_0199ab_0"))
    );
    let silent = json!({ "choices": [{ "finish_reason": "tool_calls", "message": { "content": null, "reasoning": "Hm.",
        "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": "" } }] } }] });
    let output = answered(OPENAI, &silent)["output"].clone();
    assert_eq!((&output[0]["summary"][0]["text"], &output[1]["arguments"]), (&json!("Hm."), &json!("{}")));
}

#[test]
fn an_answer_that_is_cut_is_incomplete_and_says_why() {
    for (reason, due) in [("length", "max_output_tokens"), ("content_filter", "content_filter")] {
        let body = json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": reason }] });
        let answer = answered(OPENAI, &body);
        assert_eq!((&answer["status"], &answer["incomplete_details"]["reason"]), (&json!("incomplete"), &json!(due)));
        assert_eq!(answer["output"][0]["status"], "incomplete");
    }
}

fn streamed(from: Dialect, events: &[Value]) -> Vec<Value> {
    let heading = heading(&json!({ "model": "m", "input": "hi" }));
    let (mut reader, mut writer) = (Reader::of(from, "0199-ab"), Writer::of(RESPONSES, heading, false));
    let mut text = String::new();
    for event in events {
        for event in reader.read(event.to_string().as_bytes()) {
            text.push_str(&writer.write(&event, &Usage::default()));
        }
    }
    text.push_str(&writer.end(&USAGE));
    events_of(&text)
}

/// Each event's data; its name is its type, and events are numbered.
fn events_of(text: &str) -> Vec<Value> {
    let events = text.split("\n\n").filter(|event| !event.is_empty()).zip(0..);
    let each = events.map(|(event, number)| {
        let (name, data) = event.split_once('\n').expect("a name and data");
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], json!(number));
        data
    });
    each.collect()
}

/// A thought, a text, two calls that grow at the same time.
fn chunks() -> Vec<Value> {
    let chunk =
        |delta: Value, reason: Value| json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] });
    let call = |index: u64, id: Value, name: Value, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        chunk(json!({ "tool_calls": [{ "index": index, "id": id, "function": function }] }), Value::Null)
    };
    vec![
        chunk(json!({ "reasoning_content": "Hm." }), Value::Null),
        chunk(json!({ "content": "Let me" }), Value::Null),
        chunk(json!({ "content": " look." }), Value::Null),
        call(0, json!("call_a"), json!("weather"), ""),
        call(1, json!("call_b"), json!("time"), ""),
        call(0, Value::Null, Value::Null, "{\"city\":"),
        call(0, Value::Null, Value::Null, "\"Paris\"}"),
        chunk(json!({}), json!("tool_calls")),
    ]
}

#[test]
fn a_stream_becomes_numbered_events_of_items_that_begin_grow_and_end() {
    let events = streamed(OPENAI, &chunks());
    let names: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let due = [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ];
    assert_eq!(names, due.map(|name| format!("response.{name}")));
    let last = &events.last().expect("an event")["response"];
    // What was said piece by piece is what the whole says.
    let grown = |index: u64, kind: &str| -> String {
        let of_it = events.iter().filter(|event| event["output_index"] == index && event["type"] == kind);
        of_it.filter_map(|event| event["delta"].as_str()).collect()
    };
    let said = (grown(0, "response.reasoning_summary_text.delta"), grown(1, "response.output_text.delta"));
    assert_eq!(said, ("Hm.".to_owned(), "Let me look.".to_owned()));
    assert_eq!(grown(2, "response.function_call_arguments.delta"), "{\"city\":\"Paris\"}");
    let output = last["output"].as_array().expect("a list");
    for item in events.iter().filter(|event| event["type"] == "response.output_item.done") {
        assert_eq!(item["item"], output[item["output_index"].as_u64().expect("an index") as usize]);
        assert_ne!(item["item"]["status"], "in_progress");
    }
    let ids: Vec<&Value> = output.iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, ["rs_0199-ab_0", "msg_0199-ab_1", "fc_0199-ab_2", "fc_0199-ab_3"]);
    for event in events.iter().filter(|event| event.get("item_id").is_some()) {
        assert_eq!(&event["item_id"], ids[event["output_index"].as_u64().expect("an index") as usize]);
    }
    assert_eq!((&output[2]["call_id"], &output[3]["arguments"]), (&json!("call_a"), &json!("{}")));
    assert_eq!(
        (&last["status"], &last["usage"]["output_tokens_details"]["reasoning_tokens"]),
        (&json!("completed"), &json!(10))
    );
    assert_eq!((&events[0]["response"]["id"], &events[0]["response"]["usage"]), (&json!("resp_0199-ab"), &Value::Null));
}

#[test]
fn what_a_provider_wants_back_ends_the_thought_that_it_seals() {
    let start =
        |index: u64, block: Value| json!({ "type": "content_block_start", "index": index, "content_block": block });
    let delta = |delta: Value| json!({ "type": "content_block_delta", "index": 0, "delta": delta });
    let given = [
        start(0, json!({ "type": "thinking", "thinking": "" })),
        delta(json!({ "type": "thinking_delta", "thinking": "Hm." })),
        delta(json!({ "type": "signature_delta", "signature": "EqQB" })),
        start(1, json!({ "type": "redacted_thinking", "data": "Eo8B" })),
        json!({ "type": "message_delta", "delta": { "stop_reason": "max_tokens" } }),
    ];
    let events = streamed(ANTHROPIC, &given);
    let last = events.last().expect("an event");
    assert_eq!(last["type"], "response.incomplete");
    let output = &last["response"]["output"];
    assert_eq!(output[0]["encrypted_content"], "anthropic:EqQB");
    assert_eq!(
        output[1],
        json!({ "id": "rs_0199-ab_1", "type": "reasoning", "summary": [],
        "encrypted_content": "anthropic-redacted:Eo8B" })
    );
    assert_eq!(last["response"]["incomplete_details"], json!({ "reason": "max_output_tokens" }));
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error_and_a_response_that_failed() {
    let mut writer = Writer::of(RESPONSES, heading(&json!({})), false);
    let mut text = writer.write(&Event { choice: 0, what: What::Text("hi".to_owned()) }, &Usage::default());
    let error = json!({ "message": "cut", "type": "upstream_error", "code": "upstream_failed", "param": null });
    text.push_str(&writer.failed(&error).expect("words"));
    let events = events_of(&text);
    let [.., said, failed] = events.as_slice() else { panic!("{text}") };
    assert_eq!((&said["type"], &said["message"], &said["error"]), (&json!("error"), &json!("cut"), &error));
    assert_eq!(failed["response"]["error"], json!({ "code": "upstream_failed", "message": "cut" }));
    assert_eq!((&failed["type"], &failed["response"]["status"]), (&json!("response.failed"), &json!("failed")));
    // An answer of nothing still ends properly.
    assert_eq!(streamed(GEMINI, &[]).last().map(|event| event["type"].clone()), Some(json!("response.completed")));
}
