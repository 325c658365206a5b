//! Where the meters live between two transactions: in this process's memory if it has the database to itself, or in
//! rows that several processes lock in turn.

use super::Gateway;
use super::hold::Hold;
use super::journal::{Rejected, Unavailable};
use super::shared::{self, Shared};
use crate::domain::amount::Amount;
use crate::domain::id::{CallId, NodeId};
use crate::domain::ledger::{Ledger, NotAdmitted};
use crate::domain::limit::Limit;
use crate::domain::time::Time;
use crate::store::Store;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often admission loads meters before it gives up; once is enough unless they are pruned in between.
const MOST_LOADS: usize = 3;

/// The meters.
#[derive(Debug)]
pub(super) enum Books {
    /// One process: its memory is the truth, and the rows bring it back.
    Own { node: NodeId, ledger: Mutex<Ledger> },
    /// Several processes: the rows are the truth.
    Shared(Shared),
}

impl Books {
    pub(super) fn new(store: &Store, node: NodeId) -> Self {
        match store.is_shared() {
            true => Books::Shared(Shared::new(node)),
            false => Books::Own { node, ledger: Mutex::default() },
        }
    }

    /// The process that answers for the calls it writes down.
    pub(super) fn node(&self) -> NodeId {
        match self {
            Books::Own { node, .. } => node.clone(),
            Books::Shared(shared) => shared.node(),
        }
    }

    pub(super) fn calls_in_flight(&self) -> usize {
        match self {
            Books::Own { ledger, .. } => lock(ledger).open_calls(),
            Books::Shared(shared) => shared.calls_in_flight(),
        }
    }

    /// A call was written down.
    pub(super) fn admitted(&self, call: &CallId) {
        if let Books::Shared(shared) = self {
            shared.admitted(call);
        }
    }

    /// A settlement was written.
    pub(super) fn settled(&self, call: &CallId, used: Amount) {
        match self {
            Books::Own { ledger, .. } => drop(lock(ledger).settle(call, used)),
            Books::Shared(shared) => shared.ended(call),
        }
    }

    /// A call was not written down after all.
    pub(super) fn released(&self, call: &CallId) {
        match self {
            Books::Own { ledger, .. } => drop(lock(ledger).release(call)),
            Books::Shared(shared) => shared.ended(call),
        }
    }

    /// A reset was written.
    pub(super) fn adjusted(&self, limit: &Limit, at: Time, entries: &[(Time, i64)]) {
        if let Books::Own { ledger, .. } = self {
            lock(ledger).adjust(limit, at, entries);
        }
    }

    /// It is not known what the rows say of this meter: it is read from them when it is next asked for.
    pub(super) fn doubted(&self, limit: &Limit, at: Time) {
        if let Books::Own { ledger, .. } = self {
            lock(ledger).forget(limit, at);
        }
    }

    pub(super) fn prune(&self, now: Time) {
        if let Books::Own { ledger, .. } = self {
            lock(ledger).prune(now);
        }
    }

    /// This process's own meters; `None` where they are shared.
    pub(super) fn own(&self) -> Option<MutexGuard<'_, Ledger>> {
        match self {
            Books::Own { ledger, .. } => Some(lock(ledger)),
            Books::Shared(_) => None,
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    // A panic while the lock was held would be a bug in pure code that never waits; the meters stay as they are.
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gateway {
    /// Holds a call's bound on all of its meters or on none, and writes it down.
    pub(super) async fn hold(&self, mut hold: Hold, limits: Arc<[Limit]>) -> Result<Hold, Rejected> {
        if self.0.store.is_shared() {
            return self.0.journal.admit(hold, limits).await;
        }
        let at = self.0.clock.now();
        hold.arrive(at);
        for _ in 0..MOST_LOADS {
            let admitted = match self.0.books.own() {
                Some(mut ledger) => {
                    let admitted = ledger.admit(hold.arrival().id.clone(), hold.open(), &limits);
                    hold.note_rates(&ledger, &limits);
                    admitted
                }
                None => Err(NotAdmitted::NotLoaded(Vec::new())),
            };
            match admitted {
                Ok(()) => {
                    hold.goes_live();
                    return self.0.journal.admit(hold, limits).await;
                }
                Err(NotAdmitted::Short { short, trace }) => return Err(Rejected::Short { short, trace, at }),
                Err(NotAdmitted::NotLoaded(missing)) => {
                    self.0.journal.load(missing, at).await.map_err(|_| Rejected::Unavailable)?;
                }
            }
        }
        Err(Rejected::Unavailable)
    }

    /// The time by the clock that admissions go by: the database's, where several processes share it.
    pub(super) async fn shared_now(&self) -> Result<Time, Unavailable> {
        if !self.0.store.is_shared() {
            return Ok(self.0.clock.now());
        }
        let now = async { Store::now(&mut self.0.store.begin_read().await?).await };
        now.await.map(|now| self.0.clock.of_the_store(now)).map_err(|error| {
            tracing::error!(%error, "the database's clock could not be read");
            Unavailable
        })
    }

    /// Reads meters as they stand at `at`. Creates nothing but meters in memory.
    pub(super) async fn with_meters<T>(
        &self,
        limits: &[Limit],
        at: Time,
        read: impl FnOnce(&Ledger) -> T,
    ) -> Result<T, Unavailable> {
        if self.0.store.is_shared() {
            let ledger = shared::look(&self.0.store, limits, at).await.map_err(|error| {
                tracing::error!(%error, "meters could not be read");
                Unavailable
            })?;
            return Ok(read(&ledger));
        }
        let missing = self.0.books.own().map(|ledger| ledger.missing(limits, at)).unwrap_or_default();
        if !missing.is_empty() {
            self.0.journal.load(missing, at).await?;
        }
        let ledger = self.0.books.own().ok_or(Unavailable)?;
        Ok(read(&ledger))
    }
}
