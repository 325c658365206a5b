//! What pays for an account's calls: its subscription, and the entries that make up its balance.

use super::{Store, StoreError, Tx, on, on_tx, places};
use crate::domain::credits::Credits;
use crate::domain::id::AccountId;
use crate::domain::time::Time;
use crate::domain::wallet::{Subscription, Wallet};
use std::collections::HashMap;

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
        let mut wallets = self.wallets(std::slice::from_ref(account)).await?;
        Ok(wallets.remove(account).unwrap_or_default())
    }

    /// The means of each of these accounts that there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wallets(&self, accounts: &[AccountId]) -> Result<HashMap<AccountId, Wallet>, StoreError> {
        if accounts.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = sqlx::AssertSqlSafe(format!(
            "select a.id, a.metered,
                 cast((select coalesce(sum(w.amount_nanos), 0) from wallet_entries w where w.account_id = a.id) as bigint),
                 s.cycle_nanos, s.anchor, s.timezone, s.falls_back
             from accounts a left join subscriptions s on s.account_id = a.id
             where a.id in ({})",
            places(1, accounts.len())
        ));
        type Row = (String, bool, i64, Option<i64>, Option<i64>, Option<String>, Option<bool>);
        let rows: Vec<Row> = on!(self.read(), db => {
            let mut query = sqlx::query_as(sql);
            for account in accounts {
                query = query.bind(account.as_str());
            }
            query.fetch_all(db).await
        })?;
        let wallet = |(id, metered, granted, credits, anchor, timezone, falls_back): Row| {
            let subscription = match (credits, anchor, timezone, falls_back) {
                (Some(credits), Some(anchor), Some(timezone), Some(falls_back)) => Some(Subscription {
                    credits: Credits::from_nanos(credits),
                    anchor: Time::from_micros(anchor),
                    timezone,
                    falls_back,
                }),
                _ => None,
            };
            (AccountId(id), Wallet { metered, granted: Credits::from_nanos(granted), subscription })
        };
        Ok(rows.into_iter().map(wallet).collect())
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
