//! Speech on its way back: its bytes leave as they arrive, and whoever leaves early pays for what was asked.

use crate::domain::usage::UsageSource;
use crate::tests::app::{Answer, TestApp};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Mutex;

fn say(text: &str) -> Value {
    json!({ "model": "tts", "voice": "alloy", "input": text })
}

async fn speak(app: &TestApp, secret: &str, body: Value) -> axum::http::Response<Body> {
    app.post(secret, "/v1/audio/speech", body.to_string()).await
}

#[tokio::test]
async fn a_sound_passes_byte_for_byte_as_an_attachment() {
    let app = TestApp::sqlite().await;
    let sound: Vec<u8> = (0..300_000_u32).map(|at| (at % 256) as u8).collect();
    let sent = sound.clone();
    let upstream = Upstream::start(move || upstream::typed(200, "audio/mpeg", Body::from(sent.clone()))).await;
    app.model("tts", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let answer = speak(&app, &key.secret, say("hello")).await;
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "audio/mpeg");
    assert_eq!(
        (header("content-disposition"), header("x-content-type-options")),
        ("attachment".to_owned(), "nosniff".to_owned())
    );
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
    assert!(!header("x-tollgate-cost").is_empty() && !header("x-request-id").is_empty());
    assert!(answer.into_body().collect().await.expect("a body").to_bytes() == sound);
    assert_eq!(upstream.asked()[0].headers["accept"], "*/*");
}

#[tokio::test]
async fn pieces_of_a_sound_leave_as_they_arrive_and_its_end_waits_for_the_books() {
    let app = TestApp::sqlite().await;
    let (send, body) = upstream::by_hand();
    let body = Mutex::new(Some(body));
    let upstream = Upstream::start(move || {
        upstream::typed(200, "audio/mpeg", body.lock().expect("whole").take().expect("one call"))
    })
    .await;
    app.model("tts", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    send.send(Ok(Bytes::from_static(b"one"))).expect("a gate");
    let answer = speak(&app, &key.secret, say("hello")).await;
    let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    let mut body = answer.into_body();
    let mut next = async || body.frame().await.map(|frame| frame.expect("whole").into_data().expect("data"));
    assert_eq!(next().await.as_deref(), Some(b"one".as_slice()));
    send.send(Ok(Bytes::from_static(b"two"))).expect("a gate");
    assert_eq!(next().await.as_deref(), Some(b"two".as_slice()));
    assert_eq!(app.gateway.calls_in_flight(), 1);
    drop(send);
    assert_eq!(next().await, None);
    assert_eq!(app.gateway.calls_in_flight(), 0);
    let row = app.gateway.call(&app.admin, &crate::domain::id::CallId(id)).await.expect("a row");
    assert_eq!((row.status, row.usage_source), (200, Some(UsageSource::Estimated)));
}

#[tokio::test]
async fn a_sound_that_breaks_off_does_not_pass_for_a_whole_one_and_a_client_that_leaves_pays() {
    let app = TestApp::sqlite().await;
    let upstreams: Vec<_> = (0..2).map(|_| upstream::by_hand()).collect();
    let (senders, bodies): (Vec<_>, Vec<_>) = upstreams.into_iter().unzip();
    let bodies = Mutex::new(bodies);
    let upstream =
        Upstream::start(move || upstream::typed(200, "audio/mpeg", bodies.lock().expect("whole").remove(0))).await;
    app.model("tts", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    senders.iter().for_each(|send| send.send(Ok(Bytes::from_static(b"one"))).expect("a gate"));
    let answer = speak(&app, &key.secret, say("hello")).await;
    senders[0].send(Err(std::io::Error::other("gone"))).expect("a gate");
    assert!(answer.into_body().collect().await.is_err());
    let answer = speak(&app, &key.secret, say("hello")).await;
    let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    drop(answer);
    app.idle().await;
    let row = app.gateway.call(&app.admin, &crate::domain::id::CallId(id)).await.expect("a row");
    assert_eq!((row.status, row.cost.nanos() > 0), (499, true));
}

#[tokio::test]
async fn speech_as_events_passes_untouched_and_says_itself_what_it_used() {
    let app = TestApp::sqlite().await;
    let text = "data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\n\
        data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,\"output_tokens\":101,\"total_tokens\":115}}\n\n";
    let upstream = Upstream::start(move || upstream::events(text)).await;
    app.model("tts", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let mut body = say("hello");
    body["stream_format"] = json!("sse");
    let answer = Answer::read(speak(&app, &key.secret, body).await).await;
    assert_eq!(answer.body, text);
    let row = app.row(&answer).await;
    assert_eq!((row.usage.input, row.usage.output, row.usage_source), (14, 101, Some(UsageSource::Upstream)));
    assert_eq!((row.arrival.stream, row.status), (true, 200));
}

#[tokio::test]
async fn an_upstreams_complaint_about_a_text_is_passed_back_and_charged_nothing() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(400, r#"{"error":{"message":"no such voice"}}"#)).await;
    app.model("tts", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let answer = Answer::read(speak(&app, &key.secret, say("hello")).await).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (400, r#"{"error":{"message":"no such voice"}}"#));
    assert_eq!((app.row(&answer).await.cost.nanos(), answer.header("content-disposition")), (0, ""));
}

#[tokio::test]
async fn the_built_in_provider_speaks_in_tones_a_word_each() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100)).await;
    let mut body = say("one two three");
    body["model"] = json!("tollgate/echo");
    let answer = speak(&app, &key.secret, body.clone()).await;
    assert_eq!(answer.headers()["content-type"], "audio/wav");
    let sound = answer.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!((&sound[..4], sound.len()), (b"RIFF".as_slice(), 44 + 3 * 800));
    // Three words read, three spoken.
    assert_eq!(app.first_meter(&key).await, (6, 0));
    body["stream_format"] = json!("sse");
    let answer = Answer::read(speak(&app, &key.secret, body).await).await;
    assert!(answer.body.contains("speech.audio.done"), "{}", answer.body);
    assert_eq!(app.first_meter(&key).await, (12, 0));
}
