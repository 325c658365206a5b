//! Who calls: from a secret to its key, from memory after the first time.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::group::Group;
use crate::domain::id::KeyId;
use crate::domain::key::Key;
use crate::domain::limit::{Limit, Scope};
use crate::domain::problem::Problem;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::rule::Rule;
use crate::domain::time::Time;
use crate::domain::wallet::{Funding, Source, Wallet};
use crate::store::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Keys by the hash of their secret.
#[derive(Debug, Default)]
pub(super) struct Keyring(RwLock<Ring>);

#[derive(Debug, Default)]
struct Ring {
    /// How often everything has been forgotten: what was read from the database before that is not put back after it.
    forgotten: u64,
    known: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    holder: Arc<Holder>,
    /// Until when this may be believed: the secret is honoured, and the limits are these. `None` for good.
    until: Option<Time>,
}

/// A key with what its calls need at hand.
#[derive(Debug)]
pub struct Holder {
    pub key: Key,
    pub account: Account,
    /// Whose quota the key shares.
    pub group: Option<Group>,
    /// The rule that governs the key: its own, or else its account's default. One that is switched off is here too,
    /// and restricts nothing.
    pub rule: Option<Rule>,
    /// The hash of the secret that brought one here, where another has replaced it and it is still honoured.
    pub(super) old_secret: Option<String>,
    /// The ways its calls may be paid for, in the order in which they are tried. Never empty.
    pub(super) means: Vec<Means>,
}

/// One way to pay for a call, with every limit that a call so paid must fit, in the order consulted.
#[derive(Debug)]
pub(super) struct Means {
    pub funding: Funding,
    pub limits: Arc<[Limit]>,
}

impl Holder {
    pub(super) fn new(
        key: Key,
        account: Account,
        group: Option<Group>,
        rule: Option<Rule>,
        wallet: &Wallet,
        now: Time,
    ) -> Self {
        let mut holder = Self { key, account, group, rule, old_secret: None, means: Vec::new() };
        let mut limits = holder.key_limits(now);
        limits.extend(holder.group.iter().flat_map(|group| group.in_force(now)));
        limits.extend(holder.account.in_force(now));
        let means = |source: Source| Means {
            funding: source.funding,
            limits: limits.iter().cloned().chain(source.limit).collect(),
        };
        holder.means = wallet.sources(&holder.account.id).into_iter().map(means).collect();
        holder
    }

    /// The limits that count this key's calls alone: its own, then its rule's.
    pub fn key_limits(&self, now: Time) -> Vec<Limit> {
        let mut limits = self.key.in_force(now);
        limits.extend(self.rule.as_ref().and_then(|rule| rule.in_force(self.key.owner(), now)));
        limits
    }

    /// When a period that an edit left in force is over, and the limits are no longer these.
    fn changes_at(&self, now: Time) -> Option<Time> {
        let carried = [&self.key.carried, &self.account.carried].into_iter();
        let carried = carried.chain(self.group.as_ref().map(|group| &group.carried));
        let carried = carried.chain(self.rule.as_ref().map(|rule| &rule.carried)).flatten();
        carried.map(|old| old.until).filter(|until| now < *until).min()
    }

    /// Every limit that its calls may meet, in the order consulted.
    pub fn limits(&self) -> Vec<Limit> {
        let mut limits: Vec<Limit> = Vec::new();
        for limit in self.means.iter().flat_map(|means| means.limits.iter()) {
            if !limits.contains(limit) {
                limits.push(limit.clone());
            }
        }
        limits
    }

    pub fn is_limited(&self) -> bool {
        self.means.iter().any(|means| !means.limits.is_empty())
    }

    /// Whom a limit of this scope bounds, as a refusal names them.
    pub(super) fn whose(&self, scope: Scope) -> String {
        let key = &self.key.name;
        match (scope, &self.group) {
            (Scope::Key, _) => format!("Key {key:?}"),
            (Scope::Group, Some(group)) => format!("Group {:?} of key {key:?}", group.name),
            (Scope::Group, None) => format!("The group of key {key:?}"),
            (Scope::Account, _) => format!("The account of key {key:?}"),
            (Scope::Subscription, _) => format!("The subscription of key {key:?}"),
            (Scope::Balance, _) => format!("The balance of key {key:?}"),
        }
    }
}

impl Keyring {
    fn get(&self, hash: &str, now: Time) -> Option<Arc<Holder>> {
        let ring = self.read();
        let known = ring.known.get(hash).filter(|known| known.until.is_none_or(|until| now < until));
        known.map(|known| Arc::clone(&known.holder))
    }

    /// How often everything has been forgotten: to be asked before anything is read that is then put here.
    fn forgotten(&self) -> u64 {
        self.read().forgotten
    }

    /// Remembers, unless everything has been forgotten since `forgotten` was asked: the change may not be in what was
    /// read before it.
    fn put(&self, forgotten: u64, hash: String, holder: &Arc<Holder>, until: Option<Time>) {
        let mut ring = self.write();
        if ring.forgotten == forgotten {
            ring.known.insert(hash, Known { holder: Arc::clone(holder), until });
        }
    }

    /// Everything is read again when it is next asked for.
    pub(super) fn forget(&self) {
        let mut ring = self.write();
        ring.forgotten += 1;
        ring.known.clear();
    }

    fn read(&self) -> RwLockReadGuard<'_, Ring> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Ring> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// The key whose secret this is, whether or not it may be used.
    ///
    /// # Errors
    /// 401 for a secret that is not known; 503 where the key is not in memory and the database cannot be reached.
    pub async fn authenticate(&self, secret: &str) -> Result<Arc<Holder>, Refusal> {
        let hash = self.0.master.hash(secret);
        match self.0.keyring.get(&hash, self.0.clock.now()) {
            Some(holder) => Ok(holder),
            None => self.look_up(hash).await,
        }
    }

    /// Whether this key may be used at all now.
    ///
    /// # Errors
    /// 401 with the reason.
    pub fn usable(&self, holder: &Holder) -> Result<(), Refusal> {
        holder.is_active()?;
        holder.is_current(self.0.clock.now())?;
        holder.is_of_an_enabled_account()
    }

    /// A key that this account may see, with everything that bounds its calls: for whom no secret is needed.
    ///
    /// # Errors
    /// Where there is no such key for this account; when the database fails.
    pub async fn holder_for(&self, by: &Account, id: &KeyId) -> Result<Arc<Holder>, Problem> {
        let key = self.key(by, id).await?;
        self.holder(key).await?.map(Arc::new).ok_or_else(|| Problem::not_found("key"))
    }

    async fn look_up(&self, hash: String) -> Result<Arc<Holder>, Refusal> {
        let unavailable = |_| Refusal::books_unavailable();
        let unknown = || Refusal::new(Code::InvalidKey, "This key is not known here. Check that it was copied whole.");
        let forgotten = self.0.keyring.forgotten();
        let (key, until) = self.key_of(&hash).await.map_err(unavailable)?.ok_or_else(unknown)?;
        let mut holder = self.holder(key).await.map_err(unavailable)?.ok_or_else(unknown)?;
        holder.old_secret = until.map(|_| hash.clone());
        let holder = Arc::new(holder);
        let changes_at = holder.changes_at(self.0.clock.now());
        self.0.keyring.put(forgotten, hash, &holder, until.into_iter().chain(changes_at).min());
        Ok(holder)
    }

    /// The key whose secret has this hash, and until when the secret is honoured if another has replaced it.
    async fn key_of(&self, hash: &str) -> Result<Option<(Key, Option<Time>)>, StoreError> {
        if let Some(key) = self.0.store.key_by_hash(hash).await? {
            return Ok(Some((key, None)));
        }
        let replaced = self.0.store.replaced_secret(hash).await?;
        let Some((id, until)) = replaced.filter(|(_, until)| self.0.clock.now() < *until) else { return Ok(None) };
        Ok(self.0.store.key(&id).await?.map(|key| (key, Some(until))))
    }

    /// A key with everything that bounds its calls. `None` if its account is gone.
    pub(super) async fn holder(&self, key: Key) -> Result<Option<Holder>, StoreError> {
        let store = &self.0.store;
        let Some(account) = store.account(&key.account_id).await? else { return Ok(None) };
        let wallet = store.wallet(&account.id).await?;
        let group = match &key.group_id {
            Some(id) => store.group(id).await?.map(|listed| listed.group),
            None => None,
        };
        let rule = match key.rule_id.as_ref().or(account.default_rule_id.as_ref()) {
            Some(id) => store.rule(id).await?.map(|(rule, _)| rule),
            None => None,
        };
        Ok(Some(Holder::new(key, account, group, rule, &wallet, self.0.clock.now())))
    }
}
