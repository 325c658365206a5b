//! People who sign in.

use super::{Store, StoreError, Tx, count, json, on, on_tx, places, read_json, read_word};
use crate::domain::account::{Account, Role};
use crate::domain::id::{AccountId, RuleId};
use crate::domain::key::KeyLimits;
use crate::domain::limit::Carried;
use crate::domain::time::Time;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    email: String,
    name: String,
    role: String,
    enabled: bool,
    timezone: String,
    limits: String,
    default_rule_id: Option<String>,
    default_rule_locked: bool,
    carried: String,
    created_at: i64,
}

impl TryFrom<Row> for Account {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Account {
            id: row.id.into(),
            email: row.email,
            name: row.name,
            role: read_word("accounts.role", &row.role, Role::parse)?,
            enabled: row.enabled,
            timezone: row.timezone,
            limits: read_json("accounts.limits", &row.limits)?,
            default_rule_id: row.default_rule_id.map(RuleId),
            default_rule_locked: row.default_rule_locked,
            carried: read_json("accounts.carried", &row.carried)?,
            created_at: Time::from_micros(row.created_at),
        })
    }
}

const COLUMNS: &str =
    "id, email, name, role, enabled, timezone, limits, default_rule_id, default_rule_locked, carried, created_at";

impl Store {
    /// # Errors
    /// [`StoreError::Taken`] where the email is in use.
    pub async fn insert_account(tx: &mut Tx, account: &Account, password_hash: Option<&str>) -> Result<(), StoreError> {
        let sql = "insert into accounts (id, email, name, role, password_hash, enabled, timezone, created_at)
                   values ($1, $2, $3, $4, $5, $6, $7, $8)";
        on_tx!(tx, db => sqlx::query(sql)
            .bind(account.id.as_str())
            .bind(&account.email)
            .bind(&account.name)
            .bind(account.role.as_str())
            .bind(password_hash)
            .bind(account.enabled)
            .bind(&account.timezone)
            .bind(account.created_at.micros())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from accounts where id = $1"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        row.map(Account::try_from).transpose()
    }

    /// Those of these accounts that there are, in no order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts_by_id(&self, ids: &[AccountId]) -> Result<Vec<Account>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("select {COLUMNS} from accounts where id in ({})", places(1, ids.len()));
        let sql = sqlx::AssertSqlSafe(sql);
        let rows: Vec<Row> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// Accounts, newest first; those older than a place, where one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts(&self, after: Option<&(Time, AccountId)>, limit: u32) -> Result<Vec<Account>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS} from accounts
             where $1 is null or created_at < $1 or (created_at = $1 and id < $2)
             order by created_at desc, id desc
             limit $3"
        ));
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(after.map(|(at, _)| at.micros()))
            .bind(after.map(|(_, id)| id.as_str()))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await)?;
        rows.into_iter().map(Account::try_from).collect()
    }

    /// An account and its password hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account_by_email(&self, email: &str) -> Result<Option<(Account, Option<String>)>, StoreError> {
        let sql = "select id, password_hash from accounts where email = $1";
        let row: Option<(String, Option<String>)> =
            on!(self.read(), db => sqlx::query_as(sql).bind(email).fetch_optional(db).await)?;
        let Some((id, hash)) = row else { return Ok(None) };
        Ok(self.account(&id.into()).await?.map(|account| (account, hash)))
    }

    /// # Errors
    /// When the database fails.
    pub async fn set_account_timezone(&self, id: &AccountId, timezone: &str) -> Result<(), StoreError> {
        let sql = "update accounts set timezone = $2 where id = $1";
        on!(self.write(), db => sqlx::query(sql).bind(id.as_str()).bind(timezone).execute(db).await.map(drop))?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn set_account_limits(
        tx: &mut Tx,
        id: &AccountId,
        limits: &KeyLimits,
        carried: &[Carried],
    ) -> Result<(), StoreError> {
        let sql = "update accounts set limits = $2, carried = $3 where id = $1";
        let (limits, carried) = (json(limits), json(&carried));
        on_tx!(tx, db =>
            sqlx::query(sql).bind(id.as_str()).bind(limits).bind(carried).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Sets an account's default rule, and whether it is locked against its owner. `owner` says that the owner asks:
    /// then nothing happens, and the answer is `false`, where another rule is locked.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] where there is no such rule.
    pub async fn set_default_rule(
        tx: &mut Tx,
        id: &AccountId,
        rule: Option<&RuleId>,
        locked: bool,
        owner: bool,
    ) -> Result<bool, StoreError> {
        let sql = "update accounts set default_rule_id = $2, default_rule_locked = $3
                   where id = $1 and ($4 = false or default_rule_locked = false or default_rule_id = $2)";
        let rule = rule.map(RuleId::as_str);
        let rows = on_tx!(tx, db => sqlx::query(sql).bind(id.as_str()).bind(rule).bind(locked).bind(owner)
            .execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// The default rule that an admin has set for an account; `None` where its owner may set it. The account is held
    /// until the transaction is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_default_rule(tx: &mut Tx, id: &AccountId) -> Result<Option<RuleId>, StoreError> {
        let hold = if matches!(tx, Tx::Postgres(_)) { "for share" } else { "" };
        let sql = format!("select default_rule_id, default_rule_locked from accounts where id = $1 {hold}");
        let sql = sqlx::AssertSqlSafe(sql);
        let row: Option<(Option<String>, bool)> =
            on_tx!(tx, db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        Ok(row.filter(|(_, locked)| *locked).and_then(|(rule, _)| rule).map(RuleId))
    }

    /// How many keys of an account have no rule of their own, revoked ones left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_inheriting_keys(&self, id: &AccountId) -> Result<u64, StoreError> {
        let sql = "select count(*) from keys where account_id = $1 and rule_id is null and status <> 'revoked'";
        let number: i64 = on!(self.read(), db => sqlx::query_scalar(sql).bind(id.as_str()).fetch_one(db).await)?;
        Ok(count(number))
    }

    /// Whether an admin has made a rule some account's default.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_locked_default(tx: &mut Tx, rule: &RuleId) -> Result<bool, StoreError> {
        let sql = "select count(*) from accounts where default_rule_id = $1 and default_rule_locked";
        let count: i64 = on_tx!(tx, db => sqlx::query_scalar(sql).bind(rule.as_str()).fetch_one(db).await)?;
        Ok(count > 0)
    }

    /// Whether there is anyone who may administer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_admin(&self) -> Result<bool, StoreError> {
        let sql = "select count(*) from accounts where role = 'admin'";
        let count: i64 = on!(self.read(), db => sqlx::query_scalar(sql).fetch_one(db).await)?;
        Ok(count > 0)
    }
}
