//! What of a `generateContent` request reaches the model.

use super::{Fields, Prompt};
use serde_json::value::RawValue;

/// Settings of the generation that are shown to the model, by their bytes; others are not.
const SEEN: [&str; 5] =
    ["responseSchema", "response_schema", "responseJsonSchema", "response_json_schema", "responseFormat"];

pub(super) fn prompt(body: &[u8]) -> Option<Prompt> {
    let mut prompt = Prompt::default();
    for (name, value) in serde_json::from_slice::<Fields>(body).ok()?.0 {
        match name.as_str() {
            "contents" => {
                for content in serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()? {
                    self::content(content, &mut prompt);
                }
            }
            "systemInstruction" | "system_instruction" => content(value, &mut prompt),
            "generationConfig" | "generation_config" => match serde_json::from_str(value.get()) {
                Ok(Fields(fields)) => {
                    let seen = fields.into_iter().filter(|(name, _)| SEEN.contains(&name.as_str()));
                    seen.for_each(|(_, value)| prompt.other(value));
                }
                Err(_) => prompt.other(value),
            },
            "model" | "toolConfig" | "tool_config" | "safetySettings" | "safety_settings" | "labels" => {}
            // It is elsewhere, and of any length.
            "cachedContent" | "cached_content" if value.get() != "null" => prompt.has_unbounded = true,
            _ => prompt.other(value),
        }
    }
    Some(prompt)
}

fn content(content: &RawValue, prompt: &mut Prompt) {
    prompt.messages += 1;
    let Ok(Fields(fields)) = serde_json::from_str(content.get()) else { return prompt.other(content) };
    for (name, value) in fields {
        match (name.as_str(), serde_json::from_str::<Vec<&RawValue>>(value.get())) {
            ("role", _) => prompt.text(value),
            ("parts", Ok(parts)) => {
                let before = prompt.texts.len();
                for part in parts {
                    match serde_json::from_str(part.get()) {
                        Ok(Fields(fields)) => self::part(fields, prompt),
                        Err(_) => prompt.other(part),
                    }
                }
                prompt.further_texts += (prompt.texts.len() - before).saturating_sub(1) as u64;
            }
            _ => prompt.other(value),
        }
    }
}

fn part(fields: Vec<(String, &RawValue)>, prompt: &mut Prompt) {
    for (name, value) in fields {
        match name.as_str() {
            "text" => prompt.text(value),
            "inlineData" | "inline_data" if is_image(value) => {
                prompt.images += 1;
                prompt.image_bytes += value.get().len() as u64;
            }
            "functionCall" | "function_call" => prompt.other(value),
            // What came of a call may hold files too.
            "functionResponse" | "function_response" if !value.get().contains("\"parts\"") => prompt.other(value),
            "thought" => {}
            "thoughtSignature" | "thought_signature" => prompt.other(value),
            "executableCode" | "executable_code" | "codeExecutionResult" | "code_execution_result" => {
                prompt.other(value)
            }
            _ if value.get() == "null" => {}
            // Sounds, films, documents, what is only referred to, and what is unheard of.
            _ => prompt.has_unbounded = true,
        }
    }
}

fn is_image(inline: &RawValue) -> bool {
    let Ok(Fields(fields)) = serde_json::from_str(inline.get()) else { return false };
    let kind = fields.iter().find(|(name, _)| matches!(name.as_str(), "mimeType" | "mime_type"));
    kind.and_then(|(_, kind)| serde_json::from_str::<String>(kind.get()).ok())
        .is_some_and(|kind| kind.starts_with("image/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_taken_apart_into_what_the_model_sees() {
        let body = r#"{"system_instruction":{"parts":[{"text":"be"}]},"tools":[{"x":1}],
            "generationConfig":{"temperature":1,"responseSchema":{}},"contents":[
            {"role":"user","parts":[{"text":"a"},{"text":"b"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]},
            {"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]}]}"#;
        let prompt = prompt(body.as_bytes()).expect("a chat");
        assert_eq!(prompt.texts, ["be", "user", "a", "b", "model"]);
        assert_eq!((prompt.messages, prompt.further_texts, prompt.images), (3, 1, 1));
        assert_eq!(prompt.other_bytes, [r#"[{"x":1}]"#, "{}", r#"{"name":"f","args":{}}"#].concat().len() as u64);
        assert!(!prompt.has_unbounded);
    }

    #[test]
    fn sounds_files_and_what_is_cached_elsewhere_have_no_bound() {
        for body in [
            r#"{"contents":[{"parts":[{"inline_data":{"mime_type":"audio/wav","data":"AAAA"}}]}]}"#,
            r#"{"contents":[{"parts":[{"fileData":{"fileUri":"files/1"}}]}]}"#,
            r#"{"contents":[],"cachedContent":"cachedContents/1"}"#,
        ] {
            assert!(prompt(body.as_bytes()).expect("a chat").has_unbounded, "{body}");
        }
    }
}
