//! Forgets what is over: expired sessions, flashes, replaced secrets and kept answers, meters of past periods; and notes when keys were last used.

use crate::gateway::Gateway;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(5);
/// Expired rows do no harm: they are met by one turn in so many.
const EXPIRED_EVERY: u64 = 60;

pub(super) async fn run(gateway: Gateway, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut turn: u64 = 0;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        gateway.prune();
        if let Err(error) = gateway.stamp_keys().await {
            tracing::warn!(%error, "the last use of keys could not be noted; trying again");
        }
        if turn.is_multiple_of(EXPIRED_EVERY)
            && let Err(error) = gateway.store().delete_expired(gateway.clock().now()).await
        {
            tracing::warn!(%error, "expired rows could not be removed; trying again");
        }
        turn += 1;
    }
}
