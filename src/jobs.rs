//! What runs beside the doors: one clock each, one cancellation token for all.

mod leases;
mod sweep;
mod watch;

use crate::gateway::Gateway;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts every job; they end when the token is cancelled.
pub fn spawn(gateway: &Gateway, stop: &CancellationToken) -> TaskTracker {
    let tasks = TaskTracker::new();
    tasks.spawn(leases::run(gateway.clone(), stop.clone()));
    tasks.spawn(watch::run(gateway.clone(), stop.clone()));
    tasks.spawn(sweep::run(gateway.clone(), stop.clone()));
    tasks.close();
    tasks
}
