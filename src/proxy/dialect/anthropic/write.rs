//! A message request as Anthropic's API reads it.

use crate::proxy::dialect::anthropic::thinks_by_budget;
use crate::proxy::dialect::fields::{Fault, uncarried, wrong};
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{
    Effort, Format, Media, Much, Outcome, Part, Piece, Request, Source, Speaker, Thinking, Thought, ToolChoice,
};
use crate::proxy::dialect::{Asked, Dialect, number};

/// # Errors
/// Names what Anthropic's API has no word for.
pub fn request(request: &Request, asked: &Asked, left_out: &mut Vec<String>) -> Result<Json, Fault> {
    for said in [&request.seed, &request.presence_penalty, &request.frequency_penalty].into_iter().flatten() {
        // A penalty of 0 is none.
        if said.value.as_f64() != Some(0.0) || said.at.ends_with("seed") {
            return Err(said.uncarried());
        }
    }
    if let Some(answers) = request.answers.as_ref().filter(|answers| answers.value > 1) {
        return Err(answers.uncarried());
    }
    let mut body = object! { "model": asked.model };
    body.set_some("max_tokens", request.most_tokens);
    if let [only] = request.system.as_slice() {
        body.set("system", only);
    } else {
        let texts = request.system.iter().map(|text| object! { "type": "text", "text": text });
        body.set_list("system", texts.collect());
    }
    body.set("messages", messages(request, left_out)?);
    if request.stream {
        body.set("stream", true);
    }
    let tools: Result<Vec<Json>, Fault> = request.tools.iter().map(tool).collect();
    body.set_list("tools", tools?);
    body.set_some("tool_choice", tool_choice(request)?);
    let stop = request.stop.as_ref().map(|said| said.value.iter().map(Json::from).collect::<Vec<_>>());
    body.set_some("stop_sequences", stop);
    for (name, said) in [("temperature", &request.temperature), ("top_p", &request.top_p), ("top_k", &request.top_k)] {
        body.set_some(name, said.as_ref().map(number));
    }
    let mut config = object! {};
    if let Some(said) = &request.thinking
        && !thinking(&said.value, request.most_tokens, asked.model, &mut body, &mut config)
    {
        left_out.push(said.at.clone());
    }
    match request.format.as_ref().map(|said| (&said.at, &said.value)) {
        None => {}
        Some((_, Format::Schema { schema, .. })) => {
            config.set("format", object! { "type": "json_schema", "schema": schema.as_ref() });
        }
        // It knows no JSON without a schema.
        Some((at, Format::Json)) => return Err(uncarried(at)),
    }
    if !config.is_empty() {
        body.set("output_config", config);
    }
    if let Some(user) = &request.end_user {
        body.set("metadata", object! { "user_id": &user.value });
    }
    Ok(body)
}

fn messages(request: &Request, left_out: &mut Vec<String>) -> Result<Vec<Json>, Fault> {
    let mut messages = Vec::new();
    for turn in &request.turns {
        let role = match turn.by {
            Speaker::User => "user",
            Speaker::Model => "assistant",
        };
        let mut blocks = Vec::new();
        for part in &turn.parts {
            blocks.extend(block(part, left_out)?);
        }
        // A turn of nothing but what was left out is none.
        if !blocks.is_empty() {
            messages.push(object! { "role": role, "content": blocks });
        }
    }
    Ok(messages)
}

/// `None` for what is left out.
fn block(part: &Part, left_out: &mut Vec<String>) -> Result<Option<Json>, Fault> {
    Ok(Some(match &part.piece {
        // Anthropic refuses texts of nothing, which others write beside a call.
        Piece::Text(text) if text.is_empty() => return Ok(None),
        Piece::Text(text) => object! { "type": "text", "text": text },
        Piece::Media(media) => self::media(media, &part.at)?,
        Piece::Call(call) => {
            let input =
                Json::raw_object(&call.arguments).ok_or_else(|| wrong(&part.at, "a call with a JSON object"))?;
            object! { "type": "tool_use", "id": &call.id, "name": &call.name, "input": input }
        }
        Piece::Outcome(outcome) => self::outcome(outcome, left_out)?,
        Piece::Thought(Thought { text, seal: Some(seal) }) if seal.by == Dialect::Anthropic => match seal.is_whole {
            true => object! { "type": "redacted_thinking", "data": &seal.data },
            false => object! { "type": "thinking", "thinking": text, "signature": &seal.data },
        },
        Piece::Thought(_) => {
            left_out.push(part.at.clone());
            return Ok(None);
        }
    }))
}

fn outcome(outcome: &Outcome, left_out: &mut Vec<String>) -> Result<Json, Fault> {
    let mut result = object! { "type": "tool_result", "tool_use_id": &outcome.id };
    match outcome.said.as_slice() {
        [Part { piece: Piece::Text(text), .. }] => result.set("content", text),
        parts => {
            let blocks: Result<Vec<Option<Json>>, Fault> = parts.iter().map(|part| block(part, left_out)).collect();
            result.set_list("content", blocks?.into_iter().flatten().collect());
        }
    }
    if outcome.is_error {
        result.set("is_error", true);
    }
    Ok(result)
}

fn media(media: &Media, at: &str) -> Result<Json, Fault> {
    let kind = match media.kind.as_str() {
        kind if kind.starts_with("image/") => "image",
        "application/pdf" => "document",
        _ => return Err(uncarried(at)),
    };
    let source = match &media.source {
        Source::Base64(data) => object! { "type": "base64", "media_type": &media.kind, "data": data },
        Source::Url(url) => object! { "type": "url", "url": url },
    };
    let mut block = object! { "type": kind, "source": source };
    if kind == "document" {
        block.set_some("title", media.name.as_ref());
    }
    Ok(block)
}

fn tool(tool: &crate::proxy::dialect::neutral::Tool) -> Result<Json, Fault> {
    let mut written = object! { "name": &tool.name };
    written.set_some("description", tool.description.as_ref());
    match &tool.schema {
        Some(schema) => written.set("input_schema", schema.as_ref()),
        // It must be there, though the tool takes nothing.
        None => written.set("input_schema", object! { "type": "object", "properties": object! {} }),
    }
    if tool.is_strict {
        written.set("strict", true);
    }
    Ok(written)
}

fn tool_choice(request: &Request) -> Result<Option<Json>, Fault> {
    let alone = request.parallel_calls.as_ref().is_some_and(|said| !said.value) && !request.tools.is_empty();
    let mut choice = match request.tool_choice.as_ref().map(|said| (said, &said.value)) {
        None if alone => object! { "type": "auto" },
        None => return Ok(None),
        Some((_, ToolChoice::Auto)) => object! { "type": "auto" },
        Some((_, ToolChoice::None)) => return Ok(Some(object! { "type": "none" })),
        Some((said, ToolChoice::Required(names))) => match names.as_slice() {
            [] => object! { "type": "any" },
            [only] => object! { "type": "tool", "name": only },
            _ => return Err(said.uncarried()),
        },
    };
    if alone {
        choice.set("disable_parallel_tool_use", true);
    }
    Ok(Some(choice))
}

/// Newer models think as much as they see fit, more or less by effort; older ones are told a budget. False where the
/// answer is too short to think first.
fn thinking(said: &Thinking, most_tokens: Option<u64>, model: &str, body: &mut Json, config: &mut Json) -> bool {
    if !thinks_by_budget(model) {
        if said.much != Much::Off {
            body.set("thinking", object! { "type": "adaptive" });
        }
        let effort = match said.much {
            Much::Off | Much::Open => None,
            Much::Budget(0..=1_024) | Much::Effort(Effort::Minimal | Effort::Low) => Some("low"),
            Much::Budget(1_025..=8_192) | Much::Effort(Effort::Medium) => Some("medium"),
            Much::Budget(_) | Much::Effort(Effort::High) => Some("high"),
            Much::Effort(Effort::Highest) => Some("max"),
        };
        config.set_some("effort", effort);
        return true;
    }
    let budget = match said.much {
        Much::Off => return true,
        Much::Budget(budget) => budget,
        Much::Effort(effort) => of_effort(effort, most_tokens),
        Much::Open => of_effort(Effort::Medium, most_tokens),
    };
    // It must be at least 1,024, and less than the whole answer.
    let budget = budget.max(1_024);
    let fits = most_tokens.is_none_or(|most| most > budget);
    if fits {
        body.set("thinking", object! { "type": "enabled", "budget_tokens": budget });
    }
    fits
}

/// A share of the answer. Source: openrouter.ai/docs, "Reasoning tokens".
fn of_effort(effort: Effort, most_tokens: Option<u64>) -> u64 {
    let percent = match effort {
        Effort::Minimal => 10,
        Effort::Low => 20,
        Effort::Medium => 50,
        Effort::High => 80,
        Effort::Highest => 95,
    };
    most_tokens.map_or(1_024, |most| (most.saturating_mul(percent) / 100).clamp(1_024, 128_000))
}
