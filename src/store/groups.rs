//! Groups: keys that share a quota.

use super::key_lists::contains;
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
    spent: i64,
}

/// A group with what is summed up of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub group: Group,
    /// How many keys it has, revoked ones left out.
    pub keys: u64,
    /// What its calls have cost since the time that was asked for.
    pub spent: Credits,
}

impl TryFrom<Row> for Listed {
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
        Ok(Listed { group, keys: count(row.keys), spent: Credits::from_nanos(row.spent) })
    }
}

const COLUMNS: &str =
    "id, account_id, name, description, quota_tokens, quota_nanos, quota_period, timezone, carried, created_at";

/// Groups with their sums: what their calls have cost since $1, of the calls of account $2 or of everyone's.
const SELECT: &str =
    "select id, account_id, name, description, quota_tokens, quota_nanos, quota_period, timezone, carried, created_at,
         (select count(*) from keys where keys.group_id = groups.id and keys.status <> 'revoked') as keys,
         (select cast(coalesce(sum(usage.cost_nanos), 0) as bigint) from usage
          where usage.group_id = groups.id and usage.bucket >= $1 and ($2 is null or usage.account_id = $2)) as spent
     from groups";

/// By what a list is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupOrder {
    /// When they were made.
    #[default]
    Age,
    Name,
    Keys,
    Spent,
}

/// Where a group stands in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    Text(String),
    Number(i64),
}

impl GroupOrder {
    /// Where this group stands.
    pub fn mark(self, listed: &Listed) -> Mark {
        match self {
            GroupOrder::Age => Mark::Number(listed.group.created_at.micros()),
            GroupOrder::Name => Mark::Text(listed.group.name.clone()),
            GroupOrder::Keys => Mark::Number(bigint(listed.keys)),
            GroupOrder::Spent => Mark::Number(listed.spent.nanos()),
        }
    }

    /// What is compared, and how parameter `place` is to be compared with it.
    fn sql(self, place: &str) -> (&'static str, String) {
        match self {
            GroupOrder::Age => ("created_at", place.to_owned()),
            GroupOrder::Name => ("lower(name)", format!("lower({place})")),
            GroupOrder::Keys => ("keys", place.to_owned()),
            GroupOrder::Spent => ("spent", place.to_owned()),
        }
    }
}

/// Which groups a list holds.
#[derive(Clone, Debug, Default)]
pub struct GroupFilter {
    pub account_id: Option<AccountId>,
    /// Part of a name, in any case.
    pub search: Option<String>,
    pub order: GroupOrder,
    pub ascending: bool,
    /// Since when what their calls have cost is summed up; `None` = not at all.
    pub spent_since: Option<Time>,
    /// Only groups that come after this one.
    pub after: Option<(Mark, GroupId)>,
    pub limit: u32,
}

/// A key that may be put into a group, and where it is now.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Outsider {
    pub id: String,
    pub name: String,
    pub hint: String,
    pub account_id: String,
    /// The name of the group that it is in.
    pub group_name: Option<String>,
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
    pub async fn group(&self, id: &GroupId) -> Result<Option<Listed>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} where id = $3"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(i64::MAX)
            .bind(None::<&str>)
            .bind(id.as_str())
            .fetch_optional(db)
            .await)?;
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
            "select {COLUMNS}, cast(0 as bigint) as keys, cast(0 as bigint) as spent from groups where id in ({})",
            places(1, ids.len())
        ));
        let rows: Vec<Row> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter().map(|row| Listed::try_from(row).map(|listed| listed.group)).collect()
    }

    /// A group, held until the transaction is over: nobody else changes it between this look and what follows from it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_group(tx: &mut Tx, id: &GroupId) -> Result<Option<Group>, StoreError> {
        // SQLite has one writer, and this transaction is it.
        let hold = if matches!(tx, Tx::Postgres(_)) { "for update" } else { "" };
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} where id = $3 {hold}"));
        let row: Option<Row> = on_tx!(tx, db => sqlx::query_as(sql)
            .bind(i64::MAX)
            .bind(None::<&str>)
            .bind(id.as_str())
            .fetch_optional(db)
            .await)?;
        row.map(|row| Listed::try_from(row).map(|listed| listed.group)).transpose()
    }

    /// Groups in the order asked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn groups(&self, filter: &GroupFilter) -> Result<Vec<Listed>, StoreError> {
        let (column, place) = filter.order.sql("$4");
        let (past, direction) = if filter.ascending { (">", "asc") } else { ("<", "desc") };
        let sql = sqlx::AssertSqlSafe(format!(
            "select * from ({SELECT}) as listed
             where ($2 is null or account_id = $2)
               and ($3 is null or lower(name) like $3 escape '!')
               and ($4 is null or {column} {past} {place} or ({column} = {place} and id {past} $5))
             order by {column} {direction}, id {direction}
             limit $6"
        ));
        let (mark, id) = filter.after.as_ref().map(|(mark, id)| (mark, id.as_str())).unzip();
        let rows: Vec<Row> = on!(self.read(), db => {
            let query = sqlx::query_as(sql)
                .bind(filter.spent_since.map_or(i64::MAX, Time::micros))
                .bind(filter.account_id.as_ref().map(AccountId::as_str))
                .bind(filter.search.as_deref().map(contains));
            // The parameter has the type of what it is compared with, also where it is null.
            let query = match (filter.order, mark) {
                (GroupOrder::Name, Some(Mark::Text(text))) => query.bind(Some(text.as_str())),
                (GroupOrder::Name, _) => query.bind(None::<&str>),
                (_, Some(Mark::Number(number))) => query.bind(Some(*number)),
                _ => query.bind(None::<i64>),
            };
            query.bind(id).bind(i64::from(filter.limit)).fetch_all(db).await
        })?;
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

    /// How many keys of other accounts than this one a group has, revoked ones left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_foreign_keys(&self, id: &GroupId, account: &AccountId) -> Result<u64, StoreError> {
        let sql = "select count(*) from keys where group_id = $1 and account_id <> $2 and status <> 'revoked'";
        let number: i64 = on!(self.read(), db =>
            sqlx::query_scalar(sql).bind(id.as_str()).bind(account.as_str()).fetch_one(db).await)?;
        Ok(count(number))
    }

    /// Keys that are not in a group, newest first: of one account or of all, whose name, hint or id has `search`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_outside(
        &self,
        id: &GroupId,
        account: Option<&AccountId>,
        search: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Outsider>, StoreError> {
        let sql = "select k.id, k.name, k.hint, k.account_id, g.name as group_name
                   from keys k left join groups g on g.id = k.group_id
                   where k.status <> 'revoked' and (k.group_id is null or k.group_id <> $1)
                     and ($2 is null or k.account_id = $2)
                     and ($3 is null or lower(k.name) like $3 escape '!' or lower(k.hint) like $3 escape '!' or k.id = $4)
                   order by k.created_at desc, k.id desc
                   limit $5";
        Ok(on!(self.read(), db => sqlx::query_as(sql)
            .bind(id.as_str())
            .bind(account.map(AccountId::as_str))
            .bind(search.map(contains))
            .bind(search)
            .bind(i64::from(limit))
            .fetch_all(db)
            .await)?)
    }
}
