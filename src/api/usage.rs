//! Usage: `/api/v1/usage`, sums of calls by time, model, key, group or endpoint. They outlive the log rows.

use super::address::{Filters, parsed};
use super::logs::Tokens;
use super::problem::ReadFailures;
use crate::auth::Caller;
use crate::domain::id::{GroupId, KeyId};
use crate::domain::period::Zone;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::usage::{By, UsageQuery, Used};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// What is summed where no `from` is given.
const LAST: Duration = Duration::from_hours(24 * 30);
/// Sums are kept by the quarter hour, on which every zone's midnight falls, in microseconds.
const QUARTER_HOUR: i64 = 15 * 60 * 1_000_000;

/// What some calls used together. Of `at`, `key_id`, `group_id`, `model` and `endpoint`, those that were grouped by are there.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageRow {
    /// When its hour, day or month began.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = false)]
    at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    key_id: Option<KeyId>,
    /// `null` for calls that counted for no group.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, required = false)]
    group_id: Option<Option<GroupId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    endpoint: Option<String>,
    /// All calls, the refused and the failed among them.
    requests: u64,
    refused: u64,
    failed: u64,
    tokens: Tokens,
    /// Credits, with all nine decimals.
    #[schema(example = "0.000123000")]
    cost: String,
}

/// Sums, in the order of their groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageReport {
    data: Vec<UsageRow>,
}

impl From<Used> for UsageRow {
    fn from(used: Used) -> Self {
        Self {
            at: used.at,
            key_id: used.key_id,
            group_id: used.group_id,
            model: used.model,
            endpoint: used.endpoint,
            requests: used.calls,
            refused: used.refused,
            failed: used.failed,
            tokens: used.usage.into(),
            cost: used.cost.exact(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageFilters {
    /// From this time, moved back to its quarter hour; 30 days ago where absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Up to this time, moved on to its quarter hour; now where absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
    /// One or more of `hour`, `day`, `month`, `model`, `key`, `group` and `endpoint`, with commas between; `day` where absent.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "day,model")]
    by: Groups,
    /// Where days and months begin: an IANA name or `UTC+8`; `UTC` where absent.
    timezone: Option<String>,
    #[param(value_type = Option<String>)]
    key_id: Option<KeyId>,
    /// Calls that counted for this group, whichever their keys are in now.
    #[param(value_type = Option<String>)]
    group_id: Option<GroupId>,
    model: Option<String>,
    endpoint: Option<String>,
}

#[derive(Debug)]
struct Groups(Vec<By>);

impl Default for Groups {
    fn default() -> Self {
        Self(vec![By::Day])
    }
}

impl<'de> Deserialize<'de> for Groups {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let parse = |text: &str| text.split(',').map(|by| By::parse(by.trim())).collect::<Option<Vec<_>>>();
        parsed(from, parse, "write one or more of hour, day, month, model, key, group, endpoint, with commas between")
            .map(Self)
    }
}

/// Sum usage.
#[utoipa::path(get, path = "/usage", tag = "usage", operation_id = "sum_usage", params(UsageFilters),
    responses((status = 200, description = "The sums.", body = UsageReport), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Filters(filters): Filters<UsageFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<UsageReport>, Problem> {
    let now = gateway.clock().now();
    let to = filters.to.unwrap_or(now);
    let from = filters.from.unwrap_or_else(|| to.minus(LAST));
    if from >= to {
        return Err(Problem::field("from", "`from` must lie before `to`."));
    }
    let zone = filters.timezone.as_deref().map_or_else(|| Some(Zone::utc()), Zone::parse);
    let zone = zone.ok_or_else(|| {
        Problem::field("timezone", "That is not a time zone. Write one such as Europe/Berlin, UTC or UTC+8.")
    })?;
    let query = UsageQuery {
        from: Time::from_micros(from.micros().div_euclid(QUARTER_HOUR) * QUARTER_HOUR),
        to,
        by: filters.by.0,
        zone,
        key_id: filters.key_id,
        group_id: filters.group_id,
        model: filters.model,
        endpoint: filters.endpoint,
    };
    let data = gateway.usage(&by, &query).await?.into_iter().map(UsageRow::from).collect();
    Ok(Json(UsageReport { data }))
}
