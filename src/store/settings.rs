//! What the installation knows of itself, and the version of its configuration.

use super::{Store, StoreError, Tx, on, on_tx};
use sqlx::postgres::PgListener;

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "select value from settings where name = $1";
        Ok(on!(self.read(), db => sqlx::query_scalar(sql).bind(name).fetch_optional(db).await)?)
    }

    /// Sets a value.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let sql = "insert into settings (name, value) values ($1, $2)
                   on conflict (name) do update set value = excluded.value";
        on!(self.write(), db => sqlx::query(sql).bind(name).bind(value).execute(db).await.map(drop))?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn delete_setting(&self, name: &str) -> Result<(), StoreError> {
        let sql = "delete from settings where name = $1";
        on!(self.write(), db => sqlx::query(sql).bind(name).execute(db).await.map(drop))?;
        Ok(())
    }

    /// The same, with the change it belongs to. `false` if it was not set: of two changes that need it gone, the
    /// second finds nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_setting_in(tx: &mut Tx, name: &str) -> Result<bool, StoreError> {
        let sql = "delete from settings where name = $1";
        let rows = on_tx!(tx, db => sqlx::query(sql).bind(name).execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// A number that grows with every change of keys, models, providers or accounts, whichever process made it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn version(&self) -> Result<i64, StoreError> {
        let sql = "select coalesce((select cast(value as bigint) from settings where name = 'version'), 0)";
        Ok(on!(self.read(), db => sqlx::query_scalar(sql).fetch_one(db).await)?)
    }

    /// Notes, with the change itself, that the configuration has changed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bump(tx: &mut Tx) -> Result<(), StoreError> {
        let sql = "insert into settings (name, value) values ('version', '1')
                   on conflict (name) do update
                   set value = cast(cast(settings.value as bigint) + 1 as text)";
        on_tx!(&mut *tx, db => sqlx::query(sql).execute(db).await.map(drop))?;
        // Other processes on a shared database hear of it when the change commits.
        if let Tx::Postgres(tx) = tx {
            sqlx::query("select pg_notify('tollgate_configuration', '')").execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Hears of changes to the configuration as they commit; `None` where no other process could make one unseen.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn listen(&self) -> Result<Option<Changes>, StoreError> {
        let Store::Postgres(pool) = self else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen("tollgate_configuration").await?;
        Ok(Some(Changes(listener)))
    }
}

/// The changes of a shared configuration.
#[derive(Debug)]
pub struct Changes(PgListener);

impl Changes {
    /// Waits for the next one. After a broken connection one may have been missed, and it returns at once.
    ///
    /// # Errors
    /// When the connection cannot be made again.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        Ok(())
    }
}
