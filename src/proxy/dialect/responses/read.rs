//! A request as a caller of the Responses API writes it.

use super::items;
use crate::proxy::dialect::fields::{Fault, Fields, uncarried, wrong};
use crate::proxy::dialect::neutral::{Effort, Format, Much, Request, Said, Thinking, Tool, ToolChoice, name_outcomes};
use serde_json::value::RawValue;

/// Fields that say how to bill, cache or route, and change no answer.
const HINTS: [&str; 6] = [
    "client_metadata",
    "max_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
];
/// Fields that may be there as long as they say what is the case anyway.
const HARMLESS: [(&str, &[&str]); 4] = [
    ("background", &["false"]),
    ("service_tier", &["\"auto\"", "\"default\""]),
    ("top_logprobs", &["0"]),
    ("truncation", &["\"disabled\""]),
];
/// What may be asked to be part of an answer without being missed: it belongs to tools that run at OpenAI, of which
/// there are none in a call that is carried over. What seals a thought is always there.
const INCLUDED: [&str; 7] = [
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
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
        options.only("include_obfuscation", &["false", "true"])?;
        options.done()?;
    }
    let instructions: Option<Said<String>> = top.get("instructions", "a text")?;
    request.system.extend(instructions.map(|said| said.value));
    items::input(&mut top, &mut request)?;
    name_outcomes(&mut request.turns);
    for tool in top.objects("tools")? {
        request.tools.push(self::tool(tool)?);
    }
    tool_choice(&mut top, &mut request)?;
    request.parallel_calls = top.get("parallel_tool_calls", "true or false")?;
    request.most_tokens = top.get("max_output_tokens", "a whole number")?.map(|said: Said<u64>| said.value);
    request.temperature = top.get("temperature", "a number")?;
    request.top_p = top.get("top_p", "a number")?;
    if let Some(mut text) = top.object("text")? {
        request.format = format(&mut text)?;
        text.only("verbosity", &["\"medium\""])?;
        text.done()?;
    }
    request.thinking = thinking(&mut top)?;
    included(&mut top)?;
    request.end_user = top.get("user", "a text")?;
    // The caller's own, which its answer says again.
    top.take("metadata");
    // It changes no answer; but nobody keeps this one, unless it is told so.
    let store: Option<Said<bool>> = top.get("store", "true or false")?;
    request.left_out.extend(store.filter(|said| said.value).map(|said| said.at));
    for name in HINTS {
        top.hint(name, &mut request.left_out);
    }
    for (name, harmless) in HARMLESS {
        top.only(name, harmless)?;
    }
    top.done()?;
    Ok(request)
}

fn tool(mut tool: Fields) -> Result<Tool, Fault> {
    // Any other kind runs at OpenAI, or is described in a way of OpenAI's own.
    if tool.text("type")? != "function" {
        return Err(uncarried(&tool.place("type")));
    }
    let name = tool.text("name")?;
    let description = tool.get("description", "a text")?.map(|said: Said<String>| said.value);
    let schema = tool.take("parameters").map(RawValue::to_owned);
    let is_strict = tool.get("strict", "true or false")?.is_some_and(|said: Said<bool>| said.value);
    tool.only("allowed_callers", &["[\"direct\"]"])?;
    tool.only("async", &["false"])?;
    tool.only("defer_loading", &["false"])?;
    tool.done()?;
    Ok(Tool { name, description, schema, is_strict })
}

fn tool_choice(top: &mut Fields, request: &mut Request) -> Result<(), Fault> {
    let Some(raw) = top.take("tool_choice") else { return Ok(()) };
    let at = top.place("tool_choice");
    let value = match raw.get() {
        "\"auto\"" => ToolChoice::Auto,
        "\"none\"" => ToolChoice::None,
        "\"required\"" => ToolChoice::Required(Vec::new()),
        _ => {
            let mut choice = Fields::read(at.clone(), raw)?;
            let value = match choice.text("type")?.as_str() {
                "function" => ToolChoice::Required(vec![choice.text("name")?]),
                "allowed_tools" => allowed(&mut choice, request)?,
                _ => return Err(uncarried(&choice.place("type"))),
            };
            choice.done()?;
            value
        }
    };
    request.tool_choice = Some(Said { at, value });
    Ok(())
}

/// Some of the tools alone: to a model that is not told of the others it is the same.
fn allowed(choice: &mut Fields, request: &mut Request) -> Result<ToolChoice, Fault> {
    let value = match choice.text("mode")?.as_str() {
        "auto" => ToolChoice::Auto,
        "required" => ToolChoice::Required(Vec::new()),
        _ => return Err(wrong(&choice.place("mode"), "auto or required")),
    };
    let mut names = Vec::new();
    for mut tool in choice.objects("tools")? {
        if tool.text("type")? != "function" {
            return Err(uncarried(&tool.place("type")));
        }
        let at = tool.place("name");
        let name = tool.text("name")?;
        if request.tools.iter().all(|tool| tool.name != name) {
            return Err(wrong(&at, "one of \"tools\""));
        }
        names.push(name);
        tool.done()?;
    }
    request.tools.retain(|tool| names.contains(&tool.name));
    Ok(value)
}

fn format(text: &mut Fields) -> Result<Option<Said<Format>>, Fault> {
    let at = text.place("format");
    let Some(mut format) = text.object("format")? else { return Ok(None) };
    let value = match format.text("type")?.as_str() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let name = format.get("name", "a text")?.map(|said: Said<String>| said.value);
            let description = format.get("description", "a text")?.map(|said: Said<String>| said.value);
            let is_strict = format.get("strict", "true or false")?.is_some_and(|said: Said<bool>| said.value);
            let missing = wrong(&format.place("schema"), "a JSON schema");
            let schema = format.take("schema").ok_or(missing)?.to_owned();
            Some(Format::Schema { name, description, schema, is_strict })
        }
        _ => return Err(uncarried(&format.place("type"))),
    };
    format.done()?;
    Ok(value.map(|value| Said { at, value }))
}

fn thinking(top: &mut Fields) -> Result<Option<Said<Thinking>>, Fault> {
    let Some(mut reasoning) = top.object("reasoning")? else { return Ok(None) };
    let at = reasoning.at().to_owned();
    let effort: Option<Said<String>> = reasoning.get("effort", "a text")?;
    let summary: Option<Said<String>> = reasoning.get("summary", "a text")?;
    // Its name before.
    let summary = summary.or(reasoning.get("generate_summary", "a text")?);
    reasoning.only("context", &["\"auto\"", "\"current_turn\""])?;
    reasoning.only("mode", &["\"standard\""])?;
    reasoning.done()?;
    let shown = summary.map(|said| said.value != "none").filter(|shown| *shown);
    let much = match effort {
        None if shown.is_none() => return Ok(None),
        None => Much::Open,
        Some(effort) => match effort.value.as_str() {
            "none" => Much::Off,
            "minimal" => Much::Effort(Effort::Minimal),
            "low" => Much::Effort(Effort::Low),
            "medium" => Much::Effort(Effort::Medium),
            "high" => Much::Effort(Effort::High),
            "xhigh" | "max" => Much::Effort(Effort::Highest),
            _ => return Err(wrong(&effort.at, "none, minimal, low, medium, high, xhigh or max")),
        },
    };
    Ok(Some(Said { at, value: Thinking { much, shown } }))
}

fn included(top: &mut Fields) -> Result<(), Fault> {
    let Some(said) = top.get::<Vec<String>>("include", "a list of texts")? else { return Ok(()) };
    match said.value.iter().position(|name| !INCLUDED.contains(&name.as_str())) {
        Some(number) => Err(uncarried(&format!("{}[{number}]", said.at))),
        None => Ok(()),
    }
}
