//! Providers: `/api/v1/providers`, for admins. Credentials go in and come back masked.

use super::address::{Filters, Limit, Listing, Named};
use super::body::{Object, Optional};
use super::merge_patch::{fresh, patched};
use super::problem::{ReadFailures, WriteFailures};
use super::schema;
use crate::auth::AdminCaller;
use crate::domain::health::{Closed, Report};
use crate::domain::id::ProviderId;
use crate::domain::problem::Problem;
use crate::domain::provider::{Provider, ProviderSpec};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProviderFilters {
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What a provider's test found.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestResult {
    /// Whether its address and credential are good.
    ok: bool,
    /// What was found, in words.
    message: String,
    /// How long it took, in milliseconds: the call's own time where there was one.
    ms: u64,
}

/// How a provider fares.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`, `cooling` (it failed, and calls go elsewhere if they can), `limited` (it asked to be left alone),
    /// `refused` (it refuses the credentials) or `full` (it has as many calls as it takes).
    state: &'static str,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
    last_error: Option<LastError>,
    /// Calls that are with it now.
    in_flight: u32,
    recent: RecentCalls,
    credentials: Vec<CredentialHealth>,
    /// The models of its that cool down.
    models: Vec<ModelHealth>,
}

/// What went wrong last.
#[derive(Debug, Serialize, ToSchema)]
struct LastError {
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    message: String,
}

/// Its last attempts.
#[derive(Debug, Serialize, ToSchema)]
struct RecentCalls {
    calls: u32,
    failures: u32,
    /// Of so many seconds.
    seconds: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct CredentialHealth {
    /// Masked.
    credential: String,
    state: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ModelHealth {
    upstream_model: String,
    state: &'static str,
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Time>,
}

impl Health {
    fn of(provider: &Provider, report: Report) -> Self {
        let state = |closed: Option<(Closed, Time)>| match closed {
            Some((why, until)) => (why.as_str(), Some(until)),
            None => ("healthy", None),
        };
        let (whole, until) = state(report.closed);
        let credentials = provider.credentials.iter().zip(report.credentials).map(|(hint, closed)| {
            let (state, until) = state(closed);
            CredentialHealth { credential: hint.clone(), state, until }
        });
        let models = report.lines.into_iter().map(|(upstream_model, closed)| {
            let (state, until) = state(Some(closed));
            ModelHealth { upstream_model, state, until }
        });
        Self {
            state: if report.is_full && report.closed.is_none() { "full" } else { whole },
            until,
            last_error: report.last_error.map(|last| LastError { at: last.at, message: last.said }),
            in_flight: report.in_flight,
            recent: RecentCalls { calls: report.recent.calls, failures: report.recent.failures, seconds: 60 },
            credentials: credentials.collect(),
            models: models.collect(),
        }
    }
}

/// What every reader is shown of a provider and nobody sets.
const READ_ONLY: [&str; 2] = ["id", "created_at"];

/// List providers, by name.
#[utoipa::path(get, path = "/providers", tag = "providers", operation_id = "list_providers", params(ProviderFilters),
    responses((status = 200, description = "A page of providers.", body = Listing<schema::Provider>), ReadFailures))]
pub async fn list(
    AdminCaller(by): AdminCaller,
    Filters(filters): Filters<ProviderFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<Provider>>, Problem> {
    let (all, cursor) = (gateway.providers(&by)?, filters.cursor.as_deref());
    Ok(Json(Listing::by_name(all, |provider| &provider.name, cursor, filters.limit, |provider| provider)))
}

/// Make a provider.
#[utoipa::path(post, path = "/providers", tag = "providers", operation_id = "create_provider", request_body = schema::ProviderFields,
    responses((status = 201, description = "The provider.", body = schema::Provider), WriteFailures))]
pub async fn create(
    AdminCaller(by): AdminCaller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<(StatusCode, Json<Provider>), Problem> {
    let provider = gateway.create_provider(&by, fresh(fields)?).await?;
    Ok((StatusCode::CREATED, Json(provider)))
}

/// Read a provider.
#[utoipa::path(get, path = "/providers/{id}", tag = "providers", operation_id = "read_provider",
    params(("id" = String, Path, description = "The provider's id.")),
    responses((status = 200, description = "The provider.", body = schema::Provider), ReadFailures))]
pub async fn read(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<Provider>, Problem> {
    gateway.provider(&by, &ProviderId(id)).map(Json)
}

/// Change a provider by a JSON merge patch. Credentials that are absent, or sent back masked as they were read, stay.
#[utoipa::path(patch, path = "/providers/{id}", tag = "providers", operation_id = "edit_provider",
    params(("id" = String, Path, description = "The provider's id.")), request_body = schema::ProviderPatch,
    responses((status = 200, description = "The provider as it is now.", body = schema::Provider), WriteFailures))]
pub async fn edit(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(patch): Object,
) -> Result<Json<Provider>, Problem> {
    let id = ProviderId(id);
    let known = gateway.provider(&by, &id)?;
    let spec: ProviderSpec = patched(&known, patch, &READ_ONLY)?;
    let credentials = match spec.credentials {
        Some(same) if same == known.credentials => None,
        // What the patch cleared is gone from the merged object.
        given => Some(given.unwrap_or_default()),
    };
    gateway.edit_provider(&by, &id, ProviderSpec { credentials, ..spec }).await.map(Json)
}

/// Delete a provider that no model has a route to.
#[utoipa::path(delete, path = "/providers/{id}", tag = "providers", operation_id = "delete_provider",
    params(("id" = String, Path, description = "The provider's id.")),
    responses((status = 204, description = "It is gone."), WriteFailures))]
pub async fn delete(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, Problem> {
    gateway.delete_provider(&by, &ProviderId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read how a provider fares, as the process that answers sees it.
#[utoipa::path(get, path = "/providers/{id}/health", tag = "providers", operation_id = "read_provider_health",
    params(("id" = String, Path, description = "The provider's id.")),
    responses((status = 200, description = "How it fares.", body = Health), ReadFailures))]
pub async fn health(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<Health>, Problem> {
    let id = ProviderId(id);
    let (provider, report) = (gateway.provider(&by, &id)?, gateway.provider_health(&by, &id)?);
    Ok(Json(Health::of(&provider, report)))
}

/// What to test a provider with.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFields {
    /// A model with a route to it, of which it is asked for one answer of at most 16 tokens. That costs what the provider
    /// charges for it, and counts on nobody's budget. Where absent, nothing is spent.
    #[serde(default)]
    model: Option<String>,
}

/// Test a provider: ask for its list of models, which proves its address and credential and spends nothing; then, where a
/// model is named, for one tiny answer of it.
#[utoipa::path(post, path = "/providers/{id}/test", tag = "providers", operation_id = "test_provider",
    params(("id" = String, Path, description = "The provider's id.")), request_body = Option<TestFields>,
    responses((status = 200, description = "What was found.", body = TestResult), WriteFailures))]
pub async fn test(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Optional(fields): Optional,
) -> Result<Json<TestResult>, Problem> {
    let fields: TestFields = fresh(fields)?;
    let id = ProviderId(id);
    let found = match &fields.model {
        None => gateway.test_provider(&by, &id).await?,
        Some(model) => gateway.try_provider(&by, &id, model).await?,
    };
    Ok(Json(TestResult { ok: found.ok, message: found.message, ms: found.ms }))
}
