//! The books: nothing is overspent, nothing is lost, and memory and rows agree.

use crate::domain::credits::Credits;
use crate::domain::period::Zone;
use crate::domain::time::Time;
use crate::domain::usage::UsageSource;
use crate::gateway::usage::{By, UsageQuery};
use crate::tests::app::{TestApp, on_both};
use futures::future::join_all;
use http_body_util::BodyExt;
use serde_json::json;

#[tokio::test]
async fn fifty_calls_at_once_on_a_budget_for_ten_are_exactly_ten() {
    on_both(|app| async move {
        // Each holds and costs 1 x 1 + 10 x 2 = 21 millionths.
        let key = app.key(|spec| spec.limits.monthly_spend = Credits::parse("0.000210")).await;
        let call =
            || json!({ "model": "tollgate/fill", "max_tokens": 10, "messages": [{ "role": "user", "content": "go" }] });
        let statuses = join_all((0..50).map(|_| app.chat(&key.secret, call()))).await;
        let passed = statuses.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(passed, 10);
        assert!(statuses.iter().filter(|answer| answer.status != 200).all(|answer| answer.code() == "quota_exceeded"));
        app.idle().await;
        assert_eq!(app.first_meter(&key).await, (210_000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_new_process_finds_every_meter_as_the_old_one_left_it() {
    on_both(|app| async move {
        let key = app
            .key(|spec| {
                spec.limits.monthly_tokens = Some(1_000);
                spec.limits.rpm = Some(10);
            })
            .await;
        let call =
            json!({ "model": "tollgate/fill", "max_tokens": 10, "messages": [{ "role": "user", "content": "go" }] });
        for _ in 0..4 {
            assert_eq!(app.chat(&key.secret, call.clone()).await.status, 200);
        }
        let read = |standings: Vec<crate::gateway::limits::Standing>| {
            standings.iter().map(|standing| (standing.limit.name, standing.reading)).collect::<Vec<_>>()
        };
        let before = read(app.gateway.standings(&key.key).await.expect("meters"));
        let app = app.reopened().await;
        assert_eq!(read(app.gateway.standings(&key.key).await.expect("meters")), before);
    })
    .await;
}

#[tokio::test]
async fn a_call_in_flight_at_a_crash_is_charged_its_whole_hold_and_marked() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000)).await;
        let request = axum::http::Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {}", key.secret))
            .header("x-tollgate-echo-delay-ms", "60000")
            .body(axum::body::Body::from(
                json!({ "model": "tollgate/fill", "stream": true, "max_tokens": 30, "messages": [] }).to_string(),
            ))
            .expect("a request");
        let mut response = app.send(request).await;
        response.body_mut().frame().await.expect("open").expect("whole");
        assert_eq!(app.first_meter(&key).await, (0, 30));
        // The old gateway is forgotten with the call in its memory, as a crash forgets it.
        std::mem::forget((response, app.gateway.clone()));
        let app = app.reopened().await;
        assert_eq!(app.first_meter(&key).await, (30, 0));
        let rows = app.gateway.logs(&app.admin, crate::gateway::usage::LogQuery::default()).await.expect("logs").data;
        assert_eq!((rows.len(), rows[0].usage_source), (1, Some(UsageSource::Interrupted)));
    })
    .await;
}

#[tokio::test]
async fn the_rollups_add_up_to_the_logs_and_the_meters() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.monthly_spend = Credits::parse("1")).await;
        for words in 1..=6 {
            let call = json!({ "model": "tollgate/fill", "max_tokens": words, "messages": [] });
            assert_eq!(app.chat(&key.secret, call).await.status, 200);
            app.clock.wind(std::time::Duration::from_secs(20 * 60));
        }
        let refused = json!({ "model": "nobody/nothing", "messages": [] });
        assert_eq!(app.chat(&key.secret, refused).await.status, 404);
        // Nothing has to be waited for: who has heard of a call finds it.
        let rows = app.gateway.logs(&app.admin, crate::gateway::usage::LogQuery::default()).await.expect("logs").data;
        let logged: Credits = rows.iter().map(|row| row.cost).sum();
        let query = UsageQuery {
            from: Time::EPOCH,
            to: app.clock.now().plus(std::time::Duration::from_secs(3_600)),
            by: vec![By::Hour],
            zone: Zone::parse("Asia/Kathmandu").expect("a zone"),
            key_id: None,
            group_id: None,
            model: None,
            endpoint: None,
        };
        let used = app.gateway.usage(&app.admin, &query).await.expect("usage");
        assert_eq!(used.iter().map(|used| used.cost).sum::<Credits>(), logged);
        assert_eq!(
            used.iter().map(|used| (used.calls, used.refused)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)),
            (7, 1)
        );
        assert_eq!(app.first_meter(&key).await, (logged.nanos(), 0));
    })
    .await;
}

/// When the database was away, every lease has run out: whoever is back first must not charge the others' calls.
#[tokio::test]
async fn a_process_that_has_just_come_in_touch_holds_nobody_for_dead() {
    let Some(app) = TestApp::postgres().await else { return };
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000)).await;
    let request = axum::http::Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {}", key.secret))
        .header("x-tollgate-echo-delay-ms", "60000")
        .body(axum::body::Body::from(
            json!({ "model": "tollgate/fill", "stream": true, "max_tokens": 30, "messages": [] }).to_string(),
        ))
        .expect("a request");
    let mut response = app.send(request).await;
    response.body_mut().frame().await.expect("open").expect("whole");
    app.store.expire_leases().await.expect("expired");
    let other = app.another().await;
    other.renew().await.expect("renewed");
    other.keep_watch().await.expect("looked");
    assert_eq!(app.store.counted().await.expect("read").pending, 1, "its process may still renew");
    other.bury_the_silent().await.expect("resolved");
    assert_eq!(app.store.counted().await.expect("read").pending, 0);
    assert_eq!(app.first_meter(&key).await, (30, 0));
}
