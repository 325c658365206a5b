//! Permissions to use the management API; only keyed hashes are kept.

use super::{Store, StoreError, on};
use crate::domain::account::ManagementToken;
use crate::domain::id::{AccountId, ManagementTokenId};
use crate::domain::time::Time;

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn insert_management_token(&self, token: &ManagementToken, hash: &str) -> Result<(), StoreError> {
        let sql = "insert into management_tokens (id, account_id, name, hash, created_at) values ($1, $2, $3, $4, $5)";
        on!(self.write(), db => sqlx::query(sql)
            .bind(token.id.as_str())
            .bind(token.account_id.as_str())
            .bind(&token.name)
            .bind(hash)
            .bind(token.created_at.micros())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn management_token(&self, hash: &str) -> Result<Option<(ManagementTokenId, AccountId)>, StoreError> {
        let sql = "select id, account_id from management_tokens where hash = $1";
        let row: Option<(String, String)> =
            on!(self.read(), db => sqlx::query_as(sql).bind(hash).fetch_optional(db).await)?;
        Ok(row.map(|(id, account)| (id.into(), account.into())))
    }

    /// # Errors
    /// When the database fails.
    pub async fn stamp_management_token(&self, id: &ManagementTokenId, now: Time) -> Result<(), StoreError> {
        let sql = "update management_tokens set last_used_at = $2 where id = $1";
        on!(self.write(), db => sqlx::query(sql).bind(id.as_str()).bind(now.micros()).execute(db).await.map(drop))?;
        Ok(())
    }
}
