//! Outcomes of forms posted without JavaScript, each read once.

use super::{Store, StoreError, on};
use crate::domain::time::Time;

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn put_flash(&self, id: &str, sealed: &str, expires_at: Time) -> Result<(), StoreError> {
        let sql = "insert into flashes (id, sealed, expires_at) values ($1, $2, $3)";
        on!(self.write(), db => sqlx::query(sql).bind(id).bind(sealed).bind(expires_at.micros())
            .execute(db).await.map(drop))?;
        Ok(())
    }

    /// Reads a flash and forgets it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_flash(&self, id: &str, now: Time) -> Result<Option<String>, StoreError> {
        let sql = "delete from flashes where id = $1 returning sealed, expires_at";
        let row: Option<(String, i64)> =
            on!(self.write(), db => sqlx::query_as(sql).bind(id).fetch_optional(db).await)?;
        Ok(row.filter(|(_, expires_at)| *expires_at > now.micros()).map(|(sealed, _)| sealed))
    }
}
