//! A stream that would cost more than its key allows one call to cost is cut; one that keeps to its bound never is.

use crate::domain::credits::Credits;
use crate::domain::id::CallId;
use crate::domain::refusal::Code;
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Mutex;

fn chunk(text: &str, usage: Value) -> Bytes {
    format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }], "usage": usage })).into()
}

/// 41 tokens of `gpt-4o` at most: what 11 tokens of input leave of the cap at 10 credits a million.
const CAP: &str = "0.00044";

fn request() -> String {
    // 3 + 3, a role, and four words.
    let messages = [json!({ "role": "user", "content": "say something quite long" })];
    json!({ "model": "gpt", "stream": true, "max_tokens": 41, "messages": messages }).to_string()
}

#[tokio::test]
async fn an_upstream_that_ignores_its_bound_is_cut_before_the_cap_is_passed() {
    on_both(|app| async move {
        let (send, body) = upstream::by_hand();
        let body = Mutex::new(Some(body));
        let upstream =
            Upstream::start(move || upstream::events(body.lock().expect("whole").take().expect("one call"))).await;
        app.model_at("gpt", "gpt-4o", &upstream.base_url).await;
        let key = app
            .key(|spec| {
                spec.limits.max_cost_per_request = Credits::parse(CAP);
                spec.limits.monthly_spend = Credits::parse("1");
            })
            .await;
        send.send(Ok(chunk(" word", Value::Null))).expect("open");
        let mut response = app.post(&key.secret, "/v1/chat/completions", request()).await;
        let id = CallId(response.headers()["x-request-id"].to_str().expect("ASCII").to_owned());
        let mut relayed = 0;
        let last = loop {
            let frame = response.body_mut().frame().await.expect("open").expect("whole").into_data().expect("data");
            if !String::from_utf8_lossy(&frame).contains(" word") {
                break frame;
            }
            relayed += 1;
            // It would go on for ever. The gateway may hang up while this is on its way.
            let _ = send.send(Ok(chunk(" word", Value::Null)));
        };
        let last = String::from_utf8_lossy(&last).into_owned() + &Answer::read(response).await.body;
        assert!(last.contains("\"request_cost_exceeds_key_cap\"") && last.ends_with("data: [DONE]\n\n"), "{last}");
        send.closed().await;
        app.idle().await;
        let row = app.gateway.call(&app.admin, &id).await.expect("a row");
        assert_eq!((row.refusal.expect("marked").code, row.usage.output), (Code::RequestCostExceedsKeyCap, relayed));
        assert_eq!((relayed, row.usage.input), (41, 11));
        assert!(row.cost <= Credits::parse(CAP).expect("money"));
        assert_eq!(app.first_meter(&key).await, (row.cost.nanos(), 0));
    })
    .await;
}

/// An app whose `gpt` answers with this stream, whole.
async fn answering(chunks: Vec<Bytes>) -> (TestApp, Answer, Upstream) {
    let app = TestApp::sqlite().await;
    let body = [chunks.concat(), b"data: [DONE]\n\n".to_vec()].concat();
    let upstream = Upstream::start(move || upstream::events(body.clone())).await;
    app.model_at("gpt", "gpt-4o", &upstream.base_url).await;
    let key = app.key(|spec| spec.limits.max_cost_per_request = Credits::parse(CAP)).await;
    let answer = Answer::read(app.post(&key.secret, "/v1/chat/completions", request()).await).await;
    (app, answer, upstream)
}

#[tokio::test]
async fn an_answer_of_long_words_that_keeps_to_its_bound_is_not_cut() {
    // 40 tokens of 14 bytes, four at a time: four bytes a token would be 140.
    let words = " international".repeat(4);
    let (app, answer, _upstream) = answering((0..10).map(|_| chunk(&words, Value::Null)).collect()).await;
    assert_eq!(answer.body.matches("international").count(), 40);
    assert!(!answer.body.contains("error"), "{}", answer.body);
    assert_eq!(app.row(&answer).await.usage.output, 40);
}

#[tokio::test]
async fn a_figure_that_the_upstream_reports_on_the_way_is_believed_and_charged() {
    let usage = |output: u64| json!({ "prompt_tokens": 11, "completion_tokens": output });
    let chunks = vec![chunk(" one", usage(20)), chunk(" two", usage(41)), chunk(" three", usage(60))];
    let (app, answer, _upstream) = answering(chunks).await;
    assert!(answer.body.contains(" two") && !answer.body.contains(" three"), "{}", answer.body);
    let row = app.row(&answer).await;
    assert_eq!((row.usage.output, row.refusal.map(|refusal| refusal.code)), (60, Some(Code::RequestCostExceedsKeyCap)));
}

#[tokio::test]
async fn a_bill_that_comes_after_the_whole_answer_cuts_nothing() {
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 11, "completion_tokens": 600 } });
    let chunks = vec![chunk(" one", Value::Null), Bytes::from(format!("data: {usage}\n\n"))];
    let (app, answer, _upstream) = answering(chunks).await;
    assert!(!answer.body.contains("error"), "{}", answer.body);
    assert_eq!(app.row(&answer).await.usage.output, 600);
}
