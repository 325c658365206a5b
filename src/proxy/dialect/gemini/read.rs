//! A `generateContent` request as a caller writes it.

use crate::proxy::dialect::fields::{Fault, Fields, uncarried, wrong};
use crate::proxy::dialect::gemini::schema::json_schema;
use crate::proxy::dialect::gemini::seal;
use crate::proxy::dialect::neutral::{
    Call, Effort, Format, Media, Much, Outcome, Part, Piece, Request, Said, Source, Speaker, Thinking, Thought, Tool,
    ToolChoice, Turn, joined,
};
use serde_json::value::RawValue;
use std::collections::{HashMap, HashSet, VecDeque};

/// Whether an answer is streamed is in the path, not in the body.
///
/// # Errors
/// Names what is malformed, or has no counterpart elsewhere.
pub fn request(body: &RawValue, stream: bool) -> Result<Request, Fault> {
    let mut top = Fields::read_proto(String::new(), body)?;
    let mut request = Request { stream, ..Request::default() };
    top.take("model");
    if let Some(mut system) = top.object("systemInstruction")? {
        system.take("role");
        for mut part in system.objects("parts")? {
            request.system.push(part.text("text")?);
            part.done()?;
        }
        system.done()?;
    }
    let mut calls = Calls::default();
    for mut content in top.objects("contents")? {
        let at = content.place("role");
        let role = content.get("role", "a text")?.map(|said: Said<String>| said.value);
        let by = match role.as_deref() {
            None | Some("user" | "function") => Speaker::User,
            Some("model") => Speaker::Model,
            Some(_) => return Err(uncarried(&at)),
        };
        let mut parts = Vec::new();
        for part in content.objects("parts")? {
            self::part(part, &mut parts, &mut calls)?;
        }
        content.done()?;
        request.turns.push(Turn { by, parts: joined(parts) });
    }
    let mut is_strict = false;
    tool_choice(&mut top, &mut request, &mut is_strict)?;
    for mut tool in top.objects("tools")? {
        for function in tool.objects("functionDeclarations")? {
            request.tools.push(self::tool(function, is_strict)?);
        }
        tool.done()?;
    }
    if let Some(config) = top.object("generationConfig")? {
        self::config(config, &mut request)?;
    }
    top.only("safetySettings", &["[]"])?;
    top.done()?;
    Ok(request)
}

/// Calls without ids are numbered, and what came of them is told apart by the tool's name.
#[derive(Default)]
struct Calls {
    count: usize,
    ids: HashSet<String>,
    /// Calls that nothing has come of yet, by the tool's name.
    open: HashMap<String, VecDeque<String>>,
}

impl Calls {
    fn called(&mut self, name: &str, id: Option<String>) -> String {
        self.count += 1;
        let id = id.unwrap_or_else(|| format!("call_{}", self.count));
        self.ids.insert(id.clone());
        self.open.entry(name.to_owned()).or_default().push_back(id.clone());
        id
    }

    fn answered(&mut self, name: &str, id: Option<String>) -> Option<String> {
        match id {
            Some(id) => Some(id).filter(|id| self.ids.contains(id)),
            None => self.open.get_mut(name)?.pop_front(),
        }
    }
}

fn part(mut part: Fields, parts: &mut Vec<Part>, calls: &mut Calls) -> Result<(), Fault> {
    let at = part.at().to_owned();
    let signed = part.get::<String>("thoughtSignature", "a text")?.map(|said| seal(&said.value));
    let is_thought = part.get("thought", "true or false")?.is_some_and(|said: Said<bool>| said.value);
    let mut push = |piece| parts.push(Part { at: at.clone(), piece });
    if let Some(text) = part.get::<String>("text", "a text")? {
        push(match is_thought {
            true => Piece::Thought(Thought { text: text.value, seal: signed }),
            false => Piece::Text(text.value),
        });
    } else if let Some(mut inline) = part.object("inlineData")? {
        let name = inline.get("displayName", "a text")?.map(|said: Said<String>| said.value);
        let media = Media { kind: inline.text("mimeType")?, source: Source::Base64(inline.text("data")?), name };
        inline.done()?;
        push(Piece::Media(media));
    } else if let Some(mut file) = part.object("fileData")? {
        let place = file.place("fileUri");
        let (kind, url) = (file.get("mimeType", "a text")?, file.text("fileUri")?);
        let kind = kind.map_or_else(|| "image/*".to_owned(), |said: Said<String>| said.value);
        file.done()?;
        // A file that Google keeps is for Google's models alone.
        if !url.starts_with("https://") || url.contains("googleapis.com") {
            return Err(uncarried(&place));
        }
        push(Piece::Media(Media { kind, source: Source::Url(url), name: None }));
    } else if let Some(mut call) = part.object("functionCall")? {
        if signed.is_some() {
            push(Piece::Thought(Thought { text: String::new(), seal: signed }));
        }
        let id = call.get("id", "a text")?.map(|said: Said<String>| said.value);
        let name = call.text("name")?;
        let arguments = call.take("args").map_or("{}", RawValue::get).to_owned();
        call.done()?;
        let id = calls.called(&name, id);
        push(Piece::Call(Call { id, name, arguments }));
    } else if let Some(mut answer) = part.object("functionResponse")? {
        let id = answer.get("id", "a text")?.map(|said: Said<String>| said.value);
        let name = answer.text("name")?;
        let missing = wrong(&answer.place("response"), "an object");
        let response = answer.take("response").ok_or(missing)?;
        answer.done()?;
        let id = calls.answered(&name, id).ok_or_else(|| {
            let message = format!("{at:?} answers a call of {name:?}, but none is open before it.");
            Fault { field: at.clone(), message }
        })?;
        let (said, is_error) = outcome(response);
        let said = vec![Part { at: at.clone(), piece: Piece::Text(said) }];
        push(Piece::Outcome(Outcome { id, name: Some(name), said, is_error }));
    }
    // A part of nothing is none; any other kind is still here to be refused.
    part.done()
}

/// What a tool's response says: its `output` or `error` where it has nothing else, as Google's own libraries write it.
fn outcome(response: &RawValue) -> (String, bool) {
    let fields = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(response.get()).unwrap_or_default();
    let only = if fields.len() == 1 { fields.iter().next() } else { None };
    match only {
        Some((name, serde_json::Value::String(text))) if name == "output" || name == "result" => (text.clone(), false),
        Some((name, serde_json::Value::String(text))) if name == "error" => (text.clone(), true),
        _ => (response.get().to_owned(), false),
    }
}

fn tool(mut tool: Fields, is_strict: bool) -> Result<Tool, Fault> {
    let name = tool.text("name")?;
    let description = tool.get("description", "a text")?.map(|said: Said<String>| said.value);
    let plain = tool.take("parametersJsonSchema").map(RawValue::to_owned);
    let schema = plain.or(tool.take("parameters").map(json_schema));
    tool.done()?;
    Ok(Tool { name, description, schema, is_strict })
}

fn tool_choice(top: &mut Fields, request: &mut Request, is_strict: &mut bool) -> Result<(), Fault> {
    let Some(mut config) = top.object("toolConfig")? else { return Ok(()) };
    if let Some(mut calling) = config.object("functionCallingConfig")? {
        let at = calling.at().to_owned();
        let names: Option<Said<Vec<String>>> = calling.get("allowedFunctionNames", "a list of texts")?;
        let mode = calling.get("mode", "a text")?.map(|said: Said<String>| said.value);
        let value = match mode.as_deref() {
            None | Some("AUTO" | "MODE_UNSPECIFIED") => ToolChoice::Auto,
            Some("VALIDATED") => {
                *is_strict = true;
                ToolChoice::Auto
            }
            Some("NONE") => ToolChoice::None,
            Some("ANY") => ToolChoice::Required(names.as_ref().map(|said| said.value.clone()).unwrap_or_default()),
            Some(_) => return Err(uncarried(&calling.place("mode"))),
        };
        if let Some(names) = names.filter(|_| !matches!(value, ToolChoice::Required(_))) {
            return Err(names.uncarried());
        }
        calling.done()?;
        request.tool_choice = Some(Said { at, value });
    }
    config.done()
}

fn config(mut config: Fields, request: &mut Request) -> Result<(), Fault> {
    request.most_tokens = config.get("maxOutputTokens", "a whole number")?.map(|said: Said<u64>| said.value);
    request.answers = config.get("candidateCount", "a whole number")?;
    request.stop = config.get("stopSequences", "a list of texts")?;
    for (name, place) in [
        ("temperature", &mut request.temperature),
        ("topP", &mut request.top_p),
        ("topK", &mut request.top_k),
        ("seed", &mut request.seed),
        ("presencePenalty", &mut request.presence_penalty),
        ("frequencyPenalty", &mut request.frequency_penalty),
    ] {
        *place = config.get(name, "a number")?;
    }
    let at = config.place("responseMimeType");
    let kind = config.get("responseMimeType", "a text")?.map(|said: Said<String>| said.value);
    let plain = config.take("responseJsonSchema").map(RawValue::to_owned);
    let schema = plain.or(config.take("responseSchema").map(json_schema));
    let value = match (kind.as_deref(), schema) {
        (None | Some("text/plain"), None) => None,
        (Some("application/json"), None) => Some(Format::Json),
        (Some("application/json"), Some(schema)) => {
            Some(Format::Schema { name: None, description: None, schema, is_strict: false })
        }
        _ => return Err(uncarried(&at)),
    };
    request.format = value.map(|value| Said { at, value });
    if let Some(thinking) = config.object("thinkingConfig")? {
        request.thinking = self::thinking(thinking)?;
    }
    config.only("responseModalities", &["[\"TEXT\"]", "[]"])?;
    config.only("responseLogprobs", &["false"])?;
    config.done()
}

fn thinking(mut config: Fields) -> Result<Option<Said<Thinking>>, Fault> {
    let at = config.at().to_owned();
    let shown = config.get("includeThoughts", "true or false")?.map(|said: Said<bool>| said.value);
    let budget = config.get::<i64>("thinkingBudget", "a whole number")?.map(|said| said.value);
    let level = config.get::<String>("thinkingLevel", "a text")?;
    config.done()?;
    let much = match (level, budget) {
        (Some(level), _) => Much::Effort(match level.value.to_ascii_uppercase().as_str() {
            "MINIMAL" => Effort::Minimal,
            "LOW" => Effort::Low,
            "MEDIUM" => Effort::Medium,
            "HIGH" => Effort::High,
            _ => return Err(wrong(&level.at, "minimal, low, medium or high")),
        }),
        (None, Some(0)) => Much::Off,
        (None, Some(budget)) => u64::try_from(budget).map_or(Much::Open, Much::Budget),
        (None, None) if shown == Some(true) => Much::Open,
        (None, None) => return Ok(None),
    };
    Ok(Some(Said { at, value: Thinking { much, shown } }))
}
