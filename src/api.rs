//! The management API: what programs may do that manage keys, models, providers, and read logs and usage.

mod problem;

/// To come.
pub fn router<S: Clone + Send + Sync + 'static>(_: crate::gateway::Gateway) -> axum::Router<S> {
    axum::Router::new()
}
pub fn openapi() -> utoipa::openapi::OpenApi { utoipa::openapi::OpenApi::default() }
