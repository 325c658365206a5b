//! A provider's test with a real call: one answer of a few tokens, or one embedding of a word, as its own clients would ask
//! for it. It is paid to the provider like any other, and is in nobody's books: no key made it.

use super::dial::{ProviderTest, outgoing};
use super::{Gateway, admins_only};
use crate::domain::account::Account;
use crate::domain::id::ProviderId;
use crate::domain::model::Model;
use crate::domain::problem::Problem;
use crate::domain::provider::{Errand, ProviderKind};
use crate::domain::service::Service;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use std::time::Duration;

/// How long the call may take in all: models that think first take their time.
const PATIENCE: Duration = Duration::from_secs(60);
/// The most it may answer, in tokens.
const MOST: u64 = 16;
/// Of an upstream's own words, so many letters are passed on.
const WORDS: usize = 300;

/// What is sent, and how long it may be.
struct Tiny<'a> {
    kind: ProviderKind,
    /// The upstream's name for it.
    model: &'a str,
    is_embedding: bool,
}

impl Tiny<'_> {
    fn errand(&self) -> Errand<'_> {
        let model = self.model;
        match self.is_embedding {
            true => Errand::Service { model, service: Service::Embeddings },
            false => Errand::Chat { model, stream: false },
        }
    }

    /// `bound` is OpenAI's field for the most that may be answered, of which there are two.
    fn body(&self, bound: &str) -> Value {
        let message = "Say OK.";
        match self.kind {
            _ if self.is_embedding => json!({ "model": self.model, "input": message }),
            ProviderKind::Gemini => json!({
                "contents": [{ "role": "user", "parts": [{ "text": message }] }],
                "generationConfig": { "maxOutputTokens": MOST },
            }),
            ProviderKind::Anthropic => json!({
                "model": self.model, "max_tokens": MOST, "messages": [{ "role": "user", "content": message }],
            }),
            _ => json!({ "model": self.model, bound: MOST, "messages": [{ "role": "user", "content": message }] }),
        }
    }
}

impl Gateway {
    /// Asks a provider for its list of models, then for one tiny answer of a model that has a route to it.
    ///
    /// # Errors
    /// For anyone but an admin; where there is no such provider, or the model has no route to it.
    pub async fn try_provider(&self, by: &Account, id: &ProviderId, model: &str) -> Result<ProviderTest, Problem> {
        admins_only(by)?;
        let upstream = self.upstream(id)?;
        let named = || Problem::field("model", format!("There is no model named {model:?}."));
        let model = self.model(model).ok_or_else(named)?;
        let route = model.routes.iter().find(|route| route.provider_id == *id).ok_or_else(|| {
            let provider = &upstream.provider.name;
            Problem::field("model", format!("Model {:?} has no route to provider {provider:?}.", model.name))
        })?;
        let listed = self.test_provider(by, id).await?;
        let provider = &upstream.provider;
        if provider.kind == ProviderKind::Builtin {
            return Ok(listed);
        }
        let name = if route.upstream_model.is_empty() { &model.name } else { &route.upstream_model };
        let tiny = Tiny { kind: provider.kind, model: name, is_embedding: is_embedding(&model) };
        let credential = upstream.credentials.first().map(String::as_str);
        let url = provider.kind.url(&provider.base_url, tiny.errand());
        let begun = self.clock().now();
        let called = tokio::time::timeout(PATIENCE, self.call_once(&url, &tiny, credential)).await;
        let ms = u64::try_from(self.clock().now().since(begun).as_millis()).unwrap_or(u64::MAX);
        let (ok, said) = match called {
            Ok(Ok(said)) => (true, said),
            Ok(Err(said)) => (false, said),
            Err(_) => (false, format!("A call of {name} was not answered within {} seconds.", PATIENCE.as_secs())),
        };
        Ok(ProviderTest { ok, message: format!("{} {said}", listed.message), ms })
    }

    /// Newer models of OpenAI's take the bound by another name, and refuse the old one, which costs nothing.
    async fn call_once(&self, url: &str, tiny: &Tiny<'_>, credential: Option<&str>) -> Result<String, String> {
        let mut answer = self.call_with(url, tiny, "max_tokens", credential).await?;
        if answer.0 == StatusCode::BAD_REQUEST && words(&answer.1).contains("max_completion_tokens") {
            answer = self.call_with(url, tiny, "max_completion_tokens", credential).await?;
        }
        let (status, body) = answer;
        match status.is_success() {
            true => Ok(told(tiny, &body)),
            false => Err(format!("A call of {} failed, {status}: {}", tiny.model, words(&body))),
        }
    }

    async fn call_with(
        &self,
        url: &str,
        tiny: &Tiny<'_>,
        bound: &str,
        credential: Option<&str>,
    ) -> Result<(StatusCode, Value), String> {
        let mut request = Request::post(url).header("content-type", "application/json");
        for (name, value) in tiny.kind.headers(credential) {
            request = request.header(name, value);
        }
        let body = outgoing(tiny.body(bound).to_string().into());
        let request = request.body(body).map_err(|error| format!("This is not a URL that can be asked: {error}."))?;
        let reached = self.dial(request).await;
        let answer = reached.map_err(|error| format!("A call of {} came to nothing: {error}.", tiny.model))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), 1 << 20).collect().await;
        let body = body.map_err(|error| format!("It broke off in mid-answer: {error}."))?.to_bytes();
        let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
        Ok((status, serde_json::from_slice(&body).unwrap_or_else(|_| text())))
    }
}

fn is_embedding(model: &Model) -> bool {
    let can = |what: &str| model.capabilities.iter().any(|able| able == what);
    can("embeddings") && !can("chat")
}

/// An upstream's own words about what went wrong, from whichever field it has them in.
fn words(body: &Value) -> String {
    let places = ["/error/message", "/message", "/error", "/detail"];
    let said = places.iter().find_map(|place| body.pointer(place)?.as_str());
    let said = said.or(body.as_str()).map_or_else(|| body.to_string(), str::to_owned);
    said.trim().chars().take(WORDS).collect()
}

/// What came back, and what of it was counted.
fn told(tiny: &Tiny, body: &Value) -> String {
    let number = |places: &[&str]| places.iter().find_map(|place| body.pointer(place)?.as_u64());
    let input = number(&["/usage/prompt_tokens", "/usage/input_tokens", "/usageMetadata/promptTokenCount"]);
    let output = number(&["/usage/completion_tokens", "/usage/output_tokens", "/usageMetadata/candidatesTokenCount"]);
    let counted = match (input, output.filter(|_| !tiny.is_embedding)) {
        (Some(input), Some(output)) => format!(", {input} tokens in and {output} out"),
        (Some(input), None) => format!(", {input} tokens in"),
        (None, _) => ", and did not say how many tokens that was".to_owned(),
    };
    let places = ["/choices/0/message/content", "/content/0/text", "/candidates/0/content/parts/0/text"];
    let text = places.iter().find_map(|place| body.pointer(place)?.as_str());
    let text: String = text.unwrap_or_default().trim().chars().take(80).collect();
    let said = if text.is_empty() { "answered".to_owned() } else { format!("answered “{text}”") };
    format!("{} {said}{counted}.", tiny.model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstreams_own_words_are_found_wherever_they_stand() {
        for (body, said) in [
            (json!({ "error": { "message": "no credit" } }), "no credit"),
            (json!({ "error": "no such model" }), "no such model"),
            (json!({ "detail": "gone" }), "gone"),
            (json!("<html>"), "<html>"),
            (json!({ "odd": 1 }), r#"{"odd":1}"#),
        ] {
            assert_eq!(words(&body), said);
        }
        assert_eq!(words(&json!("x".repeat(1_000))).len(), WORDS);
    }

    #[test]
    fn an_answer_is_told_with_what_it_counted() {
        let tiny = Tiny { kind: ProviderKind::Openai, model: "m", is_embedding: false };
        let body = json!({ "choices": [{ "message": { "content": " OK " } }],
            "usage": { "prompt_tokens": 9, "completion_tokens": 1 } });
        assert_eq!(told(&tiny, &body), "m answered “OK”, 9 tokens in and 1 out.");
        let gemini =
            json!({ "candidates": [{ "content": { "parts": [] } }], "usageMetadata": { "promptTokenCount": 3 } });
        assert_eq!(told(&tiny, &gemini), "m answered, 3 tokens in.");
    }
}
