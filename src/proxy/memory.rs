//! Calls answered from memory: where a key asks for it, an identical call is answered as the first one was, costs nothing
//! and asks no provider. Only answers that came to their proper end are kept.

use super::call::Ask;
use super::exchange::Answer;
use super::relay::Visit;
use super::{Door, rates};
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::domain::refusal::Refusal;
use crate::domain::usage::{Usage, UsageSource};
use crate::gateway::Gateway;
use crate::gateway::admit::{Ceiling, Output};
use crate::gateway::authenticate::Holder;
use crate::gateway::cache::{Kept, LARGEST_ANSWER, Question};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Says whether an answer came from memory, where its key keeps any.
const CACHE: HeaderName = HeaderName::from_static("x-tollgate-cache");

/// Of an answer's head, what is the answer's own and not its call's.
const KEPT: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_DISPOSITION,
    HeaderName::from_static("x-tollgate-left-out"),
];

/// Headers of the caller's that may change what it is answered.
const ASKED_WITH: [&str; 3] = ["anthropic-version", "anthropic-beta", "openai-beta"];

/// The memory of one key, as one call meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    question: Question,
    ttl: Duration,
    recalls: bool,
}

impl Memory {
    /// `None` where the key keeps no answers, the same call is another one the next time, or the caller wants none kept; so
    /// too for a form, whose file is not held in memory. `Cache-Control: no-cache` asks anew and keeps what comes, `no-store`
    /// does neither (RFC 9111, 5.2.1).
    pub(super) fn of(visit: &Visit, holder: &Holder, ask: &Ask) -> Option<Self> {
        let ttl = Duration::from_secs(holder.key.cache_ttl_seconds?);
        if ask.goes_on() || ask.form.is_some() {
            return None;
        }
        let wishes = visit.headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        let wishes: Vec<String> =
            wishes.flat_map(|value| value.split(',')).map(|wish| wish.trim().to_ascii_lowercase()).collect();
        let wants = |wish: &str| wishes.iter().any(|said| said == wish);
        if wants("no-store") {
            return None;
        }
        let framing = format!("{:?} {}", visit.framing(), ask.stream);
        let mut parts: Vec<&[u8]> = vec![ask.dialect.as_str().as_bytes(), visit.endpoint().as_bytes()];
        parts.extend([ask.model.as_bytes(), framing.as_bytes(), ask.body()]);
        parts.extend(ASKED_WITH.map(|name| visit.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default()));
        Some(Self { question: Question::of(&holder.key.id, &parts), ttl, recalls: !wants("no-cache") })
    }

    /// The answer that is kept for this very call, if there is one.
    pub(super) fn recall(&self, gateway: &Gateway) -> Option<Arc<Kept>> {
        gateway.recall(&self.question, self.ttl).filter(|_| self.recalls)
    }

    /// Says that the answer comes from a provider.
    pub(super) fn missed(headers: &mut HeaderMap) {
        headers.insert(CACHE, HeaderValue::from_static("miss"));
    }

    /// Keeps an answer that is not streamed.
    pub(super) fn keep(&self, gateway: &Gateway, head: &HeaderMap, body: Bytes) {
        gateway.keep(self.question, own(head), body);
    }
}

/// Answers a call as an identical one was answered. It counts as a request, and holds and costs nothing else.
///
/// # Errors
/// 402 or 429 where a limit has no room for a request; 503 where the books cannot be written.
pub(super) async fn recalled(
    door: &Door,
    visit: &Visit,
    holder: &Holder,
    model: &Model,
    kept: &Kept,
) -> Result<Answer, Refusal> {
    let gateway = &door.gateway;
    let arrival = visit.arrival().ok_or_else(Refusal::books_unavailable)?;
    let is_stream = arrival.stream;
    let dialect = visit.dialect();
    let free = Model { price: Some(Price::Free), ..model.clone() };
    let nothing = Ceiling::tokens(0, Output::Declared(0));
    let mut hold = gateway.admit(holder, &free, arrival, nothing).await?; // 402, 429, 503
    hold.recalled();
    hold.first_byte();
    let mut answer = Response::new(Body::from(kept.body.clone()));
    *answer.headers_mut() = kept.headers.clone();
    answer.headers_mut().extend(rates::headers(&hold.rates, dialect, gateway.clock().now()));
    answer.headers_mut().insert(CACHE, HeaderValue::from_static("hit"));
    let cost = hold.cost(&Usage::default());
    if let (false, Ok(cost)) = (is_stream, HeaderValue::try_from(cost.exact())) {
        answer.headers_mut().insert("x-tollgate-cost", cost);
    }
    hold.settle(200, Usage::default(), UsageSource::Cache, None).await;
    Ok(answer)
}

/// A stream as its caller is sent it, until it is over.
pub(super) struct Recording {
    memory: Memory,
    head: HeaderMap,
    pieces: Vec<Bytes>,
    size: usize,
    is_spoilt: bool,
}

impl Recording {
    pub(super) fn new(memory: Memory, head: &HeaderMap) -> Self {
        Self { memory, head: own(head), pieces: Vec::new(), size: 0, is_spoilt: false }
    }

    pub(super) fn note(&mut self, piece: &Bytes) {
        self.size += piece.len();
        self.is_spoilt |= self.size > LARGEST_ANSWER || tells_of_an_error(piece);
        match self.is_spoilt {
            true => self.pieces.clear(),
            false => self.pieces.push(piece.clone()),
        }
    }

    /// It came to its proper end.
    pub(super) fn keep(self, gateway: &Gateway) {
        if !self.is_spoilt {
            gateway.keep(self.memory.question, self.head, self.pieces.concat().into());
        }
    }
}

/// In what a model writes quotes are escaped, so this is a field, and the provider tells of an error in mid-stream; unless
/// it says that there is none, as responses do.
fn tells_of_an_error(piece: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"error\"";
    let mut found = piece.windows(FIELD.len()).enumerate().filter(|(_, part)| *part == FIELD);
    let none = |rest: &[u8]| {
        rest.trim_ascii_start().strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"null"))
    };
    found.any(|(at, _)| !none(&piece[at + FIELD.len()..]))
}

fn own(head: &HeaderMap) -> HeaderMap {
    KEPT.iter().filter_map(|name| Some((name.clone(), head.get(name)?.clone()))).collect()
}
