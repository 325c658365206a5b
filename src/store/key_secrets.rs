//! Secrets of keys: the one in force, and those that a rotation has replaced and that are honoured for a while.

use super::{Store, StoreError, Tx, on, on_tx};
use crate::domain::id::KeyId;
use crate::domain::time::Time;

impl Store {
    /// Puts a new secret in force. The old one is honoured until `old_until`; not at all where that is `None`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_secret(
        tx: &mut Tx,
        key: &KeyId,
        hint: &str,
        hash: &str,
        old_until: Option<Time>,
    ) -> Result<(), StoreError> {
        if let Some(until) = old_until {
            let sql = "insert into key_secrets (hash, key_id, expires_at)
                       select hash, id, cast($2 as bigint) from keys where id = $1";
            on_tx!(&mut *tx, db => sqlx::query(sql).bind(key.as_str()).bind(until.micros()).execute(db).await.map(drop))?;
        }
        let sql = "update keys set hint = $2, hash = $3 where id = $1";
        on_tx!(tx, db => sqlx::query(sql).bind(key.as_str()).bind(hint).bind(hash).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Whose replaced secret has this hash, and until when it is honoured.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replaced_secret(&self, hash: &str) -> Result<Option<(KeyId, Time)>, StoreError> {
        let sql = "select key_id, expires_at from key_secrets where hash = $1";
        let row: Option<(String, i64)> =
            on!(self.read(), db => sqlx::query_as(sql).bind(hash).fetch_optional(db).await)?;
        Ok(row.map(|(key, until)| (KeyId(key), Time::from_micros(until))))
    }
}
