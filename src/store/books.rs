//! Meters that several processes move: one row an owner, locked by whoever moves it until its transaction ends.

use super::{Store, StoreError, Tx, json, on_tx, read_json};
use crate::domain::id::AccountId;
use crate::domain::ledger::Book;
use crate::domain::limit::{Limit, Owner};
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
