//! The journal and the logs: one row a call, pending before dispatch, settled once.

use super::{Store, StoreError, Tx, bigint, count, json, on, on_tx, places, read_json, read_word};
use crate::domain::call::{Arrival, Bound, Call, CallState, Settlement};
use crate::domain::credits::Credits;
use crate::domain::id::{AccountId, CallId, GroupId, KeyId, NodeId};
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::domain::usage::{Units, Usage, UsageSource};
use crate::domain::wallet::Funding;
use std::collections::HashMap;

/// When a call came, and what it cost in nano-credits.
pub type Cost = (Time, i64);

/// Of so many keys. Everything that is read of calls stands in the index `calls_settled`, in its order.
pub(crate) fn costs_sql(keys: usize) -> String {
    format!(
        "select k.id,
             (select string_agg(cast(at as text) || ' ' || cast(cost_nanos as text), ',')
              from (select at, cost_nanos from calls
                    where key_id = k.id and at >= $1 and at <= $2 and state = 'settled'
                    order by at, cost_nanos limit $3) as costs)
         from keys k where k.id in ({})",
        places(4, keys)
    )
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    at: i64,
    key_id: String,
    key_name: String,
    account_id: String,
    group_id: Option<String>,
    funding: String,
    endpoint: String,
    dialect: String,
    model: String,
    stream: bool,
    client_ip: String,
    user_agent: String,
    client_request_id: Option<String>,
    state: String,
    held_input: i64,
    held_output: i64,
    held_nanos: i64,
    status: i64,
    refusal: Option<String>,
    input_tokens: i64,
    cached_input_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    cache_write_tokens: i64,
    cache_write_1h_tokens: i64,
    audio_input_tokens: i64,
    image_input_tokens: i64,
    audio_output_tokens: i64,
    image_output_tokens: i64,
    images: i64,
    characters: i64,
    audio_ms: i64,
    video_ms: i64,
    searches: i64,
    price_version: i64,
    cost_nanos: i64,
    cost_basis: String,
    usage_source: Option<String>,
    provider: String,
    first_byte_ms: Option<i64>,
    total_ms: Option<i64>,
    attempts: String,
}

const COLUMNS: &str =
    "id, at, key_id, key_name, account_id, group_id, funding, endpoint, dialect, model, stream, client_ip, user_agent,
    client_request_id, state, held_input, held_output, held_nanos, status, refusal, input_tokens, cached_input_tokens,
    output_tokens, reasoning_tokens, cost_nanos, cost_basis, usage_source, provider, first_byte_ms, total_ms, attempts,
    cache_write_tokens, cache_write_1h_tokens, audio_input_tokens, image_input_tokens, audio_output_tokens,
    image_output_tokens, images, characters, audio_ms, video_ms, searches, price_version";

impl TryFrom<Row> for Call {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let refusal = row.refusal.as_deref().map(|text| read_json("calls.refusal", text)).transpose()?;
        let source = row.usage_source.as_deref();
        let source = source.map(|text| read_word("calls.usage_source", text, UsageSource::parse)).transpose()?;
        Ok(Call {
            arrival: Arrival {
                id: row.id.into(),
                at: Time::from_micros(row.at),
                key_id: row.key_id.into(),
                key_name: row.key_name,
                account_id: row.account_id.into(),
                group_id: row.group_id.map(GroupId),
                funding: read_word("calls.funding", &row.funding, Funding::parse)?,
                endpoint: row.endpoint,
                dialect: row.dialect,
                model: row.model,
                stream: row.stream,
                client_ip: row.client_ip,
                user_agent: row.user_agent,
                client_request_id: row.client_request_id,
            },
            state: read_word("calls.state", &row.state, CallState::parse)?,
            bound: Bound {
                input: count(row.held_input),
                output: count(row.held_output),
                cost: Credits::from_nanos(row.held_nanos),
                price_version: count(row.price_version),
                ..Bound::default()
            },
            status: u16::try_from(row.status).unwrap_or(0),
            refusal,
            usage: Usage {
                input: count(row.input_tokens),
                cached_input: count(row.cached_input_tokens),
                output: count(row.output_tokens),
                reasoning: count(row.reasoning_tokens),
                cache_write: count(row.cache_write_tokens),
                cache_write_1h: count(row.cache_write_1h_tokens),
                audio_input: count(row.audio_input_tokens),
                image_input: count(row.image_input_tokens),
                audio_output: count(row.audio_output_tokens),
                image_output: count(row.image_output_tokens),
                units: Units {
                    images: count(row.images),
                    characters: count(row.characters),
                    audio_ms: count(row.audio_ms),
                    video_ms: count(row.video_ms),
                    searches: count(row.searches),
                },
            },
            cost: Credits::from_nanos(row.cost_nanos),
            cost_basis: row.cost_basis,
            usage_source: source,
            provider: row.provider,
            first_byte_ms: row.first_byte_ms.map(count),
            total_ms: row.total_ms.map(count),
            attempts: read_json("calls.attempts", &row.attempts)?,
        })
    }
}

/// Which calls a list holds. Newest first.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    pub account_id: Option<AccountId>,
    pub key_id: Option<KeyId>,
    pub group_id: Option<GroupId>,
    pub model: Option<String>,
    pub endpoint: Option<String>,
    /// An exact status such as 402, or the hundreds: 400 to 499 is `(400, 499)`.
    pub status: Option<(u16, u16)>,
    pub state: Option<CallState>,
    /// A call's own id, or the id its caller gave it.
    pub request_id: Option<String>,
    pub from: Option<Time>,
    pub to: Option<Time>,
    /// Only calls older than this place.
    pub after: Option<(Time, CallId)>,
    /// Only calls newer than this place, oldest of them last.
    pub before: Option<(Time, CallId)>,
    pub limit: u32,
}

impl Store {
    /// Writes a call down before it is sent.
    ///
    /// # Errors
    /// When the database fails; the call must not be sent then.
    pub async fn insert_pending(
        tx: &mut Tx,
        arrival: &Arrival,
        bound: &Bound,
        node: &NodeId,
    ) -> Result<(), StoreError> {
        let written = Self::insert_call(tx, arrival, CallState::Pending, bound, node.as_str(), 0, None).await?;
        if written { Ok(()) } else { Err(StoreError::Taken) }
    }

    /// Writes down a call that was refused. `false` if it was written down before: a second delivery, after a commit
    /// whose answer was lost, changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_refused(tx: &mut Tx, arrival: &Arrival, refusal: &Refusal) -> Result<bool, StoreError> {
        let status = refusal.code.status();
        Self::insert_call(tx, arrival, CallState::Refused, &Bound::default(), "", status, Some(refusal)).await
    }

    async fn insert_call(
        tx: &mut Tx,
        arrival: &Arrival,
        state: CallState,
        bound: &Bound,
        node: &str,
        status: u16,
        refusal: Option<&Refusal>,
    ) -> Result<bool, StoreError> {
        let sql = "insert into calls (id, at, key_id, key_name, account_id, endpoint, dialect, model, stream,
                       client_ip, user_agent, client_request_id, state, held_input, held_output, held_nanos,
                       status, refusal, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens,
                       requests, cost_nanos, cost_basis, provider, attempts, group_id, funding, node, price_version)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                       0, 0, 0, 0, 0, 0, '', '', '[]', $19, $20, $21, $22)
                   on conflict (id) do nothing";
        let rows = on_tx!(tx, db => sqlx::query(sql)
            .bind(arrival.id.as_str())
            .bind(arrival.at.micros())
            .bind(arrival.key_id.as_str())
            .bind(&arrival.key_name)
            .bind(arrival.account_id.as_str())
            .bind(&arrival.endpoint)
            .bind(&arrival.dialect)
            .bind(&arrival.model)
            .bind(arrival.stream)
            .bind(&arrival.client_ip)
            .bind(&arrival.user_agent)
            .bind(arrival.client_request_id.as_deref())
            .bind(state.as_str())
            .bind(bigint(bound.input))
            .bind(bigint(bound.output))
            .bind(bound.cost.nanos())
            .bind(i64::from(status))
            .bind(refusal.map(json))
            .bind(arrival.group_id.as_ref().map(GroupId::as_str))
            .bind(arrival.funding.as_str())
            .bind(node)
            .bind(bigint(bound.price_version))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Settles a pending call. `false` if it was settled before: a second delivery changes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_call(tx: &mut Tx, settlement: &Settlement) -> Result<bool, StoreError> {
        let sql = "update calls set
                       state = 'settled', status = $2, refusal = $3, input_tokens = $4, cached_input_tokens = $5,
                       output_tokens = $6, reasoning_tokens = $7, cost_nanos = $8, cost_basis = $9,
                       usage_source = $10, provider = $11, first_byte_ms = $12, total_ms = $13, attempts = $14,
                       requests = $15, cache_write_tokens = $16, cache_write_1h_tokens = $17, audio_input_tokens = $18,
                       image_input_tokens = $19, audio_output_tokens = $20, image_output_tokens = $21, images = $22,
                       characters = $23, audio_ms = $24, video_ms = $25, searches = $26,
                       price_version = coalesce($27, price_version)
                   where id = $1 and state = 'pending'";
        let usage = &settlement.usage;
        let rows = on_tx!(tx, db => sqlx::query(sql)
            .bind(settlement.id.as_str())
            .bind(i64::from(settlement.status))
            .bind(settlement.error.as_ref().map(json))
            .bind(bigint(usage.input))
            .bind(bigint(usage.cached_input))
            .bind(bigint(usage.output))
            .bind(bigint(usage.reasoning))
            .bind(settlement.cost.nanos())
            .bind(&settlement.cost_basis)
            .bind(settlement.usage_source.as_str())
            .bind(&settlement.provider)
            .bind(settlement.first_byte_ms.map(bigint))
            .bind(bigint(settlement.total_ms))
            .bind(json(&settlement.attempts))
            .bind(i64::from(settlement.dispatched))
            .bind(bigint(usage.cache_write))
            .bind(bigint(usage.cache_write_1h))
            .bind(bigint(usage.audio_input))
            .bind(bigint(usage.image_input))
            .bind(bigint(usage.audio_output))
            .bind(bigint(usage.image_output))
            .bind(bigint(usage.units.images))
            .bind(bigint(usage.units.characters))
            .bind(bigint(usage.units.audio_ms))
            .bind(bigint(usage.units.video_ms))
            .bind(bigint(usage.units.searches))
            .bind(settlement.price_version.map(bigint))
            .execute(db)
            .await
            .map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Calls that are written down and not settled, of one process or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pending_calls(tx: &mut Tx, node: Option<&NodeId>) -> Result<Vec<Call>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select {COLUMNS} from calls
             where state = 'pending' and (cast($1 as text) is null or node = $1) order by at, id"
        ));
        let node = node.map(NodeId::as_str);
        let rows: Vec<Row> = on_tx!(tx, db => sqlx::query_as(sql).bind(node).fetch_all(db).await)?;
        rows.into_iter().map(Call::try_from).collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn call(&self, id: &CallId) -> Result<Option<Call>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("select {COLUMNS} from calls where id = $1"));
        let row: Option<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(id.as_str()).fetch_optional(db).await)?;
        row.map(Call::try_from).transpose()
    }

    /// When settled calls of these keys came and what they cost, in nano-credits: of each key, oldest first, the first
    /// `most` of those from `from` up to `to`.
    ///
    /// They come as one text a key: a row of its own for each call would cost more than all the rest, and there may be
    /// a million.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn costs(
        &self,
        keys: &[KeyId],
        from: Time,
        to: Time,
        most: u32,
    ) -> Result<HashMap<KeyId, Vec<Cost>>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = sqlx::AssertSqlSafe(costs_sql(keys.len()));
        let rows: Vec<(String, Option<String>)> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql).bind(from.micros()).bind(to.micros()).bind(i64::from(most));
            for key in keys {
                query = query.bind(key.as_str());
            }
            query.fetch_all(db).await
        })?;
        let read = |pair: &str| {
            let (at, nanos) = pair.split_once(' ')?;
            Some((Time::from_micros(at.parse().ok()?), nanos.parse().ok()?))
        };
        let mut all = HashMap::with_capacity(rows.len());
        for (key, text) in rows {
            let costs = text.as_deref().unwrap_or_default().split_terminator(',').map(read);
            let costs = costs.collect::<Option<Vec<Cost>>>();
            let mut costs = costs.ok_or_else(|| StoreError::Unreadable("calls.cost_nanos".to_owned()))?;
            // Neither database promises to join them in the order in which they are handed over; both do.
            costs.sort_unstable();
            all.insert(KeyId(key), costs);
        }
        Ok(all)
    }

    /// # Errors
    /// When the database fails.
    pub async fn calls(&self, filter: &CallFilter) -> Result<Vec<Call>, StoreError> {
        let (direction, newest_first) = if filter.before.is_some() { ("asc", false) } else { ("desc", true) };
        // Each filter that is absent is left out of the text, so that the database can choose the index that fits.
        let mut wheres = vec!["1 = 1"];
        let asked = [
            (filter.account_id.is_some(), "account_id = $1"),
            (filter.key_id.is_some(), "key_id = $2"),
            (filter.model.is_some(), "model = $3"),
            (filter.endpoint.is_some(), "endpoint = $4"),
            (filter.status.is_some(), "status between $5 and $6"),
            (filter.state.is_some(), "state = $7"),
            (filter.request_id.is_some(), "(id = $8 or client_request_id = $8)"),
            (filter.from.is_some(), "at >= $9"),
            (filter.to.is_some(), "at < $10"),
            (filter.after.is_some(), "(at < $11 or (at = $11 and id < $12))"),
            (filter.before.is_some(), "(at > $13 or (at = $13 and id > $14))"),
            (filter.group_id.is_some(), "group_id = $16"),
        ];
        wheres.extend(asked.into_iter().filter(|(given, _)| *given).map(|(_, clause)| clause));
        // Every parameter stands in the text once, whichever clauses are left out, so that the places agree.
        let sql = sqlx::AssertSqlSafe(format!(
            "with given as (select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text),
                 cast($5 as bigint), cast($6 as bigint), cast($7 as text), cast($8 as text), cast($9 as bigint),
                 cast($10 as bigint), cast($11 as bigint), cast($12 as text), cast($13 as bigint), cast($14 as text), cast($16 as text))
             select {COLUMNS} from calls where {} order by at {direction}, id {direction} limit $15",
            wheres.join(" and ")
        ));
        let place = |place: &Option<(Time, CallId)>| place.clone().map(|(at, id)| (at.micros(), id.0)).unzip();
        let ((after_at, after_id), (before_at, before_id)) = (place(&filter.after), place(&filter.before));
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(filter.account_id.as_ref().map(AccountId::as_str))
            .bind(filter.key_id.as_ref().map(KeyId::as_str))
            .bind(filter.model.as_deref())
            .bind(filter.endpoint.as_deref())
            .bind(filter.status.map(|(least, _)| i64::from(least)))
            .bind(filter.status.map(|(_, most)| i64::from(most)))
            .bind(filter.state.map(CallState::as_str))
            .bind(filter.request_id.as_deref())
            .bind(filter.from.map(Time::micros))
            .bind(filter.to.map(Time::micros))
            .bind(after_at)
            .bind(after_id)
            .bind(before_at)
            .bind(before_id)
            .bind(i64::from(filter.limit))
            .bind(filter.group_id.as_ref().map(GroupId::as_str))
            .fetch_all(db)
            .await)?;
        let mut calls = rows.into_iter().map(Call::try_from).collect::<Result<Vec<_>, _>>()?;
        if !newest_first {
            calls.reverse();
        }
        Ok(calls)
    }
}
