//! Signed-in browsers.

use super::{Store, StoreError, on};
use crate::domain::time::Time;

impl Store {
    /// The record of a session that has not expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, id: &str, now: Time) -> Result<Option<String>, StoreError> {
        let sql = "select data from sessions where id = $1 and expires_at > $2";
        Ok(on!(self.read(), db => sqlx::query_scalar(sql).bind(id).bind(now.micros()).fetch_optional(db).await)?)
    }

    /// Writes a session, new or known. `false` if `only_new` was asked and the id was in use.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_session(
        &self,
        id: &str,
        data: &str,
        expires_at: Time,
        only_new: bool,
    ) -> Result<bool, StoreError> {
        let sql = if only_new {
            "insert into sessions (id, data, expires_at) values ($1, $2, $3) on conflict (id) do nothing"
        } else {
            "insert into sessions (id, data, expires_at) values ($1, $2, $3)
             on conflict (id) do update set data = excluded.data, expires_at = excluded.expires_at"
        };
        let rows = on!(self.write(), db => sqlx::query(sql).bind(id).bind(data).bind(expires_at.micros())
            .execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Writes a session that is still there, and nothing where it was ended meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_session(&self, id: &str, data: &str, expires_at: Time) -> Result<(), StoreError> {
        let sql = "update sessions set data = $2, expires_at = $3 where id = $1";
        on!(self.write(), db => sqlx::query(sql).bind(id).bind(data).bind(expires_at.micros())
            .execute(db).await.map(drop))?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn delete_session(&self, id: &str) -> Result<(), StoreError> {
        let sql = "delete from sessions where id = $1";
        on!(self.write(), db => sqlx::query(sql).bind(id).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Forgets sessions, flashes, replaced secrets and answers to repeatable requests whose time has passed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_expired(&self, now: Time) -> Result<(), StoreError> {
        for sql in [
            "delete from sessions where expires_at <= $1",
            "delete from flashes where expires_at <= $1",
            "delete from key_secrets where expires_at <= $1",
            "delete from idempotency where expires_at <= $1",
        ] {
            on!(self.write(), db => sqlx::query(sql).bind(now.micros()).execute(db).await.map(drop))?;
        }
        Ok(())
    }
}
