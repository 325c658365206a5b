//! How long a call waits for either side. Without an end to each wait, a peer that is gone without a word would keep its
//! hold for ever.

use super::ProxyTerms;
use super::error::upstream_failed;
use super::upstream::{BoxError, UpstreamBody};
use super::watched::Late;
use crate::domain::provider::Timeouts;
use crate::domain::refusal::{Code, Refusal};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::sync::mpsc;

/// An answer that is not streamed is read whole; none is larger than this.
const LARGEST_ANSWER: usize = 64 << 20;

/// The longest waits of a call, where its provider has none of its own.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection to an upstream.
    pub connect: Duration,
    /// For an upstream to begin its answer. One that is not streamed begins when it is complete.
    pub first_byte: Duration,
    /// For a place with a provider, where all have as many calls as they take.
    pub place: Duration,
    /// For an upstream that is silent in the middle of its answer.
    pub silence: Duration,
    /// For the whole of an answer that is not streamed, once it has begun.
    pub whole: Duration,
    /// For a client that takes nothing of what it is sent, but stays connected.
    pub client: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        Self {
            connect: Duration::from_secs(10),
            first_byte: minutes(10),
            place: Duration::from_secs(2),
            silence: minutes(5),
            whole: minutes(30),
            client: minutes(5),
        }
    }
}

/// How long one provider is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub connect: Duration,
    pub first_byte: Duration,
    pub idle: Duration,
    /// For all of it, where the provider says so.
    pub total: Option<Duration>,
}

impl Patience {
    pub(super) fn at(&self, provider: Timeouts) -> Waits {
        let of = |own: Option<u64>, otherwise| own.map_or(otherwise, Duration::from_millis);
        Waits {
            connect: of(provider.connect_ms, self.connect),
            first_byte: of(provider.first_byte_ms, self.first_byte),
            idle: of(provider.idle_ms, self.silence),
            total: provider.total_ms.map(Duration::from_millis),
        }
    }
}

/// What a caller is told of an answer that stopped in the middle.
pub(super) fn broken(error: &BoxError) -> Refusal {
    match error.downcast_ref::<Late>() {
        Some(late) => Refusal::new(Code::UpstreamTimeout, late.to_string()),
        None => upstream_failed(format!("The provider broke off in the middle of its answer: {error}.")),
    }
}

/// An answer that is not streamed, to its end.
///
/// # Errors
/// Where it does not come to one, with the reason for the caller.
pub(super) async fn whole(body: UpstreamBody, terms: &ProxyTerms) -> Result<Bytes, Refusal> {
    let patience = terms.patience;
    let late = |message: &str| Refusal::new(Code::UpstreamTimeout, message);
    tokio::select! {
        read = tokio::time::timeout(patience.whole, gather(body)) => match read {
            Ok(read) => read,
            Err(_) => Err(late("The provider took too long over its answer.")),
        },
        () = terms.cut.cancelled() => Err(stopping()),
    }
}

async fn gather(mut body: UpstreamBody) -> Result<Bytes, Refusal> {
    let mut gathered = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|error| broken(&error))?.into_data().unwrap_or_default();
        if gathered.len() + data.len() > LARGEST_ANSWER {
            return Err(upstream_failed(format!("The provider's answer is larger than {LARGEST_ANSWER} bytes.")));
        }
        gathered.extend_from_slice(&data);
    }
    Ok(gathered.freeze())
}

/// Why a client was not sent a piece of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// It has left, or takes nothing any more.
    Gone,
    /// The process ends.
    Stopping,
}

/// Hands a piece of a stream to the client, as soon as it takes one.
pub(super) async fn hand<T>(to_client: &mpsc::Sender<T>, piece: T, terms: &ProxyTerms) -> Result<(), Unsent> {
    tokio::select! {
        // What can be taken at once still leaves when the process ends.
        biased;
        sent = tokio::time::timeout(terms.patience.client, to_client.send(piece)) => match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Unsent::Gone),
        },
        () = terms.cut.cancelled() => Err(Unsent::Stopping),
    }
}

/// What a call is told that the end of the process cuts off.
pub(super) fn stopping() -> Refusal {
    Refusal::new(Code::NoRouteAvailable, "The gateway is shutting down, and could not wait for this call to end.")
}
