//! The live stream of the console: says what has changed, at once but at most once a second; the page then asks for it.

use crate::auth;
use crate::gateway::{Gateway, Topic};
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
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
    let mark = last.map_or(since, str::to_owned);
    Sse::new(messages(gateway, mark, stop))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
        .into_response()
}

/// What changes from that mark on. Ends with the gateway, or when told to stop.
pub(crate) fn messages(
    gateway: Gateway,
    mark: String,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let listener = Listener { changes: gateway.changes(), gateway, mark, told: None };
    futures::stream::unfold((listener, stop), |(mut listener, stop)| async {
        let message = stop.run_until_cancelled(listener.next()).await??;
        Some((Ok(message), (listener, stop)))
    })
}

struct Listener {
    gateway: Gateway,
    /// Wakes the listener. What has changed is read off the marks, so that nothing is missed by whoever falls behind.
    changes: Receiver<Topic>,
    /// Up to where changes were told.
    mark: String,
    /// When the last message was sent.
    told: Option<Instant>,
}

impl Listener {
    /// Waits for a change, then for its turn, and tells all that have come by then. `None` when the gateway is gone.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.gateway.changed_since(&self.mark).is_empty()
                && let Err(RecvError::Closed) = self.changes.recv().await
            {
                return None;
            }
            tokio::time::sleep(pause(self.told.map(|told| told.elapsed()))).await;
            while !matches!(self.changes.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
            // Before it is asked what has changed: all that it counts is told.
            let mark = self.gateway.mark();
            let topics: Vec<_> = self.gateway.changed_since(&self.mark).into_iter().map(Topic::as_str).collect();
            if !topics.is_empty() {
                (self.mark, self.told) = (mark, Some(Instant::now()));
                return Some(Event::default().id(&self.mark).data(topics.join(",")));
            }
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
