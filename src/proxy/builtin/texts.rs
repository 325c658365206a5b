//! What the built-in provider makes of texts where there is no chat: completions, embeddings, moderations, rerank.

use super::words;
use crate::domain::call::Arrival;
use crate::domain::service::Service;
use crate::proxy::call::{Ask, Texts};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Numbers in an embedding where the caller does not say.
const DIMENSIONS: usize = 8;
const MOST_DIMENSIONS: usize = 4_096;
/// A completion has no more answers than this, and each no more words than that.
const MOST_ANSWERS: usize = 128;
const MOST_WORDS: u64 = 100_000;

/// What OpenAI's moderations judge by. Source: OpenAI's API reference, "Create moderation".
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// An answer before it is written as one, and what it used.
pub(super) struct Made {
    pub body: Value,
    pub input: u64,
    pub output: u64,
}

/// What it is asked, read leniently: what is not there counts no words.
fn body(ask: &Ask) -> Value {
    serde_json::from_slice(ask.body()).unwrap_or_default()
}

/// Texts as they stand; tokens as the numbers that they are.
fn texts(given: &Value) -> Vec<String> {
    let raw = RawValue::from_string(given.to_string()).ok();
    let numbers = |tokens: &[u64]| tokens.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    match raw.as_deref().and_then(Texts::read) {
        Some(Texts::One(text)) => vec![text],
        Some(Texts::Many(texts)) => texts,
        Some(Texts::Tokens(tokens)) => vec![numbers(&tokens)],
        Some(Texts::ManyTokens(lists)) => lists.iter().map(|tokens| numbers(tokens)).collect(),
        // Parts, of which the texts are read.
        None => vec![super::text(given)],
    }
}

fn total(texts: &[String]) -> u64 {
    texts.iter().map(|text| words(text)).sum()
}

pub(super) fn made(service: Service, arrival: Option<&Arrival>, ask: &Ask) -> Made {
    let body = body(ask);
    let id = arrival.map(|arrival| arrival.id.0.as_str()).unwrap_or_default();
    match service {
        Service::Embeddings => embeddings(&body, ask),
        Service::Moderations => moderations(&body, id, ask),
        _ => reranked(&body, id, ask),
    }
}

fn embeddings(body: &Value, ask: &Ask) -> Made {
    let texts = texts(&body["input"]);
    let asked = body["dimensions"].as_u64().and_then(|count| usize::try_from(count).ok());
    let dimensions = asked.unwrap_or(DIMENSIONS).clamp(1, MOST_DIMENSIONS);
    let is_base64 = body["encoding_format"] == "base64";
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, dimensions);
            let embedding = match is_base64 {
                true => json!(STANDARD.encode(vector.iter().flat_map(|part| part.to_le_bytes()).collect::<Vec<u8>>())),
                false => json!(vector),
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let input = total(&texts);
    let usage = json!({ "prompt_tokens": input, "total_tokens": input });
    Made { body: json!({ "object": "list", "data": data, "model": ask.model, "usage": usage }), input, output: 0 }
}

/// The sum of its words' directions, of length one: texts that share words lie near each other.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0_f32; dimensions];
    for word in text.split_whitespace() {
        for (block, parts) in sum.chunks_mut(16).enumerate() {
            let digest = Sha256::new().chain_update(word).chain_update(block.to_le_bytes()).finalize();
            for (part, pair) in parts.iter_mut().zip(digest.chunks(2)) {
                *part += f32::from(i16::from_le_bytes([pair[0], pair[1]])) / f32::from(i16::MAX);
            }
        }
    }
    let length = sum.iter().map(|part| part * part).sum::<f32>().sqrt();
    if length > 0.0 {
        sum.iter_mut().for_each(|part| *part /= length);
    } else {
        sum[0] = 1.0;
    }
    sum
}

/// Nothing is ever found wanting.
fn moderations(body: &Value, id: &str, ask: &Ask) -> Made {
    let texts = texts(&body["input"]);
    let each = |value: Value| CATEGORIES.iter().map(|name| ((*name).to_owned(), value.clone())).collect::<Value>();
    let result = json!({
        "flagged": false,
        "categories": each(json!(false)),
        "category_scores": each(json!(0.0)),
        "category_applied_input_types": each(json!(["text"])),
    });
    let results = vec![result; texts.len()];
    let body = json!({ "id": format!("modr-{id}"), "model": ask.model, "results": results });
    Made { body, input: total(&texts), output: 0 }
}

/// The documents that share most of the query's words come first.
fn reranked(body: &Value, id: &str, ask: &Ask) -> Made {
    let query = super::text(&body["query"]);
    let of_document = |document: &Value| document.get("text").map_or_else(|| super::text(document), super::text);
    let documents: Vec<String> = body["documents"].as_array().into_iter().flatten().map(of_document).collect();
    let sought: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let score = |document: &String| {
        let document = document.to_lowercase();
        let found = sought.iter().filter(|word| document.split_whitespace().any(|other| other == word.as_str()));
        found.count() as f64 / sought.len().max(1) as f64
    };
    let mut ranked: Vec<(usize, f64)> = documents.iter().map(score).enumerate().collect();
    ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let most = body["top_n"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(ranked.len());
    let results: Vec<Value> = ranked
        .into_iter()
        .take(most)
        .map(|(index, score)| {
            let mut result = json!({ "index": index, "relevance_score": score });
            if body["return_documents"] == true {
                result["document"] = json!({ "text": documents[index] });
            }
            result
        })
        .collect();
    let input = words(&query) + total(&documents);
    let usage = json!({ "total_tokens": input });
    let body = json!({ "id": format!("rerank-{id}"), "model": ask.model, "usage": usage, "results": results });
    Made { body, input, output: 0 }
}

/// A completion: each prompt's answers, and how each ends.
pub(super) struct Completion {
    pub answers: Vec<(super::Words, bool)>,
    pub input: u64,
}

pub(super) fn completion(upstream_model: &str, ask: &Ask) -> Completion {
    let body = body(ask);
    let prompts = texts(&body["prompt"]);
    let each = body["n"].as_u64().unwrap_or(1);
    let most = body["max_tokens"].as_u64().unwrap_or(super::FILL).min(MOST_WORDS);
    let answers = prompts.iter().flat_map(|prompt| {
        let said = super::said(upstream_model, prompt, Some(most));
        (0..each).map(move |_| said.clone())
    });
    Completion { answers: answers.take(MOST_ANSWERS).collect(), input: total(&prompts) }
}
