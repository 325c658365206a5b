//! OpenAI's six rate-limit headers, for the tightest limit of each kind.

use crate::domain::limit::Measure;
use crate::domain::period::Period;
use crate::domain::refusal::Detail;
use crate::gateway::limits::Standing;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

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
pub(super) fn headers(standings: &[Standing]) -> HeaderMap {
    let rates = standings.iter().filter_map(|standing| {
        let window_seconds = window(standing.limit.period)?;
        let (measure, max) = (standing.limit.measure, standing.limit.max);
        Some(Rate { measure, max, taken: standing.reading.total(), window_seconds })
    });
    written(&rates.collect::<Vec<_>>())
}

/// For a call that a limit refused: the rates as it met them.
pub(super) fn refused(trace: &[Detail]) -> HeaderMap {
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
    written(&rates.collect::<Vec<_>>())
}

fn window(period: Period) -> Option<u64> {
    period.window().map(|(window, _)| window.as_secs())
}

fn written(rates: &[Rate]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (measure, name) in [(Measure::Requests, "requests"), (Measure::Tokens, "tokens")] {
        let rates = rates.iter().filter(|rate| rate.measure == measure);
        let Some(tightest) = rates.min_by_key(|rate| rate.remaining()) else { continue };
        // A sliding window is full again when the whole of it has passed.
        let reset = if tightest.taken == 0 { 0 } else { tightest.window_seconds };
        let facts = [
            ("limit", tightest.max.to_string()),
            ("remaining", tightest.remaining().to_string()),
            ("reset", format!("{reset}s")),
        ];
        for (fact, value) in facts {
            let name = HeaderName::try_from(format!("x-ratelimit-{fact}-{name}"));
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                headers.insert(name, value);
            }
        }
    }
    headers
}
