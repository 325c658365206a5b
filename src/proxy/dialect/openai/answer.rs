//! A chat completion that is not streamed.

use super::{finish, reason, reasoning_detail};
use crate::domain::usage::Usage;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Answer, Call, Choice, Heading, Thought, Utterance};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Chosen>,
}

#[derive(Deserialize)]
struct Chosen {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Value,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    reasoning: Option<String>,
    tool_calls: Option<Vec<Called>>,
}

#[derive(Deserialize)]
struct Called {
    #[serde(default)]
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// A text, or the texts of a list of parts.
pub(super) fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// What was thought, where it stands among the parts of the content. Source: docs.mistral.ai, "Reasoning".
pub(super) fn thought(content: &Value) -> Option<String> {
    let parts = content.as_array()?.iter();
    let thoughts = parts.filter_map(|part| part.get("thinking")).map(text);
    Some(thoughts.collect::<String>()).filter(|text| !text.is_empty())
}

pub fn read(body: &[u8]) -> Option<Answer> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    let choices = completion.choices.into_iter().map(|chosen| {
        let Message { content, refusal, reasoning_content, reasoning, tool_calls } = chosen.message;
        let mut said = Vec::new();
        let thought = reasoning_content.or(reasoning).filter(|text| !text.is_empty()).or_else(|| thought(&content));
        said.extend(thought.map(|text| Utterance::Thought(Thought { text, seal: None })));
        let texts = [text(&content), refusal.unwrap_or_default()];
        said.extend(texts.into_iter().filter(|text| !text.is_empty()).map(Utterance::Text));
        let calls = tool_calls.unwrap_or_default().into_iter();
        said.extend(calls.map(|Called { id, function: Function { name, arguments } }| {
            Utterance::Call(Call { id, name, arguments })
        }));
        Choice { said, finish: finish(chosen.finish_reason.as_deref().unwrap_or_default()) }
    });
    Some(Answer { choices: choices.collect() })
}

pub fn write(answer: &Answer, heading: &Heading, usage: &Usage) -> Json {
    let choices = answer.choices.iter().zip(0_u64..).map(|(choice, index)| {
        object! {
            "index": index,
            "message": message(&choice.said),
            "logprobs": Json::Null,
            "finish_reason": reason(&choice.finish),
        }
    });
    object! {
        "id": format!("chatcmpl-{}", heading.id),
        "object": "chat.completion",
        "created": heading.created,
        "model": &heading.model,
        "choices": choices.collect::<Vec<_>>(),
        "usage": self::usage(usage),
    }
}

fn message(said: &[Utterance]) -> Json {
    let (mut text, mut thought) = (None::<String>, None::<String>);
    let (mut details, mut calls) = (Vec::new(), Vec::new());
    for utterance in said {
        match utterance {
            Utterance::Text(more) => text.get_or_insert_default().push_str(more),
            Utterance::Thought(Thought { text, seal }) => {
                if !text.is_empty() {
                    thought.get_or_insert_default().push_str(text);
                }
                details.extend(seal.as_ref().map(|seal| reasoning_detail(text, seal)));
            }
            Utterance::Call(Call { id, name, arguments }) => calls.push(object! {
                "id": id,
                "type": "function",
                "function": object! { "name": name, "arguments": arguments },
            }),
        }
    }
    let mut message = object! { "role": "assistant", "content": text, "refusal": Json::Null };
    message.set_some("reasoning", thought);
    message.set_list("reasoning_details", details);
    message.set_list("tool_calls", calls);
    message
}

pub fn usage(usage: &Usage) -> Json {
    let mut of_input = object! { "cached_tokens": usage.cached_input };
    let mut of_output = object! { "reasoning_tokens": usage.reasoning };
    let some = |count: u64| Some(count).filter(|count| *count > 0);
    of_input.set_some("cache_write_tokens", some(usage.cache_write.saturating_add(usage.cache_write_1h)));
    of_input.set_some("audio_tokens", some(usage.audio_input));
    of_output.set_some("audio_tokens", some(usage.audio_output));
    object! {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": of_input,
        "completion_tokens_details": of_output,
    }
}
