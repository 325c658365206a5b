//! Models: `/api/v1/models`. Everyone may read the catalogue; admins write it. A name may contain `/`, in paths too.

use super::address::{Filters, Limit, Listing, Named, parsed};
use super::body::Object;
use super::merge_patch::{fresh, patched};
use super::prices;
use super::problem::{ReadFailures, WriteFailures};
use super::schema;
use crate::auth::{AdminCaller, Caller};
use crate::domain::account::Account;
use crate::domain::model::Model;
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::appraise::{Performance, Repriced};
use crate::gateway::usage::Used;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashMap;
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
    /// `7d` or `30d`: adds to each model a `stats` object, as reading one model does.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    stats: Asked,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatsFilter {
    /// `7d` or `30d`: adds a `stats` object, with how the model did here in so many days over everyone's calls
    /// (`first_byte_ms` and `total_ms`, means; `error_rate`, from 0 to 1; `null` where there were no calls), and under `own`
    /// what the caller's calls of the last 30 days cost, and would have cost at this model's prices (`null` where that
    /// cannot be said).
    #[serde(default)]
    #[param(value_type = Option<String>)]
    stats: Asked,
}

/// Over how many days to tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked(Option<u32>);

impl<'de> Deserialize<'de> for Asked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse = |text: &str| match text {
            "7d" => Some(7),
            "30d" => Some(30),
            _ => None,
        };
        parsed(from, parse, "ask for 7d or 30d").map(|days| Self(Some(days)))
    }
}

/// A model with how it does, where that was asked for.
#[derive(Debug, Serialize)]
pub struct Appraised {
    #[serde(flatten)]
    model: Model,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

/// How a model does here.
#[derive(Debug, Serialize)]
struct Stats {
    days: u32,
    first_byte_ms: Option<u64>,
    total_ms: Option<u64>,
    error_rate: Option<f64>,
    own: Own,
}

/// What the caller's last 30 days cost, and would have cost on it; `null` where it has no price.
#[derive(Debug, Serialize)]
struct Own {
    cost: String,
    would_cost: Option<String>,
}

/// What is told of every model, read once.
struct Told {
    days: u32,
    performance: HashMap<String, Performance>,
    own: Used,
}

impl Told {
    async fn of(gateway: &Gateway, by: &Account, asked: Asked) -> Result<Option<Self>, Problem> {
        let Some(days) = asked.0 else { return Ok(None) };
        let own = Used::total(&gateway.own_use(by).await?);
        Ok(Some(Self { days, performance: gateway.performance(days).await?, own }))
    }

    fn stats(&self, model: &Model) -> Stats {
        let performance = self.performance.get(&model.name).copied().unwrap_or_default();
        Stats {
            days: self.days,
            first_byte_ms: performance.first_byte_ms(),
            total_ms: performance.total_ms(),
            // A ratio is no money.
            error_rate: (performance.calls > 0).then(|| performance.failed as f64 / performance.calls as f64),
            own: Own {
                cost: self.own.cost.exact(),
                would_cost: model
                    .price
                    .as_ref()
                    .and_then(|price| Repriced::of(&self.own, price))
                    .map(|priced| priced.cost.exact()),
            },
        }
    }
}

fn appraised(model: Arc<Model>, told: Option<&Told>) -> Appraised {
    Appraised { stats: told.map(|told| told.stats(&model)), model: shown(model) }
}

fn shown(model: Arc<Model>) -> Model {
    Arc::unwrap_or_clone(model)
}

/// List models, by name.
#[utoipa::path(get, path = "/models", tag = "models", operation_id = "list_models", params(ModelFilters),
    responses((status = 200, description = "A page of models.", body = Listing<schema::Model>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Filters(filters): Filters<ModelFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<Appraised>>, Problem> {
    let cursor = filters.cursor.as_deref();
    let told = Told::of(&gateway, &by, filters.stats).await?;
    let shown = |model| appraised(model, told.as_ref());
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
    params(("name" = String, Path, description = "The model's name, slashes and all.", example = "tollgate/echo"), StatsFilter),
    responses((status = 200, description = "The model.", body = schema::Model), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Named(name): Named,
    Filters(filter): Filters<StatsFilter>,
    State(gateway): State<Gateway>,
) -> Result<Response, Problem> {
    if prices::asked(&gateway, &name).is_some() {
        return prices::list(Caller(by), Named(name), State(gateway)).await.map(IntoResponse::into_response);
    }
    let model = gateway.model(&name).ok_or_else(|| Problem::not_found("model"))?;
    let told = Told::of(&gateway, &by, filter.stats).await?;
    Ok(Json(appraised(model, told.as_ref())).into_response())
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
