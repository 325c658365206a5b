//! What one call takes of each measure. Held as an upper bound at admission, settled as what was really used.

use super::credits::Credits;
use super::limit::Measure;

/// A quantity of every measure at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub requests: i64,
    pub tokens: i64,
    pub credits: Credits,
}

impl Amount {
    pub const NOTHING: Amount = Amount { requests: 0, tokens: 0, credits: Credits::ZERO };

    /// One dispatched request with its tokens and cost.
    pub fn request(tokens: u64, credits: Credits) -> Self {
        Self { requests: 1, tokens: i64::try_from(tokens).unwrap_or(i64::MAX), credits }
    }

    /// The part that a limit of `measure` counts; credits in nano-credits.
    pub fn of(&self, measure: Measure) -> i64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Credits => self.credits.nanos(),
        }
    }
}
