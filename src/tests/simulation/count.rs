//! The independent count: what every limit has used and holds, recounted from the calls alone, by the plainest means.

use crate::domain::amount::Amount;
use crate::domain::id::CallId;
use crate::domain::ledger::Book;
use crate::domain::limit::{Limit, Owner};
use crate::domain::meter::Reading;
use crate::domain::time::Time;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A call as it was written down.
#[derive(Clone, Debug)]
struct Counted {
    owners: Arc<[Owner]>,
    at: Time,
    held: Amount,
    used: Option<Amount>,
}

/// What is counted in a stretch of time that moves on.
#[derive(Debug, Default)]
struct Sliding {
    from: Time,
    sum: Reading,
    parts: BTreeMap<Time, Reading>,
}

impl Sliding {
    fn add(&mut self, at: Time, settled: i64, held: i64) {
        if at >= self.from {
            let part = self.parts.entry(at).or_default();
            *part = Reading { settled: part.settled + settled, held: part.held + held };
            self.sum = Reading { settled: self.sum.settled + settled, held: self.sum.held + held };
        }
    }

    /// The sum from an instant on, which is never before the last one asked for.
    fn since(&mut self, from: Time) -> Reading {
        self.from = self.from.max(from);
        while let Some((at, part)) =
            self.parts.first_key_value().map(|(at, part)| (*at, *part)).filter(|(at, _)| *at < from)
        {
            self.parts.remove(&at);
            self.sum = Reading { settled: self.sum.settled - part.settled, held: self.sum.held - part.held };
        }
        self.sum
    }
}

/// Everything that has happened, as a clerk who forgets nothing would keep it.
#[derive(Debug, Default)]
pub struct Count {
    calls: HashMap<CallId, Counted>,
    /// What each calendar period has used and holds, by limit name and the period's start.
    sums: HashMap<(&'static str, Time), Reading>,
    /// The same for limits that slide: in exactly their window, and in all buckets that reach into it.
    sliding: HashMap<&'static str, [Sliding; 2]>,
    resets: Vec<(Limit, Time, i64)>,
    pending: usize,
}

impl Count {
    pub fn admitted(
        &mut self,
        call: &CallId,
        owners: Arc<[Owner]>,
        at: Time,
        held: Amount,
        limits: &[Limit],
    ) -> Result<(), String> {
        self.pending += 1;
        for limit in limits.iter().filter(|limit| owners.contains(&limit.owner)) {
            self.add(limit, at, 0, held.of(limit.measure));
        }
        match self.calls.insert(call.clone(), Counted { owners, at, held, used: None }) {
            None => Ok(()),
            Some(_) => Err(format!("call {call} was admitted twice")),
        }
    }

    pub fn settled(&mut self, call: &CallId, used: Amount, limits: &[Limit]) -> Result<(), String> {
        let known = self.calls.get_mut(call).ok_or(format!("call {call} settled and was never admitted"))?;
        if known.used.replace(used).is_some() {
            return Err(format!("call {call} was settled twice"));
        }
        self.pending -= 1;
        let known = known.clone();
        for limit in limits.iter().filter(|limit| known.owners.contains(&limit.owner)) {
            let (held, used) = (known.held.of(limit.measure), used.of(limit.measure));
            self.add(limit, known.at, used, -held);
        }
        Ok(())
    }

    fn add(&mut self, limit: &Limit, at: Time, settled: i64, held: i64) {
        if limit.period.window().is_some() {
            let both = self.sliding.entry(limit.name).or_default();
            both.iter_mut().for_each(|sliding| sliding.add(at, settled, held));
        } else {
            let sum = self.sums.entry((limit.name, limit.period.start(at, &limit.zone))).or_default();
            *sum = Reading { settled: sum.settled + settled, held: sum.held + held };
        }
    }

    /// A limit has been changed: what it counts now is counted again, from every call there was.
    pub fn recount(&mut self, limit: &Limit) {
        self.sums.retain(|(name, _), _| *name != limit.name);
        self.sliding.remove(limit.name);
        let mut calls: Vec<Counted> =
            self.calls.values().filter(|call| call.owners.contains(&limit.owner)).cloned().collect();
        calls.sort_by_key(|call| call.at);
        for call in calls {
            match call.used {
                Some(used) => self.add(limit, call.at, used.of(limit.measure), 0),
                None => self.add(limit, call.at, 0, call.held.of(limit.measure)),
            }
        }
        let resets: Vec<(Time, i64)> = self
            .resets
            .iter()
            .filter(|(reset, ..)| reset.shares_meter(limit))
            .map(|(_, start, amount)| (*start, *amount))
            .collect();
        for (start, amount) in resets {
            self.add(limit, start, amount, 0);
        }
    }

    /// An admin has taken off what a calendar meter had counted.
    pub fn reset(&mut self, limit: &Limit, start: Time, amount: i64) {
        self.resets.push((limit.clone(), start, amount));
        self.add(limit, start, amount, 0);
    }

    pub fn pending(&self) -> usize {
        self.pending
    }

    /// What a limit has used and holds: in its calendar period, or in exactly the last window.
    fn exactly(&mut self, limit: &Limit, now: Time) -> Reading {
        match limit.period.window() {
            Some((window, _)) => {
                let from = Time::from_micros(now.minus(window).micros() + 1);
                self.sliding.entry(limit.name).or_default()[0].since(from)
            }
            None => self.sums.get(&(limit.name, limit.period.start(now, &limit.zone))).copied().unwrap_or_default(),
        }
    }

    /// The same as the product counts it: a bucket counts until all of it has left the window.
    fn in_buckets(&mut self, limit: &Limit, now: Time) -> Reading {
        let Some((window, bucket)) = limit.period.window() else { return self.exactly(limit, now) };
        let length = i64::try_from(bucket.as_micros()).expect("short");
        let newest_gone = now.minus(window).micros() - length;
        let from = Time::from_micros((newest_gone.div_euclid(length) + 1) * length);
        self.sliding.entry(limit.name).or_default()[1].since(from)
    }

    /// These limits, which a call was just admitted under, are kept. Only an admission must keep them: an upstream may
    /// charge beyond the hold, and an admin may lower a limit below what is used, and both only stop the next call.
    pub fn within(&mut self, limits: &[Limit], now: Time) -> Result<(), String> {
        for limit in limits {
            let reading = self.exactly(limit, now);
            if reading.total() > limit.max {
                return Err(format!("{} is overspent: {reading:?} of {}", limit.name, limit.max));
            }
        }
        Ok(())
    }

    /// A refusal is true: the call does not fit, whichever process asks.
    pub fn justified(&mut self, limit: &Limit, requested: i64, now: Time) -> Result<(), String> {
        let total = self.in_buckets(limit, now).total();
        if total + requested > limit.max {
            return Ok(());
        }
        Err(format!("{} refused {requested} with {total} of {} in use", limit.name, limit.max))
    }

    /// An owner's meters show what the calls add up to.
    pub fn agrees(&mut self, owner: &Owner, book: &Book, limits: &[Limit], now: Time) -> Result<(), String> {
        for (slot, zone, meter) in book.meters() {
            let counts = |limit: &&Limit| {
                limit.owner == *owner
                    && (limit.measure, limit.period) == (slot.measure, slot.period)
                    && limit.zone == *zone
                    && limit.period.start(now, zone) == slot.start
            };
            let Some(limit) = limits.iter().find(counts) else { continue };
            let (shown, counted) = (meter.read(now), self.in_buckets(limit, now));
            if shown != counted {
                return Err(format!("{} of {} shows {shown:?}, the calls say {counted:?}", limit.name, owner.id));
            }
        }
        Ok(())
    }
}
