//! Rollups: what was used in each quarter hour, posted in the same transaction as the calls they sum.

use super::{Store, StoreError, Tx, bigint, count, on, on_tx, read_word};
use crate::domain::call::{Arrival, Outcome, Settlement};
use crate::domain::credits::Credits;
use crate::domain::id::{AccountId, GroupId, KeyId};
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::time::Time;
use crate::domain::usage::Usage;

/// A quarter of an hour, in microseconds.
const BUCKET: i64 = 15 * 60 * 1_000_000;

/// One call's part in the rollups, or that of several in the same one.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    pub arrival: &'a Arrival,
    pub provider: &'a str,
    pub outcome: Outcome,
    pub calls: i64,
    /// How many were dispatched, as request limits count them.
    pub requests: i64,
    pub usage: Usage,
    pub cost: Credits,
    pub total_ms: u64,
    pub first_bytes: FirstBytes,
}

/// How many answers began, and after how many milliseconds together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FirstBytes {
    pub count: u64,
    pub ms: u64,
}

impl<'a> Posting<'a> {
    /// What a settled call adds.
    pub fn settled(arrival: &'a Arrival, settlement: &'a Settlement) -> Self {
        Self {
            arrival,
            provider: &settlement.provider,
            outcome: settlement.outcome(),
            calls: 1,
            requests: i64::from(settlement.dispatched),
            usage: settlement.usage,
            cost: settlement.cost,
            total_ms: settlement.total_ms,
            first_bytes: settlement.first_byte_ms.map_or(FirstBytes::default(), |ms| FirstBytes { count: 1, ms }),
        }
    }

    /// What a refused call adds.
    pub fn refused(arrival: &'a Arrival) -> Self {
        let (usage, cost) = (Usage::default(), Credits::ZERO);
        let first_bytes = FirstBytes::default();
        let (provider, outcome) = ("", Outcome::Refused);
        Self { arrival, provider, outcome, calls: 1, requests: 0, usage, cost, total_ms: 0, first_bytes }
    }

    /// Which of an account's sums it adds to.
    fn account_place(&self) -> impl Ord + use<'a> {
        let arrival = self.arrival;
        let account = (arrival.account_id.as_str(), arrival.model.as_str(), arrival.endpoint.as_str());
        (bucket(arrival.at), account, self.outcome.as_str())
    }

    /// Which rollup it adds to.
    fn place(&self) -> impl Ord + use<'a> {
        let arrival = self.arrival;
        let group = arrival.group_id.as_ref().map_or("", GroupId::as_str);
        (
            bucket(arrival.at),
            (arrival.account_id.as_str(), group, arrival.key_id.as_str(), arrival.funding.as_str()),
            (arrival.model.as_str(), self.provider, arrival.endpoint.as_str(), self.outcome.as_str()),
        )
    }
}

/// What several calls add, a posting for each rollup: as many statements as there are rollups, however many calls. They
/// are in one order in every process, so that none waits for another in a circle.
pub fn together(postings: Vec<Posting<'_>>) -> Vec<Posting<'_>> {
    summed(postings, Posting::place)
}

fn summed<'a, P: Ord>(mut postings: Vec<Posting<'a>>, place: impl Fn(&Posting<'a>) -> P) -> Vec<Posting<'a>> {
    postings.sort_by_key(&place);
    let mut sums: Vec<Posting<'_>> = Vec::new();
    for posting in postings {
        match sums.last_mut() {
            Some(sum) if place(sum) == place(&posting) => {
                sum.calls += posting.calls;
                sum.requests += posting.requests;
                sum.usage = sum.usage.plus(&posting.usage);
                sum.cost = Credits::from_nanos(sum.cost.nanos().saturating_add(posting.cost.nanos()));
                sum.total_ms = sum.total_ms.saturating_add(posting.total_ms);
                sum.first_bytes.count = sum.first_bytes.count.saturating_add(posting.first_bytes.count);
                sum.first_bytes.ms = sum.first_bytes.ms.saturating_add(posting.first_bytes.ms);
            }
            _ => sums.push(posting),
        }
    }
    sums
}

fn bucket(at: Time) -> i64 {
    at.micros().div_euclid(BUCKET) * BUCKET
}

/// Which rollups to sum.
#[derive(Clone, Debug, Default)]
pub struct UsageFilter {
    pub account_id: Option<AccountId>,
    pub key_id: Option<KeyId>,
    pub group_id: Option<GroupId>,
    pub model: Option<String>,
    pub endpoint: Option<String>,
    pub from: Time,
    pub to: Time,
    pub apart: Apart,
}

/// What sums are told apart by, beside their outcome. What is not is blank in them, and they are fewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Apart {
    pub time: bool,
    pub key: bool,
    pub group: bool,
    pub model: bool,
    pub endpoint: bool,
}

/// Sums of rollups that share an outcome, and whatever else they are told apart by.
#[derive(Clone, Debug)]
pub struct UsageRow {
    /// The quarter hour.
    pub at: Time,
    pub key_id: KeyId,
    /// None where the calls counted for no group.
    pub group_id: Option<GroupId>,
    pub model: String,
    pub endpoint: String,
    pub outcome: Outcome,
    pub calls: u64,
    pub requests: u64,
    pub usage: Usage,
    pub cost: Credits,
    pub total_ms: u64,
}

#[derive(sqlx::FromRow)]
struct Row {
    bucket: i64,
    key_id: String,
    group_id: String,
    model: String,
    endpoint: String,
    outcome: String,
    calls: i64,
    requests: i64,
    input_tokens: i64,
    cached_input_tokens: i64,
    output_tokens: i64,
    reasoning_tokens: i64,
    cost_nanos: i64,
    total_ms: i64,
}

impl Store {
    /// Adds to the rollups, and to what they come to for each account. The latter are few and many calls meet in them, so
    /// they come last: whoever waits for one of their rows waits for no more than a commit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn post_usage(tx: &mut Tx, postings: &[Posting<'_>]) -> Result<(), StoreError> {
        for posting in postings {
            Self::post_rollup(tx, posting).await?;
        }
        for posting in summed(postings.to_vec(), Posting::account_place) {
            Self::post_account_usage(tx, &posting).await?;
        }
        Ok(())
    }

    async fn post_rollup(tx: &mut Tx, posting: &Posting<'_>) -> Result<(), StoreError> {
        let sql = "insert into usage (bucket, account_id, key_id, model, provider, endpoint, outcome, calls, requests,
                       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, total_ms,
                       group_id, funding)
                   values ($1, $2, $3, $4, $5, $6, $7, $17, $8, $9, $10, $11, $12, $13, $14, $15, $16)
                   on conflict (bucket, account_id, group_id, key_id, funding, model, provider, endpoint, outcome)
                   do update
                   set calls = usage.calls + excluded.calls,
                       requests = usage.requests + excluded.requests,
                       input_tokens = usage.input_tokens + excluded.input_tokens,
                       cached_input_tokens = usage.cached_input_tokens + excluded.cached_input_tokens,
                       output_tokens = usage.output_tokens + excluded.output_tokens,
                       reasoning_tokens = usage.reasoning_tokens + excluded.reasoning_tokens,
                       cost_nanos = usage.cost_nanos + excluded.cost_nanos,
                       total_ms = usage.total_ms + excluded.total_ms";
        let Posting { arrival, usage, .. } = posting;
        on_tx!(tx, db => sqlx::query(sql)
            .bind(bucket(arrival.at))
            .bind(arrival.account_id.as_str())
            .bind(arrival.key_id.as_str())
            .bind(&arrival.model)
            .bind(posting.provider)
            .bind(&arrival.endpoint)
            .bind(posting.outcome.as_str())
            .bind(posting.requests)
            .bind(bigint(usage.input))
            .bind(bigint(usage.cached_input))
            .bind(bigint(usage.output))
            .bind(bigint(usage.reasoning))
            .bind(posting.cost.nanos())
            .bind(bigint(posting.total_ms))
            .bind(arrival.group_id.as_ref().map_or("", GroupId::as_str))
            .bind(arrival.funding.as_str())
            .bind(posting.calls)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    async fn post_account_usage(tx: &mut Tx, posting: &Posting<'_>) -> Result<(), StoreError> {
        let sql = "insert into account_usage (bucket, account_id, model, endpoint, outcome, calls, requests,
                       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, total_ms,
                       first_bytes, first_byte_ms)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
                   on conflict (bucket, account_id, model, endpoint, outcome)
                   do update
                   set calls = account_usage.calls + excluded.calls,
                       requests = account_usage.requests + excluded.requests,
                       input_tokens = account_usage.input_tokens + excluded.input_tokens,
                       cached_input_tokens = account_usage.cached_input_tokens + excluded.cached_input_tokens,
                       output_tokens = account_usage.output_tokens + excluded.output_tokens,
                       reasoning_tokens = account_usage.reasoning_tokens + excluded.reasoning_tokens,
                       cost_nanos = account_usage.cost_nanos + excluded.cost_nanos,
                       total_ms = account_usage.total_ms + excluded.total_ms,
                       first_bytes = account_usage.first_bytes + excluded.first_bytes,
                       first_byte_ms = account_usage.first_byte_ms + excluded.first_byte_ms";
        let Posting { arrival, usage, .. } = posting;
        on_tx!(tx, db => sqlx::query(sql)
            .bind(bucket(arrival.at))
            .bind(arrival.account_id.as_str())
            .bind(&arrival.model)
            .bind(&arrival.endpoint)
            .bind(posting.outcome.as_str())
            .bind(posting.calls)
            .bind(posting.requests)
            .bind(bigint(usage.input))
            .bind(bigint(usage.cached_input))
            .bind(bigint(usage.output))
            .bind(bigint(usage.reasoning))
            .bind(posting.cost.nanos())
            .bind(bigint(posting.total_ms))
            .bind(bigint(posting.first_bytes.count))
            .bind(bigint(posting.first_bytes.ms))
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// What has been counted against a limit in its current period, resets taken off: one figure for a calendar
    /// period, and one a call for a sliding one. Exact, because every calendar period starts on a quarter hour.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counted_for(tx: &mut Tx, limit: &Limit, at: Time) -> Result<Vec<(Time, i64)>, StoreError> {
        let owner = owned(&limit.owner);
        let (sum, since, sql) = match limit.period.window() {
            Some((window, bucket)) => {
                let part = measured(limit.measure);
                // A row a bucket, however many calls there were.
                let length = bucket.as_micros();
                let sql = format!(
                    "select at - at % {length}, cast(sum({part}) as bigint) from calls
                     where {owner} = $1 and at >= $2 and state = 'settled' {}
                     group by at - at % {length}",
                    funded(&limit.owner)
                );
                (false, at.minus(window + bucket), sql)
            }
            None => {
                let part = measured(limit.measure);
                let sql = format!(
                    "select cast($2 as bigint), cast(coalesce(sum({part}), 0) as bigint) from usage
                     where {owner} = $1 and bucket >= $2 {}",
                    funded(&limit.owner)
                );
                (true, limit.slot(at).start, sql)
            }
        };
        let sql = sqlx::AssertSqlSafe(sql);
        let mut rows: Vec<(i64, i64)> = on_tx!(&mut *tx, db => sqlx::query_as(sql)
            .bind(&limit.owner.id)
            .bind(since.micros())
            .fetch_all(db)
            .await)?;
        rows.extend(Self::adjusted(tx, limit, if sum { limit.slot(at).start } else { since }).await?);
        Ok(rows.into_iter().map(|(at, used)| (Time::from_micros(at), used)).collect())
    }

    /// What manual resets took off, bucket by bucket.
    async fn adjusted(tx: &mut Tx, limit: &Limit, since: Time) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = "select bucket, amount from adjustments
                   where scope = $1 and owner_id = $2 and measure = $3 and period = $4 and zone = $5
                     and (bucket >= $6 or period_start = $6)";
        Ok(on_tx!(tx, db => sqlx::query_as(sql)
            .bind(limit.owner.scope.as_str())
            .bind(&limit.owner.id)
            .bind(limit.measure.as_str())
            .bind(limit.period.code())
            .bind(limit.zone.name())
            .bind(since.micros())
            .fetch_all(db)
            .await)?)
    }

    /// What an owner's settled calls have used of a measure since the start of a calendar period.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn used_since(&self, owner: &Owner, measure: Measure, start: Time) -> Result<i64, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select cast(coalesce(sum({}), 0) as bigint) from usage where {} = $1 and bucket >= $2 {}",
            measured(measure),
            owned(owner),
            funded(owner)
        ));
        Ok(on!(self.read(), db => sqlx::query_scalar(sql).bind(&owner.id).bind(start.micros()).fetch_one(db).await)?)
    }

    /// What an owner's settled calls have used of a measure, by quarter hours from `from` up to `to`, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn used_by_quarter(
        &self,
        owner: &Owner,
        measure: Measure,
        from: Time,
        to: Time,
    ) -> Result<Vec<(Time, i64)>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select bucket, cast(sum({}) as bigint) from usage
             where {} = $1 and bucket >= $2 and bucket < $3 {} group by bucket order by bucket",
            measured(measure),
            owned(owner),
            funded(owner)
        ));
        let rows: Vec<(i64, i64)> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(&owner.id)
            .bind(from.micros())
            .bind(to.micros())
            .fetch_all(db)
            .await)?;
        Ok(rows.into_iter().map(|(at, used)| (Time::from_micros(at), used)).collect())
    }

    /// Rollups in a range, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(&self, filter: &UsageFilter) -> Result<Vec<UsageRow>, StoreError> {
        let Apart { time, key, group, model, endpoint } = filter.apart;
        let text = |is_told: bool, column: &'static str| if is_told { column } else { "cast('' as text)" };
        // Where neither keys nor groups are asked for, an account's own sums say the same in a fraction of the rows.
        let by_key = key || group || filter.key_id.is_some() || filter.group_id.is_some();
        let table = if by_key { "usage" } else { "account_usage" };
        let of_key = match by_key {
            true => "($6 is null or key_id = $6) and ($7 is null or group_id = $7)",
            false => "$6 is null and $7 is null",
        };
        let sql = sqlx::AssertSqlSafe(format!(
            "select {} as bucket, {} as key_id, {} as group_id, {} as model, {} as endpoint, outcome,
                       cast(sum(calls) as bigint) as calls,
                       cast(sum(requests) as bigint) as requests,
                       cast(sum(input_tokens) as bigint) as input_tokens,
                       cast(sum(cached_input_tokens) as bigint) as cached_input_tokens,
                       cast(sum(output_tokens) as bigint) as output_tokens,
                       cast(sum(reasoning_tokens) as bigint) as reasoning_tokens,
                       cast(sum(cost_nanos) as bigint) as cost_nanos,
                       cast(sum(total_ms) as bigint) as total_ms
                   from {table}
                   where bucket >= $1 and bucket < $2
                     and ($3 is null or account_id = $3)
                     and ($4 is null or model = $4)
                     and ($5 is null or endpoint = $5)
                     and {of_key}
                   group by 1, 2, 3, 4, 5, 6
                   order by 1",
            if time { "bucket" } else { "cast(0 as bigint)" },
            text(key, "key_id"),
            text(group, "group_id"),
            text(model, "model"),
            text(endpoint, "endpoint"),
        ));
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(filter.from.micros())
            .bind(filter.to.micros())
            .bind(filter.account_id.as_ref().map(AccountId::as_str))
            .bind(filter.model.as_deref())
            .bind(filter.endpoint.as_deref())
            .bind(filter.key_id.as_ref().map(KeyId::as_str))
            .bind(filter.group_id.as_ref().map(GroupId::as_str))
            .fetch_all(db)
            .await)?;
        rows.into_iter().map(UsageRow::try_from).collect()
    }
}

impl TryFrom<Row> for UsageRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(UsageRow {
            at: Time::from_micros(row.bucket),
            key_id: row.key_id.into(),
            group_id: Some(GroupId(row.group_id)).filter(|id| !id.as_str().is_empty()),
            model: row.model,
            endpoint: row.endpoint,
            outcome: read_word("usage.outcome", &row.outcome, Outcome::parse)?,
            calls: count(row.calls),
            requests: count(row.requests),
            usage: Usage {
                input: count(row.input_tokens),
                cached_input: count(row.cached_input_tokens),
                output: count(row.output_tokens),
                reasoning: count(row.reasoning_tokens),
                ..Usage::default()
            },
            cost: Credits::from_nanos(row.cost_nanos),
            total_ms: count(row.total_ms),
        })
    }
}

/// The column that names an owner, alike in the logs and in the rollups.
pub(super) fn owned(owner: &Owner) -> &'static str {
    match owner.scope {
        Scope::Key => "key_id",
        Scope::Group => "group_id",
        Scope::Account | Scope::Subscription | Scope::Balance => "account_id",
    }
}

/// Which of an account's calls count for what pays for them.
pub(super) fn funded(owner: &Owner) -> &'static str {
    match owner.scope {
        Scope::Key | Scope::Group | Scope::Account => "",
        Scope::Subscription => "and funding = 'subscription'",
        Scope::Balance => "and funding = 'balance'",
    }
}

/// The column or columns that a measure counts, named alike in the logs and in the rollups.
pub(super) fn measured(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "requests",
        Measure::Tokens => "input_tokens + output_tokens",
        Measure::Credits => "cost_nanos",
    }
}
