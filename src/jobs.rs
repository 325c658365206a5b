//! What runs beside the doors: one clock each, ended by cancellation tokens.

mod leases;
mod sweep;
mod watch;

use crate::gateway::Gateway;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts every job; they end when `stop` is cancelled, but for the lease, which ends with the last call after `closed`.
pub fn spawn(gateway: &Gateway, stop: &CancellationToken, closed: &CancellationToken) -> TaskTracker {
    let tasks = TaskTracker::new();
    tasks.spawn(leases::run(gateway.clone(), stop.clone(), closed.clone()));
    tasks.spawn(watch::run(gateway.clone(), stop.clone()));
    tasks.spawn(sweep::run(gateway.clone(), stop.clone()));
    tasks.close();
    tasks
}
