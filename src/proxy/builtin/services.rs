//! How the built-in provider answers what is no chat, as an OpenAI-compatible upstream would.

use super::texts::{Made, completion, made};
use super::{events, media, reply, whole, words};
use crate::domain::call::Arrival;
use crate::domain::service::Service;
use crate::gateway::admit::{Ceiling, Output};
use crate::proxy::call::Ask;
use crate::proxy::upstream::UpstreamBody;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

/// What this call uses, exactly.
pub(super) fn ceiling(service: Service, upstream_model: &str, ask: &Ask) -> Ceiling {
    let (input, output) = match service {
        Service::Completions => {
            let completion = completion(upstream_model, ask);
            (completion.input, completion.answers.iter().map(|(words, _)| words.count()).sum())
        }
        Service::Embeddings | Service::Moderations | Service::Rerank => {
            let Made { input, output, .. } = made(service, None, ask);
            (input, output)
        }
        Service::Images | Service::ImageEdits => (words(&said(ask, "prompt")), images(ask)),
        Service::Speech => (words(&said(ask, "input")), words(&said(ask, "input"))),
        Service::Transcriptions | Service::Translations => (words(&said(ask, "prompt")), words(&heard(ask))),
    };
    Ceiling::tokens(input, Output::Declared(output))
}

pub(super) async fn respond(
    service: Service,
    arrival: &Arrival,
    upstream_model: &str,
    ask: &Ask,
    delay: Duration,
) -> Response<UpstreamBody> {
    if let Some(form) = &ask.form {
        take_in(form.outgoing(upstream_model)).await;
    }
    if !ask.stream && !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match service {
        Service::Completions => completed(arrival, upstream_model, ask, delay),
        Service::Embeddings | Service::Moderations | Service::Rerank => {
            json_reply(&made(service, Some(arrival), ask).body)
        }
        Service::Images | Service::ImageEdits => drawn(service, arrival, ask, delay),
        Service::Speech => spoken(ask, delay),
        Service::Transcriptions | Service::Translations => written_down(ask, delay),
    }
}

fn json_reply(body: &Value) -> Response<UpstreamBody> {
    reply("application/json", whole(body.to_string()))
}

/// A form is heard to its end, as any server would.
async fn take_in(mut form: crate::gateway::dial::Outgoing) {
    while let Some(Ok(_)) = form.frame().await {}
}

/// A field of the request.
fn said(ask: &Ask, name: &str) -> String {
    match &ask.form {
        Some(form) => form.field(name).unwrap_or_default().to_owned(),
        None => {
            let body: Value = serde_json::from_slice(ask.body()).unwrap_or_default();
            match &body[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }
        }
    }
}

fn event(value: &Value) -> String {
    match value["type"].as_str() {
        Some(kind) => format!("event: {kind}\ndata: {value}\n\n"),
        None => format!("data: {value}\n\n"),
    }
}

fn completed(arrival: &Arrival, upstream_model: &str, ask: &Ask, delay: Duration) -> Response<UpstreamBody> {
    let completion = completion(upstream_model, ask);
    let output: u64 = completion.answers.iter().map(|(words, _)| words.count()).sum();
    let input = completion.input;
    let usage = json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output });
    let choice = |index: usize, text: &str, finish: Option<&str>| json!({ "index": index, "text": text, "logprobs": null, "finish_reason": finish });
    let (id, created, model) = (format!("cmpl-{}", arrival.id), arrival.at.micros() / 1_000_000, ask.model.clone());
    let with = move |choices: Vec<Value>| {
        json!({
            "id": id,
            "object": "text_completion",
            "created": created,
            "model": model,
            "choices": choices,
        })
    };
    let finish = |cut: bool| Some(if cut { "length" } else { "stop" });
    let answers = completion.answers.iter().enumerate();
    if !ask.stream {
        let choices = answers.map(|(index, (words, cut))| choice(index, &words.joined(), finish(*cut)));
        let mut body = with(choices.collect());
        body["usage"] = usage;
        return json_reply(&body);
    }
    let mut last = with(Vec::new());
    last["usage"] = usage;
    let last = event(&last);
    let chunks = completion.answers.into_iter().enumerate().flat_map(move |(index, (words, cut))| {
        let with = with.clone();
        (0..=words.count()).map(move |place| {
            let (text, finish) = match place == words.count() {
                true => (String::new(), finish(cut)),
                false => (words.piece(place), None),
            };
            event(&with(vec![choice(index, &text, finish)]))
        })
    });
    events(chunks.chain([last, "data: [DONE]\n\n".to_owned()]), delay)
}

/// How many pictures: one, or as many as OpenAI's API allows.
fn images(ask: &Ask) -> u64 {
    said(ask, "n").parse().unwrap_or(1).clamp(1, 10)
}

/// Each picture is worth a word.
fn drawn(service: Service, arrival: &Arrival, ask: &Ask, delay: Duration) -> Response<UpstreamBody> {
    let (prompt, count) = (said(ask, "prompt"), images(ask));
    let (picture, input) = (STANDARD.encode(media::picture(&prompt)), words(&prompt));
    let usage = |count: u64| {
        let details = json!({ "text_tokens": input, "image_tokens": 0 });
        json!({ "input_tokens": input, "output_tokens": count, "total_tokens": input + count,
            "input_tokens_details": details })
    };
    let created = arrival.at.micros() / 1_000_000;
    if !ask.stream {
        let data = vec![json!({ "b64_json": picture }); usize::try_from(count).unwrap_or(1)];
        return json_reply(&json!({ "created": created, "data": data, "output_format": "png", "usage": usage(count) }));
    }
    let kind = if service == Service::ImageEdits { "image_edit" } else { "image_generation" };
    let partial = json!({ "type": format!("{kind}.partial_image"), "partial_image_index": 0, "b64_json": picture,
        "created_at": created });
    let done = json!({ "type": format!("{kind}.completed"), "b64_json": picture, "created_at": created,
        "usage": usage(count) });
    events(vec![event(&partial), event(&done)], delay)
}

/// Each word is a tone; whatever format is asked for, it is a WAV.
fn spoken(ask: &Ask, delay: Duration) -> Response<UpstreamBody> {
    let text = said(ask, "input");
    let sound = media::sound(&text);
    if said(ask, "stream_format") != "sse" {
        return reply("audio/wav", whole(sound));
    }
    let words = words(&text);
    let usage = json!({ "input_tokens": words, "output_tokens": words, "total_tokens": words * 2 });
    let delta = json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(sound) });
    let done = json!({ "type": "speech.audio.done", "usage": usage });
    events(vec![event(&delta), event(&done)], delay)
}

/// It hears what its file is called.
fn heard(ask: &Ask) -> String {
    let named = ask.form.as_ref().and_then(|form| form.files.first()).map(|file| file.file_name.as_str());
    let named = named.unwrap_or_default();
    named.rsplit_once('.').map_or(named, |(name, _)| name).replace(['_', '-'], " ")
}

fn written_down(ask: &Ask, delay: Duration) -> Response<UpstreamBody> {
    let text = heard(ask);
    let (input, output) = (words(&said(ask, "prompt")), words(&text));
    let usage = json!({ "type": "tokens", "input_tokens": input, "output_tokens": output,
        "total_tokens": input + output, "input_token_details": { "text_tokens": input, "audio_tokens": 0 } });
    if ask.stream {
        let mut chunks: Vec<String> = text
            .split_inclusive(' ')
            .map(|word| event(&json!({ "type": "transcript.text.delta", "delta": word })))
            .collect();
        chunks.push(event(&json!({ "type": "transcript.text.done", "text": text, "usage": usage })));
        return events(chunks, delay);
    }
    match said(ask, "response_format").as_str() {
        "text" => reply("text/plain; charset=utf-8", whole(format!("{text}\n"))),
        "srt" => reply("text/plain; charset=utf-8", whole(format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n"))),
        "vtt" => reply("text/vtt", whole(format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n"))),
        "verbose_json" => json_reply(&json!({ "task": "transcribe", "language": "english", "duration": 1.0,
            "text": text, "segments": [], "usage": usage })),
        _ => json_reply(&json!({ "text": text, "usage": usage })),
    }
}
