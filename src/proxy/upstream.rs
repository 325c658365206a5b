//! The way to an upstream: which providers are tried, in which order, and what their answers mean.

use super::builtin;
use super::dialect::Dialect;
use super::error::upstream_failed;
use super::lane::Lane;
use super::tokens::Input;
use crate::domain::call::Attempt;
use crate::domain::price::Content;
use crate::domain::refusal::{Code, Refusal};
use crate::gateway::Gateway;
use crate::gateway::admit::{Ceiling, Output};
use crate::gateway::dial::{Connecting, DialError};
use crate::gateway::hold::Hold;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use std::time::Duration;
use tokio::time::Instant;

/// How long an upstream may take to begin its answer. An answer that is not streamed begins when it is complete.
const FIRST_BYTE: Duration = Duration::from_secs(600);

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type UpstreamBody = UnsyncBoxBody<Bytes, BoxError>;

/// No upstream served the call.
pub(super) struct Failure {
    pub refusal: Refusal,
    /// Something was sent, and nobody can say what it cost.
    pub cost_unknown: bool,
}

/// Who answers, and how.
pub(super) struct Reply<'a> {
    pub response: Response<UpstreamBody>,
    pub lane: &'a Lane,
}

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
    Ceiling { content: content(lanes), ..Ceiling::tokens(input.most, output) }
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

/// Tries the lanes in turn until one answers with something that is the caller's to have. Another is tried only where
/// this one answered that it failed, or was certainly never reached. `caller` is what the caller's headers were.
pub(super) async fn send<'a>(
    gateway: &Gateway,
    lanes: &'a [Lane],
    caller: &HeaderMap,
    hold: &mut Hold,
    delay: Duration,
) -> Result<Reply<'a>, Failure> {
    let mut last = Refusal::new(Code::NoRouteAvailable, "No provider serves this model now.");
    for (number, lane) in lanes.iter().enumerate() {
        // What has flowed to one provider is not there for another.
        if number > 0 && lane.ask.is_spent() {
            break;
        }
        let provider = &lane.way.upstream.provider.name;
        hold.dispatched(provider);
        let begun = Instant::now();
        let sent = tokio::time::timeout(FIRST_BYTE, one(gateway, lane, caller, hold, delay)).await;
        let mut attempt = Attempt {
            provider: provider.clone(),
            upstream_model: lane.way.upstream_model.clone(),
            status: None,
            error: None,
            ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let mut gave_up = |hold: &mut Hold, error: String| {
            attempt.error = Some(error);
            hold.attempted(attempt.clone());
        };
        match sent {
            Ok(Ok(response)) => {
                let status = response.status();
                attempt.status = Some(status.as_u16());
                if is_theirs(status) || (status == StatusCode::TOO_MANY_REQUESTS && number + 1 == lanes.len()) {
                    hold.attempted(attempt);
                    return Ok(Reply { response, lane });
                }
                attempt.error = Some(format!("answered {status}"));
                hold.attempted(attempt);
                last = upstream_failed(format!("Provider {provider:?} answered {status}. Nothing was charged."));
            }
            Ok(Err(DialError::Unconnected(reason))) => {
                hold.proven_unsent();
                gave_up(hold, reason);
                last = upstream_failed(format!("Provider {provider:?} could not be reached. Nothing was charged."));
            }
            Ok(Err(DialError::Broken(reason))) => {
                gave_up(hold, reason);
                // A form without its end was not served by anyone.
                if let Some(refusal) = lane.ask.fault() {
                    return Err(Failure { refusal, cost_unknown: false });
                }
                let message = format!("Provider {provider:?} broke off before it answered. The call may have cost it.");
                return Err(Failure { refusal: upstream_failed(message), cost_unknown: true });
            }
            Err(_) => {
                gave_up(hold, "no answer in time".to_owned());
                let message = format!("Provider {provider:?} did not answer within {} seconds.", FIRST_BYTE.as_secs());
                return Err(Failure { refusal: Refusal::new(Code::UpstreamTimeout, message), cost_unknown: true });
            }
        }
    }
    Err(Failure { refusal: last, cost_unknown: false })
}

/// Whether an answer is for the caller: success, or a fault in the request itself. A refused credential is ours to
/// mend, and must not read as if the caller's key were wrong.
fn is_theirs(status: StatusCode) -> bool {
    let ours =
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_success() || (status.is_client_error() && !ours.contains(&status))
}

async fn one(
    gateway: &Gateway,
    lane: &Lane,
    caller: &HeaderMap,
    hold: &mut Hold,
    delay: Duration,
) -> Result<Response<UpstreamBody>, DialError> {
    let (way, ask) = (&lane.way, &lane.ask);
    let provider = &way.upstream.provider;
    if lane.is_builtin() {
        return Ok(builtin::respond(hold.arrival(), &way.upstream_model, ask, delay).await);
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
    let own: Vec<(&str, &HeaderValue)> = own.filter_map(|(_, name)| Some((*name, caller.get(*name)?))).collect();
    for (name, value) in provider.kind.headers(way.upstream.credentials.first().map(String::as_str)) {
        if own.iter().all(|(passed, _)| *passed != name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in own {
        request = request.header(name, value);
    }
    let mut request = request.body(body).map_err(|error| DialError::Unconnected(error.to_string()))?;
    hold.connects(Connecting::of(&mut request));
    let response = gateway.dial(request).await?;
    Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}
