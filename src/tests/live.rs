//! The live stream: what its messages name, and where they say to go on.

use super::app::TestApp;
use crate::domain::account::Role;
use crate::gateway::Topic;
use crate::live::messages;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::sse::Sse;
use http_body_util::BodyExt;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The next message: its id, and the topics it names.
async fn next(stream: &mut Body) -> Option<(String, String)> {
    let frame = stream.frame().await?.expect("a frame").into_data().expect("data");
    let text = String::from_utf8(frame.to_vec()).expect("text");
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    Some((line("id: "), line("data: ")))
}

#[tokio::test]
async fn each_message_names_what_has_changed_and_where_to_go_on() {
    let app = TestApp::sqlite().await;
    let (begun, stop) = (Instant::now(), CancellationToken::new());
    let mut stream =
        Sse::new(messages(app.gateway.clone(), app.gateway.mark(), stop.clone())).into_response().into_body();
    app.key(|_| ()).await;
    app.gateway.create_account("lena@example.com", "Lena", Role::User, "unused").await.expect("an account");
    let (mark, topics) = next(&mut stream).await.expect("a message");
    assert_eq!(topics, "keys,accounts", "one message for what was there");
    assert_eq!(app.gateway.changed_since(&mark), []);

    // More changes than wait for one listener.
    for _ in 0..70 {
        app.key(|_| ()).await;
    }
    let (mark, topics) = next(&mut stream).await.expect("a message");
    assert_eq!(topics, "keys", "what has changed, and nothing is told twice");
    assert!(begun.elapsed() >= Duration::from_secs(1), "one message a second");
    assert_eq!(app.gateway.changed_since(&mark), []);

    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), next(&mut stream)).await;
    assert_eq!(ended, Ok(None));
}

#[tokio::test]
async fn a_stream_begins_with_what_has_changed_since_its_mark() {
    let app = TestApp::sqlite().await;
    let before = app.gateway.mark();
    app.key(|_| ()).await;
    for (mark, first) in [(before, "keys".to_owned()), (String::new(), Topic::ALL.map(Topic::as_str).join(","))] {
        let told = messages(app.gateway.clone(), mark, CancellationToken::new());
        let (mark, topics) = next(&mut Sse::new(told).into_response().into_body()).await.expect("a message");
        assert_eq!(topics, first);
        assert_eq!(mark, app.gateway.mark());
    }
}
