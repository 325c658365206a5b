//! Another model stands in: who may, what is held for it, and what is charged.

use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::tests::app::{TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use serde_json::json;

const SERVED: &str = r#"{"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":5}}"#;

/// `gpt`, whose provider fails, and `mini`, which stands in for it at a tenth of its price.
async fn two(app: &TestApp, fallbacks: &[&str]) -> (Upstream, Upstream) {
    let failing = Upstream::start(|| upstream::json(500, "{}")).await;
    let well = Upstream::start(|| upstream::json(200, SERVED)).await;
    app.model("gpt", &failing.base_url).await;
    app.model("mini", &well.base_url).await;
    let model = |name: &str| Model::clone(&app.gateway.model(name).expect("a model"));
    let price = serde_json::from_value(json!({ "input": "0.25", "output": "1" })).expect("a price");
    let mini = Model { price: Some(price), ..model("mini") };
    app.gateway.edit_model(&app.admin, "mini", mini).await.expect("edited");
    let gpt = Model { fallbacks: fallbacks.iter().map(|name| (*name).to_owned()).collect(), ..model("gpt") };
    app.gateway.edit_model(&app.admin, "gpt", gpt).await.expect("edited");
    (failing, well)
}

#[tokio::test]
async fn where_nobody_serves_a_model_the_one_that_stands_in_answers_and_is_charged() {
    on_both(|app| async move {
        let (failing, well) = two(&app, &["mini"]).await;
        let key = app.key(|spec| spec.limits.credit_quota = Credits::parse("1")).await;
        let body = json!({ "model": "gpt", "messages": [{ "role": "user", "content": "x".repeat(1_000) }], "max_tokens": 100 });
        let answer = app.chat(&key.secret, body).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-tollgate-model")), (200, "mini"));
        assert_eq!((failing.asked().len(), well.asked().len()), (1, 1));
        let row = app.row(&answer).await;
        assert_eq!((row.arrival.model.as_str(), row.attempts[1].model.as_deref()), ("gpt", Some("mini")));
        // (1000 x 0.25 + 5 x 1) / 1,000,000
        assert_eq!((row.cost.exact(), answer.header("x-tollgate-cost")), ("0.000255000".to_owned(), "0.000255000"));
        assert!(row.cost_basis.starts_with("mini answered: "), "{}", row.cost_basis);
        assert_eq!(row.bound.price_version, app.gateway.model("mini").expect("there").price_version);
        assert_ne!(row.bound.price_version, app.gateway.model("gpt").expect("there").price_version);
        // Held at the price of the dearer of the two, at 2.50 a million in and 10 out.
        assert!(row.bound.cost.nanos() >= (row.bound.input as i64) * 2_500 + 100 * 10_000);
        assert_eq!(app.first_meter(&key).await, (255_000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_dearer_model_that_may_stand_in_is_what_a_budget_must_have_room_for() {
    let app = TestApp::sqlite().await;
    let (_, _) = two(&app, &[]).await;
    // The cheap one is asked for, and the dear one stands in.
    let mini =
        Model { fallbacks: vec!["gpt".to_owned()], ..Model::clone(&app.gateway.model("mini").expect("a model")) };
    app.gateway.edit_model(&app.admin, "mini", mini).await.expect("edited");
    // 100 tokens out are worth 0.0001 of the one and 0.001 of the other.
    let key = app.key(|spec| spec.limits.credit_quota = Credits::parse("0.0005")).await;
    let body = json!({ "model": "mini", "messages": [], "max_tokens": 100 });
    assert_eq!(app.chat(&key.secret, body.clone()).await.code(), "quota_exceeded");
    // Whose key may not call the dear one needs no room for it.
    let key = app.key(|spec| {
        spec.limits.credit_quota = Credits::parse("0.0005");
        spec.models = vec!["mini".to_owned()];
    });
    assert_eq!(app.chat(&key.await.secret, body).await.status, 200);
}

#[tokio::test]
async fn a_model_that_the_key_may_not_call_does_not_stand_in() {
    let app = TestApp::sqlite().await;
    let (_, well) = two(&app, &["mini"]).await;
    let key = app.key(|spec| spec.models = vec!["gpt".to_owned()]).await;
    let answer = app.chat(&key.secret, json!({ "model": "gpt", "messages": [] })).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"));
    assert_eq!(well.asked().len(), 0);
}

#[tokio::test]
async fn models_that_stand_in_for_each_other_are_each_tried_once() {
    let app = TestApp::sqlite().await;
    let failing = Upstream::start(|| upstream::json(500, "{}")).await;
    app.model("one", &failing.base_url).await;
    app.model("two", &failing.base_url).await;
    for (name, other) in [("one", "two"), ("two", "one")] {
        let model =
            Model { fallbacks: vec![other.to_owned()], ..Model::clone(&app.gateway.model(name).expect("there")) };
        app.gateway.edit_model(&app.admin, name, model).await.expect("edited");
    }
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let answer = app.chat(&key.secret, json!({ "model": "one", "messages": [] })).await;
    assert_eq!((answer.status.as_u16(), failing.asked().len()), (502, 2));
    assert_eq!((app.row(&answer).await.cost.nanos(), app.first_meter(&key).await), (0, (0, 0)));
}
