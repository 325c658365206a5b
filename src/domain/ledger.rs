//! Every meter and every call in flight, moved together or not at all: the books of one node, as a pure machine.
//!
//! A call holds its upper bound on *all* meters of its owners, whether a limit reads them or not. So a limit made in
//! mid-period finds what is settled and what is held already counted, and a settlement needs no list of meters.

use super::amount::Amount;
use super::id::CallId;
use super::limit::{Limit, Owner, Slot};
use super::meter::{Meter, Reading};
use super::period::Zone;
use super::time::Time;
use std::collections::HashMap;

/// The meters and the calls in flight.
#[derive(Debug, Default)]
pub struct Ledger {
    owners: HashMap<Owner, Vec<Entry>>,
    open: HashMap<CallId, Open>,
}

#[derive(Debug)]
struct Entry {
    slot: Slot,
    zone: Zone,
    /// The first instant after the period; none for sliding periods and lifetimes.
    end: Option<Time>,
    meter: Meter,
}

impl Entry {
    fn covers(&self, at: Time) -> bool {
        self.slot.start <= at && self.end.is_none_or(|end| at < end)
    }
}

/// A call in flight: whose it is, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub owners: Vec<Owner>,
    pub at: Time,
    pub held: Amount,
}

/// The limit that a call does not fit, and how it stood at that instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    pub limit: Limit,
    pub reading: Reading,
    pub requested: i64,
    /// When the call would fit if nothing else happened; `None` where no waiting helps.
    pub opens_at: Option<Time>,
}

/// Why a call was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// These meters are not in memory; load them and ask again.
    NotLoaded(Vec<Limit>),
    /// A limit is short.
    Short(Box<Short>),
}

impl Ledger {
    /// Holds `bound` on every meter of the call's owners, or on none.
    ///
    /// Invariant: after an admission, `settled + held <= max` on every limit given.
    ///
    /// # Errors
    /// [`NotAdmitted::NotLoaded`] before anything is judged, [`NotAdmitted::Short`] for the first limit in the order
    /// given that has no room.
    pub fn admit(&mut self, call: CallId, open: Open, limits: &[Limit]) -> Result<(), NotAdmitted> {
        let missing = self.missing(limits, open.at);
        if !missing.is_empty() {
            return Err(NotAdmitted::NotLoaded(missing));
        }
        for limit in limits {
            self.fits(limit, &open)?;
        }
        self.each_meter(&open, |meter, slot, open| meter.hold(open.at, open.held.of(slot.measure)));
        self.open.insert(call, open);
        Ok(())
    }

    fn fits(&self, limit: &Limit, open: &Open) -> Result<(), NotAdmitted> {
        let meter = self.meter(limit, open.at);
        let reading = meter.map(|meter| meter.read(open.at)).unwrap_or_default();
        let requested = open.held.of(limit.measure);
        if reading.total().saturating_add(requested) <= limit.max {
            return Ok(());
        }
        let opens_at = match limit.period.end(open.at, &limit.zone) {
            Some(end) => (requested <= limit.max).then_some(end),
            None => meter.and_then(|meter| meter.opens_at(open.at, requested, limit.max)),
        };
        Err(NotAdmitted::Short(Box::new(Short { limit: limit.clone(), reading, requested, opens_at })))
    }

    /// Ends a call: what it held becomes what it used. `None` if it has ended already: a hold ends exactly once.
    pub fn settle(&mut self, call: &CallId, used: Amount) -> Option<Open> {
        let open = self.open.remove(call)?;
        self.each_meter(&open, |meter, slot, open| {
            meter.settle(open.at, open.held.of(slot.measure), used.of(slot.measure));
        });
        Some(open)
    }

    /// Ends a call that came to nothing.
    pub fn release(&mut self, call: &CallId) -> Option<Open> {
        self.settle(call, Amount::NOTHING)
    }

    /// Puts the meter that counts `limit` at `at` in memory, with what its period has used so far and what calls in
    /// flight hold of it. Does nothing if it is there already.
    pub fn load(&mut self, limit: &Limit, at: Time, used: &[(Time, i64)]) {
        if self.entry(limit, at).is_some() {
            return;
        }
        let slot = limit.slot(at);
        let (end, zone) = (limit.period.end(at, &limit.zone), limit.zone.clone());
        let mut entry = Entry { slot, zone, end, meter: Meter::new(slot.period) };
        for (at, settled) in used {
            entry.meter.load(*at, *settled);
        }
        for open in self.open.values().filter(|open| open.owners.contains(&limit.owner)) {
            if entry.covers(open.at) {
                entry.meter.hold(open.at, open.held.of(slot.measure));
            }
        }
        self.owners.entry(limit.owner.clone()).or_default().push(entry);
    }

    /// How a limit stands; `None` if its meter is not in memory.
    pub fn read(&self, limit: &Limit, at: Time) -> Option<Reading> {
        self.meter(limit, at).map(|meter| meter.read(at))
    }

    /// The limits whose meters are not in memory.
    pub fn missing(&self, limits: &[Limit], at: Time) -> Vec<Limit> {
        limits.iter().filter(|limit| self.entry(limit, at).is_none()).cloned().collect()
    }

    pub fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// Forgets meters of periods that are over, unless a call in flight still holds on them.
    pub fn prune(&mut self, now: Time) {
        self.owners.retain(|_, entries| {
            entries.retain_mut(|entry| {
                entry.meter.prune(now);
                entry.covers(now) || entry.meter.read(now).held != 0
            });
            !entries.is_empty()
        });
    }

    fn meter(&self, limit: &Limit, at: Time) -> Option<&Meter> {
        self.entry(limit, at).map(|entry| &entry.meter)
    }

    fn entry(&self, limit: &Limit, at: Time) -> Option<&Entry> {
        let counts = |entry: &&Entry| {
            entry.slot.measure == limit.measure
                && entry.slot.period == limit.period
                && entry.covers(at)
                && entry.zone == limit.zone
        };
        self.owners.get(&limit.owner)?.iter().find(counts)
    }

    fn each_meter(&mut self, open: &Open, mut act: impl FnMut(&mut Meter, Slot, &Open)) {
        for owner in &open.owners {
            for entry in self.owners.get_mut(owner).into_iter().flatten().filter(|entry| entry.covers(open.at)) {
                act(&mut entry.meter, entry.slot, open);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credits::Credits;
    use crate::domain::limit::{Measure, Scope};
    use crate::domain::period::Period;
    use proptest::prelude::*;

    fn owner() -> Owner {
        Owner { scope: Scope::Key, id: "k".to_owned() }
    }

    fn limit(measure: Measure, period: Period, max: i64) -> Limit {
        Limit { owner: owner(), name: "test", measure, period, zone: Zone::utc(), max, rule: None }
    }

    fn call(at: Time, tokens: i64) -> Open {
        let held = Amount { requests: 1, tokens, credits: Credits::from_nanos(tokens * 10) };
        Open { owners: vec![owner()], at, held }
    }

    fn loaded(limits: &[Limit]) -> Ledger {
        let mut ledger = Ledger::default();
        for limit in limits {
            ledger.load(limit, Time::EPOCH, &[]);
        }
        ledger
    }

    #[test]
    fn a_call_that_does_not_fit_one_limit_holds_on_none() {
        let limits = [limit(Measure::Requests, Period::Minute, 10), limit(Measure::Tokens, Period::Month, 100)];
        let mut ledger = loaded(&limits);
        let refused = ledger.admit("a".into(), call(Time::EPOCH, 101), &limits);
        assert!(matches!(refused, Err(NotAdmitted::Short(short)) if short.limit.measure == Measure::Tokens));
        assert!(limits.iter().all(|limit| ledger.read(limit, Time::EPOCH) == Some(Reading::default())));
    }

    #[test]
    fn a_limit_made_while_calls_are_in_flight_counts_them() {
        let mut ledger = Ledger::default();
        ledger.admit("a".into(), call(Time::EPOCH, 60), &[]).expect("no limits");
        let late = limit(Measure::Tokens, Period::Month, 100);
        ledger.load(&late, Time::EPOCH, &[(Time::EPOCH, 30)]);
        assert_eq!(ledger.read(&late, Time::EPOCH), Some(Reading { settled: 30, held: 60 }));
        assert!(ledger.admit("b".into(), call(Time::EPOCH, 11), std::slice::from_ref(&late)).is_err());
        ledger.settle(&"a".into(), Amount::request(20, Credits::ZERO));
        assert_eq!(ledger.read(&late, Time::EPOCH), Some(Reading { settled: 50, held: 0 }));
    }

    #[test]
    fn a_call_settles_in_the_period_that_admitted_it() {
        let day = limit(Measure::Tokens, Period::Day, 100);
        let mut ledger = loaded(std::slice::from_ref(&day));
        ledger.admit("a".into(), call(Time::EPOCH, 90), std::slice::from_ref(&day)).expect("fits");
        let tomorrow = Time::from_micros(86_400_000_000);
        ledger.load(&day, tomorrow, &[]);
        ledger.prune(tomorrow);
        ledger.settle(&"a".into(), Amount::request(90, Credits::ZERO));
        assert_eq!(ledger.read(&day, Time::EPOCH), Some(Reading { settled: 90, held: 0 }));
        assert_eq!(ledger.read(&day, tomorrow), Some(Reading::default()));
    }

    proptest! {
        /// Invariants 1, 2 and 3: nothing is overspent, a hold ends exactly once, at idle nothing is held.
        #[test]
        fn no_schedule_of_calls_overspends_or_leaks(
            steps in prop::collection::vec((0_u8..3, 0_usize..40, 1_i64..50, 0_i64..2_000_000), 1..200),
        ) {
            let limits = [
                limit(Measure::Requests, Period::Minute, 5),
                limit(Measure::Tokens, Period::Day, 300),
                limit(Measure::Credits, Period::Lifetime, 9_000),
            ];
            let mut ledger = loaded(&limits);
            let (mut now, mut flying, mut settled) = (0, Vec::new(), 0);
            for (number, (step, pick, tokens, wait)) in steps.into_iter().enumerate() {
                now += wait;
                let at = Time::from_micros(now);
                if step == 0 {
                    let id = CallId(number.to_string());
                    if ledger.admit(id.clone(), call(at, tokens), &limits).is_ok() {
                        flying.push((id, tokens));
                    }
                    for limit in &limits {
                        let reading = ledger.read(limit, at).expect("loaded");
                        prop_assert!(reading.total() <= limit.max);
                        prop_assert!(reading.held >= 0 && reading.settled >= 0);
                    }
                } else if !flying.is_empty() {
                    let (id, held) = flying.swap_remove(pick % flying.len());
                    let used = if step == 1 { held / 2 } else { 0 };
                    settled += used;
                    let amount = Amount { requests: 1, tokens: used, credits: Credits::from_nanos(used * 10) };
                    let ended = (ledger.settle(&id, amount).is_some(), ledger.settle(&id, amount).is_some());
                    prop_assert_eq!(ended, (true, false));
                }
            }
            for (id, _) in flying {
                ledger.release(&id);
            }
            prop_assert_eq!(ledger.open_calls(), 0);
            for limit in &limits {
                prop_assert_eq!(ledger.read(limit, Time::from_micros(now)).expect("loaded").held, 0);
            }
            prop_assert_eq!(ledger.read(&limits[1], Time::from_micros(now)).expect("loaded").settled, settled);
        }
    }
}
