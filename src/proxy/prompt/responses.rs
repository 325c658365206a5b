//! What of a response's request reaches the model.

use super::{Fields, Prompt};
use serde_json::value::RawValue;

/// Fields that say how to answer. What is not named here counts by its bytes, a schema in `text` among them.
const UNSEEN: [&str; 21] = [
    "background",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Items that are all there is of them.
const HERE: [&str; 10] = [
    "apply_patch_call",
    "apply_patch_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "function_call",
    "function_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "message",
    "reasoning",
];

pub(super) fn prompt(body: &[u8]) -> Option<Prompt> {
    let mut prompt = Prompt::default();
    for (name, value) in serde_json::from_slice::<Fields>(body).ok()?.0 {
        match name.as_str() {
            "input" => match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
                Ok(items) => items.into_iter().for_each(|item| self::item(item, &mut prompt)),
                Err(_) => message(value, &mut prompt),
            },
            "instructions" if value.get() != "null" => message(value, &mut prompt),
            // They are elsewhere, and of any length.
            "previous_response_id" | "conversation" | "prompt" if value.get() != "null" => prompt.has_unbounded = true,
            unseen if UNSEEN.contains(&unseen) => {}
            _ => prompt.other(value),
        }
    }
    Some(prompt)
}

/// A text that is a message by itself.
fn message(text: &RawValue, prompt: &mut Prompt) {
    prompt.messages += 1;
    prompt.text(text);
}

fn item(item: &RawValue, prompt: &mut Prompt) {
    prompt.messages += 1;
    let Ok(Fields(fields)) = serde_json::from_str(item.get()) else { return prompt.other(item) };
    let kind = fields.iter().find(|(name, _)| name == "type");
    let kind = kind.and_then(|(_, kind)| serde_json::from_str::<String>(kind.get()).ok());
    // A message need not say what it is; what says nothing else than an id is elsewhere.
    let is_message = fields.iter().any(|(name, _)| name == "role");
    let kind = kind.unwrap_or_else(|| if is_message { "message" } else { "item_reference" }.to_owned());
    // What is only referred to, what a tool at OpenAI has found, and what is unheard of.
    prompt.has_unbounded |= !HERE.contains(&kind.as_str());
    for (name, value) in fields {
        match name.as_str() {
            "type" | "id" | "status" | "phase" => {}
            "role" => prompt.text(value),
            "content" if kind == "message" => content(value, prompt),
            "output" => content(value, prompt),
            // What seals a thought is longer than the thought.
            _ => prompt.other(value),
        }
    }
}

fn content(content: &RawValue, prompt: &mut Prompt) {
    let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(content.get()) else { return prompt.text(content) };
    let before = prompt.texts.len();
    for part in parts {
        match serde_json::from_str(part.get()) {
            Ok(Fields(fields)) => self::part(fields, prompt),
            Err(_) => prompt.text(part),
        }
    }
    prompt.further_texts += (prompt.texts.len() - before).saturating_sub(1) as u64;
}

fn part(fields: Vec<(String, &RawValue)>, prompt: &mut Prompt) {
    for (name, value) in fields {
        match name.as_str() {
            "type" | "detail" | "annotations" | "logprobs" | "prompt_cache_breakpoint" => {}
            "text" | "refusal" => prompt.text(value),
            "image_url" if value.get() != "null" => {
                prompt.images += 1;
                prompt.image_bytes += value.get().len() as u64;
            }
            _ if value.get() == "null" => {}
            // Files, sounds, and an image by its id.
            _ => prompt.has_unbounded = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart_into_what_the_model_sees() {
        let body = r#"{"model":"m","instructions":"be","tools":[{"x":1}],"temperature":1,"text":{"format":{}},"input":[
            {"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"},
                {"type":"input_image","detail":"auto","image_url":"data:image/png;base64,AAAA"}]},
            {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"},
            {"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c","output":"ok"}]}"#;
        let prompt = prompt(body.as_bytes()).expect("a request");
        assert_eq!(prompt.texts, ["be", "user", "a", "b", "ok"]);
        assert_eq!((prompt.messages, prompt.images, prompt.further_texts), (5, 1, 1));
        assert_eq!(prompt.image_bytes, r#""data:image/png;base64,AAAA""#.len() as u64);
        let others = ["[{\"x\":1}]", "{\"format\":{}}", "[]", "\"gAAA\"", "\"c\"", "\"f\"", "\"{}\"", "\"c\""];
        assert_eq!(prompt.other_bytes, others.concat().len() as u64);
        assert!(!prompt.has_unbounded);
    }

    #[test]
    fn what_is_elsewhere_or_unheard_of_has_no_bound() {
        for fields in [
            r#""previous_response_id":"resp_1","input":"hi""#,
            r#""conversation":{"id":"conv_1"}"#,
            r#""prompt":{"id":"pmpt_1"}"#,
            r#""input":[{"type":"item_reference","id":"msg_1"}]"#,
            r#""input":[{"id":"msg_1"}]"#,
            r#""input":[{"type":"web_search_call","id":"ws_1"}]"#,
            r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"file_1"}]}]"#,
            r#""input":[{"role":"user","content":[{"type":"input_file","file_data":"data:a;base64,A"}]}]"#,
        ] {
            assert!(prompt(format!("{{{fields}}}").as_bytes()).expect("a request").has_unbounded, "{fields}");
        }
        let plain = br#"{"previous_response_id":null,"input":"hi"}"#;
        let plain = prompt(plain).expect("a request");
        assert_eq!((plain.texts, plain.has_unbounded), (vec!["hi".to_owned()], false));
    }
}
