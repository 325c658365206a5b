//! The audit: everything that is kept as a sum, counted again from the rows it sums. Where the books balance, nothing
//! is left. It reads one state of the database, so it may run beside any number of serving processes.

use super::usage::{funded, measured, owned};
use super::{Store, StoreError, Tx, on_tx};
use crate::clock::Clock;
use crate::domain::call::Call;
use crate::domain::credits::Credits;
use crate::domain::limit::{Owner, Slot};
use crate::domain::meter::{Meter, Reading};
use crate::domain::period::Zone;
use crate::domain::time::Time;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// Something that does not add up.
#[derive(Clone, Debug)]
pub enum Difference {
    Rollup(RollupDifference),
    Account(AccountDifference),
    Meter(MeterDifference),
    /// What an account's balance is by the rollups, which is what it is shown and held to, and by the rows.
    Balance {
        account_id: String,
        shown: Credits,
        counted: Credits,
    },
    /// A call in flight for which no process answers, so that nothing will ever settle it.
    Orphan {
        call_id: String,
        node: String,
    },
}

/// A quarter hour in which the rollup and the rows do not agree, by the measures in which they do not: rollup less rows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RollupDifference {
    bucket: i64,
    pub account_id: String,
    pub group_id: String,
    pub key_id: String,
    pub funding: String,
    pub model: String,
    pub provider: String,
    pub endpoint: String,
    pub outcome: String,
    pub calls: i64,
    pub requests: i64,
    pub tokens: i64,
    pub cost_nanos: i64,
}

/// A quarter hour in which what an account is shown to have used is not the sum of its rollups: shown less summed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AccountDifference {
    bucket: i64,
    pub account_id: String,
    pub model: String,
    pub endpoint: String,
    pub outcome: String,
    pub calls: i64,
    pub requests: i64,
    pub tokens: i64,
    pub cost_nanos: i64,
}

/// A meter that several processes share, and what it should show, in the measure's unit.
#[derive(Clone, Debug)]
pub struct MeterDifference {
    pub owner: Owner,
    pub slot: Slot,
    pub zone: Zone,
    /// The part of a sliding meter that is off, by its beginning.
    pub bucket: Option<Time>,
    pub shown: Reading,
    pub counted: Reading,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Rollup(off) => off.fmt(f),
            Difference::Account(off) => off.fmt(f),
            Difference::Meter(off) => off.fmt(f),
            Difference::Balance { account_id, shown, counted } => {
                write!(f, "balance of account {account_id}: shown as {}, is {}", shown.exact(), counted.exact())
            }
            Difference::Orphan { call_id, node } => {
                write!(f, "call {call_id} is in flight, and its process {node:?} is not known")
            }
        }
    }
}

impl fmt::Display for RollupDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account_id, key_id, model, endpoint, outcome, funding, .. } = self;
        let Self { calls, requests, tokens, cost_nanos, .. } = self;
        let at = Time::from_micros(self.bucket);
        let group = if self.group_id.is_empty() { "" } else { " in group " };
        write!(
            f,
            "{at}: account {account_id}, key {key_id}{group}{} on {model} ({endpoint}, {outcome}, funding {funding}): \
             rollup less rows = {calls} calls, {requests} requests, {tokens} tokens, {cost_nanos} nano-credits",
            self.group_id
        )
    }
}

impl fmt::Display for AccountDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account_id, model, endpoint, outcome, calls, requests, tokens, cost_nanos, .. } = self;
        let at = Time::from_micros(self.bucket);
        write!(
            f,
            "{at}: account {account_id} on {model} ({endpoint}, {outcome}): account's sum less rollups = {calls} calls, \
             {requests} requests, {tokens} tokens, {cost_nanos} nano-credits"
        )
    }
}

impl fmt::Display for MeterDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, slot, zone, bucket, shown, counted } = self;
        let (measure, period) = (slot.measure.as_str(), slot.period.code());
        write!(f, "meter of {}: {measure} per {period} ({})", owner.to_text(), zone.name())?;
        match bucket {
            Some(bucket) => write!(f, ", bucket {bucket}")?,
            None => write!(f, " since {}", slot.start)?,
        }
        write!(
            f,
            ": shows {} settled and {} held, is {} and {}",
            shown.settled, shown.held, counted.settled, counted.held
        )
    }
}

/// How much was counted.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Counted {
    pub calls: i64,
    pub pending: i64,
}

/// What the audit found.
#[derive(Clone, Debug)]
pub struct Audit {
    pub differences: Vec<Difference>,
    pub counted: Counted,
    /// Meters that several processes share; one process alone keeps its own in memory.
    pub meters: usize,
}

impl Store {
    /// Counts everything again.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn audit(&self, clock: &Clock) -> Result<Audit, StoreError> {
        let mut tx = self.begin_snapshot().await?;
        let counted = Self::counted_in(&mut tx).await?;
        // After the first statement, which is what fixes the state that is read: no meter has been moved later.
        let now = match tx {
            Tx::Sqlite(_) => clock.now(),
            Tx::Postgres(_) => clock.of_the_store(Self::now(&mut tx).await?),
        };
        let mut differences: Vec<Difference> =
            Self::rollups_off(&mut tx).await?.into_iter().map(Difference::Rollup).collect();
        differences.extend(Self::accounts_off(&mut tx).await?.into_iter().map(Difference::Account));
        differences.extend(Self::balances_off(&mut tx).await?);
        if self.is_shared() {
            differences.extend(Self::orphans(&mut tx).await?);
        }
        let pending = Self::pending_calls(&mut tx, None).await?;
        let mut held_by: HashMap<Owner, Vec<&Call>> = HashMap::new();
        for call in &pending {
            for owner in call.arrival.owners().iter() {
                held_by.entry(owner.clone()).or_default().push(call);
            }
        }
        let mut meters = 0;
        for (owner, book) in Self::all_books(&mut tx).await? {
            let held = held_by.get(&owner).map(Vec::as_slice).unwrap_or_default();
            for (slot, zone, meter) in book.meters() {
                meters += 1;
                let place = Place { owner: &owner, slot, zone, now };
                let off = if slot.period.window().is_some() {
                    place.sliding_off(&mut tx, meter, held).await?
                } else {
                    place.calendar_off(&mut tx, meter, held).await?.into_iter().collect()
                };
                differences.extend(off.into_iter().map(Difference::Meter));
            }
        }
        Ok(Audit { differences, counted, meters })
    }

    /// # Errors
    /// When the database fails.
    pub async fn counted(&self) -> Result<Counted, StoreError> {
        Self::counted_in(&mut self.begin_read().await?).await
    }

    async fn counted_in(tx: &mut Tx) -> Result<Counted, StoreError> {
        let sql = "select count(*) as calls,
                       cast(coalesce(sum(case when state = 'pending' then 1 else 0 end), 0) as bigint) as pending
                   from calls";
        Ok(on_tx!(tx, db => sqlx::query_as(sql).fetch_one(db).await)?)
    }

    /// Every quarter hour in which rollups and rows differ.
    async fn rollups_off(tx: &mut Tx) -> Result<Vec<RollupDifference>, StoreError> {
        let sql = "select bucket, account_id, group_id, key_id, funding, model, provider, endpoint, outcome,
                       cast(sum(calls) as bigint) as calls,
                       cast(sum(requests) as bigint) as requests,
                       cast(sum(tokens) as bigint) as tokens,
                       cast(sum(cost_nanos) as bigint) as cost_nanos
                   from (
                       select bucket, account_id, group_id, key_id, funding, model, provider, endpoint, outcome, calls,
                              requests, input_tokens + output_tokens as tokens, cost_nanos
                       from usage
                       union all
                       select at - at % 900000000, account_id, coalesce(group_id, ''), key_id, funding, model, provider,
                              endpoint,
                              case when state = 'refused' then 'refused' when status < 400 then 'succeeded' else 'failed' end,
                              -1, -requests, -(input_tokens + output_tokens), -cost_nanos
                       from calls
                       where state <> 'pending'
                   ) as both_sides
                   group by bucket, account_id, group_id, key_id, funding, model, provider, endpoint, outcome
                   having sum(calls) <> 0 or sum(requests) <> 0 or sum(tokens) <> 0 or sum(cost_nanos) <> 0
                   order by bucket";
        Ok(on_tx!(tx, db => sqlx::query_as(sql).fetch_all(db).await)?)
    }

    /// Every quarter hour in which an account's sums and its rollups differ.
    async fn accounts_off(tx: &mut Tx) -> Result<Vec<AccountDifference>, StoreError> {
        let sql = "select bucket, account_id, model, endpoint, outcome,
                       cast(sum(calls) as bigint) as calls,
                       cast(sum(requests) as bigint) as requests,
                       cast(sum(tokens) as bigint) as tokens,
                       cast(sum(cost_nanos) as bigint) as cost_nanos
                   from (
                       select bucket, account_id, model, endpoint, outcome, calls, requests,
                              input_tokens + output_tokens as tokens, cost_nanos
                       from account_usage
                       union all
                       select bucket, account_id, model, endpoint, outcome, -calls, -requests,
                              -(input_tokens + output_tokens), -cost_nanos
                       from usage
                   ) as both_sides
                   group by bucket, account_id, model, endpoint, outcome
                   having sum(calls) <> 0 or sum(requests) <> 0 or sum(tokens) <> 0 or sum(cost_nanos) <> 0
                   order by bucket";
        Ok(on_tx!(tx, db => sqlx::query_as(sql).fetch_all(db).await)?)
    }

    /// Accounts whose balance is not what was put in less what calls took from it.
    async fn balances_off(tx: &mut Tx) -> Result<Vec<Difference>, StoreError> {
        let sql = "select account_id,
                       cast(sum(shown) as bigint), cast(sum(counted) as bigint)
                   from (
                       select account_id, amount_nanos as shown, amount_nanos as counted from wallet_entries
                       union all
                       select account_id, -cost_nanos, 0 from usage where funding = 'balance'
                       union all
                       select account_id, 0, -cost_nanos from calls where funding = 'balance' and state = 'settled'
                   ) as both_sides
                   group by account_id having sum(shown) <> sum(counted) order by account_id";
        let rows: Vec<(String, i64, i64)> = on_tx!(tx, db => sqlx::query_as(sql).fetch_all(db).await)?;
        let off = rows.into_iter().map(|(account_id, shown, counted)| Difference::Balance {
            account_id,
            shown: Credits::from_nanos(shown),
            counted: Credits::from_nanos(counted),
        });
        Ok(off.collect())
    }

    /// Calls in flight of processes that are not known, on a shared database: others resolve the calls of a process
    /// with the same transaction that forgets it.
    async fn orphans(tx: &mut Tx) -> Result<Vec<Difference>, StoreError> {
        let sql = "select id, node from calls
                   where state = 'pending' and node not in (select id from nodes) order by at, id";
        let rows: Vec<(String, String)> = on_tx!(tx, db => sqlx::query_as(sql).fetch_all(db).await)?;
        Ok(rows.into_iter().map(|(call_id, node)| Difference::Orphan { call_id, node }).collect())
    }
}

/// A meter's place, and the instant at which it is looked at.
struct Place<'a> {
    owner: &'a Owner,
    slot: Slot,
    zone: &'a Zone,
    now: Time,
}

impl Place<'_> {
    fn off(&self, bucket: Option<Time>, shown: Reading, counted: Reading) -> Option<MeterDifference> {
        let (owner, zone) = (self.owner.clone(), self.zone.clone());
        (shown != counted).then_some(MeterDifference { owner, slot: self.slot, zone, bucket, shown, counted })
    }

    /// What a call in flight holds of this measure.
    fn held(&self, call: &Call) -> i64 {
        call.bound.amount().of(self.slot.measure)
    }

    /// One figure for the whole period.
    async fn calendar_off(
        &self,
        tx: &mut Tx,
        meter: &Meter,
        held: &[&Call],
    ) -> Result<Option<MeterDifference>, StoreError> {
        let start = self.slot.start;
        let end = self.slot.period.end(start, self.zone).unwrap_or(Time::from_micros(i64::MAX));
        let rows = self.rows(tx, start, end).await?;
        let adjusted = self.adjustments(tx).await?;
        let adjusted = adjusted.iter().filter(|(period, _, _)| *period == start).map(|(_, _, amount)| amount);
        let held = held.iter().filter(|call| start <= call.arrival.at && call.arrival.at < end);
        let counted = Reading {
            settled: rows.iter().map(|(_, used)| used).chain(adjusted).sum(),
            held: held.map(|call| self.held(call)).sum(),
        };
        let shown = meter.buckets().fold(Reading::default(), |sum, (_, bucket)| Reading {
            settled: sum.settled + bucket.settled,
            held: sum.held + bucket.held,
        });
        Ok(self.off(None, shown, counted))
    }

    /// Bucket by bucket. What is settled matters as long as the bucket is in the window, what is held always.
    async fn sliding_off(
        &self,
        tx: &mut Tx,
        meter: &Meter,
        held: &[&Call],
    ) -> Result<Vec<MeterDifference>, StoreError> {
        let Some((window, length)) = self.slot.period.window() else { return Ok(Vec::new()) };
        let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let bucket = |at: Time| Time::from_micros(at.micros().div_euclid(length) * length);
        let counts = |bucket: Time| bucket.micros() + length + window > self.now.micros();
        let oldest = Time::from_micros(self.now.micros() - window - length);
        let mut both: BTreeMap<Time, (Reading, Reading)> = BTreeMap::new();
        for (start, shown) in meter.buckets() {
            both.entry(start).or_default().0 = shown;
        }
        for (at, used) in self.rows(tx, oldest, Time::from_micros(i64::MAX)).await? {
            both.entry(bucket(at)).or_default().1.settled += used;
        }
        for (_, start, amount) in self.adjustments(tx).await? {
            both.entry(start).or_default().1.settled += amount;
        }
        for call in held {
            both.entry(bucket(call.arrival.at)).or_default().1.held += self.held(call);
        }
        let off = both.into_iter().filter_map(|(start, (mut shown, mut counted))| {
            if !counts(start) {
                (shown.settled, counted.settled) = (0, 0);
            }
            self.off(Some(start), shown, counted)
        });
        Ok(off.collect())
    }

    /// What settled calls used from `start` on and before `end`.
    async fn rows(&self, tx: &mut Tx, start: Time, end: Time) -> Result<Vec<(Time, i64)>, StoreError> {
        let (part, owner, paid) = (measured(self.slot.measure), owned(self.owner), funded(self.owner));
        // One figure is enough for a calendar period.
        let columns = match self.slot.period.window() {
            Some(_) => format!("at, cast({part} as bigint)"),
            None => format!("cast(0 as bigint), cast(coalesce(sum({part}), 0) as bigint)"),
        };
        let sql = sqlx::AssertSqlSafe(format!(
            "select {columns} from calls where {owner} = $1 and state = 'settled' and at >= $2 and at < $3 {paid}"
        ));
        let rows: Vec<(i64, i64)> = on_tx!(tx, db => sqlx::query_as(sql)
            .bind(&self.owner.id)
            .bind(start.micros())
            .bind(end.micros())
            .fetch_all(db)
            .await)?;
        Ok(rows.into_iter().map(|(at, used)| (Time::from_micros(at), used)).collect())
    }

    /// What manual resets took off: the beginning of the period and of the bucket, and how much.
    async fn adjustments(&self, tx: &mut Tx) -> Result<Vec<(Time, Time, i64)>, StoreError> {
        let sql = "select period_start, bucket, amount from adjustments
                   where scope = $1 and owner_id = $2 and measure = $3 and period = $4 and zone = $5";
        let rows: Vec<(i64, i64, i64)> = on_tx!(tx, db => sqlx::query_as(sql)
            .bind(self.owner.scope.as_str())
            .bind(&self.owner.id)
            .bind(self.slot.measure.as_str())
            .bind(self.slot.period.code())
            .bind(self.zone.name())
            .fetch_all(db)
            .await)?;
        let time = Time::from_micros;
        Ok(rows.into_iter().map(|(period, bucket, amount)| (time(period), time(bucket), amount)).collect())
    }
}
