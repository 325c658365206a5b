//! How limits stand: what pages and programs are shown of a key's meters.

use super::Gateway;
use super::journal::Unavailable;
use crate::domain::credits::Credits;
use crate::domain::key::Key;
use crate::domain::ledger::Ledger;
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::meter::Reading;
use crate::domain::time::Time;
use crate::store::StoreError;

/// Meters that are read in one go: so long are they locked, and so many owners does one statement name.
const AT_ONCE: usize = 500;
/// All of a limit, as shares are counted.
const WHOLE: i64 = 1_000_000;
/// From this share on a budget is near its end.
pub const NEAR: i64 = WHOLE / 5 * 4;

/// A limit and how it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub limit: Limit,
    pub reading: Reading,
    /// The first instant of the next period; `None` for rates, which slide, and for lifetimes.
    pub resets_at: Option<Time>,
}

impl Standing {
    pub(super) fn read(ledger: &Ledger, limit: Limit, now: Time) -> Self {
        let reading = ledger.read(&limit, now).unwrap_or_default();
        Self::of(limit, reading, now)
    }

    pub(super) fn of(limit: Limit, reading: Reading, now: Time) -> Self {
        let resets_at = limit.period.end(now, &limit.zone);
        Self { limit, reading, resets_at }
    }

    /// What is left, in the measure's unit; zero where more is used than allowed.
    pub fn remaining(&self) -> i64 {
        self.limit.max.saturating_sub(self.reading.total()).max(0)
    }

    /// Whether it is a budget: what is used of it comes back with a new period or not at all, and not by waiting a while.
    pub fn is_budget(&self) -> bool {
        is_budget(&self.limit)
    }

    pub fn tightness(&self, now: Time) -> Tightness {
        Tightness::of(&self.limit, self.reading, now)
    }
}

pub(super) fn is_budget(limit: &Limit) -> bool {
    limit.period.window().is_none()
}

/// How near a budget is to its end: of several the tightest is the greatest. One that is spent is tighter the longer it
/// stays so, since a call has to wait for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tightness {
    /// Nothing is left of it.
    pub is_spent: bool,
    /// When it starts again, where nothing is left; the end of time where it does not.
    reopens: Time,
    /// How much is gone, in millionths of what is allowed; all of it where nothing is.
    pub share: i64,
}

impl Tightness {
    pub(super) fn of(limit: &Limit, reading: Reading, now: Time) -> Self {
        let (total, max) = (i128::from(reading.total()), i128::from(limit.max));
        let is_spent = total >= max;
        let reopens = match is_spent {
            true => limit.period.end(now, &limit.zone).unwrap_or(Time::from_micros(i64::MAX)),
            false => Time::EPOCH,
        };
        let share = if max <= 0 { i128::from(WHOLE) } else { total * i128::from(WHOLE) / max };
        Self { is_spent, reopens, share: i64::try_from(share).unwrap_or(i64::MAX) }
    }

    /// Four fifths are gone, or all.
    pub fn is_near(self) -> bool {
        self.is_spent || self.share >= NEAR
    }
}

impl Gateway {
    /// Every limit of a key's own in the order consulted, as it stands now.
    ///
    /// # Errors
    /// When the books cannot be reached.
    pub async fn standings(&self, key: &Key) -> Result<Vec<Standing>, Unavailable> {
        self.stand(&key.in_force(self.0.clock.now())).await
    }

    /// These limits as they stand now, however many. Never creates anything but meters in memory.
    ///
    /// # Errors
    /// When the books cannot be reached.
    pub async fn stand(&self, limits: &[Limit]) -> Result<Vec<Standing>, Unavailable> {
        let now = self.shared_now().await?;
        let readings = self.readings(limits, now).await?;
        Ok(limits.iter().zip(readings).map(|(limit, reading)| Standing::of(limit.clone(), reading, now)).collect())
    }

    /// The meters of these limits, some hundred at a time: calls that want theirs do not wait for all of them, nor do
    /// settlements while those that are not in memory are read from rows.
    pub(super) async fn readings(&self, limits: &[Limit], at: Time) -> Result<Vec<Reading>, Unavailable> {
        let mut readings = Vec::with_capacity(limits.len());
        for some in limits.chunks(AT_ONCE) {
            let read = |ledger: &Ledger| -> Vec<Reading> {
                some.iter().map(|limit| ledger.read(limit, at).unwrap_or_default()).collect()
            };
            readings.extend(self.with_meters(some, at, read).await?);
        }
        Ok(readings)
    }

    /// What a key has been charged since the start of a calendar period, or since ever.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spent_since(&self, key: &Key, start: Time) -> Result<Credits, StoreError> {
        let owner = Owner { scope: Scope::Key, id: key.id.0.clone() };
        Ok(Credits::from_nanos(self.0.store.used_since(&owner, Measure::Credits, start).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::period::{Period, Zone};

    #[test]
    fn of_several_budgets_the_tightest_is_the_one_that_keeps_a_call_waiting_longest() {
        let now = Time::parse("2026-11-20T14:00:00Z").expect("a time");
        let tightness = |period: Period, settled, max| {
            let owner = Owner::new(Scope::Key, "k");
            let limit =
                Limit { owner, name: "x", measure: Measure::Tokens, period, zone: Zone::utc(), max, rule: None };
            Tightness::of(&limit, Reading { settled, held: 0 }, now)
        };
        let (half, most) = (tightness(Period::Lifetime, 50, 100), tightness(Period::Day, 99, 100));
        let (day, month) = (tightness(Period::Day, 900, 100), tightness(Period::Month, 100, 100));
        let (never, nothing) = (tightness(Period::Lifetime, 7, 7), tightness(Period::Day, 0, 0));
        assert!(half < most && most < day && day < month && month < never);
        assert_eq!((half.is_near(), most.is_near(), nothing.is_spent), (false, true, true));
        assert_eq!((nothing.share, day.share), (WHOLE, 9 * WHOLE));
    }
}
