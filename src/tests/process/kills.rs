//! `kill -9` at random moments under load: nothing that a client has is missing, nothing is overspent, nothing stays
//! held.

use super::books::{alone, long, nodes, number, tokens};
use super::chance::Chance;
use super::load::{Load, Made, assert_logged};
use super::running::{Key, Process};
use serde_json::json;
use std::time::{Duration, Instant};
use tollgate::store::Store;

const CALLERS: usize = 24;
/// Tokens of the key that runs dry in each cycle.
const BUDGET: i64 = 400;
/// A dead process's lease, and the two seconds in which others must have resolved its calls.
const RESOLVED: Duration = Duration::from_secs(6 + 2);

fn cycles() -> usize {
    if long() { 1_000 } else { 20 }
}

async fn keys(process: &Process, cycle: usize) -> [Key; 2] {
    let limits = json!({ "monthly_tokens": BUDGET, "rpm": 1_000 });
    [
        process.key(json!({ "name": format!("free {cycle}") })).await,
        process.key(json!({ "name": format!("limited {cycle}"), "limits": limits })).await,
    ]
}

async fn assert_not_overspent(store: &Store, key: &Key) {
    let spent = tokens(store, &key.id).await;
    assert!(spent <= BUDGET, "{spent} of {BUDGET}");
}

fn completed(made: &[Made]) -> usize {
    made.iter().filter(|call| call.is_complete()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_killed_again_and_again_under_load_keeps_its_books() {
    let _alone = alone().await;
    let mut chance = Chance::new("kills of one process");
    let mut process = [Process::start().await];
    let store = process[0].store().await;
    let mut whole = 0;
    for cycle in 0..cycles() {
        let [free, limited] = keys(&process[0], cycle).await;
        let load = Load::start(CALLERS, &process, &[&free, &limited], &mut chance);
        tokio::time::sleep(Duration::from_millis(chance.between(20, 600))).await;
        process[0].kill().await;
        let made = load.stop().await;
        process[0].restart().await;
        whole += completed(&made);
        assert_logged(&store, &made).await;
        assert_not_overspent(&store, &limited).await;
        assert_eq!(number(&store, "select count(*) from calls where state = 'pending'").await, 0);
        process[0].assert_sound(process[0].audit().await);
    }
    println!("{whole} whole answers over {} kills", cycles());
    assert!(whole > cycles() * 5, "only {whole} answers were whole: that proves little");
}

/// The shared database's own clock, in microseconds.
async fn store_time(store: &Store) -> i64 {
    number(store, "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)").await
}

/// No call from before `killed_at` is in flight any more when a dead process's calls must have been resolved.
async fn assert_resolved(store: Store, killed: Instant, killed_at: i64) {
    let sql = format!("select count(*) from calls where state = 'pending' and at <= {killed_at}");
    while number(&store, &sql).await > 0 {
        assert!(killed.elapsed() < RESOLVED, "calls of a dead process are held for {:?}", killed.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_processes_killed_again_and_again_under_load_is_resolved_by_the_others() {
    let _alone = alone().await;
    let mut chance = Chance::new("kills of one of three");
    let Some(mut nodes) = nodes(3).await else { return };
    let store = nodes[0].store().await;
    let (mut limited, mut resolved, mut whole) = (Vec::new(), Vec::new(), 0);
    for cycle in 0..cycles() {
        let [free, dry] = keys(&nodes[0], cycle).await;
        let load = Load::start(CALLERS, &nodes, &[&free, &dry], &mut chance);
        tokio::time::sleep(Duration::from_millis(chance.between(50, 600))).await;
        // The first one stays: a process that has just started leaves the others a moment before it holds any for dead.
        let victim = 1 + chance.draw() as usize % (nodes.len() - 1);
        nodes[victim].kill().await;
        let (killed, killed_at) = (Instant::now(), store_time(&store).await);
        resolved.push(tokio::spawn(assert_resolved(store.clone(), killed, killed_at)));
        // The others go on meanwhile.
        tokio::time::sleep(Duration::from_millis(chance.between(50, 300))).await;
        let made = load.stop().await;
        nodes[victim].restart().await;
        whole += completed(&made);
        assert_logged(&store, &made).await;
        assert_not_overspent(&store, &dry).await;
        limited.push(dry);
        // The books balance whether or not the dead one's calls have been resolved yet.
        nodes[0].assert_sound(nodes[0].audit().await);
    }
    for one in resolved {
        one.await.expect("resolved in time");
    }
    assert_eq!(number(&store, "select count(*) from calls where state = 'pending'").await, 0);
    for key in &limited {
        assert_not_overspent(&store, key).await;
    }
    nodes[0].assert_sound(nodes[0].audit().await);
    println!("{whole} whole answers over {} kills", cycles());
    assert!(whole > cycles() * 5, "only {whole} answers were whole: that proves little");
}
