//! Keys: `/api/v1/keys`.

use super::address::{Filters, Limit, Listing, Named};
use super::body::{Object, Optional};
use super::merge_patch::{fresh, patched};
use super::problem::{ReadFailures, WriteFailures};
use super::schema;
use crate::auth::Caller;
use crate::domain::id::{AccountId, GroupId, KeyId, RuleId};
use crate::domain::key::{Key, KeyStatus};
use crate::domain::problem::{Check, Problem};
use crate::gateway::Gateway;
use crate::gateway::issue::KeyQuery;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// A key, with the fields of the contract whose features this version does not have.
#[derive(Debug, Serialize)]
pub struct KeyObject {
    #[serde(flatten)]
    key: Key,
    log_bodies: bool,
}

impl From<Key> for KeyObject {
    fn from(key: Key) -> Self {
        Self { key, log_bodies: false }
    }
}

/// A key that has just been made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    #[schema(value_type = schema::Key)]
    key: KeyObject,
    /// Shown this once and stored nowhere.
    #[schema(example = "sk-tg-…")]
    secret: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KeyFilters {
    /// `active`, `disabled` or `revoked`; all of them where absent.
    #[param(value_type = Option<String>)]
    status: Option<KeyStatus>,
    /// Part of a name or a hint, in any case, or a whole id.
    search: Option<String>,
    /// Whose keys; for admins, since others see only their own.
    #[param(value_type = Option<String>)]
    account_id: Option<AccountId>,
    /// Keys in this group.
    #[param(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// Keys that are bound to this rule themselves.
    #[param(value_type = Option<String>)]
    rule_id: Option<RuleId>,
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What everyone is shown of a key and nobody sets.
const READ_ONLY: [&str; 5] = ["id", "hint", "created_at", "last_used_at", "revoked_at"];

/// List keys, newest first.
#[utoipa::path(get, path = "/keys", tag = "keys", operation_id = "list_keys", params(KeyFilters),
    responses((status = 200, description = "A page of keys.", body = Listing<schema::Key>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Filters(filters): Filters<KeyFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<KeyObject>>, Problem> {
    let KeyFilters { status, search, account_id, group_id, rule_id, limit, cursor } = filters;
    let query =
        KeyQuery { status, search, account_id, group_id, rule_id, cursor, limit: limit.0, ..KeyQuery::default() };
    Ok(Json(Listing::of(gateway.keys(&by, query).await?, KeyObject::from)))
}

/// Make a key. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/keys", tag = "keys", operation_id = "create_key", request_body = schema::KeyFields,
    responses((status = 201, description = "The key and its secret.", body = CreatedKey), WriteFailures))]
pub async fn create(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(mut fields): Object,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    without_unavailable(&mut fields)?;
    let issued = gateway.create_key(&by, fresh(fields)?).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { key: issued.key.into(), secret: issued.secret })))
}

/// Read a key.
#[utoipa::path(get, path = "/keys/{id}", tag = "keys", operation_id = "read_key", params(("id" = String, Path, description = "The key's id.")),
    responses((status = 200, description = "The key.", body = schema::Key), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<KeyObject>, Problem> {
    Ok(Json(gateway.key(&by, &KeyId(id)).await?.into()))
}

/// Change a key by a JSON merge patch; in force on its very next call.
#[utoipa::path(patch, path = "/keys/{id}", tag = "keys", operation_id = "edit_key",
    params(("id" = String, Path, description = "The key's id.")), request_body = schema::KeyPatch,
    responses((status = 200, description = "The key as it is now.", body = schema::Key), WriteFailures))]
pub async fn edit(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(mut patch): Object,
) -> Result<Json<KeyObject>, Problem> {
    let id = KeyId(id);
    let known = gateway.key(&by, &id).await?;
    without_unavailable(&mut patch)?;
    // It moves by itself: whoever sends a key back as it was read may well hold an older one.
    patch.remove("last_used_at");
    let spec = patched(&known, patch, &READ_ONLY)?;
    Ok(Json(gateway.edit_key(&by, &id, spec).await?.into()))
}

/// Revoke a key: its next call is refused, calls in flight finish.
#[utoipa::path(delete, path = "/keys/{id}", tag = "keys", operation_id = "revoke_key", params(("id" = String, Path, description = "The key's id.")),
    responses((status = 204, description = "It is revoked."), WriteFailures))]
pub async fn revoke(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, Problem> {
    gateway.revoke_key(&by, &KeyId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Undo a revocation.
#[utoipa::path(post, path = "/keys/{id}/restore", tag = "keys", operation_id = "restore_key",
    params(("id" = String, Path, description = "The key's id.")),
    responses((status = 200, description = "The key, active again.", body = schema::Key), WriteFailures))]
pub async fn restore(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<KeyObject>, Problem> {
    Ok(Json(gateway.restore_key(&by, &KeyId(id)).await?.into()))
}

/// How to rotate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateFields {
    /// How long the old secret is honoured beside the new one, at most 2,592,000 (30 days); not at all where absent.
    #[serde(default)]
    #[schema(required = false, default = 0)]
    grace_seconds: u64,
}

/// Give a key a new secret: the same id, meters and history. The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/keys/{id}/rotate", tag = "keys", operation_id = "rotate_key",
    params(("id" = String, Path, description = "The key's id.")), request_body = Option<RotateFields>,
    responses((status = 200, description = "The key and its new secret.", body = CreatedKey), WriteFailures))]
pub async fn rotate(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Optional(fields): Optional,
) -> Result<Json<CreatedKey>, Problem> {
    let RotateFields { grace_seconds } = fresh(fields)?;
    let issued = gateway.rotate_key(&by, &KeyId(id), grace_seconds).await?;
    Ok(Json(CreatedKey { key: issued.key.into(), secret: issued.secret }))
}

/// Fields of the contract whose features come later may be sent as what they are: empty.
fn without_unavailable(fields: &mut Map<String, Value>) -> Result<(), Problem> {
    let mut check = Check::default();
    let empty = matches!(fields.remove("log_bodies"), None | Some(Value::Null | Value::Bool(false)));
    check.that(empty, "log_bodies", "`log_bodies` is not available in this version.");
    check.done()
}
