//! Calls answered from memory: the same question of the same key is answered once, and costs once.

use crate::domain::call::CallState;
use crate::domain::usage::{Usage, UsageSource};
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::time::Duration;

const WHOLE: &str =
    r#"{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":100,"completion_tokens":10}}"#;

fn ask(text: &str) -> Value {
    json!({ "model": "gpt", "messages": [{ "role": "user", "content": text }] })
}

async fn answering(app: &TestApp, body: &'static str) -> Upstream {
    let upstream = Upstream::start(move || upstream::json(200, body)).await;
    app.model("gpt", &upstream.base_url).await;
    upstream
}

async fn wishing(app: &TestApp, secret: &str, wish: &str) -> Answer {
    let request = Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {secret}"))
        .header("cache-control", wish)
        .body(Body::from(ask("one").to_string()))
        .expect("a request");
    Answer::read(app.send(request).await).await
}

#[tokio::test]
async fn an_identical_call_is_answered_from_memory_costs_nothing_and_counts_as_a_request() {
    on_both(|app| async move {
        let upstream = answering(&app, WHOLE).await;
        let key = app
            .key(|spec| {
                spec.cache_ttl_seconds = Some(60);
                spec.limits.rpm = Some(2);
            })
            .await;
        let first = app.chat(&key.secret, ask("one")).await;
        assert_eq!((first.header("x-tollgate-cache"), first.header("x-tollgate-cost")), ("miss", "0.000350000"));
        let again = app.chat(&key.secret, ask("one")).await;
        assert_eq!((again.header("x-tollgate-cache"), again.header("x-tollgate-cost")), ("hit", "0.000000000"));
        assert_eq!((again.status.as_u16(), again.body.as_str()), (200, WHOLE));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
        assert_eq!(upstream.asked().len(), 1);
        let row = app.row(&again).await;
        assert_eq!((row.state, row.usage, row.cost.nanos()), (CallState::Settled, Usage::default(), 0));
        assert_eq!((row.usage_source, row.cost_basis.as_str()), (Some(UsageSource::Cache), "answered from the cache"));
        // Both count as requests: a third is one too many, kept or not.
        let third = app.chat(&key.secret, ask("one")).await;
        assert_eq!((third.status.as_u16(), third.code()), (429, "rate_limit_exceeded".to_owned()));
        assert_eq!(app.first_meter(&key).await, (2, 0));
        assert!(app.store.audit(&app.clock).await.expect("read").differences.is_empty());
    })
    .await;
}

#[tokio::test]
async fn another_body_another_key_or_a_time_too_late_asks_the_provider() {
    let app = TestApp::sqlite().await;
    let upstream = answering(&app, WHOLE).await;
    let key = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
    let other = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
    let none = app.key(|_| ()).await;
    for (secret, text, said) in [
        (&key.secret, "one", "miss"),
        (&key.secret, "two", "miss"),
        (&other.secret, "one", "miss"),
        (&key.secret, "one", "hit"),
        (&none.secret, "one", ""),
    ] {
        assert_eq!(app.chat(secret, ask(text)).await.header("x-tollgate-cache"), said, "{text}");
    }
    app.clock.wind(Duration::from_secs(60));
    assert_eq!(app.chat(&key.secret, ask("one")).await.header("x-tollgate-cache"), "miss");
    assert_eq!(upstream.asked().len(), 5);
}

#[tokio::test]
async fn a_caller_may_ask_anew_or_want_nothing_kept() {
    let app = TestApp::sqlite().await;
    let upstream = answering(&app, WHOLE).await;
    let key = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
    for (wish, said, asked) in [
        ("no-store", "", 1),
        ("max-age=5", "miss", 2),
        ("max-age=5", "hit", 2),
        ("no-cache", "miss", 3),
        ("max-age=5", "hit", 3),
    ] {
        assert_eq!(wishing(&app, &key.secret, wish).await.header("x-tollgate-cache"), said, "{wish}");
        assert_eq!(upstream.asked().len(), asked, "{wish}");
    }
}

#[tokio::test]
async fn an_error_is_not_kept() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(400, r#"{"error":{"message":"no"}}"#)).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
    for asked in 1..=2 {
        assert_eq!(app.chat(&key.secret, ask("one")).await.status, 400);
        assert_eq!(upstream.asked().len(), asked);
    }
}

#[tokio::test]
async fn a_stream_is_kept_only_when_it_came_to_its_proper_end() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
    let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"a \\\"error\\\" word\"}}]}\n\n";
    let failing = format!("{chunk}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\ndata: [DONE]\n\n");
    for (name, body, kept) in [
        ("whole", format!("{chunk}data: [DONE]\n\n"), true),
        ("cut", chunk.to_owned(), false),
        ("failing", failing, false),
    ] {
        let sent = body.clone();
        let upstream = Upstream::start(move || upstream::events(sent.clone())).await;
        app.model(name, &upstream.base_url).await;
        let call = json!({ "model": name, "stream": true, "messages": [] });
        let first = app.chat(&key.secret, call.clone()).await;
        let again = app.chat(&key.secret, call).await;
        let said = if kept { "hit" } else { "miss" };
        assert_eq!((first.header("x-tollgate-cache"), again.header("x-tollgate-cache")), ("miss", said), "{name}");
        assert_eq!((&first.body, &again.body), (&body, &body), "{name}");
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!(upstream.asked().len(), if kept { 1 } else { 2 }, "{name}");
    }
}
