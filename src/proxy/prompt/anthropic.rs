//! What of a message request reaches the model.

use super::{Fields, Prompt};
use serde_json::value::RawValue;

/// Fields that say how to answer. What is not named here counts by its bytes.
const UNSEEN: [&str; 11] = [
    "max_tokens",
    "metadata",
    "model",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "thinking",
    "tool_choice",
    "top_k",
    "top_p",
];

pub(super) fn prompt(body: &[u8]) -> Option<Prompt> {
    let mut prompt = Prompt::default();
    for (name, value) in serde_json::from_slice::<Fields>(body).ok()?.0 {
        match name.as_str() {
            "system" => blocks(value, &mut prompt),
            "messages" => {
                for message in serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()? {
                    self::message(message, &mut prompt);
                }
            }
            unseen if UNSEEN.contains(&unseen) => {}
            _ => prompt.other(value),
        }
    }
    Some(prompt)
}

fn message(message: &RawValue, prompt: &mut Prompt) {
    prompt.messages += 1;
    let Ok(Fields(fields)) = serde_json::from_str(message.get()) else { return prompt.other(message) };
    for (name, value) in fields {
        match name.as_str() {
            "content" => blocks(value, prompt),
            "role" => prompt.text(value),
            _ => prompt.other(value),
        }
    }
}

fn blocks(content: &RawValue, prompt: &mut Prompt) {
    let Ok(blocks) = serde_json::from_str::<Vec<&RawValue>>(content.get()) else { return prompt.text(content) };
    let before = prompt.texts.len();
    for block in blocks {
        match serde_json::from_str(block.get()) {
            Ok(Fields(fields)) => self::block(fields, prompt),
            Err(_) => prompt.text(block),
        }
    }
    prompt.further_texts += (prompt.texts.len() - before).saturating_sub(1) as u64;
}

fn block(fields: Vec<(String, &RawValue)>, prompt: &mut Prompt) {
    let kind = fields.iter().find(|(name, _)| name == "type");
    let kind = kind.and_then(|(_, kind)| serde_json::from_str::<String>(kind.get()).ok()).unwrap_or_default();
    for (name, value) in fields {
        match (kind.as_str(), name.as_str()) {
            (_, "type" | "cache_control") => {}
            ("text", "text") | ("thinking", "thinking") => prompt.text(value),
            ("image", "source") => {
                prompt.images += 1;
                prompt.image_bytes += value.get().len() as u64;
            }
            ("tool_result", "content") => blocks(value, prompt),
            (
                "text"
                | "thinking"
                | "redacted_thinking"
                | "tool_use"
                | "tool_result"
                | "image"
                | "server_tool_use"
                | "web_search_tool_result",
                _,
            ) => prompt.other(value),
            // Documents have pages, each of them a text and an image; what is unheard of may be anything.
            _ => prompt.has_unbounded = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_request_is_taken_apart_into_what_the_model_sees() {
        let body = r#"{"model":"m","max_tokens":9,"system":[{"type":"text","text":"be"}],"tools":[{"x":1}],"messages":[
            {"role":"user","content":"hi"},
            {"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{"a":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"ok"},
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}]}"#;
        let prompt = prompt(body.as_bytes()).expect("a chat");
        assert_eq!(prompt.texts, ["be", "user", "hi", "assistant", "user", "ok"]);
        assert_eq!((prompt.messages, prompt.images, prompt.has_unbounded), (3, 1, false));
        assert_eq!(prompt.other_bytes, ["[{\"x\":1}]", "\"1\"", "\"f\"", "{\"a\":1}", "\"1\""].concat().len() as u64);
        let document =
            r#"{"messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://a/b.pdf"}}]}]}"#;
        assert!(super::prompt(document.as_bytes()).expect("a chat").has_unbounded);
    }
}
