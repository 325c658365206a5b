//! The way to an upstream: which providers are tried, in which order, and what their answers mean.

use super::builtin;
use super::call::Chat;
use super::error::upstream_failed;
use super::tokens::{Input, is_builtin};
use crate::domain::call::Attempt;
use crate::domain::provider::ProviderKind;
use crate::domain::refusal::{Code, Refusal};
use crate::gateway::Gateway;
use crate::gateway::admit::Ceiling;
use crate::gateway::catalog::Way;
use crate::gateway::dial::{Connecting, DialError, outgoing};
use crate::gateway::hold::Hold;
use axum::http::{Request, Response, StatusCode, header};
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

/// The most this call may use beside its input: the built-in provider declares its own bound.
pub(super) fn ceiling(ways: &[Way], chat: &Chat, input: Input) -> Ceiling {
    let output = match ways {
        [only] if is_builtin(only) => builtin::ceiling(&only.upstream_model, chat).output,
        _ => chat.output,
    };
    Ceiling { input: input.most, output }
}

/// Whether a relayed answer's words are its tokens.
pub(super) fn is_exact(ways: &[Way]) -> bool {
    ways.iter().all(is_builtin)
}

/// Tries the ways in turn until one answers with something that is the caller's to have. Another way is tried only
/// where this one answered that it failed, or was certainly never reached.
pub(super) async fn send(
    gateway: &Gateway,
    ways: &[Way],
    chat: &Chat,
    hold: &mut Hold,
    delay: Duration,
) -> Result<Response<UpstreamBody>, Failure> {
    let mut last = Refusal::new(Code::NoRouteAvailable, "No provider serves this model now.");
    for (number, way) in ways.iter().enumerate() {
        let provider = &way.upstream.provider.name;
        hold.dispatched(provider);
        let begun = Instant::now();
        let sent = tokio::time::timeout(FIRST_BYTE, one(gateway, way, chat, hold, delay)).await;
        let mut attempt = Attempt {
            provider: provider.clone(),
            upstream_model: way.upstream_model.clone(),
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
                if is_theirs(status) || (status == StatusCode::TOO_MANY_REQUESTS && number + 1 == ways.len()) {
                    hold.attempted(attempt);
                    return Ok(response);
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

/// The field by which a provider is told the most that it may answer: the one that bounds the answer whatever the
/// model, and that providers of this kind are sure to read.
fn bound_field(base_url: &str) -> &'static str {
    let is_openai = ["api.openai.com", ".openai.azure.com"].iter().any(|host| base_url.contains(host));
    if is_openai { "max_completion_tokens" } else { "max_tokens" }
}

async fn one(
    gateway: &Gateway,
    way: &Way,
    chat: &Chat,
    hold: &mut Hold,
    delay: Duration,
) -> Result<Response<UpstreamBody>, DialError> {
    let provider = &way.upstream.provider;
    if provider.kind == ProviderKind::Builtin {
        return Ok(builtin::respond(hold.arrival(), &way.upstream_model, chat, delay).await);
    }
    let bound =
        (hold.inject || chat.must_bind).then(|| (bound_field(&provider.base_url), hold.bound.output / chat.choices));
    let body = chat.forwarded(&way.upstream_model, bound, provider.usage_option);
    let mut request = Request::post(format!("{}/chat/completions", provider.base_url))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, if chat.stream { "text/event-stream" } else { "application/json" })
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::USER_AGENT, concat!("tollgate/", env!("CARGO_PKG_VERSION")));
    if let Some(credential) = way.upstream.credentials.first() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {credential}"));
    }
    let mut request = request.body(outgoing(body)).map_err(|error| DialError::Unconnected(error.to_string()))?;
    hold.connects(Connecting::of(&mut request));
    let response = gateway.dial(request).await?;
    Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}
