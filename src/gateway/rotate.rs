//! Rotation: a new secret for the same key, with its id, meters and history.

use super::Gateway;
use super::issue::{Issued, new_secret};
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::{Key, KeyStatus};
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::Store;
use std::time::Duration;

/// The longest that an old secret may be honoured beside the new one, in seconds: 30 days.
const LONGEST_GRACE_SECONDS: u64 = 30 * 86_400;

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
        let until = (grace_seconds > 0).then(|| self.0.clock.now().plus(Duration::from_secs(grace_seconds)));
        let mut tx = self.0.store.begin().await?;
        Store::replace_secret(&mut tx, id, &hint, &self.0.master.hash(&secret), until).await?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.keys_changed();
        Ok(Issued { key: Key { hint, ..known }, secret })
    }
}
