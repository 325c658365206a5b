//! A call from its dispatch to its end: sent, answered in the caller's dialect, and charged, whoever leaves first.

use super::cap::Cap;
use super::error::{ProxyError, upstream_failed};
use super::flow::is_binary;
use super::lane::Lane;
use super::memory::{Memory, Recording};
use super::meter::{Seen, Tally};
use super::patience::{self, Unsent, hand, stopping};
use super::tries::{self, Failure, Reply, Trip};
use super::upstream::UpstreamBody;
use super::voice::Voice;
use super::{ProxyTerms, sse};
use crate::domain::refusal::Refusal;
use crate::domain::service::Service;
use crate::domain::usage::{Usage, UsageSource};
use crate::gateway::Gateway;
use crate::gateway::hold::Hold;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What may pass back from an upstream beside the body.
const PASSED_BACK: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::RETRY_AFTER];

/// So many fields that were left out are named to the caller.
const MOST_LEFT_OUT: usize = 20;

pub(super) type Answer = Response<Body>;

/// An admitted call. It runs in a task of its own, so that it ends properly whether or not its client stays.
pub(super) struct Exchange {
    pub gateway: Gateway,
    pub terms: ProxyTerms,
    pub hold: Hold,
    pub stream: bool,
    pub lanes: Vec<Lane>,
    /// The caller's headers.
    pub caller: HeaderMap,
    pub delay: Duration,
    pub tally: Tally,
    pub cap: Option<Cap>,
    pub rates: HeaderMap,
    pub voice: Voice,
    /// Where its answer is kept for identical calls.
    pub memory: Option<Memory>,
}

impl Exchange {
    pub(super) async fn begin(self) -> Answer {
        let dialect = self.voice.dialect();
        let (head, answer) = oneshot::channel();
        tokio::spawn(self.carry(head));
        // The task answers on every path; if it died of a bug, its hold has gone to the settler.
        answer.await.unwrap_or_else(|_| {
            ProxyError::of(dialect, upstream_failed("The call ended unexpectedly.")).into_response()
        })
    }

    /// Sends the call, and sees it to its end.
    async fn carry(mut self, mut head: oneshot::Sender<Answer>) {
        if self.terms.cut.is_cancelled() {
            return self.failed(Failure { refusal: stopping(), cost_unknown: false }, head).await;
        }
        let trip = Trip {
            gateway: &self.gateway,
            terms: &self.terms,
            lanes: &self.lanes,
            caller: &self.caller,
            delay: self.delay,
        };
        let sent = tries::send(&trip, &mut self.hold);
        let reply = tokio::select! {
            reply = sent => reply,
            // An answer that is not streamed begins when it is complete: hanging up early must not make it free.
            () = head.closed(), if self.stream => return self.hold.abandon(self.tally.cut_off()).await,
            () = self.terms.cut.cancelled() => return self.stopped(head).await,
        };
        let reply = reply.map(|Reply { response, lane }| {
            self.tally.listens_to(lane.speaks());
            self.voice.listen_to(lane.speaks(), lane.one_call);
            self.rates.extend(left_out(lane));
            self.rates.extend(instead(lane));
            if lane.way.stands_in {
                // Identical calls are to be answered by their own model, when it is back.
                self.memory = None;
            }
            response
        });
        match reply {
            Err(failure) => self.failed(failure, head).await,
            Ok(response) if !response.status().is_success() => self.pass_back(response, head).await,
            Ok(response) if is_event_stream(&response) => self.stream(response, head).await,
            Ok(response) if self.tally.is_of(Service::Speech) && is_binary(response.headers()) => {
                self.flow(response, head).await;
            }
            Ok(response) => self.whole(response, head).await,
        }
    }

    /// The process ends before the upstream has answered. As with a client that hangs up, a stream has cost what was
    /// relayed, and of an answer that comes in one piece nobody can say what it has cost by now.
    async fn stopped(self, head: oneshot::Sender<Answer>) {
        let refusal = stopping();
        let cost_unknown = self.hold.is_under_way();
        if !self.stream || !cost_unknown {
            return self.failed(Failure { refusal, cost_unknown }, head).await;
        }
        let (usage, status) = (self.tally.broken_off(&self.hold.bound), refusal.code.status());
        self.hold.settle(status, usage, UsageSource::Estimated, Some(refusal.clone())).await;
        answer(head, ProxyError::of(self.voice.dialect(), refusal).into_response());
    }

    async fn failed(self, failure: Failure, head: oneshot::Sender<Answer>) {
        let Failure { refusal, cost_unknown } = failure;
        let status = refusal.code.status();
        if cost_unknown {
            self.hold.charge_whole(status, Some(refusal.clone())).await;
        } else {
            self.hold.release(status, Some(refusal.clone())).await;
        }
        answer(head, ProxyError::of(self.voice.dialect(), refusal).into_response());
    }

    /// The upstream found fault with the request: the caller is told in the upstream's own words, and charged nothing.
    async fn pass_back(self, response: Response<UpstreamBody>, head: oneshot::Sender<Answer>) {
        let (parts, body) = response.into_parts();
        // It has said that it did not serve the call, so whatever becomes of its words nothing is charged.
        let body = patience::whole(body, &self.terms).await.unwrap_or_default();
        let message = format!("The provider answered {}.", parts.status);
        self.hold.release(parts.status.as_u16(), Some(upstream_failed(message))).await;
        let body = self.voice.complaint(parts.status, body);
        answer(head, self::head(&parts, self.rates, &self.voice, false, Body::from(body)));
    }

    /// An answer that is not streamed: read whole and settled before its head is sent, so that the head can say what
    /// it cost.
    async fn whole(mut self, response: Response<UpstreamBody>, head: oneshot::Sender<Answer>) {
        self.hold.first_byte();
        let (parts, body) = response.into_parts();
        let body = match patience::whole(body, &self.terms).await {
            Ok(body) => body,
            Err(refusal) => return self.failed(Failure { refusal, cost_unknown: true }, head).await,
        };
        self.tally.note(&body);
        let (usage, source) = self.tally.complete(&self.hold.bound);
        let cost = self.hold.cost(&usage);
        let dialect = self.voice.dialect();
        let mut whole = match self.voice.whole(body, &usage) {
            Ok(body) => {
                self.hold.settle(parts.status.as_u16(), usage, source, None).await;
                let whole = self::head(&parts, self.rates, &self.voice, false, Body::from(body.clone()));
                if let Some(memory) = self.memory.filter(|_| parts.status == StatusCode::OK) {
                    memory.keep(&self.gateway, whole.headers(), body);
                }
                whole
            }
            // It has answered, so it has cost what it says, though nobody can make anything of it.
            Err(refusal) => {
                self.hold.settle(refusal.code.status(), usage, source, Some(refusal.clone())).await;
                ProxyError::of(dialect, refusal).into_response()
            }
        };
        if let Ok(cost) = HeaderValue::try_from(cost.exact()) {
            whole.headers_mut().insert("x-tollgate-cost", cost);
        }
        answer(head, whole);
    }

    /// A stream: each event leaves as it arrives, unless the call would then cost more than it may; the last one waits
    /// for the books.
    async fn stream(self, response: Response<UpstreamBody>, head: oneshot::Sender<Answer>) {
        let Exchange { gateway, terms, hold, mut tally, mut cap, rates, mut voice, memory, .. } = self;
        if cap.is_some() {
            tally.keep_text();
        }
        let (parts, mut body) = response.into_parts();
        let status = parts.status.as_u16();
        let (to_client, from_us) = mpsc::channel::<Bytes>(32);
        let begun = self::head(&parts, rates, &voice, true, Body::from_stream(chunks(from_us)));
        let memory = memory.filter(|_| parts.status == StatusCode::OK);
        let mut recording = memory.map(|memory| Recording::new(memory, begun.headers()));
        let mut is_complete = false;
        answer(head, begun);
        let bound = hold.bound;
        let mut hold = Some(hold);
        let mut events = sse::Events::default();
        // An event that may be the last waits until another comes, or the end.
        let mut waiting = Bytes::new();
        let broken = 'stream: loop {
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = to_client.closed() => return abandon(hold, &tally).await,
                () = terms.cut.cancelled() => break Some((tally.broken_off(&bound), stopping())),
            };
            let bytes = match frame {
                Some(Ok(frame)) => Some(frame.into_data().unwrap_or_default()),
                None => None,
                Some(Err(error)) => break Some((tally.broken_off(&bound), patience::broken(&error))),
            };
            if let Some(bytes) = &bytes {
                hold.iter_mut().for_each(Hold::first_byte);
                events.push(bytes);
            }
            // What stands at the end without an empty line is an event all the same, and may be the bill.
            let last = |events: &mut sse::Events| if bytes.is_none() { events.rest() } else { None };
            while let Some(event) = events.next_event().or_else(|| last(&mut events)) {
                let data = sse::data(&event);
                let seen = data.as_ref().map_or(Seen::Other, |data| tally.note(data));
                if seen == Seen::UsageOnly && voice.withholds_usage() {
                    continue;
                }
                // All is said, and only the bill comes after it.
                let may_pass = matches!(seen, Seen::Done | Seen::UsageOnly | Seen::Bill);
                if let (false, Some(cap), Some(hold)) = (may_pass, &mut cap, &hold)
                    && let Some(passed) = cap.passed(hold, &mut tally).await
                {
                    break 'stream Some(passed);
                }
                let mut piece = voice.event(event, data.as_deref(), &tally.so_far());
                if seen == Seen::Done {
                    let (usage, source) = tally.complete(&bound);
                    settle(&mut hold, status, usage, source, None).await;
                    piece = joined(piece, voice.end(&usage));
                }
                let before = std::mem::take(&mut waiting);
                let piece = match seen {
                    Seen::Last => {
                        waiting = piece;
                        before
                    }
                    _ => joined(before, piece),
                };
                is_complete |= matches!(seen, Seen::Done | Seen::Last);
                recording.iter_mut().for_each(|recording| recording.note(&piece));
                match send(&to_client, piece, &terms).await {
                    Ok(()) => {}
                    Err(Unsent::Gone) => return abandon(hold, &tally).await,
                    Err(Unsent::Stopping) => break 'stream Some((tally.broken_off(&bound), stopping())),
                }
            }
            if bytes.is_none() {
                break None;
            }
        };
        // An upstream that is cut off hears of it before the books do.
        drop(body);
        match broken {
            None => {
                let (usage, source) = tally.complete(&bound);
                settle(&mut hold, status, usage, source, None).await;
                let last = joined(waiting, voice.end(&usage));
                if let Some(mut recording) = recording.filter(|_| is_complete) {
                    recording.note(&last);
                    recording.keep(&gateway);
                }
                // A client that left just now has been charged for what it was sent.
                let _ = send(&to_client, last, &terms).await;
            }
            // It was charged at its end, and has nothing more to say.
            Some(_) if hold.is_none() => {}
            Some((usage, refusal)) => {
                // What the end of this process cuts off costs no more than if the client had left.
                let usage = match &hold {
                    Some(hold) if terms.cut.is_cancelled() => hold.bound.within(usage),
                    _ => usage,
                };
                let status = refusal.code.status();
                settle(&mut hold, status, usage, UsageSource::Estimated, Some(refusal.clone())).await;
                let _ = send(&to_client, voice.broken(&refusal), &terms).await;
            }
        }
    }
}

/// Hands the client what there is to say.
async fn send(to_client: &mpsc::Sender<Bytes>, piece: Bytes, terms: &ProxyTerms) -> Result<(), Unsent> {
    if piece.is_empty() { Ok(()) } else { hand(to_client, piece, terms).await }
}

/// One after the other; the very same bytes where either is nothing.
fn joined(one: Bytes, other: Bytes) -> Bytes {
    match (one.is_empty(), other.is_empty()) {
        (_, true) => one,
        (true, false) => other,
        (false, false) => [one, other].concat().into(),
    }
}

/// Names the fields that have no place with this provider and change no answer: nothing is dropped in silence.
fn left_out(lane: &Lane) -> Option<(HeaderName, HeaderValue)> {
    let named: Vec<&str> = lane.left_out.iter().take(MOST_LEFT_OUT).map(String::as_str).collect();
    let value = HeaderValue::try_from(named.join(", ")).ok().filter(|_| !named.is_empty())?;
    Some((HeaderName::from_static("x-tollgate-left-out"), value))
}

/// Names the model that answers, where it stands in for the one that was asked for.
fn instead(lane: &Lane) -> Option<(HeaderName, HeaderValue)> {
    let value = HeaderValue::try_from(&lane.way.model.name).ok().filter(|_| lane.way.stands_in)?;
    Some((HeaderName::from_static("x-tollgate-model"), value))
}

/// Charges a stream that has come to its end, unless it has been charged.
async fn settle(hold: &mut Option<Hold>, status: u16, usage: Usage, source: UsageSource, error: Option<Refusal>) {
    if let Some(hold) = hold.take() {
        hold.settle(status, usage, source, error).await;
    }
}

/// Charges a stream whose client has left. Dropping the body has cancelled the upstream.
async fn abandon(hold: Option<Hold>, tally: &Tally) {
    if let Some(hold) = hold {
        hold.abandon(tally.cut_off()).await;
    }
}

/// Hands the answer over; a client that has left misses it, and the books are written all the same.
pub(super) fn answer(head: oneshot::Sender<Answer>, whole: Answer) {
    drop(head.send(whole));
}

/// The head of an answer: the upstream's status, and of its headers those that may pass.
pub(super) fn head(
    parts: &axum::http::response::Parts,
    rates: HeaderMap,
    voice: &Voice,
    is_stream: bool,
    body: Body,
) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    for name in &PASSED_BACK {
        if let Some(value) = parts.headers.get(name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    if is_binary(&parts.headers) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    voice.content_type(is_stream, answer.headers_mut());
    answer.headers_mut().extend(rates);
    answer
}

fn chunks(from_us: mpsc::Receiver<Bytes>) -> impl futures::Stream<Item = Result<Bytes, std::convert::Infallible>> {
    futures::stream::unfold(from_us, |mut from_us| async { from_us.recv().await.map(|bytes| (Ok(bytes), from_us)) })
}

fn is_event_stream(response: &Response<UpstreamBody>) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"))
}
