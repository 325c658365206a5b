//! Notices configuration that another process has changed: the command line beside the server, or another node.

use crate::gateway::Gateway;
use crate::store::settings::Changes;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A shared database says so itself; this is what stands behind it, and well within the second in which a change must
/// be seen.
const EVERY: Duration = Duration::from_millis(500);

pub(super) async fn run(gateway: Gateway, stop: CancellationToken) {
    // What was read at start may be older than the version is now: it is read once more.
    let mut known = None;
    let mut changes = None;
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                if changes.is_none() {
                    // Until it can be heard again, the poll sees to it.
                    changes = gateway.store().listen().await.unwrap_or_default();
                }
            }
            heard = hear(&mut changes) => {
                if heard.is_err() {
                    changes = None;
                }
            }
        }
        match gateway.store().version().await {
            Ok(version) if Some(version) == known => {}
            Ok(version) => match gateway.reload().await {
                Ok(()) => known = Some(version),
                Err(error) => tracing::warn!(%error, "a changed configuration could not be read; trying again"),
            },
            Err(error) => tracing::warn!(%error, "the configuration's version could not be read; trying again"),
        }
    }
}

async fn hear(changes: &mut Option<Changes>) -> Result<(), crate::store::StoreError> {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}
