//! How long a call waits for either side. Without an end to each wait, a peer that is gone without a word would keep its
//! hold for ever.

use super::ProxyTerms;
use super::error::upstream_failed;
use super::upstream::UpstreamBody;
use crate::domain::refusal::{Code, Refusal};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::sync::mpsc;

/// An answer that is not streamed is read whole; none is larger than this.
const LARGEST_ANSWER: usize = 64 << 20;

/// The longest waits of a call.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
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
        Self { silence: minutes(5), whole: minutes(30), client: minutes(5) }
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
        read = tokio::time::timeout(patience.whole, gather(body, patience.silence)) => match read {
            Ok(Ok(Some(body))) => Ok(body),
            Ok(Ok(None)) => Err(late("The provider fell silent in the middle of its answer.")),
            Ok(Err(reason)) => Err(upstream_failed(reason)),
            Err(_) => Err(late("The provider took too long over its answer.")),
        },
        () = terms.cut.cancelled() => Err(stopping()),
    }
}

/// `None` where it falls silent.
async fn gather(mut body: UpstreamBody, silence: Duration) -> Result<Option<Bytes>, String> {
    let mut gathered = BytesMut::new();
    loop {
        let Ok(frame) = tokio::time::timeout(silence, body.frame()).await else { return Ok(None) };
        let Some(frame) = frame else { return Ok(Some(gathered.freeze())) };
        let frame = frame.map_err(|error| format!("The provider broke off in the middle of its answer: {error}."))?;
        let data = frame.into_data().unwrap_or_default();
        if gathered.len() + data.len() > LARGEST_ANSWER {
            return Err(format!("The provider's answer is larger than {LARGEST_ANSWER} bytes."));
        }
        gathered.extend_from_slice(&data);
    }
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
