//! The end of the drain time is the end of the process: what still runs is cut, charged for what it sent, and settled.

use super::calling::Stream;
use super::running::{Place, Process};
use super::upstream::{self, Upstream};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn calls_that_outlast_the_drain_time_are_cut_and_settled_and_the_process_exits_with_0() {
    let mut process = Process::start_on(Place { drain_timeout: Some("1"), ..Place::default() }).await;
    let upstream = Upstream::start(&process, Duration::from_secs(60)).await;
    let secret = process.key(json!({ "name": "drained", "limits": { "monthly_tokens": 100_000 } })).await.secret;
    // A minute long, word by word.
    let body = json!({ "model": "tollgate/fill", "stream": true, "max_tokens": 600, "messages": [] });
    let delay = Duration::from_millis(100);
    let mut stream = Stream::begin(process.address, &secret, &body, delay).await.expect("it begins");
    stream.next().await.expect("a word");
    // One that is not streamed, whose client has left already: no connection is open for it.
    let silent = upstream::call("silent");
    let left = Stream::begin(process.address, &secret, &silent, Duration::ZERO);
    assert!(tokio::time::timeout(Duration::from_millis(500), left).await.is_err());
    assert_eq!(upstream.in_all(), 1);

    process.terminate();
    let stopped = Instant::now();
    let answer = stream.rest().await;
    assert!(answer.body.contains("shutting down") && answer.body.ends_with("data: [DONE]\n\n"), "{}", answer.body);
    let code = tokio::time::timeout(Duration::from_secs(10), process.exit_code()).await.expect("it ends in time");
    assert_eq!(code, Some(0));
    assert!(stopped.elapsed() >= Duration::from_secs(1), "the drain time is theirs");

    let store = process.store().await;
    let row = store.call(&answer.request_id.as_str().into()).await.expect("the store").expect("a row");
    let sent = answer.body.matches("word").count() as u64;
    assert!(row.status == 503 && row.usage.output >= sent && row.usage.output < 100, "{row:?}");
    assert_eq!(super::books::number(&store, "select count(*) from calls where state = 'pending'").await, 0);
    assert_eq!(super::books::number(&store, "select count(*) from calls where output_tokens = 20").await, 1);
    process.assert_sound(process.audit().await);
}
