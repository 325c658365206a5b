//! One process that has the store to itself: its meters are in its memory, and a crash takes them.

use super::calls::{Limits, arrival, bound, ending};
use super::chance::Chance;
use super::count::Count;
use super::shelf::{Done, Row, Rows};
use crate::domain::amount::Amount;
use crate::domain::call::{Arrival, Bound, Settlement};
use crate::domain::id::NodeId;
use crate::domain::ledger::{Ledger, NotAdmitted, Open};
use crate::domain::limit::Limit;
use crate::domain::time::Time;
use crate::gateway::decide::Shelf;
use futures::FutureExt;
use std::sync::Arc;

type InFlight = (Arc<Arrival>, Bound);

/// What waits in the journal, in order.
#[derive(Clone, Debug)]
enum Entry {
    Pending(InFlight),
    Settle(Arc<Arrival>, Box<Settlement>),
    Load(Vec<Limit>, Time),
    Reset(Limit, Time, Vec<(Time, i64)>),
}

struct Alone {
    chance: Chance,
    rows: Rows,
    count: Count,
    limits: Limits,
    groups: [Option<&'static str>; 2],
    ledger: Ledger,
    journal: Vec<Entry>,
    /// Asked, and waiting for meters to be loaded.
    waiting: Vec<(InFlight, Arc<[Limit]>)>,
    flying: Vec<InFlight>,
    calls: u64,
    /// Whether the store has changed since the last check.
    moved: bool,
}

pub fn run(seed: u64, steps: u64) -> Result<(), String> {
    let now = Time::parse("2026-10-24T20:00:00Z").expect("a time");
    let mut alone = Alone {
        chance: Chance::new(seed),
        rows: Rows { now, ..Rows::default() },
        count: Count::default(),
        limits: Limits::new(),
        groups: [None, Some("g")],
        ledger: Ledger::default(),
        journal: Vec::new(),
        waiting: Vec::new(),
        flying: Vec::new(),
        calls: 0,
        moved: false,
    };
    for step in 0..steps {
        alone.step().map_err(|broken| format!("step {step}: {broken}"))?;
        // Whatever has not moved since the last step has passed already: time alone only makes room.
        if std::mem::take(&mut alone.moved) {
            alone.check().map_err(|broken| format!("after step {step}: {broken}"))?;
        }
    }
    alone.rest().map_err(|broken| format!("at rest: {broken}"))
}

impl Alone {
    fn step(&mut self) -> Result<(), String> {
        let micros = match self.chance.below(1_000) {
            0 => self.chance.between(3_600_000_000, 40_000_000_000),
            _ => self.chance.between(0, 400_000),
        };
        self.rows.now = Time::from_micros(self.rows.now.micros() + micros);
        match self.chance.below(100) {
            0..35 => {
                self.calls += 1;
                let which = self.chance.below(2);
                let bound = bound(&mut self.chance);
                let arrival = Arc::new(arrival(self.calls, ["a", "b"][which], self.groups[which], self.rows.now));
                let limits = self.limits.of(&arrival.owners());
                self.ask((arrival, bound), limits)?;
            }
            35..65 => self.write()?,
            65..96 => self.finish(),
            96..98 => self.ledger.prune(self.rows.now),
            98 => self.admin(),
            _ if self.chance.permille(300) => self.crash()?,
            _ => {}
        }
        Ok(())
    }

    fn ask(&mut self, call: InFlight, limits: Arc<[Limit]>) -> Result<(), String> {
        let (arrival, bound) = &call;
        let open = Open { owners: arrival.owners(), at: arrival.at, held: bound.amount() };
        match self.ledger.admit(arrival.id.clone(), open, &limits) {
            Ok(()) => self.journal.push(Entry::Pending(call)),
            // Memory holds what the rows have, and the calls that wait to be written: with none, the refusal is true.
            Err(NotAdmitted::Short { short, .. }) if self.journal.is_empty() && arrival.at == self.rows.now => {
                self.count.justified(&short.limit, short.requested, self.rows.now)?;
            }
            Err(NotAdmitted::Short { .. }) => {}
            Err(NotAdmitted::NotLoaded(missing)) => {
                self.journal.push(Entry::Load(missing, arrival.at));
                self.waiting.push((call, limits));
            }
        }
        Ok(())
    }

    fn admin(&mut self) {
        match self.chance.below(3) {
            0 => self.groups[self.calls as usize % 2] = [None, Some("g"), Some("h")][self.chance.below(3)],
            1 => {
                let limit = self.limits.edit(&mut self.chance);
                self.count.recount(&limit);
                // A page looks at it: its meter is loaded while calls are in flight.
                self.journal.push(Entry::Load(vec![limit], self.rows.now));
            }
            _ => {
                let limit = self.limits.all[self.chance.below(self.limits.all.len())].clone();
                // One that is not in memory is loaded first, and reset another time.
                let loaded = self.ledger.read(&limit, self.rows.now).is_some();
                if limit.period.window().is_none() && loaded {
                    self.journal.push(Entry::Reset(limit, self.rows.now, Vec::new()));
                }
            }
        }
    }

    fn check(&mut self) -> Result<(), String> {
        if self.journal.is_empty() && self.waiting.is_empty() { self.agrees(false) } else { Ok(()) }
    }

    fn finish(&mut self) {
        if self.flying.is_empty() {
            return;
        }
        let which = self.chance.below(self.flying.len());
        let (arrival, bound) = self.flying.swap_remove(which);
        let settlement = ending(&mut self.chance, &arrival, &bound);
        if self.chance.permille(50) {
            self.journal.push(Entry::Settle(Arc::clone(&arrival), Box::new(settlement.clone())));
        }
        self.journal.push(Entry::Settle(arrival, Box::new(settlement)));
    }

    /// A batch of the journal: written, lost, or written without the process hearing of it.
    fn write(&mut self) -> Result<(), String> {
        let mut batch = std::mem::take(&mut self.journal);
        let fate = self.chance.below(100);
        if fate >= 2 {
            let mut reset: Vec<Limit> = Vec::new();
            for entry in &mut batch {
                self.commit(entry, &mut reset)?;
            }
        }
        if fate >= 4 {
            // As in the product: meters are loaded when all beside them has moved.
            let (loads, others) = batch.into_iter().partition::<Vec<_>, _>(|entry| matches!(entry, Entry::Load(..)));
            for entry in others.into_iter().chain(loads) {
                self.tell(entry)?;
            }
            return Ok(());
        }
        for entry in batch {
            match entry {
                Entry::Pending((arrival, bound)) => {
                    self.ledger.release(&arrival.id);
                    let void = Settlement { dispatched: false, ..nothing(&arrival, &bound) };
                    self.journal.push(Entry::Settle(arrival, Box::new(void)));
                }
                settle @ Entry::Settle(..) => self.journal.push(settle),
                // Those who waited are refused.
                Entry::Load(..) => self.waiting.clear(),
                Entry::Reset(limit, at, _) => self.ledger.forget(&limit, at),
            }
        }
        Ok(())
    }

    fn commit(&mut self, entry: &mut Entry, reset: &mut Vec<Limit>) -> Result<(), String> {
        self.moved = true;
        match entry {
            Entry::Pending((arrival, bound)) => {
                let owners = arrival.owners();
                let row =
                    Row { arrival: Arc::clone(arrival), owners, bound: *bound, node: NodeId::default(), used: None };
                self.rows.pending.insert(arrival.id.clone());
                self.rows.calls.insert(arrival.id.clone(), row);
                self.count.admitted(&arrival.id, arrival.owners(), arrival.at, bound.amount(), &self.limits.all)
            }
            Entry::Settle(_, settlement) => self.settle(settlement),
            Entry::Load(..) => Ok(()),
            Entry::Reset(limit, at, entries) => {
                let again = reset.iter().any(|earlier| earlier.shares_meter(limit));
                *entries = self.ledger.reset(limit, *at).filter(|_| !again).unwrap_or_default();
                reset.push(limit.clone());
                let (start, amount) = (limit.slot(*at).start, entries.iter().map(|(_, amount)| amount).sum());
                self.rows.resets.push((limit.clone(), start, amount));
                self.count.reset(limit, start, amount);
                Ok(())
            }
        }
    }

    fn settle(&mut self, settlement: &Settlement) -> Result<(), String> {
        let mut transaction = self.rows.transaction();
        let settled = transaction.settle(settlement).now_or_never().expect("nothing waits");
        settled.map_err(|error| error.to_string())?;
        for done in std::mem::take(&mut transaction.done) {
            if let Done::Settled(id, used) = done {
                self.count.settled(&id, used, &self.limits.all)?;
            }
        }
        Ok(())
    }

    /// After the commit: memory moves, and those who waited go on.
    fn tell(&mut self, entry: Entry) -> Result<(), String> {
        match entry {
            Entry::Pending(call) => self.flying.push(call),
            Entry::Settle(arrival, settlement) => drop(self.ledger.settle(&arrival.id, settlement.amount())),
            Entry::Load(limits, at) => {
                for limit in &limits {
                    let since = limit
                        .period
                        .window()
                        .map_or(limit.slot(at).start, |(window, bucket)| at.minus(window + bucket));
                    let mut used = self.rows.used(limit, since);
                    let same = self
                        .rows
                        .resets
                        .iter()
                        .filter(|(reset, start, _)| reset.shares_meter(limit) && *start == since);
                    used.extend(same.map(|(_, start, amount)| (*start, *amount)));
                    self.ledger.load_own(limit, at, &used);
                }
                for (call, limits) in std::mem::take(&mut self.waiting) {
                    self.ask(call, limits)?;
                }
            }
            Entry::Reset(limit, at, entries) => self.ledger.adjust(&limit, at, &entries),
        }
        Ok(())
    }

    /// The process dies and starts again: what was in flight is charged what it held.
    fn crash(&mut self) -> Result<(), String> {
        self.ledger = Ledger::default();
        self.journal.clear();
        self.waiting.clear();
        self.flying.clear();
        for id in self.rows.pending.clone() {
            let row = self.rows.calls[&id].clone();
            self.settle(&Settlement::interrupted(&row.arrival, &row.bound))?;
        }
        Ok(())
    }

    fn rest(mut self) -> Result<(), String> {
        for _ in 0..50 {
            while !self.flying.is_empty() {
                self.finish();
            }
            self.write()?;
        }
        if !self.rows.pending.is_empty() || self.count.pending() != 0 || self.ledger.open_calls() != 0 {
            return Err(format!("{} calls never ended", self.rows.pending.len()));
        }
        self.agrees(true)?;
        self.crash()?;
        let (limits, now) = (self.limits.all.clone(), self.rows.now);
        self.tell(Entry::Load(limits, now))?;
        self.agrees(true)
    }

    fn agrees(&mut self, at_rest: bool) -> Result<(), String> {
        for (owner, book) in self.ledger.books() {
            self.count.agrees(owner, book, &self.limits.all, self.rows.now)?;
            if at_rest && book.meters().any(|(_, _, meter)| meter.holds()) {
                return Err(format!("the meters of {owner:?} hold something at rest"));
            }
        }
        Ok(())
    }
}

fn nothing(arrival: &Arrival, bound: &Bound) -> Settlement {
    let none = Amount::NOTHING;
    Settlement {
        usage: crate::domain::usage::Usage::default(),
        cost: none.credits,
        ..Settlement::interrupted(arrival, bound)
    }
}
