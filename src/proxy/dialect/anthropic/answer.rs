//! A message that is not streamed.

use super::{FROM_GEMINI, finish, reason};
use crate::domain::usage::Usage;
use crate::proxy::dialect::Dialect;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Answer, Call, Choice, Finish, Heading, Seal, Thought, Utterance};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

pub fn read(body: &[u8]) -> Option<Answer> {
    let message: Message = serde_json::from_slice(body).ok()?;
    let said = message.content.into_iter().filter_map(|block| match block.kind.as_str() {
        "text" => block.text.map(Utterance::Text),
        "thinking" => {
            let signature = block.signature.filter(|signature| !signature.is_empty());
            let seal = signature.map(|signature| Seal::new(Dialect::Anthropic, signature));
            Some(Utterance::Thought(Thought { text: block.thinking.unwrap_or_default(), seal }))
        }
        "redacted_thinking" => {
            let seal = Seal { by: Dialect::Anthropic, data: block.data?, is_whole: true };
            Some(Utterance::Thought(Thought { text: String::new(), seal: Some(seal) }))
        }
        "tool_use" => {
            let arguments = block.input.map_or("{}", RawValue::get).to_owned();
            Some(Utterance::Call(Call { id: block.id?, name: block.name?, arguments }))
        }
        _ => None,
    });
    let finish = finish(message.stop_reason.as_deref().unwrap_or_default(), message.stop_sequence.as_deref());
    Some(Answer { choices: vec![Choice { said: said.collect(), finish }] })
}

pub fn write(answer: &Answer, heading: &Heading, usage: &Usage) -> Json {
    let first = answer.choices.first();
    let mut content = Vec::new();
    for utterance in first.map(|choice| choice.said.as_slice()).unwrap_or_default() {
        match utterance {
            Utterance::Text(text) => content.push(object! { "type": "text", "text": text }),
            Utterance::Thought(Thought { text, seal }) => content.push(thought(text, seal.as_ref())),
            Utterance::Call(Call { id, name, arguments }) => content.push(object! {
                "type": "tool_use",
                "id": id,
                "name": name,
                "input": Json::raw_object(arguments).unwrap_or(object! {}),
            }),
        }
    }
    let (reason, sequence) = reason(first.map_or(&Finish::Stop, |choice| &choice.finish));
    object! {
        "id": format!("msg_{}", heading.id),
        "type": "message",
        "role": "assistant",
        "model": &heading.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": self::usage(usage),
    }
}

fn thought(text: &str, seal: Option<&Seal>) -> Json {
    match seal {
        Some(seal) if seal.is_whole => object! { "type": "redacted_thinking", "data": &seal.data },
        seal => object! { "type": "thinking", "thinking": text, "signature": seal.map(signature).unwrap_or_default() },
    }
}

/// What the caller is to send back.
pub fn signature(seal: &Seal) -> String {
    match seal.by {
        Dialect::Gemini => format!("{FROM_GEMINI}{}", seal.data),
        Dialect::Openai | Dialect::Responses | Dialect::Anthropic => seal.data.clone(),
    }
}

/// Here what was read from a cache, or written into one, is not part of the input.
pub fn usage(usage: &Usage) -> Json {
    let written = usage.cache_write.saturating_add(usage.cache_write_1h);
    object! {
        "input_tokens": usage.input.saturating_sub(usage.cached_input).saturating_sub(written),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": usage.cached_input,
        "output_tokens": usage.output,
    }
}
