//! A `generateContent` answer, whole.

use super::{SEALED_BY_ANTHROPIC, finish, reason};
use crate::domain::usage::Usage;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{Answer, Call, Choice, Finish, Heading, Seal, Thought, Utterance};
use crate::proxy::dialect::{Dialect, call_id};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response<'a> {
    #[serde(borrow, default)]
    pub candidates: Vec<Candidate<'a>>,
    pub prompt_feedback: Option<Feedback>,
    pub error: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feedback {
    pub block_reason: Option<String>,
}

#[derive(Deserialize)]
pub struct Failure {
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate<'a> {
    #[serde(default)]
    pub index: u64,
    #[serde(borrow)]
    pub content: Option<Content<'a>>,
    pub finish_reason: Option<String>,
}

#[derive(Deserialize)]
pub struct Content<'a> {
    #[serde(borrow, default)]
    pub parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part<'a> {
    pub text: Option<String>,
    #[serde(default)]
    pub thought: bool,
    pub thought_signature: Option<String>,
    #[serde(borrow)]
    pub function_call: Option<FunctionCall<'a>>,
}

#[derive(Deserialize)]
pub struct FunctionCall<'a> {
    pub id: Option<String>,
    pub name: String,
    #[serde(borrow)]
    pub args: Option<&'a RawValue>,
}

impl Part<'_> {
    /// What it says; `calls` counts the calls so far, which bear no ids.
    pub fn utterances(self, id: &str, calls: &mut usize) -> Vec<Utterance> {
        let seal = self.thought_signature.map(|data| Seal::new(Dialect::Gemini, data));
        if let Some(call) = self.function_call {
            let before = seal.map(|seal| Utterance::Thought(Thought { text: String::new(), seal: Some(seal) }));
            let own = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| call_id(id, *calls));
            *calls += 1;
            let arguments = call.args.map_or("{}", RawValue::get).to_owned();
            let call = Utterance::Call(Call { id: own, name: call.name, arguments });
            return before.into_iter().chain([call]).collect();
        }
        // A plain text's signature is of use to nobody who cannot be made to send it back.
        let text = self.text.filter(|text| !text.is_empty());
        let said = text.map(|text| match self.thought {
            true => Utterance::Thought(Thought { text, seal: None }),
            false => Utterance::Text(text),
        });
        said.into_iter().collect()
    }
}

pub fn read(body: &[u8], id: &str) -> Option<Answer> {
    let response: Response = serde_json::from_slice(body).ok()?;
    let mut calls = 0;
    let choices = response.candidates.into_iter().map(|candidate| {
        let parts = candidate.content.map(|content| content.parts).unwrap_or_default();
        let said: Vec<Utterance> = parts.into_iter().flat_map(|part| part.utterances(id, &mut calls)).collect();
        let has_calls = said.iter().any(|said| matches!(said, Utterance::Call(_)));
        let finish = finish(candidate.finish_reason.as_deref().unwrap_or_default()).with_calls(has_calls);
        Choice { said, finish }
    });
    let mut answer = Answer { choices: choices.collect() };
    if answer.choices.is_empty() {
        // What was asked was not let through.
        response.prompt_feedback?.block_reason?;
        answer.choices.push(Choice { said: Vec::new(), finish: Finish::Filtered });
    }
    Some(answer)
}

pub fn write(answer: &Answer, heading: &Heading, usage: &Usage) -> Json {
    let candidates = answer.choices.iter().zip(0_u64..).map(|(choice, index)| {
        object! {
            "content": object! { "role": "model", "parts": choice.said.iter().filter_map(part).collect::<Vec<_>>() },
            "finishReason": reason(&choice.finish),
            "index": index,
        }
    });
    object! {
        "candidates": candidates.collect::<Vec<_>>(),
        "usageMetadata": self::usage(usage),
        "modelVersion": &heading.model,
        "responseId": &heading.id,
    }
}

fn part(utterance: &Utterance) -> Option<Json> {
    Some(match utterance {
        Utterance::Text(text) => object! { "text": text },
        Utterance::Thought(Thought { text, seal }) => thought(text, seal.as_ref())?,
        Utterance::Call(call) => self::call(call),
    })
}

pub fn thought(text: &str, seal: Option<&Seal>) -> Option<Json> {
    let signature = seal.filter(|seal| seal.by == Dialect::Anthropic && !seal.is_whole);
    let mut part = object! { "text": text, "thought": true };
    part.set_some("thoughtSignature", signature.map(|seal| format!("{SEALED_BY_ANTHROPIC}{}", seal.data)));
    (!text.is_empty() || signature.is_some()).then_some(part)
}

pub fn call(Call { id, name, arguments }: &Call) -> Json {
    let args = Json::raw_object(arguments).unwrap_or(object! {});
    object! { "functionCall": object! { "id": id, "name": name, "args": args } }
}

/// Here what was thought is not part of what was answered.
pub fn usage(usage: &Usage) -> Json {
    let mut written = object! {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
        "totalTokenCount": usage.total(),
    };
    for (name, count) in [("cachedContentTokenCount", usage.cached_input), ("thoughtsTokenCount", usage.reasoning)] {
        written.set_some(name, Some(count).filter(|count| *count > 0));
    }
    written
}
