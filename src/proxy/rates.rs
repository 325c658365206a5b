//! The six rate-limit headers of the caller's dialect, for the tightest limit of each kind.

use super::dialect::Dialect;
use crate::domain::limit::Measure;
use crate::domain::period::Period;
use crate::domain::refusal::Detail;
use crate::domain::time::Time;
use crate::gateway::limits::Standing;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

/// A rate limit as a caller is told of it.
struct Rate {
    measure: Measure,
    max: i64,
    /// What has been used, and what calls in flight hold.
    taken: i64,
    window_seconds: u64,
}

impl Rate {
    fn remaining(&self) -> i64 {
        self.max.saturating_sub(self.taken).max(0)
    }
}

/// For a call that passes. Empty where the key has no rate limits.
pub(super) fn headers(standings: &[Standing], dialect: Dialect, now: Time) -> HeaderMap {
    let rates = standings.iter().filter_map(|standing| {
        let window_seconds = window(standing.limit.period)?;
        let (measure, max) = (standing.limit.measure, standing.limit.max);
        Some(Rate { measure, max, taken: standing.reading.total(), window_seconds })
    });
    written(&rates.collect::<Vec<_>>(), dialect, now)
}

/// For a call that a limit refused: the rates as it met them.
pub(super) fn refused(trace: &[Detail], dialect: Dialect, now: Time) -> HeaderMap {
    let rates = trace.iter().filter_map(|met| {
        let period = match (met.measure, met.period.as_str()) {
            (_, "minute") => Period::Minute,
            // Requests are limited by no other day than the sliding one; tokens and credits by none but the calendar's.
            (Measure::Requests, "day") => Period::RollingDay,
            _ => return None,
        };
        let taken = met.used.units().saturating_add(met.held.units());
        Some(Rate { measure: met.measure, max: met.max.units(), taken, window_seconds: window(period)? })
    });
    written(&rates.collect::<Vec<_>>(), dialect, now)
}

fn window(period: Period) -> Option<u64> {
    period.window().map(|(window, _)| window.as_secs())
}

fn written(rates: &[Rate], dialect: Dialect, now: Time) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (measure, name) in [(Measure::Requests, "requests"), (Measure::Tokens, "tokens")] {
        let rates = rates.iter().filter(|rate| rate.measure == measure);
        let Some(tightest) = rates.min_by_key(|rate| rate.remaining()) else { continue };
        // A sliding window is full again when the whole of it has passed.
        let reset = if tightest.taken == 0 { 0 } else { tightest.window_seconds };
        let reset = match dialect {
            // Anthropic says when, the others in how long.
            Dialect::Anthropic => now.plus(Duration::from_secs(reset)).to_string(),
            Dialect::Openai | Dialect::Responses | Dialect::Gemini => format!("{reset}s"),
        };
        let facts =
            [("limit", tightest.max.to_string()), ("remaining", tightest.remaining().to_string()), ("reset", reset)];
        for (fact, value) in facts {
            let name = HeaderName::try_from(match dialect {
                Dialect::Anthropic => format!("anthropic-ratelimit-{name}-{fact}"),
                Dialect::Openai | Dialect::Responses | Dialect::Gemini => format!("x-ratelimit-{fact}-{name}"),
            });
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
    }
    headers
}
