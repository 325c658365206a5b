//! The audit: what the rollups say, less what the rows say. Where the books balance, nothing is left.

use super::{Store, StoreError, on};
use crate::domain::time::Time;

/// A quarter hour in which the rollup and the rows do not agree, by the measures in which they do not: rollup less rows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Difference {
    bucket: i64,
    pub account_id: String,
    pub key_id: String,
    pub model: String,
    pub provider: String,
    pub endpoint: String,
    pub outcome: String,
    pub calls: i64,
    pub requests: i64,
    pub tokens: i64,
    pub cost_nanos: i64,
}

impl Difference {
    pub fn at(&self) -> Time {
        Time::from_micros(self.bucket)
    }
}

/// How much was counted.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Counted {
    pub calls: i64,
    pub pending: i64,
}

impl Store {
    /// Every quarter hour in which rollups and rows differ.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn differences(&self) -> Result<Vec<Difference>, StoreError> {
        let sql = "select bucket, account_id, key_id, model, provider, endpoint, outcome,
                       cast(sum(calls) as bigint) as calls,
                       cast(sum(requests) as bigint) as requests,
                       cast(sum(tokens) as bigint) as tokens,
                       cast(sum(cost_nanos) as bigint) as cost_nanos
                   from (
                       select bucket, account_id, key_id, model, provider, endpoint, outcome, calls, requests,
                              input_tokens + output_tokens as tokens, cost_nanos
                       from usage
                       union all
                       select at - at % 900000000, account_id, key_id, model, provider, endpoint,
                              case when state = 'refused' then 'refused' when status < 400 then 'succeeded' else 'failed' end,
                              -1, -requests, -(input_tokens + output_tokens), -cost_nanos
                       from calls
                       where state <> 'pending'
                   ) as both_sides
                   group by bucket, account_id, key_id, model, provider, endpoint, outcome
                   having sum(calls) <> 0 or sum(requests) <> 0 or sum(tokens) <> 0 or sum(cost_nanos) <> 0
                   order by bucket";
        Ok(on!(self.read(), db => sqlx::query_as(sql).fetch_all(db).await)?)
    }

    /// # Errors
    /// When the database fails.
    pub async fn counted(&self) -> Result<Counted, StoreError> {
        let sql = "select count(*) as calls,
                       cast(coalesce(sum(case when state = 'pending' then 1 else 0 end), 0) as bigint) as pending
                   from calls";
        Ok(on!(self.read(), db => sqlx::query_as(sql).fetch_one(db).await)?)
    }
}
