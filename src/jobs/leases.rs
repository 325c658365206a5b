//! Keeps this process's right to admit calls on a shared database, and resolves the calls of processes that fell silent.

use crate::gateway::Gateway;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Several times within a lease, so that one slow answer costs nothing.
const EVERY: Duration = Duration::from_secs(1);

/// Two walks side by side: whoever resolves the calls of another may have to wait for its locks, and must not lose its
/// own lease over that.
pub(super) async fn run(gateway: Gateway, stop: CancellationToken, closed: CancellationToken) {
    tokio::join!(renew(&gateway, &closed), keep_watch(&gateway, &stop));
}

/// Until the doors are closed, and the last call is settled: a request that was accepted before the stop may still be
/// admitted after it.
async fn renew(gateway: &Gateway, closed: &CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !closed.is_cancelled() || gateway.calls_in_flight() > 0 {
        tokio::select! {
            _ = ticks.tick() => {}
            () = closed.cancelled(), if !closed.is_cancelled() => {}
        }
        if let Err(error) = gateway.renew().await {
            tracing::warn!(%error, "the lease could not be renewed; trying again");
        }
    }
}

async fn keep_watch(gateway: &Gateway, stop: &CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Some(Err(error)) = stop.run_until_cancelled(gateway.keep_watch()).await {
            tracing::warn!(%error, "calls of a silent process could not be resolved; trying again");
        }
    }
}
