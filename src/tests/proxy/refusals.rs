//! Every refusal says exactly why.

use crate::domain::credits::Credits;
use crate::domain::key::KeyStatus;
use crate::domain::time::Time;
use crate::tests::app::{Answer, TestApp, on_both};
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::time::Duration;

fn say(words: usize) -> serde_json::Value {
    json!({ "model": "tollgate/echo", "messages": [{ "role": "user", "content": vec!["w"; words].join(" ") }] })
}

#[tokio::test]
async fn a_body_that_is_not_a_chat_is_refused_with_the_field_named() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    for (body, code, param) in [
        ("{", "invalid_body", json!(null)),
        ("[1]", "invalid_body", json!(null)),
        (r#"{"model":5,"messages":[]}"#, "invalid_body", json!("model")),
        (r#"{"model":"tollgate/echo","messages":7}"#, "invalid_body", json!("messages")),
        (r#"{"model":"tollgate/echo","messages":[],"stream":"yes"}"#, "invalid_body", json!("stream")),
        (r#"{"model":"tollgate/echo","messages":[],"max_tokens":"many"}"#, "invalid_body", json!("max_tokens")),
        (r#"{"model":"nobody/nothing","messages":7}"#, "model_not_found", json!("model")),
    ] {
        let answer = Answer::read(app.post(&key.secret, "/v1/chat/completions", body).await).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (&error["code"], &error["param"], &error["type"]),
            (&json!(code), &param, &json!("invalid_request_error")),
            "{body}"
        );
        assert!(!answer.header("x-request-id").is_empty());
    }
}

#[tokio::test]
async fn a_key_with_limits_may_not_ask_for_what_nobody_can_count_beforehand() {
    let app = TestApp::sqlite().await;
    let limited = app.key(|spec| spec.limits.monthly_tokens = Some(1_000_000)).await;
    let free = app.key(|_| ()).await;
    let call = json!({ "model": "tollgate/echo", "messages": [], "web_search_options": {} });
    let answer = app.chat(&limited.secret, call.clone()).await;
    let error = answer.json()["error"].clone();
    assert_eq!((&error["code"], &error["param"]), (&json!("invalid_body"), &json!("web_search_options")));
    assert_eq!(app.chat(&free.secret, call).await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_as_too_large() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let body = format!(r#"{{"model":"tollgate/echo","messages":[],"pad":"{}"}}"#, "x".repeat(70 << 10));
    let answer = Answer::read(app.post(&key.secret, "/v1/chat/completions", body).await).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_missing_an_unknown_and_an_unusable_key_are_told_apart() {
    let app = TestApp::sqlite().await;
    let missing = Request::post("/v1/chat/completions").body(Body::from(say(1).to_string())).expect("a request");
    assert_eq!(Answer::read(app.send(missing).await).await.code(), "missing_key");
    assert_eq!(app.chat("sk-tg-nobody", say(1)).await.code(), "invalid_key");
    let disabled = app.key(|spec| spec.status = KeyStatus::Disabled).await;
    assert_eq!(app.chat(&disabled.secret, say(1)).await.code(), "key_disabled");
    let expiring = app.key(|spec| spec.expires_at = Time::parse("2026-11-20T15:00:00Z")).await;
    assert_eq!(app.chat(&expiring.secret, say(1)).await.status, 200);
    app.clock.wind(Duration::from_secs(3_600));
    assert_eq!(app.chat(&expiring.secret, say(1)).await.code(), "key_expired");
    let revoked = app.key(|_| ()).await;
    assert_eq!(app.chat(&revoked.secret, say(1)).await.status, 200);
    app.gateway.revoke_key(&app.admin, &revoked.key.id).await.expect("revoked");
    let answer = app.chat(&revoked.secret, say(1)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "key_revoked"));
    app.gateway.restore_key(&app.admin, &revoked.key.id).await.expect("restored");
    assert_eq!(app.chat(&revoked.secret, say(1)).await.status, 200);
}

#[tokio::test]
async fn models_addresses_and_endpoints_that_a_key_does_not_allow_are_refused() {
    let app = TestApp::sqlite().await;
    let model = app.key(|spec| spec.models = vec!["tollgate/fill".to_owned()]).await;
    assert_eq!(app.chat(&model.secret, say(1)).await.code(), "model_not_allowed");
    let address = app.key(|spec| spec.ip_allowlist = vec!["10.0.0.0/8".to_owned()]).await;
    assert_eq!(app.chat(&address.secret, say(1)).await.code(), "ip_not_allowed");
    let endpoint = app.key(|spec| spec.endpoints = vec!["/v1/embeddings".to_owned()]).await;
    assert_eq!(app.chat(&endpoint.secret, say(1)).await.code(), "endpoint_not_allowed");
}

#[tokio::test]
async fn the_request_after_rpm_is_refused_with_429_and_passes_when_the_window_has_moved() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.rpm = Some(3)).await;
        for left in ["2", "1", "0"] {
            let answer = app.chat(&key.secret, say(1)).await;
            assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-remaining-requests")), (200, left));
        }
        let answer = app.chat(&key.secret, say(1)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "rate_limit_exceeded"));
        let limit = &answer.json()["error"]["tollgate"];
        assert_eq!((&limit["limit"], &limit["used"], &limit["max"]), (&json!("rpm"), &json!(3), &json!(3)));
        assert_eq!(answer.header("retry-after"), "61");
        let told = ["limit", "remaining", "reset"].map(|fact| answer.header(&format!("x-ratelimit-{fact}-requests")));
        assert_eq!(told, ["3", "0", "60s"]);
        app.clock.wind(Duration::from_secs(61));
        assert_eq!(app.chat(&key.secret, say(1)).await.status, 200);
        let row = app.row(&answer).await;
        assert_eq!(row.refusal.and_then(|refusal| refusal.detail).map(|detail| detail.limit).as_deref(), Some("rpm"));
    })
    .await;
}

#[tokio::test]
async fn a_monthly_spend_limit_refuses_the_call_that_would_pass_it_and_opens_with_the_month() {
    on_both(|app| async move {
        // Each call of 10 words costs 10 x 1 + 10 x 2 = 30 millionths.
        let key = app.key(|spec| spec.limits.monthly_spend = Credits::parse("0.00007")).await;
        assert_eq!(app.chat(&key.secret, say(10)).await.status, 200);
        assert_eq!(app.chat(&key.secret, say(10)).await.status, 200);
        let answer = app.chat(&key.secret, say(10)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (402, "quota_exceeded"));
        let limit = answer.json()["error"]["tollgate"].clone();
        let told = json!({ "scope": "key", "limit": "monthly_spend", "measure": "credits", "period": "month",
            "max": "0.00007", "used": "0.00006", "held": "0.00", "requested": "0.00003",
            "resets_at": "2026-12-01T00:00:00Z" });
        assert_eq!(limit, told);
        // A smaller call still fits.
        assert_eq!(app.chat(&key.secret, say(3)).await.status, 200);
        app.clock.wind(Duration::from_secs(11 * 86_400));
        assert_eq!(app.chat(&key.secret, say(10)).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_a_budget_refuses_is_told_how_its_rates_stand_too() {
    on_both(|app| async move {
        let key = app
            .key(|spec| {
                (spec.limits.rpm, spec.limits.rpd, spec.limits.tpm) = (Some(5), Some(2), Some(1_000));
                spec.limits.monthly_tokens = Some(25);
            })
            .await;
        assert_eq!(app.chat(&key.secret, say(10)).await.status, 200);
        let answer = app.chat(&key.secret, say(10)).await;
        assert_eq!(answer.status, 402);
        let told = |measure: &str| {
            ["limit", "remaining", "reset"].map(|fact| answer.header(&format!("x-ratelimit-{fact}-{measure}")))
        };
        assert_eq!((told("requests"), told("tokens")), (["2", "1", "86400s"], ["1000", "980", "60s"]));
        // Without rate limits there is nothing to tell.
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(5)).await;
        let answer = app.chat(&key.secret, say(10)).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-ratelimit-limit-tokens")), (402, ""));
    })
    .await;
}

#[tokio::test]
async fn an_output_bound_of_0_is_refused_under_limits_since_some_upstreams_take_it_for_none() {
    let app = TestApp::sqlite().await;
    let limited = app.key(|spec| spec.limits.max_tokens_per_request = Some(10)).await;
    let free = app.key(|_| ()).await;
    for field in ["max_tokens", "max_completion_tokens"] {
        let call = json!({ "model": "tollgate/echo", "messages": [], field: 0 });
        let error = app.chat(&limited.secret, call.clone()).await.json()["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_body"), &json!(field)));
        assert_eq!(app.chat(&free.secret, call).await.status, 200);
    }
}

#[tokio::test]
async fn a_limit_made_in_mid_period_counts_what_the_period_has_used() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        assert_eq!(app.chat(&key.secret, say(10)).await.status, 200);
        let mut spec = key.key.spec();
        spec.limits.monthly_tokens = Some(25);
        app.gateway.edit_key(&app.admin, &key.key.id, spec).await.expect("edited");
        let answer = app.chat(&key.secret, say(10)).await;
        assert_eq!(answer.json()["error"]["tollgate"]["used"], 20);
        assert_eq!(app.chat(&key.secret, say(2)).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_call_with_no_path_to_success_is_never_told_to_try_again() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.tpm = Some(10)).await;
    let answer = app.chat(&key.secret, say(100)).await;
    assert_eq!((answer.header("retry-after"), answer.header("x-should-retry")), ("", "false"));
}

#[tokio::test]
async fn per_request_caps_are_checked_before_any_meter() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.max_tokens_per_request = Some(5)).await;
    assert_eq!(app.chat(&key.secret, say(6)).await.code(), "max_tokens_exceeds_key_limit");
    let key = app.key(|spec| spec.limits.max_cost_per_request = Credits::parse("0.000010")).await;
    assert_eq!(app.chat(&key.secret, say(10)).await.code(), "request_cost_exceeds_key_cap");
    assert_eq!(app.chat(&key.secret, say(3)).await.status, 200);
}

#[tokio::test]
async fn a_refused_call_is_in_the_logs_and_one_with_an_unknown_key_is_not() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.models = vec!["tollgate/fill".to_owned()]).await;
    let refused = app.chat(&key.secret, say(1)).await;
    let row = app.row(&refused).await;
    assert_eq!((row.status, row.cost.nanos(), row.arrival.model.as_str()), (403, 0, "tollgate/echo"));
    app.chat("sk-tg-nobody", say(1)).await;
    let rows = app.gateway.logs(&app.admin, crate::gateway::usage::LogQuery::default()).await.expect("logs");
    assert_eq!(rows.data.len(), 1);
}
