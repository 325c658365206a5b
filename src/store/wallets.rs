//! What pays for an account's calls: its subscription, and the entries that make up its balance.

use super::{Store, StoreError, Tx, on, on_tx};
use crate::domain::credits::Credits;
use crate::domain::id::AccountId;
use crate::domain::time::Time;
use crate::domain::wallet::{Subscription, Wallet};

/// Money in, or a correction.
#[derive(Clone, Debug)]
pub struct WalletEntry<'a> {
    pub id: &'a str,
    pub account_id: &'a AccountId,
    pub at: Time,
    /// Such as `adjustment`.
    pub kind: &'a str,
    pub amount: Credits,
    pub note: &'a str,
    pub made_by: &'a AccountId,
}

impl Store {
    /// An account's means; those of an account that is not there are nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wallet(&self, account: &AccountId) -> Result<Wallet, StoreError> {
        let sql = "select a.metered,
                       cast((select coalesce(sum(amount_nanos), 0) from wallet_entries where account_id = $1) as bigint),
                       s.cycle_nanos, s.anchor, s.timezone, s.falls_back
                   from accounts a left join subscriptions s on s.account_id = a.id
                   where a.id = $1";
        type Row = (bool, i64, Option<i64>, Option<i64>, Option<String>, Option<bool>);
        let row: Option<Row> =
            on!(self.read(), db => sqlx::query_as(sql).bind(account.as_str()).fetch_optional(db).await)?;
        let Some((metered, granted, credits, anchor, timezone, falls_back)) = row else {
            return Ok(Wallet::default());
        };
        let subscription = match (credits, anchor, timezone, falls_back) {
            (Some(credits), Some(anchor), Some(timezone), Some(falls_back)) => Some(Subscription {
                credits: Credits::from_nanos(credits),
                anchor: Time::from_micros(anchor),
                timezone,
                falls_back,
            }),
            _ => None,
        };
        Ok(Wallet { metered, granted: Credits::from_nanos(granted), subscription })
    }

    /// # Errors
    /// When the database fails.
    pub async fn set_metered(tx: &mut Tx, account: &AccountId, metered: bool) -> Result<(), StoreError> {
        let sql = "update accounts set metered = $2 where id = $1";
        on_tx!(tx, db => sqlx::query(sql).bind(account.as_str()).bind(metered).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Sets or ends an account's subscription.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_subscription(
        tx: &mut Tx,
        account: &AccountId,
        subscription: Option<&Subscription>,
    ) -> Result<(), StoreError> {
        let sql = "delete from subscriptions where account_id = $1";
        on_tx!(&mut *tx, db => sqlx::query(sql).bind(account.as_str()).execute(db).await.map(drop))?;
        let Some(plan) = subscription else { return Ok(()) };
        let sql = "insert into subscriptions (account_id, cycle_nanos, anchor, timezone, falls_back)
                   values ($1, $2, $3, $4, $5)";
        on_tx!(tx, db => sqlx::query(sql)
            .bind(account.as_str())
            .bind(plan.credits.nanos())
            .bind(plan.anchor.micros())
            .bind(&plan.timezone)
            .bind(plan.falls_back)
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }

    /// # Errors
    /// When the database fails.
    pub async fn insert_wallet_entry(tx: &mut Tx, entry: &WalletEntry<'_>) -> Result<(), StoreError> {
        let sql = "insert into wallet_entries (id, account_id, at, kind, amount_nanos, note, made_by)
                   values ($1, $2, $3, $4, $5, $6, $7)";
        on_tx!(tx, db => sqlx::query(sql)
            .bind(entry.id)
            .bind(entry.account_id.as_str())
            .bind(entry.at.micros())
            .bind(entry.kind)
            .bind(entry.amount.nanos())
            .bind(entry.note)
            .bind(entry.made_by.as_str())
            .execute(db)
            .await
            .map(drop))?;
        Ok(())
    }
}
