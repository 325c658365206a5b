//! Logs: `/api/v1/logs`, one row a call, newest first.

use super::address::{Filters, Limit, Listing, Named, parsed};
use super::problem::ReadFailures;
use super::refusals::RefusalObject;
use crate::auth::Caller;
use crate::domain::call::{Attempt, Call};
use crate::domain::id::{CallId, GroupId, KeyId};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::domain::usage::{Units, Usage};
use crate::gateway::Gateway;
use crate::gateway::usage::LogQuery;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A call, as the contract writes its row.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogRow {
    /// The request id: the `x-request-id` of its answer.
    id: String,
    #[schema(value_type = String, format = DateTime)]
    at: Time,
    key_id: String,
    /// As it was at the call.
    key_name: String,
    /// The group it counted for: its key's at the call.
    group_id: Option<String>,
    account_id: String,
    #[schema(example = "/v1/chat/completions")]
    endpoint: String,
    /// What the caller speaks, such as `openai`.
    dialect: String,
    model: String,
    /// `null` where no upstream was reached.
    provider: Option<String>,
    stream: bool,
    /// The HTTP status the caller was sent; `null` while the call is in flight.
    status: Option<u16>,
    /// Why it was refused or failed.
    refusal: Option<RefusalObject>,
    tokens: Tokens,
    /// Absent where nothing but tokens was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    units: Option<UsedUnits>,
    /// Credits, with all nine decimals.
    #[schema(example = "0.000123000")]
    cost: String,
    /// The arithmetic behind the cost.
    cost_basis: String,
    /// `upstream`, `estimated` or `interrupted`; `null` where nothing was used.
    usage_source: Option<&'static str>,
    first_byte_ms: Option<u64>,
    total_ms: Option<u64>,
    client_ip: String,
    user_agent: String,
    attempts: Vec<LogAttempt>,
    /// `pending`, `settled` or `refused`.
    state: &'static str,
    /// The caller's own `x-request-id`, if it sent one.
    client_request_id: Option<String>,
    /// The version of the price that it is charged by; `null` where it is charged by none. It is of the price of the model
    /// that answered, which the last of `attempts` names where another than `model` did.
    price_version: Option<u64>,
}

/// Tokens by kind. The rarer kinds are left out where there are none, and in sums over calls.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Tokens {
    input: u64,
    /// Part of `input`.
    cached: u64,
    /// Part of `input`: written into the provider's cache for a few minutes.
    #[serde(skip_serializing_if = "is_zero")]
    cache_write: u64,
    /// Part of `input`: written into the provider's cache for an hour.
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_1h: u64,
    /// Part of `input`.
    #[serde(skip_serializing_if = "is_zero")]
    audio_input: u64,
    /// Part of `input`.
    #[serde(skip_serializing_if = "is_zero")]
    image_input: u64,
    output: u64,
    /// Part of `output`.
    reasoning: u64,
    /// Part of `output`.
    #[serde(skip_serializing_if = "is_zero")]
    audio_output: u64,
    /// Part of `output`.
    #[serde(skip_serializing_if = "is_zero")]
    image_output: u64,
}

/// What was used and is no token; what is none is left out.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct UsedUnits {
    /// Images generated.
    #[serde(skip_serializing_if = "is_zero")]
    images: u64,
    /// Characters of text that was spoken.
    #[serde(skip_serializing_if = "is_zero")]
    characters: u64,
    /// Milliseconds of sound.
    #[serde(skip_serializing_if = "is_zero")]
    audio_ms: u64,
    /// Milliseconds of video.
    #[serde(skip_serializing_if = "is_zero")]
    video_ms: u64,
    /// Searches, or a reranker's search units.
    #[serde(skip_serializing_if = "is_zero")]
    searches: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One try at an upstream.
#[derive(Debug, Serialize, ToSchema)]
struct LogAttempt {
    provider: String,
    upstream_model: String,
    /// The model that stood in for the one that was asked for, if one did.
    model: Option<String>,
    /// The credential it was sent with, masked.
    credential: Option<String>,
    /// Why it was passed over, if it was: it cools down, or has as many calls as it takes.
    skipped: Option<String>,
    /// The HTTP status it answered with, if it answered.
    status: Option<u16>,
    /// What went wrong, if something did.
    error: Option<String>,
    ms: u64,
}

impl From<Call> for LogRow {
    fn from(call: Call) -> Self {
        let arrival = call.arrival;
        Self {
            id: arrival.id.0,
            at: arrival.at,
            key_id: arrival.key_id.0,
            key_name: arrival.key_name,
            group_id: arrival.group_id.map(|id| id.0),
            account_id: arrival.account_id.0,
            endpoint: arrival.endpoint,
            dialect: arrival.dialect,
            model: arrival.model,
            provider: Some(call.provider).filter(|name| !name.is_empty()),
            stream: arrival.stream,
            status: Some(call.status).filter(|status| *status != 0),
            refusal: call.refusal.map(RefusalObject::from),
            tokens: call.usage.into(),
            units: Some(call.usage.units).filter(|units| !units.is_none()).map(UsedUnits::from),
            cost: call.cost.exact(),
            cost_basis: call.cost_basis,
            price_version: Some(call.bound.price_version).filter(|version| *version > 0),
            usage_source: call.usage_source.map(|source| source.as_str()),
            first_byte_ms: call.first_byte_ms,
            total_ms: call.total_ms,
            client_ip: arrival.client_ip,
            user_agent: arrival.user_agent,
            attempts: call.attempts.into_iter().map(LogAttempt::from).collect(),
            state: call.state.as_str(),
            client_request_id: arrival.client_request_id,
        }
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            cached: usage.cached_input,
            cache_write: usage.cache_write,
            cache_write_1h: usage.cache_write_1h,
            audio_input: usage.audio_input,
            image_input: usage.image_input,
            output: usage.output,
            reasoning: usage.reasoning,
            audio_output: usage.audio_output,
            image_output: usage.image_output,
        }
    }
}

impl From<Units> for UsedUnits {
    fn from(units: Units) -> Self {
        let Units { images, characters, audio_ms, video_ms, searches } = units;
        Self { images, characters, audio_ms, video_ms, searches }
    }
}

impl From<Attempt> for LogAttempt {
    fn from(attempt: Attempt) -> Self {
        let Attempt { provider, upstream_model, model, credential, skipped, status, error, ms } = attempt;
        Self { provider, upstream_model, model, credential, skipped, status, error, ms }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogFilters {
    #[param(value_type = Option<String>)]
    key_id: Option<KeyId>,
    /// Calls that counted for this group, whichever their keys are in now.
    #[param(value_type = Option<String>)]
    group_id: Option<GroupId>,
    model: Option<String>,
    /// A path, such as `/v1/chat/completions`.
    endpoint: Option<String>,
    /// A status such as `402`, or its hundreds, such as `4xx`.
    #[param(value_type = Option<String>)]
    status: Option<Status>,
    /// Calls at or after this time.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    /// Calls before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
    /// A call's own id, or the one its caller gave it.
    request_id: Option<String>,
    /// Rows on a page, 1 to 1,000; 50 where absent.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A status, or all from the first to the last of its hundreds.
#[derive(Debug)]
struct Status(u16, u16);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let exact = |text: &str| text.parse().ok().filter(|status| (100..=599).contains(status));
        let hundreds = |text: &str| exact(&format!("{}00", text.strip_suffix("xx")?));
        let parse = |text: &str| {
            exact(text)
                .map(|status| Self(status, status))
                .or_else(|| hundreds(text).map(|first| Self(first, first + 99)))
        };
        parsed(from, parse, "write a status such as 402, or its hundreds, such as 4xx")
    }
}

/// List calls, newest first.
#[utoipa::path(get, path = "/logs", tag = "logs", operation_id = "list_calls", params(LogFilters),
    responses((status = 200, description = "A page of calls.", body = Listing<LogRow>), ReadFailures))]
pub async fn list(
    Caller(by): Caller,
    Filters(filters): Filters<LogFilters>,
    State(gateway): State<Gateway>,
) -> Result<Json<Listing<LogRow>>, Problem> {
    let LogFilters { key_id, group_id, model, endpoint, status, from, to, request_id, limit, cursor } = filters;
    let status = status.map(|Status(first, last)| (first, last));
    let query = LogQuery {
        key_id,
        group_id,
        model,
        endpoint,
        status,
        from,
        to,
        request_id,
        cursor,
        limit: limit.0,
        ..LogQuery::default()
    };
    Ok(Json(Listing::of(gateway.logs(&by, query).await?, LogRow::from)))
}

/// Read a call by its request id.
#[utoipa::path(get, path = "/logs/{request_id}", tag = "logs", operation_id = "read_call",
    params(("request_id" = String, Path, description = "The call's `x-request-id`.")),
    responses((status = 200, description = "The call.", body = LogRow), ReadFailures))]
pub async fn read(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
) -> Result<Json<LogRow>, Problem> {
    Ok(Json(gateway.call(&by, &CallId(id)).await?.into()))
}
