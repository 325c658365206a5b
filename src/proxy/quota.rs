//! What a key may ask about itself, with itself as the bearer. Reading never creates anything.

use super::error::ProxyError;
use super::{Door, call};
use crate::domain::credits::Credits;
use crate::domain::key::{Key, KeyStatus};
use crate::domain::limit::Measure;
use crate::domain::period::{Period, Zone};
use crate::domain::refusal::{Figure, Refusal};
use crate::gateway::Gateway;
use crate::gateway::authenticate::Holder;
use crate::gateway::limits::Standing;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::sync::Arc;

/// Whose key asks. A key that is disabled or expired may still ask why.
async fn holder(door: &Door, headers: &HeaderMap) -> Result<Arc<Holder>, ProxyError> {
    Ok(door.gateway.authenticate(&call::secret(headers, None)?).await?)
}

async fn standings(gateway: &Gateway, holder: &Holder) -> Result<Vec<Standing>, ProxyError> {
    Ok(gateway.stand(&holder.limits()).await.map_err(|_| Refusal::books_unavailable())?)
}

/// Credits as a JSON number with every digit, since these old shapes want numbers.
fn number(credits: Credits) -> Box<RawValue> {
    RawValue::from_string(credits.to_string()).expect("a decimal is a JSON number")
}

/// The credit limit with the least left.
fn tightest(standings: &[Standing]) -> Option<&Standing> {
    let money = standings.iter().filter(|standing| standing.limit.measure == Measure::Credits);
    money.min_by_key(|standing| standing.remaining())
}

#[derive(Serialize)]
pub(super) struct Own {
    success: bool,
    data: OwnData,
}

#[derive(Serialize)]
struct OwnData {
    id: String,
    name: String,
    status: &'static str,
    /// What the tightest credit limit leaves; null where there is none.
    remain_quota: Option<Box<RawValue>>,
    /// Credits in the key's lifetime.
    used_quota: Box<RawValue>,
    unlimited_quota: bool,
    expires_at: Option<String>,
    group: Option<String>,
    models: Vec<String>,
    limits: Vec<Value>,
}

/// `GET /api/user/token`.
pub(super) async fn user_token(State(door): State<Door>, headers: HeaderMap) -> Result<Json<Own>, ProxyError> {
    let holder = holder(&door, &headers).await?;
    let key = &holder.key;
    let standings = standings(&door.gateway, &holder).await?;
    let used = used_since(&door.gateway, key, Period::Lifetime).await?;
    let status = match key.status {
        KeyStatus::Active if key.is_expired(door.gateway.clock().now()) => "expired",
        status => status.as_str(),
    };
    let tightest = tightest(&standings);
    Ok(Json(Own {
        success: true,
        data: OwnData {
            id: key.id.0.clone(),
            name: key.name.clone(),
            status,
            remain_quota: tightest.map(|limit| number(Credits::from_nanos(limit.remaining()))),
            used_quota: number(used),
            unlimited_quota: tightest.is_none(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            group: holder.group.as_ref().map(|group| group.name.clone()),
            models: key.models.clone(),
            limits: standings.iter().map(limit).collect(),
        },
    }))
}

fn limit(standing: &Standing) -> Value {
    let measure = standing.limit.measure;
    let figure = |value| Figure::new(measure, value);
    json!({
        "limit": standing.limit.name,
        "scope": standing.limit.owner.scope,
        "measure": measure,
        "period": standing.limit.period.as_str(),
        "max": figure(standing.limit.max),
        "used": figure(standing.reading.settled),
        "held": figure(standing.reading.held),
        "remaining": figure(standing.remaining()),
        "resets_at": standing.resets_at,
    })
}

/// What the key has been charged in the current period of its own time zone.
async fn used_since(gateway: &Gateway, key: &Key, period: Period) -> Result<Credits, ProxyError> {
    let zone = Zone::parse(&key.timezone).unwrap_or_else(Zone::utc);
    let start = period.start(gateway.clock().now(), &zone);
    Ok(gateway.spent_since(key, start).await.map_err(|_| Refusal::books_unavailable())?)
}

#[derive(Serialize)]
pub(super) struct OpenRouterKey {
    data: OpenRouterData,
}

#[derive(Serialize)]
struct OpenRouterData {
    label: String,
    limit: Option<Box<RawValue>>,
    limit_remaining: Option<Box<RawValue>>,
    limit_reset: Option<&'static str>,
    usage: Box<RawValue>,
    usage_daily: Box<RawValue>,
    usage_weekly: Box<RawValue>,
    usage_monthly: Box<RawValue>,
    is_free_tier: bool,
    rate_limit: Value,
}

/// `GET /api/v1/key`, in OpenRouter's shape.
pub(super) async fn openrouter(
    State(door): State<Door>,
    headers: HeaderMap,
) -> Result<Json<OpenRouterKey>, ProxyError> {
    let holder = holder(&door, &headers).await?;
    let (gateway, key) = (&door.gateway, &holder.key);
    let standings = standings(gateway, &holder).await?;
    let tightest = tightest(&standings);
    let reset = tightest.and_then(|limit| match limit.limit.period {
        Period::Day => Some("daily"),
        Period::Week => Some("weekly"),
        Period::Month => Some("monthly"),
        Period::Minute | Period::RollingDay | Period::Cycle { .. } | Period::Lifetime => None,
    });
    // OpenRouter says -1 where there is no rate limit.
    let requests = key.limits.rpm.map_or(json!(-1), |rpm| json!(rpm));
    Ok(Json(OpenRouterKey {
        data: OpenRouterData {
            label: key.hint.clone(),
            limit: tightest.map(|limit| number(Credits::from_nanos(limit.limit.max))),
            limit_remaining: tightest.map(|limit| number(Credits::from_nanos(limit.remaining()))),
            limit_reset: reset,
            usage: number(used_since(gateway, key, Period::Lifetime).await?),
            usage_daily: number(used_since(gateway, key, Period::Day).await?),
            usage_weekly: number(used_since(gateway, key, Period::Week).await?),
            usage_monthly: number(used_since(gateway, key, Period::Month).await?),
            is_free_tier: false,
            rate_limit: json!({ "requests": requests, "interval": "1m" }),
        },
    }))
}

#[derive(Serialize)]
pub(super) struct Subscription {
    object: &'static str,
    has_payment_method: bool,
    soft_limit_usd: Box<RawValue>,
    hard_limit_usd: Box<RawValue>,
    system_hard_limit_usd: Box<RawValue>,
    access_until: i64,
}

/// `GET /v1/dashboard/billing/subscription`, which OpenAI has long retired and many clients still poll.
pub(super) async fn subscription(
    State(door): State<Door>,
    headers: HeaderMap,
) -> Result<Json<Subscription>, ProxyError> {
    let holder = holder(&door, &headers).await?;
    let standings = standings(&door.gateway, &holder).await?;
    // Clients subtract usage from this; a key without a limit is shown a limit that none will meet.
    let most = tightest(&standings)
        .map_or(Credits::from_nanos(100_000_000 * 1_000_000_000), |limit| Credits::from_nanos(limit.limit.max));
    Ok(Json(Subscription {
        object: "billing_subscription",
        has_payment_method: true,
        soft_limit_usd: number(most),
        hard_limit_usd: number(most),
        system_hard_limit_usd: number(most),
        access_until: holder.key.expires_at.map_or(0, |at| at.micros() / 1_000_000),
    }))
}

#[derive(Serialize)]
pub(super) struct Usage {
    object: &'static str,
    /// In hundredths of a credit.
    total_usage: Box<RawValue>,
}

/// `GET /v1/dashboard/billing/usage`: what the period of the tightest credit limit has used, so that limit less usage
/// is what is left.
pub(super) async fn usage(State(door): State<Door>, headers: HeaderMap) -> Result<Json<Usage>, ProxyError> {
    let holder = holder(&door, &headers).await?;
    let standings = standings(&door.gateway, &holder).await?;
    let used = match tightest(&standings) {
        Some(limit) => Credits::from_nanos(limit.reading.settled),
        None => used_since(&door.gateway, &holder.key, Period::Lifetime).await?,
    };
    let cents = Credits::from_nanos(used.nanos().saturating_mul(100));
    Ok(Json(Usage { object: "list", total_usage: number(cents) }))
}
