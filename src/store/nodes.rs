//! The processes that admit calls on a shared database. A process whose row is gone is fenced: it writes down no call,
//! so it sends none. Every instant here is the database's own, so that no process's clock is believed.

use super::{Store, StoreError, Tx, on, on_tx};
use crate::domain::id::NodeId;
use crate::domain::time::Time;
use std::time::Duration;

/// The database's clock, in microseconds since 1970. Only a shared database is asked.
const NOW: &str = "cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)";

/// Whatever moves meters takes this lock shared; whoever makes a place for an owner's meters takes it alone.
const BOOKS_LOCK: i64 = 0x70_6c_6c_67;

impl Store {
    /// Makes a process known, for as long as it renews.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn join(&self, node: &NodeId, lease: Duration) -> Result<(), StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "insert into nodes (id, started_at, expires_at) values ($1, {NOW}, {NOW} + $2)"
        ));
        on!(self.write(), db => sqlx::query(sql).bind(node.as_str()).bind(micros(lease)).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Keeps a process known. `false` if it is not any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew(&self, node: &NodeId, lease: Duration) -> Result<bool, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("update nodes set expires_at = {NOW} + $2 where id = $1"));
        let rows = on!(self.write(), db => sqlx::query(sql)
            .bind(node.as_str())
            .bind(micros(lease))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Whether a process is known and its lease has not run out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_known(&self, node: &NodeId) -> Result<bool, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select count(*) from nodes where id = $1 and expires_at >= {NOW}"));
        let known: i64 = on!(self.read(), db => sqlx::query_scalar(sql).bind(node.as_str()).fetch_one(db).await)?;
        Ok(known == 1)
    }

    /// Takes leave. The process must have nothing in flight.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave(&self, node: &NodeId) -> Result<(), StoreError> {
        let sql = "delete from nodes where id = $1";
        on!(self.write(), db => sqlx::query(sql).bind(node.as_str()).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Processes that have not renewed in time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expired_nodes(&self) -> Result<Vec<NodeId>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select id from nodes where expires_at < {NOW} order by id"));
        let ids: Vec<String> = on!(self.read(), db => sqlx::query_scalar(sql).fetch_all(db).await)?;
        Ok(ids.into_iter().map(NodeId).collect())
    }

    /// Lets every lease run out, as time does.
    ///
    /// # Errors
    /// When the database fails.
    #[cfg(test)]
    pub async fn expire_leases(&self) -> Result<(), StoreError> {
        on!(self.write(), db => sqlx::query("update nodes set expires_at = 0").execute(db).await.map(drop))?;
        Ok(())
    }

    /// Declares a process dead, if it still has not renewed. Waits for the transaction it may be in; from then on it is
    /// fenced. `false` if it has renewed, or another declared it dead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bury(tx: &mut Tx, node: &NodeId) -> Result<bool, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("delete from nodes where id = $1 and expires_at < {NOW}"));
        let rows = on_tx!(tx, db => sqlx::query(sql)
            .bind(node.as_str())
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// The time by a shared database's clock.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn now(tx: &mut Tx) -> Result<Time, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select {NOW}"));
        Ok(Time::from_micros(on_tx!(tx, db => sqlx::query_scalar(sql).fetch_one(db).await)?))
    }

    /// Begins to move meters on a shared database. The process's own row is locked against [`Store::bury`] until the
    /// transaction ends: this is the fence. `false` if others hold it for dead, and have resolved its calls.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enter(tx: &mut Tx, node: &NodeId) -> Result<bool, StoreError> {
        Self::lock_books(tx, false).await?;
        // `key share` is enough against a delete, and lets the process renew its lease meanwhile.
        let sql = "select id from nodes where id = $1 for key share";
        let known: Option<String> =
            on_tx!(tx, db => sqlx::query_scalar(sql).bind(node.as_str()).fetch_optional(db).await)?;
        Ok(known.is_some())
    }

    /// Takes the lock that everything takes which moves meters: with others, or alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lock_books(tx: &mut Tx, alone: bool) -> Result<(), StoreError> {
        let sql = if alone { "select pg_advisory_xact_lock($1)" } else { "select pg_advisory_xact_lock_shared($1)" };
        on_tx!(tx, db => sqlx::query(sql).bind(BOOKS_LOCK).execute(db).await.map(drop))?;
        Ok(())
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
