//! Which models the key may call, in the shape that the caller's dialect has for them.

use super::Door;
use super::call;
use super::dialect::Dialect;
use super::error::ProxyError;
use crate::domain::model::Model;
use crate::domain::refusal::{Code, Refusal};
use crate::gateway::authenticate::Holder;
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/models`, in Anthropic's shape for whoever says which version of its API it speaks, in Gemini's for whoever
/// shows its key as Google's clients do, else in OpenAI's.
pub(super) async fn list(State(door): State<Door>, headers: HeaderMap) -> Result<Json<Value>, ProxyError> {
    listed(&door, &headers, None, of_headers(&headers)).await
}

/// `GET /v1beta/models`, in Gemini's shape.
pub(super) async fn gemini_list(
    State(door): State<Door>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, ProxyError> {
    listed(&door, &headers, query.as_deref(), Dialect::Gemini).await
}

pub(super) async fn one(
    State(door): State<Door>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ProxyError> {
    named(&door, &headers, None, &id, of_headers(&headers)).await
}

pub(super) async fn gemini_one(
    State(door): State<Door>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, ProxyError> {
    named(&door, &headers, query.as_deref(), &id, Dialect::Gemini).await
}

fn of_headers(headers: &HeaderMap) -> Dialect {
    match headers {
        _ if headers.contains_key("anthropic-version") => Dialect::Anthropic,
        _ if headers.contains_key("x-goog-api-key") => Dialect::Gemini,
        _ => Dialect::Openai,
    }
}

async fn holder(
    door: &Door,
    headers: &HeaderMap,
    query: Option<&str>,
    dialect: Dialect,
) -> Result<Arc<Holder>, ProxyError> {
    let known = async {
        let holder = door.gateway.authenticate(&call::secret(headers, query)?).await?;
        door.gateway.usable(&holder)?;
        Ok(holder)
    };
    known.await.map_err(|refusal| ProxyError::of(dialect, refusal))
}

async fn listed(
    door: &Door,
    headers: &HeaderMap,
    query: Option<&str>,
    dialect: Dialect,
) -> Result<Json<Value>, ProxyError> {
    let holder = holder(door, headers, query, dialect).await?;
    let models = door.gateway.models();
    let usable: Vec<&Arc<Model>> =
        models.iter().filter(|model| model.enabled && holder.key.allows_model(&model.name)).collect();
    let shapes: Vec<Value> = usable.iter().map(|model| shape(dialect, model)).collect();
    Ok(Json(match dialect {
        Dialect::Openai | Dialect::Responses => json!({ "object": "list", "data": shapes }),
        Dialect::Anthropic => json!({
            "data": shapes,
            "first_id": usable.first().map(|model| &model.name),
            "last_id": usable.last().map(|model| &model.name),
            "has_more": false,
        }),
        Dialect::Gemini => json!({ "models": shapes }),
    }))
}

async fn named(
    door: &Door,
    headers: &HeaderMap,
    query: Option<&str>,
    id: &str,
    dialect: Dialect,
) -> Result<Json<Value>, ProxyError> {
    let holder = holder(door, headers, query, dialect).await?;
    let model = door.gateway.model(id).filter(|model| model.enabled && holder.key.allows_model(&model.name));
    let missing = || Refusal::new(Code::ModelNotFound, format!("There is no model {id:?} for this key."));
    let model = model.ok_or_else(|| ProxyError::of(dialect, missing()))?;
    Ok(Json(shape(dialect, &model)))
}

/// Each API dates and attributes its models; ours carry the facts that matter here beside those fields.
fn shape(dialect: Dialect, model: &Model) -> Value {
    match dialect {
        Dialect::Openai | Dialect::Responses => json!({
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": "tollgate",
            "context_length": model.context_length,
            "max_output_tokens": model.max_output_tokens,
            "capabilities": model.capabilities,
        }),
        Dialect::Anthropic => json!({
            "type": "model",
            "id": model.name,
            "display_name": model.title(),
            "created_at": "1970-01-01T00:00:00Z",
            "max_input_tokens": model.context_length,
            "max_tokens": model.max_output_tokens,
        }),
        Dialect::Gemini => {
            let mut shape = json!({
                "name": format!("models/{}", model.name),
                "displayName": model.title(),
                "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
            });
            for (name, count) in
                [("inputTokenLimit", model.context_length), ("outputTokenLimit", model.max_output_tokens)]
            {
                if let Some(count) = count {
                    shape[name] = json!(count);
                }
            }
            shape
        }
    }
}
