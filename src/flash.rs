//! Forms posted without JavaScript: the outcome waits, sealed, for the next page, which reads it once.
//!
//! The row is sealed under a key that only the cookie holds, so neither the database nor the cookie alone tells
//! anything; nothing secret is ever part of a URL.

use crate::clock::Clock;
use crate::console::form::{Flash, is_secret};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::gateway::seal::{MasterKey, random_text};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, REFERER, SET_COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use std::fmt::Display;
use std::time::Duration;

/// How long an outcome waits for its page.
const WAITS: Duration = Duration::from_secs(5 * 60);
/// Largest form and largest outcome, in bytes.
const LARGEST: usize = 1 << 20;
/// leptos marks its server functions' errors and redirects with these.
const IS_ERROR: HeaderName = HeaderName::from_static("serverfnerror");
const IS_REDIRECT: HeaderName = HeaderName::from_static("serverfnredirect");

/// Where sealed outcomes wait: one row each, deleted when it is read.
pub trait FlashStore: Clone + Send + Sync + 'static {
    type Error: Display;
    fn put(&self, id: &str, sealed: &str, expires_at: Time) -> impl Future<Output = Result<(), Self::Error>> + Send;
    fn take(&self, id: &str, now: Time) -> impl Future<Output = Result<Option<String>, Self::Error>> + Send;
}

/// What goes around the console's routes; see [`around`].
#[derive(Clone)]
pub struct Flashes<S> {
    pub store: S,
    pub clock: Clock,
    /// The URL by which people reach this server: scheme, host and port.
    pub public_url: Uri,
}

impl<S: FlashStore> Flashes<S> {
    fn cookie_name(&self) -> &'static str {
        if self.is_https() { "__Host-flash" } else { "flash" }
    }

    fn is_https(&self) -> bool {
        self.public_url.scheme_str() == Some("https")
    }

    fn cookie(&self, value: &str, max_age: Duration) -> HeaderValue {
        let (name, secure) = (self.cookie_name(), if self.is_https() { "; Secure" } else { "" });
        let cookie = format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", max_age.as_secs());
        HeaderValue::try_from(cookie).expect("letters, digits and a point")
    }

    /// Puts an outcome away; the cookie that finds and opens it.
    async fn put(&self, flash: &Flash) -> Result<HeaderValue, S::Error> {
        let key = MasterKey::random();
        let id = random_text(22);
        let json = serde_json::to_string(flash).expect("a flash is plain data");
        self.store.put(&id, &key.seal(&json), self.clock.now().plus(WAITS)).await?;
        Ok(self.cookie(&format!("{id}.{}", key.to_hex()), WAITS))
    }

    async fn take(&self, cookie: &str) -> Option<Flash> {
        let (id, key) = cookie.split_once('.')?;
        let key = MasterKey::parse(key)?;
        let sealed = self.store.take(id, self.clock.now()).await;
        let sealed = sealed.inspect_err(|error| tracing::error!(%error, "a form's outcome cannot be read")).ok()??;
        serde_json::from_str(&key.open(&sealed).ok()?).ok()
    }
}

/// Puts both halves around the console's routes: its pages, and its server functions under `/fn/`. leptos mounts the
/// functions together with the pages, so that one router holds both.
pub fn around<S: FlashStore, T: Clone + Send + Sync + 'static>(console: Router<T>, flashes: Flashes<S>) -> Router<T> {
    console.layer(from_fn_with_state(flashes.clone(), deliver::<S>)).layer(from_fn_with_state(flashes, receive::<S>))
}

/// Refuses what other sites send, gives problems their HTTP status, and turns a browser's own post into a redirect
/// back to its page, where the outcome is delivered.
async fn receive<S: FlashStore>(State(flashes): State<Flashes<S>>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/fn/") {
        return next.run(request).await;
    }
    if !is_own(request.method(), request.headers(), &flashes.public_url) {
        tracing::warn!(origin = ?request.headers().get(ORIGIN), "a form posted by another site is refused");
        let problem = "This was sent by another site, so nothing was done. Open the console and try again there.";
        return answer(StatusCode::FORBIDDEN, &Problem::new(ProblemKind::Forbidden, problem), request.headers());
    }
    let is_form = request.method() == Method::POST && accepts_html(request.headers());
    if !is_form {
        return with_status(next.run(request).await).await;
    }
    let asked = request.headers().clone();
    let path = request.uri().path().to_owned();
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        let problem = Problem::new(ProblemKind::Invalid, "The form is larger than 1 MiB.");
        return answer(StatusCode::PAYLOAD_TOO_LARGE, &problem, &asked);
    };
    let values = values(&body);
    // So that leptos answers as it would to the hydrated page, with the outcome.
    parts.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = with_status(next.run(Request::from_parts(parts, Body::from(body))).await).await;
    let (head, body) = response.into_parts();
    let told = head.headers.get(LOCATION).cloned();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, &unreadable(), &asked);
    };
    let Some(outcome) = outcome(head.status, &head.headers, &body) else {
        return answer(head.status, &unreadable(), &asked);
    };

    let mut back = StatusCode::SEE_OTHER.into_response();
    let to = told.unwrap_or_else(|| referer(&asked));
    back.headers_mut().insert(LOCATION, to);
    back.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in head.headers.get_all(SET_COOKIE) {
        back.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    if !matches!(&outcome, Ok(json) if json == "null") {
        let values = if outcome.is_err() { values } else { Vec::new() };
        match flashes.put(&Flash { path, outcome: outcome.clone(), values }).await {
            Ok(cookie) => _ = back.headers_mut().append(SET_COOKIE, cookie),
            Err(error) => {
                tracing::error!(%error, "a form's outcome cannot be kept");
                let problem =
                    Problem::new(ProblemKind::Unavailable, "It may be done, but the database failed to tell.");
                return answer(StatusCode::SERVICE_UNAVAILABLE, &outcome.err().unwrap_or(problem), &asked);
            }
        }
    }
    back
}

/// Reads the flash that the cookie names and leaves it in the request's extensions, where its page finds it.
async fn deliver<S: FlashStore>(State(flashes): State<Flashes<S>>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let ahead = headers.get("sec-purpose").is_some_and(|purpose| purpose.as_bytes().starts_with(b"prefetch"));
    let reads = request.method() == Method::GET && accepts_html(headers) && !ahead;
    let cookie = if reads { cookie(headers, flashes.cookie_name()).map(str::to_owned) } else { None };
    let Some(cookie) = cookie else {
        return next.run(request).await;
    };
    if let Some(flash) = flashes.take(&cookie).await {
        request.extensions_mut().insert(flash);
    }
    let mut response = next.run(request).await;
    response.headers_mut().append(SET_COOKIE, flashes.cookie("", Duration::ZERO));
    // The page may show a secret: no cache keeps it.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a request that changes something comes from our own pages. Browsers say where a post comes from; who says
/// nothing is no browser, and carries no one's cookies by accident.
pub fn is_own(method: &Method, headers: &HeaderMap, public_url: &Uri) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text(ORIGIN.as_str()) else {
        return true;
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some_and(|host| text(HOST.as_str()) == Some(host) || public_url.authority().is_some_and(|our| our == host))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(named, _)| *named == name).map(|(_, value)| value)
}

/// The page that the form is on: only its path and query, so that nobody is sent elsewhere.
fn referer(headers: &HeaderMap) -> HeaderValue {
    let uri = headers.get(REFERER).and_then(|referer| referer.to_str().ok()?.parse::<Uri>().ok());
    let path = uri.as_ref().and_then(|uri| uri.path_and_query()).map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') && !path.starts_with("//") { path } else { "/" };
    HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/"))
}

/// What was written in the form, without what must not be sent back.
fn values(body: &[u8]) -> Vec<(String, String)> {
    let mut values: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    values.retain(|(name, _)| !is_secret(name));
    values
}

/// leptos answers every error with 500; the problem inside knows better.
async fn with_status(response: Response) -> Response {
    if !response.headers().contains_key(IS_ERROR) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    if let Ok(problem) = serde_json::from_slice::<Problem>(&body) {
        head.status = status(problem.kind);
    }
    Response::from_parts(head, Body::from(body))
}

pub(crate) fn status(kind: ProblemKind) -> StatusCode {
    match kind {
        ProblemKind::Invalid | ProblemKind::UnknownField => StatusCode::BAD_REQUEST,
        ProblemKind::SignedOut => StatusCode::UNAUTHORIZED,
        ProblemKind::Forbidden | ProblemKind::AdminLocked => StatusCode::FORBIDDEN,
        ProblemKind::NotFound => StatusCode::NOT_FOUND,
        ProblemKind::Conflict | ProblemKind::Meanwhile => StatusCode::CONFLICT,
        ProblemKind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn outcome(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Option<Result<String, Problem>> {
    if headers.contains_key(IS_ERROR) {
        return serde_json::from_slice(body).ok().map(Err);
    }
    let told = headers.contains_key(IS_REDIRECT) || status.is_success();
    told.then(|| String::from_utf8(body.to_vec()).ok()).flatten().map(Ok)
}

fn unreadable() -> Problem {
    Problem::new(ProblemKind::Internal, "There is no such form here. Go back and reload the page.")
}

/// An answer for when no page can be shown: as the caller reads it, in HTML or JSON.
fn answer(status: StatusCode, problem: &Problem, asked: &HeaderMap) -> Response {
    let (kind, body) = if accepts_html(asked) {
        let text = problem.message.replace('&', "&amp;").replace('<', "&lt;");
        let head = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tollgate</title>";
        ("text/html; charset=utf-8", format!("{head}<p>{text}</p><p><a href=\"/\">To the console</a></p></html>"))
    } else {
        ("application/json", serde_json::to_string(problem).expect("a problem is plain data"))
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // The hydrated page reads a problem only from an answer that says it is one.
    headers.insert(IS_ERROR, HeaderValue::from_static("/fn"));
    response
}

#[cfg(test)]
mod tests;
