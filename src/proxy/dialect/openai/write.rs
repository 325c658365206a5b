//! A chat completion as an OpenAI-compatible upstream reads it.

use crate::proxy::dialect::fields::{Fault, uncarried};
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{
    Effort, Format, Media, Much, Outcome, Part, Piece, Request, Said, Source, Speaker, Thinking, ToolChoice,
};
use crate::proxy::dialect::{Asked, number};

/// # Errors
/// Names what OpenAI's API has no word for.
pub fn request(request: &Request, asked: &Asked, left_out: &mut Vec<String>) -> Result<Json, Fault> {
    let mut body = object! { "model": asked.model };
    body.set("messages", messages(request, left_out)?);
    if request.stream {
        body.set("stream", true);
    }
    body.set_some(asked.bound_field, request.most_tokens);
    body.set_list("tools", request.tools.iter().map(tool).collect());
    if let Some(choice) = &request.tool_choice {
        body.set("tool_choice", tool_choice(choice)?);
    }
    body.set_some("parallel_tool_calls", request.parallel_calls.as_ref().map(|said| said.value));
    body.set_some("n", request.answers.as_ref().map(|said| said.value));
    body.set_some("stop", request.stop.as_ref().map(|said| texts(&said.value)));
    for (name, said) in [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("seed", &request.seed),
        ("presence_penalty", &request.presence_penalty),
        ("frequency_penalty", &request.frequency_penalty),
    ] {
        body.set_some(name, said.as_ref().map(number));
    }
    if let Some(top_k) = &request.top_k {
        return Err(top_k.uncarried());
    }
    body.set_some("response_format", request.format.as_ref().map(|said| format(&said.value)));
    if let Some(effort) = request.thinking.as_ref().and_then(effort) {
        body.set("reasoning_effort", effort);
    }
    body.set_some("user", request.end_user.as_ref().map(|said| Json::from(&said.value)));
    Ok(body)
}

fn texts(list: &[String]) -> Vec<Json> {
    list.iter().map(Json::from).collect()
}

/// One text is a text; several are a list of parts.
fn content(parts: Vec<Json>, texts: Vec<String>) -> Json {
    match <[String; 1]>::try_from(texts) {
        Ok([only]) if parts.len() == 1 => only.into(),
        _ => parts.into(),
    }
}

fn of_texts(list: &[String]) -> Json {
    content(list.iter().map(|text| object! { "type": "text", "text": text }).collect(), list.to_vec())
}

fn messages(request: &Request, left_out: &mut Vec<String>) -> Result<Vec<Json>, Fault> {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(object! { "role": "system", "content": of_texts(&request.system) });
    }
    for turn in &request.turns {
        match turn.by {
            Speaker::User => user(&turn.parts, &mut messages)?,
            Speaker::Model => messages.extend(model(&turn.parts, left_out)?),
        }
    }
    Ok(messages)
}

fn user(parts: &[Part], messages: &mut Vec<Json>) -> Result<(), Fault> {
    let (mut said, mut plain) = (Vec::new(), Vec::new());
    let flush = |said: &mut Vec<Json>, plain: &mut Vec<String>, messages: &mut Vec<Json>| {
        if !said.is_empty() {
            messages.push(object! { "role": "user", "content": content(std::mem::take(said), std::mem::take(plain)) });
        }
    };
    for part in parts {
        match &part.piece {
            Piece::Text(text) => {
                said.push(object! { "type": "text", "text": text });
                plain.push(text.clone());
            }
            Piece::Media(media) => said.push(self::media(media, &part.at)?),
            Piece::Outcome(outcome) => {
                flush(&mut said, &mut plain, messages);
                messages.push(self::outcome(outcome)?);
            }
            Piece::Call(_) | Piece::Thought(_) => return Err(uncarried(&part.at)),
        }
    }
    flush(&mut said, &mut plain, messages);
    Ok(())
}

fn outcome(outcome: &Outcome) -> Result<Json, Fault> {
    let mut texts = Vec::new();
    for part in &outcome.said {
        match &part.piece {
            Piece::Text(text) => texts.push(text.clone()),
            _ => return Err(uncarried(&part.at)),
        }
    }
    // There is no field that says so.
    if outcome.is_error {
        texts = vec![format!("Error: {}", texts.join("\n"))];
    }
    if texts.is_empty() {
        texts.push(String::new());
    }
    Ok(object! { "role": "tool", "tool_call_id": &outcome.id, "content": of_texts(&texts) })
}

/// `None` where nothing is left of what the model said.
fn model(parts: &[Part], left_out: &mut Vec<String>) -> Result<Option<Json>, Fault> {
    let (mut text, mut calls) = (None::<String>, Vec::new());
    for part in parts {
        match &part.piece {
            Piece::Text(said) => text.get_or_insert_default().push_str(said),
            Piece::Call(call) => calls.push(object! {
                "id": &call.id,
                "type": "function",
                "function": object! { "name": &call.name, "arguments": arguments(&call.arguments) },
            }),
            Piece::Thought(_) => left_out.push(part.at.clone()),
            Piece::Media(_) | Piece::Outcome(_) => return Err(uncarried(&part.at)),
        }
    }
    if text.is_none() && calls.is_empty() {
        return Ok(None);
    }
    let mut message = object! { "role": "assistant", "content": text };
    message.set_list("tool_calls", calls);
    Ok(Some(message))
}

fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}

fn media(media: &Media, at: &str) -> Result<Json, Fault> {
    let family = media.kind.split('/').next().unwrap_or_default();
    match (family, &media.source) {
        ("image", Source::Url(url)) => Ok(object! { "type": "image_url", "image_url": object! { "url": url } }),
        ("image", Source::Base64(data)) => {
            let url = format!("data:{};base64,{data}", media.kind);
            Ok(object! { "type": "image_url", "image_url": object! { "url": url } })
        }
        ("audio", Source::Base64(data)) => {
            let format = match media.kind.as_str() {
                "audio/wav" | "audio/x-wav" => "wav",
                "audio/mp3" | "audio/mpeg" => "mp3",
                _ => return Err(uncarried(at)),
            };
            Ok(object! { "type": "input_audio", "input_audio": object! { "data": data, "format": format } })
        }
        (_, Source::Base64(data)) if media.kind == "application/pdf" => {
            let name = media.name.as_deref().unwrap_or("document.pdf");
            let data = format!("data:{};base64,{data}", media.kind);
            Ok(object! { "type": "file", "file": object! { "filename": name, "file_data": data } })
        }
        _ => Err(uncarried(at)),
    }
}

fn tool(tool: &crate::proxy::dialect::neutral::Tool) -> Json {
    let mut function = object! { "name": &tool.name };
    function.set_some("description", tool.description.as_ref());
    function.set_some("parameters", tool.schema.as_deref());
    if tool.is_strict {
        function.set("strict", true);
    }
    object! { "type": "function", "function": function }
}

fn tool_choice(said: &Said<ToolChoice>) -> Result<Json, Fault> {
    Ok(match &said.value {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required(names) => match names.as_slice() {
            [] => "required".into(),
            [only] => object! { "type": "function", "function": object! { "name": only } },
            _ => return Err(said.uncarried()),
        },
    })
}

fn format(format: &Format) -> Json {
    match format {
        Format::Json => object! { "type": "json_object" },
        Format::Schema { name, description, schema, is_strict } => {
            let mut given = object! { "name": name.as_deref().unwrap_or("answer") };
            given.set_some("description", description.as_ref());
            given.set("schema", schema.as_ref());
            if *is_strict {
                given.set("strict", true);
            }
            object! { "type": "json_schema", "json_schema": given }
        }
    }
}

/// Budgets in tokens as Google's own compatibility layer reads efforts: 1,024, 8,192 and 24,576. Source:
/// ai.google.dev/gemini-api/docs/openai.
fn effort(said: &Said<Thinking>) -> Option<&'static str> {
    Some(match said.value.much {
        Much::Off => "none",
        // As much as the model sees fit is what it does by itself.
        Much::Open => return None,
        Much::Budget(0..=1_024) | Much::Effort(Effort::Low) => "low",
        Much::Budget(1_025..=8_192) | Much::Effort(Effort::Medium) => "medium",
        Much::Budget(_) | Much::Effort(Effort::High) => "high",
        Much::Effort(Effort::Minimal) => "minimal",
        Much::Effort(Effort::Highest) => "xhigh",
    })
}
