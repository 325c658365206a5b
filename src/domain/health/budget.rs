//! What retries may add to a provider's load.

use crate::domain::time::Time;

/// Thousandths of a retry that each call earns: one retry for five calls.
const EARNED: u32 = 200;
/// Thousandths that each second earns, so that a provider that few call is retried too: one retry in ten seconds.
const EARNED_A_SECOND: u64 = 100;
const ONE: u32 = 1_000;
/// Never more than ten retries at hand, so that a quiet hour saves up no storm.
const MOST: u32 = 10 * ONE;

/// Retries are paid for from a budget that calls fill, so that when all calls fail they add a fifth to the load, and do
/// not multiply it. Source: grpc.io, "gRPC Retry Design", "Throttling Retry Attempts"; linkerd.io, "Retry Budgets".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    thousandths: u32,
    filled_at: Option<Time>,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { thousandths: MOST, filled_at: None }
    }
}

impl RetryBudget {
    /// A call was sent for the first time.
    pub fn earn(&mut self) {
        self.thousandths = self.thousandths.saturating_add(EARNED).min(MOST);
    }

    /// Whether one more retry is within the budget, which it then has used.
    pub fn spend(&mut self, now: Time) -> bool {
        let seconds = self.filled_at.map_or(0, |at| now.since(at).as_secs());
        if self.filled_at.is_none() || seconds > 0 {
            let earned = u32::try_from(seconds.saturating_mul(EARNED_A_SECOND)).unwrap_or(MOST);
            (self.thousandths, self.filled_at) = (self.thousandths.saturating_add(earned).min(MOST), Some(now));
        }
        let is_within = self.thousandths >= ONE;
        if is_within {
            self.thousandths -= ONE;
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    proptest! {
        /// However calls and time come, retries never pass the floor, a fifth of the calls and a tenth of the seconds.
        #[test]
        fn retries_add_a_fifth_to_the_load_and_never_multiply_it(
            steps in prop::collection::vec((0_u8..6, 0_u64..3_000), 1..400),
        ) {
            let mut budget = RetryBudget::default();
            let (mut calls, mut retries, mut millis) = (0_u64, 0_u64, 0);
            for (step, wait) in steps {
                millis += wait;
                let now = Time::EPOCH.plus(Duration::from_millis(millis));
                if step == 0 {
                    budget.earn();
                    calls += 1;
                } else if budget.spend(now) {
                    retries += 1;
                }
                prop_assert!(retries * 1_000 <= 10_000 + calls * 200 + millis / 10 + 100);
            }
        }
    }

    #[test]
    fn a_provider_that_nobody_calls_is_retried_now_and_then() {
        let mut budget = RetryBudget::default();
        let at = |seconds| Time::EPOCH.plus(Duration::from_secs(seconds));
        while budget.spend(at(0)) {}
        assert!(!budget.spend(at(9)));
        assert!(budget.spend(at(10)));
        assert!(!budget.spend(at(10)));
    }
}
