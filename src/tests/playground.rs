//! What the playground promises: its calls are calls of the key, with all that bounds them, and of nobody else's key.

use super::app::{Answer, TestApp, on_both};
use crate::auth;
use crate::auth::session::sessions;
use crate::console::playground::told::{PlayDraft, Played};
use crate::console::ui::trace::GateState;
use crate::domain::account::{Account, Role};
use crate::domain::credits::Credits;
use crate::domain::id::KeyId;
use crate::domain::problem::Problem;
use crate::playground::{Playground, stream};
use crate::proxy::{CONSOLE, Inside, ProxyTerms};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::{get, post};
use leptos::prelude::{Owner, provide_context};
use serde_json::json;
use tower::ServiceExt;
use tower_sessions::Session;

const EMAIL: &str = "lena@example.com";
const PASSWORD: &str = "a short sentence";

/// A browser with the playground open, whose reader is an ordinary user.
struct Browser {
    router: Router,
    cookie: String,
    place: Playground,
    user: Account,
}

async fn enter(State(place): State<Playground>, session: Session) -> Result<String, Problem> {
    let from = std::net::IpAddr::from([192, 0, 2, 1]);
    Ok(auth::password::sign_in(&place.gateway, &session, EMAIL, PASSWORD, from).await?.email)
}

impl Browser {
    async fn new(app: &TestApp) -> Self {
        let user = auth::password::create_account(&app.gateway, EMAIL, Role::User, PASSWORD).await.expect("a user");
        let inside = Inside::new(app.gateway.clone(), ProxyTerms::default());
        let public_url = "http://localhost:8080".parse().expect("a URL");
        let place = Playground { gateway: app.gateway.clone(), inside, public_url };
        let router = Router::new()
            .route("/in", get(enter))
            .route("/playground/stream", post(stream))
            .layer(sessions(&app.gateway, "http://localhost:8080"))
            .with_state(place.clone());
        let request = Request::get("/in").body(Body::empty()).expect("a request");
        let entered = Answer::read(router.clone().oneshot(request).await.expect("an answer")).await;
        let cookie = entered.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        Self { router, cookie, place, user }
    }

    async fn send(&self, draft: &PlayDraft, headers: &[(&str, &str)]) -> Answer {
        let mut request =
            Request::post("/playground/stream").header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = serde_urlencoded::to_string(draft).expect("plain fields");
        let request = request.body(Body::from(body)).expect("a request");
        Answer::read(self.router.clone().oneshot(request).await.expect("an answer")).await
    }

    async fn stream(&self, draft: &PlayDraft) -> Answer {
        self.send(draft, &[("cookie", &self.cookie)]).await
    }

    /// As the form does without JavaScript.
    async fn whole(&self, by: &Account, draft: PlayDraft) -> Result<Played, Problem> {
        let (parts, ()) = Request::post("/fn/play").body(()).expect("a request").into_parts();
        let playing = Owner::new().with(|| {
            provide_context(parts);
            self.place.player().play(by.clone(), draft)
        });
        playing.await
    }
}

fn draft(key: &KeyId, message: &str) -> PlayDraft {
    PlayDraft { key: key.0.clone(), model: "tollgate/echo".into(), message: message.into(), ..PlayDraft::default() }
}

/// A key of the browser's user.
async fn own_key(app: &TestApp, browser: &Browser, quota: Option<&str>) -> crate::gateway::issue::Issued {
    app.key(|spec| {
        spec.account_id = Some(browser.user.id.clone());
        spec.limits.credit_quota = quota.map(|text| Credits::parse(text).expect("money"));
    })
    .await
}

#[tokio::test]
async fn a_call_from_the_playground_is_a_call_of_its_key_streamed_charged_and_logged() {
    on_both(async |app| {
        let browser = Browser::new(&app).await;
        let key = own_key(&app, &browser, Some("1")).await;
        let answer = browser.stream(&draft(&key.key.id, "one two three")).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
        assert!(answer.body.contains("three") && answer.body.ends_with("data: [DONE]\n\n"), "{}", answer.body);
        let row = app.row(&answer).await;
        // Three words in at one millionth, three out at two.
        assert_eq!((row.cost.nanos(), row.usage.input, row.usage.output), (9_000, 3, 3));
        assert_eq!((&row.arrival.key_id, row.arrival.user_agent.as_str()), (&key.key.id, CONSOLE));
        assert_eq!(app.first_meter(&key).await, (9_000, 0));
    })
    .await;
}

#[tokio::test]
async fn a_limit_refuses_the_playground_in_the_apis_own_words_with_every_limit() {
    on_both(async |app| {
        let browser = Browser::new(&app).await;
        let key = own_key(&app, &browser, Some("0.000001")).await;
        let body = json!({"model":"tollgate/echo","messages":[{"role":"user","content":"one two"}]});
        let program = app.chat(&key.secret, body).await;
        let refused = browser.stream(&draft(&key.key.id, "one two")).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (402, program.code()));
        assert_eq!(refused.json()["error"], program.json()["error"]);
        let whole = browser.whole(&browser.user, draft(&key.key.id, "one two")).await.expect("an answer");
        assert_eq!((whole.answer.as_str(), json!(whole.problem)), ("", program.json()["error"]["message"].clone()));
        let receipt = whole.receipt().expect("a row");
        assert_eq!(receipt.says, "Refused: 402 quota_exceeded");
        assert!(receipt.gates.iter().any(|gate| gate.state == GateState::Shut), "{:?}", receipt.gates);
    })
    .await;
}

#[tokio::test]
async fn without_javascript_the_answer_comes_in_one_piece_with_what_it_cost() {
    on_both(async |app| {
        let browser = Browser::new(&app).await;
        let key = own_key(&app, &browser, None).await;
        let played = browser.whole(&browser.user, draft(&key.key.id, "one two")).await.expect("an answer");
        assert_eq!((played.answer.as_str(), played.problem.as_str()), ("one two", ""));
        assert_eq!(played.asked.message, "one two");
        let receipt = played.receipt().expect("a row");
        assert_eq!(receipt.figures[0], ("Cost".to_owned(), "0.000006000 credits".to_owned()));
        let blank = browser.whole(&browser.user, draft(&key.key.id, " ")).await.expect_err("nothing to send");
        assert_eq!(blank.fields[0].field, "message");
    })
    .await;
}

#[tokio::test]
async fn nobody_plays_with_a_key_that_is_not_theirs_nor_from_another_site_nor_signed_out() {
    on_both(async |app| {
        let browser = Browser::new(&app).await;
        let (theirs, own) = (app.key(|_| ()).await, own_key(&app, &browser, None).await);
        assert_eq!(browser.stream(&draft(&theirs.key.id, "hi")).await.status, 404);
        let own = draft(&own.key.id, "hi");
        assert_eq!(browser.send(&own, &[]).await.status, 401);
        let elsewhere = [("cookie", browser.cookie.as_str()), ("sec-fetch-site", "cross-site")];
        assert_eq!(browser.send(&own, &elsewhere).await.status, 403);
        assert_eq!(browser.stream(&own).await.status, 200);
        assert!(browser.whole(&app.admin, own).await.is_ok(), "an admin may play with any key");
    })
    .await;
}
