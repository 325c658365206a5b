//! Accounts: `/api/v1/accounts`, what each may spend and from what. Admins set it; each may read their own.

use super::address::{Filters, Limit, Listing, Named};
use super::body::{Nullable, Object};
use super::merge_patch::{fresh, patched};
use super::problem::{ReadFailures, WriteFailures};
use super::schema;
use crate::auth::{AdminCaller, Caller};
use crate::domain::account::{AccountSpec, Role};
use crate::domain::credits::Credits;
use crate::domain::id::AccountId;
use crate::domain::key::KeyLimits;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::domain::wallet::Subscription;
use crate::gateway::Gateway;
use crate::gateway::wallet::{Adjustment, Purse};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountObject {
    id: String,
    email: String,
    name: String,
    /// `admin` or `user`.
    #[schema(value_type = String)]
    role: Role,
    enabled: bool,
    /// Where its person is shown times.
    timezone: String,
    /// What bounds all of its keys together; its calendar is UTC's.
    #[schema(value_type = schema::KeyLimits)]
    limits: KeyLimits,
    /// The rule of its keys that have none of their own.
    default_rule_id: Option<String>,
    /// Whether its calls must be paid for, by its subscription or its balance.
    metered: bool,
    /// Credits: what was ever put in, less what calls have taken.
    #[schema(value_type = String, example = "12.50")]
    balance: Credits,
    subscription: Option<SubscriptionObject>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
}

/// Credits that come back in full with each cycle; nothing rolls over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subscription)]
struct SubscriptionObject {
    #[schema(value_type = String, example = "20.00")]
    credits: Credits,
    /// When the first cycle began, at midnight in its zone. Others begin on the same day of each month.
    #[schema(value_type = String, format = DateTime)]
    anchor: Time,
    timezone: String,
    /// Whether calls beyond a cycle's credits may be paid from the balance.
    falls_back: bool,
}

impl From<Purse> for AccountObject {
    fn from(purse: Purse) -> Self {
        let Purse { account, wallet, balance } = purse;
        let subscription = wallet.subscription.map(|plan| SubscriptionObject {
            credits: plan.credits,
            anchor: plan.anchor,
            timezone: plan.timezone,
            falls_back: plan.falls_back,
        });
        Self {
            id: account.id.0,
            email: account.email,
            name: account.name,
            role: account.role,
            enabled: account.enabled,
            timezone: account.timezone,
            limits: account.limits,
            default_rule_id: account.default_rule_id.map(|id| id.0),
            metered: wallet.metered,
            balance,
            subscription,
            created_at: account.created_at,
        }
    }
}

/// A correction of a balance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustmentFields {
    /// Credits to put in, or to take out with a minus.
    #[schema(value_type = String, example = "12.50")]
    amount: Credits,
    /// Why.
    #[serde(default)]
    #[schema(required = false)]
    note: String,
}

/// A correction of a balance, as it was entered.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdjustmentObject {
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    /// `adjustment`.
    kind: &'static str,
    #[schema(value_type = String)]
    amount: Credits,
    note: String,
    /// As it is with this entry.
    #[schema(value_type = String)]
    balance: Credits,
}

/// What a subscription is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionFields {
    /// For each cycle.
    #[schema(value_type = String, example = "20.00")]
    credits: Credits,
    /// In the first day of the first cycle; moved back to its midnight. Now where absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    anchor: Option<Time>,
    /// Where cycles begin at midnight: an IANA name or a fixed offset such as `UTC+8`.
    #[serde(default)]
    #[schema(default = "UTC")]
    timezone: Option<String>,
    /// Whether calls beyond a cycle's credits may be paid from the balance.
    #[serde(default)]
    #[schema(required = false, default = false)]
    falls_back: bool,
}

/// What is shown of an account and not set here.
const READ_ONLY: [&str; 9] =
    ["id", "email", "name", "role", "enabled", "timezone", "balance", "subscription", "created_at"];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountFilters {
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List accounts, newest first: everyone's for admins, one's own for others.
#[utoipa::path(get, path = "/accounts", tag = "accounts", operation_id = "list_accounts", params(AccountFilters),
    responses((status = 200, description = "A page of accounts.", body = Listing<AccountObject>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Filters(filters): Filters<AccountFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<AccountObject>>, Problem> {
    let page = gateway.purses(&by, filters.cursor.as_deref(), filters.limit.0).await?;
    Ok(Json(Listing::of(page, AccountObject::from)))
}

/// Read an account: one's own, or anyone's for admins.
#[utoipa::path(get, path = "/accounts/{id}", tag = "accounts", operation_id = "read_account",
    params(("id" = String, Path, description = "The account's id.")),
    responses((status = 200, description = "The account.", body = AccountObject), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<AccountObject>, Problem> {
    Ok(Json(gateway.purse(&by, &AccountId(id)).await?.into()))
}

/// Change what bounds an account by a JSON merge patch, for admins; in force on the very next call of each of its keys.
#[utoipa::path(patch, path = "/accounts/{id}", tag = "accounts", operation_id = "edit_account",
    params(("id" = String, Path, description = "The account's id.")), request_body = schema::bindings::AccountPatch,
    responses((status = 200, description = "The account as it is now.", body = AccountObject), WriteFailures))]
pub async fn edit(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(mut patch): Object,
) -> Result<Json<AccountObject>, Problem> {
    let id = AccountId(id);
    let known = AccountObject::from(gateway.purse(&by, &id).await?);
    // It moves by itself: whoever sends an account back as it was read may well hold an older one.
    patch.remove("balance");
    let spec: AccountSpec = patched(&known, patch, &READ_ONLY)?;
    Ok(Json(gateway.edit_account(&by, &id, spec).await?.into()))
}

/// Put money into an account's balance, or take it out.
#[utoipa::path(post, path = "/accounts/{id}/adjust", tag = "accounts", operation_id = "adjust_balance",
    params(("id" = String, Path, description = "The account's id.")), request_body = AdjustmentFields,
    responses((status = 200, description = "The entry, and the balance with it.", body = AdjustmentObject), WriteFailures))]
pub async fn adjust(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<AdjustmentObject>, Problem> {
    let AdjustmentFields { amount, note } = fresh(fields)?;
    let Adjustment { id, at, amount, note, balance } = gateway.adjust(&by, &AccountId(id), amount, &note).await?;
    Ok(Json(AdjustmentObject { id, at, kind: "adjustment", amount, note, balance }))
}

/// Set an account's subscription; `null` ends it.
#[utoipa::path(put, path = "/accounts/{id}/subscription", tag = "accounts", operation_id = "set_subscription",
    params(("id" = String, Path, description = "The account's id.")), request_body = Option<SubscriptionFields>,
    responses((status = 200, description = "The account as it is now.", body = AccountObject), WriteFailures))]
pub async fn subscribe(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Nullable(fields): Nullable,
) -> Result<Json<AccountObject>, Problem> {
    let fields: Option<SubscriptionFields> = fields.map(fresh).transpose()?;
    let plan = fields.map(|fields| Subscription {
        credits: fields.credits,
        anchor: fields.anchor.unwrap_or_else(|| gateway.clock().now()),
        timezone: fields.timezone.unwrap_or_else(|| "UTC".to_owned()),
        falls_back: fields.falls_back,
    });
    Ok(Json(gateway.set_subscription(&by, &AccountId(id), plan).await?.into()))
}

/// End an account's subscription.
#[utoipa::path(delete, path = "/accounts/{id}/subscription", tag = "accounts", operation_id = "end_subscription",
    params(("id" = String, Path, description = "The account's id.")),
    responses((status = 204, description = "It is over."), WriteFailures))]
pub async fn unsubscribe(
    AdminCaller(by): AdminCaller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<StatusCode, Problem> {
    gateway.set_subscription(&by, &AccountId(id), None).await?;
    Ok(StatusCode::NO_CONTENT)
}
