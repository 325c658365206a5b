//! The store as the simulation has it: rows, meters and leases in memory, moved by transactions that are whole or not.

use crate::domain::amount::Amount;
use crate::domain::call::{Arrival, Bound, Call, CallState, Settlement};
use crate::domain::credits::Credits;
use crate::domain::id::{CallId, NodeId};
use crate::domain::ledger::Book;
use crate::domain::limit::{Limit, Owner};
use crate::domain::time::Time;
use crate::domain::usage::Usage;
use crate::gateway::decide::Shelf;
use crate::store::StoreError;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A row of the journal.
#[derive(Clone, Debug)]
pub struct Row {
    pub arrival: Arc<Arrival>,
    pub owners: Arc<[Owner]>,
    pub bound: Bound,
    pub node: NodeId,
    pub used: Option<Amount>,
}

/// Everything that survives a crash.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub now: Time,
    pub calls: BTreeMap<CallId, Row>,
    pub pending: BTreeSet<CallId>,
    pub books: BTreeMap<String, Book>,
    pub nodes: HashMap<NodeId, Time>,
    /// Manual resets of calendar meters: which, the start of its period, and what was taken off.
    pub resets: Vec<(Limit, Time, i64)>,
    /// Whether the fence has been taken away.
    pub unfenced: bool,
}

/// What a transaction did, in the order in which it did it.
#[derive(Clone, Debug)]
pub enum Done {
    Admitted(CallId),
    Settled(CallId, Amount),
    Saved(Owner),
}

/// A transaction on the rows.
pub struct Transaction<'a> {
    pub rows: &'a mut Rows,
    pub done: Vec<Done>,
}

impl Rows {
    pub fn transaction(&mut self) -> Transaction<'_> {
        Transaction { rows: self, done: Vec::new() }
    }

    pub fn expired(&self) -> Vec<NodeId> {
        let mut expired: Vec<NodeId> =
            self.nodes.iter().filter(|(_, expires)| **expires < self.now).map(|(node, _)| node.clone()).collect();
        expired.sort();
        expired
    }

    /// What settled calls have used of a limit's measure since an instant, call by call.
    pub fn used(&self, limit: &Limit, since: Time) -> Vec<(Time, i64)> {
        let rows = self.calls.values().filter(|row| row.arrival.at >= since);
        let rows = rows.filter(|row| row.owners.contains(&limit.owner));
        rows.filter_map(|row| Some((row.arrival.at, row.used?.of(limit.measure)))).collect()
    }
}

impl Shelf for Transaction<'_> {
    async fn enter(&mut self, node: &NodeId) -> Result<bool, StoreError> {
        Ok(self.rows.nodes.contains_key(node) || self.rows.unfenced)
    }

    async fn now(&mut self) -> Result<Time, StoreError> {
        Ok(self.rows.now)
    }

    async fn bury(&mut self, node: &NodeId) -> Result<bool, StoreError> {
        let dead = self.rows.nodes.get(node).is_some_and(|expires| *expires < self.rows.now);
        if dead {
            self.rows.nodes.remove(node);
        }
        Ok(dead)
    }

    async fn books(&mut self, owners: &BTreeSet<String>, _: bool) -> Result<Vec<(Owner, Book)>, StoreError> {
        let known = owners.iter().filter_map(|owner| Some((Owner::parse(owner)?, self.rows.books.get(owner)?.clone())));
        Ok(known.collect())
    }

    async fn pending(&mut self, node: Option<&NodeId>) -> Result<Vec<Call>, StoreError> {
        let rows = self.rows.pending.iter().filter_map(|id| self.rows.calls.get(id));
        Ok(rows.filter(|row| node.is_none_or(|node| row.node == *node)).map(call).collect())
    }

    async fn counted_for(&mut self, limit: &Limit, at: Time) -> Result<Vec<(Time, i64)>, StoreError> {
        let since = match limit.period.window() {
            Some((window, bucket)) => at.minus(window + bucket),
            None => limit.slot(at).start,
        };
        let mut counted = self.rows.used(limit, since);
        let same = self.rows.resets.iter().filter(|(reset, start, _)| reset.shares_meter(limit) && *start == since);
        counted.extend(same.map(|(_, start, amount)| (*start, *amount)));
        Ok(counted)
    }

    async fn settle(&mut self, settlement: &Settlement) -> Result<bool, StoreError> {
        if !self.rows.pending.remove(&settlement.id) {
            return Ok(false);
        }
        if let Some(row) = self.rows.calls.get_mut(&settlement.id) {
            row.used = Some(settlement.amount());
        }
        self.done.push(Done::Settled(settlement.id.clone(), settlement.amount()));
        Ok(true)
    }

    async fn insert_pending(&mut self, arrival: &Arrival, bound: &Bound, node: &NodeId) -> Result<(), StoreError> {
        let owners = arrival.owners();
        let row = Row { arrival: Arc::new(arrival.clone()), owners, bound: *bound, node: node.clone(), used: None };
        self.rows.pending.insert(arrival.id.clone());
        self.done.push(Done::Admitted(arrival.id.clone()));
        match self.rows.calls.insert(arrival.id.clone(), row) {
            None => Ok(()),
            Some(_) => Err(StoreError::Taken),
        }
    }

    async fn save(&mut self, owner: &Owner, book: &Book) -> Result<(), StoreError> {
        // As text and back, as the rows hold it.
        let text = serde_json::to_string(book).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let book = serde_json::from_str(&text).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        self.rows.books.insert(owner.to_text(), book);
        self.done.push(Done::Saved(owner.clone()));
        Ok(())
    }
}

fn call(row: &Row) -> Call {
    Call {
        arrival: Arrival::clone(&row.arrival),
        state: CallState::Pending,
        bound: row.bound,
        status: 0,
        refusal: None,
        usage: Usage::default(),
        cost: Credits::ZERO,
        cost_basis: String::new(),
        usage_source: None,
        provider: String::new(),
        first_byte_ms: None,
        total_ms: None,
        attempts: Vec::new(),
    }
}
