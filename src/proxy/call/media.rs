//! Services of pictures and sounds, in JSON or as a form, each as far as the gate reads it.

use super::splice::{count, flag, invalid, place, raw, unreadable};
use super::{Ask, Places};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::service::Service;
use crate::proxy::form::Form;
use crate::proxy::sound;
use crate::proxy::tokens::Input;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// OpenAI's API makes no more pictures than this in one call.
const MOST_PICTURES: u64 = 10;
/// No more previews of each come with a stream.
const MOST_PREVIEWS: u64 = 3;

/// What a call asks for beside tokens.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct Media {
    /// Pictures to be made, each in so many previews as well.
    pub pictures: u64,
    pub previews: u64,
    /// As the caller writes them; empty where it does not.
    pub size: String,
    pub quality: String,
    /// Pictures to be looked at.
    pub looked_at: u64,
    /// Characters to be read out.
    pub characters: u64,
    /// Sound to be heard, in milliseconds: the most that it may last, and what it is likely to.
    pub most_heard_ms: u64,
    pub likely_heard_ms: u64,
    /// A reranker's units of search, at most.
    pub searches: u64,
}

impl Media {
    /// Of which kind its pictures are to be, as prices name it: `high/1024x1024`, or what of that the caller says.
    pub(in crate::proxy) fn variant(&self) -> String {
        let said = [self.quality.as_str(), self.size.as_str()];
        said.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("/")
    }
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    model: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    n: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    partial_images: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    size: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    quality: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    images: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    input: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "raw")]
    stream_format: Option<&'a RawValue>,
}

/// # Errors
/// 400 for each field that is not what OpenAI's API says it is.
pub(super) fn read(service: Service, body: Bytes, model: String) -> Result<Ask, Refusal> {
    let fields: Fields = serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    let places = Places::Named(fields.model.map(|raw| place(&body, raw)));
    if service == Service::Speech {
        let text = fields.input.ok_or_else(|| invalid("input", "The request has no \"input\" to be read out."))?;
        let text: String = serde_json::from_str(text.get())
            .map_err(|_| invalid("input", "\"input\" must be the text that is to be read out."))?;
        let media = Media { characters: text.chars().count() as u64, ..Media::default() };
        let stream = fields.stream_format.is_some_and(|format| format.get() == "\"sse\"");
        let input = Some(of_text(body.len() as u64));
        return Ok(Ask { stream, media, input, ..Ask::plain(service, model, body, places) });
    }
    let media = Media {
        pictures: pictures(count("n", fields.n)?)?,
        previews: previews(count("partial_images", fields.partial_images)?)?,
        size: word("size", fields.size)?,
        quality: word("quality", fields.quality)?,
        looked_at: match fields.images {
            Some(images) => serde_json::from_str::<Vec<&RawValue>>(images.get()).map_or(1, |list| list.len() as u64),
            None => 0,
        },
        ..Media::default()
    };
    let stream = flag("stream", fields.stream)?;
    let input = Input { is_bounded: media.looked_at == 0, ..of_text(body.len() as u64) };
    let contexts = media.pictures;
    Ok(Ask { stream, media, input: Some(input), contexts, ..Ask::plain(service, model, body, places) })
}

/// # Errors
/// The same.
pub(super) fn read_form(service: Option<Service>, form: Form, model: String) -> Result<Ask, Refusal> {
    let Some(service) = service.filter(|service| service.takes_files()) else {
        return Err(Refusal::new(Code::InvalidBody, "The body must be a JSON object."));
    };
    let stream = match form.field("stream") {
        None | Some("" | "false" | "False" | "0") => false,
        Some("true" | "True" | "1") => true,
        Some(_) => return Err(invalid("stream", "\"stream\" must be true or false.")),
    };
    let text: u64 = form.fields.iter().map(|(_, value)| value.len() as u64).sum();
    let text = of_text(text);
    let (media, input) = match service {
        Service::ImageEdits => {
            let number = |field: &str| match form.field(field).map(str::parse::<u64>) {
                None => Ok(None),
                Some(Ok(number)) => Ok(Some(number)),
                Some(Err(_)) => Err(invalid(field, &format!("{field:?} must be a whole number."))),
            };
            let said = |field: &str| form.field(field).unwrap_or_default().to_owned();
            let media = Media {
                pictures: pictures(number("n")?)?,
                previews: previews(number("partial_images")?)?,
                size: said("size"),
                quality: said("quality"),
                looked_at: form.files.len() as u64,
                ..Media::default()
            };
            (media, Input { is_bounded: false, ..text })
        }
        _ => {
            let (most_heard_ms, likely_heard_ms) = sound::durations(&form);
            (Media { most_heard_ms, likely_heard_ms, ..Media::default() }, text)
        }
    };
    let ask = Ask::plain(service, model, Bytes::new(), Places::Form);
    let contexts = media.pictures.max(1);
    Ok(Ask { stream, media, input: Some(input), contexts, form: Some(form), ..ask })
}

fn of_text(bytes: u64) -> Input {
    Input { most: bytes, likely: bytes.div_ceil(4), is_bounded: true }
}

fn pictures(said: Option<u64>) -> Result<u64, Refusal> {
    let pictures = said.unwrap_or(1);
    match (1..=MOST_PICTURES).contains(&pictures) {
        true => Ok(pictures),
        false => Err(invalid("n", "\"n\" must be between 1 and 10.")),
    }
}

fn previews(said: Option<u64>) -> Result<u64, Refusal> {
    match said.unwrap_or(0) {
        previews if previews <= MOST_PREVIEWS => Ok(previews),
        _ => Err(invalid("partial_images", "\"partial_images\" must be between 0 and 3.")),
    }
}

/// A field that says something in one word, such as `1024x1024`.
fn word(field: &str, given: Option<&RawValue>) -> Result<String, Refusal> {
    match given.filter(|given| given.get() != "null") {
        None => Ok(String::new()),
        Some(given) => {
            serde_json::from_str(given.get()).map_err(|_| invalid(field, &format!("{field:?} must be a string.")))
        }
    }
}
