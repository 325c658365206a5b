//! Every meter and every call in flight, moved together or not at all: the books as a pure machine.
//!
//! A call holds its upper bound on *all* meters of its owners, whether a limit reads them or not. So a limit made in
//! mid-period finds what is settled and what is held already counted, and a settlement needs no list of meters.

use super::amount::Amount;
use super::id::CallId;
use super::limit::{Limit, Owner, Slot};
use super::meter::{Meter, Reading};
use super::period::Zone;
use super::time::Time;
use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The meters and the calls in flight.
#[derive(Debug, Default)]
pub struct Ledger {
    books: HashMap<Owner, Book, RandomState>,
    open: HashMap<CallId, Open, RandomState>,
}

/// The meters of one owner. As text, it is what several processes share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Book(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

    fn counts(&self, limit: &Limit, at: Time) -> bool {
        self.slot.measure == limit.measure
            && self.slot.period == limit.period
            && self.covers(at)
            && self.zone == limit.zone
    }
}

impl Book {
    fn meter(&self, limit: &Limit, at: Time) -> Option<&Meter> {
        self.0.iter().find(|entry| entry.counts(limit, at)).map(|entry| &entry.meter)
    }

    fn each(&mut self, at: Time, mut act: impl FnMut(&mut Meter, Slot)) {
        for entry in self.0.iter_mut().filter(|entry| entry.covers(at)) {
            act(&mut entry.meter, entry.slot);
        }
    }

    /// Forgets meters of periods that are over, unless a call in flight still holds on them.
    pub fn prune(&mut self, now: Time) {
        self.0.retain_mut(|entry| {
            entry.meter.prune(now);
            entry.covers(now) || entry.meter.holds()
        });
    }

    /// Each meter: what it counts, in which zone, and what stands in it.
    pub fn meters(&self) -> impl Iterator<Item = (Slot, &Zone, &Meter)> {
        self.0.iter().map(|entry| (entry.slot, &entry.zone, &entry.meter))
    }
}

/// A call in flight: whose it is, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub owners: Arc<[Owner]>,
    pub at: Time,
    pub held: Amount,
}

/// A limit as a call met it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consulted {
    pub limit: Limit,
    pub reading: Reading,
    pub requested: i64,
    /// When the call would fit if nothing else happened; `None` where no waiting helps. Now, where it fits.
    pub opens_at: Option<Time>,
}

impl Consulted {
    pub fn fits(&self) -> bool {
        self.reading.total().saturating_add(self.requested) <= self.limit.max
    }
}

/// Why a call was not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// These meters are not in memory; load them and ask again.
    NotLoaded(Vec<Limit>),
    /// The first limit that is short, and every limit in the order consulted.
    Short { short: Box<Consulted>, trace: Vec<Consulted> },
}

impl Ledger {
    /// Holds `open.held` on every meter of the call's owners, or on none.
    ///
    /// Invariant: after an admission, `settled + held <= max` on every limit given.
    ///
    /// # Errors
    /// [`NotAdmitted::NotLoaded`] before anything is judged, [`NotAdmitted::Short`] for the first limit in the order
    /// given that has no room.
    pub fn admit(&mut self, call: CallId, open: Open, limits: &[Limit]) -> Result<(), NotAdmitted> {
        let mut fits = true;
        for (limit, meter) in self.each_limit(limits, open.at) {
            let Some(meter) = meter else { return Err(NotAdmitted::NotLoaded(self.missing(limits, open.at))) };
            let total = meter.read(open.at).total();
            fits &= total.saturating_add(open.held.of(limit.measure)) <= limit.max;
        }
        if !fits {
            let trace = self.consult(&open, limits);
            if let Some(short) = trace.iter().find(|consulted| !consulted.fits()) {
                return Err(NotAdmitted::Short { short: Box::new(short.clone()), trace });
            }
        }
        self.each_meter(&open, |meter, slot, open| meter.hold(open.at, open.held.of(slot.measure)));
        self.open.insert(call, open);
        Ok(())
    }

    /// Every limit in the order given, as this call would meet it now. A meter that is not in memory reads as nothing.
    pub fn consult(&self, open: &Open, limits: &[Limit]) -> Vec<Consulted> {
        let consulted = self.each_limit(limits, open.at).map(|(limit, meter)| {
            let reading = meter.map(|meter| meter.read(open.at)).unwrap_or_default();
            let requested = open.held.of(limit.measure);
            let mut consulted = Consulted { limit: limit.clone(), reading, requested, opens_at: Some(open.at) };
            if !consulted.fits() {
                consulted.opens_at = match limit.period.end(open.at, &limit.zone) {
                    Some(end) => (requested <= limit.max).then_some(end),
                    None => meter.and_then(|meter| meter.opens_at(open.at, requested, limit.max)),
                };
            }
            consulted
        });
        consulted.collect()
    }

    /// Ends a call: what it held becomes what it used. `None` if it has ended already: a hold ends exactly once.
    pub fn settle(&mut self, call: &CallId, used: Amount) -> Option<Open> {
        let open = self.open.remove(call)?;
        self.post(&open, used);
        Some(open)
    }

    /// Ends a call that came to nothing.
    pub fn release(&mut self, call: &CallId) -> Option<Open> {
        self.settle(call, Amount::NOTHING)
    }

    /// Moves the meters of a call that ends. Whoever calls this answers for its being done once.
    pub fn post(&mut self, open: &Open, used: Amount) {
        self.each_meter(open, |meter, slot, open| {
            meter.settle(open.at, open.held.of(slot.measure), used.of(slot.measure));
        });
    }

    /// Puts the meter that counts `limit` at `at` in memory, with what its period has used so far, and with what these
    /// calls in flight hold of it. Does nothing if it is there already.
    pub fn load<'a>(
        &mut self,
        limit: &Limit,
        at: Time,
        used: &[(Time, i64)],
        in_flight: impl Iterator<Item = &'a Open>,
    ) {
        if self.meter(limit, at).is_some() {
            return;
        }
        let slot = limit.slot(at);
        let (end, zone) = (limit.period.end(at, &limit.zone), limit.zone.clone());
        let mut entry = Entry { slot, zone, end, meter: Meter::new(slot.period) };
        for (at, settled) in used {
            entry.meter.load(*at, *settled);
        }
        for open in in_flight.filter(|open| open.owners.contains(&limit.owner)) {
            if entry.covers(open.at) {
                entry.meter.hold(open.at, open.held.of(slot.measure));
            }
        }
        self.books.entry(limit.owner.clone()).or_default().0.push(entry);
    }

    /// The same, with the calls in flight that this ledger knows of.
    pub fn load_own(&mut self, limit: &Limit, at: Time, used: &[(Time, i64)]) {
        let open: Vec<Open> = self.open.values().filter(|open| open.owners.contains(&limit.owner)).cloned().collect();
        self.load(limit, at, used, open.iter());
    }

    /// Adds to what a meter has settled, bucket by bucket: an entry that is not a call, such as a reset.
    pub fn adjust(&mut self, limit: &Limit, at: Time, entries: &[(Time, i64)]) {
        let book = self.books.get_mut(&limit.owner);
        if let Some(entry) = book.and_then(|book| book.0.iter_mut().find(|entry| entry.counts(limit, at))) {
            for (bucket, amount) in entries {
                entry.meter.load(*bucket, *amount);
            }
        }
    }

    /// Lets go of a meter, which must then be loaded again before it is asked for. Calls in flight are known still.
    pub fn forget(&mut self, limit: &Limit, at: Time) {
        if let Some(book) = self.books.get_mut(&limit.owner) {
            book.0.retain(|entry| !entry.counts(limit, at));
        }
    }

    /// The entries that would make nothing of what `limit` has counted so far; `None` if its meter is not in memory.
    pub fn reset(&self, limit: &Limit, at: Time) -> Option<Vec<(Time, i64)>> {
        self.meter(limit, at).map(|meter| meter.reset(at))
    }

    /// How a limit stands; `None` if its meter is not in memory.
    pub fn read(&self, limit: &Limit, at: Time) -> Option<Reading> {
        self.meter(limit, at).map(|meter| meter.read(at))
    }

    /// The limits whose meters are not in memory.
    pub fn missing(&self, limits: &[Limit], at: Time) -> Vec<Limit> {
        let missing = self.each_limit(limits, at).filter(|(_, meter)| meter.is_none());
        missing.map(|(limit, _)| limit.clone()).collect()
    }

    pub fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// Takes over an owner's meters from where they are kept.
    pub fn put(&mut self, owner: Owner, book: Book) {
        self.books.insert(owner, book);
    }

    /// Gives back an owner's meters, to be kept elsewhere.
    pub fn take(&mut self, owner: &Owner) -> Option<Book> {
        self.books.remove(owner)
    }

    /// The owners whose meters are here, with their meters.
    pub fn books(&self) -> impl Iterator<Item = (&Owner, &Book)> {
        self.books.iter()
    }

    /// Forgets meters of periods that are over, unless a call in flight still holds on them.
    pub fn prune(&mut self, now: Time) {
        self.books.retain(|_, book| {
            book.prune(now);
            !book.0.is_empty()
        });
    }

    fn meter(&self, limit: &Limit, at: Time) -> Option<&Meter> {
        self.books.get(&limit.owner)?.meter(limit, at)
    }

    /// Each limit with its meter. Limits of one owner stand together, so that owner is looked up once.
    fn each_limit<'a>(&'a self, limits: &'a [Limit], at: Time) -> impl Iterator<Item = (&'a Limit, Option<&'a Meter>)> {
        let mut last: Option<(&Owner, Option<&Book>)> = None;
        limits.iter().map(move |limit| {
            let book = match last {
                Some((owner, book)) if *owner == limit.owner => book,
                _ => self.books.get(&limit.owner),
            };
            last = Some((&limit.owner, book));
            (limit, book.and_then(|book| book.meter(limit, at)))
        })
    }

    fn each_meter(&mut self, open: &Open, mut act: impl FnMut(&mut Meter, Slot, &Open)) {
        for owner in open.owners.iter() {
            if let Some(book) = self.books.get_mut(owner) {
                book.each(open.at, |meter, slot| act(meter, slot, open));
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
        Open { owners: [owner()].into(), at, held }
    }

    fn loaded(limits: &[Limit]) -> Ledger {
        let mut ledger = Ledger::default();
        for limit in limits {
            ledger.load_own(limit, Time::EPOCH, &[]);
        }
        ledger
    }

    #[test]
    fn a_call_that_does_not_fit_one_limit_holds_on_none() {
        let limits = [limit(Measure::Requests, Period::Minute, 10), limit(Measure::Tokens, Period::Month, 100)];
        let mut ledger = loaded(&limits);
        let refused = ledger.admit("a".into(), call(Time::EPOCH, 101), &limits);
        assert!(matches!(refused, Err(NotAdmitted::Short { short, .. }) if short.limit.measure == Measure::Tokens));
        assert!(limits.iter().all(|limit| ledger.read(limit, Time::EPOCH) == Some(Reading::default())));
    }

    #[test]
    fn a_limit_made_while_calls_are_in_flight_counts_them() {
        let mut ledger = Ledger::default();
        ledger.admit("a".into(), call(Time::EPOCH, 60), &[]).expect("no limits");
        let late = limit(Measure::Tokens, Period::Month, 100);
        ledger.load_own(&late, Time::EPOCH, &[(Time::EPOCH, 30)]);
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
        ledger.load_own(&day, tomorrow, &[]);
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
