//! Models: `/api/v1/models`. Everyone may read the catalogue; admins write it. A name may contain `/`, in paths too.

use super::address::{Filters, Limit, Listing, Named};
use super::body::Object;
use super::merge_patch::{fresh, patched};
use super::prices;
use super::problem::{ReadFailures, WriteFailures};
use super::schema;
use crate::auth::{AdminCaller, Caller};
use crate::domain::model::Model;
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ModelFilters {
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

fn shown(model: Arc<Model>) -> Model {
    Arc::unwrap_or_clone(model)
}

/// List models, by name.
#[utoipa::path(get, path = "/models", tag = "models", operation_id = "list_models", params(ModelFilters),
    responses((status = 200, description = "A page of models.", body = Listing<schema::Model>), ReadFailures))]
pub async fn list(
    Caller(_by): Caller,
    Filters(filters): Filters<ModelFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<Model>>, Problem> {
    let cursor = filters.cursor.as_deref();
    Ok(Json(Listing::by_name(gateway.models(), |model| &model.name, cursor, filters.limit, shown)))
}

/// Make a model.
#[utoipa::path(post, path = "/models", tag = "models", operation_id = "create_model", request_body = schema::Model,
    responses((status = 201, description = "The model.", body = schema::Model), WriteFailures))]
pub async fn create(
    AdminCaller(by): AdminCaller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<(StatusCode, Json<Model>), Problem> {
    let model = gateway.create_model(&by, fresh(fields)?).await?;
    Ok((StatusCode::CREATED, Json(shown(model))))
}

/// Read a model.
#[utoipa::path(get, path = "/models/{*name}", tag = "models", operation_id = "read_model",
    params(("name" = String, Path, description = "The model's name, slashes and all.", example = "tollgate/echo")),
    responses((status = 200, description = "The model.", body = schema::Model), ReadFailures))]
pub async fn read(Caller(by): Caller, Named(name): Named, State(gateway): State<Gateway>) -> Result<Response, Problem> {
    if prices::asked(&gateway, &name).is_some() {
        return prices::list(Caller(by), Named(name), State(gateway)).await.map(IntoResponse::into_response);
    }
    let model = gateway.model(&name).ok_or_else(|| Problem::not_found("model"))?;
    Ok(Json(shown(model)).into_response())
}

/// Change a model by a JSON merge patch. Its name stays; its routes are replaced as a whole.
#[utoipa::path(patch, path = "/models/{*name}", tag = "models", operation_id = "edit_model",
    params(("name" = String, Path, description = "The model's name, slashes and all.", example = "tollgate/echo")),
    request_body = schema::ModelPatch,
    responses((status = 200, description = "The model as it is now.", body = schema::Model), WriteFailures))]
pub async fn edit(
    AdminCaller(by): AdminCaller,
    Named(name): Named,
    State(gateway): State<Gateway>,
    Object(patch): Object,
) -> Result<Json<Model>, Problem> {
    let mut known = gateway.model(&name).map(shown).ok_or_else(|| Problem::not_found("model"))?;
    if patch.get("price").is_some_and(|price| price.get("rate").is_some()) {
        // The classic form is another way to write the whole price: there is nothing to merge it with.
        known.price = None;
    }
    let model = patched(&known, patch, &[])?;
    gateway.edit_model(&by, &name, model).await.map(|model| Json(shown(model)))
}

/// Delete a model.
#[utoipa::path(delete, path = "/models/{*name}", tag = "models", operation_id = "delete_model",
    params(("name" = String, Path, description = "The model's name, slashes and all.", example = "tollgate/echo")),
    responses((status = 204, description = "It is gone."), WriteFailures))]
pub async fn delete(
    AdminCaller(by): AdminCaller,
    Named(name): Named,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, Problem> {
    gateway.delete_model(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
