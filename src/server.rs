//! The one router: proxy, management API, sign-in, assets and console in one server; and its beginning and end.

use crate::config::Serve;
use crate::flash::{FlashStore, Flashes};
use crate::gateway::Gateway;
use crate::playground::{self, Playground};
use crate::proxy::{Inside, ProxyTerms, Retries};
use crate::store::{Store, StoreError};
use crate::{api, assets, auth, console, flash, live, page, proxy};
use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use leptos::prelude::{LeptosOptions, get_configuration, provide_context};
use leptos_axum::{LeptosRoutes, generate_route_list};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// How long the last words of streams that were cut may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the console's routes hold.
#[derive(Clone, FromRef)]
struct House {
    gateway: Gateway,
    options: LeptosOptions,
    stop: CancellationToken,
    playground: Playground,
}

/// What the router is built from, beside the gateway.
#[derive(Clone, Debug)]
pub struct Doors {
    pub proxy: ProxyTerms,
    /// The origin by which people reach this server, without a slash at its end.
    pub origin: String,
    /// Cancelled when the server is to end, so that streams that would never end do.
    pub stop: CancellationToken,
}

impl Doors {
    pub fn new(settings: &Serve, stop: CancellationToken) -> Self {
        let proxy = ProxyTerms {
            max_body_bytes: settings.max_body_bytes,
            trusted_proxies: settings.trusted_proxy.clone().into(),
            retries: Retries { most: settings.upstream_retries, ..Retries::default() },
            ..ProxyTerms::default()
        };
        Self { proxy, origin: settings.origin().to_owned(), stop }
    }
}

/// Every route there is.
pub fn router(gateway: &Gateway, doors: &Doors) -> Router {
    let model_calls = proxy::router(gateway.clone(), doors.proxy.clone());
    let checks = Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready));
    Router::new()
        .merge(checks.with_state(gateway.clone()))
        .merge(model_calls)
        .merge(api::router(gateway.clone()))
        .merge(assets::router())
        .merge(for_people(gateway, doors))
        .layer(CatchPanicLayer::custom(panicked))
}

/// The console: pages, server functions and the live stream, behind sessions.
fn for_people(gateway: &Gateway, doors: &Doors) -> Router {
    let options = leptos_options();
    let names = assets::names();
    let public_url: Uri = doors.origin.parse().unwrap_or(Uri::from_static("http://localhost:8080"));
    let inside = Inside::new(gateway.clone(), doors.proxy.clone());
    let playground = Playground { gateway: gateway.clone(), inside, public_url: public_url.clone() };
    let flashes = Flashes { store: gateway.store().clone(), clock: gateway.clock().clone(), public_url };
    let context = {
        let (gateway, origin) = (gateway.clone(), doors.origin.clone());
        let player = playground.player();
        move || {
            provide_context(gateway.clone());
            provide_context(page::Origin(origin.clone()));
            provide_context(player.clone());
            // Before anything is read for the page.
            provide_context(page::Mark(gateway.mark()));
            page::provide();
        }
    };
    let routes = generate_route_list(console::App);
    let shell = move || console::shell(&names.js, &names.wasm, &names.css, names.worker.as_deref());
    // An address that no route knows is the console's to answer: it says so, and leads back.
    let nowhere = leptos_axum::render_app_async_with_context(context.clone(), shell);
    // leptos mounts the server functions together with the pages.
    let house = House { gateway: gateway.clone(), options, stop: doors.stop.clone(), playground };
    let pages = Router::new().leptos_routes_with_context(&house, routes, context, shell).fallback(nowhere);
    let origin = doors.origin.clone();
    flash::around(pages, flashes)
        .layer(CompressionLayer::new())
        // Compression would hold events back.
        .route("/live", get(live::changes))
        .route("/playground/stream", post(playground::stream))
        .route("/export/keys", get(page::export::keys).layer(CompressionLayer::new()))
        .layer(auth::session::sessions(gateway, &doors.origin))
        .layer(middleware::from_fn_with_state(origin, one_host))
        .with_state(house)
}

/// The run-time options; `LEPTOS_*` variables win.
fn leptos_options() -> LeptosOptions {
    leptos::config::get_config_from_str(include_str!("../Leptos.toml"))
        .or_else(|_| get_configuration(None).map(|file| file.leptos_options))
        .expect("Leptos.toml is part of the binary, and a test reads it")
}

/// Cookies and passkeys belong to one host name: whoever opens the console by its address is led to its name.
async fn one_host(State(origin): State<String>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let ours = origin.split("://").nth(1).unwrap_or_default();
    let port = ours.rsplit_once(':').map_or("", |(_, port)| port);
    let reads = request.method().is_safe() && host.starts_with("127.0.0.1");
    if reads && ours != host && ours.starts_with("localhost") && host.ends_with(port) {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        return Redirect::temporary(&format!("{origin}{path}")).into_response();
    }
    next.run(request).await
}

async fn ready(State(gateway): State<Gateway>) -> Response {
    match gateway.may_admit().await {
        Ok(true) => "ready\n".into_response(),
        Ok(false) => {
            (StatusCode::SERVICE_UNAVAILABLE, "this process has lost its lease on the books\n").into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be reached\n").into_response()
        }
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let message = "Something failed here that should not have. The log has the details.\n";
    let mut response = (StatusCode::INTERNAL_SERVER_ERROR, message).into_response();
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

impl FlashStore for Store {
    type Error = StoreError;

    async fn put(&self, id: &str, sealed: &str, expires_at: crate::domain::time::Time) -> Result<(), StoreError> {
        self.put_flash(id, sealed, expires_at).await
    }

    async fn take(&self, id: &str, now: crate::domain::time::Time) -> Result<Option<String>, StoreError> {
        self.take_flash(id, now).await
    }
}

/// Serves until `stop` is cancelled, then lets streams finish until `over` is, which cuts them; a client that does not
/// take even its last words is not waited for.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    over: CancellationToken,
) -> std::io::Result<()> {
    // Chunks leave as they arrive.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned());
    let late = async {
        over.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        ended = serving.into_future() => ended,
        () = late => Ok(()),
    }
}
