//! The books of several processes on one database: a call is admitted, written down and held on its meters' rows in one
//! transaction. Whoever moves an owner's meters locks its row first, so each decision sees every decision before it,
//! whichever process made it; no budget ever lies idle elsewhere, and no process's clock is believed.
//!
//! What a process has of its own is its right to admit: a row that it renews, and that every such transaction locks.
//! If it falls silent, another deletes the row and resolves its calls; from then on it is fenced.

use super::books::Books;
use super::decide::{self, Asked, Ended, Shelf, Taken};
use super::journal::{Entry, Rejected, postings};
use super::{Gateway, Inner};
use crate::domain::call::{Arrival, Bound, Call, Settlement};
use crate::domain::id::{CallId, NodeId};
use crate::domain::ledger::{Book, Ledger, NotAdmitted, Open};
use crate::domain::limit::{Limit, Owner};
use crate::domain::time::Time;
use crate::store::books::Reset;
use crate::store::usage::{Posting, together};
use crate::store::{Store, StoreError, Tx};
use arc_swap::ArcSwap;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a process stays known without renewing: after this, others resolve its calls.
pub const LEASE: Duration = Duration::from_secs(6);

/// How long a process must have renewed without a break before it holds a silent one for dead. When the database itself
/// was away, all leases have run out, and whoever is back first must leave the others the time to renew theirs.
const GRACE: Duration = Duration::from_secs(2);
/// Two renewals further apart than this are a break.
const BREAK: Duration = Duration::from_secs(3);
const LONGEST_RENEWAL: Duration = Duration::from_secs(2);

/// What a process knows of itself where the meters are shared.
#[derive(Debug)]
pub(super) struct Shared {
    node: ArcSwap<NodeId>,
    /// Calls it has written down and not settled.
    flying: Mutex<HashSet<CallId>>,
    /// Owners whose meters are known to have a place. Places are never taken away.
    places: Mutex<HashSet<String>>,
    touch: Mutex<Option<Touch>>,
    rejoining: tokio::sync::Mutex<()>,
}

/// A stretch of time in which it has renewed its lease without a break.
#[derive(Clone, Copy, Debug)]
struct Touch {
    since: Instant,
    last: Instant,
}

impl Shared {
    pub(super) fn new(node: NodeId) -> Self {
        let node = ArcSwap::from_pointee(node);
        let (flying, places) = (Mutex::default(), Mutex::default());
        Self { node, flying, places, touch: Mutex::default(), rejoining: tokio::sync::Mutex::default() }
    }

    fn renewed(&self) {
        let (now, mut touch) = (Instant::now(), guard(&self.touch));
        let unbroken = touch.filter(|touch| now - touch.last < BREAK);
        *touch = Some(Touch { since: unbroken.map_or(now, |touch| touch.since), last: now });
    }

    /// Whether it would have seen the others renew, if they could.
    fn can_judge(&self) -> bool {
        guard(&self.touch).is_some_and(|touch| touch.last.elapsed() < BREAK && touch.since.elapsed() >= GRACE)
    }

    pub(super) fn node(&self) -> NodeId {
        NodeId::clone(&self.node.load())
    }

    pub(super) fn calls_in_flight(&self) -> usize {
        guard(&self.flying).len()
    }

    pub(super) fn admitted(&self, call: &CallId) {
        guard(&self.flying).insert(call.clone());
    }

    pub(super) fn ended(&self, call: &CallId) {
        guard(&self.flying).remove(call);
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic happens under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf for Tx {
    async fn enter(&mut self, node: &NodeId) -> Result<bool, StoreError> {
        Store::enter(self, node).await
    }

    async fn now(&mut self) -> Result<Time, StoreError> {
        Store::now(self).await
    }

    async fn bury(&mut self, node: &NodeId) -> Result<bool, StoreError> {
        Store::lock_books(self, false).await?;
        Store::bury(self, node).await
    }

    async fn books(&mut self, owners: &BTreeSet<String>, to_move: bool) -> Result<Vec<(Owner, Book)>, StoreError> {
        Store::books(self, owners, to_move).await
    }

    async fn pending(&mut self, node: Option<&NodeId>) -> Result<Vec<Call>, StoreError> {
        Store::pending_calls(self, node).await
    }

    async fn counted_for(&mut self, limit: &Limit, at: Time) -> Result<Vec<(Time, i64)>, StoreError> {
        Store::counted_for(self, limit, at).await
    }

    async fn settle(&mut self, settlement: &Settlement) -> Result<bool, StoreError> {
        Store::settle_call(self, settlement).await
    }

    async fn insert_pending(&mut self, arrival: &Arrival, bound: &Bound, node: &NodeId) -> Result<(), StoreError> {
        Store::insert_pending(self, arrival, bound, node).await
    }

    async fn save(&mut self, owner: &Owner, book: &Book) -> Result<(), StoreError> {
        Store::save_book(self, owner, book).await
    }
}

/// Writes a batch in one transaction: settlements first, so that what they free is there for the calls beside them.
pub(super) async fn transact(gateway: &Inner, batch: &mut [Entry]) -> Result<(), StoreError> {
    let (limits, owners) = (consulted(batch), owners(batch));
    make_places(gateway, &limits).await?;
    let (mut tx, node) = enter(gateway).await?;
    let mut taken = Taken::lock(&mut tx, &owners, true).await?;
    // Asked when the locks are held, so that no admission is dated before one that it has seen.
    let at = gateway.clock.of_the_store(tx.now().await?);
    taken.make(&mut tx, &limits, at).await?;
    settle(&mut tx, &mut taken, batch).await?;
    for entry in batch.iter_mut() {
        match entry {
            Entry::Admit { hold, limits, verdict, .. } => {
                hold.arrive(at);
                let asked = Asked { arrival: hold.shared_arrival(), bound: hold.bound, limits: Arc::clone(limits) };
                *verdict = match taken.admit(&mut tx, &asked, &node).await? {
                    Ok(()) => None,
                    Err(NotAdmitted::Short { short, trace }) => Some(Rejected::Short { short, trace, at }),
                    // Every meter was made above, for this very instant.
                    Err(NotAdmitted::NotLoaded(_)) => Some(Rejected::Unavailable),
                };
                hold.note_rates(&taken.ledger, limits);
                if verdict.is_none() {
                    hold.goes_live();
                }
            }
            Entry::Refused { arrival, refusal, posted } => {
                *posted = Store::insert_refused(&mut tx, arrival, refusal).await?;
            }
            Entry::Reset { limit, by, entries, .. } => {
                *entries = taken.ledger.reset(limit, at).unwrap_or_default();
                let id = gateway.clock.id();
                Store::insert_reset(&mut tx, &Reset { id: &id, limit, at, entries, made_by: by }).await?;
                taken.ledger.adjust(limit, at, entries);
            }
            Entry::Settle { .. } | Entry::Load { .. } | Entry::Idle { .. } => {}
        }
    }
    Store::post_usage(&mut tx, &postings(batch)).await?;
    taken.put_back(&mut tx, Some(at)).await?;
    tx.commit().await
}

/// Ends the calls of a batch that have come to their end, and notes which of them had not ended before.
async fn settle(tx: &mut Tx, taken: &mut Taken, batch: &mut [Entry]) -> Result<(), StoreError> {
    let ended = batch.iter().filter_map(|entry| match entry {
        Entry::Settle { arrival, bound, settlement, .. } => Some(Ended { arrival, bound: *bound, settlement }),
        _ => None,
    });
    let ended: Vec<Ended<'_>> = ended.collect();
    let mut first = taken.settle(tx, &ended).await?.into_iter();
    for entry in batch {
        if let Entry::Settle { posted, .. } = entry {
            *posted = first.next().unwrap_or(false);
        }
    }
    Ok(())
}

/// Begins a transaction that this process is not fenced from, under the name it has there.
async fn enter(gateway: &Inner) -> Result<(Tx, NodeId), StoreError> {
    loop {
        let (mut tx, node) = (gateway.store.begin().await?, gateway.books.node());
        if tx.enter(&node).await? {
            return Ok((tx, node));
        }
        drop(tx);
        rejoin(gateway, &node).await?;
    }
}

/// The limits that a batch's calls must fit, and those it resets.
fn consulted(batch: &[Entry]) -> Vec<Limit> {
    let mut limits: Vec<Limit> = Vec::new();
    for entry in batch {
        let asked = match entry {
            Entry::Admit { limits, .. } => limits,
            Entry::Reset { limit, .. } => std::slice::from_ref(limit),
            _ => &[],
        };
        for limit in asked {
            if !limits.contains(limit) {
                limits.push(limit.clone());
            }
        }
    }
    limits
}

/// Everyone whose meters a batch may move.
fn owners(batch: &[Entry]) -> BTreeSet<String> {
    let of = |arrival: &Arrival| arrival.owners().iter().map(Owner::to_text).collect::<Vec<_>>();
    let texts = batch.iter().flat_map(|entry| match entry {
        Entry::Admit { hold, .. } => of(hold.arrival()),
        Entry::Settle { arrival, .. } => of(arrival),
        Entry::Reset { limit, .. } => vec![limit.owner.to_text()],
        _ => Vec::new(),
    });
    texts.collect()
}

/// Sees to it that every limit's owner has a place for its meters.
async fn make_places(gateway: &Inner, limits: &[Limit]) -> Result<(), StoreError> {
    let Books::Shared(shared) = &gateway.books else { return Ok(()) };
    let missing: BTreeSet<String> = {
        let places = guard(&shared.places);
        limits.iter().map(|limit| limit.owner.to_text()).filter(|owner| !places.contains(owner)).collect()
    };
    if missing.is_empty() {
        return Ok(());
    }
    // Another process may have made them, or this one before it was restarted: only what is not there needs the lock.
    let placed = gateway.store.placed(&missing).await?;
    let absent: BTreeSet<String> = missing.iter().filter(|owner| !placed.contains(owner)).cloned().collect();
    if !absent.is_empty() {
        gateway.store.open_books(&absent).await?;
    }
    guard(&shared.places).extend(missing);
    Ok(())
}

/// Meters as they stand, for whoever only looks: nothing is locked and nothing is made.
pub(super) async fn look(store: &Store, limits: &[Limit], at: Time) -> Result<Ledger, StoreError> {
    let mut tx = store.begin_snapshot().await?;
    let owners = limits.iter().map(|limit| limit.owner.to_text()).collect();
    let mut ledger = Taken::lock(&mut tx, &owners, false).await?.ledger;
    let missing = ledger.missing(limits, at);
    if missing.is_empty() {
        return Ok(ledger);
    }
    let in_flight: Vec<Open> = Store::pending_calls(&mut tx, None).await?.iter().map(decide::open).collect();
    for (limit, counted) in missing.iter().zip(Store::counted_for_each(&mut tx, &missing, at).await?) {
        ledger.load(limit, at, &counted, in_flight.iter());
    }
    Ok(ledger)
}

/// Takes a new name, after others have held this process for dead under its last one. Its calls in flight have been
/// charged already. The journal and the lease may both notice: the second finds it done, so that no name is left behind
/// which nobody renews, with calls that were written down under it.
async fn rejoin(gateway: &Inner, fenced: &NodeId) -> Result<(), StoreError> {
    let Books::Shared(shared) = &gateway.books else { return Ok(()) };
    let _alone = shared.rejoining.lock().await;
    if shared.node() != *fenced {
        return Ok(());
    }
    let node = NodeId(gateway.clock.id());
    gateway.store.join(&node, LEASE).await?;
    tracing::error!(
        calls = shared.calls_in_flight(),
        "this process was held for dead: its calls in flight were charged what they held. It goes on under a new name"
    );
    guard(&shared.flying).clear();
    shared.node.store(Arc::new(node));
    Ok(())
}

impl Gateway {
    /// Makes this process known to the others, where there may be any.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn join(&self) -> Result<(), StoreError> {
        match &self.0.books {
            Books::Own { .. } => Ok(()),
            Books::Shared(shared) => self.0.store.join(&shared.node(), LEASE).await,
        }
    }

    /// Stays known to the others.
    ///
    /// # Errors
    /// When the database fails, or does not answer in time.
    pub async fn renew(&self) -> Result<(), StoreError> {
        let Books::Shared(shared) = &self.0.books else { return Ok(()) };
        let node = shared.node();
        // A connection that has died without a word is given up while there is time to try another.
        let renewal = tokio::time::timeout(LONGEST_RENEWAL, self.0.store.renew(&node, LEASE));
        if !renewal.await.unwrap_or(Err(StoreError::TimedOut))? {
            let rejoined = tokio::time::timeout(LONGEST_RENEWAL, rejoin(&self.0, &node));
            rejoined.await.unwrap_or(Err(StoreError::TimedOut))?;
        }
        shared.renewed();
        Ok(())
    }

    /// Resolves the calls of processes that have fallen silent, if this one is in a position to say so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_watch(&self) -> Result<(), StoreError> {
        match &self.0.books {
            Books::Shared(shared) if shared.can_judge() => self.bury_the_silent().await,
            Books::Shared(_) | Books::Own { .. } => Ok(()),
        }
    }

    /// Resolves the calls of processes whose leases have run out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bury_the_silent(&self) -> Result<(), StoreError> {
        for node in self.0.store.expired_nodes().await? {
            self.bury(&node).await?;
        }
        Ok(())
    }

    /// Whether the database answers and, where others share it, still knows this process.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn may_admit(&self) -> Result<bool, StoreError> {
        if self.0.store.is_shared() {
            return self.0.store.is_known(&self.0.books.node()).await;
        }
        self.0.store.ping().await.map(|()| true)
    }

    /// Takes leave of the others, with nothing in flight.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave(&self) -> Result<(), StoreError> {
        if self.0.store.is_shared() { self.0.store.leave(&self.0.books.node()).await } else { Ok(()) }
    }

    /// Declares a silent process dead, and charges each of its calls the whole hold: nobody can say what it used.
    async fn bury(&self, node: &NodeId) -> Result<(), StoreError> {
        let mut tx = self.0.store.begin().await?;
        let Some(ends) = decide::bury(&mut tx, node).await? else { return Ok(()) };
        let postings = ends.iter().map(|(arrival, end)| Posting::settled(arrival, end)).collect();
        Store::post_usage(&mut tx, &together(postings)).await?;
        tx.commit().await?;
        tracing::warn!(node = %node, calls = ends.len(), "a process fell silent; its calls are charged what they held");
        Ok(())
    }
}
