//! Groups: `/api/v1/groups`.

use super::address::{Filters, Limit, Listing, Named};
use super::batch::{Batch, Ids};
use super::body::Object;
use super::merge_patch::{fresh, patched};
use super::problem::{ReadFailures, WriteFailures};
use super::schema::bindings as schema;
use crate::auth::Caller;
use crate::domain::group::Group;
use crate::domain::id::{AccountId, GroupId};
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::batch::Action;
use crate::gateway::groups::{GroupQuery, Populated};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// A group, with how many keys it has.
#[derive(Debug, Serialize)]
pub struct GroupObject {
    #[serde(flatten)]
    group: Group,
    key_count: u64,
}

impl From<Populated> for GroupObject {
    fn from(known: Populated) -> Self {
        Self { group: known.group, key_count: known.keys }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GroupFilters {
    /// Whose groups; for admins, since others see only their own.
    #[param(value_type = Option<String>)]
    account_id: Option<AccountId>,
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What everyone is shown of a group and nobody sets.
const READ_ONLY: [&str; 3] = ["id", "created_at", "key_count"];

/// List groups, newest first.
#[utoipa::path(get, path = "/groups", tag = "groups", operation_id = "list_groups", params(GroupFilters),
    responses((status = 200, description = "A page of groups.", body = Listing<schema::Group>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Filters(filters): Filters<GroupFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<GroupObject>>, Problem> {
    let GroupFilters { account_id, limit, cursor } = filters;
    let query = GroupQuery { account_id, cursor, limit: limit.0, ..GroupQuery::default() };
    Ok(Json(Listing::of(gateway.groups(&by, query).await?, GroupObject::from)))
}

/// Make a group.
#[utoipa::path(post, path = "/groups", tag = "groups", operation_id = "create_group", request_body = schema::GroupFields,
    responses((status = 201, description = "The group.", body = schema::Group), WriteFailures))]
pub async fn create(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<(StatusCode, Json<GroupObject>), Problem> {
    let made = gateway.create_group(&by, fresh(fields)?).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Read a group.
#[utoipa::path(get, path = "/groups/{id}", tag = "groups", operation_id = "read_group",
    params(("id" = String, Path, description = "The group's id.")),
    responses((status = 200, description = "The group.", body = schema::Group), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<GroupObject>, Problem> {
    Ok(Json(gateway.group(&by, &GroupId(id)).await?.into()))
}

/// Change a group by a JSON merge patch; in force on the very next call of each of its keys.
#[utoipa::path(patch, path = "/groups/{id}", tag = "groups", operation_id = "edit_group",
    params(("id" = String, Path, description = "The group's id.")), request_body = schema::GroupPatch,
    responses((status = 200, description = "The group as it is now.", body = schema::Group), WriteFailures))]
pub async fn edit(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(mut patch): Object,
) -> Result<Json<GroupObject>, Problem> {
    // It moves by itself: whoever sends a group back as it was read may well hold an older count.
    patch.remove("key_count");
    let change = |known: &Populated| patched(&GroupObject::from(known.clone()), patch, &READ_ONLY);
    Ok(Json(gateway.edit_group(&by, &GroupId(id), change).await?.into()))
}

/// Delete a group. Its keys stay, in no group.
#[utoipa::path(delete, path = "/groups/{id}", tag = "groups", operation_id = "delete_group",
    params(("id" = String, Path, description = "The group's id.")),
    responses((status = 204, description = "It is gone."), WriteFailures))]
pub async fn delete(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, Problem> {
    gateway.delete_group(&by, &GroupId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put keys into a group, out of whichever they were in. One element for each id: the key, or why it stays.
#[utoipa::path(post, path = "/groups/{id}/keys", tag = "groups", operation_id = "assign_keys",
    params(("id" = String, Path, description = "The group's id.")), request_body = Ids,
    responses((status = 200, description = "What became of each.", body = Batch), WriteFailures))]
pub async fn assign(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<Batch>, Problem> {
    let id = GroupId(id);
    gateway.group(&by, &id).await?;
    let Ids { ids } = fresh(fields)?;
    Ok(Json(gateway.change_keys(&by, &ids, &Action::Move(Some(id))).await?.into()))
}
