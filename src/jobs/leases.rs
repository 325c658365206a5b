//! Keeps this process's right to admit calls on a shared database, and resolves the calls of processes that fell silent.

use crate::gateway::Gateway;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Several times within a lease, so that one slow answer costs nothing.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(gateway: Gateway, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    // While streams finish, the lease must not run out: calls in flight keep this going after the stop.
    while !stop.is_cancelled() || gateway.calls_in_flight() > 0 {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled(), if !stop.is_cancelled() => {}
        }
        if let Err(error) = gateway.keep_watch().await {
            tracing::warn!(%error, "the lease could not be renewed; trying again");
        }
    }
}
