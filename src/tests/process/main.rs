//! Whole processes: started, killed and started again.

mod books;
mod budgets;
mod calling;
mod chance;
mod drain;
mod faults;
mod kills;
mod load;
mod postgres;
mod running;
mod upstream;

use calling::Stream;
use futures::future::join_all;
use running::Process;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tollgate::domain::credits::Credits;
use tollgate::store::Store;

/// Calls made before the process is killed, and how many of them have ended by then.
const CALLS: usize = 200;
const ENDED: usize = 30;

#[tokio::test]
async fn a_kill_during_200_streams_loses_no_answer_that_a_client_has_whole_and_leaves_no_meter_off() {
    let mut process = Process::start().await;
    let secret = process.key(json!({ "name": "killed", "limits": { "monthly_spend": "100" } })).await.secret;
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let calls: Vec<_> = (0..CALLS)
        .map(|number| {
            let words = 1 + number % 40;
            let body = json!({ "model": "tollgate/fill", "stream": true, "max_tokens": words, "messages": [] });
            let (address, secret, ended) = (process.address, secret.clone(), ended.clone());
            tokio::spawn(async move {
                let answer = Stream::begin(address, &secret, &body, Duration::from_millis(25)).await?.rest().await;
                ended.send(()).expect("the test still counts");
                Some(answer)
            })
        })
        .collect();
    for _ in 0..ENDED {
        ends.recv().await.expect("calls end");
    }
    process.kill().await;
    let answers: Vec<_> = join_all(calls).await.into_iter().filter_map(|call| call.expect("the task")).collect();
    let whole: Vec<_> = answers.iter().filter(|answer| answer.body.ends_with("data: [DONE]\n\n")).collect();
    assert!(
        !whole.is_empty() && whole.len() < CALLS,
        "{} of {CALLS} were whole: the kill came in between",
        whole.len()
    );

    process.restart().await;
    let store = process.store().await;
    for answer in &whole {
        let row =
            store.call(&answer.request_id.as_str().into()).await.expect("the store").expect("the call is in the log");
        assert_eq!(row.status, 200, "{row:?}");
        let words = answer.body.matches("word").count() as u64;
        assert_eq!((row.usage.output, row.cost), (words, Credits::from_nanos(words as i64 * 2_000)));
    }
    let mut tx = store.begin_read().await.expect("the store");
    assert!(Store::pending_calls(&mut tx, None).await.expect("the store").is_empty(), "every call has ended");
    drop(tx);
    let counted = store.counted().await.expect("the store");
    assert!(counted.calls >= whole.len() as i64);
    process.assert_sound(process.audit().await);
}

#[tokio::test]
async fn a_second_serve_on_the_same_database_is_refused() {
    let process = Process::start().await;
    let second = process.command(&["serve", "--listen", "127.0.0.1:0"]).output().await.expect("it runs");
    assert!(!second.status.success());
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("another tollgate serves"), "{told}");
}

#[tokio::test]
async fn sigterm_lets_streams_finish_and_exits_with_0() {
    let mut process = Process::start().await;
    let secret = process.key(json!({ "name": "drained" })).await.secret;
    let body = json!({ "model": "tollgate/fill", "stream": true, "max_tokens": 20, "messages": [] });
    let stream = Stream::begin(process.address, &secret, &body, Duration::from_millis(50)).await.expect("it begins");
    process.terminate();
    let answer = stream.rest().await;
    assert!(answer.body.ends_with("data: [DONE]\n\n") && answer.body.contains("word20"), "{}", answer.body);
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn the_first_start_prints_a_set_up_link_that_an_admin_made_by_command_voids() {
    let process = Process::start_without_admin().await;
    let path = process.setup_path().expect("a link was printed");
    assert_eq!(process.get(&path).await.0, 200);
    assert!(process.get(&path).await.1.contains("name=\"password\""));
    process.create_admin().await;
    let page = process.get(&path).await.1;
    assert!(!page.contains("name=\"password\""), "{page}");
}

#[tokio::test]
async fn the_binary_alone_in_an_empty_folder_serves_the_console_with_its_assets() {
    let process = Process::start_alone().await;
    let (status, page) = process.get("/sign-in").await;
    assert_eq!(status, 200);
    let assets: BTreeSet<String> = page
        .split('"')
        .filter(|word| word.starts_with("/pkg/") || word.starts_with("/favicon"))
        .map(str::to_owned)
        .collect();
    for kind in [".css", ".js", ".wasm", ".png"] {
        assert!(assets.iter().any(|path| path.ends_with(kind)), "no {kind} among {assets:?}");
    }
    for path in assets {
        let (status, body) = process.get(&path).await;
        assert!(status == 200 && !body.is_empty(), "{path}: {status}");
    }
    assert_eq!(process.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn the_audit_command_exits_with_1_and_names_each_difference() {
    let process = Process::start().await;
    let key = process.key(json!({ "name": "audited" })).await;
    let body = json!({ "model": "tollgate/fill", "max_tokens": 3, "messages": [] });
    let answer = calling::chat(process.address, &key.secret, &body, Duration::ZERO).await.expect("an answer");
    assert_eq!(answer.status, 200);
    process.assert_sound(process.audit().await);
    let Store::Sqlite { write, .. } = process.store().await else { panic!("embedded") };
    sqlx::query("update calls set cost_nanos = cost_nanos - 1").execute(&write).await.expect("a statement");
    let audit = process.command(&["audit"]).output().await.expect("it runs");
    assert_eq!(audit.status.code(), Some(1));
    let told = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(told.contains(&key.id) && told.contains("= 0 calls, 0 requests, 0 tokens, 1 nano-credits"), "{told}");
}
