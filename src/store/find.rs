//! Keys, groups and rules by a part of their name.

use super::key_lists::{begins, contains};
use super::{Store, StoreError, on};
use crate::domain::id::AccountId;

/// Something that has a name and a page.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Named {
    /// `key`, `group` or `rule`.
    pub kind: String,
    pub id: String,
    pub name: String,
    /// A key's hint.
    pub note: String,
}

impl Store {
    /// The keys, groups and rules whose name contains `part`, at most `most` of each; those that begin with it first. A
    /// key is found by its hint and its id too. Of one account, where one is given; revoked keys are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, account: Option<&AccountId>, part: &str, most: u32) -> Result<Vec<Named>, StoreError> {
        let each = |kind: &str, table: &str, note: &str, more: &str, only: &str| {
            format!(
                "select * from (
                     select '{kind}' as kind, id, name, {note} as note from {table}
                     where ($1 is null or account_id = $1) and (lower(name) like $2 escape '!' {more}) {only}
                     order by case when lower(name) like $3 escape '!' then 0 else 1 end, lower(name), id
                     limit $5
                 ) as {kind}s"
            )
        };
        let sql = sqlx::AssertSqlSafe(
            [
                each("key", "keys", "hint", "or lower(hint) like $2 escape '!' or id = $4", "and status <> 'revoked'"),
                each("group", "groups", "''", "or id = $4", ""),
                each("rule", "rules", "''", "or id = $4", ""),
            ]
            .join(" union all "),
        );
        Ok(on!(self.read(), db => sqlx::query_as(sql)
            .bind(account.map(AccountId::as_str))
            .bind(contains(part))
            .bind(begins(part))
            .bind(part)
            .bind(i64::from(most))
            .fetch_all(db)
            .await)?)
    }
}
