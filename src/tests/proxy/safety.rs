//! What a caller, or an upstream, cannot make the gateway do.

use crate::domain::provider::ProviderSpec;
use crate::tests::app::{Answer, TestApp};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SERVED: &str = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
const CHAT: &str = r#"{"model":"gpt","messages":[]}"#;

/// What comes back for these bytes until the other end closes.
async fn answered(address: std::net::SocketAddr, sent: &str) -> String {
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(sent.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // A server that closes on what it will not read may reset the connection; what it said before counts.
    let reading = connection.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(10), reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_whose_length_is_in_doubt_are_refused_and_the_connection_closed() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, SERVED)).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| {}).await;
    let address = app.listen().await;
    let length = CHAT.len();
    let more = length + 1;
    for (case, head) in [
        ("two lengths", format!("Content-Length: {length}\r\nContent-Length: {more}")),
        ("a list of lengths", format!("Content-Length: {length}, {length}")),
        ("a sign", format!("Content-Length: +{length}")),
        ("a hexadecimal length", format!("Content-Length: 0x{length:x}")),
        ("a length beyond all numbers", "Content-Length: 99999999999999999999".to_owned()),
        ("a coding that does not end in chunks", "Transfer-Encoding: chunked, identity".to_owned()),
        ("a coding that nobody knows", "Transfer-Encoding: xchunked".to_owned()),
        ("a space before the colon", format!("Content-Length : {length}")),
        ("a folded line", format!("X-Folded: a\r\n b\r\nContent-Length: {length}")),
        ("a name that is none", format!("Content Length: {length}")),
        ("a zero byte", format!("X-Zero: a\0b\r\nContent-Length: {length}")),
    ] {
        let secret = &key.secret;
        let sent = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {secret}\r\n{head}\r\n\r\n{CHAT}"
        );
        let answer = answered(address, &sent).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{case}: {answer:?}");
        assert_eq!((upstream.asked().len(), answer.matches("HTTP/1.1").count()), (0, 1), "{case}");
    }
    let old = format!("POST /v1/chat/completions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{CHAT}");
    assert!(answered(address, &old).await.contains(" 400 "), "chunks are newer than HTTP/1.0");
    let broken = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n\
         fffffffffffffffff\r\n{CHAT}\r\n0\r\n\r\n",
        key.secret
    );
    assert!(!answered(address, &broken).await.starts_with("HTTP/1.1 200"), "a chunk beyond all numbers");
    assert_eq!(upstream.asked().len(), 0);
}

#[tokio::test]
async fn a_request_with_both_a_length_and_chunks_smuggles_no_second_one() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, SERVED)).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| {}).await;
    let address = app.listen().await;
    let head = |framing: &str| {
        let secret = &key.secret;
        format!("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {secret}\r\n{framing}\r\n\r\n")
    };
    let smuggled = head(&format!("Content-Length: {}", CHAT.len())) + CHAT;
    let chunked = format!("{:x}\r\n{CHAT}\r\n0\r\n\r\n", CHAT.len());
    let all = chunked.len() + smuggled.len();
    for framing in [
        format!("Content-Length: {all}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {all}"),
    ] {
        let before = upstream.asked().len();
        let answer = answered(address, &(head(&framing) + &chunked + &smuggled)).await;
        // Read by its chunks alone, as RFC 9112 has it (section 6.3), and nothing after them is read at all.
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{framing}: {answer:?}");
        assert_eq!(upstream.asked().len(), before + 1, "{framing}");
        let asked = upstream.asked().pop().expect("the first");
        assert_eq!(asked.headers["content-length"], asked.body.len().to_string().as_str());
        assert!(!asked.headers.contains_key("transfer-encoding"));
    }
}

#[tokio::test]
async fn nothing_that_a_caller_says_of_itself_reaches_the_provider() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, SERVED)).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| {}).await;
    let mut request = Request::post(format!("/v1/chat/completions?key={}", key.secret))
        .header("authorization", format!("Bearer {}", key.secret))
        .header("content-type", "application/json");
    for name in ["x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization", "x-forwarded-for"] {
        request = request.header(name, &key.secret);
    }
    for (name, value) in [
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("forwarded", "for=1.2.3.4"),
        ("origin", "http://h"),
        ("openai-organization", "org-theirs"),
        ("x-request-id", "theirs"),
    ] {
        request = request.header(name, value);
    }
    let answer = app.send(request.body(Body::from(CHAT)).expect("a request")).await;
    assert_eq!(answer.status(), 200);
    let asked = upstream.asked().pop().expect("one call");
    assert_eq!(asked.path, "/v1/chat/completions");
    let names: BTreeSet<&str> = asked.headers.keys().map(|name| name.as_str()).collect();
    let ours = ["accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"];
    assert_eq!(names, BTreeSet::from(ours));
    let said = format!("{:?} {:?}", asked.headers, asked.body);
    assert!(!said.contains(&key.secret), "{said}");
}

#[tokio::test]
async fn of_a_providers_headers_only_what_the_body_needs_comes_back() {
    let app = TestApp::sqlite().await;
    let script = || {
        let mut answer = upstream::json(200, SERVED);
        for (name, value) in [
            ("set-cookie", "session=stolen; Path=/"),
            ("openai-organization", "org-ours"),
            ("x-request-id", "theirs"),
            ("x-ratelimit-remaining-requests", "1"),
            ("access-control-allow-origin", "*"),
            ("strict-transport-security", "max-age=1"),
            ("server", "upstream"),
            ("via", "1.1 upstream"),
            ("keep-alive", "timeout=5"),
            ("x-tollgate-cost", "0"),
            ("content-security-policy", "default-src *"),
            ("x-content-type-options", "sniff"),
        ] {
            answer.headers_mut().insert(name, value.parse().expect("a header"));
        }
        answer
    };
    let upstream = Upstream::start(script).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| {}).await;
    let answer = app.post(&key.secret, "/v1/chat/completions", CHAT).await;
    let names: BTreeSet<String> = answer.headers().keys().map(ToString::to_string).collect();
    let allowed = [
        "content-type",
        "content-length",
        "x-request-id",
        "x-tollgate-cost",
        "content-security-policy",
        "x-content-type-options",
    ];
    let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
    assert!(names.is_subset(&allowed), "{names:?}");
    assert_ne!(answer.headers()["x-request-id"], "theirs");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["content-security-policy"], "sandbox; default-src 'none'");
    assert_ne!(answer.headers()["x-tollgate-cost"], "0");
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    let app = TestApp::sqlite().await;
    let elsewhere = Upstream::start(|| upstream::json(200, SERVED)).await;
    let target = format!("{}/chat/completions", elsewhere.base_url);
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let script = move || {
            let mut answer = upstream::json(status, "{}");
            answer.headers_mut().insert("location", target.parse().expect("a header"));
            answer
        };
        let redirecting = Upstream::start(script).await;
        let name = format!("gpt-{status}");
        app.model(&name, &redirecting.base_url).await;
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
        let answer = app.chat(&key.secret, json!({ "model": name, "messages": [] })).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"));
        assert_eq!((answer.header("location"), elsewhere.asked().len()), ("", 0));
        assert_eq!(app.row(&answer).await.cost.nanos(), 0);
        assert_eq!(app.first_meter(&key).await, (0, 0));
    }
}

#[tokio::test]
async fn where_private_upstreams_are_denied_no_name_leads_to_one() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, SERVED)).await;
    let port = upstream.base_url.trim_end_matches("/v1").rsplit(':').next().expect("a port").to_owned();
    // A name is judged by the address that it has when it is connected to.
    app.model("named", &format!("http://localhost:{port}/v1")).await;
    app.model("written", &upstream.base_url).await;
    let app = app.denying_private_upstreams().await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    for model in ["named", "written"] {
        let answer = app.chat(&key.secret, json!({ "model": model, "messages": [] })).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"), "{model}");
        let row = app.row(&answer).await;
        assert_eq!((row.cost.nanos(), row.attempts[0].status), (0, None));
    }
    assert_eq!((upstream.asked().len(), app.first_meter(&key).await), (0, (0, 0)));
    let provider =
        app.gateway.providers(&app.admin).expect("providers").into_iter().find(|one| one.name.contains("named"));
    let tested = app.gateway.test_provider(&app.admin, &provider.expect("there").id).await.expect("tested");
    assert!(!tested.ok && tested.message.contains("no address that may be connected to"), "{}", tested.message);
    let spec = ProviderSpec {
        base_url: upstream.base_url.clone(),
        ..ProviderSpec::from(&app.gateway.providers(&app.admin).expect("providers")[0])
    };
    let refused = app.gateway.create_provider(
        &app.admin,
        ProviderSpec { name: "new".to_owned(), kind: crate::domain::provider::ProviderKind::Openai, ..spec },
    );
    assert!(refused.await.is_err());
}

#[tokio::test]
async fn a_providers_credential_is_in_no_answer_row_or_error() {
    let app = TestApp::sqlite().await;
    // It quotes what it was sent, as careless servers do.
    let script = |asked: &upstream::Asked| upstream::json(401, &format!("{:?}", asked.headers));
    let upstream = Upstream::answering(script).await;
    app.model("gpt", &upstream.base_url).await;
    let key = app.key(|_| {}).await;
    let response = app.post(&key.secret, "/v1/chat/completions", CHAT).await;
    let headers = format!("{:?}", response.headers());
    let answer = Answer::read(response).await;
    let row = format!("{:?}", app.row(&answer).await);
    for said in [headers, answer.body, row] {
        assert!(!said.contains("sk-upstream-secret"), "{said}");
    }
}
