//! An upstream that follows a script: an HTTP server of its own, on loopback.

use crate::domain::service::Service;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::routing::{any, post};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// What was asked of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// With its query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

type Script = Arc<dyn Fn(&Asked) -> Response<Body> + Send + Sync>;

#[derive(Clone)]
pub struct Upstream {
    pub base_url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Script,
}

impl Upstream {
    /// Answers every call, of whichever API, with what the script makes.
    pub async fn start(script: impl Fn() -> Response<Body> + Send + Sync + 'static) -> Self {
        Self::answering(move |_| script()).await
    }

    /// The same, where the script reads what it is asked.
    pub async fn answering(script: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let upstream = Self { base_url, asked: Arc::default(), script: Arc::new(script) };
        let services = Service::ALL.into_iter().fold(Router::new(), |router, service| {
            let at_azure = format!("/openai/deployments/{{model}}{}", service.path());
            router.route(service.endpoint(), post(Self::answer)).route(&at_azure, post(Self::answer))
        });
        let router = services
            .route("/v1/chat/completions", post(Self::answer))
            .route("/openai/deployments/{model}/chat/completions", post(Self::answer))
            .route("/v1/responses", post(Self::answer))
            .route("/openai/v1/responses", post(Self::answer))
            .route("/v1/messages", post(Self::answer))
            .route("/v1/messages/count_tokens", post(Self::answer))
            .route("/v1/models/{*call}", post(Self::answer))
            .fallback(any(|| async { StatusCode::NOT_FOUND }))
            .layer(DefaultBodyLimit::disable())
            .with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        upstream
    }

    async fn answer(State(upstream): State<Upstream>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
        let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let asked = Asked { path, headers, body };
        upstream.asked.lock().expect("whole").push(asked.clone());
        (upstream.script)(&asked)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("whole").clone()
    }
}

pub fn json(status: u16, body: &str) -> Response<Body> {
    typed(status, "application/json", Body::from(body.to_owned()))
}

pub fn events(body: impl Into<Body>) -> Response<Body> {
    typed(200, "text/event-stream; charset=utf-8", body.into())
}

pub fn typed(status: u16, content_type: &str, body: Body) -> Response<Body> {
    Response::builder().status(status).header("content-type", content_type).body(body).expect("a response")
}

/// A stream whose chunks a test sends one by one; dropping the sender ends it, an error breaks it.
pub fn by_hand() -> (mpsc::UnboundedSender<Result<Bytes, std::io::Error>>, Body) {
    let (send, receive) = mpsc::unbounded_channel();
    let chunks =
        futures::stream::unfold(receive, |mut receive| async { receive.recv().await.map(|chunk| (chunk, receive)) });
    (send, Body::from_stream(chunks))
}
