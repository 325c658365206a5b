//! Meters that several processes move: one row an owner, locked by whoever moves it until its transaction ends.

use super::{Store, StoreError, Tx, json, on, on_tx, read_json, read_word};
use crate::domain::id::AccountId;
use crate::domain::ledger::Book;
use crate::domain::limit::{Limit, Measure, Owner};
use crate::domain::time::Time;
use std::collections::BTreeSet;

impl Store {
    /// Makes a place for the meters of owners that have none. Alone: while it does, nobody moves any meter, so that
    /// whoever settles a call of theirs from now on finds the place and locks it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_books(&self, owners: &BTreeSet<String>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        Self::lock_books(&mut tx, true).await?;
        let sql = "insert into books (owner, meters) values ($1, '[]') on conflict (owner) do nothing";
        for owner in owners {
            on_tx!(&mut tx, db => sqlx::query(sql).bind(owner).execute(db).await.map(drop))?;
        }
        tx.commit().await
    }

    /// Which of these owners have a place for their meters. Places are never taken away.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn placed(&self, owners: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        let mut tx = self.begin_read().await?;
        let books = Self::books(&mut tx, owners, false).await?;
        Ok(books.iter().map(|(owner, _)| owner.to_text()).collect())
    }

    /// The meters of these owners, as many as have a place; locked in one order where they are to be moved.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn books(
        tx: &mut Tx,
        owners: &BTreeSet<String>,
        to_move: bool,
    ) -> Result<Vec<(Owner, Book)>, StoreError> {
        // The list is a parameter of its own text, since the two databases write arrays differently.
        let names: Vec<String> = (1..=owners.len()).map(|place| format!("${place}")).collect();
        let lock = if to_move { "for update" } else { "" };
        let sql =
            format!("select owner, meters from books where owner in ({}) order by owner {lock}", names.join(", "));
        if owners.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<(String, String)> = on_tx!(tx, db => {
            let mut query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            for owner in owners {
                query = query.bind(owner);
            }
            query.fetch_all(db).await
        })?;
        let read = |(owner, meters): (String, String)| {
            let unreadable = || StoreError::Unreadable(format!("books.owner: {owner:?}"));
            Ok((Owner::parse(&owner).ok_or_else(unreadable)?, read_json("books.meters", &meters)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// # Errors
    /// When the database fails.
    pub async fn save_book(tx: &mut Tx, owner: &Owner, book: &Book) -> Result<(), StoreError> {
        let sql = "update books set meters = $2 where owner = $1";
        on_tx!(tx, db => sqlx::query(sql).bind(owner.to_text()).bind(json(book)).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Every owner's meters, for the audit.
    ///
    /// # Errors
    /// When the database fails, or a row cannot be read.
    pub async fn all_books(tx: &mut Tx) -> Result<Vec<(Owner, Book)>, StoreError> {
        let owners: Vec<String> =
            on_tx!(&mut *tx, db => sqlx::query_scalar("select owner from books").fetch_all(db).await)?;
        let mut books = Vec::new();
        for some in owners.chunks(1_000) {
            books.extend(Self::books(tx, &some.iter().cloned().collect(), false).await?);
        }
        Ok(books)
    }

    /// Writes down a manual reset: what it adds to each bucket of one meter. The entries that are sums of calls stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_reset(tx: &mut Tx, reset: &Reset<'_>) -> Result<(), StoreError> {
        let sql =
            "insert into adjustments (id, at, scope, owner_id, measure, period, zone, period_start, bucket, amount,
                       made_by)
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let Reset { limit, at, .. } = reset;
        for (number, (bucket, amount)) in reset.entries.iter().enumerate() {
            on_tx!(&mut *tx, db => sqlx::query(sql)
                .bind(format!("{}.{number}", reset.id))
                .bind(at.micros())
                .bind(limit.owner.scope.as_str())
                .bind(&limit.owner.id)
                .bind(limit.measure.as_str())
                .bind(limit.period.code())
                .bind(limit.zone.name())
                .bind(limit.slot(*at).start.micros())
                .bind(bucket.micros())
                .bind(amount)
                .bind(reset.made_by.as_str())
                .execute(db)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// The manual resets of an owner's meters from `from` on, newest first: at most so many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resets(&self, owner: &Owner, from: Time, most: u32) -> Result<Vec<MadeReset>, StoreError> {
        // A sliding meter has an entry for each of its buckets.
        let sql = "select at, measure, period, zone, cast(-sum(amount) as bigint), made_by from adjustments
                   where scope = $1 and owner_id = $2 and at >= $3
                   group by at, measure, period, zone, made_by
                   order by at desc, measure, period, zone limit $4";
        let rows: Vec<(i64, String, String, String, i64, String)> = on!(self.read(), db => sqlx::query_as(sql)
            .bind(owner.scope.as_str())
            .bind(&owner.id)
            .bind(from.micros())
            .bind(i64::from(most))
            .fetch_all(db)
            .await)?;
        let read = |(at, measure, period, zone, taken_off, made_by): (_, String, _, _, _, String)| {
            let measure = read_word("adjustments.measure", &measure, Measure::parse)?;
            Ok(MadeReset { at: Time::from_micros(at), measure, period, zone, taken_off, made_by: made_by.into() })
        };
        rows.into_iter().map(read).collect()
    }
}

/// A manual reset as the books have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeReset {
    pub at: Time,
    pub measure: Measure,
    /// The code of the meter's period.
    pub period: String,
    /// The name of the meter's zone.
    pub zone: String,
    /// In the measure's unit.
    pub taken_off: i64,
    pub made_by: AccountId,
}

impl MadeReset {
    /// Whether it was the meter of this limit.
    pub fn is_of(&self, limit: &Limit) -> bool {
        self.measure == limit.measure && self.period == limit.period.code() && self.zone == limit.zone.name()
    }
}

/// A manual reset of one meter.
#[derive(Clone, Debug)]
pub struct Reset<'a> {
    pub id: &'a str,
    pub limit: &'a Limit,
    pub at: Time,
    pub entries: &'a [(Time, i64)],
    pub made_by: &'a AccountId,
}
