//! The input of a request: a text, or items. What the model said, thought and called, one item after the other, is one
//! turn; so is what came of its calls.

use super::seal;
use crate::proxy::dialect::fields::{Fault, Fields, uncarried, wrong};
use crate::proxy::dialect::neutral::{
    Call, Media, Outcome, Part, Piece, Request, Said, Source, Speaker, Thought, Turn, data_url,
};
use serde_json::value::RawValue;

/// # Errors
/// Names what is malformed, or has no counterpart elsewhere.
pub fn input(top: &mut Fields, request: &mut Request) -> Result<(), Fault> {
    let at = top.place("input");
    let Some(raw) = top.take("input") else { return Ok(()) };
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        let parts = vec![Part { at, piece: Piece::Text(text) }];
        request.turns.push(Turn { by: Speaker::User, parts });
        return Ok(());
    }
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&at, "a text or a list of items"))?;
    for (number, raw) in list.into_iter().enumerate() {
        item(Fields::read(format!("{at}[{number}]"), raw)?, request)?;
    }
    Ok(())
}

fn item(mut item: Fields, request: &mut Request) -> Result<(), Fault> {
    let at = item.at().to_owned();
    let kind = item.get("type", "a text")?.map(|said: Said<String>| said.value);
    let piece = match kind.as_deref().unwrap_or("message") {
        "message" => return message(item, request),
        "function_call" => {
            let (id, name, arguments) = (item.text("call_id")?, item.text("name")?, item.text("arguments")?);
            item.only("async", &["false"])?;
            item.only("caller", &["{\"type\":\"direct\"}"])?;
            Piece::Call(Call { id, name, arguments })
        }
        "function_call_output" => {
            let id = item.text("call_id")?;
            item.take("name");
            item.only("caller", &["{\"type\":\"direct\"}"])?;
            let mut said = Vec::new();
            content(&mut item, "output", &mut said, &mut request.left_out)?;
            Piece::Outcome(Outcome { id, name: None, said, is_error: false })
        }
        "reasoning" => Piece::Thought(thought(&mut item)?),
        "item_reference" => {
            let place = item.place("id");
            let message = format!(
                "{place:?} refers to an item that is not kept here: the provider of this model keeps none. Send the item \
                 itself, as clients do where \"store\" is false."
            );
            return Err(Fault { field: place, message });
        }
        // Custom tools, and calls of tools that run at OpenAI.
        _ => return Err(uncarried(&item.place("type"))),
    };
    // By what name it is kept, and whether it is whole, says nothing to anyone else.
    item.take("id");
    item.take("status");
    item.done()?;
    let is_outcome = matches!(piece, Piece::Outcome(_));
    let by = if is_outcome { Speaker::User } else { Speaker::Model };
    let part = Part { at, piece };
    let goes_on = |turn: &&mut Turn| {
        let after_outcome = turn.parts.last().is_some_and(|last| matches!(last.piece, Piece::Outcome(_)));
        turn.by == by && (!is_outcome || after_outcome)
    };
    match request.turns.last_mut().filter(goes_on) {
        Some(turn) => turn.parts.push(part),
        None => request.turns.push(Turn { by, parts: vec![part] }),
    }
    Ok(())
}

fn message(mut message: Fields, request: &mut Request) -> Result<(), Fault> {
    let role = message.text("role")?;
    let mut parts = Vec::new();
    content(&mut message, "content", &mut parts, &mut request.left_out)?;
    for name in ["id", "status", "phase"] {
        message.take(name);
    }
    match role.as_str() {
        "system" | "developer" => {
            for part in parts {
                match part.piece {
                    Piece::Text(text) => request.system.push(text),
                    _ => return Err(uncarried(&part.at)),
                }
            }
        }
        "user" => request.turns.push(Turn { by: Speaker::User, parts }),
        "assistant" => match request.turns.last_mut().filter(|turn| turn.by == Speaker::Model) {
            Some(turn) => turn.parts.extend(parts),
            None => request.turns.push(Turn { by: Speaker::Model, parts }),
        },
        _ => return Err(uncarried(&message.place("role"))),
    }
    message.done()
}

/// A text, or a list of parts.
fn content(item: &mut Fields, name: &str, parts: &mut Vec<Part>, left_out: &mut Vec<String>) -> Result<(), Fault> {
    let at = item.place(name);
    let raw = item.take(name).ok_or_else(|| wrong(&at, "a text or a list of parts"))?;
    if let Ok(text) = serde_json::from_str::<String>(raw.get()) {
        parts.push(Part { at, piece: Piece::Text(text) });
        return Ok(());
    }
    let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&at, "a text or a list of parts"))?;
    for (number, raw) in list.into_iter().enumerate() {
        let mut part = Fields::read(format!("{at}[{number}]"), raw)?;
        part.hint("prompt_cache_breakpoint", left_out);
        let at = part.at().to_owned();
        let piece = match part.text("type")?.as_str() {
            "input_text" | "text" => Piece::Text(part.text("text")?),
            "output_text" => {
                // The model's own, about what it has said.
                part.take("annotations");
                part.take("logprobs");
                Piece::Text(part.text("text")?)
            }
            "refusal" => Piece::Text(part.text("refusal")?),
            "input_image" => Piece::Media(image(&mut part, left_out)?),
            "input_file" => Piece::Media(file(&mut part, left_out)?),
            "input_audio" => Piece::Media(sound(&mut part)?),
            _ => return Err(uncarried(&part.place("type"))),
        };
        // An image or a file by its id is somewhere else: it is still here to be refused.
        part.done()?;
        parts.push(Part { at, piece });
    }
    Ok(())
}

fn image(part: &mut Fields, left_out: &mut Vec<String>) -> Result<Media, Fault> {
    part.hint("detail", left_out);
    let place = part.place("file_id");
    let Some(url) = part.get::<String>("image_url", "a text")? else {
        return Err(if part.take("file_id").is_some() { uncarried(&place) } else { missing(part, "image_url") });
    };
    Ok(match data_url(&url.value) {
        Some((kind, data)) => Media { kind, source: Source::Base64(data), name: None },
        None => Media { kind: "image/*".to_owned(), source: Source::Url(url.value), name: None },
    })
}

fn file(part: &mut Fields, left_out: &mut Vec<String>) -> Result<Media, Fault> {
    part.hint("detail", left_out);
    let name = part.get("filename", "a text")?.map(|said: Said<String>| said.value);
    let data: Option<Said<String>> = part.get("file_data", "a text")?;
    let url: Option<Said<String>> = part.get("file_url", "a text")?;
    let pdf = || "application/pdf".to_owned();
    match (data, url) {
        (Some(data), None) => {
            let (kind, data) = data_url(&data.value).unwrap_or((pdf(), data.value));
            Ok(Media { kind, source: Source::Base64(data), name })
        }
        (None, Some(url)) => Ok(Media { kind: pdf(), source: Source::Url(url.value), name }),
        (Some(_), Some(url)) => Err(url.uncarried()),
        (None, None) if part.take("file_id").is_some() => Err(uncarried(&part.place("file_id"))),
        (None, None) => Err(missing(part, "file_data")),
    }
}

fn sound(part: &mut Fields) -> Result<Media, Fault> {
    let absent = missing(part, "input_audio");
    let mut sound = part.object("input_audio")?.ok_or(absent)?;
    let (data, format) = (sound.text("data")?, sound.text("format")?);
    sound.done()?;
    Ok(Media { kind: format!("audio/{format}"), source: Source::Base64(data), name: None })
}

fn missing(part: &Fields, name: &str) -> Fault {
    wrong(&part.place(name), "there")
}

/// What was thought: its summary, or the thought itself, and what seals it.
fn thought(item: &mut Fields) -> Result<Thought, Fault> {
    let mut texts = [String::new(), String::new()];
    for (name, text) in ["summary", "content"].iter().zip(&mut texts) {
        for mut part in item.objects(name)? {
            part.take("type");
            text.push_str(&part.text("text")?);
            part.done()?;
        }
    }
    let [summary, content] = texts;
    let sealed = item.get::<String>("encrypted_content", "a text")?.filter(|said| !said.value.is_empty());
    let seal = sealed.map(|said| seal(&said.value));
    Ok(Thought { text: if summary.is_empty() { content } else { summary }, seal })
}
