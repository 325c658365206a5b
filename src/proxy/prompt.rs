//! What of a call's body reaches the model: its texts, its images, and the rest by its bytes.

mod anthropic;
mod gemini;
mod responses;
mod texts;

use super::dialect::Dialect;
use super::dialect::fields::Ordered as Fields;
use crate::domain::service::Service;
use serde_json::value::RawValue;

/// Fields of a request that say how to answer and are not shown to the model. What is not named here counts by its
/// bytes, tools and schemas among them: as JSON they are longer than what OpenAI makes of them.
const UNSEEN: [&str; 27] = [
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
];

/// A chat's input, taken apart.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub messages: u64,
    /// Messages that name who speaks.
    pub names: u64,
    pub texts: Vec<String>,
    /// Texts after the first within one message's content.
    pub further_texts: u64,
    pub images: u64,
    /// What the images take of the body: addresses, or base64.
    pub image_bytes: u64,
    /// It is no chat: there is no template around its texts.
    pub is_plain: bool,
    /// Tokens that are given as such.
    pub tokens: u64,
    /// What a tokenizer that is not known may write around its texts.
    pub around: u64,
    /// What else may reach the model, as JSON.
    pub other_bytes: u64,
    /// There are parts of which nobody can say how many tokens they come to: sounds, files, what is only referred to.
    pub has_unbounded: bool,
}

impl Prompt {
    /// `None` where the body is not a chat that can be read.
    pub(super) fn read(dialect: Dialect, body: &[u8]) -> Option<Self> {
        match dialect {
            Dialect::Openai => Self::openai(body),
            Dialect::Responses => responses::prompt(body),
            Dialect::Anthropic => anthropic::prompt(body),
            Dialect::Gemini => gemini::prompt(body),
        }
    }

    /// What another service than a chat reads; `None` where its body says as much as counting would.
    pub(super) fn of(service: Service, body: &[u8]) -> Option<Self> {
        texts::prompt(service, body)
    }

    fn openai(body: &[u8]) -> Option<Self> {
        let mut prompt = Self::default();
        for (name, value) in serde_json::from_slice::<Fields>(body).ok()?.0 {
            match name.as_str() {
                "messages" => {
                    for message in serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()? {
                        prompt.message(message);
                    }
                }
                unseen if UNSEEN.contains(&unseen) => {}
                _ => prompt.other(value),
            }
        }
        Some(prompt)
    }

    fn message(&mut self, message: &RawValue) {
        self.messages += 1;
        let Ok(Fields(fields)) = serde_json::from_str(message.get()) else { return self.other(message) };
        for (name, value) in fields {
            match name.as_str() {
                "role" | "refusal" => self.text(value),
                "name" => {
                    self.names += 1;
                    self.text(value);
                }
                "content" => self.content(value),
                // An earlier spoken answer, by its id.
                "audio" if value.get() != "null" => self.has_unbounded = true,
                _ => self.other(value),
            }
        }
    }

    fn content(&mut self, content: &RawValue) {
        let Ok(parts) = serde_json::from_str::<Vec<&RawValue>>(content.get()) else { return self.text(content) };
        let before = self.texts.len();
        for part in parts {
            match serde_json::from_str(part.get()) {
                Ok(Fields(fields)) => self.part(fields),
                Err(_) => self.text(part),
            }
        }
        self.further_texts += (self.texts.len() - before).saturating_sub(1) as u64;
    }

    fn part(&mut self, fields: Vec<(String, &RawValue)>) {
        for (name, value) in fields {
            match name.as_str() {
                "type" => {}
                "text" | "refusal" => self.text(value),
                "image_url" => {
                    self.images += 1;
                    self.image_bytes += value.get().len() as u64;
                }
                "cache_control" => self.other(value),
                _ => self.has_unbounded = true,
            }
        }
    }

    /// A string is text; whatever else stands in its place counts by its bytes.
    fn text(&mut self, value: &RawValue) {
        match serde_json::from_str::<String>(value.get()) {
            Ok(text) => self.texts.push(text),
            Err(_) => self.other(value),
        }
    }

    fn other(&mut self, value: &RawValue) {
        if value.get() != "null" {
            self.other_bytes += value.get().len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_taken_apart_into_what_the_model_sees() {
        let body = r#"{"model":"m","temperature":1,"stop":null,"tools":[{"x":1}],"messages":[
            {"role":"system","content":"caf\u00e9"},
            {"role":"user","name":"Ada","content":[{"type":"text","text":"a"},{"type":"text","text":"b"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]}"#;
        let prompt = Prompt::read(Dialect::Openai, body.as_bytes()).expect("a chat");
        assert_eq!(prompt.texts, ["system", "café", "user", "Ada", "a", "b", "assistant"]);
        assert_eq!((prompt.messages, prompt.names, prompt.further_texts), (3, 1, 1));
        assert_eq!((prompt.images, prompt.image_bytes), (1, r#"{"url":"data:image/png;base64,AAAA"}"#.len() as u64));
        assert_eq!(prompt.other_bytes, (r#"[{"x":1}]"#.len() + r#"[{"id":"1"}]"#.len()) as u64);
        assert!(!prompt.has_unbounded);
    }

    #[test]
    fn a_field_that_is_there_twice_counts_twice() {
        let body = br#"{"tools":[1,2],"tools":[],"messages":[{"content":"a","content":"b"}]}"#;
        let prompt = Prompt::read(Dialect::Openai, body).expect("a chat");
        assert_eq!((prompt.other_bytes, prompt.texts.len()), (7, 2));
    }

    #[test]
    fn sounds_files_and_what_is_unheard_of_have_no_bound() {
        for part in [
            r#"{"type":"input_audio","input_audio":{"data":"AAAA"}}"#,
            r#"{"type":"file","file":{"file_id":"f"}}"#,
            r#"{"type":"hologram","hologram":1}"#,
        ] {
            let body = format!(r#"{{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
            assert!(Prompt::read(Dialect::Openai, body.as_bytes()).expect("a chat").has_unbounded, "{part}");
        }
        let spoken = br#"{"messages":[{"role":"assistant","audio":{"id":"a"}}]}"#;
        assert!(Prompt::read(Dialect::Openai, spoken).expect("a chat").has_unbounded);
    }
}
