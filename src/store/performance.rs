//! How models do here, from what the rollups of accounts add up; and which models an account's keys may call.

use super::{Store, StoreError, count, on, read_json};
use crate::domain::id::AccountId;
use crate::domain::time::Time;

/// A model's calls of a stretch, whoever made them.
#[derive(Clone, Debug)]
pub struct PerformanceRow {
    pub model: String,
    /// Those that were let through.
    pub calls: u64,
    /// Of those.
    pub failed: u64,
    /// How many answers began, and after how many milliseconds together.
    pub first_bytes: u64,
    pub first_byte_ms: u64,
    /// Over all that were let through.
    pub total_ms: u64,
}

impl Store {
    /// How each model that was called did in `[from, to)`, to the quarter hour.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn performance(&self, from: Time, to: Time) -> Result<Vec<PerformanceRow>, StoreError> {
        let sql = "select model,
                       cast(sum(calls) as bigint),
                       cast(sum(case when outcome = 'failed' then calls else 0 end) as bigint),
                       cast(sum(first_bytes) as bigint),
                       cast(sum(first_byte_ms) as bigint),
                       cast(sum(total_ms) as bigint)
                   from account_usage
                   where bucket >= $1 and bucket < $2 and outcome <> 'refused'
                   group by model";
        let rows: Vec<(String, i64, i64, i64, i64, i64)> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(from.micros())
            .bind(to.micros())
            .fetch_all(db)
            .await)?;
        let row = |(model, calls, failed, first_bytes, first_byte_ms, total_ms)| PerformanceRow {
            model,
            calls: count(calls),
            failed: count(failed),
            first_bytes: count(first_bytes),
            first_byte_ms: count(first_byte_ms),
            total_ms: count(total_ms),
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// The lists of models that an account's keys in use may call, and how many keys have each; an empty list is all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn allowlists(&self, account: &AccountId, now: Time) -> Result<Vec<(Vec<String>, u64)>, StoreError> {
        let sql = "select models, count(*) from keys
                   where account_id = $1 and status = 'active' and (expires_at is null or expires_at > $2)
                   group by models";
        let rows: Vec<(String, i64)> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(account.as_str())
            .bind(now.micros())
            .fetch_all(db)
            .await)?;
        rows.into_iter().map(|(models, keys)| Ok((read_json("keys.models", &models)?, count(keys)))).collect()
    }
}
