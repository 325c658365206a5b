//! An upstream that counts what reaches it: what was sent there and is not in the books passed uncounted.

use super::running::Process;
use axum::Json;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What every answer says it used: prompt and completion tokens, in all.
pub const USES: i64 = 10;
/// The model that leads there.
pub const MODEL: &str = "lab/counted";

/// Calls by the text of their first message.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    seen: Arc<Mutex<HashMap<String, Seen>>>,
    delay: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    now: usize,
    pub at_once: usize,
    pub in_all: usize,
}

impl Upstream {
    /// Starts it, and makes the process route [`MODEL`] to it. Each answer takes `delay`.
    pub async fn start(process: &Process, delay: Duration) -> Self {
        let upstream = Self { seen: Arc::default(), delay };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let router = axum::Router::new().route("/v1/chat/completions", post(answer)).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let provider = json!({ "name": "lab", "kind": "openai", "base_url": base_url });
        let (status, provider) = process.manage("POST", "/providers", provider).await;
        assert_eq!(status, 201, "{provider}");
        let route = json!({ "provider_id": provider["id"], "upstream_model": "m", "weight": 1, "priority": 0 });
        let price = json!({ "input": "1", "output": "1" });
        let model = json!({ "name": MODEL, "price": price, "routes": [route] });
        let (status, model) = process.manage("POST", "/models", model).await;
        assert_eq!(status, 201, "{model}");
        upstream
    }

    pub fn seen(&self, text: &str) -> Seen {
        self.seen.lock().expect("whole").get(text).copied().unwrap_or_default()
    }

    /// How many calls have reached it.
    pub fn in_all(&self) -> usize {
        self.seen.lock().expect("whole").values().map(|seen| seen.in_all).sum()
    }
}

/// A call that holds more than it will use.
pub fn call(text: &str) -> Value {
    json!({ "model": MODEL, "max_tokens": 20, "messages": [{ "role": "user", "content": text }] })
}

async fn answer(State(upstream): State<Upstream>, Json(body): Json<Value>) -> Json<Value> {
    let text = body["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    {
        let mut all = upstream.seen.lock().expect("whole");
        let seen = all.entry(text.clone()).or_default();
        (seen.now, seen.in_all) = (seen.now + 1, seen.in_all + 1);
        seen.at_once = seen.at_once.max(seen.now);
    }
    tokio::time::sleep(upstream.delay).await;
    upstream.seen.lock().expect("whole").entry(text).or_default().now -= 1;
    let message = json!({ "role": "assistant", "content": "counted" });
    let usage = json!({ "prompt_tokens": USES - 3, "completion_tokens": 3 });
    Json(json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }], "usage": usage }))
}
