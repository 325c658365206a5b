//! The playground's way to the proxy: a call as one of the reader's keys, made inside this process, since nobody stores a
//! key's secret. It stands beside the doors and not in one: `auth` says who is there, the gateway whether the key is
//! theirs, and the proxy does with it what it does with every call. The console knows it as a [`Player`] alone.

use crate::auth;
use crate::console::playground::told::{PlayDraft, Played, Player};
use crate::domain::account::Account;
use crate::domain::problem::{Check, Problem, ProblemKind};
use crate::flash;
use crate::gateway::Gateway;
use crate::page::playground::receipt;
use crate::proxy::Inside;
use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Form, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, StatusCode, Uri};
use leptos::prelude::use_context;
use serde::Deserialize;
use serde_json::{Value, json};
use tower_sessions::Session;

/// Of an answer that is not streamed, this much is shown at most, in bytes.
const LARGEST: usize = 8 << 20;
/// The page shows at most so many letters of an answer that it gets in one piece.
const LONGEST: usize = 200_000;

/// What it needs.
#[derive(Clone)]
pub struct Playground {
    pub gateway: Gateway,
    pub inside: Inside,
    /// The URL by which people reach this server.
    pub public_url: Uri,
}

/// `POST /playground/stream`: the form of the page, answered by the stream that a program would be sent.
pub async fn stream(State(place): State<Playground>, session: Session, request: Request) -> Response {
    let answer = async {
        let (parts, body) = request.into_parts();
        if !flash::is_own(&parts.method, &parts.headers, &place.public_url) {
            let message = "This was sent by another site, so nothing was done. Open the console and try again there.";
            return Err(Problem::new(ProblemKind::Forbidden, message));
        }
        let account = auth::session::account(&place.gateway, &session).await?;
        let request = Request::from_parts(parts.clone(), body);
        let Form(draft) = Form::<PlayDraft>::from_request(request, &()).await.map_err(|error| {
            Problem::new(ProblemKind::Invalid, format!("This form does not fit the server: {error}. Reload the page."))
        })?;
        let holder = place.gateway.holder_for(&account, &draft.key.as_str().into()).await?;
        Ok(place.inside.chat(holder, &parts, asked(&draft, true)?).await)
    };
    let mut response = answer.await.unwrap_or_else(|problem| refused(&problem));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A problem of ours, shaped as the errors of the API are, which the page reads anyway.
fn refused(problem: &Problem) -> Response {
    let status = match problem.kind {
        ProblemKind::SignedOut => StatusCode::UNAUTHORIZED,
        ProblemKind::NotFound => StatusCode::NOT_FOUND,
        ProblemKind::Forbidden | ProblemKind::AdminLocked => StatusCode::FORBIDDEN,
        ProblemKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    let said = problem.fields.first().map_or(&problem.message, |field| &field.message);
    (status, Json(json!({ "error": { "message": said } }))).into_response()
}

impl Playground {
    /// What the console's own form calls: the whole answer in one piece.
    pub fn player(&self) -> Player {
        let place = self.clone();
        Player::new(move |account, draft| {
            // Read while the request is at hand.
            let parts = use_context::<Parts>();
            let place = place.clone();
            Box::pin(async move { place.whole(&account, parts, draft).await })
        })
    }

    async fn whole(&self, by: &Account, parts: Option<Parts>, draft: PlayDraft) -> Result<Played, Problem> {
        let parts = parts.ok_or_else(|| Problem::new(ProblemKind::Internal, "There is no request to answer."))?;
        let holder =
            self.gateway.holder_for(by, &draft.key.as_str().into()).await.map_err(|problem| match problem.kind {
                ProblemKind::NotFound => Problem::field("key", "Choose one of your tokens."),
                _ => problem,
            })?;
        let answer = self.inside.chat(holder, &parts, asked(&draft, false)?).await;
        let (head, body) = answer.into_parts();
        let id = head.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let body = to_bytes(body, LARGEST).await.unwrap_or_default();
        let Said { answer, thought, problem } = read(&body, head.status);
        let receipt = receipt(&self.gateway, by, id).await?;
        Ok(Played::new(draft, answer, thought, problem, receipt))
    }
}

/// The request that the form stands for.
///
/// # Errors
/// For each field that will not do.
fn asked(draft: &PlayDraft, stream: bool) -> Result<String, Problem> {
    let mut check = Check::default();
    check.that(!draft.key.is_empty(), "key", "Choose one of your tokens.");
    check.that(!draft.model.is_empty(), "model", "Choose a model.");
    check.that(!draft.message.trim().is_empty(), "message", "Write something to be answered.");
    let mut messages = Vec::new();
    if !draft.system.trim().is_empty() {
        messages.push(json!({ "role": "system", "content": draft.system.trim() }));
    }
    messages.push(json!({ "role": "user", "content": draft.message.trim() }));
    let mut body = json!({ "model": draft.model, "messages": messages, "stream": stream });
    if !draft.max_tokens.trim().is_empty() {
        let most = draft.max_tokens.trim().replace([',', ' '], "").parse::<u64>().ok().filter(|most| *most > 0);
        check.that(most.is_some(), "max_tokens", "Write a whole number of tokens, or leave it blank.");
        body["max_tokens"] = json!(most);
    }
    if !draft.temperature.trim().is_empty() {
        let heat = draft.temperature.trim().parse::<f64>().ok().filter(|heat| (0.0..=2.0).contains(heat));
        check.that(heat.is_some(), "temperature", "Write a number from 0 to 2, or leave it blank.");
        body["temperature"] = json!(heat);
    }
    check.done()?;
    Ok(body.to_string())
}

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    answer: String,
    thought: String,
    problem: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    choices: Vec<Choice>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    #[serde(alias = "reasoning_content")]
    reasoning: Option<String>,
}

fn read(body: &[u8], status: StatusCode) -> Said {
    let short = |text: String| text.chars().take(LONGEST).collect::<String>();
    match serde_json::from_slice::<Answer>(body) {
        Ok(Answer { error: Some(error), .. }) => {
            let words = error.get("message").and_then(Value::as_str);
            Said { problem: words.map_or_else(|| error.to_string(), str::to_owned), ..Said::default() }
        }
        Ok(Answer { choices, .. }) if status.is_success() => {
            let message = choices.into_iter().next().map(|choice| choice.message);
            let (answer, thought) = message.map(|message| (message.content, message.reasoning)).unwrap_or_default();
            Said {
                answer: short(answer.unwrap_or_default()),
                thought: short(thought.unwrap_or_default()),
                ..Said::default()
            }
        }
        _ => {
            let words = short(String::from_utf8_lossy(body).into_owned());
            Said { problem: format!("It was answered {status}: {words}"), ..Said::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_the_request_that_a_program_would_send() {
        let draft = PlayDraft {
            key: "k".into(),
            model: "m".into(),
            system: " be brief ".into(),
            message: "hello\n".into(),
            max_tokens: "1,000".into(),
            temperature: "0.5".into(),
        };
        let body: Value = serde_json::from_str(&asked(&draft, true).expect("fits")).expect("JSON");
        let messages = json!([{ "role": "system", "content": "be brief" }, { "role": "user", "content": "hello" }]);
        let expected =
            json!({ "model": "m", "messages": messages, "stream": true, "max_tokens": 1000, "temperature": 0.5 });
        assert_eq!(body, expected);
        let bad = PlayDraft { max_tokens: "0".into(), temperature: "9".into(), ..PlayDraft::default() };
        let fields: Vec<String> =
            asked(&bad, false).expect_err("nothing fits").fields.into_iter().map(|field| field.field).collect();
        assert_eq!(fields, ["key", "model", "message", "max_tokens", "temperature"]);
    }

    #[test]
    fn an_answer_is_read_whatever_it_is() {
        let ok = |body: &str| read(body.as_bytes(), StatusCode::OK);
        let said = ok(r#"{"choices":[{"message":{"content":"hi","reasoning_content":"hm"}}]}"#);
        assert_eq!((said.answer.as_str(), said.thought.as_str()), ("hi", "hm"));
        assert_eq!(ok(r#"{"error":{"message":"no"}}"#).problem, "no");
        let page = read(b"<html>", StatusCode::BAD_GATEWAY);
        assert_eq!(page.problem, "It was answered 502 Bad Gateway: <html>");
    }
}
