//! Rotation: a new secret for the same key, with its id, meters and history; and who still uses the old one.

use super::authenticate::Holder;
use super::issue::{Issued, new_secret};
use super::{Gateway, Inner};
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::{Key, KeyStatus};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::store::key_secrets::OldSecret;
use crate::store::{Store, StoreError};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest that an old secret may be honoured beside the new one, in seconds: 30 days.
const LONGEST_GRACE_SECONDS: u64 = 30 * 86_400;

/// When and from which address replaced secrets were last used, by the secrets' hashes, until it is written.
#[derive(Debug, Default)]
pub(super) struct OldUses(Mutex<HashMap<String, (Time, String)>>);

impl OldUses {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Time, String)>> {
        // Nothing that can panic happens under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, hash: &str, at: Time, from: String) {
        let mut uses = self.lock();
        match uses.get_mut(hash) {
            Some(known) if at < known.0 => {}
            Some(known) => *known = (at, from),
            None => drop(uses.insert(hash.to_owned(), (at, from))),
        }
    }
}

impl Gateway {
    /// Gives a key a new secret, which is in the answer and nowhere else. The old one is honoured for so many seconds.
    ///
    /// # Errors
    /// Where there is no such key for this account, it is revoked, or the grace is too long.
    pub async fn rotate_key(&self, by: &Account, id: &KeyId, grace_seconds: u64) -> Result<Issued, Problem> {
        let known = self.key(by, id).await?;
        if known.status == KeyStatus::Revoked {
            return Err(Problem::new(ProblemKind::Conflict, "This key is revoked. Restore it first."));
        }
        if grace_seconds > LONGEST_GRACE_SECONDS {
            return Err(Problem::field("grace_seconds", "Write a number of seconds from 0 to 2,592,000 (30 days)."));
        }
        let (secret, hint) = new_secret();
        let now = self.0.clock.now();
        let until = (grace_seconds > 0).then(|| now.plus(Duration::from_secs(grace_seconds)));
        let mut tx = self.0.store.begin().await?;
        Store::replace_secret(&mut tx, id, &hint, &self.0.master.hash(&secret), now, until).await?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.keys_changed();
        Ok(Issued { key: Key { hint, ..known }, secret })
    }

    /// A key's replaced secrets that are still honoured, the one that ends last first, with when and from where each was
    /// last used: at once for calls that came through this process, within seconds for others.
    ///
    /// # Errors
    /// Where there is no such key for this account.
    pub async fn old_secrets(&self, by: &Account, id: &KeyId) -> Result<Vec<OldSecret>, Problem> {
        self.key(by, id).await?;
        let mut secrets = self.0.store.old_secrets(id, self.0.clock.now()).await?;
        let unwritten = self.0.old_uses.lock();
        for secret in &mut secrets {
            if let Some((at, from)) = unwritten.get(&secret.hash).filter(|(at, _)| secret.last_used_at < Some(*at)) {
                (secret.last_used_at, secret.last_used_from) = (Some(*at), Some(from.clone()));
            }
        }
        drop(unwritten);
        Ok(secrets)
    }

    /// Ends the grace of the replaced secrets that are recognised by this hint: the next call with one is refused.
    ///
    /// # Errors
    /// Where there is no such key for this account, or it has no such secret any more.
    pub async fn end_old_secret(&self, by: &Account, id: &KeyId, hint: &str) -> Result<Key, Problem> {
        let key = self.key(by, id).await?;
        let mut tx = self.0.store.begin().await?;
        if Store::end_old_secrets(&mut tx, id, hint).await? == 0 {
            return Err(Problem::new(ProblemKind::Conflict, "That secret is not honoured any more."));
        }
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.keys_changed();
        Ok(key)
    }

    /// Notes that someone came with a secret that has been replaced. Nothing is written yet, and nothing at all is done
    /// for the secret in force.
    pub fn note_secret(&self, holder: &Holder, from: IpAddr) {
        if let Some(hash) = &holder.old_secret {
            self.0.old_uses.note(hash, self.0.clock.now(), from.to_string());
        }
    }
}

impl Inner {
    /// Writes down who used replaced secrets. What could not be written is kept for the next time.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn write_old_uses(&self) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *self.old_uses.lock());
        if uses.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = uses.into_iter().map(|(hash, (at, from))| (hash, at, from)).collect();
        let written = self.store.note_old_uses(&uses).await;
        if written.is_err() {
            uses.into_iter().for_each(|(hash, at, from)| self.old_uses.note(&hash, at, from));
        }
        written
    }
}
