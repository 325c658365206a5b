//! The journal: the one writer of calls. Whatever waits is written in one transaction; meters move after it commits.
//!
//! Everything that reads sums from the rows in order to put a meter in memory passes through here too, so that no
//! settlement is counted twice or missed between the rows and the memory.

use super::Inner;
use crate::domain::call::{Arrival, Bound, Outcome, Settlement};
use crate::domain::limit::Limit;
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::domain::usage::Usage;
use crate::store::usage::Posting;
use crate::store::{Store, StoreError};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many entries one transaction takes.
const BATCH: usize = 256;
/// How long a failing database is left alone before the next try, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The books could not be written or read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the books cannot be reached")]
pub struct Unavailable;

type Answer<T> = oneshot::Sender<Result<T, Unavailable>>;

/// What is asked of the journal.
enum Entry {
    Pending { arrival: Arc<Arrival>, bound: Bound, written: Answer<()> },
    Settle { arrival: Arc<Arrival>, settlement: Box<Settlement>, written: Answer<()> },
    Refused { arrival: Arc<Arrival>, refusal: Box<Refusal> },
    Load { limits: Vec<Limit>, at: Time, loaded: Answer<()> },
    Idle { reached: Answer<()> },
}

/// The way in. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Journal(mpsc::UnboundedSender<Entry>);

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entry")
    }
}

impl Journal {
    pub(super) fn new() -> (Self, Writer) {
        let (entries, waiting) = mpsc::unbounded_channel();
        (Self(entries), Writer { waiting, again: Vec::new(), pause: Duration::ZERO })
    }

    /// Writes a call down before it is sent.
    pub(super) async fn pending(&self, arrival: Arc<Arrival>, bound: Bound) -> Result<(), Unavailable> {
        self.ask(|written| Entry::Pending { arrival, bound, written }).await
    }

    /// Settles a call. The entry is on its way when this returns, whether or not the answer is awaited.
    pub(super) fn settle(
        &self,
        arrival: Arc<Arrival>,
        settlement: Settlement,
    ) -> impl Future<Output = Result<(), Unavailable>> + use<> {
        let (written, answer) = oneshot::channel();
        let sent = self.0.send(Entry::Settle { arrival, settlement: Box::new(settlement), written }).is_ok();
        async move { if sent { answer.await.map_err(|_| Unavailable)? } else { Err(Unavailable) } }
    }

    pub(super) fn refused(&self, arrival: Arc<Arrival>, refusal: Refusal) {
        // A journal that is gone has been drained: the process is on its way out and answers no calls.
        drop(self.0.send(Entry::Refused { arrival, refusal: Box::new(refusal) }));
    }

    /// Puts the meters of these limits in memory.
    pub(super) async fn load(&self, limits: Vec<Limit>, at: Time) -> Result<(), Unavailable> {
        self.ask(|loaded| Entry::Load { limits, at, loaded }).await
    }

    /// Waits until everything asked before has been written.
    pub(super) async fn idle(&self) -> Result<(), Unavailable> {
        self.ask(|reached| Entry::Idle { reached }).await
    }

    async fn ask(&self, entry: impl FnOnce(Answer<()>) -> Entry) -> Result<(), Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.0.send(entry(answer)).map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)?
    }
}

/// The task behind the journal. It ends when the gateway is dropped.
pub(super) struct Writer {
    waiting: mpsc::UnboundedReceiver<Entry>,
    /// What could not be written yet and must be: it goes first in the next batch.
    again: Vec<Entry>,
    pause: Duration,
}

impl Writer {
    pub(super) async fn run(mut self, gateway: Weak<Inner>) {
        loop {
            let mut batch = std::mem::take(&mut self.again);
            if batch.is_empty() {
                if self.waiting.recv_many(&mut batch, BATCH).await == 0 {
                    return;
                }
            } else {
                // Calls that arrive while the database rests are answered in the next batch, not when it is over.
                tokio::time::sleep(self.pause).await;
                while batch.len() < BATCH
                    && let Ok(entry) = self.waiting.try_recv()
                {
                    batch.push(entry);
                }
            }
            let Some(gateway) = gateway.upgrade() else { return };
            self.write(&gateway, batch).await;
        }
    }

    async fn write(&mut self, gateway: &Inner, batch: Vec<Entry>) {
        match Self::transact(&gateway.store, &batch).await {
            Ok(()) => {
                self.pause = Duration::ZERO;
                for entry in batch {
                    Self::written(gateway, entry).await;
                }
                gateway.announce(super::Topic::Calls);
            }
            Err(error) => {
                self.pause = (self.pause * 2).clamp(Duration::from_millis(20), LONGEST_PAUSE);
                tracing::error!(%error, entries = batch.len(), "the books could not be written; trying again");
                self.again = batch.into_iter().filter_map(Self::kept).collect();
            }
        }
    }

    async fn transact(store: &Store, batch: &[Entry]) -> Result<(), StoreError> {
        let writes = |entry: &Entry| !matches!(entry, Entry::Load { .. } | Entry::Idle { .. });
        if !batch.iter().any(writes) {
            return Ok(());
        }
        let mut tx = store.begin().await?;
        for entry in batch {
            match entry {
                Entry::Pending { arrival, bound, .. } => Store::insert_pending(&mut tx, arrival, bound).await?,
                Entry::Settle { arrival, settlement, .. } => {
                    if Store::settle_call(&mut tx, settlement).await? {
                        Store::post_usage(&mut tx, &posting(arrival, settlement)).await?;
                    }
                }
                Entry::Refused { arrival, refusal } => {
                    Store::insert_refused(&mut tx, arrival, refusal).await?;
                    Store::post_usage(&mut tx, &refused(arrival)).await?;
                }
                Entry::Load { .. } | Entry::Idle { .. } => {}
            }
        }
        tx.commit().await
    }

    /// After the commit: meters move, and whoever waits is told.
    async fn written(gateway: &Inner, entry: Entry) {
        // One who no longer waits for an answer has lost nothing by not hearing it.
        match entry {
            Entry::Pending { written, .. } => {
                let _ = written.send(Ok(()));
            }
            Entry::Settle { settlement, written, .. } => {
                gateway.ledger().settle(&settlement.id, settlement.amount());
                let _ = written.send(Ok(()));
            }
            Entry::Refused { .. } => {}
            Entry::Load { limits, at, loaded } => {
                let _ = loaded.send(load(gateway, &limits, at).await);
            }
            Entry::Idle { reached } => {
                let _ = reached.send(Ok(()));
            }
        }
    }

    /// What a failed batch leaves to do. A call that could not be written down is refused at once; should its row be
    /// there after all (a commit whose answer was lost), it is voided when the database is back.
    fn kept(entry: Entry) -> Option<Entry> {
        match entry {
            Entry::Pending { arrival, written, .. } => {
                let _ = written.send(Err(Unavailable));
                let settlement = Box::new(Settlement::unsent(&arrival, Refusal::books_unavailable(), 0));
                Some(Entry::Settle { arrival, settlement, written: oneshot::channel().0 })
            }
            Entry::Load { loaded, .. } => {
                let _ = loaded.send(Err(Unavailable));
                None
            }
            Entry::Idle { reached } => {
                let _ = reached.send(Err(Unavailable));
                None
            }
            kept @ (Entry::Settle { .. } | Entry::Refused { .. }) => Some(kept),
        }
    }
}

/// Reads what the periods of these limits have used so far, and puts their meters in memory.
async fn load(gateway: &Inner, limits: &[Limit], at: Time) -> Result<(), Unavailable> {
    for limit in limits {
        let used = match limit.period.window() {
            Some((window, bucket)) => {
                gateway.store.used_recently(&limit.owner, limit.measure, at.minus(window + bucket)).await
            }
            None => {
                let start = limit.slot(at).start;
                gateway.store.used_since(&limit.owner, limit.measure, start).await.map(|used| vec![(at, used)])
            }
        };
        let used = used.map_err(|error| {
            tracing::error!(%error, limit = limit.name, "a meter could not be read");
            Unavailable
        })?;
        gateway.ledger().load(limit, at, &used);
    }
    Ok(())
}

fn posting<'a>(arrival: &'a Arrival, settlement: &'a Settlement) -> Posting<'a> {
    Posting {
        arrival,
        provider: &settlement.provider,
        outcome: settlement.outcome(),
        requests: i64::from(settlement.dispatched),
        usage: settlement.usage,
        cost: settlement.cost,
        total_ms: settlement.total_ms,
    }
}

fn refused(arrival: &Arrival) -> Posting<'_> {
    let (usage, cost) = (Usage::default(), crate::domain::credits::Credits::ZERO);
    Posting { arrival, provider: "", outcome: Outcome::Refused, requests: 0, usage, cost, total_ms: 0 }
}
