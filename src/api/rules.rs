//! Quota rules: `/api/v1/rules`, and which is an account's default.

use super::accounts::AccountObject;
use super::address::{Filters, Limit, Listing, Named, parsed};
use super::body::Object;
use super::merge_patch::{fresh, patched};
use super::problem::{ReadFailures, WriteFailures};
use super::schema::bindings as schema;
use crate::auth::Caller;
use crate::domain::id::{AccountId, RuleId};
use crate::domain::problem::Problem;
use crate::domain::rule::{Rule, RuleSpec};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::rules::{Governing, RuleQuery};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A rule, with what it says and how many keys it governs.
#[derive(Debug, Serialize)]
pub struct RuleObject {
    #[serde(flatten)]
    rule: Rule,
    reference_count: u64,
    text: String,
}

impl From<Governing> for RuleObject {
    fn from(known: Governing) -> Self {
        Self { text: known.rule.text(), rule: known.rule, reference_count: known.references.keys() }
    }
}

/// What a rule would say.
#[derive(Debug, Serialize, ToSchema)]
pub struct RulePreview {
    /// In plain words.
    text: String,
    /// When calls are next allowed: now, where they are; `null` where they never are.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_open: Option<Time>,
    /// When they are next no longer allowed; `null` where that never comes.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_close: Option<Time>,
}

/// The rule of the keys that have none of their own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultRule {
    /// `null` = no rule.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    rule_id: Option<RuleId>,
    /// Whose default; the caller's own where absent. Others' for admins alone.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    account_id: Option<AccountId>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RuleFilters {
    /// `true` or `false`; both where absent.
    #[param(value_type = Option<bool>)]
    enabled: Option<Truth>,
    /// Whose rules; for admins, since others see only their own.
    #[param(value_type = Option<String>)]
    account_id: Option<AccountId>,
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// `true` or `false` in a query.
#[derive(Clone, Copy, Debug)]
struct Truth(bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from, |text| text.parse().ok(), "write true or false").map(Self)
    }
}

/// What everyone is shown of a rule and nobody sets.
pub const READ_ONLY: [&str; 4] = ["id", "created_at", "reference_count", "text"];

/// List rules, newest first.
#[utoipa::path(get, path = "/rules", tag = "rules", operation_id = "list_rules", params(RuleFilters),
    responses((status = 200, description = "A page of rules.", body = Listing<schema::Rule>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Filters(filters): Filters<RuleFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<RuleObject>>, Problem> {
    let RuleFilters { enabled, account_id, limit, cursor } = filters;
    let enabled = enabled.map(|Truth(is)| is);
    let query = RuleQuery { account_id, enabled, cursor, limit: limit.0, ..RuleQuery::default() };
    Ok(Json(Listing::of(gateway.rules(&by, query).await?, RuleObject::from)))
}

/// Make a rule.
#[utoipa::path(post, path = "/rules", tag = "rules", operation_id = "create_rule", request_body = schema::RuleFields,
    responses((status = 201, description = "The rule.", body = schema::Rule), WriteFailures))]
pub async fn create(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<(StatusCode, Json<RuleObject>), Problem> {
    let made = gateway.create_rule(&by, fresh(fields)?).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Read a rule.
#[utoipa::path(get, path = "/rules/{id}", tag = "rules", operation_id = "read_rule",
    params(("id" = String, Path, description = "The rule's id.")),
    responses((status = 200, description = "The rule.", body = schema::Rule), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<RuleObject>, Problem> {
    Ok(Json(gateway.rule(&by, &RuleId(id)).await?.into()))
}

/// Change a rule by a JSON merge patch; in force on the very next call of each key that it governs.
#[utoipa::path(patch, path = "/rules/{id}", tag = "rules", operation_id = "edit_rule",
    params(("id" = String, Path, description = "The rule's id.")), request_body = schema::RulePatch,
    responses((status = 200, description = "The rule as it is now.", body = schema::Rule), WriteFailures))]
pub async fn edit(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(mut patch): Object,
) -> Result<Json<RuleObject>, Problem> {
    let known = gateway.rule(&by, &RuleId(id)).await?;
    // They follow from the rest and from keys: whoever sends a rule back as it was read may well hold older ones.
    patch.remove("reference_count");
    patch.remove("text");
    let spec = patched(&RuleObject::from(known.clone()), patch, &READ_ONLY)?;
    Ok(Json(gateway.edit_rule(&by, &known, spec).await?.into()))
}

/// Delete a rule that governs no key and is no account's default.
#[utoipa::path(delete, path = "/rules/{id}", tag = "rules", operation_id = "delete_rule",
    params(("id" = String, Path, description = "The rule's id.")),
    responses((status = 204, description = "It is gone."), WriteFailures))]
pub async fn delete(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, Problem> {
    gateway.delete_rule(&by, &RuleId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Say what a rule would say, and when its hours next begin and end. Nothing is saved.
#[utoipa::path(post, path = "/rules/preview", tag = "rules", operation_id = "preview_rule", request_body = schema::RuleFields,
    responses((status = 200, description = "What it would say.", body = RulePreview), WriteFailures))]
pub async fn preview(
    Caller(_by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<RulePreview>, Problem> {
    let spec: RuleSpec = fresh(fields)?;
    let said = gateway.preview_rule(&spec)?;
    Ok(Json(RulePreview { text: said.text, next_open: said.next_open, next_close: said.next_close }))
}

/// Set the rule of an account's keys that have none of their own.
#[utoipa::path(put, path = "/account/default-rule", tag = "rules", operation_id = "set_default_rule", request_body = DefaultRule,
    responses((status = 200, description = "The account as it is now.", body = AccountObject), WriteFailures))]
pub async fn set_default(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<AccountObject>, Problem> {
    if !fields.contains_key("rule_id") {
        return Err(Problem::field("rule_id", "`rule_id` is required; write null for no rule."));
    }
    let DefaultRule { rule_id, account_id } = fresh(fields)?;
    let account = gateway.set_default_rule(&by, account_id.as_ref(), rule_id.as_ref()).await?;
    Ok(Json(gateway.purse(&by, &account.id).await?.into()))
}
