//! The way out: the HTTP client for upstreams, and where it may connect to.

use super::{Gateway, admins_only};
use crate::domain::account::Account;
use crate::domain::id::ProviderId;
use crate::domain::problem::Problem;
use crate::domain::provider::{Errand, Provider, ProviderKind};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a connection may take to be made at most: calls give up sooner, each as its provider says.
const CONNECT: Duration = Duration::from_secs(60);
/// After how much silence the system asks whether the other end is still there, and how often before it is given up: a
/// machine that vanished in the middle of an answer is noticed within two minutes.
const ASK_AFTER: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_secs(15);
const ASK_TIMES: u32 = 4;
/// How long a provider's test may take for each credential, and how many it tries.
const TEST: Duration = Duration::from_secs(15);
const MOST_TESTED: usize = 5;

/// Whether providers may live on loopback and private addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateUpstreams {
    Allow,
    Deny,
}

/// What goes out: a body of known length, or none, or one that is still arriving.
pub type Outgoing = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;
pub(super) type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector<Resolver>>, Outgoing>;

/// Looks names up, and keeps only addresses that may be connected to. The connection is made to an address that was
/// judged here, so a name that changes its mind in between (DNS rebinding) gains nothing.
#[derive(Clone, Debug)]
pub(super) struct Resolver(PrivateUpstreams);

impl tower::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let private = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| forbidden(address.ip(), private).is_none()).collect();
            if allowed.is_empty() {
                let message = format!("{name} has no address that may be connected to");
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
            }
            Ok(allowed.into_iter())
        })
    }
}

pub(super) fn client(private: PrivateUpstreams) -> Client {
    let mut http = HttpConnector::new_with_resolver(Resolver(private));
    http.set_nodelay(true);
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT));
    http.set_keepalive(Some(ASK_AFTER));
    http.set_keepalive_interval(Some(ASK_EVERY));
    http.set_keepalive_retries(Some(ASK_TIMES));
    let https =
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions().wrap_connector(http);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .build(https)
}

/// Whether a base URL leads somewhere that may be connected to, as far as it can be told without looking names up.
///
/// # Errors
/// The reason, as a sentence for whoever entered the URL.
pub fn check_url(url: &str, private: PrivateUpstreams) -> Result<(), String> {
    let uri: Uri = url.trim().parse().map_err(|_| "This is not a URL.".to_owned())?;
    let host = uri.host().ok_or("The URL names no host.")?;
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match literal.ok().and_then(|ip| forbidden(ip, private)) {
        Some(reason) => Err(format!("{host} is {reason}, where no provider may be.")),
        None => Ok(()),
    }
}

/// Why an address may not be connected to. Link-local and cloud metadata addresses never may (server-side request
/// forgery, CWE-918).
fn forbidden(ip: IpAddr, private: PrivateUpstreams) -> Option<&'static str> {
    let ip = ip.to_canonical();
    let (always, inside) = match ip {
        IpAddr::V4(ip) => {
            let metadata = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)].contains(&ip);
            let shared = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            let always =
                ip.is_link_local() || metadata || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast();
            (always, ip.is_private() || ip.is_loopback() || shared)
        }
        IpAddr::V6(ip) => {
            let metadata = ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            let always = ip.is_unicast_link_local() || metadata || ip.is_unspecified() || ip.is_multicast();
            (always, ip.is_unique_local() || ip.is_loopback())
        }
    };
    match private {
        _ if always => Some("a link-local, metadata or unusable address"),
        PrivateUpstreams::Deny if inside => Some("a private address"),
        PrivateUpstreams::Allow | PrivateUpstreams::Deny => None,
    }
}

/// An upstream could not be reached, or stopped in mid-answer.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No connection was made: nothing was sent.
    #[error("could not connect: {0}")]
    Unconnected(String),
    /// Something may have been sent.
    #[error("{0}")]
    Broken(String),
}

/// Whether a request has a connection yet: before it has one, nothing of it can have been sent.
#[derive(Clone, Debug)]
pub struct Connecting(CaptureConnection);

impl Connecting {
    /// Watches a request that is about to be sent.
    pub fn of<B>(request: &mut Request<B>) -> Self {
        Self(capture_connection(request))
    }

    pub fn is_over(&self) -> bool {
        self.0.connection_metadata().is_some()
    }
}

impl Gateway {
    /// Sends a request to an upstream; the answer's body is still to be read.
    ///
    /// # Errors
    /// [`DialError::Unconnected`] where it is certain that nothing was sent.
    pub async fn dial(&self, request: Request<Outgoing>) -> Result<http::Response<hyper::body::Incoming>, DialError> {
        let url = request.uri().to_string();
        check_url(&url, self.terms().private_upstreams).map_err(DialError::Unconnected)?;
        self.0.client.request(request).await.map_err(|error| {
            let reason = causes(&error);
            if error.is_connect() { DialError::Unconnected(reason) } else { DialError::Broken(reason) }
        })
    }

    /// Asks a provider for its list of models: proves its address and credentials, and spends nothing.
    ///
    /// # Errors
    /// For anyone but an admin; where there is no such provider.
    pub async fn test_provider(&self, by: &Account, id: &ProviderId) -> Result<ProviderTest, Problem> {
        admins_only(by)?;
        let upstream = self.upstream(id)?;
        if upstream.provider.kind == ProviderKind::Builtin {
            return Ok(ProviderTest { ok: true, message: "It is built in, and always answers.".to_owned(), ms: 0 });
        }
        let begun = self.clock().now();
        // A provider without credentials is asked without one.
        let credentials = upstream.credentials.iter().map(|secret| Some(secret.as_str()));
        let credentials: Vec<Option<&str>> = credentials.take(MOST_TESTED).collect();
        let credentials = if credentials.is_empty() { vec![None] } else { credentials };
        let (mut ok, mut said) = (true, Vec::new());
        for (place, credential) in credentials.iter().enumerate() {
            let found = tokio::time::timeout(TEST, self.test_credential(&upstream.provider, *credential)).await;
            let found = found.unwrap_or_else(|_| Err(format!("No answer within {} seconds.", TEST.as_secs())));
            ok &= found.is_ok();
            let message = found.unwrap_or_else(|message| message);
            match upstream.provider.credentials.get(place).filter(|_| credentials.len() > 1) {
                Some(hint) => said.push(format!("{hint}: {message}")),
                None => said.push(message),
            }
        }
        let ms = u64::try_from(self.clock().now().since(begun).as_millis()).unwrap_or(u64::MAX);
        Ok(ProviderTest { ok, message: said.join(" "), ms })
    }

    async fn test_credential(&self, provider: &Provider, credential: Option<&str>) -> Result<String, String> {
        let mut request = Request::get(provider.kind.url(&provider.base_url, Errand::Models));
        for (name, value) in provider.kind.headers(credential) {
            request = request.header(name, value);
        }
        let request = request.body(Empty::new().map_err(|never| match never {}).boxed_unsync());
        self.ask(request.map_err(|error| format!("This is not a URL that can be asked: {error}."))?).await
    }

    async fn ask(&self, request: Request<Outgoing>) -> Result<String, String> {
        let answer = self.dial(request).await.map_err(|error| format!("It cannot be reached: {error}."))?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => {
                let body = Limited::new(answer.into_body(), 4 << 20).collect().await;
                let body = body.map_err(|error| format!("It broke off in mid-answer: {error}."))?.to_bytes();
                // Google's list has another name.
                let count = serde_json::from_slice::<Listing>(&body).map(|listing| listing.data.len());
                Ok(match count {
                    Err(_) => "It answers.".to_owned(),
                    Ok(1) => "It answers, and lists one model.".to_owned(),
                    Ok(count) => format!("It answers, and lists {count} models."),
                })
            }
            401 | 403 => Err(format!("It refuses the credential ({status}).")),
            404 => Err("It answers, but has no list of models below this base URL (404). Check the path.".to_owned()),
            _ => Err(format!("It answers with {status}.")),
        }
    }
}

/// What a provider's test found.
#[derive(Clone, Debug)]
pub struct ProviderTest {
    pub ok: bool,
    pub message: String,
    pub ms: u64,
}

#[derive(serde::Deserialize)]
struct Listing {
    #[serde(alias = "models")]
    data: Vec<serde::de::IgnoredAny>,
}

/// A body of known length.
pub fn outgoing(body: Bytes) -> Outgoing {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// An error with its causes, outermost first.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_addresses_are_refused_whatever_the_setting() {
        for url in [
            "http://169.254.169.254/latest",
            "http://[fe80::1]/v1",
            "http://[::ffff:169.254.169.254]/v1",
            "http://[fd00:ec2::254]/v1",
            "http://0.0.0.0/v1",
        ] {
            assert!(check_url(url, PrivateUpstreams::Allow).is_err(), "{url}");
        }
    }

    #[test]
    fn private_addresses_follow_the_setting() {
        for url in ["http://127.0.0.1:11434/v1", "http://192.168.1.4/v1", "http://[::1]/v1", "http://100.64.0.1/v1"] {
            assert!(check_url(url, PrivateUpstreams::Allow).is_ok(), "{url}");
            assert!(check_url(url, PrivateUpstreams::Deny).is_err(), "{url}");
        }
        assert!(check_url("https://api.openai.com/v1", PrivateUpstreams::Deny).is_ok());
    }
}
