//! Quota rules, and what refers to each.

use super::key_lists::contains;
use super::{Store, StoreError, Tx, count, json, on, on_tx, places, read_json, read_word};
use crate::domain::credits::Credits;
use crate::domain::id::{AccountId, KeyId, RuleId};
use crate::domain::rule::{References, Rule, RulePeriod, RuleQuota};
use crate::domain::time::Time;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    account_id: String,
    name: String,
    description: String,
    enabled: bool,
    quota_nanos: Option<i64>,
    quota_period: Option<String>,
    hours: Option<String>,
    timezone: Option<String>,
    carried: String,
    created_at: i64,
    bound: i64,
    inheriting: i64,
    defaults: i64,
}

impl TryFrom<Row> for (Rule, References) {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let period = row.quota_period.as_deref().map(|text| read_word("rules.quota_period", text, RulePeriod::parse));
        let quota = match (row.quota_nanos, period.transpose()?) {
            (Some(nanos), Some(period)) => Some(RuleQuota { credits: Credits::from_nanos(nanos), period }),
            _ => None,
        };
        let rule = Rule {
            id: row.id.into(),
            account_id: row.account_id.into(),
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            quota,
            hours: row.hours.as_deref().map(|text| read_json("rules.hours", text)).transpose()?,
            timezone: row.timezone,
            carried: read_json("rules.carried", &row.carried)?,
            created_at: Time::from_micros(row.created_at),
        };
        let references =
            References { bound: count(row.bound), inheriting: count(row.inheriting), defaults: count(row.defaults) };
        Ok((rule, references))
    }
}

const COLUMNS: &str =
    "id, account_id, name, description, enabled, quota_nanos, quota_period, hours, timezone, carried, created_at";

/// A rule and what refers to it: one query a page, whatever the number of keys.
const SELECT: &str =
    "select r.id, r.account_id, r.name, r.description, r.enabled, r.quota_nanos, r.quota_period, r.hours, r.timezone,
         r.carried, r.created_at,
         (select count(*) from keys k where k.rule_id = r.id and k.status <> 'revoked') as bound,
         (select count(*) from accounts a join keys k on k.account_id = a.id
          where a.default_rule_id = r.id and k.rule_id is null and k.status <> 'revoked') as inheriting,
         (select count(*) from accounts a where a.default_rule_id = r.id) as defaults
     from rules r";

/// Which rules a list holds. Newest first.
#[derive(Clone, Debug, Default)]
pub struct RuleFilter {
    pub account_id: Option<AccountId>,
    pub enabled: Option<bool>,
    /// Part of a name or a description, in any case, or a whole id.
    pub search: Option<String>,
    /// Only rules older than this place.
    pub after: Option<(Time, RuleId)>,
    pub limit: u32,
}

impl Store {
    /// # Errors
    /// [`StoreError::Taken`] where the account has a rule of this name.
    pub async fn insert_rule(tx: &mut Tx, rule: &Rule) -> Result<(), StoreError> {
        let sql = "insert into rules (id, account_id, name, description, enabled, created_at)
                   values ($1, $2, $3, '', $4, $5)";
        on_tx!(&mut *tx, db => sqlx::query(sql)
            .bind(rule.id.as_str())
            .bind(rule.account_id.as_str())
            .bind(&rule.name)
            .bind(rule.enabled)
            .bind(rule.created_at.micros())
            .execute(db)
            .await
            .map(drop))?;
        Self::update_rule(tx, rule).await
    }

    /// Writes everything about a rule that can be edited.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where the account has another rule of this name.
    pub async fn update_rule(tx: &mut Tx, rule: &Rule) -> Result<(), StoreError> {
        let sql = "update rules set
                       account_id = $2, name = $3, description = $4, enabled = $5, quota_nanos = $6,
                       quota_period = $7, hours = $8, timezone = $9, carried = $10
                   where id = $1";
        on_tx!(tx, db => sqlx::query(sql)
            .bind(rule.id.as_str())
            .bind(rule.account_id.as_str())
            .bind(&rule.name)
            .bind(&rule.description)
            .bind(rule.enabled)
            .bind(rule.quota.map(|quota| quota.credits.nanos()))
            .bind(rule.quota.map(|quota| quota.period.as_str()))
            .bind(rule.hours.as_ref().map(json))
            .bind(rule.timezone.as_deref())
            .bind(json(&rule.carried))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Deletes a rule that nothing is governed by. Revoked keys let go of it: they would hold it for ever.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] where a key or an account refers to it.
    pub async fn delete_rule(tx: &mut Tx, id: &RuleId) -> Result<(), StoreError> {
        for sql in [
            "update keys set rule_id = null where rule_id = $1 and status = 'revoked'",
            "delete from rules where id = $1",
        ] {
            on_tx!(&mut *tx, db => sqlx::query(sql).bind(id.as_str()).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    /// A rule, and what refers to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rule(&self, id: &RuleId) -> Result<Option<(Rule, References)>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} where r.id = $1"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        row.map(TryFrom::try_from).transpose()
    }

    /// A rule, held for the rest of the transaction so that nobody else edits it meanwhile, and what refers to it. Keys
    /// may still be bound to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_rule(tx: &mut Tx, id: &RuleId) -> Result<Option<(Rule, References)>, StoreError> {
        // SQLite has one writer, and this transaction is it.
        let hold = if matches!(tx, Tx::Postgres(_)) { "for no key update of r" } else { "" };
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} where r.id = $1 {hold}"));
        let row: Option<Row> = on_tx!(tx, db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        row.map(TryFrom::try_from).transpose()
    }

    /// Those of these rules that there are, in no order. What refers to them is not counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules_by_id(&self, ids: &[RuleId]) -> Result<Vec<Rule>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS}, cast(0 as bigint) as bound, cast(0 as bigint) as inheriting, cast(0 as bigint) as defaults
             from rules where id in ({})",
            places(1, ids.len())
        ));
        let rows: Vec<Row> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter().map(|row| <(Rule, References)>::try_from(row).map(|(rule, _)| rule)).collect()
    }

    /// The keys that a rule governs, by their ids and names: its own, and those that inherit it. Of one account, where
    /// one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn governed_keys(
        &self,
        id: &RuleId,
        account: Option<&AccountId>,
    ) -> Result<Vec<(KeyId, String)>, StoreError> {
        let sql = "select k.id, k.name from keys k join accounts a on a.id = k.account_id
                   where k.status <> 'revoked' and ($2 is null or k.account_id = $2)
                     and (k.rule_id = $1 or (k.rule_id is null and a.default_rule_id = $1))
                   order by k.id";
        let account = account.map(AccountId::as_str);
        let rows: Vec<(String, String)> =
            on!(self.read(), db => sqlx::query_as(sql).bind(id.as_str()).bind(account).fetch_all(db).await)?;
        Ok(rows.into_iter().map(|(id, name)| (KeyId(id), name)).collect())
    }

    /// Rules, each with what refers to it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rules(&self, filter: &RuleFilter) -> Result<Vec<(Rule, References)>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{SELECT}
             where ($1 is null or r.account_id = $1)
               and ($2 is null or r.enabled = $2)
               and ($3 is null or r.created_at < $3 or (r.created_at = $3 and r.id < $4))
               and ($6 is null or lower(r.name) like $6 escape '!' or lower(r.description) like $6 escape '!'
                    or r.id = $7)
             order by r.created_at desc, r.id desc
             limit $5"
        ));
        let after = filter.after.as_ref();
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(filter.account_id.as_ref().map(AccountId::as_str))
            .bind(filter.enabled)
            .bind(after.map(|(at, _)| at.micros()))
            .bind(after.map(|(_, id)| id.as_str()))
            .bind(i64::from(filter.limit))
            .bind(filter.search.as_deref().map(contains))
            .bind(filter.search.as_deref())
            .fetch_all(db)
            .await)?;
        rows.into_iter().map(TryFrom::try_from).collect()
    }

    /// How many there are, of one account where one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_rules(&self, account: Option<&AccountId>) -> Result<u64, StoreError> {
        let sql = "select count(*) from rules where $1 is null or account_id = $1";
        let account = account.map(AccountId::as_str);
        let number: i64 = on!(self.read(), db => sqlx::query_scalar(sql).bind(account).fetch_one(db).await)?;
        Ok(count(number))
    }

    /// How many keys a rule governs, by whatever way; revoked ones left out. Of one account where one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_governed_keys(&self, account: Option<&AccountId>) -> Result<u64, StoreError> {
        let sql = "select count(*) from keys k join accounts a on a.id = k.account_id
                   where k.status <> 'revoked' and ($1 is null or k.account_id = $1)
                     and (k.rule_id is not null or a.default_rule_id is not null)";
        let account = account.map(AccountId::as_str);
        let number: i64 = on!(self.read(), db => sqlx::query_scalar(sql).bind(account).fetch_one(db).await)?;
        Ok(count(number))
    }
}
