//! `cargo bench --bench admission`: what it takes to judge a call under eight limits and to hold it on their meters,
//! as a process does that has the database to itself. The goal is a microsecond, whatever the number of keys.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate::domain::amount::Amount;
use tollgate::domain::credits::Credits;
use tollgate::domain::id::CallId;
use tollgate::domain::ledger::{Ledger, Open};
use tollgate::domain::limit::{Limit, Measure, Owner, Scope};
use tollgate::domain::period::{Period, Zone};
use tollgate::domain::time::Time;

const SECOND: i64 = 1_000_000;
const NOON: Time = Time::from_micros(1_795_176_000 * SECOND);
/// Calls admitted between two looks at the clock.
const ROUND: usize = 1_000;
/// Keys whose sliding windows are full of buckets.
const BUSY: usize = 10;

struct Client {
    owners: Arc<[Owner]>,
    limits: Vec<Limit>,
}

impl Client {
    fn new(number: usize) -> Self {
        let key = Owner::new(Scope::Key, &format!("01a1f9d5-35d1-7505-aceb-{number:012}"));
        let account = Owner::new(Scope::Account, "01a1f9d5-2cf8-7ca1-9d8a-a3a3a3a3a3a3");
        let limit = |owner: &Owner, name, measure, period| Limit {
            owner: owner.clone(),
            name,
            measure,
            period,
            zone: Zone::utc(),
            max: i64::MAX / 4,
            rule: None,
        };
        let limits = vec![
            limit(&key, "rpm", Measure::Requests, Period::Minute),
            limit(&key, "tpm", Measure::Tokens, Period::Minute),
            limit(&key, "rpd", Measure::Requests, Period::RollingDay),
            limit(&key, "token_quota", Measure::Tokens, Period::Day),
            limit(&key, "monthly_tokens", Measure::Tokens, Period::Month),
            limit(&key, "monthly_spend", Measure::Credits, Period::Month),
            limit(&key, "credit_quota", Measure::Credits, Period::Lifetime),
            limit(&account, "monthly_spend", Measure::Credits, Period::Month),
        ];
        Self { owners: [key, account].into(), limits }
    }

    fn open(&self) -> Open {
        let held = Amount { requests: 1, tokens: 1_000, credits: Credits::from_nanos(2_000_000) };
        Open { owners: Arc::clone(&self.owners), at: NOON, held }
    }

    /// Loads its meters: with a bucket for each second and each quarter hour of their windows, or with one bucket.
    fn load(&self, ledger: &mut Ledger, busy: bool) {
        for limit in &self.limits {
            let used: Vec<(Time, i64)> = match limit.period.window() {
                Some((window, bucket)) if busy => {
                    let count = (window.as_micros() / bucket.as_micros()) as u32;
                    (0..count).rev().map(|back| (NOON.minus(bucket * back), 1)).collect()
                }
                _ => vec![(NOON, 1)],
            };
            ledger.load_own(limit, NOON, &used);
        }
    }
}

/// The time that the admission of `count` calls takes, by clients in an order that no cache foresees.
fn admit(ledger: &mut Ledger, clients: &[Client], count: u64) -> Duration {
    let (mut taken, mut left, mut place) = (Duration::ZERO, count, 1_usize);
    while left > 0 {
        let some = left.min(ROUND as u64) as usize;
        let calls: Vec<(CallId, Open, &Client)> = (0..some)
            .map(|number| {
                place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let client = &clients[(place >> 33) % clients.len()];
                (CallId(format!("01a1f9d5-35d1-7505-aceb-{number:012}")), client.open(), client)
            })
            .collect();
        let ids: Vec<CallId> = calls.iter().map(|(id, _, _)| id.clone()).collect();
        let began = Instant::now();
        for (id, open, client) in calls {
            black_box(ledger.admit(id, open, &client.limits)).expect("there is room");
        }
        taken += began.elapsed();
        // The holds end outside of what is measured, so that every round finds the same books.
        for id in &ids {
            ledger.release(id);
        }
        left -= some as u64;
    }
    taken
}

fn admission(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admission_under_8_limits");
    group.throughput(Throughput::Elements(1)).sample_size(30).measurement_time(Duration::from_secs(4));
    for keys in [10, 1_000, 100_000] {
        let clients: Vec<Client> = (0..keys).map(Client::new).collect();
        let mut ledger = Ledger::default();
        for (number, client) in clients.iter().enumerate() {
            client.load(&mut ledger, number < BUSY);
        }
        group.bench_function(BenchmarkId::new("ten_busy_keys_of", keys), |bencher| {
            bencher.iter_custom(|count| admit(&mut ledger, &clients[..BUSY], count));
        });
        group.bench_function(BenchmarkId::new("every_key_of", keys), |bencher| {
            bencher.iter_custom(|count| admit(&mut ledger, &clients, count));
        });
    }
    group.finish();
}

criterion_group!(benches, admission);
criterion_main!(benches);
