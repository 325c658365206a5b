//! The books of a process that has the database to itself: meters are in its memory and have moved when a call is
//! written down; the rows bring them back after a restart.

use super::Inner;
use super::journal::{Entry, postings};
use crate::domain::limit::Limit;
use crate::domain::time::Time;
use crate::store::books::Reset;
use crate::store::{Store, StoreError};

/// Writes a batch in one transaction.
pub(super) async fn transact(gateway: &Inner, batch: &mut [Entry]) -> Result<(), StoreError> {
    let node = gateway.books.node();
    let mut tx = gateway.store.begin().await?;
    let mut reset = Vec::new();
    for entry in batch.iter_mut() {
        match entry {
            Entry::Admit { hold, .. } => Store::insert_pending(&mut tx, hold.arrival(), &hold.bound, &node).await?,
            Entry::Settle { settlement, posted, .. } => *posted = Store::settle_call(&mut tx, settlement).await?,
            Entry::Refused { arrival, refusal, posted } => {
                *posted = Store::insert_refused(&mut tx, arrival, refusal).await?;
            }
            Entry::Reset { limit, at, by, entries, .. } => {
                // Memory moves when all of this is written: a second reset of one meter finds it as the first did.
                let again = reset.iter().any(|earlier: &Limit| earlier.shares_meter(limit));
                let taken = gateway.books.own().and_then(|ledger| ledger.reset(limit, *at));
                *entries = taken.filter(|_| !again).unwrap_or_default();
                reset.push(limit.clone());
                let id = gateway.clock.id();
                Store::insert_reset(&mut tx, &Reset { id: &id, limit, at: *at, entries, made_by: by }).await?;
            }
            Entry::Load { .. } | Entry::Idle { .. } => {}
        }
    }
    Store::post_usage(&mut tx, &postings(batch)).await?;
    tx.commit().await
}

/// Puts the meters of these limits in memory, with what the rows say. No settlement is written meanwhile, since the
/// journal is what calls this.
pub(super) async fn load(gateway: &Inner, limits: &[Limit], at: Time) -> Result<(), StoreError> {
    let counted = Store::counted_for_each(&mut gateway.store.begin_read().await?, limits, at).await?;
    if let Some(mut ledger) = gateway.books.own() {
        for (limit, counted) in limits.iter().zip(&counted) {
            ledger.load_own(limit, at, counted);
        }
    }
    Ok(())
}
