//! The door for programs' model calls: the routes of the proxy, each one a dialect's own.

mod builtin;
mod call;
mod cap;
mod count;
pub(crate) mod dialect;
mod error;
mod exchange;
mod flow;
mod form;
mod inside;
mod kept;
mod lane;
mod measure;
mod memory;
mod meter;
mod models;
mod patience;
mod picture;
/// For the fuzzer.
#[doc(hidden)]
pub mod promises;
mod prompt;
mod quota;
mod rates;
mod relay;
mod sound;
mod sse;
mod tokens;
mod tries;
mod upstream;
mod vocabulary;
mod voice;
mod watched;

pub use inside::{Inside, USER as CONSOLE};
pub use patience::Patience;
pub use tries::Retries;
pub use vocabulary::Vocabularies;

use crate::domain::service::Service;
use crate::gateway::Gateway;
use axum::Router;
use axum::extract::{ConnectInfo, FromRef, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower_http::set_header::SetResponseHeaderLayer;

/// What this door is told once, at start.
#[derive(Clone, Debug)]
pub struct ProxyTerms {
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Shared by all that counts tokens in this process.
    pub vocabularies: Arc<Vocabularies>,
    pub patience: Patience,
    pub retries: Retries,
    /// Cancelled when the process can wait no longer: every call ends at once, and is charged.
    pub cut: CancellationToken,
}

impl Default for ProxyTerms {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            trusted_proxies: Arc::new([]),
            vocabularies: Arc::default(),
            patience: Patience::default(),
            retries: Retries::default(),
            cut: CancellationToken::new(),
        }
    }
}

/// What its handlers hold.
#[derive(Clone, FromRef)]
struct Door {
    gateway: Gateway,
    terms: ProxyTerms,
    kept: Arc<kept::Kept>,
}

/// The proxy's routes. Nothing here is compressed or buffered: what an upstream sends leaves as it came.
pub fn router<S: Clone + Send + Sync + 'static>(gateway: Gateway, terms: ProxyTerms) -> Router<S> {
    let constant = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
    };
    let services = Service::ALL.into_iter().fold(Router::new(), |router, service| {
        let serve = move |door: State<Door>, request: Request| relay::serve(door, service, request);
        router.route(service.endpoint(), post(serve))
    });
    services
        .route("/v1/chat/completions", post(relay::chat_completions))
        .route("/v1/responses", post(relay::responses))
        .route("/v1/responses/{*rest}", axum::routing::any(error::nothing_kept))
        .route("/v1/messages", post(relay::messages))
        .route("/v1/messages/count_tokens", post(count::tokens))
        .route("/v1/models", get(models::list))
        // Google's newer clients leave the "beta" out.
        .route("/v1/models/{*path}", get(models::one).post(relay::generate))
        .route("/v1beta/models", get(models::gemini_list))
        .route("/v1beta/models/{*path}", get(models::gemini_one).post(relay::generate))
        .route("/v1/dashboard/billing/subscription", get(quota::subscription))
        .route("/v1/dashboard/billing/usage", get(quota::usage))
        .route("/api/user/token", get(quota::user_token))
        .route("/api/v1/key", get(quota::openrouter))
        .route("/v1/{*rest}", axum::routing::any(error::no_such_route))
        // Some of Google's clients take a name with a slash for the whole of the path.
        .route("/v1beta/{*rest}", post(relay::generate).fallback(error::no_such_route))
        .method_not_allowed_fallback(error::no_such_method)
        // Upstream bytes share the console's origin, so no browser may take them for a page.
        .layer(constant(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(constant(header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .with_state(Door { gateway, terms, kept: Arc::default() })
}

/// Who calls: the peer, or whom a trusted proxy says it speaks for, read from the right as each proxy appended.
fn client_ip(peer: Option<&ConnectInfo<SocketAddr>>, headers: &axum::http::HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let mut ip = peer.map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(peer)| peer.ip().to_canonical());
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    for hop in hops.into_iter().rev() {
        match hop.parse::<IpAddr>() {
            Ok(before) if is_trusted(ip) => ip = before.to_canonical(),
            _ => break,
        }
    }
    ip
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    #[test]
    fn forwarded_addresses_are_believed_only_from_trusted_proxies() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a block")];
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 198.51.100.7, 10.0.0.2"));
        let from = |peer: &str| {
            let peer = ConnectInfo(SocketAddr::new(peer.parse().expect("an address"), 1));
            client_ip(Some(&peer), &headers, &trusted).to_string()
        };
        assert_eq!(from("203.0.113.9"), "203.0.113.9");
        assert_eq!(from("10.0.0.1"), "198.51.100.7");
    }
}
