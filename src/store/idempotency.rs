//! What requests that may be repeated were answered.

use super::{Store, StoreError, on};
use crate::domain::id::AccountId;
use crate::domain::time::Time;

/// A request as its repetitions are known by.
#[derive(Clone, Debug)]
pub struct Repeatable {
    pub account_id: AccountId,
    pub path: String,
    pub key: String,
}

/// What is known of a request: the first one's row.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Earlier {
    pub body_hash: String,
    pub began_at: i64,
    /// `None` while it is under way, or where it broke off.
    pub status: Option<i64>,
    pub answer: Option<String>,
}

impl Store {
    /// Notes that a request begins. `None` where it is the first; else what is known of the one before it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_request(
        &self,
        request: &Repeatable,
        body_hash: &str,
        now: Time,
        expires_at: Time,
    ) -> Result<Option<Earlier>, StoreError> {
        // One statement decides who is first, whichever process asks. A row that has expired and was not swept counts
        // for nothing.
        let sql = "insert into idempotency (account_id, path, key, body_hash, began_at, expires_at)
                   values ($1, $2, $3, $4, $5, $6)
                   on conflict (account_id, path, key) do update set
                       body_hash = excluded.body_hash, began_at = excluded.began_at,
                       expires_at = excluded.expires_at, status = null, answer = null
                   where idempotency.expires_at <= excluded.began_at";
        let rows = on!(self.write(), db => sqlx::query(sql)
            .bind(request.account_id.as_str())
            .bind(&request.path)
            .bind(&request.key)
            .bind(body_hash)
            .bind(now.micros())
            .bind(expires_at.micros())
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        if rows == 1 {
            return Ok(None);
        }
        let sql = "select body_hash, began_at, status, answer from idempotency
                   where account_id = $1 and path = $2 and key = $3";
        let row: Option<Earlier> = on!(self.write(), db => sqlx::query_as(sql)
            .bind(request.account_id.as_str())
            .bind(&request.path)
            .bind(&request.key)
            .fetch_optional(db)
            .await)?;
        // It was given up between the two statements: whoever asks once more is the first.
        let gone = || Earlier { body_hash: body_hash.to_owned(), began_at: now.micros(), status: None, answer: None };
        Ok(Some(row.unwrap_or_else(gone)))
    }

    /// Keeps what a request was answered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer_request(&self, request: &Repeatable, status: u16, answer: &str) -> Result<(), StoreError> {
        let sql = "update idempotency set status = $4, answer = $5 where account_id = $1 and path = $2 and key = $3";
        on!(self.write(), db => sqlx::query(sql)
            .bind(request.account_id.as_str())
            .bind(&request.path)
            .bind(&request.key)
            .bind(i64::from(status))
            .bind(answer)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Forgets a request that failed, so that it can be made again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_up_request(&self, request: &Repeatable) -> Result<(), StoreError> {
        let sql = "delete from idempotency where account_id = $1 and path = $2 and key = $3 and status is null";
        on!(self.write(), db => sqlx::query(sql)
            .bind(request.account_id.as_str())
            .bind(&request.path)
            .bind(&request.key)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }
}
