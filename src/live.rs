//! The live stream of the console: says what has changed, at once but at most once a second; the page then asks for it.

use crate::auth;
use crate::gateway::{Gateway, Topic};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

/// From one message to the next, at least.
const EVERY: Duration = Duration::from_secs(1);
/// How long a change waits for those that come with it: a call that begins and ends, a key and the rule it is bound to.
const TOGETHER: Duration = Duration::from_millis(50);

/// What the browser sends by itself when it takes up a stream again: the id of the last message.
const LAST: &str = "last-event-id";

#[derive(serde::Deserialize)]
pub struct Since {
    /// The mark that the page carries.
    #[serde(default)]
    since: String,
}

/// `GET /live?since=…`: each message is a list of topics with commas between them, the first at once where anything has changed
/// since that mark. Its id is the mark from which to go on.
pub async fn changes(
    State(gateway): State<Gateway>,
    State(stop): State<CancellationToken>,
    session: tower_sessions::Session,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
) -> Response {
    if auth::session::account(&gateway, &session).await.is_err() {
        return axum::http::StatusCode::UNAUTHORIZED.into_response();
    }
    let last = headers.get(LAST).and_then(|mark| mark.to_str().ok());
    // What changes from here on comes by the receiver.
    let changes = gateway.changes();
    // Before it is asked what was missed: all that it counts is told.
    let mark = gateway.mark();
    let missed: BTreeSet<_> = gateway.changed_since(last.unwrap_or(&since)).into_iter().map(Topic::as_str).collect();
    let first = (!missed.is_empty()).then(|| message(&missed, &mark));
    let told = first.is_some().then(Instant::now);
    Sse::new(futures::stream::iter(first).chain(messages(gateway, changes, stop, told)))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
        .into_response()
}

pub(crate) type Message = Result<Event, Infallible>;

fn message(topics: &BTreeSet<&'static str>, mark: &str) -> Message {
    Ok(Event::default().id(mark).data(topics.iter().copied().collect::<Vec<_>>().join(",")))
}

/// Those that have not been told yet, from here on; `told` is when the last message was sent.
pub(crate) fn messages(
    gateway: Gateway,
    changes: Receiver<Topic>,
    stop: CancellationToken,
    told: Option<Instant>,
) -> impl Stream<Item = Message> {
    futures::stream::unfold((gateway, changes, stop, told), |(gateway, mut changes, stop, told)| async move {
        let mut topics = BTreeSet::new();
        let mark = stop.run_until_cancelled(gather(&gateway, &mut changes, &mut topics, told)).await??;
        Some((message(&topics, &mark), (gateway, changes, stop, Some(Instant::now()))))
    })
}

/// Waits for a change, then for its turn, takes all that have come by then, and gives a mark: all that it counts are among
/// them. `None` when the gateway is gone.
async fn gather(
    gateway: &Gateway,
    changes: &mut Receiver<Topic>,
    topics: &mut BTreeSet<&'static str>,
    told: Option<Instant>,
) -> Option<String> {
    match changes.recv().await {
        Ok(topic) => _ = topics.insert(topic.as_str()),
        // Some were missed: anything may have changed.
        Err(RecvError::Lagged(_)) => topics.extend(Topic::ALL.map(Topic::as_str)),
        Err(RecvError::Closed) => return None,
    }
    tokio::time::sleep(pause(told.map(|told| told.elapsed()))).await;
    let mark = gateway.mark();
    loop {
        match changes.try_recv() {
            Ok(topic) => _ = topics.insert(topic.as_str()),
            Err(TryRecvError::Lagged(_)) => topics.extend(Topic::ALL.map(Topic::as_str)),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return Some(mark),
        }
    }
}

/// How long a change waits to be told where the last message was sent so long ago, or none has been.
fn pause(since: Option<Duration>) -> Duration {
    since.map_or(TOGETHER, |since| EVERY.saturating_sub(since).max(TOGETHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_told_at_once_and_the_next_a_second_later() {
        assert_eq!(pause(None), TOGETHER);
        assert_eq!(pause(Some(Duration::ZERO)), EVERY);
        assert_eq!(pause(Some(Duration::from_millis(400))), Duration::from_millis(600));
        assert_eq!(pause(Some(EVERY - Duration::from_millis(1))), TOGETHER);
        assert_eq!(pause(Some(Duration::from_hours(1))), TOGETHER);
    }
}
