//! Refusals as the caller's dialect writes them.

use crate::domain::id::CallId;
use crate::domain::limit::Scope;
use crate::domain::refusal::{Closed, Code, Refusal, Retry};
use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A refusal on its way out, with the id under which the log has it, if it has one.
#[derive(Debug)]
pub(super) struct ProxyError {
    pub refusal: Refusal,
    pub id: Option<CallId>,
}

impl From<Refusal> for ProxyError {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, id: None }
    }
}

/// OpenAI's error object; what a limit has to say stands under `tollgate`.
pub(super) fn openai(refusal: &Refusal) -> Value {
    let mut error = json!({
        "message": refusal.message,
        "type": refusal.code.kind(),
        "code": refusal.code.as_str(),
        "param": refusal.param,
    });
    if let Some(detail) = &refusal.detail {
        error["tollgate"] = json!(detail);
        if let Some(rule) = &detail.rule {
            error["tollgate"]["rule"] = json!(rule.name);
        }
    }
    if let Some(closed) = &refusal.closed {
        let Closed { rule, timezone, opens_at } = closed.as_ref();
        error["tollgate"] = json!({
            "scope": Scope::Key,
            "limit": "hours",
            "rule": rule.name,
            "timezone": timezone,
            "opens_at": opens_at,
        });
    }
    json!({ "error": error })
}

impl IntoResponse for ProxyError {
    fn into_response(self) -> Response {
        let Self { refusal, id } = self;
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(openai(&refusal))).into_response();
        let headers = response.headers_mut();
        match refusal.retry {
            Retry::Unsaid => {}
            Retry::Never => {
                headers.insert("x-should-retry", HeaderValue::from_static("false"));
            }
            Retry::After(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                // One second is how a call blocked by calls in flight is told to come back at once.
                if seconds == 1 {
                    headers.insert("x-should-retry", HeaderValue::from_static("true"));
                }
            }
        }
        if let Some(id) = id.and_then(|id| HeaderValue::try_from(id.0).ok()) {
            headers.insert("x-request-id", id);
        }
        response
    }
}

pub(super) async fn no_such_route(method: Method, uri: Uri) -> Response {
    let message = format!("There is no {method} {} here. See README for the routes there are.", uri.path());
    not_served(StatusCode::NOT_FOUND, message)
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Response {
    not_served(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not answer to {method}.", uri.path()))
}

fn not_served(status: StatusCode, message: String) -> Response {
    let error = json!({ "error": { "message": message, "type": "invalid_request_error", "code": "unknown_url", "param": null } });
    (status, Json(error)).into_response()
}

/// An upstream could not serve the call.
pub(super) fn upstream_failed(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::UpstreamFailed, message)
}
