//! Lists of keys: narrowed, in one of several orders, a page at a time in both directions, and counted.

use super::keys::{COLUMNS, Row, token_quota};
use super::{Store, StoreError, count, on, read_json, read_word};
use crate::domain::credits::Credits;
use crate::domain::id::{AccountId, GroupId, KeyId, RuleId};
use crate::domain::key::{Key, KeyLimits, KeyState, KeyStatus};
use crate::domain::limit::Carried;
use crate::domain::time::Time;

/// What a list is ordered by; keys that agree in it are ordered by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySort {
    Created,
    /// In any case.
    Name,
    /// Those that never were come before all others.
    Used,
    /// Those that never do come after all others.
    Expires,
}

impl KeySort {
    fn column(self) -> &'static str {
        match self {
            KeySort::Created => "created_at",
            KeySort::Name => "lower(name)",
            KeySort::Used => "coalesce(last_used_at, 0)",
            KeySort::Expires => "coalesce(expires_at, 9223372036854775807)",
        }
    }

    /// How a place's value stands beside the column: the database itself lowers both.
    fn value(self) -> &'static str {
        if self == KeySort::Name { "lower(?)" } else { "?" }
    }
}

/// An order, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    pub by: KeySort,
    pub descending: bool,
}

impl Default for KeyOrder {
    /// Newest first.
    fn default() -> Self {
        Self { by: KeySort::Created, descending: true }
    }
}

/// Where a key stands in a list: what the list is ordered by, then the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    pub value: PlaceValue,
    pub id: KeyId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceValue {
    Number(i64),
    Text(String),
}

impl KeyPlace {
    /// The place of a key in a list of this order.
    pub fn of(key: &Key, by: KeySort) -> Self {
        let micros = |at: Option<Time>, none| PlaceValue::Number(at.map_or(none, Time::micros));
        let value = match by {
            KeySort::Created => micros(Some(key.created_at), 0),
            KeySort::Name => PlaceValue::Text(key.name.clone()),
            KeySort::Used => micros(key.last_used_at, 0),
            KeySort::Expires => micros(key.expires_at, i64::MAX),
        };
        Self { value, id: key.id.clone() }
    }
}

/// The rule in force: a key's own, or else its account's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Governed {
    By(RuleId),
    ByNone,
}

/// Which keys a list holds, and in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyFilter {
    pub account_id: Option<AccountId>,
    /// `Some(None)`: in no group.
    pub group_id: Option<Option<GroupId>>,
    /// Bound to this rule itself.
    pub rule_id: Option<RuleId>,
    pub governed: Option<Governed>,
    pub status: Option<KeyStatus>,
    /// What they are at an instant.
    pub state: Option<(KeyState, Time)>,
    /// Leave out those that are revoked.
    pub unrevoked: bool,
    /// Part of a name or a hint, in any case, or a whole id.
    pub search: Option<String>,
    /// Allowed to call this model.
    pub model: Option<String>,
    /// Neither used nor made since.
    pub unused_since: Option<Time>,
    /// Expiring after the first of these and not after the second.
    pub expiring: Option<(Time, Time)>,
    /// Only these; at most some ten thousand.
    pub ids: Option<Vec<KeyId>>,
    pub order: KeyOrder,
    /// Only what comes after this place.
    pub after: Option<KeyPlace>,
    /// Only what comes before this place: the rows next to it.
    pub before: Option<KeyPlace>,
    /// 0 = all of them.
    pub limit: u32,
}

/// As much of a key as bounds its budgets.
#[derive(Clone, Debug)]
pub struct LeanKey {
    pub id: KeyId,
    pub account_id: AccountId,
    pub group_id: Option<GroupId>,
    pub rule_id: Option<RuleId>,
    pub status: KeyStatus,
    pub expires_at: Option<Time>,
    pub timezone: String,
    /// Budgets alone: neither rates nor caps on one request.
    pub limits: KeyLimits,
    pub carried: Vec<Carried>,
}

#[derive(sqlx::FromRow)]
struct LeanRow {
    id: String,
    account_id: String,
    group_id: Option<String>,
    rule_id: Option<String>,
    status: String,
    expires_at: Option<i64>,
    timezone: String,
    token_quota_max: Option<i64>,
    token_quota_reset: Option<String>,
    monthly_tokens: Option<i64>,
    monthly_spend_nanos: Option<i64>,
    credit_quota_nanos: Option<i64>,
    carried: Option<String>,
}

impl TryFrom<LeanRow> for LeanKey {
    type Error = StoreError;

    fn try_from(row: LeanRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            account_id: row.account_id.into(),
            group_id: row.group_id.map(GroupId),
            rule_id: row.rule_id.map(RuleId),
            status: read_word("keys.status", &row.status, KeyStatus::parse)?,
            expires_at: row.expires_at.map(Time::from_micros),
            timezone: row.timezone,
            limits: KeyLimits {
                token_quota: token_quota(row.token_quota_max, row.token_quota_reset.as_deref())?,
                monthly_tokens: row.monthly_tokens.map(count),
                monthly_spend: row.monthly_spend_nanos.map(Credits::from_nanos),
                credit_quota: row.credit_quota_nanos.map(Credits::from_nanos),
                ..KeyLimits::default()
            },
            carried: row.carried.as_deref().map_or(Ok(Vec::new()), |text| read_json("keys.carried", text))?,
        })
    }
}

/// How many keys there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyTally {
    pub active: u64,
    pub disabled: u64,
    pub expired: u64,
    pub revoked: u64,
}

/// What a statement's parameter holds.
enum Value {
    Text(String),
    Number(i64),
}

/// The conditions of a statement: their text, and what its parameters hold in their order.
#[derive(Default)]
struct Conditions {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// Adds one, in which each `?` is the next of these values.
    fn that(&mut self, text: &str, values: impl IntoIterator<Item = Value>) {
        let part = self.numbered(text, values);
        self.parts.push(part);
    }

    fn numbered(&mut self, text: &str, values: impl IntoIterator<Item = Value>) -> String {
        let mut pieces = text.split('?');
        let mut part = pieces.next().unwrap_or_default().to_owned();
        for (piece, value) in pieces.zip(values) {
            self.values.push(value);
            part += &format!("${}{piece}", self.values.len());
        }
        part
    }

    fn text(&self) -> String {
        if self.parts.is_empty() { String::new() } else { format!("where {}", self.parts.join(" and ")) }
    }
}

/// Binds each value to its parameter.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text.as_str()),
                Value::Number(number) => query.bind(*number),
            };
        }
        query
    }};
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn at(time: Time) -> Value {
    Value::Number(time.micros())
}

impl KeyFilter {
    /// All but the place in the list.
    fn conditions(&self) -> Conditions {
        let mut all = Conditions::default();
        if let Some(account) = &self.account_id {
            all.that("account_id = ?", [text(account.as_str())]);
        }
        match &self.group_id {
            None => {}
            Some(None) => all.that("group_id is null", []),
            Some(Some(group)) => all.that("group_id = ?", [text(group.as_str())]),
        }
        if let Some(rule) = &self.rule_id {
            all.that("rule_id = ?", [text(rule.as_str())]);
        }
        let inherited = |default: &str| {
            format!("rule_id is null and account_id in (select a.id from accounts a where a.default_rule_id {default})")
        };
        match &self.governed {
            None => {}
            Some(Governed::ByNone) => all.that(&inherited("is null"), []),
            Some(Governed::By(rule)) => {
                let rule = || text(rule.as_str());
                all.that(&format!("(rule_id = ? or ({}))", inherited("= ?")), [rule(), rule()]);
            }
        }
        if let Some(status) = self.status {
            all.that("status = ?", [text(status.as_str())]);
        }
        match self.state {
            None => {}
            Some((KeyState::Disabled, _)) => all.that("status = 'disabled'", []),
            Some((KeyState::Revoked, _)) => all.that("status = 'revoked'", []),
            Some((KeyState::Expired, now)) => all.that("status = 'active' and expires_at <= ?", [at(now)]),
            Some((KeyState::Active, now)) => {
                all.that("status = 'active' and (expires_at is null or expires_at > ?)", [at(now)]);
            }
        }
        if self.unrevoked {
            all.that("status <> 'revoked'", []);
        }
        if let Some(search) = &self.search {
            let part = || text(contains(search));
            all.that(
                "(lower(name) like ? escape '!' or lower(hint) like ? escape '!' or id = ?)",
                [part(), part(), text(search.as_str())],
            );
        }
        if let Some(model) = &self.model {
            // The list is JSON: a name in it stands in quotes, after a bracket or a comma. Looked for without `like`,
            // which knows no case in SQLite.
            let named = serde_json::Value::from(model.as_str()).to_string();
            all.that(
                "(models = '[]' or replace(models, ?, '') <> models or replace(models, ?, '') <> models)",
                [text(format!("[{named}")), text(format!(",{named}"))],
            );
        }
        if let Some(since) = self.unused_since {
            all.that("coalesce(last_used_at, created_at) < ?", [at(since)]);
        }
        if let Some((now, until)) = self.expiring {
            all.that("status = 'active' and expires_at > ? and expires_at <= ?", [at(now), at(until)]);
        }
        if let Some(ids) = &self.ids {
            if ids.is_empty() {
                all.that("1 = 0", []);
            } else {
                let places = vec!["?"; ids.len()].join(", ");
                all.that(&format!("id in ({places})"), ids.iter().map(|id| text(id.as_str())));
            }
        }
        all
    }

    /// Whether a key comes after a place in this order, or before it.
    fn beside(&self, place: &KeyPlace, after: bool) -> (String, [Value; 3]) {
        let (column, beside) = (self.order.by.column(), self.order.by.value());
        let sign = if self.order.descending == after { "<" } else { ">" };
        let value = || match &place.value {
            PlaceValue::Number(number) => Value::Number(*number),
            PlaceValue::Text(name) => text(name.as_str()),
        };
        let condition = format!("({column} {sign} {beside} or ({column} = {beside} and id {sign} ?))");
        (condition, [value(), value(), text(place.id.as_str())])
    }

    /// All conditions, and the order of the rows as they are read: towards what came before, it is turned round.
    fn placed(&self) -> (Conditions, String) {
        let mut all = self.conditions();
        for (place, after) in [(&self.after, true), (&self.before, false)] {
            if let Some(place) = place {
                let (condition, values) = self.beside(place, after);
                all.that(&condition, values);
            }
        }
        let way = if self.order.descending == self.before.is_none() { "desc" } else { "asc" };
        let mut rest = format!("order by {} {way}, id {way}", self.order.by.column());
        if self.limit > 0 {
            rest += &format!(" limit {}", self.limit);
        }
        (all, rest)
    }
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn keys(&self, filter: &KeyFilter) -> Result<Vec<Key>, StoreError> {
        let (conditions, rest) = filter.placed();
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from keys {} {rest}", conditions.text()));
        let rows: Vec<Row> =
            on!(self.read(), db => bound!(sqlx::query_as(sql), &conditions.values).fetch_all(db).await)?;
        let keys: Result<Vec<Key>, StoreError> = rows.into_iter().map(Key::try_from).collect();
        let mut keys = keys?;
        if filter.before.is_some() {
            keys.reverse();
        }
        Ok(keys)
    }

    /// The ids alone, in the list's order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_ids(&self, filter: &KeyFilter) -> Result<Vec<KeyId>, StoreError> {
        let (conditions, rest) = filter.placed();
        let sql = sqlx::AssertSqlSafe(format!("select id from keys {} {rest}", conditions.text()));
        let ids: Vec<String> =
            on!(self.read(), db => bound!(sqlx::query_scalar(sql), &conditions.values).fetch_all(db).await)?;
        Ok(ids.into_iter().map(KeyId).collect())
    }

    /// How many keys a list holds on all of its pages, and how many of them come before a place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_listed(&self, filter: &KeyFilter, first: Option<&KeyPlace>) -> Result<(u64, u64), StoreError> {
        let mut conditions = filter.conditions();
        let before = match first.map(|place| filter.beside(place, false)) {
            None => "1 = 0".to_owned(),
            Some((condition, values)) => conditions.numbered(&condition, values),
        };
        let sql = sqlx::AssertSqlSafe(format!(
            "select count(*), cast(coalesce(sum(case when {before} then 1 else 0 end), 0) as bigint) from keys {}",
            conditions.text()
        ));
        let (all, before): (i64, i64) =
            on!(self.read(), db => bound!(sqlx::query_as(sql), &conditions.values).fetch_one(db).await)?;
        Ok((count(all), count(before)))
    }

    /// As much of each key of a list as bounds its budgets, in no order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lean_keys(&self, filter: &KeyFilter) -> Result<Vec<LeanKey>, StoreError> {
        let conditions = filter.conditions();
        let sql = sqlx::AssertSqlSafe(format!(
            "select id, account_id, group_id, rule_id, status, expires_at, timezone, token_quota_max,
                 token_quota_reset, monthly_tokens, monthly_spend_nanos, credit_quota_nanos,
                 nullif(carried, '[]') as carried
             from keys {}",
            conditions.text()
        ));
        let rows: Vec<LeanRow> =
            on!(self.read(), db => bound!(sqlx::query_as(sql), &conditions.values).fetch_all(db).await)?;
        rows.into_iter().map(LeanKey::try_from).collect()
    }

    /// How many keys an account has of each kind at an instant; of all accounts where none is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_tally(&self, account: Option<&AccountId>, now: Time) -> Result<KeyTally, StoreError> {
        let sql = "select cast(coalesce(sum(case when status = 'active' and (expires_at is null or expires_at > $2)
                           then 1 else 0 end), 0) as bigint),
                       cast(coalesce(sum(case when status = 'disabled' then 1 else 0 end), 0) as bigint),
                       cast(coalesce(sum(case when status = 'active' and expires_at <= $2
                           then 1 else 0 end), 0) as bigint),
                       cast(coalesce(sum(case when status = 'revoked' then 1 else 0 end), 0) as bigint)
                   from keys where $1 is null or account_id = $1";
        let account = account.map(AccountId::as_str);
        let (active, disabled, expired, revoked): (i64, i64, i64, i64) =
            on!(self.read(), db => sqlx::query_as(sql).bind(account).bind(now.micros()).fetch_one(db).await)?;
        Ok(KeyTally {
            active: count(active),
            disabled: count(disabled),
            expired: count(expired),
            revoked: count(revoked),
        })
    }

    /// How many keys an account has (all accounts where none is named): those that are revoked, or those that are not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_keys(&self, account: Option<&AccountId>, revoked: bool) -> Result<u64, StoreError> {
        let sql = "select count(*) from keys where (status = 'revoked') = $2 and ($1 is null or account_id = $1)";
        let account = account.map(AccountId::as_str);
        let number: i64 =
            on!(self.read(), db => sqlx::query_scalar(sql).bind(account).bind(revoked).fetch_one(db).await)?;
        Ok(count(number))
    }
}

/// A pattern for `like … escape '!'` that finds `part` anywhere, in lower case.
pub(super) fn contains(part: &str) -> String {
    format!("%{}", begins(part))
}

/// The same at its beginning.
pub(super) fn begins(part: &str) -> String {
    let escaped = part.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("{escaped}%")
}
