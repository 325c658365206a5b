//! An answer of sounds, which is neither read nor held: each piece leaves as it arrives, and the end waits for the books.

use super::exchange::{Answer, Exchange, answer, head};
use super::patience::{Unsent, broken, hand, stopping};
use super::upstream::UpstreamBody;
use crate::domain::usage::UsageSource;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use std::io;
use tokio::sync::{mpsc, oneshot};

/// Whether an answer is neither text nor JSON: then nobody may show it as a page of ours.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    !(kind.is_empty() || kind.starts_with("text/") || kind.ends_with("json"))
}

impl Exchange {
    /// What it cost is known from what was asked, so the head can say so.
    pub(super) async fn flow(self, response: Response<UpstreamBody>, to: oneshot::Sender<Answer>) {
        let Exchange { terms, mut hold, tally, rates, voice, .. } = self;
        let (parts, mut body) = response.into_parts();
        let status = parts.status.as_u16();
        let (usage, source) = tally.complete(&hold.bound);
        let (to_client, from_us) = mpsc::channel::<io::Result<Bytes>>(32);
        let mut whole = head(&parts, rates, &voice, true, Body::from_stream(pieces(from_us)));
        if let Ok(cost) = HeaderValue::try_from(hold.cost(&usage).exact()) {
            whole.headers_mut().insert("x-tollgate-cost", cost);
        }
        answer(to, whole);
        let cut = loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                // It was asked for, and is being made: leaving early does not make it free.
                () = to_client.closed() => return hold.abandon(usage).await,
                () = terms.cut.cancelled() => break Some(stopping()),
            };
            let piece = match frame {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                None => break None,
                Some(Err(error)) => break Some(broken(&error)),
            };
            hold.first_byte();
            match hand(&to_client, Ok(piece), &terms).await {
                Ok(()) => {}
                Err(Unsent::Gone) => return hold.abandon(usage).await,
                Err(Unsent::Stopping) => break Some(stopping()),
            }
        };
        drop(body);
        match cut {
            None => hold.settle(status, usage, source, None).await,
            Some(refusal) => {
                let (usage, message) = (hold.bound.within(usage), refusal.message.clone());
                hold.settle(refusal.code.status(), usage, UsageSource::Estimated, Some(refusal)).await;
                // A sound that just ended would pass for a whole one.
                let _ = to_client.try_send(Err(io::Error::other(message)));
            }
        }
    }
}

fn pieces(from_us: mpsc::Receiver<io::Result<Bytes>>) -> impl futures::Stream<Item = io::Result<Bytes>> {
    futures::stream::unfold(from_us, |mut from_us| async { from_us.recv().await.map(|piece| (piece, from_us)) })
}
