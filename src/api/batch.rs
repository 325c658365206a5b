//! Many keys at once: `/api/v1/keys/batch` and `/api/v1/keys/batch-get`.

use super::body::Object;
use super::keys::KeyObject;
use super::merge_patch::fresh;
use super::problem::{ErrorObject, WriteFailures};
use super::schema;
use crate::auth::Caller;
use crate::domain::id::{GroupId, KeyId, RuleId};
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::batch::{Action, Done};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Keys by their ids.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// At most 1,000.
    #[schema(value_type = Vec<String>)]
    pub ids: Vec<KeyId>,
}

/// What to do with which keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchFields {
    /// At most 1,000.
    #[schema(value_type = Vec<String>)]
    ids: Vec<KeyId>,
    action: Word,
    /// Where to `move` them; `null` = into no group.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    group_id: Option<GroupId>,
    /// What to `bind` them to; `null` = each inherits its account's default.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    rule_id: Option<RuleId>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Word {
    Revoke,
    Enable,
    Disable,
    Move,
    Bind,
}

/// What became of each, in the order asked.
#[derive(Debug, Serialize, ToSchema)]
pub struct Batch {
    data: Vec<BatchElement>,
}

/// A key, or why there is none or it stays as it was.
#[derive(Debug, Serialize, ToSchema)]
struct BatchElement {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Key>)]
    key: Option<KeyObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject>,
}

impl From<Vec<Done>> for Batch {
    fn from(all: Vec<Done>) -> Self {
        let element = |done: Done| match done.key {
            Ok(key) => BatchElement { id: done.id.0, key: Some(key.into()), error: None },
            Err(problem) => BatchElement { id: done.id.0, key: None, error: Some(problem.into()) },
        };
        Self { data: all.into_iter().map(element).collect() }
    }
}

/// Do the same with many keys. One element for each id: the key as it is now, or why it stays as it was.
#[utoipa::path(post, path = "/keys/batch", tag = "keys", operation_id = "change_keys", request_body = BatchFields,
    responses((status = 200, description = "What became of each.", body = Batch), WriteFailures))]
pub async fn change(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<Batch>, Problem> {
    let (group_said, rule_said) = (fields.contains_key("group_id"), fields.contains_key("rule_id"));
    let BatchFields { ids, action, group_id, rule_id } = fresh(fields)?;
    let action = match action {
        Word::Revoke => Action::Revoke,
        Word::Enable => Action::Enable,
        Word::Disable => Action::Disable,
        // What is left out by mistake must not empty a group.
        Word::Move if !group_said => return Err(Problem::field("group_id", "Say where; write null for no group.")),
        Word::Bind if !rule_said => return Err(Problem::field("rule_id", "Say to which; write null to inherit.")),
        Word::Move => Action::Move(group_id),
        Word::Bind => Action::Bind(rule_id),
    };
    Ok(Json(gateway.change_keys(&by, &ids, &action).await?.into()))
}

/// Read many keys in one call. One element for each id: the key, or that there is none.
#[utoipa::path(post, path = "/keys/batch-get", tag = "keys", operation_id = "read_keys", request_body = Ids,
    responses((status = 200, description = "Each key, in the order asked.", body = Batch), WriteFailures))]
pub async fn get(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<Batch>, Problem> {
    let Ids { ids } = fresh(fields)?;
    Ok(Json(gateway.keys_by_id(&by, &ids).await?.into()))
}
