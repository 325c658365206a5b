//! Several processes on one store, and the accidents that befall them.

use super::calls::{Limits, arrival, bound, ending};
use super::chance::Chance;
use super::count::Count;
use super::shelf::{Done, Rows};
use super::transaction::decide;
use crate::domain::call::{Arrival, Bound, Settlement};
use crate::domain::credits::Credits;
use crate::domain::id::NodeId;
use crate::domain::limit::{Limit, Owner};
use crate::domain::time::Time;
use crate::domain::usage::Usage;
use crate::gateway::decide::{Asked, Shelf, Taken, bury};
use futures::FutureExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What is taken away, to see that it is missed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Meters are read in one step and written in a later one, as if nobody locked them.
    pub unlocked: bool,
    /// A process that was declared dead may go on writing down calls.
    pub unfenced: bool,
}

/// As in the product.
const LEASE: Duration = Duration::from_secs(6);

/// A transaction that has read and decided, and has not written: the rows it saw, what it would do, whom it would admit.
type Late = (Rows, Vec<Done>, Vec<(Arc<Arrival>, Bound)>);

/// A process: what it knows, which a crash takes away.
#[derive(Debug)]
struct Process {
    node: NodeId,
    /// Not before this does it act again: it is paused, or starting.
    wakes_at: Time,
    /// Until then it does not reach the store.
    cut_off_until: Time,
    /// How far its own clock is off, in microseconds.
    skew: i64,
    asked: Vec<Asked>,
    ended: Vec<(Arc<Arrival>, Bound, Settlement)>,
    /// Calls it has sent on.
    flying: Vec<(Arc<Arrival>, Bound)>,
    /// Without the lock: what it read some steps ago and decided on.
    late: Option<Late>,
}

pub struct World {
    chance: Chance,
    faults: Faults,
    rows: Rows,
    count: Count,
    processes: Vec<Process>,
    limits: Limits,
    /// Which group each key is in.
    groups: [Option<&'static str>; 2],
    calls: u64,
    names: u64,
    /// Whether the store has changed since the last check.
    moved: bool,
    pub seen: Seen,
}

/// What has come to pass, so that a test can tell that it was not nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub admitted: u64,
    pub refused: u64,
    pub buried: u64,
    pub fenced: u64,
    pub unheard: u64,
    pub edited: u64,
    pub reset: u64,
}

/// How a transaction fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// It never reached the store.
    Lost,
    /// It was done, and the process never hears of it.
    Unheard,
}

impl World {
    pub fn new(seed: u64, processes: usize, faults: Faults) -> Self {
        let now = Time::parse("2026-10-24T20:00:00Z").expect("an evening before the clocks go back");
        let rows = Rows { now, unfenced: faults.unfenced, ..Rows::default() };
        let mut world = Self {
            chance: Chance::new(seed),
            faults,
            rows,
            count: Count::default(),
            processes: Vec::new(),
            limits: Limits::new(),
            groups: [Some("g"), None],
            calls: 0,
            names: 0,
            moved: false,
            seen: Seen::default(),
        };
        for _ in 0..processes {
            let node = world.join();
            let process = Process {
                node,
                wakes_at: now,
                cut_off_until: now,
                skew: world.chance.between(-5_000_000, 5_000_000),
                asked: Vec::new(),
                ended: Vec::new(),
                flying: Vec::new(),
                late: None,
            };
            world.processes.push(process);
        }
        world
    }

    /// Takes so many steps, checks after each, and lets everything come to rest.
    pub fn run(mut self, steps: u64) -> Result<Seen, String> {
        for step in 0..steps {
            self.step().map_err(|broken| format!("step {step}: {broken}"))?;
            self.check().map_err(|broken| format!("after step {step}: {broken}"))?;
        }
        let seen = self.seen;
        self.rest().map_err(|broken| format!("at rest: {broken}"))?;
        Ok(seen)
    }

    fn step(&mut self) -> Result<(), String> {
        self.pass_time();
        let at = self.chance.below(self.processes.len());
        if self.processes[at].wakes_at > self.rows.now {
            return Ok(());
        }
        match self.chance.below(100) {
            0..30 => self.ask(at),
            30..60 => self.transact(at)?,
            60..78 => self.finish(at),
            78..94 => self.keep_watch(at)?,
            94 => self.crash(at),
            95 => self.admin(at)?,
            96..97 => self.processes[at].wakes_at = self.rows.now.plus(self.seconds(12)),
            _ => self.processes[at].cut_off_until = self.rows.now.plus(self.seconds(15)),
        }
        Ok(())
    }

    fn pass_time(&mut self) {
        let micros = match self.chance.below(1_000) {
            0 => self.chance.between(3_600_000_000, 40_000_000_000),
            1..30 => self.chance.between(1_000_000, 9_000_000),
            _ => self.chance.between(0, 400_000),
        };
        self.rows.now = Time::from_micros(self.rows.now.micros() + micros);
    }

    fn seconds(&mut self, most: i64) -> Duration {
        Duration::from_secs(self.chance.between(0, most) as u64)
    }

    fn join(&mut self) -> NodeId {
        self.names += 1;
        let node = NodeId(format!("node-{:06}", self.names));
        self.rows.nodes.insert(node.clone(), self.rows.now.plus(LEASE));
        node
    }

    /// A client calls.
    fn ask(&mut self, at: usize) {
        self.calls += 1;
        let which = self.chance.below(2);
        let bound = bound(&mut self.chance);
        // By the process's own clock, which nobody must believe.
        let theirs = Time::from_micros(self.rows.now.micros() + self.processes[at].skew);
        let arrival = Arc::new(arrival(self.calls, ["a", "b"][which], self.groups[which], theirs));
        let limits = self.limits.of(&arrival.owners());
        self.processes[at].asked.push(Asked { arrival, bound, limits });
    }

    /// A call in flight comes to its end: answered, or left by its client. Now and then it is told twice.
    fn finish(&mut self, at: usize) {
        if self.processes[at].flying.is_empty() {
            return;
        }
        let which = self.chance.below(self.processes[at].flying.len());
        let (arrival, bound) = self.processes[at].flying.swap_remove(which);
        let settlement = ending(&mut self.chance, &arrival, &bound);
        if self.chance.permille(50) {
            self.processes[at].ended.push((Arc::clone(&arrival), bound, settlement.clone()));
        }
        self.processes[at].ended.push((arrival, bound, settlement));
    }

    /// An admin changes a limit, moves a key to another group, or resets a meter.
    fn admin(&mut self, at: usize) -> Result<(), String> {
        match self.chance.below(4) {
            0 | 1 => {
                let limit = self.limits.edit(&mut self.chance);
                self.count.recount(&limit);
                self.seen.edited += 1;
            }
            2 => {
                let which = self.chance.below(2);
                self.groups[which] = [None, Some("g"), Some("h")][self.chance.below(3)];
            }
            _ if !self.faults.unlocked => {
                let which = self.chance.below(self.limits.all.len());
                let limit = self.limits.all[which].clone();
                if limit.period.window().is_none() {
                    self.rejoin_if_fenced(at);
                    self.reset(&limit)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn reset(&mut self, limit: &Limit) -> Result<(), String> {
        let (now, owner) = (self.rows.now, limit.owner.to_text());
        self.rows.books.entry(owner.clone()).or_default();
        let mut transaction = self.rows.transaction();
        let whole = async {
            let mut taken = Taken::lock(&mut transaction, &BTreeSet::from([owner]), true).await?;
            taken.make(&mut transaction, std::slice::from_ref(limit), now).await?;
            let entries = taken.ledger.reset(limit, now).unwrap_or_default();
            taken.ledger.adjust(limit, now, &entries);
            taken.put_back(&mut transaction, Some(now)).await?;
            Ok::<_, crate::store::StoreError>(entries)
        };
        let entries = whole.now_or_never().expect("nothing waits").map_err(|error| error.to_string())?;
        let done = std::mem::take(&mut transaction.done);
        let (start, amount) = (limit.slot(now).start, entries.iter().map(|(_, amount)| amount).sum());
        self.rows.resets.push((limit.clone(), start, amount));
        self.count.reset(limit, start, amount);
        self.seen.reset += u64::from(amount != 0);
        self.note(&done)
    }

    /// Memory is gone; the process starts again under a new name, or after a while.
    fn crash(&mut self, at: usize) {
        let node = self.join();
        let wait = self.seconds(10);
        let process = &mut self.processes[at];
        *process = Process {
            node,
            wakes_at: self.rows.now.plus(wait),
            cut_off_until: self.rows.now,
            skew: process.skew,
            asked: Vec::new(),
            ended: Vec::new(),
            flying: Vec::new(),
            late: None,
        };
    }

    fn fate(&mut self, at: usize) -> Fate {
        match self.chance.below(100) {
            _ if self.processes[at].cut_off_until > self.rows.now => Fate::Lost,
            0..2 => Fate::Lost,
            2..4 => Fate::Unheard,
            _ => Fate::Done,
        }
    }

    /// The journal writes what waits.
    fn transact(&mut self, at: usize) -> Result<(), String> {
        if let Some(late) = self.processes[at].late.take() {
            return self.write_late(at, late);
        }
        let process = &mut self.processes[at];
        let (asked, ended) = (std::mem::take(&mut process.asked), std::mem::take(&mut process.ended));
        if asked.is_empty() && ended.is_empty() {
            return Ok(());
        }
        let asked: Vec<Asked> =
            asked.into_iter().map(|asked| Asked { limits: self.limits.of(&asked.arrival.owners()), ..asked }).collect();
        let fate = self.fate(at);
        let mut admitted = Vec::new();
        if fate != Fate::Lost {
            self.rejoin_if_fenced(at);
            let node = self.processes[at].node.clone();
            if self.faults.unlocked {
                let mut read = self.rows.clone();
                let done = decide(&mut read, &node, &asked, &ended, &mut admitted, &mut self.count, true)?;
                self.processes[at].late = Some((read, done, admitted));
                return Ok(());
            }
            let done = decide(&mut self.rows, &node, &asked, &ended, &mut admitted, &mut self.count, false)?;
            self.seen.admitted += admitted.len() as u64;
            self.seen.refused += (asked.len() - admitted.len()) as u64;
            self.note(&done)?;
        }
        self.seen.unheard += u64::from(fate == Fate::Unheard);
        let process = &mut self.processes[at];
        match fate {
            Fate::Done => process.flying.extend(admitted),
            // Nobody knows what became of it: calls that asked are refused and voided, ends are told again.
            Fate::Lost | Fate::Unheard => {
                process.ended.extend(ended);
                for Asked { arrival, bound, .. } in asked {
                    let at = admitted.iter().find(|(admitted, _)| admitted.id == arrival.id);
                    let arrival = at.map_or(arrival, |(arrival, _)| Arc::clone(arrival));
                    let void = Settlement {
                        usage: Usage::default(),
                        cost: Credits::ZERO,
                        dispatched: false,
                        ..Settlement::interrupted(&arrival, &bound)
                    };
                    process.ended.push((arrival, bound, void));
                }
            }
        }
        Ok(())
    }

    /// What was read and decided some steps ago is written over whatever has happened since.
    fn write_late(&mut self, at: usize, late: Late) -> Result<(), String> {
        let (read, done, admitted) = late;
        for one in &done {
            match one {
                Done::Admitted(id) => {
                    self.rows.pending.insert(id.clone());
                    self.rows.calls.insert(id.clone(), read.calls[id].clone());
                }
                Done::Settled(id, _) if !self.rows.pending.remove(id) => continue,
                Done::Settled(id, used) => {
                    self.rows
                        .calls
                        .entry(id.clone())
                        .and_modify(|row| row.used = Some(*used))
                        .or_insert_with(|| read.calls[id].clone())
                        .used = Some(*used)
                }
                Done::Saved(owner) => {
                    self.rows.books.insert(owner.to_text(), read.books[&owner.to_text()].clone());
                }
            }
            self.note(std::slice::from_ref(one))?;
        }
        self.processes[at].flying.extend(admitted);
        Ok(())
    }

    /// As the product does when it finds itself fenced: a new name, and what was in flight has been charged.
    fn rejoin_if_fenced(&mut self, at: usize) {
        let mut transaction = self.rows.transaction();
        let entered =
            transaction.enter(&self.processes[at].node).now_or_never().expect("nothing waits").expect("reads");
        if !entered {
            self.seen.fenced += 1;
            self.processes[at].node = self.join();
        }
    }

    /// A process renews its lease and buries those that have let theirs run out.
    fn keep_watch(&mut self, at: usize) -> Result<(), String> {
        if self.fate(at) == Fate::Lost {
            return Ok(());
        }
        let expires = self.rows.now.plus(LEASE);
        let node = self.processes[at].node.clone();
        match self.rows.nodes.get_mut(&node) {
            Some(known) => *known = expires,
            None if self.faults.unfenced => {}
            None => self.processes[at].node = self.join(),
        }
        for dead in self.rows.expired() {
            let mut transaction = self.rows.transaction();
            let buried = bury(&mut transaction, &dead).now_or_never().expect("nothing waits");
            self.seen.buried += u64::from(buried.map_err(|error| error.to_string())?.is_some());
            let done = std::mem::take(&mut transaction.done);
            self.note(&done)?;
        }
        Ok(())
    }

    /// The clerk writes down what the store did.
    fn note(&mut self, done: &[Done]) -> Result<(), String> {
        self.moved |= !done.is_empty();
        for one in done {
            match one {
                Done::Admitted(id) => {
                    let row = &self.rows.calls[id];
                    let (owners, held) = (Arc::clone(&row.owners), row.bound.amount());
                    self.count.admitted(id, owners, row.arrival.at, held, &self.limits.all)?;
                }
                Done::Settled(id, used) => self.count.settled(id, *used, &self.limits.all)?,
                Done::Saved(owner) => {
                    let book = &self.rows.books[&owner.to_text()];
                    self.count.agrees(owner, book, &self.limits.all, self.rows.now)?;
                }
            }
        }
        for one in done {
            if let Done::Admitted(id) = one {
                let limits = self.limits.of(&self.rows.calls[id].owners);
                self.count.within(&limits, self.rows.now)?;
            }
        }
        Ok(())
    }

    /// Whatever has not moved since the last step has passed already.
    fn check(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.moved) {
            return Ok(());
        }
        for process in &self.processes {
            for (arrival, _) in &process.flying {
                if !self.rows.calls.contains_key(&arrival.id) {
                    return Err(format!("call {} was sent and is in no book", arrival.id));
                }
            }
        }
        Ok(())
    }

    /// Everything is mended, and every call comes to its end: nothing is held any more, and the meters say what the
    /// calls say.
    fn rest(mut self) -> Result<(), String> {
        for round in 0..40 {
            self.rows.now = self.rows.now.plus(Duration::from_secs(1));
            for at in 0..self.processes.len() {
                self.processes[at].cut_off_until = self.rows.now;
                self.processes[at].wakes_at = self.rows.now;
                while !self.processes[at].flying.is_empty() {
                    self.finish(at);
                }
                // Only the ends count now.
                if round > 0 {
                    self.processes[at].asked.clear();
                }
                self.transact(at)?;
                self.keep_watch(at)?;
                self.check()?;
            }
        }
        if !self.rows.pending.is_empty() {
            return Err(format!(
                "{} calls never ended, such as {:?}",
                self.rows.pending.len(),
                self.rows.pending.first()
            ));
        }
        if self.count.pending() != 0 {
            return Err(format!("{} calls are held for ever", self.count.pending()));
        }
        for (owner, book) in &self.rows.books {
            let owner = Owner::parse(owner).ok_or("an owner that cannot be read")?;
            self.count.agrees(&owner, book, &self.limits.all, self.rows.now)?;
            if book.meters().any(|(_, _, meter)| meter.holds()) {
                return Err(format!("the meters of {owner:?} hold something at rest"));
            }
        }
        Ok(())
    }
}
