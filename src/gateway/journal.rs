//! The journal: the one writer of calls in this process. Whatever waits is written in one transaction; callers are
//! answered after it commits.

use super::hold::Hold;
use super::{Inner, own, shared};
use crate::domain::call::{Arrival, Bound, Settlement};
use crate::domain::id::AccountId;
use crate::domain::ledger::Consulted;
use crate::domain::limit::Limit;
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::store::StoreError;
use crate::store::usage::{Posting, together};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many entries one transaction takes.
const BATCH: usize = 256;
/// How many it takes at least, however often it failed: what cannot be written by the dozen cannot be written.
const SMALLEST_BATCH: usize = 8;
/// How long a failing database is left alone before the next try, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A transaction that takes longer has met a dead connection; whether it committed is found out later.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(5);
/// How long a reader of the logs waits for refusals that are being written.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(2);

/// The books could not be written or read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the books cannot be reached")]
pub struct Unavailable;

/// Why a call does not go on.
#[derive(Debug)]
pub(super) enum Rejected {
    /// A limit has no room; every limit as it was consulted at that instant.
    Short {
        short: Box<Consulted>,
        trace: Vec<Consulted>,
        at: Time,
    },
    Unavailable,
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, Unavailable>>;

/// What is asked of the journal.
pub(super) enum Entry {
    /// Writes a call down. Where meters are shared, it is admitted here too, or rejected.
    Admit {
        hold: Box<Hold>,
        limits: Arc<[Limit]>,
        verdict: Option<Rejected>,
        answer: oneshot::Sender<Result<Hold, Rejected>>,
    },
    Settle {
        arrival: Arc<Arrival>,
        bound: Bound,
        settlement: Box<Settlement>,
        posted: bool,
        written: Answer<()>,
    },
    Refused {
        arrival: Arc<Arrival>,
        refusal: Box<Refusal>,
        posted: bool,
    },
    /// Puts meters in this process's memory. Passes through here so that no settlement falls between rows and memory.
    Load {
        limits: Vec<Limit>,
        at: Time,
        loaded: Answer<()>,
    },
    Reset {
        limit: Limit,
        at: Time,
        by: AccountId,
        entries: Vec<(Time, i64)>,
        done: Answer<i64>,
    },
    Idle {
        reached: Answer<()>,
    },
}

/// The way in. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    entries: mpsc::UnboundedSender<Entry>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last transaction failed: until one succeeds, no call waits to hear that it may not go on.
    down: AtomicBool,
    /// Refusals that were not logged meanwhile.
    unlogged: AtomicU64,
    /// Refusals on their way to the books: nobody waited for them yet.
    refusals: AtomicU64,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry")
    }
}

impl Journal {
    pub(super) fn new() -> (Self, Writer) {
        let (entries, waiting) = mpsc::unbounded_channel();
        let state = Arc::<State>::default();
        let writer =
            Writer { waiting, again: VecDeque::new(), size: BATCH, pause: Duration::ZERO, state: Arc::clone(&state) };
        (Self { entries, state }, writer)
    }

    /// Writes a call down before it is sent. The hold travels with the entry, so that a caller who leaves meanwhile
    /// leaves nothing behind: it comes back to nobody, and ends.
    pub(super) async fn admit(&self, hold: Hold, limits: Arc<[Limit]>) -> Result<Hold, Rejected> {
        if self.is_down() {
            hold.forget();
            return Err(Rejected::Unavailable);
        }
        let (answer, answered) = oneshot::channel();
        let entry = Entry::Admit { hold: Box::new(hold), limits, verdict: None, answer };
        self.entries.send(entry).map_err(|_| Rejected::Unavailable)?;
        answered.await.map_err(|_| Rejected::Unavailable)?
    }

    /// Settles a call. The entry is on its way when this returns, whether or not the answer is awaited.
    pub(super) fn settle(
        &self,
        arrival: Arc<Arrival>,
        bound: Bound,
        settlement: Settlement,
    ) -> impl Future<Output = Result<(), Unavailable>> + use<> {
        let (written, answer) = oneshot::channel();
        let settlement = Box::new(settlement);
        let sent = self.entries.send(Entry::Settle { arrival, bound, settlement, posted: false, written }).is_ok();
        async move { if sent { answer.await.map_err(|_| Unavailable)? } else { Err(Unavailable) } }
    }

    pub(super) fn refused(&self, arrival: Arc<Arrival>, refusal: Refusal) {
        if self.is_down() {
            // Every call is refused now. Remembering them all would fill the memory, and keep the first calls waiting
            // behind them when the books are back.
            self.state.unlogged.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.state.refusals.fetch_add(1, Ordering::Relaxed);
        // A journal that is gone has been drained: the process is on its way out and answers no calls.
        drop(self.entries.send(Entry::Refused { arrival, refusal: Box::new(refusal), posted: false }));
    }

    /// Waits until the refusals so far are written: callers heard of them before. Not for long, and not at all while the
    /// books cannot be written: who reads them then is told by the reading itself.
    pub(super) async fn caught_up(&self) {
        if self.state.refusals.load(Ordering::Relaxed) > 0 && !self.is_down() {
            let _ = tokio::time::timeout(LONGEST_CATCH_UP, self.idle()).await;
        }
    }

    fn is_down(&self) -> bool {
        self.state.down.load(Ordering::Relaxed)
    }

    /// Puts the meters of these limits in memory.
    pub(super) async fn load(&self, limits: Vec<Limit>, at: Time) -> Result<(), Unavailable> {
        self.ask(|loaded| Entry::Load { limits, at, loaded }).await
    }

    /// Takes off what a limit has counted so far; how much that was.
    pub(super) async fn reset(&self, limit: Limit, at: Time, by: AccountId) -> Result<i64, Unavailable> {
        self.ask(|done| Entry::Reset { limit, at, by, entries: Vec::new(), done }).await
    }

    /// Waits until everything asked before has been written.
    pub(super) async fn idle(&self) -> Result<(), Unavailable> {
        self.ask(|reached| Entry::Idle { reached }).await
    }

    async fn ask<T>(&self, entry: impl FnOnce(Answer<T>) -> Entry) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.entries.send(entry(answer)).map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)?
    }
}

/// The task behind the journal. It ends when the gateway is dropped.
pub(super) struct Writer {
    waiting: mpsc::UnboundedReceiver<Entry>,
    /// What could not be written yet and must be: it goes first, a batch at a time.
    again: VecDeque<Entry>,
    /// How many entries the next transaction takes: fewer after one that failed, since it may have been too long.
    size: usize,
    pause: Duration,
    state: Arc<State>,
}

impl Writer {
    pub(super) async fn run(mut self, gateway: Weak<Inner>) {
        loop {
            let first = self.again.len().min(self.size);
            let mut batch: Vec<Entry> = self.again.drain(..first).collect();
            if batch.is_empty() {
                if self.waiting.recv_many(&mut batch, self.size).await == 0 {
                    return;
                }
            } else {
                // Calls that arrive while the database rests are answered in the next batch, not when it is over.
                tokio::time::sleep(self.pause).await;
                while batch.len() < self.size
                    && let Ok(entry) = self.waiting.try_recv()
                {
                    batch.push(entry);
                }
            }
            let Some(gateway) = gateway.upgrade() else { return };
            self.write(&gateway, batch).await;
        }
    }

    async fn write(&mut self, gateway: &Inner, mut batch: Vec<Entry>) {
        let changes = !moves_nothing(&batch);
        let written = tokio::time::timeout(LONGEST_TRANSACTION, transact(gateway, &mut batch)).await;
        match written.unwrap_or(Err(StoreError::TimedOut)) {
            Ok(()) => {
                self.pause = Duration::ZERO;
                self.size = (self.size * 2).min(BATCH);
                // The gate stays shut while there is a backlog: a call would wait behind all of it.
                let is_back = self.again.is_empty() && self.state.down.swap(false, Ordering::Relaxed);
                if is_back {
                    let unlogged = self.state.unlogged.swap(0, Ordering::Relaxed);
                    tracing::info!(unlogged, "the books can be written again; so many refusals were not logged");
                }
                // Meters are loaded when everything beside them has moved: a call that the rows have as settled must
                // not be loaded as one that still holds.
                let (loads, others) =
                    batch.into_iter().partition::<Vec<_>, _>(|entry| matches!(entry, Entry::Load { .. }));
                for entry in others.into_iter().chain(loads) {
                    tell(gateway, entry).await;
                }
                // Pages that could not be read meanwhile are read again.
                if changes || is_back {
                    gateway.announce(super::Topic::Calls);
                }
            }
            Err(error) => {
                self.pause = (self.pause * 2).clamp(Duration::from_millis(20), LONGEST_PAUSE);
                self.state.down.store(true, Ordering::Relaxed);
                tracing::error!(%error, entries = batch.len(), "the books could not be written; trying again");
                self.size = (self.size / 2).max(SMALLEST_BATCH);
                for entry in batch.into_iter().filter_map(|entry| kept(gateway, entry)).rev().collect::<Vec<_>>() {
                    self.again.push_front(entry);
                }
                // Calls that came while the transaction was failing are told now, not after the next one.
                while let Ok(entry) = self.waiting.try_recv() {
                    self.again.extend(untried(gateway, entry));
                }
                // A failure alone, with nothing left to write, must not shut the gate for good: try the database.
                if self.again.is_empty() {
                    self.again.push_back(Entry::Idle { reached: oneshot::channel().0 });
                }
            }
        }
    }
}

/// Whether nobody will find anything else in the books than before.
fn moves_nothing(batch: &[Entry]) -> bool {
    batch.iter().all(|entry| matches!(entry, Entry::Load { .. } | Entry::Idle { .. }))
}

async fn transact(gateway: &Inner, batch: &mut [Entry]) -> Result<(), StoreError> {
    if moves_nothing(batch) {
        return gateway.store.ping().await;
    }
    match gateway.store.is_shared() {
        true => shared::transact(gateway, batch).await,
        false => own::transact(gateway, batch).await,
    }
}

/// After the commit: meters in memory move, and whoever waits is told. One who no longer waits has lost nothing.
async fn tell(gateway: &Inner, entry: Entry) {
    match entry {
        Entry::Admit { hold, verdict, answer, .. } => {
            let answered = match verdict {
                None => {
                    gateway.books.admitted(&hold.arrival().id);
                    answer.send(Ok(*hold))
                }
                Some(rejected) => {
                    hold.forget();
                    answer.send(Err(rejected))
                }
            };
            // The caller has left: what comes back is a hold that nobody wants, and dropping it ends it.
            drop(answered);
        }
        Entry::Settle { settlement, written, .. } => {
            gateway.books.settled(&settlement.id, settlement.amount());
            let _ = written.send(Ok(()));
        }
        Entry::Refused { .. } => {
            gateway.journal.state.refusals.fetch_sub(1, Ordering::Relaxed);
        }
        Entry::Load { limits, at, loaded } => {
            let _ = loaded.send(own::load(gateway, &limits, at).await.map_err(|error| {
                tracing::error!(%error, "meters could not be read");
                Unavailable
            }));
        }
        Entry::Reset { limit, at, entries, done, .. } => {
            gateway.books.adjusted(&limit, at, &entries);
            let _ = done.send(Ok(entries.iter().map(|(_, amount)| -amount).sum()));
        }
        Entry::Idle { reached } => {
            let _ = reached.send(Ok(()));
        }
    }
}

/// What a failed batch leaves to do. A call that could not be written down is refused at once; should its row be there
/// after all (a commit whose answer was lost), it is voided when the database is back.
fn kept(gateway: &Inner, entry: Entry) -> Option<Entry> {
    match entry {
        Entry::Admit { hold, answer, .. } => {
            let (arrival, bound) = (hold.shared_arrival(), hold.bound);
            hold.forget();
            drop(answer.send(Err(Rejected::Unavailable)));
            let settlement = Box::new(Settlement::unsent(&arrival, Refusal::books_unavailable(), 0));
            Some(Entry::Settle { arrival, bound, settlement, posted: false, written: oneshot::channel().0 })
        }
        Entry::Load { loaded, .. } => {
            let _ = loaded.send(Err(Unavailable));
            None
        }
        // A reset may have been written: what memory says of the meter is not believed any more.
        Entry::Reset { limit, at, done, .. } => {
            gateway.books.doubted(&limit, at);
            let _ = done.send(Err(Unavailable));
            None
        }
        Entry::Idle { reached } => {
            let _ = reached.send(Err(Unavailable));
            None
        }
        kept @ (Entry::Settle { .. } | Entry::Refused { .. }) => Some(kept),
    }
}

/// What is left to do of an entry that has been in no transaction yet: of a call to be admitted, nothing.
fn untried(gateway: &Inner, entry: Entry) -> Option<Entry> {
    match entry {
        Entry::Admit { hold, answer, .. } => {
            hold.forget();
            drop(answer.send(Err(Rejected::Unavailable)));
            None
        }
        other => kept(gateway, other),
    }
}

/// What a batch adds to the rollups.
pub(super) fn postings(batch: &[Entry]) -> Vec<Posting<'_>> {
    together(batch.iter().filter_map(posting).collect())
}

fn posting(entry: &Entry) -> Option<Posting<'_>> {
    match entry {
        Entry::Settle { arrival, settlement, posted: true, .. } => Some(Posting::settled(arrival, settlement)),
        Entry::Refused { arrival, posted: true, .. } => Some(Posting::refused(arrival)),
        _ => None,
    }
}
