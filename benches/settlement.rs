//! `cargo bench --bench settlement`: settlements a second on the embedded database, in batches as the journal writes
//! them: the row of each call, its part in the rollups, one commit. The goal is 20,000 a second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use tollgate::clock::Clock;
use tollgate::domain::call::{Arrival, Attempt, Bound, Settlement};
use tollgate::domain::credits::Credits;
use tollgate::domain::id::NodeId;
use tollgate::domain::usage::{Usage, UsageSource};
use tollgate::domain::wallet::Funding;
use tollgate::store::usage::{Posting, together};
use tollgate::store::{Durability, Store};

/// As many as the journal puts in one transaction.
const BATCH: usize = 256;
const KEYS: usize = 50;

fn arrival(clock: &Clock, number: usize) -> Arrival {
    Arrival {
        id: clock.id().into(),
        at: clock.now(),
        key_id: format!("01a1f9d5-35d1-7505-aceb-{:012}", number % KEYS).into(),
        key_name: "production-web".to_owned(),
        account_id: "01a1f9d5-2cf8-7ca1-9d8a-a3a3a3a3a3a3".into(),
        group_id: None,
        funding: Funding::None,
        endpoint: "/v1/chat/completions".to_owned(),
        dialect: "openai".to_owned(),
        model: "gpt-4.1-mini".to_owned(),
        stream: true,
        client_ip: "192.0.2.17".to_owned(),
        user_agent: "OpenAI/Python 1.99.1".to_owned(),
        client_request_id: None,
    }
}

fn settlement(arrival: &Arrival) -> Settlement {
    let attempt = Attempt {
        provider: "openai".to_owned(),
        upstream_model: "gpt-4.1-mini".to_owned(),
        status: Some(200),
        error: None,
        ms: 812,
        ..Attempt::default()
    };
    Settlement {
        id: arrival.id.clone(),
        status: 200,
        usage: Usage::new(1_204, 512),
        cost: Credits::from_nanos(8_130_000),
        cost_basis: "(1204 input × 2.50 + 512 output × 10.00) / 1,000,000".to_owned(),
        price_version: None,
        usage_source: UsageSource::Upstream,
        provider: "openai".to_owned(),
        first_byte_ms: Some(201),
        total_ms: 812,
        attempts: vec![attempt],
        dispatched: true,
        error: None,
    }
}

/// Writes a batch of calls down, and gives the time it takes to settle them.
async fn settle(store: &Store, clock: &Clock) -> Duration {
    let node = NodeId("node".to_owned());
    let bound = Bound { input: 4_000, output: 4_096, cost: Credits::from_nanos(50_960_000), ..Bound::default() };
    let arrivals: Vec<Arrival> = (0..BATCH).map(|number| arrival(clock, number)).collect();
    let mut tx = store.begin().await.expect("the store");
    for arrival in &arrivals {
        Store::insert_pending(&mut tx, arrival, &bound, &node).await.expect("the store");
    }
    tx.commit().await.expect("the store");
    let settlements: Vec<Settlement> = arrivals.iter().map(settlement).collect();
    let began = Instant::now();
    let mut tx = store.begin().await.expect("the store");
    for settlement in &settlements {
        assert!(Store::settle_call(&mut tx, settlement).await.expect("the store"));
    }
    let postings = arrivals.iter().zip(&settlements).map(|(arrival, ended)| Posting::settled(arrival, ended));
    Store::post_usage(&mut tx, &together(postings.collect())).await.expect("the store");
    tx.commit().await.expect("the store");
    began.elapsed()
}

fn settlements(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut group = criterion.benchmark_group("settlement_in_batches_of_256");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20).measurement_time(Duration::from_secs(6));
    for durability in [Durability::Process, Durability::Strict] {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        let store = runtime.block_on(async {
            let store = Store::open(&url, durability).await.expect("the store");
            store.migrate().await.expect("the tables");
            if std::env::var_os("DROP_INDEX").is_some() {
                let pool = sqlx::SqlitePool::connect(&url).await.expect("db");
                sqlx::query("drop index calls_settled").execute(&pool).await.expect("dropped");
                pool.close().await;
            }
            store
        });
        let name = format!("{durability:?}").to_lowercase();
        group.bench_function(BenchmarkId::new("sqlite", name), |bencher| {
            bencher.iter_custom(|count| {
                runtime.block_on(async {
                    let mut taken = Duration::ZERO;
                    for _ in 0..count {
                        taken += settle(&store, &Clock::System).await;
                    }
                    taken
                })
            });
        });
        runtime.block_on(store.close());
    }
    group.finish();
}

criterion_group!(benches, settlements);
criterion_main!(benches);
