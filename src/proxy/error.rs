//! Refusals as the caller's dialect writes them.

use super::dialect::{self, Dialect};
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
    pub dialect: Dialect,
    pub id: Option<CallId>,
}

impl From<Refusal> for ProxyError {
    fn from(refusal: Refusal) -> Self {
        Self::of(Dialect::Openai, refusal)
    }
}

impl ProxyError {
    pub(super) fn of(dialect: Dialect, refusal: Refusal) -> Self {
        Self { refusal, dialect, id: None }
    }
}

/// The dialect's error object; what a limit has to say stands under `tollgate`, in each of them.
pub(super) fn error(dialect: Dialect, refusal: &Refusal) -> Value {
    let mut body = match dialect {
        Dialect::Openai | Dialect::Responses => json!({ "error": {
            "message": refusal.message,
            "type": refusal.code.kind(),
            "code": refusal.code.as_str(),
            "param": refusal.param,
        } }),
        Dialect::Anthropic => json!({ "type": "error", "error": {
            "type": anthropic_type(refusal.code.status()),
            "message": refusal.message,
            "code": refusal.code.as_str(),
            "param": refusal.param,
        } }),
        Dialect::Gemini => gemini(refusal.code.status(), &refusal.message, Some(refusal.code)),
    };
    let error = &mut body["error"];
    if dialect == Dialect::Gemini && refusal.param.is_some() {
        error["param"] = json!(refusal.param);
    }
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
    body
}

/// An upstream's complaint about the request, in another dialect than its own.
pub(super) fn complaint(dialect: Dialect, status: StatusCode, message: &str) -> Value {
    let status = status.as_u16();
    match dialect {
        Dialect::Openai | Dialect::Responses => {
            let kind = if status == 429 { "rate_limit_error" } else { "invalid_request_error" };
            json!({ "error": { "message": message, "type": kind, "code": null, "param": null } })
        }
        Dialect::Anthropic => {
            json!({ "type": "error", "error": { "type": anthropic_type(status), "message": message } })
        }
        Dialect::Gemini => gemini(status, message, None),
    }
}

/// The last of a stream that broke off: the dialect's own error event, and its end. `said` is how many events there were
/// before it.
pub(super) fn last_words(dialect: Dialect, refusal: &Refusal, said: u64) -> String {
    let error = error(dialect, refusal);
    match dialect {
        Dialect::Openai => format!("data: {error}\n\ndata: [DONE]\n\n"),
        Dialect::Responses => dialect::error_event(said, &error["error"]),
        Dialect::Anthropic => format!("event: error\ndata: {error}\n\n"),
        Dialect::Gemini => format!("data: {error}\n\n"),
    }
}

/// Source: docs.claude.com, "Errors".
fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

/// Google's error object. Source: cloud.google.com/apis/design/errors.
fn gemini(status: u16, message: &str, code: Option<Code>) -> Value {
    let word = match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500..=599 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let mut error = json!({ "code": status, "message": message, "status": word });
    if let Some(code) = code {
        let info = "type.googleapis.com/google.rpc.ErrorInfo";
        error["details"] = json!([{ "@type": info, "reason": code.as_str(), "domain": "tollgate" }]);
    }
    json!({ "error": error })
}

impl IntoResponse for ProxyError {
    fn into_response(self) -> Response {
        let Self { refusal, dialect, id } = self;
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = error(dialect, &refusal);
        if let (Dialect::Anthropic, Some(id)) = (dialect, &id) {
            body["request_id"] = json!(id);
        }
        let mut response = (status, Json(body)).into_response();
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
    not_served(&uri, StatusCode::NOT_FOUND, message)
}

/// `/v1/responses/{id}` and what is below it.
pub(super) async fn nothing_kept(method: Method, uri: Uri) -> Response {
    let message = format!(
        "There is no {method} {} here: responses are not kept by the gateway. What a provider keeps of them, ask the \
         provider for.",
        uri.path()
    );
    not_served(&uri, StatusCode::NOT_FOUND, message)
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not answer to {method}.", uri.path());
    not_served(&uri, StatusCode::METHOD_NOT_ALLOWED, message)
}

fn not_served(uri: &Uri, status: StatusCode, message: String) -> Response {
    let body = match uri.path() {
        path if path.starts_with("/v1beta/") => gemini(status.as_u16(), &message, None),
        path if path.starts_with("/v1/messages") => complaint(Dialect::Anthropic, status, &message),
        _ => json!({ "error":
            { "message": message, "type": "invalid_request_error", "code": "unknown_url", "param": null } }),
    };
    (status, Json(body)).into_response()
}

/// An upstream could not serve the call.
pub(super) fn upstream_failed(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::UpstreamFailed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_written_as_each_dialect_writes_its_errors() {
        let refusal = Refusal::new(Code::ModelNotFound, "none").about("model");
        let openai = json!({ "error": { "message": "none", "type": "invalid_request_error", "code": "model_not_found",
            "param": "model" } });
        let anthropic = json!({ "type": "error", "error": { "message": "none", "type": "not_found_error",
            "code": "model_not_found", "param": "model" } });
        let info = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "model_not_found",
            "domain": "tollgate" });
        let gemini = json!({ "error": { "code": 404, "message": "none", "status": "NOT_FOUND", "details": [info],
            "param": "model" } });
        assert_eq!(error(Dialect::Openai, &refusal), openai);
        assert_eq!(error(Dialect::Anthropic, &refusal), anthropic);
        assert_eq!(error(Dialect::Gemini, &refusal), gemini);
    }
}
