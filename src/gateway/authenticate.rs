//! Who calls: from a secret to its key, from memory after the first time.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::key::{Key, KeyStatus};
use crate::domain::limit::{Limit, Scope};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::wallet::{Funding, Source, Wallet};
use crate::store::StoreError;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Keys by the hash of their secret.
#[derive(Debug, Default)]
pub(super) struct Keyring(RwLock<Ring>);

#[derive(Debug, Default)]
struct Ring {
    keys: HashMap<String, Arc<Holder>>,
    /// How often everything was forgotten.
    age: u64,
}

/// A key with what its calls need at hand.
#[derive(Debug)]
pub struct Holder {
    pub key: Key,
    pub account: Account,
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
    fn new(key: Key, account: Account, wallet: &Wallet) -> Self {
        let mut limits = key.ceilings();
        limits.extend(account.ceilings());
        let means = |source: Source| Means {
            funding: source.funding,
            limits: limits.iter().cloned().chain(source.limit).collect(),
        };
        let means = wallet.sources(&account.id).into_iter().map(means).collect();
        Self { key, account, means }
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

    /// Whom a limit bounds, as a refusal names them.
    pub(super) fn whose(&self, limit: &Limit) -> String {
        let key = &self.key.name;
        match limit.owner.scope {
            Scope::Key => format!("Key {key:?}"),
            Scope::Group => format!("The group of key {key:?}"),
            Scope::Account => format!("The account of key {key:?}"),
            Scope::Subscription => format!("The subscription of key {key:?}"),
            Scope::Balance => format!("The balance of key {key:?}"),
        }
    }
}

impl Keyring {
    fn get(&self, hash: &str) -> Option<Arc<Holder>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys.get(hash).cloned()
    }

    fn age(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).age
    }

    /// Keeps what was read at this age: if everything was forgotten meanwhile, it may be what was to be forgotten.
    fn put(&self, hash: String, holder: &Arc<Holder>, age: u64) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if ring.age == age {
            ring.keys.insert(hash, Arc::clone(holder));
        }
    }

    /// Everything is read again when it is next asked for.
    pub(super) fn forget(&self) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        ring.keys.clear();
        ring.age += 1;
    }
}

impl Gateway {
    /// The key whose secret this is, whether or not it may be used.
    ///
    /// # Errors
    /// 401 for a secret that is not known; 503 where the key is not in memory and the database cannot be reached.
    pub async fn authenticate(&self, secret: &str) -> Result<Arc<Holder>, Refusal> {
        let hash = self.0.master.hash(secret);
        match self.0.keyring.get(&hash) {
            Some(holder) => Ok(holder),
            None => self.look_up(hash).await,
        }
    }

    /// Whether this key may be used at all now.
    ///
    /// # Errors
    /// 401 with the reason.
    pub fn usable(&self, holder: &Holder) -> Result<(), Refusal> {
        let name = &holder.key.name;
        let no = |code, message: String| Err(Refusal::new(code, message));
        match holder.key.status {
            KeyStatus::Revoked => {
                no(Code::KeyRevoked, format!("Key {name:?} has been revoked. Ask its owner for another."))
            }
            KeyStatus::Disabled => {
                no(Code::KeyDisabled, format!("Key {name:?} is disabled. Its owner can enable it again."))
            }
            KeyStatus::Active if holder.key.is_expired(self.0.clock.now()) => {
                let expired = holder.key.expires_at.map(|at| format!(" on {at}")).unwrap_or_default();
                no(Code::KeyExpired, format!("Key {name:?} expired{expired}."))
            }
            KeyStatus::Active if !holder.account.enabled => {
                no(Code::AccountDisabled, format!("The account of key {name:?} is disabled."))
            }
            KeyStatus::Active => Ok(()),
        }
    }

    async fn look_up(&self, hash: String) -> Result<Arc<Holder>, Refusal> {
        let unavailable = |_| Refusal::books_unavailable();
        let unknown = || Refusal::new(Code::InvalidKey, "This key is not known here. Check that it was copied whole.");
        let age = self.0.keyring.age();
        let key = self.0.store.key_by_hash(&hash).await.map_err(unavailable)?.ok_or_else(unknown)?;
        let holder = Arc::new(self.holder(key).await.map_err(unavailable)?.ok_or_else(unknown)?);
        self.0.keyring.put(hash, &holder, age);
        Ok(holder)
    }

    /// A key with everything that bounds its calls. `None` if its account is gone.
    pub(super) async fn holder(&self, key: Key) -> Result<Option<Holder>, StoreError> {
        let Some(account) = self.0.store.account(&key.account_id).await? else { return Ok(None) };
        let wallet = self.0.store.wallet(&account.id).await?;
        Ok(Some(Holder::new(key, account, &wallet)))
    }
}
