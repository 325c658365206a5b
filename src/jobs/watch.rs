//! Notices configuration that another process has changed: the command line beside the server, or another node.

use crate::gateway::Gateway;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Well within the second in which a change must be seen.
const EVERY: Duration = Duration::from_millis(500);

pub(super) async fn run(gateway: Gateway, stop: CancellationToken) {
    let mut known = gateway.store().version().await.ok();
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
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
