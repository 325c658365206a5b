//! A chat completion as a caller writes it.

use crate::proxy::dialect::Dialect;
use crate::proxy::dialect::fields::{Fault, Fields, uncarried, wrong};
use crate::proxy::dialect::neutral::{
    Call, Effort, Format, Media, Much, Outcome, Part, Piece, Request, Said, Seal, Source, Speaker, Thinking, Thought,
    Tool, ToolChoice, Turn, data_url, joined, name_outcomes,
};
use serde_json::value::RawValue;

/// Fields that say how to bill, cache or route, and change no answer.
const HINTS: [&str; 3] = ["prompt_cache_key", "prompt_cache_retention", "safety_identifier"];
/// Fields that may be there as long as they say what is the case anyway.
const HARMLESS: [(&str, &[&str]); 10] = [
    ("logprobs", &["false"]),
    ("logit_bias", &["{}"]),
    ("metadata", &["{}"]),
    ("modalities", &["[\"text\"]"]),
    ("service_tier", &["\"auto\"", "\"default\""]),
    ("store", &["false"]),
    ("top_logprobs", &["0"]),
    ("verbosity", &["\"medium\""]),
    ("function_call", &["\"none\"", "\"auto\""]),
    ("functions", &["[]"]),
];

/// # Errors
/// Names what is malformed, or has no counterpart elsewhere.
pub fn request(body: &RawValue) -> Result<Request, Fault> {
    let mut top = Fields::read(String::new(), body)?;
    let mut request = Request::default();
    // The gate has read these.
    top.take("model");
    request.stream = top.get("stream", "true or false")?.is_some_and(|said: Said<bool>| said.value);
    if let Some(mut options) = top.object("stream_options")? {
        options.take("include_usage");
        options.only("include_obfuscation", &["false", "true"])?;
        options.done()?;
    }
    for message in top.objects("messages")? {
        self::message(message, &mut request)?;
    }
    name_outcomes(&mut request.turns);
    for tool in top.objects("tools")? {
        request.tools.push(self::tool(tool)?);
    }
    request.tool_choice = tool_choice(&mut top)?;
    request.parallel_calls = top.get("parallel_tool_calls", "true or false")?;
    let count = "a whole number";
    let (older, newer) = (top.get::<u64>("max_tokens", count)?, top.get::<u64>("max_completion_tokens", count)?);
    request.most_tokens = [older, newer].into_iter().flatten().map(|said| said.value).min();
    request.answers = top.get("n", count)?;
    request.stop = stop(&mut top)?;
    for (name, place) in [
        ("temperature", &mut request.temperature),
        ("top_p", &mut request.top_p),
        ("top_k", &mut request.top_k),
        ("seed", &mut request.seed),
        ("presence_penalty", &mut request.presence_penalty),
        ("frequency_penalty", &mut request.frequency_penalty),
    ] {
        *place = top.get(name, "a number")?;
    }
    request.format = format(&mut top)?;
    request.thinking = thinking(&mut top)?;
    request.end_user = top.get("user", "a text")?;
    for name in HINTS {
        top.hint(name, &mut request.left_out);
    }
    for (name, harmless) in HARMLESS {
        top.only(name, harmless)?;
    }
    top.done()?;
    Ok(request)
}

fn message(mut message: Fields, request: &mut Request) -> Result<(), Fault> {
    let role = message.text("role")?;
    let mut parts = Vec::new();
    match role.as_str() {
        "system" | "developer" => {
            content(&mut message, &mut parts, &mut request.left_out)?;
            for part in parts {
                match part.piece {
                    Piece::Text(text) => request.system.push(text),
                    _ => return Err(uncarried(&part.at)),
                }
            }
        }
        "user" => {
            content(&mut message, &mut parts, &mut request.left_out)?;
            request.turns.push(Turn { by: Speaker::User, parts });
        }
        "assistant" => {
            thoughts(&mut message, &mut parts)?;
            content(&mut message, &mut parts, &mut request.left_out)?;
            if let Some(refusal) = message.get::<String>("refusal", "a text")? {
                parts.push(Part { at: refusal.at, piece: Piece::Text(refusal.value) });
            }
            for call in message.objects("tool_calls")? {
                parts.push(self::call(call)?);
            }
            message.only("annotations", &["[]"])?;
            request.turns.push(Turn { by: Speaker::Model, parts: joined(parts) });
        }
        "tool" => {
            let at = message.place("content");
            let id = message.text("tool_call_id")?;
            content(&mut message, &mut parts, &mut request.left_out)?;
            let outcome = Outcome { id, name: None, said: parts, is_error: false };
            let part = Part { at, piece: Piece::Outcome(outcome) };
            // What came of parallel calls is one turn.
            match request.turns.last_mut() {
                Some(turn) if turn.parts.last().is_some_and(|last| matches!(last.piece, Piece::Outcome(_))) => {
                    turn.parts.push(part);
                }
                _ => request.turns.push(Turn { by: Speaker::User, parts: vec![part] }),
            }
        }
        _ => return Err(uncarried(&message.place("role"))),
    }
    message.done()
}

fn content(message: &mut Fields, parts: &mut Vec<Part>, left_out: &mut Vec<String>) -> Result<(), Fault> {
    let at = message.place("content");
    let Some(raw) = message.take("content") else { return Ok(()) };
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        parts.push(Part { at, piece: Piece::Text(text) });
        return Ok(());
    }
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&at, "a text or a list of parts"))?;
    for (number, raw) in list.into_iter().enumerate() {
        let mut part = Fields::read(format!("{at}[{number}]"), raw)?;
        part.hint("cache_control", left_out);
        let at = part.at().to_owned();
        let piece = match part.text("type")?.as_str() {
            "text" => Piece::Text(part.text("text")?),
            "refusal" => Piece::Text(part.text("refusal")?),
            "image_url" => Piece::Media(image(&mut part, left_out)?),
            "input_audio" => Piece::Media(sound(&mut part)?),
            "file" => Piece::Media(file(&mut part)?),
            _ => return Err(uncarried(&part.place("type"))),
        };
        part.done()?;
        parts.push(Part { at, piece });
    }
    Ok(())
}

fn needed<'a>(part: &mut Fields<'a>, name: &str) -> Result<Fields<'a>, Fault> {
    let missing = wrong(&part.place(name), "an object");
    part.object(name)?.ok_or(missing)
}

fn image(part: &mut Fields, left_out: &mut Vec<String>) -> Result<Media, Fault> {
    let mut image = needed(part, "image_url")?;
    let url = image.text("url")?;
    image.hint("detail", left_out);
    image.done()?;
    Ok(match data_url(&url) {
        Some((kind, data)) => Media { kind, source: Source::Base64(data), name: None },
        None => Media { kind: "image/*".to_owned(), source: Source::Url(url), name: None },
    })
}

fn sound(part: &mut Fields) -> Result<Media, Fault> {
    let mut sound = needed(part, "input_audio")?;
    let (data, format) = (sound.text("data")?, sound.text("format")?);
    sound.done()?;
    Ok(Media { kind: format!("audio/{format}"), source: Source::Base64(data), name: None })
}

fn file(part: &mut Fields) -> Result<Media, Fault> {
    let mut file = needed(part, "file")?;
    let name = file.get::<String>("filename", "a text")?.map(|said| said.value);
    let at = file.place("file_data");
    let data = file.get::<String>("file_data", "a text")?;
    // A file by its id is somewhere else.
    file.done()?;
    let data = data.ok_or_else(|| wrong(&at, "a data URL"))?.value;
    let (kind, data) = data_url(&data).unwrap_or(("application/pdf".to_owned(), data));
    Ok(Media { kind, source: Source::Base64(data), name })
}

/// Earlier thoughts, as OpenRouter carries them.
fn thoughts(message: &mut Fields, parts: &mut Vec<Part>) -> Result<(), Fault> {
    // Without what seals them they are of no use to anyone.
    message.take("reasoning");
    message.take("reasoning_content");
    for mut detail in message.objects("reasoning_details")? {
        let at = detail.at().to_owned();
        let format = detail.get::<String>("format", "a text")?.map(|said| said.value).unwrap_or_default();
        let by = if format.starts_with("anthropic") {
            Dialect::Anthropic
        } else if format.starts_with("google") {
            Dialect::Gemini
        } else {
            Dialect::Openai
        };
        let kind = detail.text("type")?;
        let text = detail.get::<String>("text", "a text")?.map(|said| said.value).unwrap_or_default();
        let data = detail.get::<String>("data", "a text")?.or(detail.get("signature", "a text")?);
        let is_whole = kind == "reasoning.encrypted" && by == Dialect::Anthropic;
        let seal = data.map(|said| Seal { by, data: said.value, is_whole });
        parts.push(Part { at, piece: Piece::Thought(Thought { text, seal }) });
    }
    Ok(())
}

fn call(mut call: Fields) -> Result<Part, Fault> {
    let at = call.at().to_owned();
    call.take("index");
    if call.take("type").is_some_and(|kind| kind.get() != "\"function\"") {
        return Err(uncarried(&call.place("type")));
    }
    let id = call.text("id")?;
    let mut function = needed(&mut call, "function")?;
    let (name, arguments) = (function.text("name")?, function.text("arguments")?);
    function.done()?;
    call.done()?;
    Ok(Part { at, piece: Piece::Call(Call { id, name, arguments }) })
}

fn tool(mut tool: Fields) -> Result<Tool, Fault> {
    if tool.text("type")? != "function" {
        return Err(uncarried(&tool.place("type")));
    }
    let mut function = needed(&mut tool, "function")?;
    let name = function.text("name")?;
    let description = function.get("description", "a text")?.map(|said: Said<String>| said.value);
    let schema = function.take("parameters").map(RawValue::to_owned);
    let is_strict = function.get("strict", "true or false")?.is_some_and(|said: Said<bool>| said.value);
    function.done()?;
    tool.take("cache_control");
    tool.done()?;
    Ok(Tool { name, description, schema, is_strict })
}

fn tool_choice(top: &mut Fields) -> Result<Option<Said<ToolChoice>>, Fault> {
    let Some(raw) = top.take("tool_choice") else { return Ok(None) };
    let at = top.place("tool_choice");
    let value = match raw.get() {
        "\"auto\"" => ToolChoice::Auto,
        "\"none\"" => ToolChoice::None,
        "\"required\"" => ToolChoice::Required(Vec::new()),
        _ => {
            let mut choice = Fields::read(at.clone(), raw)?;
            if choice.text("type")? != "function" {
                return Err(uncarried(&choice.place("type")));
            }
            let mut function = needed(&mut choice, "function")?;
            let name = function.text("name")?;
            function.done()?;
            choice.done()?;
            ToolChoice::Required(vec![name])
        }
    };
    Ok(Some(Said { at, value }))
}

fn stop(top: &mut Fields) -> Result<Option<Said<Vec<String>>>, Fault> {
    let Some(raw) = top.take("stop") else { return Ok(None) };
    let at = top.place("stop");
    let one = serde_json::from_str::<String>(raw.get()).map(|one| vec![one]);
    let value =
        one.or_else(|_| serde_json::from_str(raw.get())).map_err(|_| wrong(&at, "a text or a list of texts"))?;
    Ok(Some(Said { at, value }))
}

fn format(top: &mut Fields) -> Result<Option<Said<Format>>, Fault> {
    let at = top.place("response_format");
    let Some(mut format) = top.object("response_format")? else { return Ok(None) };
    let value = match format.text("type")?.as_str() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let mut given = needed(&mut format, "json_schema")?;
            let name = given.get("name", "a text")?.map(|said: Said<String>| said.value);
            let description = given.get("description", "a text")?.map(|said: Said<String>| said.value);
            let is_strict = given.get("strict", "true or false")?.is_some_and(|said: Said<bool>| said.value);
            let missing = wrong(&given.place("schema"), "a JSON schema");
            let schema = given.take("schema").ok_or(missing)?.to_owned();
            given.done()?;
            Some(Format::Schema { name, description, schema, is_strict })
        }
        _ => return Err(uncarried(&format.place("type"))),
    };
    format.done()?;
    Ok(value.map(|value| Said { at, value }))
}

fn thinking(top: &mut Fields) -> Result<Option<Said<Thinking>>, Fault> {
    let Some(effort) = top.get::<String>("reasoning_effort", "a text")? else { return Ok(None) };
    let much = match effort.value.as_str() {
        "none" => Much::Off,
        "minimal" => Much::Effort(Effort::Minimal),
        "low" => Much::Effort(Effort::Low),
        "medium" => Much::Effort(Effort::Medium),
        "high" => Much::Effort(Effort::High),
        "xhigh" => Much::Effort(Effort::Highest),
        _ => return Err(wrong(&effort.at, "none, minimal, low, medium, high or xhigh")),
    };
    Ok(Some(effort.map(|_| Thinking { much, shown: None })))
}
