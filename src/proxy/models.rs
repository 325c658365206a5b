//! `GET /v1/models`: what the key may call, in OpenAI's shape.

use super::Door;
use super::call;
use super::error::ProxyError;
use crate::domain::model::Model;
use crate::domain::refusal::{Code, Refusal};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

pub(super) async fn list(State(door): State<Door>, headers: HeaderMap) -> Result<Json<Value>, ProxyError> {
    let holder = door.gateway.authenticate(&call::secret(&headers)?).await?;
    door.gateway.usable(&holder)?;
    let models = door.gateway.models();
    let usable = models.iter().filter(|model| model.enabled && holder.key.allows_model(&model.name));
    Ok(Json(json!({ "object": "list", "data": usable.map(|model| shape(model)).collect::<Vec<_>>() })))
}

pub(super) async fn one(
    State(door): State<Door>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ProxyError> {
    let holder = door.gateway.authenticate(&call::secret(&headers)?).await?;
    door.gateway.usable(&holder)?;
    let model = door.gateway.model(&id).filter(|model| model.enabled && holder.key.allows_model(&model.name));
    let model =
        model.ok_or_else(|| Refusal::new(Code::ModelNotFound, format!("There is no model {id:?} for this key.")))?;
    Ok(Json(shape(&model)))
}

/// OpenAI dates and attributes its models; ours carry the facts that matter here beside those fields.
fn shape(model: &Model) -> Value {
    json!({
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": "tollgate",
        "context_length": model.context_length,
        "max_output_tokens": model.max_output_tokens,
        "capabilities": model.capabilities,
    })
}
