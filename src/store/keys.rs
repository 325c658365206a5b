//! Keys: what programs may do. Only a keyed hash of each secret is here.

use super::{Store, StoreError, Tx, bigint, count, json, list_text, on, on_tx, places, read_json, read_word};
use crate::domain::credits::Credits;
use crate::domain::id::{GroupId, KeyId, RuleId};
use crate::domain::key::{Key, KeyLimits, KeySpec, KeyStatus, Reset, TokenQuota};
use crate::domain::time::Time;

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: String,
    account_id: String,
    group_id: Option<String>,
    rule_id: Option<String>,
    name: String,
    hint: String,
    status: String,
    expires_at: Option<i64>,
    models: String,
    ip_allowlist: String,
    endpoints: String,
    timezone: String,
    rpm: Option<i64>,
    tpm: Option<i64>,
    rpd: Option<i64>,
    token_quota_max: Option<i64>,
    token_quota_reset: Option<String>,
    monthly_tokens: Option<i64>,
    monthly_spend_nanos: Option<i64>,
    credit_quota_nanos: Option<i64>,
    max_tokens_per_request: Option<i64>,
    max_cost_per_request_nanos: Option<i64>,
    cache_ttl_seconds: Option<i64>,
    carried: String,
    admin_spec: Option<String>,
    created_at: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for Key {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let token_quota = token_quota(row.token_quota_max, row.token_quota_reset.as_deref())?;
        Ok(Key {
            id: row.id.into(),
            account_id: row.account_id.into(),
            group_id: row.group_id.map(GroupId),
            rule_id: row.rule_id.map(RuleId),
            name: row.name,
            hint: row.hint,
            status: read_word("keys.status", &row.status, KeyStatus::parse)?,
            expires_at: row.expires_at.map(Time::from_micros),
            models: read_json("keys.models", &row.models)?,
            ip_allowlist: read_json("keys.ip_allowlist", &row.ip_allowlist)?,
            endpoints: read_json("keys.endpoints", &row.endpoints)?,
            timezone: row.timezone,
            limits: KeyLimits {
                rpm: row.rpm.map(count),
                tpm: row.tpm.map(count),
                rpd: row.rpd.map(count),
                token_quota,
                monthly_tokens: row.monthly_tokens.map(count),
                monthly_spend: row.monthly_spend_nanos.map(Credits::from_nanos),
                credit_quota: row.credit_quota_nanos.map(Credits::from_nanos),
                max_tokens_per_request: row.max_tokens_per_request.map(count),
                max_cost_per_request: row.max_cost_per_request_nanos.map(Credits::from_nanos),
            },
            cache_ttl_seconds: row.cache_ttl_seconds.map(count),
            carried: read_json("keys.carried", &row.carried)?,
            admin_spec: row.admin_spec.as_deref().map(|text| read_json("keys.admin_spec", text)).transpose()?,
            created_at: Time::from_micros(row.created_at),
            last_used_at: row.last_used_at.map(Time::from_micros),
            revoked_at: row.revoked_at.map(Time::from_micros),
        })
    }
}

pub(super) const COLUMNS: &str =
    "id, account_id, group_id, rule_id, name, hint, status, expires_at, models, ip_allowlist, endpoints, timezone,
    rpm, tpm, rpd, token_quota_max, token_quota_reset, monthly_tokens, monthly_spend_nanos, credit_quota_nanos,
    max_tokens_per_request, max_cost_per_request_nanos, cache_ttl_seconds, carried, admin_spec, created_at, last_used_at, revoked_at";

/// A number of tokens and when it comes back, as two columns hold them.
pub(super) fn token_quota(max: Option<i64>, reset: Option<&str>) -> Result<Option<TokenQuota>, StoreError> {
    let reset = reset.map(|text| read_word("keys.token_quota_reset", text, Reset::parse)).transpose()?;
    Ok(max.zip(reset).map(|(max, reset)| TokenQuota { max: count(max), reset }))
}

/// One change to many keys.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// With when it was revoked, where it is.
    Status(KeyStatus, Option<Time>),
    Group(Option<GroupId>),
    Rule(Option<RuleId>),
}

impl Store {
    /// # Errors
    /// When the database fails.
    pub async fn insert_key(tx: &mut Tx, key: &Key, hash: &str) -> Result<(), StoreError> {
        let sql = "insert into keys (id, account_id, name, hint, hash, status, models, ip_allowlist, endpoints,
                       timezone, created_at)
                   values ($1, $2, $3, $4, $5, 'active', '[]', '[]', '[]', 'UTC', $6)";
        on_tx!(tx, db => sqlx::query(sql)
            .bind(key.id.as_str())
            .bind(key.account_id.as_str())
            .bind(&key.name)
            .bind(&key.hint)
            .bind(hash)
            .bind(key.created_at.micros())
            .execute(db)
            .await
            .map(drop))?;
        Self::update_key(tx, key).await
    }

    /// Writes everything about a key that can be edited.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_key(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
        let sql = "update keys set
                       account_id = $2, name = $3, status = $4, expires_at = $5, models = $6, ip_allowlist = $7,
                       endpoints = $8, timezone = $9, rpm = $10, tpm = $11, rpd = $12, token_quota_max = $13,
                       token_quota_reset = $14, monthly_tokens = $15, monthly_spend_nanos = $16,
                       credit_quota_nanos = $17, max_tokens_per_request = $18, max_cost_per_request_nanos = $19,
                       revoked_at = $20, group_id = $21, rule_id = $22, carried = $23, admin_spec = $24,
                       cache_ttl_seconds = $25
                   where id = $1";
        let limits = &key.limits;
        on_tx!(tx, db => sqlx::query(sql)
            .bind(key.id.as_str())
            .bind(key.account_id.as_str())
            .bind(&key.name)
            .bind(key.status.as_str())
            .bind(key.expires_at.map(Time::micros))
            .bind(list_text(&key.models))
            .bind(list_text(&key.ip_allowlist))
            .bind(list_text(&key.endpoints))
            .bind(&key.timezone)
            .bind(limits.rpm.map(bigint))
            .bind(limits.tpm.map(bigint))
            .bind(limits.rpd.map(bigint))
            .bind(limits.token_quota.map(|quota| bigint(quota.max)))
            .bind(limits.token_quota.map(|quota| quota.reset.as_str()))
            .bind(limits.monthly_tokens.map(bigint))
            .bind(limits.monthly_spend.map(Credits::nanos))
            .bind(limits.credit_quota.map(Credits::nanos))
            .bind(limits.max_tokens_per_request.map(bigint))
            .bind(limits.max_cost_per_request.map(Credits::nanos))
            .bind(key.revoked_at.map(Time::micros))
            .bind(key.group_id.as_ref().map(GroupId::as_str))
            .bind(key.rule_id.as_ref().map(RuleId::as_str))
            .bind(json(&key.carried))
            .bind(key.admin_spec.as_ref().map(json))
            .bind(key.cache_ttl_seconds.map(bigint))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn key(&self, id: &KeyId) -> Result<Option<Key>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from keys where id = $1"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        row.map(Key::try_from).transpose()
    }

    /// The key whose secret has this hash.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_by_hash(&self, hash: &str) -> Result<Option<Key>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from keys where hash = $1"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(hash).fetch_optional(db).await)?;
        row.map(Key::try_from).transpose()
    }

    /// Those of these keys that there are, in no order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_by_id(&self, ids: &[KeyId]) -> Result<Vec<Key>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from keys where id in ({})", places(1, ids.len())));
        let rows: Vec<Row> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter().map(Key::try_from).collect()
    }

    /// Those of these keys that there are, by their ids, held until the transaction is over: nobody else changes them
    /// between this look and what follows from it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn held_keys(tx: &mut Tx, ids: &[KeyId]) -> Result<Vec<Key>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // SQLite has one writer, and this transaction is it.
        let hold = if matches!(tx, Tx::Postgres(_)) { "for update" } else { "" };
        let sql = format!("select {COLUMNS} from keys where id in ({}) order by id {hold}", places(1, ids.len()));
        let sql = sqlx::AssertSqlSafe(sql);
        let rows: Vec<Row> = on_tx!(tx, db => {
            let mut query = sqlx::query_as(sql);
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter().map(Key::try_from).collect()
    }

    /// Keys of which an admin has set something, in this group or bound to this rule; held as by [`Store::held_keys`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn locked_keys_of(tx: &mut Tx, of: &KeyChange) -> Result<Vec<Key>, StoreError> {
        let (column, id) = match of {
            KeyChange::Group(Some(group)) => ("group_id", group.as_str()),
            KeyChange::Rule(Some(rule)) => ("rule_id", rule.as_str()),
            _ => return Ok(Vec::new()),
        };
        let hold = if matches!(tx, Tx::Postgres(_)) { "for update" } else { "" };
        let sql =
            format!("select {COLUMNS} from keys where {column} = $1 and admin_spec is not null order by id {hold}");
        let sql = sqlx::AssertSqlSafe(sql);
        let rows: Vec<Row> = on_tx!(tx, db => sqlx::query_as(sql).bind(id).fetch_all(db).await)?;
        rows.into_iter().map(Key::try_from).collect()
    }

    /// Sets what an admin holds a key to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_admin_spec(tx: &mut Tx, id: &KeyId, floor: Option<&KeySpec>) -> Result<(), StoreError> {
        let sql = "update keys set admin_spec = $2 where id = $1";
        on_tx!(tx, db => sqlx::query(sql).bind(id.as_str()).bind(floor.map(json)).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Makes one change to all of these keys at once; nothing else about them is touched.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] where there is no such group or rule.
    pub async fn change_keys(tx: &mut Tx, ids: &[KeyId], change: &KeyChange) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let (set, value, at) = match change {
            KeyChange::Status(status, at) => {
                ("status = $1, revoked_at = $2", Some(status.as_str()), Some(at.map(Time::micros)))
            }
            KeyChange::Group(group) => ("group_id = $1", group.as_ref().map(GroupId::as_str), None),
            KeyChange::Rule(rule) => ("rule_id = $1", rule.as_ref().map(RuleId::as_str), None),
        };
        let first = if at.is_some() { 3 } else { 2 };
        let sql = sqlx::AssertSqlSafe(format!("update keys set {set} where id in ({})", places(first, ids.len())));
        on_tx!(tx, db => {
            let mut query = sqlx::query(sql).bind(value);
            if let Some(at) = at {
                query = query.bind(at);
            }
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Notes when keys were last used; a stamp never moves back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stamp_keys(&self, used: &[(KeyId, Time)]) -> Result<(), StoreError> {
        let sql = "update keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)";
        // In one order on every node, so that none waits for another in a circle.
        let mut used = used.to_vec();
        used.sort_unstable();
        let mut tx = self.begin().await?;
        for (id, at) in &used {
            on_tx!(&mut tx, db => sqlx::query(sql).bind(id.as_str()).bind(at.micros()).execute(db).await.map(drop))?;
        }
        tx.commit().await
    }
}
