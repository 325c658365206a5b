//! PostgreSQL stopped and frozen, processes paused: refused at once, nothing uncounted, and up again without a hand.

use super::books::{alone, long, nodes, nodes_on, number};
use super::calling::{Answer, chat};
use super::chance::Chance;
use super::load::{Load, Made, assert_logged};
use super::postgres::{Server, Stop};
use super::running::{Key, Place, Process};
use super::upstream::{self, USES, Upstream};
use serde_json::json;
use std::time::{Duration, Instant};
use tollgate::store::Store;

const CALLERS: usize = 16;

async fn call(process: &Process, key: &Key) -> Answer {
    chat(process.address, &key.secret, &upstream::call("counted"), Duration::ZERO).await.expect("an answer")
}

/// Calls through every process until it is served again; how long that took.
async fn served_again(nodes: &[Process], key: &Key) -> Duration {
    let began = Instant::now();
    for node in nodes {
        // It may serve a moment before it has renewed its lease, and so before it calls itself ready.
        while call(node, key).await.status != 200 || node.get("/readyz").await.0 != 200 {
            assert!(began.elapsed() < Duration::from_secs(20), "{} does not serve again", node.address);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    began.elapsed()
}

/// Everything that reached the upstream has been charged, at least what it used.
async fn assert_counted(store: &Store, upstream: &Upstream) {
    let counted = |what: &str| {
        format!("select cast(coalesce(sum({what}), 0) as bigint) from calls where model = '{}'", upstream::MODEL)
    };
    let reached = i64::try_from(upstream.in_all()).expect("few");
    let (requests, tokens) =
        (number(store, &counted("requests")).await, number(store, &counted("input_tokens + output_tokens")).await);
    assert!(requests >= reached && tokens >= reached * USES, "{reached} sent; {requests}, {tokens} tokens counted");
}

/// Waits until no call is in flight.
async fn idle(store: &Store) {
    let began = Instant::now();
    while number(store, "select count(*) from calls where state = 'pending'").await > 0 {
        assert!(began.elapsed() < Duration::from_secs(15), "calls stay held");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Calls that began while the books were away were refused, each within its time.
fn assert_refused(made: &[Made], from: Instant, to: Instant, within: Duration) -> usize {
    let during: Vec<&Made> = made.iter().filter(|call| call.began >= from && call.began < to).collect();
    for call in &during {
        // `None`: it hung up, or asked a process whose answer never began.
        if let Some(answer) = &call.answer {
            assert_eq!((call.status(), answer.code().as_str()), (Some(503), "books_unavailable"), "{call:?}");
        }
        assert!(call.took < within, "{call:?}");
    }
    during.len()
}

struct Scene {
    nodes: Vec<Process>,
    store: Store,
    upstream: Upstream,
    key: Key,
    load: Load,
}

impl Scene {
    /// Two processes under load, one half of it through a counting upstream.
    async fn start(place: Place, chance: &mut Chance) -> Self {
        let nodes = nodes_on(2, place).await;
        let store = nodes[0].store().await;
        let upstream = Upstream::start(&nodes[0], Duration::from_millis(30)).await;
        let key = nodes[0].key(json!({ "name": "limited", "limits": { "monthly_tokens": 100_000_000 } })).await;
        let other = nodes[0].key(json!({ "name": "other" })).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let load = Load::start(CALLERS, &nodes, &[&key, &other], chance);
        served_again(&nodes, &key).await;
        tokio::time::sleep(Duration::from_millis(chance.between(300, 900))).await;
        Self { nodes, store, upstream, key, load }
    }

    /// Calls the counting upstream all the time until `end`.
    async fn call_on(&self, end: Instant) {
        let calls = self.nodes.iter().map(|node| async move {
            while Instant::now() < end {
                call(node, &self.key).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        futures::future::join_all(calls).await;
    }

    /// After the fault: up again by itself, everything counted, nothing held.
    async fn recover(self) -> Vec<Made> {
        let took = served_again(&self.nodes, &self.key).await;
        println!("served again after {took:?}");
        let made = self.load.stop().await;
        idle(&self.store).await;
        assert_logged(&self.store, &made).await;
        assert_counted(&self.store, &self.upstream).await;
        self.nodes[0].assert_sound(self.nodes[0].audit().await);
        made
    }
}

async fn stopped_under_load(how: Stop, durability: &'static str) {
    let _alone = alone().await;
    let mut chance = Chance::new("PostgreSQL stopped");
    let Some(server) = Server::start() else { return };
    let place = Place { durability: Some(durability), ..server.database().await };
    let scene = Scene::start(place, &mut chance).await;
    server.stop(how);
    let down = Instant::now();
    let up = down + Duration::from_secs(8);
    scene.call_on(up).await;
    let (status, _) = scene.nodes[0].get("/readyz").await;
    assert_eq!(status, 503, "not ready while the books are away");
    server.go();
    let made = scene.recover().await;
    let settled = down + Duration::from_secs(4);
    let first = assert_refused(&made, down, settled, Duration::from_secs(4));
    let later = assert_refused(&made, settled, up, Duration::from_secs(1));
    assert!(first > 0 && later > CALLERS * 10, "{first} and {later} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_is_stopped_calls_are_refused_at_once_and_service_resumes_by_itself() {
    stopped_under_load(Stop::Fast, "process").await;
}

/// A database that crashes forgets what it has not flushed: `strict` is what waits for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_strict_durability_a_crash_of_postgres_loses_no_answer_that_a_client_has() {
    stopped_under_load(Stop::Immediate, "strict").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_postgres_hangs_calls_are_refused_in_time_and_service_resumes_by_itself() {
    let _alone = alone().await;
    let mut chance = Chance::new("PostgreSQL frozen");
    let Some(server) = Server::start() else { return };
    let scene = Scene::start(server.database().await, &mut chance).await;
    server.freeze();
    let down = Instant::now();
    let up = down + Duration::from_secs(12);
    scene.call_on(up).await;
    server.thaw();
    let made = scene.recover().await;
    // The transaction that met the hang is given up after five seconds; from then on nobody waits for another.
    let settled = down + Duration::from_secs(7);
    assert_refused(&made, down, settled, Duration::from_secs(7));
    let later = assert_refused(&made, settled, up - Duration::from_secs(1), Duration::from_secs(1));
    assert!(later > CALLERS * 10, "{later} calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_paused_for_longer_than_its_lease_is_fenced_and_comes_back_under_a_new_name() {
    let _alone = alone().await;
    let mut chance = Chance::new("a process paused");
    let Some(nodes) = nodes(3).await else { return };
    let store = nodes[0].store().await;
    let upstream = Upstream::start(&nodes[0], Duration::from_millis(50)).await;
    let key = nodes[0].key(json!({ "name": "limited", "limits": { "monthly_tokens": 100_000_000 } })).await;
    let known = || async { number(&store, "select count(*) from nodes").await };
    for _ in 0..if long() { 20 } else { 2 } {
        served_again(&nodes, &key).await;
        assert_eq!(known().await, 3);
        let load = Load::start(CALLERS, &nodes, &[&key], &mut chance);
        let counted = tokio::time::timeout(Duration::from_millis(chance.between(200, 700)), async {
            loop {
                futures::future::join_all(nodes.iter().map(|node| call(node, &key))).await;
            }
        });
        assert!(counted.await.is_err(), "it calls until the time is over");
        nodes[2].pause();
        let paused = Instant::now();
        // The others are not held up, though the paused one may hold locks in the middle of a transaction.
        while paused.elapsed() < Duration::from_millis(8_500) {
            let began = Instant::now();
            assert_eq!(call(&nodes[0], &key).await.status, 200);
            assert!(began.elapsed() < Duration::from_secs(5), "held up for {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(known().await, 2, "it is buried, and its calls are resolved");
        nodes[0].assert_sound(nodes[0].audit().await);
        nodes[2].go_on();
        served_again(&nodes, &key).await;
        let made = load.stop().await;
        idle(&store).await;
        // A name that it took and could not use, because the answer came too late, lapses like any other.
        let back = Instant::now();
        while known().await != 3 {
            assert!(back.elapsed() < Duration::from_secs(12), "it is back under one new name");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // An answer that it was sending when it was paused was charged whole by the others; whatever else a client has
        // is in the log as it was.
        let interrupted = "select count(*) from calls where usage_source = 'interrupted'";
        println!("{} calls, {} interrupted so far", made.len(), number(&store, interrupted).await);
        assert_counted(&store, &upstream).await;
        nodes[0].assert_sound(nodes[0].audit().await);
    }
}
