//! `POST /v1/messages/count_tokens`: what a message request comes to, which costs nothing. Where the provider is
//! Anthropic it is asked; else it is counted here, and said to be.

use super::Door;
use super::dialect::Dialect;
use super::error::ProxyError;
use super::exchange::Answer;
use super::lane::{Lane, lanes};
use super::relay::{Entrance, Visit, chance};
use super::tokens;
use crate::domain::provider::{Errand, ProviderKind};
use crate::domain::refusal::Refusal;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the provider may take to count.
const COUNTING: Duration = Duration::from_secs(15);
/// Who counted.
const COUNTED_BY: HeaderName = HeaderName::from_static("x-tollgate-counted-by");

pub(super) async fn tokens(State(door): State<Door>, request: Request) -> Answer {
    let entrance = Entrance::chat(Dialect::Anthropic, "/v1/messages/count_tokens");
    let (mut visit, body) = Visit::of(&door, entrance, request);
    let mut answer = match count(&door, &mut visit, body).await {
        Ok(answer) => answer,
        Err(refusal) => ProxyError::of(Dialect::Anthropic, refusal).into_response(),
    };
    answer.headers_mut().insert("x-tollgate-cost", HeaderValue::from_static("0.000000000"));
    answer
}

async fn count(door: &Door, visit: &mut Visit, body: Body) -> Result<Answer, Refusal> {
    let gateway = &door.gateway;
    let (holder, ask, model) = visit.read(door, body).await?;
    let mut lanes = lanes(&ask, gateway.routed(&holder, &model, chance())?).await?;
    // It would go the first way.
    lanes.truncate(1);
    if let Some(lane) = lanes.first().filter(|lane| lane.way.upstream.provider.kind == ProviderKind::Anthropic)
        && let Some(answer) = asked(door, lane, &visit.headers).await
    {
        return Ok(answer);
    }
    let uncounted = tokens::uncounted(&lanes);
    let counted = tokens::counted(&door.terms.vocabularies, &lanes, uncounted).await;
    let input_tokens = counted.unwrap_or(uncounted).likely;
    let mut answer = Json(json!({ "input_tokens": input_tokens })).into_response();
    answer.headers_mut().insert(COUNTED_BY, HeaderValue::from_static("gateway"));
    Ok(answer)
}

/// The provider's own count, or its own complaint; `None` where it gives neither.
async fn asked(door: &Door, lane: &Lane, caller: &HeaderMap) -> Option<Answer> {
    let (way, provider) = (&lane.way, &lane.way.upstream.provider);
    let body = lane.ask.forwarded(&way.upstream_model, None, false);
    let mut request = axum::http::Request::post(provider.kind.url(&provider.base_url, Errand::CountTokens))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT_ENCODING, "identity");
    for (name, value) in provider.kind.headers(way.upstream.credentials.first().map(String::as_str)) {
        request = request.header(name, value);
    }
    if let Some(beta) = caller.get("anthropic-beta") {
        request = request.header("anthropic-beta", beta);
    }
    let request = request.body(crate::gateway::dial::outgoing(body)).ok()?;
    let whole = async {
        let response = door.gateway.dial(request).await.ok()?;
        let status = response.status();
        let body = Limited::new(response.into_body(), 1 << 20).collect().await.ok()?.to_bytes();
        Some((status, body))
    };
    let (status, body): (StatusCode, Bytes) = tokio::time::timeout(COUNTING, whole).await.ok()??;
    let is_count = serde_json::from_slice::<Value>(&body).is_ok_and(|said| said.get("input_tokens").is_some());
    if !(status == StatusCode::BAD_REQUEST || (status.is_success() && is_count)) {
        return None;
    }
    let mut answer = Answer::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(COUNTED_BY, HeaderValue::from_static("provider"));
    Some(answer)
}
