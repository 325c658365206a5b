//! Chat completions that are not streamed.

use crate::domain::usage::{Usage, UsageSource};
use crate::tests::app::{TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use serde_json::json;

fn say(text: &str) -> serde_json::Value {
    json!({ "model": "tollgate/echo", "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn echo_answers_and_its_charge_can_be_checked_by_eye() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        let answer = app.chat(&key.secret, say("one two three")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let body = answer.json();
        assert_eq!(body["choices"][0]["message"]["content"], "one two three");
        assert_eq!(body["usage"]["total_tokens"], 6);
        // 3 words in at 1 credit a million, 3 out at 2.
        assert_eq!(answer.header("x-tollgate-cost"), "0.000009000");
        let row = app.row(&answer).await;
        assert_eq!((row.usage, row.cost.exact()), (Usage::new(3, 3), "0.000009000".to_owned()));
        assert_eq!((row.status, row.usage_source), (200, Some(UsageSource::Upstream)));
    })
    .await;
}

#[tokio::test]
async fn echo_is_cut_at_max_tokens_and_fill_gives_as_many_words_as_asked() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let mut request = say("one two three");
    request["max_tokens"] = json!(2);
    let body = app.chat(&key.secret, request).await.json();
    assert_eq!(
        (&body["choices"][0]["message"]["content"], &body["choices"][0]["finish_reason"]),
        (&json!("one two"), &json!("length"))
    );
    let fill = json!({ "model": "tollgate/fill", "messages": [], "max_tokens": 5 });
    assert_eq!(app.chat(&key.secret, fill).await.json()["usage"]["completion_tokens"], 5);
    let endless = json!({ "model": "tollgate/fill", "messages": [], "max_tokens": u64::MAX });
    let refused = app.chat(&key.secret, endless).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (400, "invalid_body".to_owned()));
    let fill = json!({ "model": "tollgate/fill", "messages": [] });
    assert_eq!(app.chat(&key.secret, fill).await.json()["usage"]["completion_tokens"], 16);
}

#[tokio::test]
async fn an_upstreams_bytes_pass_untouched_and_its_usage_is_charged() {
    on_both(|app| async move {
        let text = r#"{ "id":"x",  "choices":[{"message":{"content":"hi"}}], "odd": 1e3,
            "usage":{"prompt_tokens":100,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":40}} }"#;
        let upstream = Upstream::start(move || upstream::json(200, text)).await;
        app.model("gpt", &upstream.base_url).await;
        let key = app.key(|_| ()).await;
        let body = r#"{"model":"gpt","messages":[{"role":"user","content":"hé"}],"x":[1,  2]}"#;
        let answer = crate::tests::app::Answer::read(app.post(&key.secret, "/v1/chat/completions", body).await).await;
        assert_eq!(answer.body, text);
        // 60 x 2.50 + 40 x 1.25 + 10 x 10, per million.
        assert_eq!(answer.header("x-tollgate-cost"), "0.000300000");
        let asked = &upstream.asked()[0];
        assert_eq!(asked.body, body.replace("\"gpt\"", "\"upstream-model\""));
        assert_eq!(asked.headers["authorization"], "Bearer sk-upstream-secret");
        assert_eq!(asked.headers["accept-encoding"], "identity");
        let row = app.row(&answer).await;
        assert_eq!(row.cost_basis, "(60 input × 2.50 + 40 cached input × 1.25 + 10 output × 10.00) / 1,000,000");
        assert_eq!((row.attempts.len(), row.attempts[0].status), (1, Some(200)));
    })
    .await;
}

#[tokio::test]
async fn a_key_without_limits_has_nothing_written_into_its_request_and_one_with_limits_has_a_bound() {
    let app = TestApp::sqlite().await;
    let upstream =
        Upstream::start(|| upstream::json(200, r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#))
            .await;
    app.model("gpt", &upstream.base_url).await;
    let chat = json!({ "model": "gpt", "messages": [] });
    let free = app.key(|_| ()).await;
    app.chat(&free.secret, chat.clone()).await;
    let limited = app.key(|spec| spec.limits.monthly_tokens = Some(1_000)).await;
    app.chat(&limited.secret, chat.clone()).await;
    let capped = app.key(|spec| spec.limits.max_tokens_per_request = Some(77)).await;
    app.chat(&capped.secret, chat).await;
    let sent =
        |number: usize| serde_json::from_slice::<serde_json::Value>(&upstream.asked()[number].body).expect("JSON");
    assert_eq!(sent(0).get("max_tokens"), None);
    // What the quota affords beside the input bound: less than the default of 4,096.
    let input = upstream.asked()[0].body.len() - "upstream-model".len() + "gpt".len();
    assert_eq!(sent(1)["max_tokens"], 1_000 - input);
    assert_eq!(sent(2)["max_tokens"], 77);
}

#[tokio::test]
async fn an_upstreams_own_complaint_is_passed_back_and_charged_nothing() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(400, r#"{"error":{"message":"no such tool"}}"#)).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let answer = app.chat(&key.secret, json!({ "model": "gpt", "messages": [] })).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (400, r#"{"error":{"message":"no such tool"}}"#));
    assert_eq!(app.row(&answer).await.cost.nanos(), 0);
    assert_eq!(app.first_meter(&key).await, (0, 0));
}

#[tokio::test]
async fn a_provider_that_fails_is_said_to_fail_and_charged_nothing() {
    let app = TestApp::sqlite().await;
    for status in [500, 401] {
        let upstream = Upstream::start(move || upstream::json(status, "{}")).await;
        let model = format!("gpt-{status}");
        app.model(&model, &upstream.base_url).await;
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
        let answer = app.chat(&key.secret, json!({ "model": model, "messages": [] })).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"));
        assert_eq!(app.first_meter(&key).await, (0, 0));
    }
    app.model("gone", "http://127.0.0.1:9/v1").await;
    let key = app.key(|_| ()).await;
    let answer = app.chat(&key.secret, json!({ "model": "gone", "messages": [] })).await;
    assert_eq!(answer.code(), "upstream_failed");
    let row = app.row(&answer).await;
    assert!(row.attempts[0].error.as_deref().is_some_and(|error| error.contains("connect")), "{:?}", row.attempts);
}

#[tokio::test]
async fn models_lists_what_the_key_may_call_and_no_more() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.models = vec!["tollgate/echo".to_owned()]).await;
    let get = |path: &str| {
        let request = axum::http::Request::get(path).header("authorization", format!("Bearer {}", key.secret));
        request.body(axum::body::Body::empty()).expect("a request")
    };
    let list = crate::tests::app::Answer::read(app.send(get("/v1/models")).await).await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["data"][0]["id"], "tollgate/echo");
    assert_eq!(app.send(get("/v1/models/tollgate/echo")).await.status(), 200);
    assert_eq!(app.send(get("/v1/models/tollgate/fill")).await.status(), 404);
}
