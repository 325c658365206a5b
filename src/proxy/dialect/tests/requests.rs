//! Requests: what is carried over, and what is refused by its name.

use crate::proxy::dialect::{Asked, Carried, Dialect, carried};
use serde_json::{Value, json};

const OPENAI: Dialect = Dialect::Openai;
const ANTHROPIC: Dialect = Dialect::Anthropic;
const GEMINI: Dialect = Dialect::Gemini;

fn from_to(from: Dialect, to: Dialect, model: &str, body: &Value) -> Result<Carried, String> {
    let asked = Asked { model, bound_field: "max_completion_tokens" };
    carried(body.to_string().as_bytes(), from, false, to, &asked).map_err(|fault| fault.field)
}

fn written(from: Dialect, to: Dialect, body: &Value) -> Value {
    let carried = from_to(from, to, "up", body).unwrap_or_else(|field| panic!("{field} was refused: {body}"));
    serde_json::from_str(&carried.body).expect("JSON")
}

/// A conversation with everything in it: system, image, parallel calls, their outcomes, a schema.
fn openai() -> Value {
    json!({
        "model": "m", "max_completion_tokens": 300, "temperature": 0.2, "top_p": 0.9, "stop": ["END", "STOP"],
        "user": "user-7",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this, and the weather?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,iVBORw0KGgo=" } },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "call_a", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } },
                { "id": "call_b", "type": "function", "function": { "name": "time", "arguments": "{}" } },
            ] },
            { "role": "tool", "tool_call_id": "call_a", "content": "{\"celsius\":21}" },
            { "role": "tool", "tool_call_id": "call_b", "content": "noon" },
            { "role": "user", "content": "Go on." },
        ],
        "tools": [
            { "type": "function", "function": { "name": "weather", "description": "Now.", "parameters":
                { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } } },
            { "type": "function", "function": { "name": "time" } },
        ],
        "tool_choice": "required",
        "response_format": { "type": "json_schema", "json_schema": { "name": "reply", "strict": true,
            "schema": { "type": "object", "properties": { "text": { "type": "string" } } } } },
    })
}

#[test]
fn a_chat_completion_becomes_a_message() {
    let due = json!({
        "model": "up", "max_tokens": 300, "temperature": 0.2, "top_p": 0.9, "stop_sequences": ["END", "STOP"],
        "system": "Be brief.", "metadata": { "user_id": "user-7" },
        "messages": [
            { "role": "user", "content": [
                { "type": "text", "text": "What is this, and the weather?" },
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=" } },
            ] },
            { "role": "assistant", "content": [
                { "type": "tool_use", "id": "call_a", "name": "weather", "input": { "city": "Paris" } },
                { "type": "tool_use", "id": "call_b", "name": "time", "input": {} },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "call_a", "content": "{\"celsius\":21}" },
                { "type": "tool_result", "tool_use_id": "call_b", "content": "noon" },
            ] },
            { "role": "user", "content": [{ "type": "text", "text": "Go on." }] },
        ],
        "tools": [
            { "name": "weather", "description": "Now.", "input_schema":
                { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } },
            { "name": "time", "input_schema": { "type": "object", "properties": {} } },
        ],
        "tool_choice": { "type": "any" },
        "output_config": { "format": { "type": "json_schema",
            "schema": { "type": "object", "properties": { "text": { "type": "string" } } } } },
    });
    assert_eq!(written(OPENAI, ANTHROPIC, &openai()), due);
}

#[test]
fn a_chat_completion_becomes_contents() {
    let due = json!({
        "systemInstruction": { "parts": [{ "text": "Be brief." }] },
        "contents": [
            { "role": "user", "parts": [
                { "text": "What is this, and the weather?" },
                { "inlineData": { "mimeType": "image/png", "data": "iVBORw0KGgo=" } },
            ] },
            { "role": "model", "parts": [
                { "functionCall": { "name": "weather", "args": { "city": "Paris" } } },
                { "functionCall": { "name": "time", "args": {} } },
            ] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "weather", "response": { "celsius": 21 } } },
                { "functionResponse": { "name": "time", "response": { "output": "noon" } } },
            ] },
            { "role": "user", "parts": [{ "text": "Go on." }] },
        ],
        "tools": [{ "functionDeclarations": [
            { "name": "weather", "description": "Now.", "parametersJsonSchema":
                { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } },
            { "name": "time" },
        ] }],
        "toolConfig": { "functionCallingConfig": { "mode": "ANY" } },
        "generationConfig": { "maxOutputTokens": 300, "temperature": 0.2, "topP": 0.9, "stopSequences": ["END", "STOP"],
            "responseMimeType": "application/json",
            "responseJsonSchema": { "type": "object", "properties": { "text": { "type": "string" } } } },
    });
    assert_eq!(written(OPENAI, GEMINI, &openai()), due);
    // Gemini has no place for who asks, which changes no answer: it is left out, and said to be.
    assert_eq!(from_to(OPENAI, GEMINI, "up", &openai()).expect("carried").left_out, ["user"]);
}

fn anthropic() -> Value {
    json!({
        "model": "m", "max_tokens": 300, "top_k": 5, "stop_sequences": ["END"], "metadata": { "user_id": "user-7" },
        "system": [{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral" } }],
        "messages": [
            { "role": "user", "content": [
                { "type": "image", "source": { "type": "url", "url": "https://example.com/a.png" } },
                { "type": "text", "text": "And the weather?" },
            ] },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "Paris, then.", "signature": "EqQB" },
                { "type": "text", "text": "Let me look." },
                { "type": "tool_use", "id": "toolu_1", "name": "weather", "input": { "city": "Paris" } },
            ] },
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [
                    { "type": "text", "text": "no such city" },
                ] },
                { "type": "text", "text": "Try again." },
            ] },
        ],
        "tools": [{ "name": "weather", "input_schema": { "type": "object" } }],
        "tool_choice": { "type": "tool", "name": "weather", "disable_parallel_tool_use": true },
    })
}

#[test]
fn a_message_becomes_a_chat_completion() {
    let mut given = anthropic();
    given.as_object_mut().expect("an object").remove("top_k");
    let due = json!({
        "model": "up", "max_completion_tokens": 300, "stop": ["END"], "user": "user-7",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "image_url", "image_url": { "url": "https://example.com/a.png" } },
                { "type": "text", "text": "And the weather?" },
            ] },
            { "role": "assistant", "content": "Let me look.", "tool_calls": [
                { "id": "toolu_1", "type": "function",
                    "function": { "name": "weather", "arguments": "{\"city\":\"Paris\"}" } },
            ] },
            { "role": "tool", "tool_call_id": "toolu_1", "content": "Error: no such city" },
            { "role": "user", "content": "Try again." },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": { "type": "object" } } }],
        "tool_choice": { "type": "function", "function": { "name": "weather" } },
        "parallel_tool_calls": false,
    });
    assert_eq!(written(ANTHROPIC, OPENAI, &given), due);
    let left_out = from_to(ANTHROPIC, OPENAI, "up", &given).expect("carried").left_out;
    assert_eq!(left_out, ["system[0].cache_control", "messages[1].content[0]"]);
    assert_eq!(from_to(ANTHROPIC, OPENAI, "up", &anthropic()).expect_err("refused"), "top_k");
}

#[test]
fn contents_become_a_chat_completion_and_a_message() {
    let given = json!({
        "system_instruction": { "parts": [{ "text": "Be brief." }] },
        "contents": [
            { "parts": [{ "text": "And the weather?" }, { "inline_data": { "mime_type": "image/jpeg", "data": "/9j/" } }] },
            { "role": "model", "parts": [
                { "text": "Hm.", "thought": true },
                { "functionCall": { "name": "weather", "args": { "city": "Paris" } }, "thoughtSignature": "CsMB" },
                { "functionCall": { "name": "weather", "args": { "city": "Rome" } } },
            ] },
            { "role": "user", "parts": [
                { "functionResponse": { "name": "weather", "response": { "output": "mild" } } },
                { "functionResponse": { "name": "weather", "response": { "celsius": 30 } } },
            ] },
        ],
        "tools": [{ "functionDeclarations": [{ "name": "weather", "parameters":
            { "type": "OBJECT", "properties": { "city": { "type": "STRING" } } } }] }],
        "generationConfig": { "maxOutputTokens": 300, "stopSequences": ["END"], "responseMimeType": "application/json",
            "responseSchema": { "type": "ARRAY", "items": { "type": "STRING" } } },
    });
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    let call = |id: &str, city: &str| {
        let function = json!({ "name": "weather", "arguments": json!({ "city": city }).to_string() });
        json!({ "id": id, "type": "function", "function": function })
    };
    let due = json!({
        "model": "up", "max_completion_tokens": 300, "stop": ["END"],
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "And the weather?" },
                { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,/9j/" } },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [call("call_1", "Paris"), call("call_2", "Rome")] },
            { "role": "tool", "tool_call_id": "call_1", "content": "mild" },
            { "role": "tool", "tool_call_id": "call_2", "content": "{\"celsius\":30}" },
        ],
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": schema } }],
        "response_format": { "type": "json_schema", "json_schema": { "name": "answer",
            "schema": { "type": "array", "items": { "type": "string" } } } },
    });
    assert_eq!(written(GEMINI, OPENAI, &given), due);
    let message = written(GEMINI, ANTHROPIC, &given);
    assert_eq!(message["messages"][0]["content"][1]["source"]["media_type"], "image/jpeg");
    assert_eq!(message["messages"][2]["content"][1]["tool_use_id"], "call_2");
    assert_eq!(message["tools"][0]["input_schema"], schema);
    assert_eq!(message["output_config"]["format"]["schema"]["type"], "array");
}

#[test]
fn a_message_becomes_contents() {
    let mut given = anthropic();
    given["messages"][0]["content"][0] = json!({ "type": "document", "source":
        { "type": "base64", "media_type": "application/pdf", "data": "JVBERi0=" } });
    given["tool_choice"] = json!({ "type": "tool", "name": "weather" });
    let written = written(ANTHROPIC, GEMINI, &given);
    assert_eq!(written["contents"][0]["parts"][0]["inlineData"]["mimeType"], "application/pdf");
    assert_eq!(written["contents"][2]["parts"][0]["functionResponse"]["response"], json!({ "error": "no such city" }));
    assert_eq!(written["generationConfig"]["topK"], 5);
    let calling = json!({ "mode": "ANY", "allowedFunctionNames": ["weather"] });
    assert_eq!(written["toolConfig"]["functionCallingConfig"], calling);
}

#[test]
fn what_a_provider_wants_back_comes_back_through_any_dialect() {
    // Gemini's signature, as callers of the other two were given it.
    let openai = json!({ "model": "m", "messages": [
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": null, "tool_calls": [
            { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }],
            "reasoning_details": [{ "type": "reasoning.encrypted", "data": "CsMB", "format": "google-gemini-v1" }] },
        { "role": "tool", "tool_call_id": "c", "content": "done" },
    ] });
    let anthropic = json!({ "model": "m", "max_tokens": 9, "messages": [
        { "role": "user", "content": "hi" },
        { "role": "assistant", "content": [
            { "type": "thinking", "thinking": "", "signature": "gemini:CsMB" },
            { "type": "tool_use", "id": "c", "name": "f", "input": {} }] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "c", "content": "done" }] },
    ] });
    let due = json!({ "functionCall": { "name": "f", "args": {} }, "thoughtSignature": "CsMB" });
    assert_eq!(written(OPENAI, GEMINI, &openai)["contents"][1]["parts"], json!([due]));
    assert_eq!(written(ANTHROPIC, GEMINI, &anthropic)["contents"][1]["parts"], json!([due]));
    // Anthropic's, in pieces, as a stream gave it.
    let openai = json!({ "model": "m", "messages": [{ "role": "assistant", "content": "so", "reasoning": "ab",
        "reasoning_details": [
            { "type": "reasoning.text", "text": "a" }, { "type": "reasoning.text", "text": "b" },
            { "type": "reasoning.text", "text": "", "signature": "Eq-B", "format": "anthropic-claude-v1" }] }] });
    let gemini = json!({ "contents": [{ "role": "model", "parts": [
        { "text": "ab", "thought": true },
        { "text": "", "thought": true, "thoughtSignature": "YW50aHJvcGljEq-B" }, { "text": "so" }] }] });
    let thought = |signature: &str| json!({ "type": "thinking", "thinking": "ab", "signature": signature });
    assert_eq!(written(OPENAI, ANTHROPIC, &openai)["messages"][0]["content"][0], thought("Eq-B"));
    assert_eq!(written(GEMINI, ANTHROPIC, &gemini)["messages"][0]["content"][0], thought("Eq+B"));
}

#[test]
fn how_much_is_to_be_thought_is_said_as_each_model_is_told_it() {
    let effort = |effort: &str| json!({ "messages": [], "max_tokens": 10_000, "reasoning_effort": effort });
    let thinking = |body: Value, to: Dialect, model: &str| {
        let from = if body.get("contents").is_some() {
            GEMINI
        } else if body.get("thinking").is_some() {
            ANTHROPIC
        } else {
            OPENAI
        };
        let carried = from_to(from, to, model, &body).unwrap_or_else(|field| panic!("{field}"));
        let body: Value = serde_json::from_str(&carried.body).expect("JSON");
        match to {
            ANTHROPIC => json!([body.get("thinking"), body.get("output_config")]),
            GEMINI => body["generationConfig"]["thinkingConfig"].clone(),
            _ => body["reasoning_effort"].clone(),
        }
    };
    let budget = |tokens: u64| json!({ "type": "enabled", "budget_tokens": tokens });
    let adaptive = json!({ "type": "adaptive" });
    for (body, to, model, due) in [
        (effort("medium"), ANTHROPIC, "claude-opus-4-7", json!([adaptive, { "effort": "medium" }])),
        (effort("medium"), ANTHROPIC, "claude-sonnet-4-5", json!([budget(5_000), null])),
        (effort("none"), ANTHROPIC, "claude-sonnet-4-5", json!([null, null])),
        (effort("high"), GEMINI, "gemini-2.5-pro", json!({ "thinkingBudget": 24_576 })),
        (effort("none"), GEMINI, "gemini-2.5-flash", json!({ "thinkingBudget": 0 })),
        (effort("low"), GEMINI, "gemini-3-pro", json!({ "thinkingLevel": "low" })),
        (
            json!({ "messages": [], "max_tokens": 9_000, "thinking": budget(8_000) }),
            GEMINI,
            "gemini-2.5-pro",
            json!({ "thinkingBudget": 8_000, "includeThoughts": true }),
        ),
        (json!({ "messages": [], "max_tokens": 9_000, "thinking": budget(8_000) }), OPENAI, "gpt-5", json!("medium")),
        (json!({ "messages": [], "max_tokens": 9, "thinking": { "type": "disabled" } }), OPENAI, "gpt-4o", Value::Null),
        (
            json!({ "contents": [], "generationConfig": { "thinkingConfig": { "thinkingBudget": 0 } } }),
            OPENAI,
            "gpt-5.2",
            json!("none"),
        ),
    ] {
        assert_eq!(thinking(body.clone(), to, model), due, "{body} to {model}");
    }
}

#[test]
fn what_cannot_be_carried_over_is_refused_by_its_name() {
    let said = |more: Value| {
        let mut body = json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    let part = |part: Value| said(json!({ "messages": [{ "role": "user", "content": [part] }] }));
    let url = json!({ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } });
    for (from, to, body, field) in [
        (OPENAI, ANTHROPIC, said(json!({ "seed": 0 })), "seed"),
        (OPENAI, ANTHROPIC, said(json!({ "n": 2 })), "n"),
        (OPENAI, ANTHROPIC, said(json!({ "presence_penalty": 0.5 })), "presence_penalty"),
        (OPENAI, ANTHROPIC, said(json!({ "logprobs": true })), "logprobs"),
        (OPENAI, ANTHROPIC, said(json!({ "response_format": { "type": "json_object" } })), "response_format"),
        (OPENAI, ANTHROPIC, said(json!({ "web_search_options": {} })), "web_search_options"),
        (OPENAI, ANTHROPIC, said(json!({ "unheard_of": 1 })), "unheard_of"),
        (OPENAI, ANTHROPIC, said(json!({ "tools": [{ "type": "custom", "custom": {} }] })), "tools[0].type"),
        (OPENAI, GEMINI, said(json!({ "logit_bias": { "1": 2 } })), "logit_bias"),
        (OPENAI, GEMINI, part(url), "messages[0].content[0]"),
        (OPENAI, GEMINI, part(json!({ "type": "text", "text": 7 })), "messages[0].content[0].text"),
        (
            OPENAI,
            GEMINI,
            said(json!({ "messages": [{ "role": "user", "name": "Ada", "content": "x" }] })),
            "messages[0].name",
        ),
        (
            OPENAI,
            GEMINI,
            said(json!({ "messages": [{ "role": "tool", "tool_call_id": "x", "content": "x" }] })),
            "messages[0].content",
        ),
        (ANTHROPIC, OPENAI, said(json!({ "top_k": 5 })), "top_k"),
        (
            ANTHROPIC,
            OPENAI,
            said(json!({ "tools": [{ "type": "web_search_20250305", "name": "web_search" }] })),
            "tools[0].type",
        ),
        (ANTHROPIC, OPENAI, said(json!({ "mcp_servers": [] })), "mcp_servers"),
        (
            ANTHROPIC,
            GEMINI,
            part(json!({ "type": "image", "source": { "type": "file", "file_id": "f" } })),
            "messages[0].content[0].source.type",
        ),
        (ANTHROPIC, OPENAI, part(json!({ "type": "search_result" })), "messages[0].content[0].type"),
        (GEMINI, OPENAI, json!({ "contents": [], "safety_settings": [{}] }), "safetySettings"),
        (GEMINI, OPENAI, json!({ "contents": [], "tools": [{ "googleSearch": {} }] }), "tools[0].googleSearch"),
        (GEMINI, OPENAI, json!({ "contents": [], "cachedContent": "cachedContents/1" }), "cachedContent"),
        (GEMINI, ANTHROPIC, json!({ "contents": [], "generationConfig": { "seed": 5 } }), "generationConfig.seed"),
        (
            GEMINI,
            OPENAI,
            json!({ "contents": [], "generationConfig": { "speechConfig": {} } }),
            "generationConfig.speechConfig",
        ),
        (
            GEMINI,
            OPENAI,
            json!({ "contents": [{ "parts": [{ "executableCode": {} }] }] }),
            "contents[0].parts[0].executableCode",
        ),
        (
            GEMINI,
            OPENAI,
            json!({ "contents": [{ "parts": [{ "functionResponse": { "name": "f", "response": {} } }] }] }),
            "contents[0].parts[0]",
        ),
    ] {
        assert_eq!(from_to(from, to, "claude-x", &body).map(|carried| carried.body), Err(field.to_owned()), "{body}");
    }
}

#[test]
fn an_authors_order_of_a_schema_and_of_arguments_is_kept() {
    let schema = r#"{"type":"object","properties":{"zeta":{"type":"string"},"alpha":{"type":"number"}}}"#;
    let tools = format!(r#"[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]"#);
    let call = r#"{"id":"c","type":"function","function":{"name":"f","arguments":"{\"z\": 1e3, \"a\": 2}"}}"#;
    let body = format!(r#"{{"model":"m","tools":{tools},"messages":[{{"role":"assistant","tool_calls":[{call}]}}]}}"#);
    for to in [ANTHROPIC, GEMINI] {
        let asked = Asked { model: "up", bound_field: "max_tokens" };
        let carried = carried(body.as_bytes(), OPENAI, false, to, &asked).expect("carried");
        assert!(carried.body.contains(schema) && carried.body.contains(r#"{"z": 1e3, "a": 2}"#), "{}", carried.body);
    }
}
