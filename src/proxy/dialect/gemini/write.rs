//! A `generateContent` request as Gemini's API reads it.

use crate::proxy::dialect::fields::{Fault, uncarried, wrong};
use crate::proxy::dialect::gemini::thinks_by_level;
use crate::proxy::dialect::json::{Json, object};
use crate::proxy::dialect::neutral::{
    Effort, Format, Media, Much, Outcome, Part, Piece, Request, Seal, Source, Speaker, Thinking, Thought, ToolChoice,
};
use crate::proxy::dialect::{Asked, Dialect, number};

/// # Errors
/// Names what Gemini's API has no word for.
pub fn request(request: &Request, asked: &Asked, left_out: &mut Vec<String>) -> Result<Json, Fault> {
    let mut body = object! {};
    let system = request.system.iter().map(|text| object! { "text": text }).collect::<Vec<_>>();
    if !system.is_empty() {
        body.set("systemInstruction", object! { "parts": system });
    }
    body.set("contents", contents(request, left_out)?);
    let declared: Vec<Json> = request.tools.iter().map(tool).collect();
    if !declared.is_empty() {
        body.set("tools", vec![object! { "functionDeclarations": declared }]);
    }
    if let Some(calling) = calling(request) {
        body.set("toolConfig", object! { "functionCallingConfig": calling });
    }
    let config = config(request, asked);
    if !config.is_empty() {
        body.set("generationConfig", config);
    }
    left_out.extend(request.end_user.iter().map(|said| said.at.clone()));
    Ok(body)
}

fn contents(request: &Request, left_out: &mut Vec<String>) -> Result<Vec<Json>, Fault> {
    let mut contents = Vec::new();
    for turn in &request.turns {
        let role = match turn.by {
            Speaker::User => "user",
            Speaker::Model => "model",
        };
        let mut parts = Vec::new();
        // What Gemini wants back stands with the call that follows it.
        let mut seal = None;
        for part in &turn.parts {
            parts.extend(self::part(part, &mut seal, left_out)?);
        }
        if !parts.is_empty() {
            contents.push(object! { "role": role, "parts": parts });
        }
    }
    Ok(contents)
}

/// `None` for what is left out.
fn part<'a>(part: &'a Part, seal: &mut Option<&'a Seal>, left_out: &mut Vec<String>) -> Result<Option<Json>, Fault> {
    Ok(Some(match &part.piece {
        Piece::Text(text) if text.is_empty() => return Ok(None),
        Piece::Text(text) => object! { "text": text },
        Piece::Media(media) => self::media(media, &part.at)?,
        Piece::Call(call) => {
            let args = Json::raw_object(&call.arguments).ok_or_else(|| wrong(&part.at, "a call with a JSON object"))?;
            let mut written = object! { "functionCall": object! { "name": &call.name, "args": args } };
            written.set_some("thoughtSignature", seal.take().map(|seal| &seal.data));
            written
        }
        Piece::Outcome(outcome) => self::outcome(outcome, &part.at)?,
        Piece::Thought(Thought { seal: Some(given), .. }) if given.by == Dialect::Gemini => {
            *seal = Some(given);
            return Ok(None);
        }
        Piece::Thought(_) => {
            left_out.push(part.at.clone());
            return Ok(None);
        }
    }))
}

fn outcome(outcome: &Outcome, at: &str) -> Result<Json, Fault> {
    let Some(name) = &outcome.name else {
        let message = format!("{at:?} answers call {:?}, but no such call is before it.", outcome.id);
        return Err(Fault { field: at.to_owned(), message });
    };
    let mut texts = Vec::new();
    for part in &outcome.said {
        match &part.piece {
            Piece::Text(text) => texts.push(text.as_str()),
            _ => return Err(uncarried(&part.at)),
        }
    }
    let text = texts.join("\n");
    let response = match (outcome.is_error, Json::raw_object(&text).filter(|_| !text.trim().is_empty())) {
        (true, _) => object! { "error": text },
        (false, Some(whole)) => whole,
        (false, None) => object! { "output": text },
    };
    Ok(object! { "functionResponse": object! { "name": name, "response": response } })
}

fn media(media: &Media, at: &str) -> Result<Json, Fault> {
    match &media.source {
        Source::Base64(data) => Ok(object! { "inlineData": object! { "mimeType": &media.kind, "data": data } }),
        Source::Url(_) => {
            let message = format!(
                "{at:?} refers to a file by its address, which a provider that speaks Gemini's API does not fetch. Send \
                 the file itself, as base64."
            );
            Err(Fault { field: at.to_owned(), message })
        }
    }
}

fn tool(tool: &crate::proxy::dialect::neutral::Tool) -> Json {
    let mut written = object! { "name": &tool.name };
    written.set_some("description", tool.description.as_ref());
    written.set_some("parametersJsonSchema", tool.schema.as_deref());
    written
}

/// A strict tool is one whose calls are held to their schema: `VALIDATED`, where it is free to call none.
fn calling(request: &Request) -> Option<Json> {
    let is_strict = request.tools.iter().any(|tool| tool.is_strict);
    let mode = match request.tool_choice.as_ref().map(|said| &said.value) {
        None | Some(ToolChoice::Auto) if is_strict => object! { "mode": "VALIDATED" },
        None => return None,
        Some(ToolChoice::Auto) => object! { "mode": "AUTO" },
        Some(ToolChoice::None) => object! { "mode": "NONE" },
        Some(ToolChoice::Required(names)) => {
            let mut any = object! { "mode": "ANY" };
            any.set_list("allowedFunctionNames", names.iter().map(Json::from).collect());
            any
        }
    };
    Some(mode)
}

fn config(request: &Request, asked: &Asked) -> Json {
    let mut config = object! {};
    config.set_some("maxOutputTokens", request.most_tokens);
    config.set_some("candidateCount", request.answers.as_ref().map(|said| said.value));
    let stop = request.stop.as_ref().map(|said| said.value.iter().map(Json::from).collect::<Vec<_>>());
    config.set_some("stopSequences", stop);
    for (name, said) in [
        ("temperature", &request.temperature),
        ("topP", &request.top_p),
        ("topK", &request.top_k),
        ("seed", &request.seed),
        ("presencePenalty", &request.presence_penalty),
        ("frequencyPenalty", &request.frequency_penalty),
    ] {
        config.set_some(name, said.as_ref().map(number));
    }
    if let Some(format) = &request.format {
        config.set("responseMimeType", "application/json");
        if let Format::Schema { schema, .. } = &format.value {
            config.set("responseJsonSchema", schema.as_ref());
        }
    }
    if let Some(thinking) = &request.thinking {
        config.set("thinkingConfig", self::thinking(&thinking.value, asked.model));
    }
    config
}

/// Budgets for efforts as Google's own compatibility layer has them. Source: ai.google.dev/gemini-api/docs/openai.
fn thinking(said: &Thinking, model: &str) -> Json {
    let mut config = object! {};
    match said.much {
        Much::Off => config.set("thinkingBudget", 0),
        Much::Budget(budget) => config.set("thinkingBudget", budget),
        Much::Open if thinks_by_level(model) => {}
        Much::Open => config.set_some("thinkingBudget", Json::raw("-1")),
        Much::Effort(effort) if thinks_by_level(model) => {
            let level = match effort {
                Effort::Minimal => "minimal",
                Effort::Low => "low",
                Effort::Medium => "medium",
                Effort::High | Effort::Highest => "high",
            };
            config.set("thinkingLevel", level);
        }
        Much::Effort(effort) => {
            let budget: u64 = match effort {
                Effort::Minimal | Effort::Low => 1_024,
                Effort::Medium => 8_192,
                Effort::High | Effort::Highest => 24_576,
            };
            config.set("thinkingBudget", budget);
        }
    }
    if said.shown == Some(true) {
        config.set("includeThoughts", true);
    }
    config
}
