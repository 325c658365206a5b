//! How a problem is answered: one error shape for every route of the management API.

use crate::domain::problem::{FieldProblem, Problem, ProblemKind};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// What every refusal looks like.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    error: ErrorObject,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorObject {
    /// What is wrong and what to do about it, for people.
    message: String,
    /// The family of errors, such as `invalid_request_error`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Stable; programs may compare it.
    code: &'static str,
    /// The first field at fault, by its path.
    param: Option<String>,
    /// Every field at fault.
    fields: Vec<FieldError>,
}

#[derive(Debug, Serialize, ToSchema)]
struct FieldError {
    /// The path of the field or filter, such as `limits.rpm`.
    field: String,
    message: String,
}

/// The status, `type` and `code` of each kind of problem.
fn answered(problem: &Problem) -> (StatusCode, &'static str, &'static str) {
    match problem.kind {
        ProblemKind::Invalid if problem.fields.is_empty() => {
            (StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_body")
        }
        ProblemKind::Invalid => (StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_field"),
        ProblemKind::UnknownField => (StatusCode::BAD_REQUEST, "invalid_request_error", "unknown_field"),
        ProblemKind::SignedOut => (StatusCode::UNAUTHORIZED, "authentication_error", "invalid_management_token"),
        ProblemKind::Forbidden => (StatusCode::FORBIDDEN, "permission_error", "forbidden"),
        ProblemKind::AdminLocked => (StatusCode::FORBIDDEN, "permission_error", "admin_locked"),
        ProblemKind::NotFound => (StatusCode::NOT_FOUND, "invalid_request_error", "not_found"),
        ProblemKind::Conflict | ProblemKind::Meanwhile => (StatusCode::CONFLICT, "invalid_request_error", "conflict"),
        ProblemKind::TooMany => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded"),
        ProblemKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "internal_error"),
        ProblemKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "books_unavailable"),
    }
}

impl From<Problem> for ErrorObject {
    fn from(problem: Problem) -> Self {
        let (_, kind, code) = answered(&problem);
        ErrorObject::new(kind, code, problem.message, problem.fields)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, kind, code) = answered(&self);
        let nothing_done = self.kind == ProblemKind::Meanwhile;
        let mut response = error(status, kind, code, self.message, self.fields);
        if nothing_done {
            response.extensions_mut().insert(NothingDone);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Marks the answer to a request that may be made again as it is: it met another, and nothing was done.
#[derive(Clone, Copy, Debug)]
pub struct NothingDone;

/// A refusal that is no problem of the domain's.
pub fn error(
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    message: String,
    fields: Vec<FieldProblem>,
) -> Response {
    (status, Json(ErrorBody { error: ErrorObject::new(kind, code, message, fields) })).into_response()
}

impl ErrorObject {
    fn new(kind: &'static str, code: &'static str, message: String, fields: Vec<FieldProblem>) -> Self {
        let param = fields.first().map(|problem| problem.field.clone());
        let fields = fields.into_iter().map(|FieldProblem { field, message }| FieldError { field, message }).collect();
        Self { message, kind, code, param, fields }
    }
}

/// A path that no route has.
pub async fn no_such_route() -> Problem {
    Problem::new(ProblemKind::NotFound, "There is nothing at this path. /api/v1/openapi.json lists what there is.")
}

/// A route that does not take this method. The router adds which it takes.
pub async fn no_such_method() -> Response {
    let message = format!("This path does not take this method; the `{ALLOW}` header lists those it takes.");
    error(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "method_not_allowed", message, Vec::new())
}

/// A body above the limit.
pub fn body_too_large() -> Response {
    let message = "The body is larger than 1 MiB.".to_owned();
    error(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", "body_too_large", message, Vec::new())
}

/// The refusals that any read may meet, for the OpenAPI document.
pub struct ReadFailures;

/// The same for writes.
pub struct WriteFailures;

const READ_FAILURES: [(&str, &str); 6] = [
    ("400", "A field or filter will not do (`invalid_field`), or does not exist (`unknown_field`)."),
    ("401", "No management token, or one that is not known (`invalid_management_token`)."),
    ("403", "Only an admin may do this (`forbidden`), or it would loosen what an admin has set (`admin_locked`)."),
    ("404", "There is no such thing, or it is not yours to see (`not_found`)."),
    ("500", "Ours; the log says more (`internal_error`)."),
    ("503", "The database cannot be reached (`books_unavailable`)."),
];
const WRITE_FAILURES: [(&str, &str); 2] = [
    ("409", "It contradicts what exists, such as a name in use (`conflict`)."),
    ("413", "The body is larger than 1 MiB (`body_too_large`)."),
];

impl IntoResponses for ReadFailures {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        READ_FAILURES.into_iter().map(described).collect()
    }
}

impl IntoResponses for WriteFailures {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        READ_FAILURES.into_iter().chain(WRITE_FAILURES).map(described).collect()
    }
}

fn described((status, description): (&str, &str)) -> (String, RefOr<utoipa::openapi::Response>) {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    let response = ResponseBuilder::new().description(description).content("application/json", body).build();
    (status.to_owned(), RefOr::T(response))
}
