//! `Idempotency-Key`: a `POST` that is sent again is answered what it was answered the first time, and does nothing.
//! One layer over all routes; no handler knows of it.

use super::prices::LARGEST;
use super::problem::{ErrorBody, NothingDone, body_too_large, error};
use crate::auth::Caller;
use crate::domain::problem::{Problem, ProblemKind};
use crate::gateway::Gateway;
use crate::gateway::repeat::Turn;
use crate::store::idempotency::Repeatable;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

/// What a caller knows a request and its repetitions by.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on answers that were given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key, in bytes.
const LONGEST: usize = 255;

/// Sees to it that a `POST` with a key is done once.
pub async fn once(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    let key = match key(request.headers()) {
        Ok(key) => key,
        Err(problem) => return problem.into_response(),
    };
    let (mut parts, body) = request.into_parts();
    // Whoever is not let in has nothing to repeat; the handler says so itself.
    let Ok(Caller(by)) = Caller::from_request_parts(&mut parts, &gateway).await else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let Ok(body) = axum::body::to_bytes(body, LARGEST).await else { return body_too_large() };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let turn = match gateway.turn(&by, path, &key, &body).await {
        Ok(turn) => turn,
        Err(problem) => return problem.into_response(),
    };
    match turn {
        Turn::First(first) => {
            let request = Request::from_parts(parts, Body::from(body));
            // A caller who hangs up does not stop what has begun: whoever asks again is told how it ended.
            let done = tokio::spawn(async move { run(gateway, first, next.run(request).await).await }).await;
            done.unwrap_or_else(|failed| {
                tracing::error!(error = %failed, "a repeatable request ended in a panic");
                failed_here()
            })
        }
        Turn::Answered { status, answer } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                (REPLAYED, HeaderValue::from_static("true")),
            ];
            (status, headers, answer).into_response()
        }
        Turn::UnderWay => {
            let mut answer =
                refused("The first request with this Idempotency-Key is still under way. Try again in a second.");
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            answer
        }
        Turn::BrokeOff => refused(
            "The first request with this Idempotency-Key broke off, and nobody can say whether it was done. Look whether \
             it was; if not, send it with another key.",
        ),
        Turn::Different => {
            let message = "This Idempotency-Key was sent with another body before. Give each request a key of its own.";
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            error(status, "invalid_request_error", "idempotency_key_reused", message.to_owned(), Vec::new())
        }
    }
}

/// The key as it was sent: 1 to 255 visible characters of ASCII, once.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut sent = headers.get_all(KEY).iter();
    let key = sent.next().and_then(|value| value.to_str().ok()).map(str::trim);
    let fits = |key: &&str| (1..=LONGEST).contains(&key.len()) && sent.next().is_none();
    let key = key.filter(fits).map(str::to_owned);
    key.ok_or_else(|| Problem::field(KEY.as_str(), "Send one Idempotency-Key of 1 to 255 ASCII characters."))
}

/// Keeps what was answered, and passes it on.
async fn run(gateway: Gateway, request: Repeatable, answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let bytes = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(error) => {
            tracing::error!(%error, "an answer broke off before it was kept");
            gateway.answered(&request, Some((500, ""))).await;
            return failed_here();
        }
    };
    if parts.extensions.get::<NothingDone>().is_some() {
        gateway.answered(&request, None).await;
    } else {
        gateway.answered(&request, Some((parts.status.as_u16(), &without_secret(&bytes)))).await;
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// An answer as it may be kept: a key's secret is shown once and stored nowhere.
fn without_secret(answer: &Bytes) -> String {
    match serde_json::from_slice(answer) {
        Ok(Value::Object(mut object)) if object.contains_key("secret") => {
            object.remove("secret");
            Value::Object(object).to_string()
        }
        _ => String::from_utf8_lossy(answer).into_owned(),
    }
}

fn failed_here() -> Response {
    Problem::new(ProblemKind::Internal, "The request failed here; the log says why.").into_response()
}

fn refused(message: &str) -> Response {
    error(StatusCode::CONFLICT, "invalid_request_error", "idempotency_conflict", message.to_owned(), Vec::new())
}

/// Adds the header, and what may come of it, to the description of a `POST`.
pub fn describe(operation: &mut Operation) {
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "For 24 hours, the same request with the same key is answered the same and done once; a secret is left out \
             of the repetition.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST)).build()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    let reused = ResponseBuilder::new()
        .description("This `Idempotency-Key` was sent with another body (`idempotency_key_reused`).")
        .content("application/json", body)
        .build();
    operation.responses.responses.insert("422".to_owned(), reused.into());
}
