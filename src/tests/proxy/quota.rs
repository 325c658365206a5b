//! What a key may ask about itself.

use crate::domain::credits::Credits;
use crate::tests::app::{Answer, TestApp};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

async fn ask(app: &TestApp, secret: &str, path: &str) -> Value {
    let request = Request::get(path).header("authorization", format!("Bearer {secret}")).body(Body::empty());
    let answer = Answer::read(app.send(request.expect("a request")).await).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

#[tokio::test]
async fn a_key_is_told_what_it_has_used_and_what_the_tightest_limit_leaves() {
    let app = TestApp::sqlite().await;
    let key = app
        .key(|spec| {
            spec.limits.monthly_spend = Credits::parse("0.5");
            spec.limits.credit_quota = Credits::parse("0.1");
            spec.limits.rpm = Some(60);
        })
        .await;
    let call = json!({ "model": "tollgate/fill", "max_tokens": 5000, "messages": [] });
    assert_eq!(app.chat(&key.secret, call).await.status, 200);
    let own = ask(&app, &key.secret, "/api/user/token").await["data"].clone();
    assert_eq!((&own["used_quota"], &own["remain_quota"]), (&json!(0.01), &json!(0.09)));
    assert_eq!((&own["unlimited_quota"], own["limits"].as_array().map(Vec::len)), (&json!(false), Some(3)));
    let openrouter = ask(&app, &key.secret, "/api/v1/key").await["data"].clone();
    assert_eq!((&openrouter["limit"], &openrouter["limit_remaining"]), (&json!(0.10), &json!(0.09)));
    assert_eq!((&openrouter["usage_daily"], &openrouter["rate_limit"]["requests"]), (&json!(0.01), &json!(60)));
    let limit = ask(&app, &key.secret, "/v1/dashboard/billing/subscription").await;
    let used = ask(&app, &key.secret, "/v1/dashboard/billing/usage").await;
    assert_eq!((&limit["hard_limit_usd"], &used["total_usage"]), (&json!(0.10), &json!(1.00)));
}

#[tokio::test]
async fn a_key_without_limits_is_unlimited_and_asking_creates_nothing() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let own = ask(&app, &key.secret, "/api/user/token").await["data"].clone();
    assert_eq!((&own["unlimited_quota"], &own["remain_quota"]), (&json!(true), &json!(null)));
    assert_eq!(app.store.counted().await.expect("read").calls, 0);
}
