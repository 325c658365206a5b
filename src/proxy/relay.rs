//! The life of a call. Start reading here: [`relay`] is the whole story up to dispatch, [`Exchange`] what follows it.

use super::call::{self, Chat};
use super::cap::Cap;
use super::error::{ProxyError, openai, upstream_failed};
use super::meter::{Seen, Tally};
use super::patience::{self, Unsent, hand, stopping};
use super::tokens::{self, Input};
use super::upstream::{self, Failure, UpstreamBody};
use super::{Door, ProxyTerms, builtin, client_ip, rates, sse};
use crate::domain::call::Arrival;
use crate::domain::id::CallId;
use crate::domain::model::Model;
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::domain::usage::{Usage, UsageSource};
use crate::domain::wallet::Funding;
use crate::gateway::Gateway;
use crate::gateway::authenticate::Holder;
use crate::gateway::catalog::Way;
use crate::gateway::hold::Hold;
use crate::gateway::seal::random;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use http_body_util::BodyExt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What may pass back from an upstream beside the body.
const PASSED_BACK: [HeaderName; 3] = [header::CONTENT_TYPE, header::CONTENT_LANGUAGE, header::RETRY_AFTER];

type Answer = Response<Body>;

/// A call before it is admitted: what a refusal is logged with.
struct Visit {
    id: CallId,
    at: Time,
    ip: IpAddr,
    headers: HeaderMap,
    endpoint: &'static str,
    holder: Option<Arc<Holder>>,
    model: String,
    stream: bool,
}

/// `POST /v1/chat/completions`.
pub(super) async fn chat_completions(State(door): State<Door>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let clock = door.gateway.clock();
    let mut visit = Visit {
        id: CallId(clock.id()),
        at: clock.now(),
        ip: client_ip(parts.extensions.get::<ConnectInfo<SocketAddr>>(), &parts.headers, &door.terms.trusted_proxies),
        headers: parts.headers,
        endpoint: "/v1/chat/completions",
        holder: None,
        model: String::new(),
        stream: false,
    };
    let mut answer = match relay(&door, &mut visit, body).await {
        Ok(answer) => answer,
        Err(refusal) => {
            // A call whose key is not known is nobody's: it leaves no row.
            if let Some(arrival) = visit.arrival() {
                door.gateway.refuse(arrival, &refusal);
            }
            let rates = rates::refused(&refusal.trace);
            let mut answer = ProxyError::from(refusal).into_response();
            answer.headers_mut().extend(rates);
            answer
        }
    };
    if let Ok(id) = HeaderValue::try_from(&visit.id.0) {
        answer.headers_mut().insert("x-request-id", id);
    }
    answer
}

/// From a request to its answer. Each line may refuse, with the statuses beside it; once `admit` returns, the call is
/// in the books and every way it can end is charged or released by its hold.
async fn relay(door: &Door, visit: &mut Visit, body: Body) -> Result<Answer, Refusal> {
    let gateway = &door.gateway;
    let secret = call::secret(&visit.headers)?; // 401
    let holder = gateway.authenticate(&secret).await?; // 401, 503
    visit.holder = Some(Arc::clone(&holder));
    gateway.note_secret(&holder, visit.ip);
    gateway.usable(&holder)?; // 401
    let body = call::whole(body, door.terms.max_body_bytes).await?; // 413
    visit.model = call::model(&body)?; // 400
    let model = gateway.allow(&holder, &visit.model, visit.endpoint, visit.ip)?; // 403, 404
    let chat = Chat::read(body, visit.model.clone())?; // 400
    visit.stream = chat.stream;
    let chat = chat.held_to(&holder)?; // 400
    let ways = gateway.routed(&model, chance())?; // 503
    if door.terms.cut.is_cancelled() {
        return Err(stopping()); // 503
    }
    let arrival = visit.arrival().ok_or_else(Refusal::books_unavailable)?;
    let (hold, input) = admit(door, &holder, &model, arrival, &ways, &chat).await?; // 400, 402, 429, 503
    let rates = rates::headers(&hold.rates);
    let delay = builtin::delay(&visit.headers);
    let tally = Tally::new(input.likely, upstream::is_exact(&ways));
    let cap = Cap::of(&holder, &ways, &door.terms.vocabularies);
    let terms = door.terms.clone();
    let exchange = Exchange { gateway: gateway.clone(), terms, hold, chat, ways, delay, tally, cap, rates };
    Ok(exchange.begin().await) // 502, 504
}

/// Holds what the call may use at most, and says what its input comes to. Far from every limit nobody pays for a
/// tokenizer: only where the bytes of the input do not fit is it counted, and the call tried once more.
async fn admit(
    door: &Door,
    holder: &Holder,
    model: &Model,
    arrival: Arrival,
    ways: &[Way],
    chat: &Chat,
) -> Result<(Hold, Input), Refusal> {
    let gateway = &door.gateway;
    let input = tokens::uncounted(ways, chat, model);
    chat.is_bounded(input)?;
    let refusal = match gateway.admit(holder, model, arrival.clone(), upstream::ceiling(ways, chat, input)).await {
        Ok(hold) => return Ok((hold, input)),
        Err(refusal) => refusal,
    };
    let counted = match tokens::may_help(&refusal) {
        true => tokens::counted(&door.terms.vocabularies, ways, chat, input).await,
        false => None,
    };
    let input = counted.ok_or(refusal)?;
    Ok((gateway.admit(holder, model, arrival, upstream::ceiling(ways, chat, input)).await?, input))
}

impl Visit {
    fn arrival(&self) -> Option<Arrival> {
        let key = &self.holder.as_ref()?.key;
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        Some(Arrival {
            id: self.id.clone(),
            at: self.at,
            key_id: key.id.clone(),
            key_name: key.name.clone(),
            account_id: key.account_id.clone(),
            group_id: key.group_id.clone(),
            funding: Funding::None,
            endpoint: self.endpoint.to_owned(),
            dialect: "openai".to_owned(),
            model: self.model.clone(),
            stream: self.stream,
            client_ip: self.ip.to_string(),
            user_agent: call::plain(text("user-agent").unwrap_or_default(), 300),
            client_request_id: text("x-request-id").or(text("x-client-request-id")).map(|id| call::plain(id, 200)),
        })
    }
}

/// An admitted call. It runs in a task of its own, so that it ends properly whether or not its client stays.
struct Exchange {
    gateway: Gateway,
    terms: ProxyTerms,
    hold: Hold,
    chat: Chat,
    ways: Vec<Way>,
    delay: Duration,
    tally: Tally,
    cap: Option<Cap>,
    rates: HeaderMap,
}

impl Exchange {
    async fn begin(self) -> Answer {
        let (head, answer) = oneshot::channel();
        tokio::spawn(self.carry(head));
        // The task answers on every path; if it died of a bug, its hold has gone to the settler.
        answer
            .await
            .unwrap_or_else(|_| ProxyError::from(upstream_failed("The call ended unexpectedly.")).into_response())
    }

    /// Sends the call, and sees it to its end.
    async fn carry(mut self, mut head: oneshot::Sender<Answer>) {
        if self.terms.cut.is_cancelled() {
            return self.failed(Failure { refusal: stopping(), cost_unknown: false }, head).await;
        }
        let sent = upstream::send(&self.gateway, &self.ways, &self.chat, &mut self.hold, self.delay);
        let reply = tokio::select! {
            reply = sent => reply,
            // An answer that is not streamed begins when it is complete: hanging up early must not make it free.
            () = head.closed(), if self.chat.stream => return self.hold.abandon(self.tally.cut_off()).await,
            () = self.terms.cut.cancelled() => return self.stopped(head).await,
        };
        match reply {
            Err(failure) => self.failed(failure, head).await,
            Ok(response) if !response.status().is_success() => self.pass_back(response, head).await,
            Ok(response) if is_event_stream(&response) => self.stream(response, head).await,
            Ok(response) => self.whole(response, head).await,
        }
    }

    /// The process ends before the upstream has answered. As with a client that hangs up, a stream has cost what was
    /// relayed, and of an answer that comes in one piece nobody can say what it has cost by now.
    async fn stopped(self, head: oneshot::Sender<Answer>) {
        let refusal = stopping();
        if !self.chat.stream {
            return self.failed(Failure { refusal, cost_unknown: true }, head).await;
        }
        let (usage, status) = (self.tally.broken_off(&self.hold.bound), refusal.code.status());
        self.hold.settle(status, usage, UsageSource::Estimated, Some(refusal.clone())).await;
        answer(head, ProxyError::from(refusal).into_response());
    }

    async fn failed(self, failure: Failure, head: oneshot::Sender<Answer>) {
        let Failure { refusal, cost_unknown } = failure;
        let status = refusal.code.status();
        if cost_unknown {
            self.hold.charge_whole(status, Some(refusal.clone())).await;
        } else {
            self.hold.release(status, Some(refusal.clone())).await;
        }
        answer(head, ProxyError::from(refusal).into_response());
    }

    /// The upstream found fault with the request: the caller is told in the upstream's own words, and charged nothing.
    async fn pass_back(self, response: Response<UpstreamBody>, head: oneshot::Sender<Answer>) {
        let (parts, body) = response.into_parts();
        // It has said that it did not serve the call, so whatever becomes of its words nothing is charged.
        let body = patience::whole(body, &self.terms).await.unwrap_or_default();
        let message = format!("The provider answered {}.", parts.status);
        self.hold.release(parts.status.as_u16(), Some(upstream_failed(message))).await;
        answer(head, self::head(&parts, self.rates, Body::from(body)));
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
        self.hold.settle(parts.status.as_u16(), usage, source, None).await;
        let mut whole = self::head(&parts, self.rates, Body::from(body));
        if let Ok(cost) = HeaderValue::try_from(cost.exact()) {
            whole.headers_mut().insert("x-tollgate-cost", cost);
        }
        answer(head, whole);
    }

    /// A stream: each event leaves as it arrives, unless the call would then cost more than it may; the last one waits
    /// for the books.
    async fn stream(self, response: Response<UpstreamBody>, head: oneshot::Sender<Answer>) {
        let Exchange { terms, hold, chat, mut tally, mut cap, rates, .. } = self;
        if cap.is_some() {
            tally.keep_text();
        }
        let (parts, mut body) = response.into_parts();
        let status = parts.status.as_u16();
        let (to_client, from_us) = mpsc::channel::<Bytes>(32);
        answer(head, self::head(&parts, rates, Body::from_stream(chunks(from_us))));
        let bound = hold.bound;
        let mut hold = Some(hold);
        let mut events = sse::Events::default();
        let broken = 'stream: loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(terms.patience.silence, body.frame()) => frame,
                () = to_client.closed() => return abandon(hold, &tally).await,
                () = terms.cut.cancelled() => break Some((tally.broken_off(&bound), stopping())),
            };
            let bytes = match frame {
                Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Ok(None) => break None,
                Ok(Some(Err(error))) => {
                    let message = format!("The provider broke off in the middle of its answer: {error}.");
                    break Some((tally.broken_off(&bound), upstream_failed(message)));
                }
                Err(_) => {
                    let message = "The provider fell silent in the middle of its answer.";
                    break Some((tally.broken_off(&bound), upstream_failed(message)));
                }
            };
            hold.iter_mut().for_each(Hold::first_byte);
            events.push(&bytes);
            while let Some(event) = events.next_event() {
                let seen = sse::data(&event).map_or(Seen::Other, |data| tally.note(&data));
                match seen {
                    Seen::UsageOnly if !chat.wants_usage() => continue,
                    Seen::Done => {
                        let (usage, source) = tally.complete(&bound);
                        settle(&mut hold, status, usage, source, None).await;
                    }
                    // All is said, and only the bill comes after it.
                    Seen::UsageOnly => {}
                    Seen::Other => {
                        if let (Some(cap), Some(hold)) = (&mut cap, &hold)
                            && let Some(passed) = cap.passed(hold, &mut tally).await
                        {
                            break 'stream Some(passed);
                        }
                    }
                }
                match hand(&to_client, event, &terms).await {
                    Ok(()) => {}
                    Err(Unsent::Gone) => return abandon(hold, &tally).await,
                    Err(Unsent::Stopping) => break 'stream Some((tally.broken_off(&bound), stopping())),
                }
            }
        };
        // An upstream that is cut off hears of it before the books do.
        drop(body);
        let rest = events.rest();
        match broken {
            None => {
                let (usage, source) = tally.complete(&bound);
                settle(&mut hold, status, usage, source, None).await;
                if let Some(rest) = rest {
                    // A client that left just now has been charged for what it was sent.
                    let _ = hand(&to_client, rest, &terms).await;
                }
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
                let last = format!("data: {}\n\ndata: [DONE]\n\n", openai(&refusal));
                let _ = hand(&to_client, Bytes::from(last), &terms).await;
            }
        }
    }
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
fn answer(head: oneshot::Sender<Answer>, whole: Answer) {
    drop(head.send(whole));
}

/// The head of an answer: the upstream's status, and of its headers those that may pass.
fn head(parts: &axum::http::response::Parts, rates: HeaderMap, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    for name in &PASSED_BACK {
        if let Some(value) = parts.headers.get(name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
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

/// From 0 up to 1, evenly.
fn chance() -> f64 {
    f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX) * (1.0 - f64::EPSILON)
}
