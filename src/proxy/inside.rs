//! A way in from inside the process: for a call as a key whose secret nobody has shown, on behalf of someone who has shown
//! otherwise that the key is theirs. From here on it is a call like any other: the same checks, limits, hold, journal and log.

use super::exchange::Answer;
use super::{Door, ProxyTerms, relay};
use crate::gateway::Gateway;
use crate::gateway::authenticate::Holder;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the log has as the client of such calls.
pub const USER: &str = "Tollgate console";

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Inside(Door);

impl Inside {
    pub fn new(gateway: Gateway, terms: ProxyTerms) -> Self {
        Self(Door { gateway, terms, kept: Arc::default() })
    }

    /// A chat completion in OpenAI's dialect, answered as programs are answered. It comes from where `from` came from, as
    /// the key's address list is judged; nothing else of that request is passed on.
    pub async fn chat(&self, holder: Arc<Holder>, from: &Parts, body: String) -> Answer {
        // Parts that are known to fit always make a request.
        let Ok(mut request) = Request::post("/v1/chat/completions").body(Body::from(body)) else {
            return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(USER));
        for hop in from.headers.get_all("x-forwarded-for") {
            headers.append("x-forwarded-for", hop.clone());
        }
        if let Some(peer) = from.extensions.get::<ConnectInfo<SocketAddr>>() {
            request.extensions_mut().insert(*peer);
        }
        relay::chat_as(&self.0, holder, request).await
    }
}
