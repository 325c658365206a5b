//! The audit finds nothing in sound books, and names whatever is off in others.

use crate::domain::credits::Credits;
use crate::domain::limit::Scope;
use crate::store::Store;
use crate::store::audit::Difference;
use crate::store::wallets::WalletEntry;
use crate::tests::app::{TestApp, on_both};
use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::json;
use std::time::Duration;

/// Changes rows behind everyone's back. How many it was.
async fn corrupt(app: &TestApp, sql: &str) -> u64 {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match &app.store {
        Store::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.expect("a statement").rows_affected(),
        Store::Postgres(pool) => sqlx::query(sql).execute(pool).await.expect("a statement").rows_affected(),
    }
}

async fn found(app: &TestApp) -> Vec<Difference> {
    app.store.audit(&app.clock).await.expect("read").differences
}

/// What the audit finds after a corruption that reaches some rows, as text.
async fn told(app: &TestApp, sql: &str) -> Vec<String> {
    assert!(corrupt(app, sql).await > 0, "{sql} changes nothing");
    found(app).await.iter().map(ToString::to_string).collect()
}

/// Books with everything in them: a metered account, calls that are settled, refused and in flight, periods that are
/// over. The answer in flight is given back, since dropping it would end the call.
async fn used(app: &TestApp) -> Body {
    let mut tx = app.store.begin().await.expect("tx");
    let entry = WalletEntry {
        id: "gift",
        account_id: &app.admin.id,
        at: app.clock.now(),
        kind: "adjustment",
        amount: Credits::parse("1").expect("money"),
        note: "",
        made_by: &app.admin.id,
    };
    Store::insert_wallet_entry(&mut tx, &entry).await.expect("written");
    Store::set_metered(&mut tx, &app.admin.id, true).await.expect("written");
    tx.commit().await.expect("committed");
    let key = app
        .key(|spec| {
            spec.limits.rpm = Some(10);
            spec.limits.rpd = Some(1_000);
            spec.limits.monthly_tokens = Some(10_000);
            spec.limits.monthly_spend = Credits::parse("1");
        })
        .await;
    for words in 1..=5 {
        let call = json!({ "model": "tollgate/fill", "max_tokens": words, "messages": [] });
        assert_eq!(app.chat(&key.secret, call).await.status, 200);
        app.clock.wind(Duration::from_secs(47));
    }
    assert_eq!(app.chat(&key.secret, json!({ "model": "nobody/nothing", "messages": [] })).await.status, 404);
    app.clock.wind(Duration::from_secs(31 * 86_400));
    let call = json!({ "model": "tollgate/fill", "max_tokens": 7, "messages": [] });
    assert_eq!(app.chat(&key.secret, call).await.status, 200);
    let stream = axum::http::Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {}", key.secret))
        .header("x-tollgate-echo-delay-ms", "60000")
        .body(Body::from(
            json!({ "model": "tollgate/fill", "stream": true, "max_tokens": 30, "messages": [] }).to_string(),
        ))
        .expect("a request");
    let mut body = app.send(stream).await.into_body();
    body.frame().await.expect("open").expect("whole");
    app.gateway.settled().await.expect("the books");
    body
}

#[tokio::test]
async fn sound_books_balance_with_calls_settled_refused_and_in_flight() {
    on_both(|app| async move {
        let _in_flight = used(&app).await;
        let audit = app.store.audit(&app.clock).await.expect("read");
        assert!(audit.differences.is_empty(), "{:#?}", audit.differences);
        assert_eq!((audit.counted.calls, audit.counted.pending), (8, 1));
        assert_eq!(audit.meters > 4, app.store.is_shared());
    })
    .await;
}

#[tokio::test]
async fn a_settlement_that_is_posted_twice_is_found() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        let call = json!({ "model": "tollgate/fill", "max_tokens": 3, "messages": [] });
        let answer = app.chat(&key.secret, call).await;
        let row = app.row(&answer).await;
        let mut tx = app.store.begin().await.expect("tx");
        let posting = crate::store::usage::Posting {
            arrival: &row.arrival,
            provider: &row.provider,
            outcome: crate::domain::call::Outcome::Succeeded,
            calls: 1,
            requests: 1,
            usage: row.usage,
            cost: row.cost,
            total_ms: 0,
            first_bytes: crate::store::usage::FirstBytes::default(),
        };
        Store::post_usage(&mut tx, &[posting]).await.expect("posted");
        tx.commit().await.expect("committed");
        let found = found(&app).await;
        let [Difference::Rollup(off)] = found.as_slice() else { panic!("{found:#?}") };
        assert_eq!((off.calls, off.requests, off.tokens, off.cost_nanos), (1, 1, 3, 6_000));
    })
    .await;
}

#[tokio::test]
async fn what_an_account_is_shown_to_have_used_is_the_sum_of_its_rollups() {
    on_both(|app| async move {
        let _in_flight = used(&app).await;
        let told =
            told(&app, "update account_usage set cost_nanos = cost_nanos + 5 where model = 'tollgate/fill'").await;
        assert!(!told.is_empty());
        for line in told {
            assert!(line.contains("account's sum less rollups") && line.ends_with(" 5 nano-credits"), "{line}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_balance_that_is_not_what_calls_have_left_of_it_is_found() {
    on_both(|app| async move {
        let _in_flight = used(&app).await;
        let told = told(&app, "update usage set cost_nanos = cost_nanos + 5 where funding = 'balance'").await;
        let balance = told.iter().find(|line| line.starts_with("balance of account")).expect("named");
        // Fifteen and seven words at two millionths each are spent.
        assert!(balance.ends_with("is 0.999956000"), "{told:#?}");
    })
    .await;
}

/// A statement that moves meters, or what they are counted from, and what the audit must say of it.
const METERS_OFF: [(&str, &str); 5] = [
    // What is shown is off: a calendar meter, and a bucket of a sliding one.
    ("update books set meters = replace(meters, '\"settled\":7,', '\"settled\":8,')", "tokens per month"),
    (
        "update books set meters = replace(meters, '\"settled\":1,', '\"settled\":2,')",
        "requests per minute (UTC), bucket",
    ),
    // A meter that has forgotten a bucket which still counts.
    (
        "update books set meters = regexp_replace(meters, '\"buckets\":\\[\\{[^]]*\\]', '\"buckets\":[]', 'g')",
        "requests per rolling_day",
    ),
    // What is held is not what the call in flight may use.
    ("update calls set held_output = held_output + 1 where state = 'pending'", "tokens per month"),
    // A reset that no meter knows of.
    (
        "insert into adjustments select 'r', at, 'key', key_id, 'tokens', 'month', 'UTC',
             cast(extract(epoch from date_trunc('month', to_timestamp(at / 1000000) at time zone 'UTC')) as bigint)
                 * 1000000, 0, -1, 'nobody'
         from calls where state = 'pending'",
        "tokens per month",
    ),
];

#[tokio::test]
async fn shared_meters_that_do_not_show_what_the_rows_say_are_found() {
    for (sql, expected) in METERS_OFF {
        let Some(app) = TestApp::postgres().await else { return };
        let _in_flight = used(&app).await;
        let told = told(&app, sql).await;
        let named = told.iter().any(|line| line.starts_with("meter of key:") && line.contains(expected));
        assert!(named, "{sql}: {told:#?}");
    }
}

#[tokio::test]
async fn the_meters_of_the_balance_are_counted_by_what_it_paid_for() {
    let Some(app) = TestApp::postgres().await else { return };
    let _in_flight = used(&app).await;
    corrupt(&app, "update calls set funding = 'none' where cost_nanos = 14000").await;
    let found = found(&app).await;
    let balance = found.iter().find_map(|one| match one {
        Difference::Meter(off) if off.owner.scope == Scope::Balance => Some(off),
        _ => None,
    });
    let off = balance.expect("named");
    assert_eq!((off.shown.settled, off.counted.settled), (44_000, 30_000));
}

#[tokio::test]
async fn a_call_in_flight_that_no_known_process_answers_for_is_found() {
    let Some(app) = TestApp::postgres().await else { return };
    let _in_flight = used(&app).await;
    let told = told(&app, "update calls set node = 'nobody' where state = 'pending'").await;
    assert!(told.len() == 1 && told[0].ends_with("its process \"nobody\" is not known"), "{told:#?}");
}
