//! One try at an upstream: what it is sent, and what its answer means.

use super::builtin;
use super::dialect::Dialect;
use super::lane::Lane;
use super::patience::Waits;
use super::tokens::Input;
use super::tries::Trip;
use crate::domain::health::retry_after;
use crate::domain::model::Model;
use crate::domain::price::Content;
use crate::domain::time::Time;
use crate::gateway::admit::{Ceiling, Output};
use crate::gateway::dial::{Connecting, DialError};
use crate::gateway::health::Pass;
use crate::gateway::hold::Hold;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type UpstreamBody = UnsyncBoxBody<Bytes, BoxError>;

/// Headers of the caller's that go on to a provider which speaks as it does: which version of the dialect it speaks, and
/// which parts that are still being tried out.
const PASSED_ON: [(Dialect, &str); 4] = [
    (Dialect::Anthropic, "anthropic-version"),
    (Dialect::Anthropic, "anthropic-beta"),
    (Dialect::Openai, "openai-beta"),
    (Dialect::Responses, "openai-beta"),
];

/// The most this call may use beside its input: the built-in provider declares its own bound.
pub(super) fn ceiling(lanes: &[Lane], output: Output, input: Input) -> Ceiling {
    let output = match lanes {
        [only] if only.is_builtin() => builtin::ceiling(&only.way.upstream_model, &only.ask).output,
        _ => output,
    };
    let mut stand_ins: Vec<Arc<Model>> = Vec::new();
    for way in lanes.iter().map(|lane| &lane.way).filter(|way| way.stands_in) {
        if !stand_ins.iter().any(|known| known.name == way.model.name) {
            stand_ins.push(Arc::clone(&way.model));
        }
    }
    Ceiling { content: content(lanes), stand_ins, ..Ceiling::tokens(input.most, output) }
}

/// What the input may hold that is priced apart. Anthropic's API and Gemini's charge for keeping a prompt in a cache only
/// where they are asked to; what stands behind an OpenAI-compatible one is not known.
fn content(lanes: &[Lane]) -> Content {
    // A name may be written with escapes, such as `\u0063`; those of letters beyond ASCII are no part of it.
    let is_escaped = |text: &str| {
        let digit = |at: usize| text.as_bytes().get(at + 4).copied();
        text.match_indices("\\u00").any(|(at, _)| digit(at).is_some_and(|digit| (b'2'..=b'7').contains(&digit)))
    };
    let asks = |text: &str| text.contains("cache_control") || is_escaped(text);
    let may_write = |lane: &Lane| match lane.ask.dialect {
        Dialect::Openai | Dialect::Responses => !lane.is_builtin(),
        Dialect::Anthropic | Dialect::Gemini => std::str::from_utf8(lane.ask.body()).map_or(true, asks),
    };
    Content {
        has_media: lanes.iter().any(|lane| lane.ask.has_parts || lane.ask.service.is_some()),
        writes_cache: lanes.iter().any(may_write),
    }
}

/// Whether a relayed answer's words are its tokens.
pub(super) fn is_exact(lanes: &[Lane]) -> bool {
    lanes.iter().all(Lane::is_builtin)
}

/// No answer came.
#[derive(Debug)]
pub(super) enum Miss {
    /// Certainly nobody was reached.
    Unconnected(String),
    /// Something may have been sent.
    Broken(String),
    /// Nothing came in this time.
    Late(Duration),
}

impl Miss {
    fn unconnected_in(time: Duration) -> Self {
        Miss::Unconnected(format!("no connection within {} s", time.as_secs_f64()))
    }

    /// For the log.
    pub(super) fn reason(&self) -> String {
        match self {
            Miss::Unconnected(reason) | Miss::Broken(reason) => reason.clone(),
            Miss::Late(waited) => format!("no answer within {} s", waited.as_secs_f64()),
        }
    }
}

impl From<DialError> for Miss {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Unconnected(reason) => Miss::Unconnected(reason),
            DialError::Broken(reason) => Miss::Broken(reason),
        }
    }
}

/// What an answer means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// It is for the caller: success, or a fault in the request itself.
    Theirs,
    /// This provider has no such model or path; another may have.
    Unknown,
    /// The credential is at its limit, for so long.
    Limited(Option<Duration>),
    /// The credential is refused, or has run out of money: ours to mend, and must not read as if the caller's key were
    /// wrong.
    Refused { everywhere: bool },
    /// The provider has failed. A redirect, or a method that it does not have, is a failure that no retry mends.
    Failed { may_retry: bool },
}

/// What this answer means.
pub(super) fn judge<B>(response: &Response<B>, now: Time) -> Verdict {
    match response.status() {
        status if status.is_success() => Verdict::Theirs,
        StatusCode::NOT_FOUND => Verdict::Unknown,
        StatusCode::TOO_MANY_REQUESTS => Verdict::Limited(wait(response.headers(), now)),
        StatusCode::UNAUTHORIZED => Verdict::Refused { everywhere: true },
        StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => Verdict::Refused { everywhere: false },
        StatusCode::REQUEST_TIMEOUT => Verdict::Failed { may_retry: true },
        status if status.is_client_error() => Verdict::Theirs,
        StatusCode::NOT_IMPLEMENTED => Verdict::Failed { may_retry: false },
        status => Verdict::Failed { may_retry: status.is_server_error() },
    }
}

/// How long the provider asks to be left alone: `retry-after-ms`, which OpenAI and Azure send, is the more exact.
fn wait(headers: &HeaderMap, now: Time) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let exact = text("retry-after-ms").and_then(|ms| ms.trim().parse().ok()).map(Duration::from_millis);
    exact.or_else(|| retry_after(text("retry-after")?, now))
}

/// Sends the call down a lane, and waits for its answer to begin.
pub(super) async fn ask(
    trip: &Trip<'_>,
    lane: &Lane,
    pass: &Pass,
    waits: &Waits,
    hold: &mut Hold,
) -> Result<Response<UpstreamBody>, Miss> {
    let patience = waits.first_byte.min(waits.total.unwrap_or(waits.first_byte));
    match tokio::time::timeout(patience, one(trip, lane, pass, waits, hold)).await {
        Ok(sent) => sent,
        Err(_) if hold.is_unconnected() => Err(Miss::unconnected_in(patience)),
        Err(_) => Err(Miss::Late(patience)),
    }
}

async fn one(
    trip: &Trip<'_>,
    lane: &Lane,
    pass: &Pass,
    waits: &Waits,
    hold: &mut Hold,
) -> Result<Response<UpstreamBody>, Miss> {
    let (way, ask) = (&lane.way, &lane.ask);
    let provider = &way.upstream.provider;
    if lane.is_builtin() {
        return Ok(builtin::respond(hold.arrival(), &way.upstream_model, ask, trip.delay).await);
    }
    let must_bind = hold.inject || ask.must_bind || ask.lacks_bound();
    let bound = must_bind.then(|| (lane.bound_field(), hold.bound.output / ask.choices));
    let (content_type, body) = ask.outgoing(&way.upstream_model, bound, provider.usage_option);
    let mut request = Request::post(provider.kind.url(&provider.base_url, ask.errand(&way.upstream_model)))
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT, ask.accepts())
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")));
    let own = PASSED_ON.iter().filter(|(dialect, _)| *dialect == lane.speaks() && lane.is_the_callers_own);
    let own: Vec<(&str, &HeaderValue)> = own.filter_map(|(_, name)| Some((*name, trip.caller.get(*name)?))).collect();
    let credential = pass.credential.and_then(|place| way.upstream.credentials.get(place));
    for (name, value) in provider.kind.headers(credential.map(String::as_str)) {
        if own.iter().all(|(passed, _)| *passed != name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in own {
        request = request.header(name, value);
    }
    let mut request = request.body(body).map_err(|error| Miss::Unconnected(error.to_string()))?;
    let connecting = Connecting::of(&mut request);
    hold.connects(connecting.clone());
    let mut dialled = pin!(trip.gateway.dial(request));
    let response = match tokio::time::timeout(waits.connect, &mut dialled).await {
        Ok(dialled) => dialled?,
        // Without a connection nothing of it can have been sent.
        Err(_) if !connecting.is_over() => return Err(Miss::unconnected_in(waits.connect)),
        Err(_) => dialled.await?,
    };
    Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}
