//! The live stream of the console: says at most once a second what has changed; the page then asks for it.

use crate::auth;
use crate::gateway::{Gateway, Topic};
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);

/// `GET /live`: each message is a list of topics with commas between them.
pub async fn changes(
    State(gateway): State<Gateway>,
    State(stop): State<CancellationToken>,
    session: tower_sessions::Session,
) -> Response {
    if auth::session::account(&gateway, &session).await.is_err() {
        return axum::http::StatusCode::UNAUTHORIZED.into_response();
    }
    Sse::new(messages(gateway.changes(), stop))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
        .into_response()
}

fn messages(changes: Receiver<Topic>, stop: CancellationToken) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold((changes, stop), |(mut changes, stop)| async {
        let mut topics = BTreeSet::new();
        stop.run_until_cancelled(gather(&mut changes, &mut topics)).await??;
        stop.run_until_cancelled(tokio::time::sleep(EVERY)).await?;
        let list = topics.into_iter().collect::<Vec<_>>().join(",");
        Some((Ok(Event::default().data(list)), (changes, stop)))
    })
}

/// Waits for a change, then takes all that have come by then. `None` when the gateway is gone.
async fn gather(changes: &mut Receiver<Topic>, topics: &mut BTreeSet<&'static str>) -> Option<()> {
    match changes.recv().await {
        Ok(topic) => topics.insert(topic.as_str()),
        // Some were missed: anything may have changed.
        Err(RecvError::Lagged(_)) => {
            topics.extend(Topic::ALL.map(Topic::as_str));
            true
        }
        Err(RecvError::Closed) => return None,
    };
    while let Ok(topic) = changes.try_recv() {
        topics.insert(topic.as_str());
    }
    Some(())
}
