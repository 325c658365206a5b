//! A message request as a caller of Anthropic's API writes it.

use crate::proxy::dialect::Dialect;
use crate::proxy::dialect::anthropic::FROM_GEMINI;
use crate::proxy::dialect::fields::{Fault, Fields, uncarried, wrong};
use crate::proxy::dialect::neutral::{
    Call, Effort, Format, Media, Much, Outcome, Part, Piece, Request, Said, Seal, Source, Speaker, Thinking, Thought,
    Tool, ToolChoice, Turn, name_outcomes,
};
use serde_json::value::RawValue;

/// # Errors
/// Names what is malformed, or has no counterpart elsewhere.
pub fn request(body: &RawValue) -> Result<Request, Fault> {
    let mut top = Fields::read(String::new(), body)?;
    let mut request = Request::default();
    let mut left_out = Vec::new();
    top.take("model");
    request.stream = top.get("stream", "true or false")?.is_some_and(|said: Said<bool>| said.value);
    request.most_tokens = top.get::<u64>("max_tokens", "a whole number")?.map(|said| said.value);
    for part in blocks(&mut top, "system", &mut left_out)? {
        match part.piece {
            Piece::Text(text) => request.system.push(text),
            _ => return Err(uncarried(&part.at)),
        }
    }
    for mut message in top.objects("messages")? {
        let role = message.text("role")?;
        let parts = blocks(&mut message, "content", &mut left_out)?;
        let at = message.place("role");
        message.done()?;
        let by = match role.as_str() {
            "user" => Speaker::User,
            "assistant" => Speaker::Model,
            _ => return Err(uncarried(&at)),
        };
        request.turns.push(Turn { by, parts });
    }
    name_outcomes(&mut request.turns);
    for tool in top.objects("tools")? {
        request.tools.push(self::tool(tool, &mut left_out)?);
    }
    tool_choice(&mut top, &mut request)?;
    request.stop = top.get("stop_sequences", "a list of texts")?;
    for (name, place) in
        [("temperature", &mut request.temperature), ("top_p", &mut request.top_p), ("top_k", &mut request.top_k)]
    {
        *place = top.get(name, "a number")?;
    }
    thinking(&mut top, &mut request)?;
    if let Some(mut metadata) = top.object("metadata")? {
        request.end_user = metadata.get("user_id", "a text")?;
        metadata.done()?;
    }
    top.hint("cache_control", &mut left_out);
    top.only("service_tier", &["\"auto\"", "\"standard_only\""])?;
    top.done()?;
    request.left_out = left_out;
    Ok(request)
}

/// A text, or a list of blocks.
fn blocks(fields: &mut Fields, name: &str, left_out: &mut Vec<String>) -> Result<Vec<Part>, Fault> {
    let at = fields.place(name);
    let Some(raw) = fields.take(name) else { return Ok(Vec::new()) };
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        return Ok(vec![Part { at, piece: Piece::Text(text) }]);
    }
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&at, "a text or a list of blocks"))?;
    let each = |(number, raw): (usize, &RawValue)| block(Fields::read(format!("{at}[{number}]"), raw)?, left_out);
    list.into_iter().enumerate().map(each).collect()
}

fn block(mut block: Fields, left_out: &mut Vec<String>) -> Result<Part, Fault> {
    let at = block.at().to_owned();
    block.hint("cache_control", left_out);
    let piece = match block.text("type")?.as_str() {
        "text" => Piece::Text(block.text("text")?),
        "image" => Piece::Media(media(&mut block, "image/*")?),
        "document" => {
            let name = block.get::<String>("title", "a text")?.map(|said| said.value);
            block.only("citations", &["{\"enabled\":false}"])?;
            Piece::Media(Media { name, ..media(&mut block, "application/pdf")? })
        }
        "tool_use" => {
            let (id, name) = (block.text("id")?, block.text("name")?);
            let missing = wrong(&block.place("input"), "an object");
            let arguments = block.take("input").ok_or(missing)?.get().to_owned();
            // How the model came to call it, as its own answers say.
            block.take("caller");
            Piece::Call(Call { id, name, arguments })
        }
        "tool_result" => {
            let id = block.text("tool_use_id")?;
            let said = blocks(&mut block, "content", left_out)?;
            let is_error = block.get("is_error", "true or false")?.is_some_and(|said: Said<bool>| said.value);
            Piece::Outcome(Outcome { id, name: None, said, is_error })
        }
        "thinking" => {
            let text = block.text("thinking")?;
            let signature = block.get::<String>("signature", "a text")?.map(|said| said.value).unwrap_or_default();
            let seal = match signature.strip_prefix(FROM_GEMINI) {
                _ if signature.is_empty() => None,
                Some(data) => Some(Seal::new(Dialect::Gemini, data)),
                None => Some(Seal::new(Dialect::Anthropic, signature)),
            };
            Piece::Thought(Thought { text, seal })
        }
        "redacted_thinking" => {
            let seal = Seal { by: Dialect::Anthropic, data: block.text("data")?, is_whole: true };
            Piece::Thought(Thought { text: String::new(), seal: Some(seal) })
        }
        _ => return Err(uncarried(&block.place("type"))),
    };
    block.only("citations", &["[]"])?;
    block.done()?;
    Ok(Part { at, piece })
}

fn media(block: &mut Fields, referred: &str) -> Result<Media, Fault> {
    let missing = wrong(&block.place("source"), "an object");
    let mut source = block.object("source")?.ok_or(missing)?;
    let (kind, found) = match source.text("type")?.as_str() {
        "base64" => (source.text("media_type")?, Source::Base64(source.text("data")?)),
        "url" => (referred.to_owned(), Source::Url(source.text("url")?)),
        // A file by its id is somewhere else.
        _ => return Err(uncarried(&source.place("type"))),
    };
    source.done()?;
    Ok(Media { kind, source: found, name: None })
}

fn tool(mut tool: Fields, left_out: &mut Vec<String>) -> Result<Tool, Fault> {
    tool.hint("cache_control", left_out);
    // Tools that run at the provider have a type of their own.
    tool.only("type", &["\"custom\""])?;
    let name = tool.text("name")?;
    let description = tool.get("description", "a text")?.map(|said: Said<String>| said.value);
    let schema = tool.take("input_schema").map(RawValue::to_owned);
    let is_strict = tool.get("strict", "true or false")?.is_some_and(|said: Said<bool>| said.value);
    tool.hint("eager_input_streaming", left_out);
    tool.done()?;
    Ok(Tool { name, description, schema, is_strict })
}

fn tool_choice(top: &mut Fields, request: &mut Request) -> Result<(), Fault> {
    let at = top.place("tool_choice");
    let Some(mut choice) = top.object("tool_choice")? else { return Ok(()) };
    let value = match choice.text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" => ToolChoice::Required(Vec::new()),
        "tool" => ToolChoice::Required(vec![choice.text("name")?]),
        _ => return Err(uncarried(&choice.place("type"))),
    };
    let alone: Option<Said<bool>> = choice.get("disable_parallel_tool_use", "true or false")?;
    request.parallel_calls = alone.map(|said| said.map(|alone| !alone));
    choice.done()?;
    request.tool_choice = Some(Said { at, value });
    Ok(())
}

/// `thinking` says whether and how long, `output_config` with how much effort and in which format.
fn thinking(top: &mut Fields, request: &mut Request) -> Result<(), Fault> {
    if let Some(mut thinking) = top.object("thinking")? {
        let at = thinking.at().to_owned();
        let much = match thinking.text("type")?.as_str() {
            // What is the case unless it is asked for.
            "disabled" => None,
            "adaptive" => Some(Much::Open),
            "enabled" => {
                let missing = wrong(&thinking.place("budget_tokens"), "a whole number");
                let budget = thinking.get::<u64>("budget_tokens", "a whole number")?;
                Some(Much::Budget(budget.ok_or(missing)?.value))
            }
            _ => return Err(uncarried(&thinking.place("type"))),
        };
        let display: Option<Said<String>> = thinking.get("display", "a text")?;
        let shown = Some(display.is_none_or(|display| display.value != "omitted"));
        thinking.done()?;
        request.thinking = much.map(|much| Said { at, value: Thinking { much, shown } });
    }
    let Some(mut config) = top.object("output_config")? else { return Ok(()) };
    if let Some(effort) = config.get::<String>("effort", "a text")? {
        let much = Much::Effort(match effort.value.as_str() {
            "low" => Effort::Low,
            "medium" => Effort::Medium,
            "high" => Effort::High,
            "xhigh" | "max" => Effort::Highest,
            _ => return Err(wrong(&effort.at, "low, medium, high, xhigh or max")),
        });
        let shown = request.thinking.as_ref().and_then(|thinking| thinking.value.shown);
        request.thinking = Some(effort.map(|_| Thinking { much, shown }));
    }
    let at = config.place("format");
    if let Some(mut format) = config.object("format")? {
        if format.text("type")? != "json_schema" {
            return Err(uncarried(&format.place("type")));
        }
        let missing = wrong(&format.place("schema"), "a JSON schema");
        let schema = format.take("schema").ok_or(missing)?.to_owned();
        format.done()?;
        // Anthropic holds every answer to its schema.
        let value = Format::Schema { name: None, description: None, schema, is_strict: true };
        request.format = Some(Said { at, value });
    }
    config.done()
}
