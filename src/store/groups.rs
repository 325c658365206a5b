//! Groups: keys that share a quota.

use super::{Store, StoreError, Tx, bigint, count, json, on, on_tx, places, read_json, read_word};
use crate::domain::credits::Credits;
use crate::domain::group::{Group, GroupQuota};
use crate::domain::id::{AccountId, GroupId};
use crate::domain::key::Reset;
use crate::domain::time::Time;

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    account_id: String,
    name: String,
    description: String,
    quota_tokens: Option<i64>,
    quota_nanos: Option<i64>,
    quota_period: Option<String>,
    timezone: String,
    carried: String,
    created_at: i64,
    keys: i64,
}

impl TryFrom<Row> for (Group, u64) {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let period = row.quota_period.as_deref().map(|text| read_word("groups.quota_period", text, Reset::parse));
        let quota = period.transpose()?.map(|period| GroupQuota {
            tokens: row.quota_tokens.map(count),
            credits: row.quota_nanos.map(Credits::from_nanos),
            period,
        });
        let group = Group {
            id: row.id.into(),
            account_id: row.account_id.into(),
            name: row.name,
            description: row.description,
            quota,
            timezone: row.timezone,
            carried: read_json("groups.carried", &row.carried)?,
            created_at: Time::from_micros(row.created_at),
        };
        Ok((group, count(row.keys)))
    }
}

const COLUMNS: &str =
    "id, account_id, name, description, quota_tokens, quota_nanos, quota_period, timezone, carried, created_at";

/// A group and how many keys it has, revoked ones left out.
const SELECT: &str =
    "select id, account_id, name, description, quota_tokens, quota_nanos, quota_period, timezone, carried, created_at,
         (select count(*) from keys where keys.group_id = groups.id and keys.status <> 'revoked') as keys
     from groups";

/// Which groups a list holds. Newest first.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    pub account_id: Option<AccountId>,
    /// Only groups older than this place.
    pub after: Option<(Time, GroupId)>,
    pub limit: u32,
}

impl Store {
    /// # Errors
    /// [`StoreError::Taken`] where the account has a group of this name.
    pub async fn insert_group(tx: &mut Tx, group: &Group) -> Result<(), StoreError> {
        let sql = "insert into groups (id, account_id, name, description, timezone, created_at)
                   values ($1, $2, $3, '', 'UTC', $4)";
        on_tx!(&mut *tx, db => sqlx::query(sql)
            .bind(group.id.as_str())
            .bind(group.account_id.as_str())
            .bind(&group.name)
            .bind(group.created_at.micros())
            .execute(db)
            .await
            .map(drop))?;
        Self::update_group(tx, group).await
    }

    /// Writes everything about a group that can be edited.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where the account has another group of this name.
    pub async fn update_group(tx: &mut Tx, group: &Group) -> Result<(), StoreError> {
        let sql = "update groups set
                       account_id = $2, name = $3, description = $4, quota_tokens = $5, quota_nanos = $6,
                       quota_period = $7, timezone = $8, carried = $9
                   where id = $1";
        let quota = group.quota.as_ref();
        on_tx!(tx, db => sqlx::query(sql)
            .bind(group.id.as_str())
            .bind(group.account_id.as_str())
            .bind(&group.name)
            .bind(&group.description)
            .bind(quota.and_then(|quota| quota.tokens).map(bigint))
            .bind(quota.and_then(|quota| quota.credits).map(Credits::nanos))
            .bind(quota.map(|quota| quota.period.as_str()))
            .bind(&group.timezone)
            .bind(json(&group.carried))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Its keys stay, in no group; its calls keep its id.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] where a key came into it meanwhile.
    pub async fn delete_group(tx: &mut Tx, id: &GroupId) -> Result<(), StoreError> {
        for sql in ["update keys set group_id = null where group_id = $1", "delete from groups where id = $1"] {
            on_tx!(&mut *tx, db => sqlx::query(sql).bind(id.as_str()).execute(db).await.map(drop))?;
        }
        Ok(())
    }

    /// A group, and how many keys it has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn group(&self, id: &GroupId) -> Result<Option<(Group, u64)>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} where id = $1"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        row.map(TryFrom::try_from).transpose()
    }

    /// Those of these groups that there are, in no order. Their keys are not counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn groups_by_id(&self, ids: &[GroupId]) -> Result<Vec<Group>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS}, cast(0 as bigint) as keys from groups where id in ({})",
            places(1, ids.len())
        ));
        let rows: Vec<Row> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter().map(|row| <(Group, u64)>::try_from(row).map(|(group, _)| group)).collect()
    }

    /// Groups, each with how many keys it has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn groups(&self, filter: &GroupFilter) -> Result<Vec<(Group, u64)>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{SELECT}
             where ($1 is null or account_id = $1)
               and ($2 is null or created_at < $2 or (created_at = $2 and id < $3))
             order by created_at desc, id desc
             limit $4"
        ));
        let after = filter.after.as_ref();
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(filter.account_id.as_ref().map(AccountId::as_str))
            .bind(after.map(|(at, _)| at.micros()))
            .bind(after.map(|(_, id)| id.as_str()))
            .bind(i64::from(filter.limit))
            .fetch_all(db)
            .await)?;
        rows.into_iter().map(TryFrom::try_from).collect()
    }

    /// How many there are, of one account where one is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_groups(&self, account: Option<&AccountId>) -> Result<u64, StoreError> {
        let sql = "select count(*) from groups where $1 is null or account_id = $1";
        let account = account.map(AccountId::as_str);
        let number: i64 = on!(self.read(), db => sqlx::query_scalar(sql).bind(account).fetch_one(db).await)?;
        Ok(count(number))
    }
}
