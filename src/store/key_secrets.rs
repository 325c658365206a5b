//! Secrets of keys: the one in force, and those that a rotation has replaced and that are honoured for a while.

use super::{Store, StoreError, Tx, on, on_tx};
use crate::domain::id::KeyId;
use crate::domain::time::Time;

/// A secret that another has replaced, and that is still honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSecret {
    pub hash: String,
    /// What remains to recognise it by; empty where it was replaced by a version that did not keep it.
    pub hint: String,
    pub expires_at: Time,
    pub replaced_at: Option<Time>,
    pub last_used_at: Option<Time>,
    /// The address that it was last used from.
    pub last_used_from: Option<String>,
}

/// A use of a replaced secret: its hash, when, and from which address.
pub type OldUse = (String, Time, String);

#[derive(sqlx::FromRow)]
struct Row {
    hash: String,
    hint: String,
    expires_at: i64,
    replaced_at: Option<i64>,
    last_used_at: Option<i64>,
    last_used_from: Option<String>,
}

impl From<Row> for OldSecret {
    fn from(row: Row) -> Self {
        Self {
            hash: row.hash,
            hint: row.hint,
            expires_at: Time::from_micros(row.expires_at),
            replaced_at: row.replaced_at.map(Time::from_micros),
            last_used_at: row.last_used_at.map(Time::from_micros),
            last_used_from: row.last_used_from,
        }
    }
}

impl Store {
    /// Puts a new secret in force at `now`. The old one is honoured until `old_until`; not at all where that is `None`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replace_secret(
        tx: &mut Tx,
        key: &KeyId,
        hint: &str,
        hash: &str,
        now: Time,
        old_until: Option<Time>,
    ) -> Result<(), StoreError> {
        if let Some(until) = old_until {
            let sql = "insert into key_secrets (hash, key_id, expires_at, hint, replaced_at)
                       select hash, id, cast($2 as bigint), hint, cast($3 as bigint) from keys where id = $1";
            on_tx!(&mut *tx, db => sqlx::query(sql)
                .bind(key.as_str())
                .bind(until.micros())
                .bind(now.micros())
                .execute(db)
                .await
                .map(drop))?;
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

    /// A key's replaced secrets that are honoured at `now`, the one that ends last first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn old_secrets(&self, key: &KeyId, now: Time) -> Result<Vec<OldSecret>, StoreError> {
        let sql = "select hash, hint, expires_at, replaced_at, last_used_at, last_used_from from key_secrets
                   where key_id = $1 and expires_at > $2 order by expires_at desc, hash";
        let rows: Vec<Row> =
            on!(self.read(), db => sqlx::query_as(sql).bind(key.as_str()).bind(now.micros()).fetch_all(db).await)?;
        Ok(rows.into_iter().map(OldSecret::from).collect())
    }

    /// Takes away the replaced secrets of a key that are recognised by `hint`: how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_old_secrets(tx: &mut Tx, key: &KeyId, hint: &str) -> Result<u64, StoreError> {
        let sql = "delete from key_secrets where key_id = $1 and hint = $2";
        Ok(on_tx!(tx, db => sqlx::query(sql)
            .bind(key.as_str())
            .bind(hint)
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?)
    }

    /// Notes when replaced secrets were last used, and from where; a later use is never written over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_old_uses(&self, uses: &[OldUse]) -> Result<(), StoreError> {
        let sql = "update key_secrets set last_used_at = $2, last_used_from = $3
                   where hash = $1 and (last_used_at is null or last_used_at < $2)";
        // In one order on every node, so that none waits for another in a circle.
        let mut uses = uses.to_vec();
        uses.sort_unstable();
        let mut tx = self.begin().await?;
        for (hash, at, from) in &uses {
            on_tx!(&mut tx, db => sqlx::query(sql).bind(hash).bind(at.micros()).bind(from).execute(db).await.map(drop))?;
        }
        tx.commit().await
    }
}
