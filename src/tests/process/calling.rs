//! Calls as a client makes them, each on a connection of its own.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

pub async fn whole(address: SocketAddr, request: Request<Full<Bytes>>) -> (u16, String) {
    ask(address, request).await.expect("an answer")
}

pub async fn ask(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<(u16, String), String> {
    let response = send(address, request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

async fn send(
    address: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Result<hyper::Response<hyper::body::Incoming>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let connection = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connection.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let host = address.to_string().parse().expect("a header value");
    request.headers_mut().insert("host", host);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// A chat completion whose answer has begun.
pub struct Stream {
    pub status: u16,
    pub request_id: String,
    retry_after: Option<u64>,
    should_retry: Option<bool>,
    body: hyper::body::Incoming,
}

/// An answer read to its end, or as far as it came.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub request_id: String,
    /// In seconds.
    pub retry_after: Option<u64>,
    pub should_retry: Option<bool>,
    pub body: String,
    /// Whether the connection held to the end of the body.
    pub whole: bool,
}

impl Stream {
    /// With a wait between chunks, or before an answer that is not streamed. `None` where no answer began.
    pub async fn begin(address: SocketAddr, secret: &str, body: &Value, delay: Duration) -> Option<Self> {
        let request = Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {secret}"))
            .header("x-tollgate-echo-delay-ms", delay.as_millis().to_string())
            .body(Full::from(body.to_string()))
            .expect("a request");
        let response = send(address, request).await.ok()?;
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        Some(Self {
            status: response.status().as_u16(),
            request_id: header("x-request-id")?,
            retry_after: header("retry-after").and_then(|text| text.parse().ok()),
            should_retry: header("x-should-retry").and_then(|text| text.parse().ok()),
            body: response.into_body(),
        })
    }

    /// The next piece of the answer; `None` at its end.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.body.frame().await?.ok()?.into_data().ok()
    }

    /// The answer to its end, or as far as it comes.
    pub async fn rest(mut self) -> Answer {
        let (mut text, mut whole) = (Vec::new(), true);
        while let Some(frame) = self.body.frame().await {
            match frame {
                Ok(frame) => text.extend_from_slice(frame.data_ref().map(Bytes::as_ref).unwrap_or_default()),
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let Stream { status, request_id, retry_after, should_retry, .. } = self;
        let body = String::from_utf8_lossy(&text).into_owned();
        Answer { status, request_id, retry_after, should_retry, body, whole }
    }
}

/// A chat completion, read as far as it comes. `None` where no answer began.
pub async fn chat(address: SocketAddr, secret: &str, body: &Value, delay: Duration) -> Option<Answer> {
    Some(Stream::begin(address, secret, body, delay).await?.rest().await)
}

impl Answer {
    /// Whether the client has all of a successful answer, the last event of a stream included.
    pub fn is_complete(&self) -> bool {
        let streamed = self.body.starts_with("data: ");
        self.status == 200 && self.whole && (!streamed || self.body.ends_with("data: [DONE]\n\n"))
    }

    /// The code of the refusal.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// What a refusal says of the limit.
    pub fn limit(&self, field: &str) -> Value {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"]["tollgate"][field].clone()
    }
}
