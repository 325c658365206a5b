//! Budgets and rates hold over one process and over three, to the call.

use super::books::{alone, long, nodes, number, numbers, tokens};
use super::calling::chat;
use super::running::{Key, Process};
use super::upstream::{self, USES, Upstream};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const KEYS: usize = 10;
const CALLERS: usize = 50;
const AFFORDED: usize = 10;
/// How long a call is in flight.
const FLIGHT: Duration = Duration::from_millis(150);

/// Calls until it is let through, or told that trying again will not help. Whether it got through.
async fn persist(process: &Process, secret: &str, body: &Value) -> bool {
    loop {
        let answer = chat(process.address, secret, body, FLIGHT).await.expect("an answer");
        match (answer.status, answer.should_retry) {
            (200, _) => return true,
            // Blocked by calls in flight alone; or, on a machine that is very busy, by a database that is slow.
            (402 | 503, Some(true)) => {
                assert_eq!(answer.retry_after, Some(1));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            (402, _) => return false,
            _ => panic!("{answer:?}"),
        }
    }
}

/// Fifty callers at once on a key for exactly ten calls, for ten keys at once, spread over the processes.
async fn fifty_on_ten(processes: &[Process]) {
    let upstream = Upstream::start(&processes[0], FLIGHT).await;
    tokio::time::sleep(Duration::from_secs(1)).await; // The others hear of the new model.
    let probe = processes[0].key(json!({ "name": "probe", "limits": { "monthly_tokens": 1 } })).await;
    let refused = chat(processes[0].address, &probe.secret, &upstream::call("key 0"), FLIGHT).await.expect("an answer");
    let holds = refused.limit("requested").as_i64().expect("a number");
    assert!(holds > USES, "calls hold more than they use");
    // Nine have settled and the tenth is in flight: that is all there is room for.
    let budget = (AFFORDED as i64 - 1) * USES + holds;
    let keys: Vec<Key> = join_all((0..KEYS).map(|number| {
        let spec = json!({ "name": format!("key {number}"), "limits": { "monthly_tokens": budget } });
        processes[0].key(spec)
    }))
    .await;
    let passed = join_all(keys.iter().enumerate().map(|(number, key)| async move {
        let body = upstream::call(&format!("key {number}"));
        let callers = (0..CALLERS).map(|caller| persist(&processes[caller % processes.len()], &key.secret, &body));
        join_all(callers).await.into_iter().filter(|passed| *passed).count()
    }))
    .await;
    assert_eq!(passed, [AFFORDED; KEYS]);
    let store = processes[0].store().await;
    for (number, key) in keys.iter().enumerate() {
        let seen = upstream.seen(&format!("key {number}"));
        assert_eq!(seen.in_all, AFFORDED, "as many were sent as were let through");
        assert!(seen.at_once as i64 * holds <= budget, "{} at once hold more than {budget}", seen.at_once);
        assert_eq!(tokens(&store, &key.id).await, AFFORDED as i64 * USES);
    }
    processes[0].assert_sound(processes[0].audit().await);
}

#[tokio::test]
async fn fifty_callers_on_a_budget_for_ten_are_ten_on_one_process() {
    let _alone = alone().await;
    fifty_on_ten(&[Process::start().await]).await;
}

#[tokio::test]
async fn fifty_callers_on_a_budget_for_ten_are_ten_over_three_processes() {
    let _alone = alone().await;
    if let Some(nodes) = nodes(3).await {
        fifty_on_ten(&nodes).await;
    }
}

/// The built-in provider says exactly what it will use, so all ten fit at once.
#[tokio::test]
async fn calls_that_use_what_they_hold_pass_ten_at_once_and_no_more_over_three_processes() {
    let _alone = alone().await;
    let Some(nodes) = nodes(3).await else { return };
    let key = nodes[0].key(json!({ "name": "exact", "limits": { "monthly_spend": "0.000200" } })).await;
    let body = json!({ "model": "tollgate/fill", "max_tokens": 10, "messages": [] });
    let long_flight = Duration::from_secs(3);
    let calls = (0..CALLERS).map(|caller| chat(nodes[caller % 3].address, &key.secret, &body, long_flight));
    let answers: Vec<_> = join_all(calls).await.into_iter().map(|answer| answer.expect("an answer")).collect();
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), AFFORDED);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let told = (refused.code(), refused.should_retry, refused.retry_after);
        assert_eq!(told, ("quota_exceeded".to_owned(), Some(true), Some(1)), "only calls in flight are in the way");
    }
    nodes[0].assert_sound(nodes[0].audit().await);
}

/// No stretch of sixty seconds holds more than sixty of these instants, in microseconds.
#[track_caller]
fn assert_no_minute_has_more_than_60(instants: &[i64]) {
    for pair in instants.windows(61) {
        assert!(pair[60] - pair[0] >= 60_000_000, "61 calls within {} microseconds", pair[60] - pair[0]);
    }
}

#[tokio::test]
async fn a_key_with_60_requests_a_minute_has_60_over_three_processes_and_all_of_them() {
    let _alone = alone().await;
    let Some(nodes) = nodes(3).await else { return };
    let key = nodes[0].key(json!({ "name": "rate", "limits": { "rpm": 60 } })).await;
    let body = json!({ "model": "tollgate/echo", "messages": [{ "role": "user", "content": "hi" }] });
    let (nodes, key, body) = (&nodes, &key, &body);
    // Over two seconds, so that they fall into several of the second-long buckets.
    let calls = join_all((0..90).map(|number: usize| async move {
        tokio::time::sleep(Duration::from_millis(number as u64 * 22)).await;
        chat(nodes[number % 3].address, &key.secret, body, Duration::ZERO).await.expect("an answer")
    }));
    let answers = calls.await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 60);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limit_exceeded"));
        assert!(refused.retry_after.is_some_and(|wait| (1..=62).contains(&wait)), "{refused:?}");
    }
    if long() {
        keep_calling(nodes, key, body).await;
    }
    let store = nodes[0].store().await;
    let sql = format!("select at from calls where key_id = '{}' and requests = 1 order by at", key.id);
    let instants = numbers(&store, &sql).await;
    assert!(instants.len() >= if long() { 170 } else { 60 }, "{} calls", instants.len());
    assert_no_minute_has_more_than_60(&instants);
    nodes[0].assert_sound(nodes[0].audit().await);
}

/// Two and a half minutes of callers who come back when they are told to.
async fn keep_calling(nodes: &[Process], key: &Key, body: &Value) {
    let end = Instant::now() + Duration::from_secs(150);
    join_all((0..30).map(|caller: usize| async move {
        while Instant::now() < end {
            let node = &nodes[caller % nodes.len()];
            let answer = chat(node.address, &key.secret, body, Duration::ZERO).await.expect("an answer");
            let wait = answer.retry_after.map_or(Duration::from_millis(50), Duration::from_secs);
            tokio::time::sleep(wait).await;
        }
    }))
    .await;
}

/// How long it takes until a call through this process has this status.
async fn until(process: &Process, key: &Key, status: u16) -> Duration {
    let began = Instant::now();
    let body = json!({ "model": "tollgate/fill", "max_tokens": 5, "messages": [] });
    loop {
        let answer = chat(process.address, &key.secret, &body, Duration::ZERO).await.expect("an answer");
        if answer.status == status {
            return began.elapsed();
        }
        assert!(began.elapsed() < Duration::from_secs(10), "still {answer:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_limit_raised_and_a_key_revoked_through_one_process_are_so_for_another_within_a_second() {
    let _alone = alone().await;
    let Some(nodes) = nodes(2).await else { return };
    let second = Duration::from_secs(1);
    for round in 0..5 {
        let key = nodes[0].key(json!({ "name": format!("r{round}"), "limits": { "monthly_tokens": 4 } })).await;
        until(&nodes[1], &key, 402).await;
        let path = format!("/keys/{}", key.id);
        let more = json!({ "limits": { "monthly_tokens": 100_000 } });
        assert_eq!(nodes[0].manage("PATCH", &path, more).await.0, 200);
        let raised = until(&nodes[1], &key, 200).await;
        // Callers who ask all the time, as the change comes: what they read must not outlive it.
        let callers = join_all((0..4).map(|_| until(&nodes[1], &key, 401)));
        let revoke = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(nodes[0].manage("DELETE", &path, Value::Null).await.0, 204);
            until(&nodes[1], &key, 401).await
        };
        let (_, revoked) = tokio::join!(callers, revoke);
        assert!(raised < second && revoked < second, "raised after {raised:?}, revoked after {revoked:?}");
        let late = until(&nodes[1], &key, 401).await;
        assert!(late < second, "and it stays so");
    }
    let store = nodes[0].store().await;
    assert_eq!(number(&store, "select count(*) from calls where state = 'pending'").await, 0);
    nodes[0].assert_sound(nodes[0].audit().await);
}
