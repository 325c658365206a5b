//! The gateway: what every door holds. Each verb of the product is one method here, whichever door asked for it.

pub mod accounts;
pub mod admit;
mod allow;
pub mod appraise;
pub mod authenticate;
pub mod batch;
mod bind;
mod books;
pub mod cache;
pub mod catalog;
pub mod chain;
mod changes;
pub(crate) mod decide;
pub mod dial;
pub mod explain;
pub mod find;
pub mod forecast;
pub mod groups;
pub mod health;
pub mod hold;
pub mod impact;
pub mod import;
pub mod issue;
mod journal;
pub mod known;
pub mod limits;
pub mod list;
pub mod oversight;
pub mod overview;
mod own;
pub mod prices;
pub mod repeat;
pub mod reset;
mod rotate;
pub mod rules;
pub mod seal;
mod shared;
pub mod survey;
mod tryout;
pub mod usage;
pub mod wallet;
pub mod ways;

use crate::clock::Clock;
use crate::domain::account::Account;
use crate::domain::call::Settlement;
use crate::domain::id::{KeyId, NodeId};
use crate::domain::key::Key;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::store::{Store, StoreError};
use arc_swap::ArcSwap;
use authenticate::Keyring;
use books::Books;
use catalog::Catalog;
use changes::Changes;
use journal::Journal;
use seal::MasterKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

pub use changes::Topic;
pub use dial::PrivateUpstreams;

/// What the gateway is told once, at start.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Output tokens held for a call that does not say how many it wants.
    pub default_max_output: u64,
    pub private_upstreams: PrivateUpstreams,
}

impl Default for Terms {
    fn default() -> Self {
        Self { default_max_output: 4_096, private_upstreams: PrivateUpstreams::Allow }
    }
}

/// The gateway. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    master: MasterKey,
    terms: Terms,
    catalog: ArcSwap<Catalog>,
    keyring: Keyring,
    books: Books,
    journal: Journal,
    client: dial::Client,
    vitals: health::Vitals,
    changes: Changes,
    /// When keys were last used, until it is written.
    stamps: Mutex<HashMap<KeyId, Time>>,
    old_uses: rotate::OldUses,
    answers: cache::Answers,
}

/// Why the gateway could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "this master key is not the database's: it was made with another one. Give the right one with --master-key-file or TOLLGATE_MASTER_KEY"
    )]
    WrongMasterKey,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Opens the books: checks the master key, loads the catalogue.
    ///
    /// # Errors
    /// When the master key is not this database's, or the database fails.
    pub async fn open(store: Store, clock: Clock, master: MasterKey, terms: Terms) -> Result<Self, OpenError> {
        let check = master.check_value();
        match store.setting("master_key_check").await? {
            Some(known) if known != check => return Err(OpenError::WrongMasterKey),
            Some(_) => {}
            None => store.set_setting("master_key_check", &check).await?,
        }
        let (journal, writer) = Journal::new();
        let changes = Changes::new(clock.id());
        let books = Books::new(&store, NodeId(clock.id()));
        let inner = Arc::new(Inner {
            client: dial::client(terms.private_upstreams),
            vitals: health::Vitals::default(),
            store,
            clock,
            master,
            terms,
            catalog: ArcSwap::default(),
            keyring: Keyring::default(),
            books,
            journal,
            changes,
            stamps: Mutex::default(),
            old_uses: rotate::OldUses::default(),
            answers: cache::Answers::default(),
        });
        tokio::spawn(writer.run(Arc::downgrade(&inner)));
        let gateway = Gateway(inner);
        gateway.stock_catalog().await?;
        gateway.reload().await?;
        Ok(gateway)
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub fn terms(&self) -> &Terms {
        &self.0.terms
    }

    pub fn master(&self) -> &MasterKey {
        &self.0.master
    }

    /// Reads the configuration again, whoever changed it.
    ///
    /// # Errors
    /// When the database fails; what was known stays in force.
    pub async fn reload(&self) -> Result<(), StoreError> {
        let catalog = Arc::new(Catalog::load(&self.0.store, &self.0.master, self.0.clock.now()).await?);
        let before = self.0.catalog.swap(Arc::clone(&catalog));
        self.heal(&before, &catalog);
        self.0.keyring.forget();
        for topic in Topic::ALL.into_iter().filter(|topic| *topic != Topic::Calls) {
            self.0.announce(topic);
        }
        Ok(())
    }

    /// Tells of changes as they happen. A receiver that lags misses some, and may assume that all has changed.
    pub fn changes(&self) -> broadcast::Receiver<Topic> {
        self.0.changes.subscribe()
    }

    /// Where the changes are now; see [`Gateway::changed_since`].
    pub fn mark(&self) -> String {
        self.0.changes.mark()
    }

    /// What has changed in this process since that mark; anything, where another process made the mark.
    pub fn changed_since(&self, mark: &str) -> Vec<Topic> {
        self.0.changes.since(mark)
    }

    /// Waits until everything settled so far is written.
    ///
    /// # Errors
    /// When the books cannot be reached.
    pub async fn settled(&self) -> Result<(), journal::Unavailable> {
        self.0.journal.idle().await
    }

    /// How many calls are in flight.
    pub fn calls_in_flight(&self) -> usize {
        self.0.books.calls_in_flight()
    }

    /// Writes down when keys were last used, and who used secrets that were replaced. What could not be written is kept
    /// for the next time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stamp_keys(&self) -> Result<(), StoreError> {
        self.0.write_old_uses().await?;
        let used: Vec<(KeyId, Time)> = self.0.stamps().iter().map(|(key, at)| (key.clone(), *at)).collect();
        if used.is_empty() {
            return Ok(());
        }
        self.0.store.stamp_keys(&used).await?;
        {
            // Until here they were told from memory, and those that have moved on since still are.
            let mut stamps = self.0.stamps();
            for (key, at) in used {
                if stamps.get(&key) == Some(&at) {
                    stamps.remove(&key);
                }
            }
        }
        self.0.announce(Topic::Keys);
        Ok(())
    }

    /// Takes up the books, before any call is admitted. Where they are this process's own, the calls that the last one
    /// left in flight are charged what they held and marked, since nobody can say what they used: how many those were.
    /// Where they are shared, this process makes itself known, and whoever keeps watch resolves what the last one left,
    /// when its lease has run out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_up_books(&self) -> Result<usize, StoreError> {
        if self.0.store.is_shared() {
            return self.join().await.map(|()| 0);
        }
        let calls = Store::pending_calls(&mut self.0.store.begin_read().await?, None).await?;
        for call in &calls {
            let settlement = Settlement::interrupted(&call.arrival, &call.bound);
            // The answer is awaited below, by everything at once.
            drop(self.0.journal.settle(Arc::new(call.arrival.clone()), call.bound, settlement));
        }
        if !calls.is_empty() {
            tracing::warn!(
                calls = calls.len(),
                "calls were in flight when the last process ended; each is charged its whole hold"
            );
            self.settled()
                .await
                .map_err(|_| StoreError::Unreadable("interrupted calls could not be settled".to_owned()))?;
        }
        Ok(calls.len())
    }

    /// Forgets meters of periods that are over.
    pub fn prune(&self) {
        self.0.books.prune(self.0.clock.now());
    }
}

impl Inner {
    fn stamps(&self) -> MutexGuard<'_, HashMap<KeyId, Time>> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self, key: &KeyId, at: Time) {
        let mut stamps = self.stamps();
        let known = stamps.entry(key.clone()).or_insert(at);
        *known = (*known).max(at);
    }

    /// Tells these keys of uses that are not written down yet: of calls through this process at once, of others within
    /// seconds. Lists are narrowed and ordered by what is written down.
    fn as_used<'k>(&self, keys: impl IntoIterator<Item = &'k mut Key>) {
        let stamps = self.stamps();
        for key in keys {
            key.last_used_at = key.last_used_at.max(stamps.get(&key.id).copied());
        }
    }

    fn announce(&self, topic: Topic) {
        self.changes.announce(topic);
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the database failed");
        match error {
            StoreError::Taken => Problem::new(ProblemKind::Conflict, "That is in use already."),
            StoreError::Referenced => Problem::new(ProblemKind::Conflict, "Something else still refers to this."),
            StoreError::Unreadable(_) => {
                Problem::new(ProblemKind::Internal, "A row could not be read; the log says which.")
            }
            StoreError::Database(_) | StoreError::TimedOut => {
                Problem::new(ProblemKind::Unavailable, "The database cannot be reached. Try again in a moment.")
            }
        }
    }
}

impl From<journal::Unavailable> for Problem {
    fn from(_: journal::Unavailable) -> Self {
        Problem::new(ProblemKind::Unavailable, "The books cannot be reached. Try again in a moment.")
    }
}

/// # Errors
/// For anyone but an admin.
fn admins_only(by: &Account) -> Result<(), Problem> {
    if by.is_admin() { Ok(()) } else { Err(Problem::new(ProblemKind::Forbidden, "Only an admin may do this.")) }
}
