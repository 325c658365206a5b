//! Why a call may not proceed: a closed list with stable codes, told in full so that the caller can act.

use super::ledger::Short;
use super::limit::{Measure, Scope};
use super::time::Time;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $kind:literal;)*) => {
        /// A stable name for each reason; never renamed, only added to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code { $(#[serde(rename = $code)] $name,)* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// The `type` of the error object.
            pub fn kind(self) -> &'static str {
                match self { $(Code::$name => $kind,)* }
            }
        }
    };
}

codes! {
    InvalidBody = "invalid_body", 400, "invalid_request_error";
    MaxTokensExceedsKeyLimit = "max_tokens_exceeds_key_limit", 400, "invalid_request_error";
    RequestCostExceedsKeyCap = "request_cost_exceeds_key_cap", 400, "invalid_request_error";
    ContextLengthExceeded = "context_length_exceeded", 400, "invalid_request_error";
    MissingKey = "missing_key", 401, "authentication_error";
    InvalidKey = "invalid_key", 401, "authentication_error";
    KeyRevoked = "key_revoked", 401, "authentication_error";
    KeyExpired = "key_expired", 401, "authentication_error";
    KeyDisabled = "key_disabled", 401, "authentication_error";
    AccountDisabled = "account_disabled", 401, "authentication_error";
    QuotaExceeded = "quota_exceeded", 402, "billing_error";
    SubscriptionExhausted = "subscription_exhausted", 402, "billing_error";
    BalanceExhausted = "balance_exhausted", 402, "billing_error";
    ModelNotAllowed = "model_not_allowed", 403, "permission_error";
    IpNotAllowed = "ip_not_allowed", 403, "permission_error";
    OutsideAllowedHours = "outside_allowed_hours", 403, "permission_error";
    EndpointNotAllowed = "endpoint_not_allowed", 403, "permission_error";
    ModelNotFound = "model_not_found", 404, "invalid_request_error";
    BodyTooLarge = "body_too_large", 413, "invalid_request_error";
    RateLimitExceeded = "rate_limit_exceeded", 429, "rate_limit_error";
    UpstreamFailed = "upstream_failed", 502, "upstream_error";
    NoRouteAvailable = "no_route_available", 503, "service_unavailable";
    BooksUnavailable = "books_unavailable", 503, "service_unavailable";
    UpstreamTimeout = "upstream_timeout", 504, "upstream_error";
}

/// A call that may not proceed, and all there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
    /// The field of the request that is at fault, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<Detail>>,
    #[serde(default)]
    pub retry: Retry,
}

/// Whether asking again helps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Nothing is said.
    #[default]
    Unsaid,
    /// It never will.
    Never,
    /// After so many seconds.
    After(u64),
}

/// The limit that refused, in the unit of its measure; credits as decimal strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub scope: Scope,
    pub limit: String,
    pub measure: Measure,
    pub period: String,
    pub max: Figure,
    pub used: Figure,
    pub held: Figure,
    pub requested: Figure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Time>,
}

/// A count as a number, money as a decimal string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Figure {
    Count(i64),
    Money(super::credits::Credits),
}

impl Figure {
    pub fn new(measure: Measure, value: i64) -> Self {
        match measure {
            Measure::Credits => Figure::Money(super::credits::Credits::from_nanos(value)),
            Measure::Requests | Measure::Tokens => Figure::Count(value),
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Figure::Count(count) => count.fmt(f),
            Figure::Money(money) => money.fmt(f),
        }
    }
}

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, detail: None, retry: Retry::Unsaid }
    }

    /// The books cannot be written: nothing uncounted may pass.
    pub fn books_unavailable() -> Self {
        let message =
            "The books cannot be written just now, so no call is let through. Nothing was charged; try again shortly.";
        Self { retry: Retry::After(1), ..Self::new(Code::BooksUnavailable, message) }
    }

    /// The same, naming the request's field at fault.
    pub fn about(self, param: &str) -> Self {
        Self { param: Some(param.to_owned()), ..self }
    }

    /// A limit had no room.
    pub fn short(short: &Short, key_name: &str, now: Time) -> Self {
        let Short { limit, reading, requested, opens_at } = short;
        let sliding = limit.period.window().is_some();
        let figure = |value| Figure::new(limit.measure, value);
        let resets_at = if sliding { *opens_at } else { limit.period.end(now, &limit.zone) };
        let never = *requested > limit.max;
        let only_held = reading.settled.saturating_add(*requested) <= limit.max;
        let retry = match opens_at {
            _ if never => Retry::Never,
            _ if only_held => Retry::After(1),
            Some(at) => Retry::After(now.seconds_until(*at).max(1)),
            None => Retry::Unsaid,
        };
        let opens = match (retry, resets_at) {
            (Retry::Never, _) => " This call alone asks for more than the limit.".to_owned(),
            (Retry::After(1), _) if only_held => " Calls in flight hold the rest; try again in a moment.".to_owned(),
            (_, Some(at)) => format!(" It opens again at {at}."),
            (_, None) => " It does not reset by itself.".to_owned(),
        };
        let message = format!(
            "Key {key_name:?} is limited to {} {} {} ({}): {} used, {} held by calls in flight, {} asked for.{opens}",
            figure(limit.max),
            limit.measure.as_str(),
            match limit.period.as_str() {
                "lifetime" => "in all".to_owned(),
                period => format!("per {period}"),
            },
            limit.name,
            figure(reading.settled),
            figure(reading.held),
            figure(*requested),
        );
        let detail = Detail {
            scope: limit.owner.scope,
            limit: limit.name.to_owned(),
            measure: limit.measure,
            period: limit.period.as_str().to_owned(),
            max: figure(limit.max),
            used: figure(reading.settled),
            held: figure(reading.held),
            requested: figure(*requested),
            resets_at,
        };
        let code = if sliding { Code::RateLimitExceeded } else { Code::QuotaExceeded };
        Self { code, message, param: None, detail: Some(Box::new(detail)), retry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limit::{Limit, Owner};
    use crate::domain::meter::Reading;
    use crate::domain::period::{Period, Zone};

    fn short(period: Period, settled: i64, held: i64, requested: i64, opens_at: Option<i64>) -> Refusal {
        let owner = Owner { scope: Scope::Key, id: "k".to_owned() };
        let limit =
            Limit { owner, name: "rpm", measure: Measure::Requests, period, zone: Zone::utc(), max: 60, rule: None };
        let (reading, opens_at) = (Reading { settled, held }, opens_at.map(Time::from_micros));
        Refusal::short(&Short { limit, reading, requested, opens_at }, "web", Time::EPOCH)
    }

    #[test]
    fn a_rate_says_in_how_many_whole_seconds_it_opens() {
        let refusal = short(Period::Minute, 60, 0, 1, Some(12_000_001));
        assert_eq!((refusal.code, refusal.retry), (Code::RateLimitExceeded, Retry::After(13)));
    }

    #[test]
    fn a_call_larger_than_the_limit_is_never_asked_to_try_again() {
        assert_eq!(short(Period::Lifetime, 0, 0, 61, None).retry, Retry::Never);
    }

    #[test]
    fn a_call_that_only_waits_for_others_may_try_in_a_second() {
        assert_eq!(short(Period::Month, 0, 60, 1, Some(9_000_000)).retry, Retry::After(1));
    }
}
