//! A provider's bad day: who is asked instead, when it is asked again, and that nothing is charged for nothing.

use crate::domain::model::Route;
use crate::domain::provider::{Provider, ProviderKind, ProviderSpec, Timeouts};
use crate::gateway::issue::Issued;
use crate::proxy::Patience;
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Asked, Upstream};
use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

const SERVED: &str = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
const SHORT: Duration = Duration::from_millis(200);

fn served() -> Response<Body> {
    upstream::json(200, SERVED)
}

fn limited(retry_after: &str) -> Response<Body> {
    let mut answer = upstream::json(429, r#"{"error":{"message":"slow down"}}"#);
    answer.headers_mut().insert("retry-after", retry_after.parse().expect("a header"));
    answer
}

/// Answers in this order, and as the last of them from then on.
async fn in_order(answers: Vec<fn() -> Response<Body>>) -> Upstream {
    let answers = Mutex::new(answers);
    Upstream::start(move || {
        let mut left = answers.lock().expect("whole");
        if left.len() > 1 { left.remove(0)() } else { left[0]() }
    })
    .await
}

async fn provider(app: &TestApp, name: &str, base_url: &str, change: impl FnOnce(&mut ProviderSpec)) -> Provider {
    let mut spec = ProviderSpec {
        name: name.to_owned(),
        kind: ProviderKind::Openai,
        base_url: base_url.to_owned(),
        credentials: Some(vec!["sk-upstream-secret-of-one".to_owned()]),
        enabled: true,
        usage_option: true,
        responses: None,
        timeouts: Timeouts::default(),
        max_concurrency: None,
    };
    change(&mut spec);
    app.gateway.create_provider(&app.admin, spec).await.expect("a provider")
}

/// A model `gpt` whose routes lead to these, the first of them first.
async fn model(app: &TestApp, providers: &[&Provider]) {
    app.model("gpt", "http://127.0.0.1:1/v1").await;
    let mut model = (*app.gateway.model("gpt").expect("a model")).clone();
    let route = |(priority, provider): (u32, &&Provider)| Route {
        provider_id: provider.id.clone(),
        upstream_model: "upstream-model".to_owned(),
        weight: 1,
        priority,
    };
    model.routes = (0..).zip(providers).map(route).collect();
    app.gateway.edit_model(&app.admin, "gpt", model).await.expect("edited");
}

async fn limited_key(app: &TestApp) -> Issued {
    app.key(|spec| spec.limits.monthly_tokens = Some(1_000_000)).await
}

async fn chat(app: &TestApp, key: &Issued) -> Answer {
    app.chat(&key.secret, json!({ "model": "gpt", "messages": [], "max_tokens": 5 })).await
}

fn bearer(asked: &Asked) -> String {
    asked.headers["authorization"].to_str().expect("text").trim_start_matches("Bearer ").to_owned()
}

fn three(spec: &mut ProviderSpec) {
    spec.credentials =
        Some(["sk-one-0123456789", "sk-two-0123456789", "sk-three-012345678"].map(str::to_owned).to_vec());
}

#[tokio::test]
async fn credentials_are_used_in_turn_and_the_log_says_which() {
    on_both(|app| async move {
        let upstream = Upstream::start(served).await;
        let one = provider(&app, "one", &upstream.base_url, three).await;
        model(&app, &[&one]).await;
        let key = limited_key(&app).await;
        let mut hints = Vec::new();
        for _ in 0..6 {
            let answer = chat(&app, &key).await;
            hints.extend(app.row(&answer).await.attempts[0].credential.clone());
        }
        let used: Vec<String> = upstream.asked().iter().map(bearer).collect();
        assert_eq!(used.iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(used[..3], used[3..]);
        assert_eq!(hints[..3], ["sk-…6789", "sk-…6789", "sk-…5678"]);
        app.idle().await;
        assert_eq!(app.first_meter(&key).await, (30, 0));
    })
    .await;
}

#[tokio::test]
async fn a_refused_credential_is_set_aside_until_its_provider_is_edited() {
    let app = TestApp::sqlite().await;
    let script = |asked: &Asked| if bearer(asked).contains("one") { upstream::json(401, "{}") } else { served() };
    let upstream = Upstream::answering(script).await;
    let one = provider(&app, "one", &upstream.base_url, |spec| {
        three(spec);
        spec.credentials.iter_mut().for_each(|all| all.truncate(2));
    })
    .await;
    model(&app, &[&one]).await;
    let key = limited_key(&app).await;
    for _ in 0..4 {
        assert_eq!(chat(&app, &key).await.status, 200);
    }
    let refused = |upstream: &Upstream| upstream.asked().iter().filter(|asked| bearer(asked).contains("one")).count();
    assert_eq!((refused(&upstream), upstream.asked().len()), (1, 5));
    let health = app.gateway.provider_health(&app.admin, &one.id).expect("health");
    assert!(health.credentials[0].is_some() && health.credentials[1].is_none() && health.closed.is_none());
    app.gateway.edit_provider(&app.admin, &one.id, ProviderSpec::from(&one)).await.expect("edited");
    for _ in 0..2 {
        assert_eq!(chat(&app, &key).await.status, 200);
    }
    assert_eq!(refused(&upstream), 2);
    app.idle().await;
    assert_eq!(app.first_meter(&key).await, (30, 0));
}

#[tokio::test]
async fn a_storm_of_429_is_waited_out_as_the_provider_asks_and_costs_nothing() {
    on_both(|app| async move {
        let upstream = in_order(vec![|| limited("7"), served]).await;
        let one = provider(&app, "one", &upstream.base_url, |_| {}).await;
        model(&app, &[&one]).await;
        let key = limited_key(&app).await;
        // The provider's own words, for the caller who brought them on.
        let first = chat(&app, &key).await;
        assert_eq!((first.status.as_u16(), first.header("retry-after")), (429, "7"));
        for _ in 0..20 {
            let next = chat(&app, &key).await;
            assert_eq!((next.status.as_u16(), next.code().as_str()), (503, "no_route_available"));
            assert_eq!(next.header("retry-after"), "7");
            let row = app.row(&next).await;
            assert_eq!((row.attempts.len(), row.attempts[0].skipped.is_some(), row.cost.nanos()), (1, true, 0));
        }
        assert_eq!(upstream.asked().len(), 1);
        assert_eq!(app.first_meter(&key).await, (0, 0));
        app.clock.wind(Duration::from_secs(7));
        assert_eq!(chat(&app, &key).await.status, 200);
        app.idle().await;
        assert_eq!(app.first_meter(&key).await, (5, 0));
    })
    .await;
}

#[tokio::test]
async fn a_limited_credential_leaves_the_call_to_the_next_one() {
    let app = TestApp::sqlite().await;
    let script = |asked: &Asked| if bearer(asked).contains("three") { served() } else { limited("30") };
    let upstream = Upstream::answering(script).await;
    let one = provider(&app, "one", &upstream.base_url, three).await;
    model(&app, &[&one]).await;
    let key = limited_key(&app).await;
    let answer = chat(&app, &key).await;
    let statuses: Vec<_> = app.row(&answer).await.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!((answer.status.as_u16(), statuses), (200, vec![Some(429), Some(429), Some(200)]));
    assert_eq!(chat(&app, &key).await.status, 200);
    assert_eq!(upstream.asked().len(), 4);
}

#[tokio::test]
async fn a_provider_that_fails_is_passed_over_while_it_cools_down_and_then_probed_by_one_call() {
    on_both(|app| async move {
        let fails: fn() -> Response<Body> = || upstream::json(500, "{}");
        let ill = in_order(vec![fails, fails, fails, served]).await;
        let well = Upstream::start(served).await;
        let (ill_one, well_one) =
            (provider(&app, "ill", &ill.base_url, |_| {}).await, provider(&app, "well", &well.base_url, |_| {}).await);
        model(&app, &[&ill_one, &well_one]).await;
        let key = limited_key(&app).await;
        for _ in 0..5 {
            assert_eq!(chat(&app, &key).await.status, 200);
        }
        assert_eq!((ill.asked().len(), well.asked().len()), (3, 5));
        let row = app.row(&chat(&app, &key).await).await;
        let why = row.attempts[0].skipped.clone().unwrap_or_default();
        assert!(row.attempts.len() == 2 && why.starts_with("cools down until"), "{:?}", row.attempts);
        assert_eq!(row.provider, "well");
        app.clock.wind(Duration::from_secs(5));
        for _ in 0..2 {
            assert_eq!(chat(&app, &key).await.status, 200);
        }
        assert_eq!((ill.asked().len(), well.asked().len()), (5, 6));
        app.idle().await;
        assert_eq!(app.first_meter(&key).await, (40, 0));
    })
    .await;
}

#[tokio::test]
async fn where_every_provider_cools_down_the_least_bad_is_still_tried() {
    let app = TestApp::sqlite().await;
    let fails: fn() -> Response<Body> = || upstream::json(503, "{}");
    let upstream = in_order(vec![fails, fails, fails, fails, served]).await;
    let one = provider(&app, "one", &upstream.base_url, |_| {}).await;
    model(&app, &[&one]).await;
    let key = limited_key(&app).await;
    for _ in 0..4 {
        let answer = chat(&app, &key).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"));
    }
    assert_eq!(chat(&app, &key).await.status, 200);
    app.idle().await;
    assert_eq!(app.first_meter(&key).await, (5, 0));
}

#[tokio::test]
async fn a_call_that_nobody_served_is_tried_again_and_charged_once() {
    on_both(|app| async move {
        let app = app.retrying(2);
        let fails: fn() -> Response<Body> = || upstream::json(502, "{}");
        let upstream = in_order(vec![fails, fails, served]).await;
        let one = provider(&app, "one", &upstream.base_url, |_| {}).await;
        model(&app, &[&one]).await;
        let key = limited_key(&app).await;
        let answer = chat(&app, &key).await;
        assert_eq!((answer.status.as_u16(), app.row(&answer).await.attempts.len()), (200, 3));
        assert_eq!(app.first_meter(&key).await, (5, 0));
    })
    .await;
}

#[tokio::test]
async fn retries_do_not_multiply_the_load_of_a_provider_that_is_down() {
    let app = TestApp::sqlite().await.retrying(2);
    let upstream = Upstream::start(|| upstream::json(503, "{}")).await;
    let one = provider(&app, "one", &upstream.base_url, |_| {}).await;
    model(&app, &[&one]).await;
    let key = limited_key(&app).await;
    let calls = 50;
    for _ in 0..calls {
        assert_eq!(chat(&app, &key).await.status, 502);
    }
    assert!(upstream.asked().len() <= calls + calls / 5 + 10, "{}", upstream.asked().len());
    app.idle().await;
    assert_eq!(app.first_meter(&key).await, (0, 0));
}

#[tokio::test]
async fn what_was_sent_and_never_answered_is_charged_and_not_sent_again() {
    on_both(|app| async move {
        let app = app.retrying(2);
        // It takes the call and never says a word.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                held.push(connection);
            }
        });
        let well = Upstream::start(served).await;
        let hanging = provider(&app, "hanging", &format!("http://{address}/v1"), |spec| {
            spec.timeouts.first_byte_ms = Some(100);
        })
        .await;
        let well_one = provider(&app, "well", &well.base_url, |_| {}).await;
        model(&app, &[&hanging, &well_one]).await;
        let key = limited_key(&app).await;
        let answer = chat(&app, &key).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (504, "upstream_timeout"));
        assert_eq!((app.row(&answer).await.attempts.len(), well.asked().len()), (1, 0));
        let (settled, held) = app.first_meter(&key).await;
        assert!(settled > 0 && held == 0);
        connections.abort();
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_not_made_in_the_providers_own_time_leaves_the_call_to_the_next() {
    let app = TestApp::sqlite().await;
    // It takes the connection and never shakes hands.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let well = Upstream::start(served).await;
    let base_url = format!("https://{address}/v1");
    let mute = provider(&app, "mute", &base_url, |spec| spec.timeouts.connect_ms = Some(100)).await;
    // Whichever of its times runs out first: nothing has been sent.
    let other = provider(&app, "mute too", &base_url, |spec| spec.timeouts.first_byte_ms = Some(100)).await;
    let well_one = provider(&app, "well", &well.base_url, |_| {}).await;
    model(&app, &[&mute, &other, &well_one]).await;
    let key = limited_key(&app).await;
    let answer = chat(&app, &key).await;
    let row = app.row(&answer).await;
    let errors: Vec<_> = row.attempts.iter().map(|attempt| attempt.error.as_deref()).collect();
    let late = Some("no connection within 0.1 s");
    assert_eq!((answer.status.as_u16(), errors), (200, vec![late, late, None]));
    assert_eq!(app.first_meter(&key).await, (5, 0));
}

#[tokio::test]
async fn a_full_provider_is_passed_over_and_where_all_are_full_a_place_is_waited_for() {
    let app = TestApp::sqlite().await.patient(Patience { place: SHORT, ..Patience::default() });
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let script = move || body.lock().expect("whole").take().map_or_else(served, upstream::events);
    let narrow = Upstream::start(script).await;
    let one = provider(&app, "narrow", &narrow.base_url, |spec| spec.max_concurrency = Some(1)).await;
    model(&app, &[&one]).await;
    let key = limited_key(&app).await;
    let call = json!({ "model": "gpt", "messages": [], "max_tokens": 5, "stream": true }).to_string();
    let streaming = app.post(&key.secret, "/v1/chat/completions", call).await;
    assert_eq!(streaming.status(), 200);
    let refused = chat(&app, &key).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "no_route_available"));
    assert_eq!((refused.header("retry-after"), narrow.asked().len()), ("1", 1));
    assert!(app.row(&refused).await.attempts[0].skipped.is_some());
    // Its place is free when the stream has ended.
    send.send(Ok(Bytes::from("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\n")))
        .expect("open");
    send.send(Ok(Bytes::from("data: [DONE]\n\n"))).expect("open");
    drop(send);
    assert!(Answer::read(streaming).await.body.contains("[DONE]"));
    assert_eq!(chat(&app, &key).await.status, 200);
    app.idle().await;
    assert_eq!(app.first_meter(&key).await, (7, 0));
}

#[tokio::test]
async fn a_stream_is_given_up_when_its_provider_is_silent_for_longer_than_it_may_be() {
    on_both(|app| async move {
        let (send, body) = upstream::by_hand();
        let body = Mutex::new(Some(body));
        let script = move || upstream::events(body.lock().expect("whole").take().expect("one call"));
        let upstream = Upstream::start(script).await;
        let one = provider(&app, "one", &upstream.base_url, |spec| spec.timeouts.idle_ms = Some(150)).await;
        model(&app, &[&one]).await;
        let key = limited_key(&app).await;
        send.send(Ok(Bytes::from("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"))).expect("open");
        let call = json!({ "model": "gpt", "messages": [], "max_tokens": 5, "stream": true }).to_string();
        let answer = Answer::read(app.post(&key.secret, "/v1/chat/completions", call).await).await;
        assert!(answer.body.contains("Hi") && answer.body.contains("fell silent"), "{}", answer.body);
        send.closed().await;
        app.idle().await;
        let (settled, held) = app.first_meter(&key).await;
        assert!(settled > 0 && held == 0);
        let health = app.gateway.provider_health(&app.admin, &one.id).expect("health");
        assert_eq!((health.in_flight, health.recent.failures), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn an_attempt_that_takes_longer_than_it_may_in_all_is_given_up() {
    let app = TestApp::sqlite().await;
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let script = move || upstream::json(200, "").map(|_| body.lock().expect("whole").take().expect("one call"));
    let upstream = Upstream::start(script).await;
    let one = provider(&app, "one", &upstream.base_url, |spec| spec.timeouts.total_ms = Some(150)).await;
    model(&app, &[&one]).await;
    let dripping = tokio::spawn(async move {
        while send.send(Ok(Bytes::from(" "))).is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let key = limited_key(&app).await;
    let answer = chat(&app, &key).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (504, "upstream_timeout"));
    dripping.await.expect("the upstream was hung up on");
    assert_eq!(app.first_meter(&key).await.1, 0);
}

#[tokio::test]
async fn a_provider_that_does_not_know_the_model_leaves_it_to_the_next_and_has_the_last_word_alone() {
    let app = TestApp::sqlite().await;
    let unknowing = Upstream::start(|| upstream::json(404, r#"{"error":{"message":"no such model"}}"#)).await;
    let well = Upstream::start(served).await;
    let (one, two) =
        (provider(&app, "one", &unknowing.base_url, |_| {}).await, provider(&app, "two", &well.base_url, |_| {}).await);
    model(&app, &[&one, &two]).await;
    let key = limited_key(&app).await;
    assert_eq!(chat(&app, &key).await.status, 200);
    let mut alone = (*app.gateway.model("gpt").expect("a model")).clone();
    alone.routes.truncate(1);
    app.gateway.edit_model(&app.admin, "gpt", alone).await.expect("edited");
    let answer = chat(&app, &key).await;
    assert_eq!((answer.status.as_u16(), answer.body.contains("no such model")), (404, true));
    app.idle().await;
    assert_eq!(app.first_meter(&key).await, (5, 0));
}

#[tokio::test]
async fn an_answer_that_may_still_be_passed_back_keeps_no_place_from_the_next_try() {
    let app = TestApp::sqlite().await;
    let knows = |asked: &Asked| String::from_utf8_lossy(&asked.body).contains("known");
    let script = move |asked: &Asked| if knows(asked) { served() } else { upstream::json(404, "{}") };
    let upstream = Upstream::answering(script).await;
    let one = provider(&app, "one", &upstream.base_url, |spec| spec.max_concurrency = Some(1)).await;
    model(&app, &[&one, &one]).await;
    let mut both = (*app.gateway.model("gpt").expect("a model")).clone();
    both.routes[1].upstream_model = "known".to_owned();
    app.gateway.edit_model(&app.admin, "gpt", both).await.expect("edited");
    let key = limited_key(&app).await;
    let answer = chat(&app, &key).await;
    assert_eq!((answer.status.as_u16(), app.row(&answer).await.attempts.len()), (200, 2));
}

#[tokio::test]
async fn a_client_that_leaves_between_two_tries_is_charged_nothing() {
    let app = TestApp::sqlite().await.patient(Patience { place: Duration::from_secs(60), ..Patience::default() });
    let failing = Upstream::start(|| upstream::json(500, "{}")).await;
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let script = move || upstream::events(body.lock().expect("whole").take().expect("one call"));
    let narrow = Upstream::start(script).await;
    let one = provider(&app, "failing", &failing.base_url, |_| {}).await;
    let two = provider(&app, "narrow", &narrow.base_url, |spec| spec.max_concurrency = Some(1)).await;
    model(&app, &[&one, &two]).await;
    let key = limited_key(&app).await;
    let call = json!({ "model": "gpt", "messages": [], "max_tokens": 5, "stream": true }).to_string();
    // One call fills the second provider; another fails at the first, and waits for the second.
    let filling = app.post(&key.secret, "/v1/chat/completions", call.clone()).await;
    assert_eq!(filling.status(), 200);
    {
        let mut waiting = std::pin::pin!(app.post(&key.secret, "/v1/chat/completions", call));
        let asked_twice = async {
            while failing.asked().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        tokio::select! {
            _ = &mut waiting => panic!("nothing has answered"),
            () = asked_twice => {}
        }
    }
    while app.gateway.calls_in_flight() > 1 {
        tokio::task::yield_now().await;
    }
    app.gateway.settled().await.expect("the books");
    let rows = app.gateway.logs(&app.admin, crate::gateway::usage::LogQuery::default()).await.expect("logs").data;
    let left = rows.iter().find(|row| row.status == 499).expect("the one that left");
    assert_eq!((left.cost.nanos(), left.usage.total()), (0, 0));
    drop(send);
    drop(filling);
    app.idle().await;
    assert_eq!(app.first_meter(&key).await.1, 0);
}
