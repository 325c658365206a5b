//! The life of a call. Start reading here: [`relay`] is the whole story up to dispatch, [`Exchange`] what follows it.

use super::call::{self, Ask, Received};
use super::cap::Cap;
use super::dialect::Dialect;
use super::error::{ProxyError, no_such_route};
use super::exchange::{Answer, Exchange};
use super::lane::{Lane, lanes};
use super::measure::Measured;
use super::memory::{self, Memory};
use super::meter::Tally;
use super::patience::stopping;
use super::tokens;
use super::upstream;
use super::voice::{Framing, Voice};
use super::{Door, builtin, client_ip, rates};
use crate::domain::call::Arrival;
use crate::domain::id::CallId;
use crate::domain::model::Model;
use crate::domain::refusal::Refusal;
use crate::domain::service::Service;
use crate::domain::time::Time;
use crate::domain::wallet::Funding;
use crate::gateway::authenticate::Holder;
use crate::gateway::hold::Hold;
use crate::gateway::seal::random;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where a call came in.
#[derive(Clone, Debug)]
pub(super) struct Entrance {
    pub dialect: Dialect,
    /// What is asked for there, where that is no chat.
    pub service: Option<Service>,
    /// Its path, as keys are allowed it and logs name it.
    pub endpoint: &'static str,
    /// Gemini's callers say in the path which model, and whether to stream; others in the body.
    pub named: Option<(String, bool)>,
}

/// A call before it is admitted: what a refusal is logged with.
pub(super) struct Visit {
    id: CallId,
    at: Time,
    ip: IpAddr,
    pub headers: HeaderMap,
    query: Option<String>,
    entrance: Entrance,
    holder: Option<Arc<Holder>>,
    model: String,
    stream: bool,
}

impl Entrance {
    pub(super) fn chat(dialect: Dialect, endpoint: &'static str) -> Self {
        Self { dialect, service: None, endpoint, named: None }
    }
}

/// `POST /v1/chat/completions`.
pub(super) async fn chat_completions(State(door): State<Door>, request: Request) -> Answer {
    enter(&door, Entrance::chat(Dialect::Openai, "/v1/chat/completions"), request).await
}

/// `POST /v1/responses`.
pub(super) async fn responses(State(door): State<Door>, request: Request) -> Answer {
    enter(&door, Entrance::chat(Dialect::Responses, "/v1/responses"), request).await
}

/// `POST /v1/messages`.
pub(super) async fn messages(State(door): State<Door>, request: Request) -> Answer {
    enter(&door, Entrance::chat(Dialect::Anthropic, "/v1/messages"), request).await
}

/// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
pub(super) async fn generate(State(door): State<Door>, Path(path): Path<String>, request: Request) -> Answer {
    let (endpoint, stream) = match path.rsplit_once(':').map(|(_, verb)| verb) {
        Some("generateContent") => ("/v1beta/models/{model}:generateContent", false),
        Some("streamGenerateContent") => ("/v1beta/models/{model}:streamGenerateContent", true),
        _ => return no_such_route(request.method().clone(), request.uri().clone()).await,
    };
    let model = path.rsplit_once(':').map(|(model, _)| model.to_owned()).unwrap_or_default();
    let entrance = Entrance { named: Some((model, stream)), ..Entrance::chat(Dialect::Gemini, endpoint) };
    enter(&door, entrance, request).await
}

/// `POST` to the endpoint of another service, which is OpenAI's.
pub(super) async fn serve(State(door): State<Door>, service: Service, request: Request) -> Answer {
    let entrance = Entrance { service: Some(service), ..Entrance::chat(Dialect::Openai, service.endpoint()) };
    enter(&door, entrance, request).await
}

/// `POST /v1/chat/completions` from inside this process, of a key that is known already: nobody shows its secret.
pub(super) async fn chat_as(door: &Door, holder: Arc<Holder>, request: Request) -> Answer {
    let (visit, body) = Visit::of(door, Entrance::chat(Dialect::Openai, "/v1/chat/completions"), request);
    answered(door, Visit { holder: Some(holder), ..visit }, body).await
}

async fn enter(door: &Door, entrance: Entrance, request: Request) -> Answer {
    let (visit, body) = Visit::of(door, entrance, request);
    answered(door, visit, body).await
}

async fn answered(door: &Door, mut visit: Visit, body: Body) -> Answer {
    let dialect = visit.entrance.dialect;
    let mut answer = match relay(door, &mut visit, body).await {
        Ok(answer) => answer,
        Err(refusal) => {
            // A call whose key is not known is nobody's: it leaves no row.
            if let Some(arrival) = visit.arrival() {
                door.gateway.refuse(arrival, &refusal);
            }
            let rates = rates::refused(&refusal.trace, dialect, door.gateway.clock().now());
            let mut answer =
                ProxyError { id: Some(visit.id.clone()), ..ProxyError::of(dialect, refusal) }.into_response();
            answer.headers_mut().extend(rates);
            answer
        }
    };
    if let Ok(id) = HeaderValue::try_from(&visit.id.0) {
        if dialect == Dialect::Anthropic {
            answer.headers_mut().insert("request-id", id.clone());
        }
        answer.headers_mut().insert("x-request-id", id);
    }
    answer
}

/// From a request to its answer. Each line may refuse, with the statuses beside it; once `admit` returns, the call is
/// in the books and every way it can end is charged or released by its hold.
async fn relay(door: &Door, visit: &mut Visit, body: Body) -> Result<Answer, Refusal> {
    let gateway = &door.gateway;
    let (holder, ask, model) = visit.read(door, body).await?; // 400, 401, 403, 404, 413, 503
    let ask = door.kept.recalled(ask, &holder.key.id, visit.at)?; // 400
    let memory = Memory::of(visit, &holder, &ask);
    if let Some(kept) = memory.and_then(|memory| memory.recall(gateway)) {
        return memory::recalled(door, visit, &holder, &model, &kept).await; // 402, 429, 503
    }
    let lanes = lanes(&ask, gateway.routed(&holder, &model, chance())?).await?; // 400, 503
    if door.terms.cut.is_cancelled() {
        return Err(stopping()); // 503
    }
    let arrival = visit.arrival().ok_or_else(Refusal::books_unavailable)?;
    let voice = Voice::new(&ask, visit.framing(), &arrival, &door.kept);
    let (hold, measured) = admit(door, &holder, &model, arrival, &lanes, &ask).await?; // 400, 402, 429, 503
    let mut rates = rates::headers(&hold.rates, ask.dialect, gateway.clock().now());
    if memory.is_some() {
        Memory::missed(&mut rates);
    }
    let delay = builtin::delay(&visit.headers);
    let tally = Tally::new(measured.input.likely, upstream::is_exact(&lanes)).of(ask.service, measured.likely);
    let cap = Cap::of(&holder, &lanes, &door.terms.vocabularies);
    let (gateway, terms, stream) = (gateway.clone(), door.terms.clone(), ask.stream);
    let caller = visit.headers.clone();
    let exchange = Exchange { gateway, terms, hold, stream, lanes, caller, delay, tally, cap, rates, voice, memory };
    Ok(exchange.begin().await) // 502, 504
}

/// Holds what the call may use at most, and says what it comes to. Far from every limit nobody pays for a
/// tokenizer: only where the bytes of the input do not fit is it counted, and the call tried once more.
async fn admit(
    door: &Door,
    holder: &Holder,
    model: &Model,
    arrival: Arrival,
    lanes: &[Lane],
    ask: &Ask,
) -> Result<(Hold, Measured), Refusal> {
    let gateway = &door.gateway;
    let input = tokens::uncounted(lanes);
    let measured = Measured::of(ask, lanes, model, input);
    measured.fits(ask)?;
    let refusal = match gateway.admit(holder, model, arrival.clone(), measured.ceiling(lanes)).await {
        Ok(hold) => return Ok((hold, measured)),
        Err(refusal) => refusal,
    };
    let counted = match tokens::may_help(&refusal) {
        true => tokens::counted(&door.terms.vocabularies, lanes, input).await,
        false => None,
    };
    let measured = Measured::of(ask, lanes, model, counted.ok_or(refusal)?);
    Ok((gateway.admit(holder, model, arrival, measured.ceiling(lanes)).await?, measured))
}

impl Visit {
    pub(super) fn of(door: &Door, entrance: Entrance, request: Request) -> (Self, Body) {
        let (parts, body) = request.into_parts();
        let clock = door.gateway.clock();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let visit = Self {
            id: CallId(clock.id()),
            at: clock.now(),
            ip: client_ip(peer, &parts.headers, &door.terms.trusted_proxies),
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            entrance,
            holder: None,
            model: String::new(),
            stream: false,
        };
        (visit, body)
    }

    /// Whose call it is, what it asks for, and of which model, where its key allows all of that.
    ///
    /// # Errors
    /// 400, 401, 403, 404, 413, 503.
    pub(super) async fn read(&mut self, door: &Door, body: Body) -> Result<(Arc<Holder>, Ask, Arc<Model>), Refusal> {
        let gateway = &door.gateway;
        let Entrance { service, endpoint, named, .. } = self.entrance.clone();
        let holder = match &self.holder {
            Some(known) => Arc::clone(known),
            None => {
                let secret = call::secret(&self.headers, self.query.as_deref())?; // 401
                let holder = gateway.authenticate(&secret).await?; // 401, 503
                gateway.note_secret(&holder, self.ip);
                self.holder = Some(Arc::clone(&holder));
                holder
            }
        };
        gateway.usable(&holder)?; // 401
        let body = Received::of(body, &self.headers, service, door.terms.max_body_bytes).await?; // 400, 413
        let (model, stream) = match named {
            Some((model, stream)) => (model, stream),
            None => (body.model(service)?, false), // 400
        };
        call::is_name(&model)?; // 400
        (self.model, self.stream) = (model, stream);
        let model = gateway.allow(&holder, &self.model, endpoint, self.ip)?; // 403, 404
        let ask = Ask::of(&self.entrance, body, self.model.clone(), stream)?; // 400
        self.stream = ask.stream;
        Ok((Arc::clone(&holder), ask.held_to(&holder)?, model)) // 400
    }

    /// Gemini's answers come as one list, unless the caller asks for events.
    pub(super) fn framing(&self) -> Framing {
        let is_list = self.entrance.dialect == Dialect::Gemini && self.stream;
        let alt = self.query.as_deref().and_then(|query| call::asked(query, "alt"));
        if is_list && alt.as_deref() != Some("sse") { Framing::List } else { Framing::Events }
    }

    pub(super) fn endpoint(&self) -> &'static str {
        self.entrance.endpoint
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.entrance.dialect
    }

    pub(super) fn arrival(&self) -> Option<Arrival> {
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
            endpoint: self.entrance.endpoint.to_owned(),
            dialect: self.entrance.dialect.as_str().to_owned(),
            model: self.model.clone(),
            stream: self.stream,
            client_ip: self.ip.to_string(),
            user_agent: call::plain(text("user-agent").unwrap_or_default(), 300),
            client_request_id: text("x-request-id").or(text("x-client-request-id")).map(|id| call::plain(id, 200)),
        })
    }
}

/// From 0 up to 1, evenly.
pub(super) fn chance() -> f64 {
    f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX) * (1.0 - f64::EPSILON)
}
