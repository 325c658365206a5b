//! An upstream's answer as it comes: it keeps the call's place with its provider until it is over, says how it ended, and
//! is given up where it falls silent.

use super::upstream::{BoxError, UpstreamBody};
use crate::domain::health::Outcome;
use crate::gateway::health::Pass;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// A provider took too long over its answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Late(pub &'static str);

pub(super) struct Watched {
    body: UpstreamBody,
    /// `None` where the place has been given back already.
    pass: Option<Pass>,
    idle: Duration,
    /// Runs while the next piece is waited for.
    silence: Pin<Box<Sleep>>,
    is_waiting: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    /// `idle` is how long it may be silent, `deadline` when it must be whole.
    pub fn new(body: UpstreamBody, pass: Option<Pass>, idle: Duration, deadline: Option<Instant>) -> Self {
        let deadline = deadline.map(|at| Box::pin(sleep_until(at)));
        Self { body, pass, idle, silence: Box::pin(sleep(idle)), is_waiting: true, deadline }
    }

    fn late(&mut self, why: &'static str) -> Late {
        self.failed(why.to_owned());
        Late(why)
    }

    fn failed(&mut self, why: String) {
        if let Some(pass) = &mut self.pass {
            pass.note(&Outcome::Failed(why));
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.is_waiting = false;
            if let Some(Err(error)) = &frame {
                let why = format!("broke off in mid-answer: {error}");
                this.failed(why);
            }
            return Poll::Ready(frame);
        }
        // What passes while the client takes its time is not the provider's silence.
        if !std::mem::replace(&mut this.is_waiting, true) {
            this.silence.as_mut().reset(Instant::now() + this.idle);
        }
        if this.silence.as_mut().poll(cx).is_ready() {
            let late = this.late("The provider fell silent in the middle of its answer.");
            return Poll::Ready(Some(Err(late.into())));
        }
        if this.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            let late = this.late("The provider took too long over its answer.");
            return Poll::Ready(Some(Err(late.into())));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
