//! At today's pace: what a stretch of time will come to, and when each budget runs dry.

use super::Gateway;
use super::limits::{Standing, is_budget};
use super::survey::Stand;
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::{Key, KeyState};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::store::key_lists::KeyFilter;
use std::time::Duration;

/// Less than this says nothing about the rest.
const LEAST: Duration = Duration::from_hours(1);
/// Further than this nobody looks.
const HORIZON: Duration = Duration::from_hours(400 * 24);

/// A key's budget: a limit on its tokens or credits over a calendar period or for good.
#[derive(Clone, Debug)]
pub struct Budgeted {
    pub key: Key,
    pub standing: Standing,
    pub outlook: Outlook,
}

/// What becomes of a budget at this pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It has hardly begun.
    Early,
    /// It runs dry then, before it starts again.
    Dry { at: Time },
    /// It does not, as far as anybody looks. What will have been used when its period ends; `None` for lifetimes.
    Lasts { expected: Option<i64> },
}

/// The most urgent budgets, and how many there are in all.
#[derive(Clone, Debug)]
pub struct Budgets {
    pub first: Vec<Budgeted>,
    pub count: usize,
}

impl Gateway {
    /// Of the budgets of the keys that this account may see and that are in use, their rules' among them, those of which
    /// the largest part is gone, at most `most` of them. Every key is weighed; only the first are looked at closely.
    ///
    /// # Errors
    /// When the database or the books cannot be reached.
    pub async fn budgets(&self, by: &Account, most: usize) -> Result<Budgets, Problem> {
        let now = self.shared_now().await?;
        let filter = KeyFilter {
            account_id: (!by.is_admin()).then(|| by.id.clone()),
            state: Some((KeyState::Active, now)),
            ..KeyFilter::default()
        };
        let mut surveyed = self.survey(&filter).await?;
        surveyed.retain(|key| key.stand != Stand::Off && key.own.1.is_some());
        let count = surveyed.iter().map(|key| key.own.0).sum();
        // Each has a budget of its own, so the first budgets are among those of as many keys.
        surveyed.sort_by(|one, other| other.own.1.cmp(&one.own.1).then_with(|| other.id.cmp(&one.id)));
        let ids: Vec<KeyId> = surveyed.into_iter().take(most).map(|key| key.id).collect();
        let holders = self.holders(self.0.store.keys_by_id(&ids).await?).await?;
        let (mut of, mut limits) = (Vec::new(), Vec::new());
        for holder in &holders {
            for limit in holder.key_limits(now).into_iter().filter(is_budget) {
                of.push(&holder.key);
                limits.push(limit);
            }
        }
        let mut standings: Vec<(&Key, Standing)> = of.into_iter().zip(self.stand(&limits).await?).collect();
        standings.sort_by(|(one_key, one), (other_key, other)| {
            let share = |standing: &Standing| standing.tightness(now).share;
            share(other).cmp(&share(one)).then_with(|| other_key.id.cmp(&one_key.id))
        });
        let mut first = Vec::with_capacity(most);
        for (key, standing) in standings.into_iter().take(most) {
            let outlook = self.outlook(&standing, key.created_at, now).await?;
            first.push(Budgeted { key: key.clone(), standing, outlook });
        }
        Ok(Budgets { first, count })
    }
}

/// How fast something is used: `used` between `since` and `now`.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub used: i64,
    pub since: Time,
    pub now: Time,
}

impl Pace {
    /// Whether it says anything about the rest.
    pub fn is_telling(self) -> bool {
        self.now.since(self.since) >= LEAST
    }

    /// What will be used between now and `end`. `None` while it is too early to say.
    pub fn until(self, end: Time) -> Option<i64> {
        let passed = self.now.since(self.since);
        if !self.is_telling() {
            return None;
        }
        let used = i128::from(self.used.max(0)) * micros(end.since(self.now)) / micros(passed);
        Some(i64::try_from(used).unwrap_or(i64::MAX))
    }

    /// When `left` more will have been used; `None` where that is too far to matter, or too early to say.
    pub fn reaches(self, left: i64) -> Option<Time> {
        let passed = self.now.since(self.since);
        if !self.is_telling() || self.used <= 0 {
            return None;
        }
        let wait = i128::from(left.max(0)) * micros(passed) / i128::from(self.used);
        let wait = Duration::from_micros(u64::try_from(wait).ok()?);
        (wait <= HORIZON).then(|| self.now.plus(wait))
    }
}

fn micros(span: Duration) -> i128 {
    i128::try_from(span.as_micros()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: i64) -> Time {
        Time::from_micros(hours * 3_600_000_000)
    }

    #[test]
    fn a_pace_goes_on_as_it_went() {
        let pace = Pace { used: 300, since: hours(0), now: hours(10) };
        assert_eq!(pace.until(hours(30)), Some(600));
        assert_eq!(pace.reaches(60), Some(hours(12)));
        assert_eq!(pace.reaches(0), Some(hours(10)));
    }

    #[test]
    fn what_has_hardly_begun_or_stands_still_foretells_nothing() {
        let early = Pace { used: 5, since: hours(0), now: Time::from_micros(60_000_000) };
        assert_eq!((early.until(hours(9)), early.reaches(1)), (None, None));
        let still = Pace { used: 0, since: hours(0), now: hours(10) };
        assert_eq!((still.until(hours(20)), still.reaches(1)), (Some(0), None));
        let slow = Pace { used: 1, since: hours(0), now: hours(1_000) };
        assert_eq!(slow.reaches(i64::MAX), None);
    }
}
