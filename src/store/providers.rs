//! Upstream accounts. Their credentials come and go sealed: this file never sees one.

use super::{Store, StoreError, Tx, bigint, count, list_text, on, on_tx, read_json, read_word};
use crate::domain::id::ProviderId;
use crate::domain::provider::{Provider, ProviderKind, Timeouts};
use crate::domain::time::Time;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    kind: String,
    base_url: String,
    credentials: String,
    hints: String,
    enabled: bool,
    usage_option: bool,
    responses: Option<bool>,
    connect_ms: Option<i64>,
    first_byte_ms: Option<i64>,
    idle_ms: Option<i64>,
    total_ms: Option<i64>,
    max_concurrency: Option<i64>,
    created_at: i64,
}

/// A provider, and its credentials as they are stored: sealed.
#[derive(Clone, Debug)]
pub struct StoredProvider {
    pub provider: Provider,
    pub sealed_credentials: String,
}

impl TryFrom<Row> for StoredProvider {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let provider = Provider {
            id: row.id.into(),
            name: row.name,
            kind: read_word("providers.kind", &row.kind, ProviderKind::parse)?,
            base_url: row.base_url,
            credentials: read_json("providers.hints", &row.hints)?,
            enabled: row.enabled,
            usage_option: row.usage_option,
            responses: row.responses,
            timeouts: Timeouts {
                connect_ms: row.connect_ms.map(count),
                first_byte_ms: row.first_byte_ms.map(count),
                idle_ms: row.idle_ms.map(count),
                total_ms: row.total_ms.map(count),
            },
            max_concurrency: row.max_concurrency.and_then(|most| u32::try_from(most).ok()),
            created_at: Time::from_micros(row.created_at),
        };
        Ok(StoredProvider { provider, sealed_credentials: row.credentials })
    }
}

impl Store {
    /// Writes a provider, new or known by its id.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where another provider has the name.
    pub async fn save_provider(tx: &mut Tx, stored: &StoredProvider) -> Result<(), StoreError> {
        let sql =
            "insert into providers (id, name, kind, base_url, credentials, hints, enabled, usage_option, responses,
                       created_at, connect_ms, first_byte_ms, idle_ms, total_ms, max_concurrency)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
                   on conflict (id) do update
                   set name = excluded.name, kind = excluded.kind, base_url = excluded.base_url,
                       credentials = excluded.credentials, hints = excluded.hints, enabled = excluded.enabled,
                       usage_option = excluded.usage_option, responses = excluded.responses,
                       connect_ms = excluded.connect_ms, first_byte_ms = excluded.first_byte_ms,
                       idle_ms = excluded.idle_ms, total_ms = excluded.total_ms,
                       max_concurrency = excluded.max_concurrency";
        let provider = &stored.provider;
        on_tx!(tx, db => sqlx::query(sql)
            .bind(provider.id.as_str())
            .bind(&provider.name)
            .bind(provider.kind.as_str())
            .bind(&provider.base_url)
            .bind(&stored.sealed_credentials)
            .bind(list_text(&provider.credentials))
            .bind(provider.enabled)
            .bind(provider.usage_option)
            .bind(provider.responses)
            .bind(provider.created_at.micros())
            .bind(provider.timeouts.connect_ms.map(bigint))
            .bind(provider.timeouts.first_byte_ms.map(bigint))
            .bind(provider.timeouts.idle_ms.map(bigint))
            .bind(provider.timeouts.total_ms.map(bigint))
            .bind(provider.max_concurrency.map(i64::from))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while a model has a route to it.
    pub async fn delete_provider(tx: &mut Tx, id: &ProviderId) -> Result<bool, StoreError> {
        let sql = "delete from providers where id = $1";
        let rows =
            on_tx!(tx, db => sqlx::query(sql).bind(id.as_str()).execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// All providers, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn providers(&self) -> Result<Vec<StoredProvider>, StoreError> {
        let sql = "select id, name, kind, base_url, credentials, hints, enabled, usage_option, responses, connect_ms,
                       first_byte_ms, idle_ms, total_ms, max_concurrency, created_at
                   from providers order by name";
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql).fetch_all(db).await)?;
        rows.into_iter().map(StoredProvider::try_from).collect()
    }

    /// How many calls a provider of this name has served or failed since then, to the quarter of an hour.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls_of_provider(&self, name: &str, since: Time) -> Result<i64, StoreError> {
        let sql = "select cast(coalesce(sum(calls), 0) as bigint) from usage where bucket >= $1 and provider = $2";
        let calls: (i64,) =
            on!(self.read(), db => sqlx::query_as(sql).bind(since.micros()).bind(name).fetch_one(db).await)?;
        Ok(calls.0)
    }
}
