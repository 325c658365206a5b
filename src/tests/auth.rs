//! What sign-in promises: sessions, throttling, set-up.

use super::app::{Answer, TestApp, on_both};
use crate::auth;
use crate::auth::password::{create_account, set_up, sign_in, sign_out};
use crate::auth::session::{self, sessions};
use crate::clock::Clock;
use crate::domain::account::{Account, Role};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::gateway::seal::MasterKey;
use crate::gateway::{Gateway, Terms};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::Request;
use axum::http::request::Parts;
use axum::routing::get;
use leptos::prelude::{Owner, provide_context};
use leptos::reactive::computed::ScopedFuture;
use std::net::IpAddr;
use std::time::Duration;
use tower::ServiceExt;
use tower_sessions::Session;

const EMAIL: &str = "mara@example.com";
const PASSWORD: &str = "a short sentence";
const DAY: Duration = Duration::from_hours(24);

fn address(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

/// A browser: routes behind the session layer, and the cookie it was given last.
struct Browser {
    router: Router,
    cookie: String,
}

impl Browser {
    fn new(gateway: &Gateway) -> Self {
        Self::at(gateway, "http://localhost:8080")
    }

    fn at(gateway: &Gateway, public_url: &str) -> Self {
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/in", get(enter))
            .route("/out", get(async |session: Session| sign_out(&session).await))
            .route("/whoami", get(whoami))
            .route("/page", get(page))
            .route("/setup/{token}", get(begin))
            .layer(sessions(gateway, public_url))
            .with_state(gateway.clone());
        Self { router, cookie: String::new() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("cookie", &self.cookie).body(Body::empty()).expect("a request");
        let answer = Answer::read(self.router.clone().oneshot(request).await.expect("the router never fails")).await;
        if let Some(pair) = answer.header("set-cookie").split(';').next().filter(|pair| !pair.is_empty()) {
            self.cookie = pair.to_owned();
        }
        answer
    }
}

async fn enter(State(gateway): State<Gateway>, session: Session) -> Result<String, Problem> {
    Ok(sign_in(&gateway, &session, EMAIL, PASSWORD, address(1)).await?.email)
}

async fn begin(State(gateway): State<Gateway>, Path(token): Path<String>, session: Session) -> Result<String, Problem> {
    Ok(set_up(&gateway, &session, &token, EMAIL, "Mara", PASSWORD).await?.name)
}

async fn whoami(State(gateway): State<Gateway>, session: Session) -> Result<String, Problem> {
    Ok(session::account(&gateway, &session).await?.email)
}

/// As a page asks: through the context that the server provides.
async fn page(State(gateway): State<Gateway>, parts: Parts) -> Result<String, Problem> {
    let owner = Owner::new();
    let asked = owner.with(|| {
        provide_context(gateway);
        provide_context(parts);
        ScopedFuture::new(async { (auth::signed_in().await, auth::admin().await) })
    });
    let (anyone, admin) = asked.await;
    Ok(format!("{} {}", anyone?.email, admin.is_ok()))
}

async fn mara(app: &TestApp, role: Role) -> Account {
    create_account(&app.gateway, EMAIL, role, PASSWORD).await.expect("an account")
}

#[tokio::test]
async fn whoever_signs_in_is_known_until_they_sign_out() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        let mut browser = Browser::new(&app.gateway);
        assert_eq!(browser.get("/whoami").await.status, 401);
        assert_eq!(browser.get("/page").await.status, 401);
        assert_eq!(browser.get("/in").await.body, EMAIL);
        assert_eq!(browser.get("/whoami").await.body, EMAIL);
        assert_eq!(browser.get("/page").await.body, format!("{EMAIL} false"), "a user is no admin");
        let stolen = browser.cookie.clone();
        assert_eq!(browser.get("/out").await.status, 200);
        assert_eq!(browser.get("/whoami").await.status, 401);
        browser.cookie = stolen;
        assert_eq!(browser.get("/whoami").await.status, 401, "the session is gone, not only its cookie");
    })
    .await;
}

#[tokio::test]
async fn the_cookie_is_host_bound_and_secure_on_https_and_plain_on_http() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        let cookie =
            Browser::at(&app.gateway, "https://gate.example.com").get("/in").await.header("set-cookie").to_owned();
        assert!(cookie.starts_with("__Host-tollgate="), "{cookie}");
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=2592000"] {
            assert!(cookie.split("; ").any(|one| one == part), "{part} in {cookie}");
        }
        let cookie = Browser::new(&app.gateway).get("/in").await.header("set-cookie").to_owned();
        assert!(cookie.starts_with("tollgate=") && !cookie.contains("Secure"), "{cookie}");
    })
    .await;
}

#[tokio::test]
async fn visitors_leave_no_row_and_get_no_cookie() {
    on_both(async |app| {
        let mut browser = Browser::new(&app.gateway);
        for path in ["/", "/whoami", "/page", "/in"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.header("set-cookie"), "", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn signing_in_changes_the_session_id_and_ends_the_old_one() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        let mut browser = Browser::new(&app.gateway);
        browser.get("/in").await;
        let planted = browser.cookie.clone();
        browser.get("/in").await;
        assert_ne!(browser.cookie, planted);
        browser.cookie = planted;
        assert_eq!(browser.get("/whoami").await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_without_use_and_use_keeps_it() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        let mut browser = Browser::new(&app.gateway);
        browser.get("/in").await;
        assert_eq!(browser.get("/whoami").await.header("set-cookie"), "", "reading pages writes nothing");
        for _ in 0..2 {
            app.clock.wind(20 * DAY);
            let answer = browser.get("/whoami").await;
            assert_eq!(answer.status, 200);
            assert!(answer.header("set-cookie").contains("Max-Age=2592000"), "the cookie is renewed with the row");
        }
        app.clock.wind(30 * DAY);
        assert_eq!(browser.get("/whoami").await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn the_database_alone_opens_no_session() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        let mut browser = Browser::new(&app.gateway);
        browser.get("/in").await;
        let id = browser.cookie.split('=').nth(1).expect("an id").to_owned();
        assert_eq!(app.store.session(&id, app.clock.now()).await.expect("a read"), None, "ids are stored hashed");
    })
    .await;
}

/// Signs in outside a browser; what matters is the answer.
async fn attempt(app: &TestApp, email: &str, password: &str, ip: IpAddr) -> Result<Account, Problem> {
    let rows = std::sync::Arc::new(session::Rows::new(&app.gateway));
    sign_in(&app.gateway, &Session::new(None, rows, None), email, password, ip).await
}

#[tokio::test]
async fn failures_read_the_same_whether_or_not_the_account_exists() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        let known = attempt(&app, EMAIL, "wrong password", address(1)).await.expect_err("wrong");
        let unknown = attempt(&app, "nobody@example.com", "wrong password", address(2)).await.expect_err("wrong");
        let no_password = attempt(&app, "admin@example.com", "unused", address(3)).await;
        assert_eq!(known, unknown);
        assert_eq!(known.message, "That email and password do not belong together; 9 tries are left.");
        assert!(no_password.is_err());
        let signed = attempt(&app, " MARA@example.com ", PASSWORD, address(1)).await.expect("signed in");
        assert_eq!(signed.email, EMAIL, "emails are compared in lower case");
    })
    .await;
}

#[tokio::test]
async fn ten_wrong_tries_close_an_email_for_a_quarter_of_an_hour() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        for number in 0..9 {
            let problem = attempt(&app, EMAIL, "wrong", address(number)).await.expect_err("wrong");
            assert_eq!(problem.kind, ProblemKind::Invalid);
        }
        let last = attempt(&app, EMAIL, "wrong", address(9)).await.expect_err("wrong");
        assert!(last.message.ends_with("no tries are left for now."), "{last}");
        app.clock.wind(Duration::from_mins(3));
        let closed = attempt(&app, EMAIL, PASSWORD, address(10)).await.expect_err("closed");
        assert_eq!(closed.kind, ProblemKind::TooMany, "the right password, too");
        assert!(closed.message.contains("in 12 minutes"), "{closed}");
        app.clock.wind(Duration::from_mins(12));
        assert!(attempt(&app, EMAIL, PASSWORD, address(10)).await.is_ok());
        let again = attempt(&app, EMAIL, "wrong", address(10)).await.expect_err("wrong");
        assert!(again.message.contains("9 tries"), "success forgives: {again}");
    })
    .await;
}

#[tokio::test]
async fn fifty_wrong_tries_close_an_address_whatever_the_emails() {
    on_both(async |app| {
        mara(&app, Role::User).await;
        for number in 0..50 {
            if number < 2 {
                assert!(attempt(&app, EMAIL, PASSWORD, address(7)).await.is_ok(), "right ones do not count");
            }
            let problem =
                attempt(&app, &format!("{number}@example.com"), "wrong", address(7)).await.expect_err("wrong");
            assert_eq!(problem.kind, ProblemKind::Invalid);
        }
        let closed = attempt(&app, EMAIL, PASSWORD, address(7)).await.expect_err("closed");
        assert_eq!(closed.kind, ProblemKind::TooMany);
        assert!(attempt(&app, EMAIL, PASSWORD, address(8)).await.is_ok(), "elsewhere it is open");
    })
    .await;
}

#[tokio::test]
async fn an_account_needs_an_email_a_password_of_ten_characters_and_to_be_the_first() {
    on_both(async |app| {
        let bad = create_account(&app.gateway, "mara", Role::User, "short").await.expect_err("bad");
        let fields: Vec<_> = bad.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["email", "password"]);
        mara(&app, Role::User).await;
        let taken = create_account(&app.gateway, "Mara@Example.com", Role::User, PASSWORD).await.expect_err("taken");
        assert_eq!((taken.kind, taken.message_for("email").is_some()), (ProblemKind::Conflict, true));
    })
    .await;
}

#[tokio::test]
async fn a_set_up_link_makes_one_admin_signs_them_in_and_is_void() {
    // A gateway that has no admin yet; the harness makes one.
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("new.db").display());
    let store = crate::store::Store::open(&url, crate::store::Durability::Process).await.expect("a store");
    store.migrate().await.expect("migrations");
    let clock = Clock::by_hand(Time::from_micros(1));
    let gateway = Gateway::open(store, clock, MasterKey::random(), Terms::default()).await.expect("a gateway");
    let token = gateway.new_setup_token().await.expect("a read").expect("a token");
    let mut browser = Browser::new(&gateway);
    assert_eq!(browser.get("/setup/wrong").await.status, 403);
    assert_eq!(browser.get(&format!("/setup/{token}")).await.body, "Mara");
    assert_eq!(browser.get("/page").await.body, format!("{EMAIL} true"));
    assert_eq!(Browser::new(&gateway).get(&format!("/setup/{token}")).await.status, 403);
}
