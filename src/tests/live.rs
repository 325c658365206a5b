//! The live stream: what its messages name, and where they say to go on.

use super::app::TestApp;
use crate::domain::account::Role;
use crate::gateway::Topic;
use crate::live::messages;
use axum::body::Body;
use axum::response::IntoResponse;
use axum::response::sse::Sse;
use http_body_util::BodyExt;
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
    let stop = CancellationToken::new();
    let told = messages(app.gateway.clone(), app.gateway.changes(), stop.clone(), None);
    let mut stream = Sse::new(told).into_response().into_body();
    app.key(|_| ()).await;
    app.gateway.create_account("lena@example.com", "Lena", Role::User, "unused").await.expect("an account");
    let (mark, topics) = next(&mut stream).await.expect("a message");
    assert_eq!(topics, "accounts,keys", "one message for what came together");
    assert_eq!(app.gateway.changed_since(&mark), []);

    app.key(|_| ()).await;
    let (mark, topics) = next(&mut stream).await.expect("a message");
    assert_eq!(topics, "keys", "nothing is told twice");
    assert_eq!(app.gateway.changed_since(&mark), []);

    stop.cancel();
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn whoever_is_too_far_behind_hears_that_anything_may_have_changed() {
    let app = TestApp::sqlite().await;
    let told = messages(app.gateway.clone(), app.gateway.changes(), CancellationToken::new(), None);
    let mut stream = Sse::new(told).into_response().into_body();
    // More than the receiver holds.
    for _ in 0..70 {
        app.key(|_| ()).await;
    }
    let (_, topics) = next(&mut stream).await.expect("a message");
    assert_eq!(topics.split(',').count(), Topic::ALL.len());
}
