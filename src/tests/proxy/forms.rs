//! Files on their way through: they flow, or wait in a temporary file, and what is wrong with them costs nothing.

use crate::domain::provider::ProviderKind;
use crate::domain::usage::{Units, Usage, UsageSource};
use crate::proxy::Patience;
use crate::tests::app::{Answer, TestApp};
use crate::tests::upstream::{self, Upstream};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

const BOUNDARY: &str = "XbX";
const SPOKEN: &str =
    r#"{"text":"hello there","usage":{"type":"tokens","input_tokens":20,"output_tokens":5,"total_tokens":25}}"#;

/// A part: its name, its file's name, and its data.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

fn form(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file_name, data) in parts {
        let file_name = file_name.map(|name| format!("; filename=\"{name}\"")).unwrap_or_default();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file_name}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(data);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn request(secret: &str, path: &str, length: Option<usize>, body: Body) -> Request<Body> {
    let mut request = Request::post(path)
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    request.body(body).expect("a request")
}

/// One that has not declared its length waits until it is all there.
async fn chunked(app: &TestApp, secret: &str, path: &str, body: Vec<u8>) -> Answer {
    Answer::read(app.send(request(secret, path, None, body.into())).await).await
}

async fn send(app: &TestApp, secret: &str, path: &str, body: Vec<u8>) -> Answer {
    Answer::read(app.send(request(secret, path, Some(body.len()), body.into())).await).await
}

/// An app whose bodies may be as large as they may be by default.
async fn roomy() -> TestApp {
    TestApp::sqlite().await.patient(Patience::default())
}

/// A sound that does not say what it is.
fn sound(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

async fn whisper(app: &TestApp) -> Upstream {
    let upstream = Upstream::start(|| upstream::json(200, SPOKEN)).await;
    app.model("whisper", &upstream.base_url).await;
    upstream
}

#[tokio::test]
async fn a_file_passes_byte_for_byte_wherever_its_model_is_named_and_however_large_it_is() {
    let app = roomy().await;
    let upstream = whisper(&app).await;
    let free = app.key(|_| ()).await;
    let limited = app.key(|spec| spec.limits.monthly_spend = crate::domain::credits::Credits::parse("1000000")).await;
    for size in [10_usize, 9_000, 700_000] {
        let sound = sound(size);
        let file = ("file", Some("a.ogg"), sound.as_slice());
        let model = ("model", None, b"whisper".as_slice());
        for parts in [vec![model, file], vec![file, model], vec![("language", None, b"en"), file, model]] {
            for (key, path) in [(&free, "/v1/audio/transcriptions"), (&limited, "/v1/audio/translations")] {
                let body = form(&parts);
                let answer = match parts.len() {
                    3 => chunked(&app, &key.secret, path, body.clone()).await,
                    _ => send(&app, &key.secret, path, body.clone()).await,
                };
                assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, SPOKEN), "{size}");
                // 20 x 2.50 + 5 x 10, per million.
                assert_eq!(answer.header("x-tollgate-cost"), "0.000100000");
                let asked = upstream.asked().pop().expect("asked");
                let renamed: Vec<Part> = parts
                    .iter()
                    .map(|part| if part.0 == "model" { ("model", None, b"upstream-model".as_slice()) } else { *part })
                    .collect();
                assert!(asked.body == form(&renamed), "{size}");
                assert_eq!(asked.path, path);
                let type_and_length = ["content-type", "content-length"]
                    .map(|name| asked.headers[name].to_str().expect("text").to_owned());
                let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
                assert_eq!(type_and_length, [content_type, asked.body.len().to_string()]);
                assert_eq!(app.row(&answer).await.usage, Usage::new(20, 5));
            }
        }
    }
}

/// An upstream that says of each piece that it has arrived.
async fn listening() -> (String, mpsc::UnboundedReceiver<usize>) {
    async fn hear(State(heard): State<mpsc::UnboundedSender<usize>>, body: Body) -> axum::response::Response {
        let mut pieces = body.into_data_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            heard.send(piece.len()).expect("a listener");
        }
        upstream::json(200, SPOKEN)
    }
    let (heard, hearing) = mpsc::unbounded_channel();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let router = Router::new().route("/v1/audio/transcriptions", routing::post(hear)).with_state(heard);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base_url, hearing)
}

#[tokio::test]
async fn a_file_flows_to_its_upstream_while_the_client_is_still_sending_it() {
    let app = roomy().await;
    let (base_url, mut hearing) = listening().await;
    app.model("whisper", &base_url).await;
    let free = app.key(|_| ()).await;
    let limited = app.key(|spec| spec.limits.monthly_spend = crate::domain::credits::Credits::parse("1000000")).await;
    let (before, after) = (sound(20_000), sound(30_000));
    let sound = [before.clone(), after].concat();
    let body = form(&[("model", None, b"whisper"), ("file", Some("a.ogg"), &sound)]);
    for key in [&free, &limited] {
        let (client, arriving) = upstream::by_hand();
        let sending = async {
            client.send(Ok(Bytes::from(body[..before.len()].to_vec()))).expect("a gate");
            let first = hearing.recv().await.expect("a piece");
            assert!(first <= before.len() + 64);
            client.send(Ok(Bytes::from(body[before.len()..].to_vec()))).expect("a gate");
            drop(client);
        };
        let path = "/v1/audio/transcriptions";
        let (answer, ()) = tokio::join!(app.send(request(&key.secret, path, Some(body.len()), arriving)), sending);
        assert_eq!(Answer::read(answer).await.body, SPOKEN);
        while hearing.try_recv().is_ok() {}
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_or_sends_too_much_is_told_so_and_charged_nothing() {
    let app = TestApp::sqlite().await;
    let (base_url, _hearing) = listening().await;
    app.model("whisper", &base_url).await;
    let key = app.key(|_| ()).await;
    let whole = form(&[("model", None, b"whisper"), ("file", Some("a.ogg"), &sound(200_000))]);
    let twice = form(&[("model", None, b"whisper"), ("file", Some("a.ogg"), &sound(9_000)), ("model", None, b"other")]);
    let cut = || std::io::Error::other("gone");
    for (pieces, status, code) in [
        (vec![Ok(whole[..20_000].to_vec()), Err(cut())], 400, "invalid_body"),
        (vec![Ok(whole[..20_000].to_vec())], 400, "invalid_body"),
        (whole.chunks(10_000).map(|piece| Ok(piece.to_vec())).collect(), 413, "body_too_large"),
        (twice.chunks(8_000).map(|piece| Ok(piece.to_vec())).collect(), 400, "invalid_body"),
    ] {
        let (client, arriving) = upstream::by_hand();
        for piece in pieces {
            client.send(piece.map(Bytes::from)).expect("a gate");
        }
        drop(client);
        let answer = app.send(request(&key.secret, "/v1/audio/transcriptions", Some(whole.len()), arriving)).await;
        let answer = Answer::read(answer).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{}", answer.body);
        let row = app.row(&answer).await;
        assert_eq!((row.cost.nanos(), row.usage), (0, Usage::default()));
    }
}

#[tokio::test]
async fn a_file_that_has_flowed_away_goes_to_no_other_provider_and_one_that_is_kept_does() {
    let app = roomy().await;
    let down = Upstream::start(|| upstream::json(500, "{}")).await;
    let up = whisper(&app).await;
    app.model("down", &down.base_url).await;
    let mut model = (*app.gateway.model("down").expect("a model")).clone();
    let mut other = app.gateway.model("whisper").expect("a model").routes[0].clone();
    other.priority = 9;
    model.routes.push(other);
    app.gateway.edit_model(&app.admin, "down", model).await.expect("edited");
    let key = app.key(|_| ()).await;
    let sound = sound(9_000);
    let (model, file) = (("model", None, b"down".as_slice()), ("file", Some("a.ogg"), sound.as_slice()));
    let (client, arriving) = upstream::by_hand();
    let body = form(&[model, file]);
    body.chunks(6_000).for_each(|piece| client.send(Ok(Bytes::copy_from_slice(piece))).expect("a gate"));
    drop(client);
    let flowed = app.send(request(&key.secret, "/v1/audio/transcriptions", Some(body.len()), arriving)).await;
    let flowed = Answer::read(flowed).await;
    assert_eq!((flowed.status.as_u16(), up.asked().len()), (502, 0));
    assert_eq!(app.row(&flowed).await.cost.nanos(), 0);
    let kept = send(&app, &key.secret, "/v1/audio/transcriptions", form(&[file, model])).await;
    assert_eq!((kept.status.as_u16(), up.asked().len(), down.asked().len()), (200, 1, 2));
    assert_eq!(app.row(&kept).await.attempts.len(), 2);
}

#[tokio::test]
async fn what_is_no_form_or_names_no_model_is_refused() {
    let app = TestApp::sqlite().await;
    whisper(&app).await;
    let key = app.key(|_| ()).await;
    let file = ("file", Some("a.ogg"), b"abc".as_slice());
    let unended = form(&[("model", None, b"whisper"), file]);
    let unended = unended[..unended.len() - 6].to_vec();
    for (body, param) in [
        (form(&[file]), json!("model")),
        (form(&[file, ("model", Some("m"), b"whisper")]), json!(null)),
        (form(&[file, ("model", None, b"whisper"), ("model", None, b"whisper")]), json!(null)),
        (form(&[file, ("model", None, b"\xff")]), json!("model")),
        (form(&[file, ("model", None, b"whisper"), ("stream", None, b"perhaps")]), json!("stream")),
        (unended, json!(null)),
        (b"{}".to_vec(), json!(null)),
    ] {
        let answer = send(&app, &key.secret, "/v1/audio/transcriptions", body).await;
        let error = answer.json()["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_body"), &param), "{error}");
    }
    let unknown = send(&app, &key.secret, "/v1/audio/transcriptions", form(&[file, ("model", None, b"nobody")])).await;
    assert_eq!(unknown.code(), "model_not_found");
}

#[tokio::test]
async fn images_are_edited_as_forms_at_azure_too_and_their_usage_is_read() {
    let app = TestApp::sqlite().await;
    let text = r#"{"data":[{"b64_json":"AAAA"}],"usage":{"input_tokens":300,"output_tokens":272}}"#;
    let upstream = Upstream::start(move || upstream::json(200, text)).await;
    let base = upstream.base_url.strip_suffix("/v1").expect("a version").to_owned();
    app.model_of(ProviderKind::Azure, "painter", "dep", &base).await;
    let key = app.key(|_| ()).await;
    let picture = sound(6_000);
    let file = ("image[]", Some("a.png"), picture.as_slice());
    let body = form(&[("model", None, b"painter"), ("prompt", None, b"a hat"), file, file, ("n", None, b"2")]);
    let answer = send(&app, &key.secret, "/v1/images/edits", body).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, text));
    let asked = &upstream.asked()[0];
    assert_eq!(asked.path, "/openai/deployments/dep/images/edits?api-version=2025-04-01-preview");
    assert!(String::from_utf8_lossy(&asked.body).contains("\r\n\r\ndep\r\n"));
    let row = app.row(&answer).await;
    let units = Units { images: 1, ..Units::NONE };
    assert_eq!(row.usage, Usage { units, ..Usage::new(300, 272) });
    assert_eq!(row.usage_source, Some(UsageSource::Upstream));
}

#[tokio::test]
async fn the_built_in_provider_hears_what_a_file_is_called() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(1_000)).await;
    let file = ("file", Some("good_morning all.wav"), b"RIFF".as_slice());
    let model = ("model", None, b"tollgate/echo".as_slice());
    let path = "/v1/audio/transcriptions";
    let answer = send(&app, &key.secret, path, form(&[model, file])).await;
    assert_eq!((answer.json()["text"].as_str(), app.row(&answer).await.usage.output), (Some("good morning all"), 3));
    let format = ("response_format", None, b"text".as_slice());
    let answer = send(&app, &key.secret, path, form(&[file, format, model])).await;
    assert_eq!(
        (answer.body.as_str(), answer.header("content-type")),
        ("good morning all\n", "text/plain; charset=utf-8")
    );
    assert_eq!(app.row(&answer).await.usage.output, 3);
    let stream = ("stream", None, b"true".as_slice());
    let answer = send(&app, &key.secret, path, form(&[stream, model, file])).await;
    assert_eq!(answer.body.matches("transcript.text.delta\ndata").count(), 3, "{}", answer.body);
    assert_eq!((app.row(&answer).await.usage.output, app.first_meter(&key).await), (3, (9, 0)));
    let edited = send(
        &app,
        &key.secret,
        "/v1/images/edits",
        form(&[model, ("prompt", None, b"a b"), ("image", Some("a.png"), b"x")]),
    );
    assert_eq!(edited.await.json()["usage"]["total_tokens"], 3);
}

#[tokio::test]
async fn what_was_heard_in_one_file_is_never_answered_for_another() {
    let app = TestApp::sqlite().await;
    let upstream = whisper(&app).await;
    let key = app.key(|spec| spec.cache_ttl_seconds = Some(600)).await;
    for sound in [b"one", b"two"] {
        let body = form(&[("model", None, b"whisper"), ("file", Some("a.ogg"), sound.as_slice())]);
        let answer = send(&app, &key.secret, "/v1/audio/transcriptions", body).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-tollgate-cache")), (200, ""));
    }
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn whoever_breaks_off_after_the_end_of_its_form_has_sent_it_and_pays() {
    let app = TestApp::sqlite().await;
    let (base_url, _hearing) = listening().await;
    app.model("whisper", &base_url).await;
    let key = app.key(|_| ()).await;
    let whole = form(&[("model", None, b"whisper"), ("file", Some("a.ogg"), &sound(20_000))]);
    let (client, arriving) = upstream::by_hand();
    whole.chunks(10_000).for_each(|piece| client.send(Ok(Bytes::copy_from_slice(piece))).expect("a gate"));
    client.send(Err(std::io::Error::other("gone"))).expect("a gate");
    drop(client);
    // It declared more than it has sent.
    let answer = app.send(request(&key.secret, "/v1/audio/transcriptions", Some(whole.len() + 9), arriving)).await;
    let answer = Answer::read(answer).await;
    assert_eq!((answer.status.as_u16(), app.row(&answer).await.cost.nanos() > 0), (502, true), "{}", answer.body);
}
