//! At today's pace: what a stretch of time will come to, and when each budget runs dry.

use super::Gateway;
use super::issue::KeyQuery;
use super::limits::{Standing, is_budget};
use super::usage::{By, UsageQuery, Used};
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::{Key, KeyState};
use crate::domain::limit::Measure;
use crate::domain::period::Zone;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use std::collections::HashMap;
use std::time::Duration;

/// A pace is taken over this much at most, so that it is today's and not last month's.
const LOOK_BACK: Duration = Duration::from_hours(7 * 24);
/// Less than this says nothing about the rest.
const LEAST: Duration = Duration::from_hours(1);
/// Further than this nobody looks.
const HORIZON: Duration = Duration::from_hours(400 * 24);
/// How many keys are looked at: the newest.
const KEYS: u32 = 1_000;

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

impl Gateway {
    /// The budgets of the keys that this account may see and that are in use, their rules' among them, the most used part
    /// first. Looks at the newest 1,000 keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn budgets(&self, by: &Account) -> Result<Vec<Budgeted>, Problem> {
        let now = self.0.clock.now();
        let from = now.minus(LOOK_BACK);
        let query = KeyQuery { state: Some(KeyState::Active), limit: KEYS, ..KeyQuery::default() };
        let keys = self.holders(self.keys(by, query).await?.data).await?;
        let recent = UsageQuery {
            from,
            to: now,
            by: vec![By::Key],
            zone: Zone::utc(),
            key_id: None,
            group_id: None,
            model: None,
            endpoint: None,
        };
        let recent: HashMap<KeyId, Used> =
            self.usage(by, &recent).await?.into_iter().filter_map(|used| Some((used.key_id.clone()?, used))).collect();
        let (mut of, mut limits) = (Vec::new(), Vec::new());
        for holder in &keys {
            for limit in holder.key_limits(now).into_iter().filter(is_budget) {
                of.push(&holder.key);
                limits.push(limit);
            }
        }
        let standings = self.stand(&limits).await?.into_iter();
        let mut budgets: Vec<Budgeted> = of
            .into_iter()
            .zip(standings)
            .map(|(key, standing)| budgeted(key.clone(), standing, recent.get(&key.id), from, now))
            .collect();
        budgets.sort_by_key(|budget| std::cmp::Reverse(budget.standing.tightness(now).share));
        Ok(budgets)
    }
}

fn budgeted(key: Key, standing: Standing, recent: Option<&Used>, from: Time, now: Time) -> Budgeted {
    let limit = &standing.limit;
    // The period, or as much of it as the key has been there for.
    let began = limit.period.start(now, &limit.zone).max(key.created_at);
    let (since, used) = if began >= from {
        (began, standing.reading.settled)
    } else {
        (from, recent.map_or(0, |used| measured(used, limit.measure)))
    };
    let pace = Pace { used, since, now };
    let outlook = match pace.reaches(standing.remaining()) {
        _ if !pace.is_telling() => Outlook::Early,
        Some(at) if standing.resets_at.is_none_or(|resets| at < resets) => Outlook::Dry { at },
        _ => {
            let rest = standing.resets_at.and_then(|end| pace.until(end));
            Outlook::Lasts { expected: rest.map(|rest| standing.reading.settled.saturating_add(rest)) }
        }
    };
    Budgeted { key, standing, outlook }
}

fn measured(used: &Used, measure: Measure) -> i64 {
    match measure {
        Measure::Requests => i64::try_from(used.calls - used.refused).unwrap_or(i64::MAX),
        Measure::Tokens => i64::try_from(used.usage.total()).unwrap_or(i64::MAX),
        Measure::Credits => used.cost.nanos(),
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
