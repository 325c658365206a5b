//! A scripted server function behind both halves, asked as a browser without JavaScript asks.

use super::*;
use axum::routing::{get, post};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

#[derive(Clone, Default)]
struct Rows(Arc<Mutex<HashMap<String, (String, Time)>>>);

impl FlashStore for Rows {
    type Error = Infallible;

    async fn put(&self, id: &str, sealed: &str, expires_at: Time) -> Result<(), Infallible> {
        self.0.lock().unwrap().insert(id.to_owned(), (sealed.to_owned(), expires_at));
        Ok(())
    }

    async fn take(&self, id: &str, now: Time) -> Result<Option<String>, Infallible> {
        let row = self.0.lock().unwrap().remove(id);
        Ok(row.filter(|(_, expires_at)| *expires_at > now).map(|(sealed, _)| sealed))
    }
}

struct Site {
    rows: Rows,
    clock: Clock,
    router: Router,
}

fn site(public_url: &'static str) -> Site {
    let (rows, clock) = (Rows::default(), Clock::by_hand(Time::from_micros(1)));
    let flashes = Flashes { store: rows.clone(), clock: clock.clone(), public_url: Uri::from_static(public_url) };
    let make = post(async |body: String| match body.contains("name=taken") {
        true => {
            let problem = Problem::conflict("name", "There is a key of this name.");
            let head = [(IS_ERROR, "/fn/make"), (CONTENT_TYPE, "application/json")];
            (StatusCode::INTERNAL_SERVER_ERROR, head, serde_json::to_string(&problem).unwrap()).into_response()
        }
        false => ([(SET_COOKIE, "inner=1")], r#"{"secret":"sk-tg-hidden"}"#).into_response(),
    });
    let leave = post(async || ([(LOCATION, "/sign-in"), (IS_REDIRECT, "")], "null"));
    let page = get(async |request: Request| {
        request.extensions().get::<Flash>().map(|flash| serde_json::to_string(flash).unwrap()).unwrap_or_default()
    });
    let console = Router::new().route("/fn/make", make).route("/fn/leave", leave).route("/tokens", page);
    Site { rows, clock, router: around(console, flashes) }
}

impl Site {
    async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "gate.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, LARGEST).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Posts as a browser does, and answers where it goes next with which flash cookie.
    async fn post(&self, path: &str, body: &str) -> (HeaderMap, String) {
        let headers = [
            ("accept", "text/html,*/*"),
            ("origin", "http://gate.example"),
            ("referer", "http://gate.example/tokens?new=1"),
        ];
        let (status, headers, _) = self.ask("POST", path, &headers, body).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let cookies = headers.get_all(SET_COOKIE).into_iter().map(|cookie| cookie.to_str().unwrap());
        let flash =
            cookies.filter(|cookie| cookie.starts_with("flash=")).map(|cookie| cookie.split(';').next().unwrap());
        let flash = flash.collect::<String>();
        (headers, flash)
    }

    async fn page(&self, cookie: &str) -> Option<Flash> {
        let (_, _, body) = self.ask("GET", "/tokens", &[("accept", "text/html"), ("cookie", cookie)], "").await;
        serde_json::from_str(&body).ok()
    }
}

#[tokio::test]
async fn a_failed_post_comes_back_with_its_values_and_without_its_secrets() {
    let site = site("http://gate.example");
    let (headers, cookie) =
        site.post("/fn/make", "name=taken&limits%5Brpm%5D=60&password=hunter2&provider[api_key]=k").await;
    assert_eq!(headers[LOCATION], "/tokens?new=1");
    let flash = site.page(&cookie).await.unwrap();
    assert_eq!(flash.path, "/fn/make");
    assert_eq!(flash.outcome.unwrap_err().message_for("name"), Some("There is a key of this name."));
    assert_eq!(flash.values, [("name".into(), "taken".into()), ("limits[rpm]".into(), "60".into())]);
}

#[tokio::test]
async fn an_outcome_is_read_once_and_lies_sealed() {
    let site = site("http://gate.example");
    let (headers, cookie) = site.post("/fn/make", "name=new").await;
    assert!(headers.get_all(SET_COOKIE).iter().any(|cookie| cookie == "inner=1"), "cookies of the function pass");
    assert!(!format!("{headers:?}").contains("hidden"));
    let rows = format!("{:?}", site.rows.0.lock().unwrap());
    assert!(!rows.contains("hidden") && !rows.contains(cookie.split('.').next_back().unwrap()));

    let flash = site.page(&cookie).await.unwrap();
    assert_eq!((flash.outcome.unwrap().as_str(), flash.values.len()), (r#"{"secret":"sk-tg-hidden"}"#, 0));
    assert_eq!(site.page(&cookie).await, None);
}

#[tokio::test]
async fn an_outcome_waits_five_minutes_and_opens_with_its_own_key_alone() {
    let site = site("http://gate.example");
    let (_, first) = site.post("/fn/make", "name=new").await;
    let (_, second) = site.post("/fn/make", "name=new").await;
    let crossed = format!("{}.{}", first.split('.').next().unwrap(), second.split('.').next_back().unwrap());
    assert_eq!(site.page(&crossed).await, None);
    site.clock.wind(WAITS);
    assert_eq!(site.page(&second).await, None);
    for nonsense in ["flash=", "flash=x.y", "flash=x", "other=1"] {
        assert_eq!(site.page(nonsense).await, None);
    }
}

#[tokio::test]
async fn a_function_that_says_where_to_go_and_no_more_leaves_no_flash() {
    let site = site("http://gate.example");
    let (headers, cookie) = site.post("/fn/leave", "").await;
    assert_eq!((headers[LOCATION].to_str().unwrap(), cookie.as_str()), ("/sign-in", ""));
}

#[tokio::test]
async fn the_hydrated_page_gets_the_outcome_itself_and_problems_their_status() {
    let site = site("http://gate.example");
    let headers = [("accept", "application/json"), ("sec-fetch-site", "same-origin")];
    let (status, headers_back, body) = site.ask("POST", "/fn/make", &headers, "name=taken").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(headers_back.contains_key(IS_ERROR) && body.contains("There is a key of this name."));
    let (status, _, body) = site.ask("POST", "/fn/make", &headers, "name=new").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"secret":"sk-tg-hidden"}"#));
    assert!(site.rows.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn another_sites_post_is_refused() {
    let site = site("https://gate.example");
    for (headers, status) in [
        (&[("sec-fetch-site", "cross-site")][..], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "same-site"), ("origin", "https://gate.example")], StatusCode::FORBIDDEN),
        (&[("origin", "https://evil.example")], StatusCode::FORBIDDEN),
        (&[("origin", "null")], StatusCode::FORBIDDEN),
        (&[("origin", "https://gate.example.evil.example")], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "same-origin")], StatusCode::OK),
        (&[("origin", "https://gate.example")], StatusCode::OK),
        (&[], StatusCode::OK),
    ] {
        let (got, _, _) = site.ask("POST", "/fn/make", headers, "name=new").await;
        assert_eq!(got, status, "{headers:?}");
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_site() {
    let site = site("http://gate.example");
    for (referer, to) in [
        ("http://evil.example//evil.example/x", "/"),
        ("http://gate.example/logs?key=a&model=b", "/logs?key=a&model=b"),
        ("nonsense", "/"),
    ] {
        let headers = [("accept", "text/html"), ("referer", referer)];
        let (_, headers, _) = site.ask("POST", "/fn/make", &headers, "name=taken").await;
        assert_eq!(headers[LOCATION], to, "{referer}");
    }
}

#[tokio::test]
async fn on_https_the_cookie_belongs_to_this_host_alone() {
    let site = site("https://gate.example");
    let headers = [("accept", "text/html"), ("referer", "https://gate.example/tokens")];
    let (_, headers, _) = site.ask("POST", "/fn/make", &headers, "name=taken").await;
    let cookie = headers[SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-flash=") && cookie.ends_with("Path=/; Max-Age=300; HttpOnly; SameSite=Lax; Secure")
    );
}
