//! Streams: chunks leave as they came, the last bytes wait for the books, and whoever leaves pays for what was sent.

use crate::domain::usage::UsageSource;
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::json;
use std::sync::Mutex;

const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";

fn chunk(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}],\"usage\":null}}\r\n\r\n")
}

#[tokio::test]
async fn a_built_in_stream_sends_a_word_a_chunk_and_is_charged_by_the_word() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        let request = json!({ "model": "tollgate/echo", "stream": true,
            "messages": [{ "role": "user", "content": "one two" }] });
        let answer = app.chat(&key.secret, request).await;
        let lines: Vec<&str> = answer.body.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 4, "{}", answer.body);
        assert!(lines[1].contains("\" two\"") && lines[2].contains("\"stop\""));
        assert_eq!(lines[3], "data: [DONE]");
        assert_eq!(app.row(&answer).await.cost.exact(), "0.000006000");
    })
    .await;
}

#[tokio::test]
async fn usage_is_asked_for_and_its_chunk_withheld_unless_the_client_asked_for_it() {
    let app = TestApp::sqlite().await;
    let body = format!("{}{}{USAGE}: done\n\ndata: [DONE]\n\n", chunk("a"), chunk("b"));
    let sent = body.clone();
    let upstream = Upstream::start(move || upstream::events(sent.clone())).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let silent = app.chat(&key.secret, json!({ "model": "gpt", "messages": [], "stream": true })).await;
    assert_eq!(silent.body, body.replace(USAGE, ""));
    let options = json!({ "include_usage": true });
    let asking = json!({ "model": "gpt", "messages": [], "stream": true, "stream_options": options });
    assert_eq!(app.chat(&key.secret, asking).await.body, body);
    let asked = |number: usize| String::from_utf8(upstream.asked()[number].body.to_vec()).expect("text");
    assert!(asked(0).contains("\"include_usage\":true"));
    assert_eq!(asked(1).matches("include_usage").count(), 1);
    let row = app.row(&silent).await;
    assert_eq!((row.usage.input, row.usage.output, row.usage_source), (5, 2, Some(UsageSource::Upstream)));
}

#[tokio::test]
async fn chunks_leave_as_they_arrive() {
    let app = TestApp::sqlite().await;
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let upstream =
        Upstream::start(move || upstream::events(body.lock().expect("whole").take().expect("one call"))).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let request = json!({ "model": "gpt", "messages": [], "stream": true }).to_string();
    send.send(Ok(Bytes::from(chunk("a")))).expect("open");
    let mut response = app.post(&key.secret, "/v1/chat/completions", request).await.into_body();
    // Each is read before the next is sent: nothing waits for more.
    for text in ["a", "b", "c"] {
        let frame = response.frame().await.expect("open").expect("whole").into_data().expect("data");
        assert!(String::from_utf8_lossy(&frame).contains(text));
        send.send(Ok(Bytes::from(chunk(if text == "a" { "b" } else { "c" })))).expect("open");
    }
}

#[tokio::test]
async fn whoever_leaves_at_any_chunk_pays_for_what_was_relayed_and_holds_nothing() {
    on_both(|app| async move {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000_000)).await;
        let mut paid = 0;
        for stop_after in 0..=100 {
            let request = json!({ "model": "tollgate/fill", "stream": true, "max_tokens": 100,
                "messages": [{ "role": "user", "content": "go on" }] });
            let mut response = app.post(&key.secret, "/v1/chat/completions", request.to_string()).await.into_body();
            for _ in 0..stop_after {
                response.frame().await.expect("open").expect("whole");
            }
            drop(response);
            app.idle().await;
            let (settled, held) = app.first_meter(&key).await;
            assert_eq!(held, 0);
            let charge = settled - paid;
            assert!((2 + stop_after..=102).contains(&charge), "{charge} after {stop_after}");
            paid = settled;
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_leaves_a_far_upstream_at_any_chunk_pays_for_what_was_relayed_within_the_hold() {
    on_both(|app| async move {
        // Nobody says what was used: what is relayed is counted here.
        let body: String = (0..100).map(|_| chunk("word")).collect();
        let upstream = Upstream::start(move || upstream::events(body.clone())).await;
        app.model("gpt", &upstream.base_url).await;
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000_000)).await;
        let request = json!({ "model": "gpt", "stream": true, "max_tokens": 100, "messages": [] }).to_string();
        let mut paid = 0;
        for stop_after in 1..=100 {
            let mut response = app.post(&key.secret, "/v1/chat/completions", request.clone()).await.into_body();
            for _ in 0..stop_after {
                response.frame().await.expect("open").expect("whole");
            }
            drop(response);
            app.idle().await;
            let (settled, held) = app.first_meter(&key).await;
            assert_eq!(held, 0);
            let (charge, input) = (settled - paid, request.len() as i64);
            assert!((stop_after..=input + 100).contains(&charge), "{charge} after {stop_after}");
            paid = settled;
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_breaks_ends_properly_with_an_error_and_is_charged_for_what_came() {
    let app = TestApp::sqlite().await;
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let upstream =
        Upstream::start(move || upstream::events(body.lock().expect("whole").take().expect("one call"))).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    send.send(Ok(Bytes::from(chunk("hello there")))).expect("open");
    let request = json!({ "model": "gpt", "messages": [], "stream": true }).to_string();
    let mut response = app.post(&key.secret, "/v1/chat/completions", request).await;
    let id = response.headers()["x-request-id"].clone();
    response.body_mut().frame().await.expect("open").expect("whole");
    send.send(Err(std::io::Error::other("cut"))).expect("open");
    let mut rest = Answer::read(response).await;
    assert!(rest.body.contains("\"upstream_failed\"") && rest.body.ends_with("data: [DONE]\n\n"), "{}", rest.body);
    rest.body.clear();
    app.idle().await;
    let id = crate::domain::id::CallId(id.to_str().expect("ASCII").to_owned());
    let row = app.gateway.call(&app.admin, &id).await.expect("a row");
    assert_eq!((row.status, row.usage_source), (502, Some(UsageSource::Estimated)));
    assert!(row.usage.output >= 1 && row.cost.nanos() > 0);
}

#[tokio::test]
async fn hanging_up_on_an_answer_that_is_not_streamed_does_not_make_it_free() {
    let app = TestApp::sqlite().await;
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let answer = || axum::http::Response::builder().header("content-type", "application/json");
    let upstream = Upstream::start(move || {
        answer().body(body.lock().expect("whole").take().expect("one call")).expect("a response")
    })
    .await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let request = json!({ "model": "gpt", "messages": [] }).to_string();
    let call = app.post(&key.secret, "/v1/chat/completions", Body::from(request));
    let reached = async {
        while upstream.asked().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    // The client leaves as soon as the upstream has been asked.
    tokio::select! {
        _ = call => panic!("the answer is not whole yet"),
        () = reached => {}
    }
    send.send(Ok(Bytes::from(r#"{"choices":[],"usage":{"prompt_tokens":70,"completion_tokens":7}}"#))).expect("open");
    drop(send);
    app.idle().await;
    assert_eq!(app.first_meter(&key).await, (77, 0));
}
