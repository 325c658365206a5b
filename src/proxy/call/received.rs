//! A request's body as it is taken in: JSON, whole; or a form, up to its files.

use super::splice::{invalid, raw, unreadable};
use super::texts;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::domain::service::Service;
use crate::proxy::form::Form;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug)]
pub(in crate::proxy) enum Received {
    Json(Bytes),
    Form(Form),
}

impl Received {
    /// # Errors
    /// 400 for a body that breaks off, or is no form where it must be one; 413 above `most` bytes.
    pub(in crate::proxy) async fn of(
        body: Body,
        headers: &HeaderMap,
        service: Option<Service>,
        most: usize,
    ) -> Result<Self, Refusal> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Images may be edited by their addresses alone, in JSON.
        let is_json = service == Some(Service::ImageEdits)
            && content_type.trim_start().to_ascii_lowercase().starts_with("application/json");
        match service.filter(|service| service.takes_files() && !is_json) {
            Some(service) => {
                // How many pictures, how large and how good, which is what they cost, may be said at the very end.
                let may_flow = service != Service::ImageEdits;
                Ok(Self::Form(Form::open(body, headers, may_flow, most as u64).await?))
            }
            None => Ok(Self::Json(whole(body, most).await?)),
        }
    }

    /// The model that it names, before the rest of it is judged.
    ///
    /// # Errors
    /// 400 where it names none.
    pub(in crate::proxy) fn model(&self, service: Option<Service>) -> Result<String, Refusal> {
        match self {
            Self::Json(body) => model(body, service),
            Self::Form(form) => match form.field("model") {
                Some(model) => Ok(model.to_owned()),
                None => Err(invalid("model", "The form names no model. Give one in \"model\".")),
            },
        }
    }
}

/// The body, whole.
///
/// # Errors
/// 413 above `most` bytes, after reading the rest up to as much again: a client that is still sending would see a
/// broken connection instead of the reason. 400 where the client stops in mid-body.
async fn whole(body: Body, most: usize) -> Result<Bytes, Refusal> {
    let mut body = body;
    let mut gathered = bytes::BytesMut::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(broken_off)?.into_data() else { continue };
        size = size.saturating_add(data.len());
        if size <= most {
            gathered.extend_from_slice(&data);
        } else {
            gathered.clear();
            if size > most.saturating_mul(2) {
                break;
            }
        }
    }
    if size > most { Err(too_large(most as u64)) } else { Ok(gathered.freeze()) }
}

pub(in crate::proxy) fn broken_off(error: axum::Error) -> Refusal {
    Refusal::new(Code::InvalidBody, format!("The body broke off: {error}."))
}

pub(in crate::proxy) fn too_large(most: u64) -> Refusal {
    let message = format!("The body is larger than this gateway takes: {most} bytes.");
    Refusal { retry: Retry::Never, ..Refusal::new(Code::BodyTooLarge, message) }
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    model: Option<&'a RawValue>,
}

/// The model that a body names, before the rest of it is judged.
pub(in crate::proxy) fn model(body: &Bytes, service: Option<Service>) -> Result<String, Refusal> {
    is_object(body)?;
    let fields: Named = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let named = match fields.model {
        Some(named) => named,
        None if service == Some(Service::Moderations) => return Ok(texts::MODERATOR.to_owned()),
        None => return Err(invalid("model", "The request names no model. Give one in \"model\".")),
    };
    let name: String =
        serde_json::from_str(named.get()).map_err(|_| invalid("model", "\"model\" must be a string."))?;
    is_name(&name)?;
    Ok(name)
}

/// A list would be read as the fields in their order; only an object says what its values are. What is not UTF-8 in a
/// field that is not read here would pass, and who knows what the next reader makes of it.
pub(super) fn is_object(body: &Bytes) -> Result<(), Refusal> {
    if std::str::from_utf8(body).is_err() {
        return Err(Refusal::new(Code::InvalidBody, "The body must be UTF-8."));
    }
    match body.trim_ascii_start().first() {
        Some(&b'{') => Ok(()),
        _ => Err(Refusal::new(Code::InvalidBody, "The body must be a JSON object.")),
    }
}

/// # Errors
/// 400 where no model can have this name.
pub(in crate::proxy) fn is_name(name: &str) -> Result<(), Refusal> {
    match name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        true => Err(invalid("model", "\"model\" must be the name of a model, 1 to 200 characters.")),
        false => Ok(()),
    }
}
