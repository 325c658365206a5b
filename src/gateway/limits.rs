//! How limits stand: what pages and programs are shown of a key's meters.

use super::Gateway;
use crate::domain::credits::Credits;
use crate::domain::key::Key;
use crate::domain::ledger::Ledger;
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::meter::Reading;
use crate::domain::time::Time;
use crate::store::StoreError;

/// A limit and how it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub limit: Limit,
    pub reading: Reading,
    /// The first instant of the next period; `None` for rates, which slide, and for lifetimes.
    pub resets_at: Option<Time>,
}

impl Standing {
    pub(super) fn read(ledger: &Ledger, limit: Limit, now: Time) -> Self {
        let reading = ledger.read(&limit, now).unwrap_or_default();
        let resets_at = limit.period.end(now, &limit.zone);
        Self { limit, reading, resets_at }
    }

    /// What is left, in the measure's unit; zero where more is used than allowed.
    pub fn remaining(&self) -> i64 {
        self.limit.max.saturating_sub(self.reading.total()).max(0)
    }
}

impl Gateway {
    /// Every limit of a key's own in the order consulted, as it stands now.
    ///
    /// # Errors
    /// When the books cannot be reached.
    pub async fn standings(&self, key: &Key) -> Result<Vec<Standing>, super::journal::Unavailable> {
        self.stand(&key.in_force(self.0.clock.now())).await
    }

    /// These limits as they stand now. Never creates anything but meters in memory.
    ///
    /// # Errors
    /// When the books cannot be reached.
    pub async fn stand(&self, limits: &[Limit]) -> Result<Vec<Standing>, super::journal::Unavailable> {
        let now = self.shared_now().await?;
        let read = |ledger: &Ledger| limits.iter().map(|limit| Standing::read(ledger, limit.clone(), now)).collect();
        self.with_meters(limits, now, read).await
    }

    /// What a key has been charged since the start of a calendar period, or since ever.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn spent_since(&self, key: &Key, start: Time) -> Result<Credits, StoreError> {
        let owner = Owner { scope: Scope::Key, id: key.id.0.clone() };
        Ok(Credits::from_nanos(self.0.store.used_since(&owner, Measure::Credits, start).await?))
    }
}
