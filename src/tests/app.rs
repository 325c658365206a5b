//! A whole gateway for one test: its own database, a clock wound by hand, and upstreams that follow a script.

use crate::clock::Clock;
use crate::domain::account::{Account, Role};
use crate::domain::call::Call;
use crate::domain::credits::Credits;
use crate::domain::id::CallId;
use crate::domain::key::KeySpec;
use crate::domain::model::{Model, Route};
use crate::domain::price::{Kind, PerMillion, Price};
use crate::domain::provider::{ProviderKind, ProviderSpec, Timeouts};
use crate::domain::time::Time;
use crate::gateway::issue::Issued;
use crate::gateway::seal::{MasterKey, random_text};
use crate::gateway::{Gateway, PrivateUpstreams, Terms};
use crate::proxy::{self, Patience, ProxyTerms, Retries, Vocabularies};
use crate::store::{Durability, Store};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A call is tried once, so that a script says what is asked of it; tests of retries ask for them.
const NONE: Retries = Retries { most: 0, pause: Duration::ZERO };

/// A gateway and what a test holds of it. The database goes with it.
pub struct TestApp {
    pub gateway: Gateway,
    pub clock: Clock,
    pub admin: Account,
    router: Router,
    pub vocabularies: Arc<Vocabularies>,
    /// Cuts every call, as the end of the drain time does.
    pub cut: CancellationToken,
    pub store: Store,
    pub master: MasterKey,
    folder: Arc<tempfile::TempDir>,
}

/// Runs a test on SQLite, and on PostgreSQL where `./test` has started one.
pub async fn on_both<F: Future<Output = ()>>(test: impl Fn(TestApp) -> F) {
    for app in [Some(TestApp::sqlite().await), TestApp::postgres().await].into_iter().flatten() {
        // A test that takes only parts of its app must not lose the database's folder to that.
        let kept = Arc::clone(&app.folder);
        test(app).await;
        drop(kept);
    }
}

impl TestApp {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self::at(&url, folder).await
    }

    /// A database of its own on the server that TOLLGATE_TEST_POSTGRES names; `None` where there is no server.
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("TOLLGATE_TEST_POSTGRES").ok()?;
        let name = format!("test_{}", random_text(12).to_lowercase());
        let pool = sqlx::PgPool::connect(&server).await.expect("the server answers");
        let create = sqlx::AssertSqlSafe(format!("create database {name}"));
        sqlx::query(create).execute(&pool).await.expect("a database");
        let (base, _) = server.rsplit_once('/').expect("a database in the URL");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self::at(&format!("{base}/{name}"), folder).await)
    }

    async fn at(url: &str, folder: tempfile::TempDir) -> Self {
        let clock = Clock::by_hand(Time::parse("2026-11-20T14:00:00Z").expect("a time"));
        let store = Store::open(url, Durability::Process).await.expect("a store");
        store.migrate().await.expect("migrations");
        let master = MasterKey::random();
        let gateway =
            Gateway::open(store.clone(), clock.clone(), master.clone(), Terms::default()).await.expect("a gateway");
        gateway.take_up_books().await.expect("the books");
        let admin = gateway.create_account("admin@example.com", "Ada", Role::Admin, "unused").await.expect("an admin");
        let terms = ProxyTerms { max_body_bytes: 64 << 10, retries: NONE, ..ProxyTerms::default() };
        let (vocabularies, cut) = (Arc::clone(&terms.vocabularies), terms.cut.clone());
        let router = proxy::router(gateway.clone(), terms);
        Self { gateway, clock, admin, router, vocabularies, cut, store, master, folder: Arc::new(folder) }
    }

    /// The same books opened by a new process, as after a crash: nothing of the old one's memory is left.
    pub async fn reopened(self) -> Self {
        let Self { clock, admin, vocabularies, store, master, folder, .. } = self;
        let gateway =
            Gateway::open(store.clone(), clock.clone(), master.clone(), Terms::default()).await.expect("a gateway");
        // Where the books are shared, the old process's lease runs out first.
        store.expire_leases().await.expect("expired");
        gateway.take_up_books().await.expect("the books");
        if store.is_shared() {
            gateway.bury_the_silent().await.expect("the books");
        }
        let terms = ProxyTerms { vocabularies: Arc::clone(&vocabularies), retries: NONE, ..ProxyTerms::default() };
        let cut = terms.cut.clone();
        let router = proxy::router(gateway.clone(), terms);
        Self { gateway, clock, admin, router, vocabularies, cut, store, master, folder }
    }

    /// The same gateway behind a door that waits for nobody longer than this.
    pub fn patient(self, patience: Patience) -> Self {
        let (vocabularies, cut) = (Arc::clone(&self.vocabularies), self.cut.clone());
        let terms = ProxyTerms { vocabularies, cut, patience, retries: NONE, ..ProxyTerms::default() };
        Self { router: proxy::router(self.gateway.clone(), terms), ..self }
    }

    /// The same gateway behind a door that tries failed calls so often again, almost at once.
    pub fn retrying(self, most: u32) -> Self {
        let (vocabularies, cut) = (Arc::clone(&self.vocabularies), self.cut.clone());
        let retries = Retries { most, pause: Duration::from_millis(1) };
        let terms = ProxyTerms { vocabularies, cut, retries, ..ProxyTerms::default() };
        Self { router: proxy::router(self.gateway.clone(), terms), ..self }
    }

    /// The same books, opened by a process that lets no provider be on a private address.
    pub async fn denying_private_upstreams(self) -> Self {
        let terms = Terms { private_upstreams: PrivateUpstreams::Deny, ..Terms::default() };
        let opened = Gateway::open(self.store.clone(), self.clock.clone(), self.master.clone(), terms).await;
        let gateway = opened.expect("a gateway");
        gateway.take_up_books().await.expect("the books");
        let terms = ProxyTerms { vocabularies: Arc::clone(&self.vocabularies), retries: NONE, ..ProxyTerms::default() };
        Self { router: proxy::router(gateway.clone(), terms), gateway, ..self }
    }

    /// Answers at this address, until the test ends.
    pub async fn listen(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Another process on the same books, which has just started.
    pub async fn another(&self) -> Gateway {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let gateway = Gateway::open(store, clock, self.master.clone(), Terms::default()).await.expect("a gateway");
        gateway.take_up_books().await.expect("the books");
        gateway
    }

    pub async fn key(&self, change: impl FnOnce(&mut KeySpec)) -> Issued {
        let mut spec = KeySpec::named("web");
        change(&mut spec);
        self.gateway.create_key(&self.admin, spec).await.expect("a key")
    }

    /// A model `name` on an OpenAI-compatible upstream at `base_url`: 2.50 credits a million input tokens, 1.25
    /// cached, 10 output.
    pub async fn model(&self, name: &str, base_url: &str) {
        self.model_at(name, "upstream-model", base_url).await;
    }

    /// The same, by the name that the upstream knows it by.
    pub async fn model_at(&self, name: &str, upstream_model: &str, base_url: &str) {
        self.model_of(ProviderKind::Openai, name, upstream_model, base_url).await;
    }

    /// The same, on an upstream of another kind.
    pub async fn model_of(&self, kind: ProviderKind, name: &str, upstream_model: &str, base_url: &str) {
        let spec = ProviderSpec {
            name: format!("provider of {name}"),
            kind,
            base_url: base_url.to_owned(),
            credentials: Some(vec!["sk-upstream-secret".to_owned()]),
            enabled: true,
            usage_option: true,
            responses: None,
            timeouts: Timeouts::default(),
            max_concurrency: None,
        };
        let provider = self.gateway.create_provider(&self.admin, spec).await.expect("a provider");
        let credits = |text| Credits::parse(text).expect("money");
        let price = PerMillion::new(credits("2.5"), credits("10")).with(Kind::CachedInput, credits("1.25"));
        let route =
            Route { provider_id: provider.id, upstream_model: upstream_model.to_owned(), weight: 1, priority: 0 };
        let model = Model {
            name: name.to_owned(),
            display_name: String::new(),
            context_length: None,
            max_output_tokens: None,
            capabilities: Vec::new(),
            price: Some(Price::from(price)),
            price_version: 0,
            routes: vec![route],
            fallbacks: Vec::new(),
            enabled: true,
        };
        self.gateway.create_model(&self.admin, model).await.expect("a model");
    }

    /// Gives a model another price, as the management API writes one.
    pub async fn price(&self, name: &str, price: &str) {
        let known = self.gateway.model(name).expect("a model");
        let price = serde_json::from_str(price).expect("a price");
        let model = Model { price: Some(price), ..Model::clone(&known) };
        self.gateway.edit_model(&self.admin, name, model).await.expect("a model");
    }

    pub async fn post(&self, secret: &str, path: &str, body: impl Into<Body>) -> Response<Body> {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {secret}"))
            .header("content-type", "application/json")
            .body(body.into())
            .expect("a request");
        self.send(request).await
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("the router never fails")
    }

    /// A chat completion, read to its end.
    pub async fn chat(&self, secret: &str, body: Value) -> Answer {
        Answer::read(self.post(secret, "/v1/chat/completions", body.to_string()).await).await
    }

    /// The log row of an answer, when everything is written.
    pub async fn row(&self, answer: &Answer) -> Call {
        self.gateway.settled().await.expect("the books");
        let id = CallId(answer.header("x-request-id").to_owned());
        self.gateway.call(&self.admin, &id).await.expect("a row")
    }

    /// Waits until no call is in flight.
    pub async fn idle(&self) {
        while self.gateway.calls_in_flight() > 0 {
            tokio::task::yield_now().await;
        }
        self.gateway.settled().await.expect("the books");
    }

    /// What the key's first limit shows as settled and held.
    pub async fn first_meter(&self, issued: &Issued) -> (i64, i64) {
        let standings = self.gateway.standings(&issued.key).await.expect("meters");
        (standings[0].reading.settled, standings[0].reading.held)
    }
}

/// An answer read to its end.
pub struct Answer {
    pub status: StatusCode,
    headers: axum::http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Self { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The code of the refusal.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}
