//! OpenAI's six rate-limit headers, for the tightest limit of each kind.

use crate::domain::limit::Measure;
use crate::gateway::limits::Standing;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Empty where the key has no rate limits.
pub(super) fn headers(standings: &[Standing]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (measure, name) in [(Measure::Requests, "requests"), (Measure::Tokens, "tokens")] {
        let rates = standings.iter().filter(|standing| standing.limit.measure == measure);
        let Some(tightest) = rates.min_by_key(|standing| standing.remaining()) else { continue };
        // A sliding window is full again when the whole of it has passed.
        let reset = match (tightest.reading.total(), tightest.limit.period.window()) {
            (0, _) | (_, None) => 0,
            (_, Some((window, _))) => window.as_secs(),
        };
        let facts = [
            ("limit", tightest.limit.max.to_string()),
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
