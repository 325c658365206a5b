//! Why a call may not proceed: a closed list with stable codes, told in full so that the caller can act.

use super::ledger::Consulted;
use super::limit::{Measure, RuleRef, Scope};
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
    /// The hours that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Box<Closed>>,
    /// Every limit in the order consulted, as the call met it: for the logs, not for the caller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<Detail>,
    #[serde(default)]
    pub retry: Retry,
}

/// The allowed hours of a rule, which it is not now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    pub rule: RuleRef,
    pub timezone: String,
    /// `None` where it never opens.
    pub opens_at: Option<Time>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleRef>,
}

impl Detail {
    pub fn new(consulted: &Consulted, now: Time) -> Self {
        let Consulted { limit, reading, requested, opens_at } = consulted;
        let figure = |value| Figure::new(limit.measure, value);
        let sliding = limit.period.window().is_some();
        Self {
            scope: limit.owner.scope,
            limit: limit.name.to_owned(),
            measure: limit.measure,
            period: limit.period.as_str().to_owned(),
            max: figure(limit.max),
            used: figure(reading.settled),
            held: figure(reading.held),
            requested: figure(*requested),
            resets_at: if sliding { *opens_at } else { limit.period.end(now, &limit.zone) },
            rule: limit.rule.clone(),
        }
    }
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

    /// In the measure's unit; credits in nano-credits.
    pub fn units(&self) -> i64 {
        match self {
            Figure::Count(count) => *count,
            Figure::Money(money) => money.nanos(),
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
        Self {
            code,
            message: message.into(),
            param: None,
            detail: None,
            closed: None,
            trace: Vec::new(),
            retry: Retry::Unsaid,
        }
    }

    /// The books cannot be written: nothing uncounted may pass.
    pub fn books_unavailable() -> Self {
        let message =
            "The books cannot be written just now, so no call is let through. Nothing was charged; try again shortly.";
        Self { retry: Retry::After(1), ..Self::new(Code::BooksUnavailable, message) }
    }

    /// The same in other words.
    pub fn saying(&self, message: String) -> Self {
        Self { message, ..self.clone() }
    }

    /// The same, naming the request's field at fault.
    pub fn about(self, param: &str) -> Self {
        Self { param: Some(param.to_owned()), ..self }
    }

    /// A limit had no room. `trace` is every limit in the order consulted; `whose` names the owner of each, such as
    /// `Key "web"`.
    pub fn short(short: &Consulted, trace: &[Consulted], whose: &str, now: Time) -> Self {
        let Consulted { limit, reading, requested, opens_at } = short;
        let detail = Detail::new(short, now);
        // Tokens and credits that are held come back in part; a request that was sent stays one.
        let only_held = limit.measure != Measure::Requests && reading.settled.saturating_add(*requested) <= limit.max;
        let retry = match opens_at {
            _ if *requested > limit.max => Retry::Never,
            _ if only_held => Retry::After(1),
            Some(at) => Retry::After(now.seconds_until(*at).max(1)),
            None => Retry::Unsaid,
        };
        let opens = match (retry, detail.resets_at) {
            (Retry::Never, _) => " This call alone asks for more than the limit.".to_owned(),
            (Retry::After(1), _) if only_held => " Calls in flight hold the rest; try again in a moment.".to_owned(),
            (_, Some(at)) => format!(" It opens again at {at}."),
            (_, None) => " It does not reset by itself.".to_owned(),
        };
        let period = match detail.period.as_str() {
            "lifetime" => "in all".to_owned(),
            period => format!("per {period}"),
        };
        let name = match &limit.rule {
            Some(rule) => format!("rule {:?}", rule.name),
            None => limit.name.to_owned(),
        };
        let message = format!(
            "{whose} is limited to {} {} {period} ({name}): {} used, {} held by calls in flight, {} asked for.{opens}",
            detail.max,
            limit.measure.as_str(),
            detail.used,
            detail.held,
            detail.requested,
        );
        let code = match limit.owner.scope {
            Scope::Subscription => Code::SubscriptionExhausted,
            Scope::Balance => Code::BalanceExhausted,
            Scope::Key | Scope::Group | Scope::Account if limit.period.window().is_some() => Code::RateLimitExceeded,
            Scope::Key | Scope::Group | Scope::Account => Code::QuotaExceeded,
        };
        let trace = trace.iter().map(|consulted| Detail::new(consulted, now)).collect();
        Self { detail: Some(Box::new(detail)), trace, retry, ..Self::new(code, message) }
    }

    /// It is not one of the hours that a rule allows.
    pub fn closed(rule: RuleRef, timezone: &str, opens_at: Option<Time>, key_name: &str, now: Time) -> Self {
        let opens = match opens_at {
            Some(at) => format!("It opens again at {at}."),
            None => "It never opens.".to_owned(),
        };
        let message =
            format!("Key {key_name:?} may not be used at this hour (rule {:?}, {timezone}). {opens}", rule.name);
        let retry = opens_at.map_or(Retry::Never, |at| Retry::After(now.seconds_until(at).max(1)));
        let closed = Closed { rule, timezone: timezone.to_owned(), opens_at };
        Self { closed: Some(Box::new(closed)), retry, ..Self::new(Code::OutsideAllowedHours, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limit::{Limit, Owner};
    use crate::domain::meter::Reading;
    use crate::domain::period::{Period, Zone};

    fn short(period: Period, settled: i64, held: i64, requested: i64, opens_at: Option<i64>) -> Refusal {
        short_of(Measure::Requests, period, settled, held, requested, opens_at)
    }

    fn short_of(
        measure: Measure,
        period: Period,
        settled: i64,
        held: i64,
        requested: i64,
        opens_at: Option<i64>,
    ) -> Refusal {
        let owner = Owner { scope: Scope::Key, id: "k".to_owned() };
        let limit = Limit { owner, name: "rpm", measure, period, zone: Zone::utc(), max: 60, rule: None };
        let (reading, opens_at) = (Reading { settled, held }, opens_at.map(Time::from_micros));
        Refusal::short(&Consulted { limit, reading, requested, opens_at }, &[], "Key \"web\"", Time::EPOCH)
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
        let waits = |measure| short_of(measure, Period::Minute, 0, 60, 1, Some(9_000_000)).retry;
        assert_eq!(waits(Measure::Tokens), Retry::After(1));
        // Calls in flight are requests already: only the window's end helps.
        assert_eq!(waits(Measure::Requests), Retry::After(9));
    }
}
