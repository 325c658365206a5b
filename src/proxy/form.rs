//! A form with files. Its fields are read; its files flow from the client to the upstream as they arrive, and large ones are
//! never held in memory.
//!
//! A call is admitted before it is sent, so what bounds it must be known by then. Python's client writes its fields before
//! its files, and the files flow. `curl` and Node's client write them in the order in which their callers do, which is often
//! the file first: such a form goes to a temporary file before it is judged, no larger than a body may be.

mod reading;
mod scanner;
mod source;

use super::call::broken_off;
use crate::domain::refusal::{Code, Refusal};
use crate::gateway::dial::Outgoing;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
pub(super) use reading::FileSeen;
use reading::Reading;
use source::Source;
use std::ops::Range;
use std::sync::Arc;

/// A form no larger than this, in bytes, stays in memory.
const SMALL: usize = 256 << 10;

/// A form, as far as it has been read.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub content_type: HeaderValue,
    pub fields: Vec<(String, String)>,
    pub files: Vec<FileSeen>,
    /// Whether all of it has been read.
    pub is_whole: bool,
    /// In bytes, all of it.
    pub length: u64,
    /// Where its model is named.
    model_at: Option<Range<u64>>,
    source: Arc<Source>,
}

/// A body on its way in, no larger than it may be.
#[derive(Debug)]
struct Arriving {
    body: Body,
    /// So many bytes may still come.
    left: u64,
    most: u64,
}

impl Form {
    /// Reads a form up to the beginning of its first file, where it may flow from there, has named its model by then, and
    /// has declared its length; else to its end.
    ///
    /// # Errors
    /// 400 for what is no form; 413 above `most` bytes; 503 where there is no room for a temporary file.
    pub(super) async fn open(body: Body, headers: &HeaderMap, may_flow: bool, most: u64) -> Result<Self, Refusal> {
        let content_type = headers.get(header::CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static(""));
        let boundary = scanner::boundary(content_type.to_str().unwrap_or_default()).map_err(unreadable)?;
        let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let mut reading = Reading::new(boundary);
        let mut arriving = Arriving { body, left: most, most };
        let mut raw = BytesMut::new();
        while let Some(piece) = arriving.next().await? {
            raw.extend_from_slice(&piece);
            reading.read(&piece)?;
            if let Some(length) = declared.filter(|_| may_flow && reading.can_be_judged() && !reading.is_over()) {
                return Ok(Self::flowing(content_type, raw.freeze(), reading, arriving, length));
            }
            if raw.len() > SMALL {
                let (file, length) = source::spool(raw.freeze(), &mut reading, &mut arriving).await?;
                return Self::whole(content_type, reading, Source::Spooled { file, length }, length);
            }
        }
        let length = raw.len() as u64;
        Self::whole(content_type, reading, Source::Held(raw.freeze()), length)
    }

    fn whole(content_type: HeaderValue, reading: Reading, source: Source, length: u64) -> Result<Self, Refusal> {
        if !reading.is_over() {
            return Err(unreadable("it has no end"));
        }
        let Reading { fields, files, model_at, .. } = reading;
        let source = Arc::new(source);
        Ok(Self { content_type, fields, files, is_whole: true, length, model_at, source })
    }

    fn flowing(content_type: HeaderValue, begun: Bytes, reading: Reading, arriving: Arriving, length: u64) -> Self {
        let (fields, files) = (reading.fields.clone(), reading.files.clone());
        let model_at = reading.model_at.clone();
        let source = Arc::new(Source::flowing(begun, reading, arriving));
        Self { content_type, fields, files, is_whole: false, length, model_at, source }
    }

    /// A field by its name, the last where there are several.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// The form for an upstream, which knows its model by this name; the very same bytes where that is how the caller
    /// named it.
    pub(super) fn outgoing(&self, upstream_model: &str) -> Outgoing {
        let changed = self.model_at.clone().filter(|_| self.field("model") != Some(upstream_model));
        let length = match &changed {
            Some(place) => self.length - (place.end - place.start) + upstream_model.len() as u64,
            None => self.length,
        };
        source::outgoing(&self.source, changed.map(|place| (place, upstream_model.to_owned())), length)
    }

    /// Whether its files have flowed to an upstream, and cannot flow to another.
    pub(super) fn is_spent(&self) -> bool {
        self.source.is_spent()
    }

    /// What was wrong with the rest of it, that the upstream was not sent. An unfinished form is none: nothing was done
    /// for it.
    pub(super) fn fault(&self) -> Option<Refusal> {
        self.source.fault()
    }
}

impl Arriving {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// 413 when there are more than there may be; 400 where the client stops in the middle.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let Ok(data) = frame.map_err(broken_off)?.into_data() else { continue };
            if data.len() as u64 > self.left {
                self.drain().await;
                return Err(super::call::too_large(self.most));
            }
            self.left -= data.len() as u64;
            return Ok(Some(data));
        }
    }

    /// Reads on for as much again: a client that is still sending would see a broken connection instead of the reason.
    async fn drain(&mut self) {
        let mut more = 0;
        while let Some(Ok(frame)) = self.body.frame().await {
            more += frame.data_ref().map_or(0, |data| data.len() as u64);
            if more > self.most {
                break;
            }
        }
    }
}

fn unreadable(why: &str) -> Refusal {
    Refusal::new(Code::InvalidBody, format!("The body is not a form that can be read: {why}."))
}
