//! `cargo bench --bench hot_key`: whole calls of one limited key, admitted, written down and settled, without an
//! upstream: on the embedded database, and on PostgreSQL with one process and with three that lock the same rows in
//! turn. TOLLGATE_TEST_POSTGRES names the server; without it the embedded database is measured alone.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tollgate::clock::Clock;
use tollgate::domain::account::Role;
use tollgate::domain::call::Arrival;
use tollgate::domain::credits::Credits;
use tollgate::domain::key::KeySpec;
use tollgate::domain::usage::{Usage, UsageSource};
use tollgate::domain::wallet::Funding;
use tollgate::gateway::admit::{Ceiling, Output};
use tollgate::gateway::seal::{MasterKey, random_text};
use tollgate::gateway::{Gateway, Terms};
use tollgate::jobs;
use tollgate::store::{Durability, Store};

const LASTS: Duration = Duration::from_secs(5);

/// So many gateways on one database, each with connections and a journal of its own, and the secret of the hot key.
async fn gateways(url: &str, count: usize, stop: &CancellationToken) -> (Vec<Gateway>, String) {
    let master = MasterKey::random();
    let mut gateways = Vec::new();
    for _ in 0..count {
        let store = Store::open(url, Durability::Process).await.expect("the store");
        store.migrate().await.expect("the tables");
        let gateway = Gateway::open(store, Clock::System, master.clone(), Terms::default()).await.expect("a gateway");
        gateway.take_up_books().await.expect("the books");
        jobs::spawn(&gateway, stop, stop);
        gateways.push(gateway);
    }
    let admin = gateways[0].create_account("ada@example.com", "Ada", Role::Admin, "unused").await.expect("an admin");
    let mut spec = KeySpec::named("hot");
    spec.limits.rpm = Some(100_000_000);
    spec.limits.tpm = Some(1_000_000_000_000);
    spec.limits.monthly_tokens = Some(1_000_000_000_000);
    spec.limits.monthly_spend = Credits::parse("1000000");
    let secret = gateways[0].create_key(&admin, spec).await.expect("a key").secret;
    (gateways, secret)
}

/// One call from its secret to its settlement; how long it waited to be let through, and to be settled.
async fn call(gateway: &Gateway, secret: &str) -> (Duration, Duration) {
    let holder = gateway.authenticate(secret).await.expect("a key");
    let model = gateway.model("tollgate/fill").expect("stocked");
    let clock = gateway.clock();
    let arrival = Arrival {
        id: clock.id().into(),
        at: clock.now(),
        key_id: holder.key.id.clone(),
        key_name: holder.key.name.clone(),
        account_id: holder.key.account_id.clone(),
        group_id: None,
        funding: Funding::None,
        endpoint: "/v1/chat/completions".to_owned(),
        dialect: "openai".to_owned(),
        model: model.name.clone(),
        stream: false,
        client_ip: "192.0.2.17".to_owned(),
        user_agent: "bench".to_owned(),
        client_request_id: None,
    };
    let began = Instant::now();
    let ceiling = Ceiling::tokens(100, Output::Declared(500));
    let mut hold = gateway.admit(&holder, &model, arrival, ceiling).await.expect("there is room");
    let admitted = began.elapsed();
    hold.dispatched("builtin");
    let began = Instant::now();
    hold.settle(200, Usage::new(80, 300), UsageSource::Upstream, None).await;
    (admitted, began.elapsed())
}

fn at(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1_000.0
}

async fn measure(what: &str, url: &str, nodes: usize, callers: usize) {
    let stop = CancellationToken::new();
    let (gateways, secret) = gateways(url, nodes, &stop).await;
    call(&gateways[0], &secret).await;
    let (secret, began) = (Arc::new(secret), Instant::now());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (gateway, secret) = (gateways[caller % nodes].clone(), Arc::clone(&secret));
            tokio::spawn(async move {
                let mut taken = Vec::new();
                while began.elapsed() < LASTS {
                    taken.push(call(&gateway, &secret).await);
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.expect("a caller"));
    }
    let rate = taken.len() as f64 / began.elapsed().as_secs_f64();
    let (mut admitted, mut settled): (Vec<Duration>, Vec<Duration>) = taken.into_iter().unzip();
    admitted.sort();
    settled.sort();
    println!(
        "| {what} | {nodes} | {callers} | {rate:.0} | {:.2} / {:.2} | {:.2} / {:.2} |",
        at(&admitted, 50),
        at(&admitted, 99),
        at(&settled, 50),
        at(&settled, 99)
    );
    stop.cancel();
    let audit = gateways[0].store().audit(&Clock::System).await.expect("the store");
    assert!(audit.differences.is_empty(), "{:#?}", audit.differences);
}

async fn measure_postgres(server: &str, nodes: usize, callers: usize) {
    let name = format!("bench_{}", random_text(12).to_lowercase());
    let pool = sqlx::PgPool::connect(server).await.expect("the server answers");
    sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&pool).await.expect("a database");
    let (base, _) = server.rsplit_once('/').expect("a database in the URL");
    measure("PostgreSQL", &format!("{base}/{name}"), nodes, callers).await;
    let gone = format!("drop database {name} with (force)");
    sqlx::query(sqlx::AssertSqlSafe(gone)).execute(&pool).await.expect("it goes");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        println!("| database | processes | callers | calls/s | admitted in ms, p50 / p99 | settled in ms, p50 / p99 |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for callers in [1, 24, 192] {
            let folder = tempfile::tempdir().expect("a folder");
            let url = format!("sqlite://{}", folder.path().join("bench.db").display());
            measure("SQLite", &url, 1, callers).await;
        }
        let Ok(server) = std::env::var("TOLLGATE_TEST_POSTGRES") else { return };
        for nodes in [1, 3] {
            for callers in [3, 24, 192] {
                measure_postgres(&server, nodes, callers).await;
            }
        }
    });
}
