//! What one transaction decides on meters that several processes share. Everything here depends on the shelf alone that
//! the meters lie on: the store's rows in earnest, a model of them in the simulation, so that both run the same lines.

use crate::domain::call::{Arrival, Bound, Call, Settlement};
use crate::domain::id::NodeId;
use crate::domain::ledger::{Book, Ledger, NotAdmitted, Open};
use crate::domain::limit::{Limit, Owner};
use crate::domain::time::Time;
use crate::store::StoreError;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A transaction on shared meters. What it reads for moving stays locked until it ends.
pub(crate) trait Shelf {
    /// Begins to move meters. `false` if this process is fenced.
    async fn enter(&mut self, node: &NodeId) -> Result<bool, StoreError>;
    /// The time by the one clock that all processes share.
    async fn now(&mut self) -> Result<Time, StoreError>;
    /// Declares a process dead whose lease has run out. `false` if it has not, or another was first.
    async fn bury(&mut self, node: &NodeId) -> Result<bool, StoreError>;
    /// The meters of these owners, locked where they are to be moved.
    async fn books(&mut self, owners: &BTreeSet<String>, to_move: bool) -> Result<Vec<(Owner, Book)>, StoreError>;
    /// Calls written down and not settled: of one process, or of all.
    async fn pending(&mut self, node: Option<&NodeId>) -> Result<Vec<Call>, StoreError>;
    /// What settled calls and resets have counted against a limit in its current period.
    async fn counted_for(&mut self, limit: &Limit, at: Time) -> Result<Vec<(Time, i64)>, StoreError>;
    /// Settles a row; `false` if it was settled before.
    async fn settle(&mut self, settlement: &Settlement) -> Result<bool, StoreError>;
    async fn insert_pending(&mut self, arrival: &Arrival, bound: &Bound, node: &NodeId) -> Result<(), StoreError>;
    async fn save(&mut self, owner: &Owner, book: &Book) -> Result<(), StoreError>;
}

/// A call that asks to be admitted.
#[derive(Debug)]
pub(crate) struct Asked {
    pub arrival: Arc<Arrival>,
    pub bound: Bound,
    pub limits: Arc<[Limit]>,
}

/// A call that has come to its end.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub arrival: &'a Arrival,
    pub bound: Bound,
    pub settlement: &'a Settlement,
}

/// Meters taken off the shelf, as they were and as they are to be.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub ledger: Ledger,
    before: Vec<(Owner, Book)>,
}

impl Taken {
    /// Takes these owners' meters off the shelf. Where they are to be moved, nothing else moves them from now on.
    pub(crate) async fn lock(
        shelf: &mut impl Shelf,
        owners: &BTreeSet<String>,
        to_move: bool,
    ) -> Result<Self, StoreError> {
        let mut taken = Self::default();
        for (owner, book) in shelf.books(owners, to_move).await? {
            taken.before.push((owner.clone(), book.clone()));
            taken.ledger.put(owner, book);
        }
        Ok(taken)
    }

    /// Makes the meters that these limits need at `at` and that are not there yet, from what the rows say is used and
    /// held. Their owners' rows are locked, so nothing of theirs moves meanwhile.
    pub(crate) async fn make(&mut self, shelf: &mut impl Shelf, limits: &[Limit], at: Time) -> Result<(), StoreError> {
        let missing = self.ledger.missing(limits, at);
        if missing.is_empty() {
            return Ok(());
        }
        let in_flight: Vec<Open> = shelf.pending(None).await?.iter().map(open).collect();
        for limit in missing {
            let counted = shelf.counted_for(&limit, at).await?;
            self.ledger.load(&limit, at, &counted, in_flight.iter());
        }
        Ok(())
    }

    /// Ends calls; which of them had not ended before.
    pub(crate) async fn settle(
        &mut self,
        shelf: &mut impl Shelf,
        ended: &[Ended<'_>],
    ) -> Result<Vec<bool>, StoreError> {
        let mut posted = Vec::with_capacity(ended.len());
        for Ended { arrival, bound, settlement } in ended {
            let first = shelf.settle(settlement).await?;
            if first {
                let open = Open { owners: arrival.owners(), at: arrival.at, held: bound.amount() };
                self.ledger.post(&open, settlement.amount());
            }
            posted.push(first);
        }
        Ok(posted)
    }

    /// Admits a call and writes it down, or says which limit is short.
    pub(crate) async fn admit(
        &mut self,
        shelf: &mut impl Shelf,
        asked: &Asked,
        node: &NodeId,
    ) -> Result<Result<(), NotAdmitted>, StoreError> {
        let Asked { arrival, bound, limits } = asked;
        let open = Open { owners: arrival.owners(), at: arrival.at, held: bound.amount() };
        let verdict = self.ledger.admit(arrival.id.clone(), open, limits);
        if verdict.is_ok() {
            shelf.insert_pending(arrival, bound, node).await?;
        }
        Ok(verdict)
    }

    /// Puts back the meters that moved, without those that are over at `now`.
    pub(crate) async fn put_back(mut self, shelf: &mut impl Shelf, now: Option<Time>) -> Result<(), StoreError> {
        for (owner, old) in &self.before {
            let Some(mut book) = self.ledger.take(owner) else { continue };
            if let Some(now) = now {
                book.prune(now);
            }
            if book != *old {
                shelf.save(owner, &book).await?;
            }
        }
        Ok(())
    }
}

/// Declares a silent process dead, and charges each of its calls the whole hold, since nobody can say what it used.
/// `None` if it is not dead, or another has seen to it.
pub(crate) async fn bury(
    shelf: &mut impl Shelf,
    node: &NodeId,
) -> Result<Option<Vec<(Arrival, Settlement)>>, StoreError> {
    if !shelf.bury(node).await? {
        return Ok(None);
    }
    let calls = shelf.pending(Some(node)).await?;
    let owners = calls.iter().flat_map(|call| call.arrival.owners().iter().map(Owner::to_text).collect::<Vec<_>>());
    let mut taken = Taken::lock(shelf, &owners.collect(), true).await?;
    let mut ends = Vec::new();
    for call in calls {
        let settlement = Settlement::interrupted(&call.arrival, &call.bound);
        let ended = Ended { arrival: &call.arrival, bound: call.bound, settlement: &settlement };
        if taken.settle(shelf, &[ended]).await? == [true] {
            ends.push((call.arrival, settlement));
        }
    }
    // Periods that are over are forgotten by whoever moves these meters next.
    taken.put_back(shelf, None).await?;
    Ok(Some(ends))
}

/// A call in flight as meters know it.
pub(crate) fn open(call: &Call) -> Open {
    Open { owners: call.arrival.owners(), at: call.arrival.at, held: call.bound.amount() }
}
