//! What has been counted against many limits at once: a statement for each kind of owner and start of a period, where
//! [`Store::counted_for`] asks two for each limit.

use super::usage::{funded, measured, owned};
use super::{Store, StoreError, Tx, on_tx, places};
use crate::domain::credits::Credits;
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::time::Time;
use std::collections::HashMap;

/// Owners that one statement names.
const OWNERS: usize = 500;

/// What was used of each measure: requests, tokens, nano-credits.
type Sums = (i64, i64, i64);

impl Store {
    /// What [`Store::counted_for`] says of each of these limits, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counted_for_each(
        tx: &mut Tx,
        limits: &[Limit],
        at: Time,
    ) -> Result<Vec<Vec<(Time, i64)>>, StoreError> {
        let mut counted = vec![Vec::new(); limits.len()];
        let mut alike: HashMap<(Scope, Time), Vec<usize>> = HashMap::new();
        for (number, limit) in limits.iter().enumerate() {
            match limit.period.window() {
                // Rates are read from the calls of a minute or a day, each in buckets of its own.
                Some(_) => counted[number] = Self::counted_for(tx, limit, at).await?,
                None => alike.entry((limit.owner.scope, limit.slot(at).start)).or_default().push(number),
            }
        }
        for ((scope, start), numbers) in alike {
            for some in numbers.chunks(OWNERS) {
                let owners: Vec<&str> = some.iter().map(|number| limits[*number].owner.id.as_str()).collect();
                let sums = Self::sums(tx, scope, &owners, start).await?;
                let resets = Self::resets(tx, scope, &owners, start).await?;
                for number in some {
                    let limit = &limits[*number];
                    let used = sums.get(&limit.owner.id).map_or(0, |sums| of(sums, limit.measure));
                    counted[*number].push((start, used));
                    let reset = resets.iter().filter(|reset| reset.is_of(limit));
                    counted[*number].extend(reset.map(|reset| (Time::from_micros(reset.bucket), reset.amount)));
                }
            }
        }
        Ok(counted)
    }

    /// What each of these owners' settled calls have been charged since the start of a calendar period.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn charged_since(
        &self,
        scope: Scope,
        owners: &[&str],
        start: Time,
    ) -> Result<HashMap<String, Credits>, StoreError> {
        let mut tx = self.begin_read().await?;
        let mut charged = HashMap::new();
        for some in owners.chunks(OWNERS) {
            let sums = Self::sums(&mut tx, scope, some, start).await?;
            charged.extend(sums.into_iter().map(|(owner, (_, _, nanos))| (owner, Credits::from_nanos(nanos))));
        }
        Ok(charged)
    }

    /// What these owners' settled calls have used since the start of a calendar period; those that have used nothing
    /// are left out.
    ///
    /// # Errors
    /// When the database fails.
    async fn sums(
        tx: &mut Tx,
        scope: Scope,
        owners: &[&str],
        start: Time,
    ) -> Result<HashMap<String, Sums>, StoreError> {
        let any = Owner::new(scope, "");
        let (owner, funded) = (owned(&any), funded(&any));
        let sum = |measure| format!("cast(sum({}) as bigint)", measured(measure));
        let sql = sqlx::AssertSqlSafe(format!(
            "select {owner}, {}, {}, {} from usage where {owner} in ({}) and bucket >= $1 {funded} group by {owner}",
            sum(Measure::Requests),
            sum(Measure::Tokens),
            sum(Measure::Credits),
            places(2, owners.len())
        ));
        let rows: Vec<(String, i64, i64, i64)> = on_tx!(tx, db => {
            let mut query = sqlx::query_as(sql).bind(start.micros());
            for owner in owners {
                query = query.bind(*owner);
            }
            query.fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(|(owner, requests, tokens, nanos)| (owner, (requests, tokens, nanos))).collect())
    }

    /// What manual resets took off the meters of these owners that began then.
    async fn resets(tx: &mut Tx, scope: Scope, owners: &[&str], start: Time) -> Result<Vec<ResetRow>, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "select owner_id, measure, period, zone, bucket, amount from adjustments
             where scope = $1 and owner_id in ({}) and (bucket >= $2 or period_start = $2)",
            places(3, owners.len())
        ));
        Ok(on_tx!(tx, db => {
            let mut query = sqlx::query_as(sql).bind(scope.as_str()).bind(start.micros());
            for owner in owners {
                query = query.bind(*owner);
            }
            query.fetch_all(db).await
        })?)
    }
}

#[derive(sqlx::FromRow)]
struct ResetRow {
    owner_id: String,
    measure: String,
    period: String,
    zone: String,
    bucket: i64,
    amount: i64,
}

impl ResetRow {
    fn is_of(&self, limit: &Limit) -> bool {
        self.owner_id == limit.owner.id
            && self.measure == limit.measure.as_str()
            && self.period == limit.period.code()
            && self.zone == limit.zone.name()
    }
}

fn of(sums: &Sums, measure: Measure) -> i64 {
    match measure {
        Measure::Requests => sums.0,
        Measure::Tokens => sums.1,
        Measure::Credits => sums.2,
    }
}
