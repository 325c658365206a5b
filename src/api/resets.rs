//! Manual resets, for admins: `POST …/reset` of keys, groups and accounts.

use super::address::Named;
use super::body::Optional;
use super::merge_patch::fresh;
use super::problem::WriteFailures;
use super::refusals::LimitObject;
use crate::auth::AdminCaller;
use crate::domain::id::{AccountId, GroupId, KeyId};
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::reset::AfterReset;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to reset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetFields {
    /// One limit by its field, such as `monthly_spend`; every one where absent.
    #[serde(default)]
    limit: Option<String>,
}

/// The limits as they stand after the reset, each with what was taken off.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetReport {
    limits: Vec<LimitObject>,
}

impl From<Vec<AfterReset>> for ResetReport {
    fn from(limits: Vec<AfterReset>) -> Self {
        Self { limits: limits.into_iter().map(LimitObject::from).collect() }
    }
}

/// Take off what a key's limits have counted, its rule's among them. No period's boundary moves.
#[utoipa::path(post, path = "/keys/{id}/reset", tag = "keys", operation_id = "reset_key",
    params(("id" = String, Path, description = "The key's id.")), request_body = Option<ResetFields>,
    responses((status = 200, description = "The key's limits as they stand now.", body = ResetReport), WriteFailures))]
pub async fn key(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Optional(fields): Optional,
) -> Result<Json<ResetReport>, Problem> {
    let asked: ResetFields = fresh(fields)?;
    Ok(Json(gateway.reset_key(&by, &KeyId(id), asked.limit.as_deref()).await?.into()))
}

/// Take off what a group's quota has counted. No period's boundary moves.
#[utoipa::path(post, path = "/groups/{id}/reset", tag = "groups", operation_id = "reset_group",
    params(("id" = String, Path, description = "The group's id.")), request_body = Option<ResetFields>,
    responses((status = 200, description = "The group's limits as they stand now.", body = ResetReport), WriteFailures))]
pub async fn group(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Optional(fields): Optional,
) -> Result<Json<ResetReport>, Problem> {
    let asked: ResetFields = fresh(fields)?;
    Ok(Json(gateway.reset_group(&by, &GroupId(id), asked.limit.as_deref()).await?.into()))
}

/// Take off what an account's limits and its subscription's cycle have counted. No period's boundary moves, and the
/// balance is not touched.
#[utoipa::path(post, path = "/accounts/{id}/reset", tag = "accounts", operation_id = "reset_account",
    params(("id" = String, Path, description = "The account's id.")), request_body = Option<ResetFields>,
    responses((status = 200, description = "The account's limits as they stand now.", body = ResetReport), WriteFailures))]
pub async fn account(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Optional(fields): Optional,
) -> Result<Json<ResetReport>, Problem> {
    let asked: ResetFields = fresh(fields)?;
    Ok(Json(gateway.reset_account(&by, &AccountId(id), asked.limit.as_deref()).await?.into()))
}
