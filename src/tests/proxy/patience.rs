//! Nobody is waited for without an end: a peer that falls silent and stays connected keeps no hold.

use crate::proxy::Patience;
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use serde_json::json;
use std::sync::Mutex;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(200);

fn patience() -> Patience {
    Patience { silence: LONG, whole: LONG, client: LONG, ..Patience::default() }
}

type ByHand = tokio::sync::mpsc::UnboundedSender<Result<Bytes, std::io::Error>>;

/// An upstream that answers one call with this head, and a body that comes by hand.
async fn by_hand(status: u16, content_type: &'static str) -> (ByHand, Upstream) {
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let head = move || Response::builder().status(status).header("content-type", content_type);
    let script = move || head().body(body.lock().expect("whole").take().expect("one call")).expect("a response");
    (send, Upstream::start(script).await)
}

/// A call of a key with a meter, which says what it holds: the answer, and what it was charged.
async fn called(app: &TestApp) -> (Answer, i64) {
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let answer = app.chat(&key.secret, json!({ "model": "gpt", "messages": [], "max_tokens": 50 })).await;
    app.idle().await;
    let (settled, held) = app.first_meter(&key).await;
    assert_eq!(held, 0);
    (answer, settled)
}

fn most() -> i64 {
    json!({ "model": "gpt", "messages": [], "max_tokens": 50 }).to_string().len() as i64 + 50
}

#[tokio::test]
async fn an_upstream_that_stalls_after_its_head_is_given_up_and_the_call_charged_whole() {
    on_both(|app| async move {
        let app = app.patient(Patience { silence: SHORT, ..patience() });
        let (send, upstream) = by_hand(200, "application/json").await;
        app.model("gpt", &upstream.base_url).await;
        send.send(Ok(Bytes::from("{\"choices\":"))).expect("open");
        let (answer, charged) = called(&app).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str(), charged), (504, "upstream_timeout", most()));
        send.closed().await;
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_drips_for_ever_is_given_up_when_the_whole_takes_too_long() {
    let app = TestApp::sqlite().await.patient(Patience { whole: SHORT, ..patience() });
    let (send, upstream) = by_hand(200, "application/json").await;
    app.model("gpt", &upstream.base_url).await;
    let dripping = tokio::spawn(async move {
        while send.send(Ok(Bytes::from(" "))).is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let (answer, charged) = called(&app).await;
    assert_eq!((answer.code().as_str(), charged), ("upstream_timeout", most()));
    dripping.await.expect("the upstream was hung up on");
}

#[tokio::test]
async fn an_upstream_that_stalls_in_its_complaint_is_passed_back_without_it_and_charges_nothing() {
    let app = TestApp::sqlite().await.patient(Patience { silence: SHORT, ..patience() });
    let (send, upstream) = by_hand(400, "application/json").await;
    app.model("gpt", &upstream.base_url).await;
    send.send(Ok(Bytes::from("{"))).expect("open");
    let (answer, charged) = called(&app).await;
    assert_eq!((answer.status.as_u16(), charged), (400, 0));
}

#[tokio::test]
async fn a_client_that_stays_and_takes_nothing_is_given_up_and_pays_for_what_was_relayed() {
    on_both(|app| async move {
        let app = app.patient(Patience { client: SHORT, ..patience() });
        let (send, upstream) = by_hand(200, "text/event-stream").await;
        app.model("gpt", &upstream.base_url).await;
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
        for _ in 0..100 {
            send.send(Ok(Bytes::from("data: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n"))).expect("open");
        }
        let call = json!({ "model": "gpt", "messages": [], "stream": true, "max_tokens": 500 }).to_string();
        let unread = app.post(&key.secret, "/v1/chat/completions", Body::from(call)).await;
        app.idle().await;
        let (settled, held) = app.first_meter(&key).await;
        assert_eq!(held, 0);
        assert!((33..200).contains(&settled), "{settled}");
        send.closed().await;
        drop(unread);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_the_end_of_the_process_cuts_is_told_so_and_settled() {
    on_both(|app| async move {
        let (send, upstream) = by_hand(200, "application/json").await;
        app.model("gpt", &upstream.base_url).await;
        let cutting = async {
            while upstream.asked().is_empty() {
                tokio::task::yield_now().await;
            }
            app.cut.cancel();
        };
        let ((answer, charged), ()) = tokio::join!(called(&app), cutting);
        assert_eq!((answer.status.as_u16(), charged), (503, most()));
        drop(send);
        // One that comes after that reaches nobody, and is free.
        let (answer, charged) = called(&app).await;
        assert_eq!((answer.status.as_u16(), charged, upstream.asked().len()), (503, 0, 1));
    })
    .await;
}
