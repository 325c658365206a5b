//! Callers of Anthropic's and Gemini's APIs: keys, shapes, refusals, headers, models; and upstreams that speak as they
//! do, whose bytes pass untouched.

use crate::domain::provider::ProviderKind;
use crate::domain::usage::{Usage, UsageSource};
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

/// A call of either dialect, with the key where that dialect's own client puts it.
async fn ask(app: &TestApp, header: &str, secret: &str, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).header(header, secret).header("content-type", "application/json");
    Answer::read(app.send(request.body(Body::from(body.to_string())).expect("a request")).await).await
}

fn message(text: &str) -> Value {
    json!({ "model": "tollgate/echo", "max_tokens": 20, "system": "be brief", "messages": [
        { "role": "user", "content": "unheard" }, { "role": "assistant", "content": "so" },
        { "role": "user", "content": [{ "type": "text", "text": text }] }] })
}

fn contents(text: &str) -> Value {
    json!({ "systemInstruction": { "parts": [{ "text": "be brief" }] },
        "contents": [{ "role": "user", "parts": [{ "text": text }] }] })
}

const GENERATE: &str = "/v1beta/models/tollgate/echo:generateContent";
const STREAM: &str = "/v1beta/models/tollgate/echo:streamGenerateContent";

#[tokio::test]
async fn echo_answers_callers_of_anthropics_api_and_its_words_are_its_tokens() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages", &message("one two three")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let id = answer.header("x-request-id").to_owned();
        let due = json!({ "id": format!("msg_{id}"), "type": "message", "role": "assistant", "model": "tollgate/echo",
            "content": [{ "type": "text", "text": "one two three" }], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": { "input_tokens": 7, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": 3 } });
        assert_eq!(answer.json(), due);
        // 7 words in at 1 credit a million, 3 out at 2.
        assert_eq!((answer.header("x-tollgate-cost"), answer.header("request-id")), ("0.000013000", id.as_str()));
        let row = app.row(&answer).await;
        assert_eq!((row.usage, row.arrival.dialect.as_str()), (Usage::new(7, 3), "anthropic"));
        assert_eq!(row.arrival.endpoint, "/v1/messages");
    })
    .await;
}

#[tokio::test]
async fn echo_streams_to_callers_of_anthropics_api_block_by_block() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let mut call = message("one two three");
    (call["stream"], call["max_tokens"]) = (json!(true), json!(2));
    let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages", &call).await;
    assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8");
    let names: Vec<&str> = answer.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let due = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(names, due, "{}", answer.body);
    assert!(answer.body.contains("\"stop_reason\":\"max_tokens\"") && answer.body.contains("\"output_tokens\":2"));
    assert_eq!(app.row(&answer).await.usage, Usage::new(7, 2));
}

#[tokio::test]
async fn echo_answers_callers_of_geminis_api_wherever_they_put_their_key() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let answer = ask(&app, "x-goog-api-key", &key.secret, GENERATE, &contents("one two three")).await;
    let body = answer.json();
    assert_eq!(body["candidates"][0]["content"]["parts"], json!([{ "text": "one two three" }]));
    let usage = json!({ "promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8 });
    assert_eq!((&body["candidates"][0]["finishReason"], &body["usageMetadata"]), (&json!("STOP"), &usage));
    let row = app.row(&answer).await;
    assert_eq!((row.usage, row.arrival.dialect.as_str()), (Usage::new(5, 3), "gemini"));
    assert_eq!(row.arrival.endpoint, "/v1beta/models/{model}:generateContent");
    // Google's newer clients leave the "beta" out, and a model's name may be written as a part of a path.
    let newer = GENERATE.replace("v1beta", "v1");
    assert_eq!(ask(&app, "x-goog-api-key", &key.secret, &newer, &contents("one")).await.status, 200);
    // Some take a name with a slash for the whole of the path.
    let whole = GENERATE.replace("/models", "");
    assert_eq!(ask(&app, "x-goog-api-key", &key.secret, &whole, &contents("one")).await.status, 200);
    let path = format!("/v1beta/models/tollgate%2Fecho:generateContent?key={}", key.secret);
    let answer = ask(&app, "x-unused", "", &path, &contents("one")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!serde_json::to_string(&app.row(&answer).await).expect("JSON").contains(&key.secret));
}

#[tokio::test]
async fn a_gemini_stream_is_events_where_it_is_asked_for_and_else_one_list() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    let events = ask(&app, "x-goog-api-key", &key.secret, &format!("{STREAM}?alt=sse"), &contents("one two")).await;
    assert_eq!(events.header("content-type"), "text/event-stream; charset=utf-8");
    let items: Vec<Value> = events
        .body
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let list = ask(&app, "x-goog-api-key", &key.secret, STREAM, &contents("one two")).await;
    assert_eq!(list.header("content-type"), "application/json");
    let listed = list.json();
    let said = |items: &[Value]| -> String {
        let parts = items.iter().filter_map(|item| item["candidates"][0]["content"]["parts"][0]["text"].as_str());
        parts.collect()
    };
    assert_eq!((said(&items), said(listed.as_array().expect("a list"))), ("one two".to_owned(), "one two".to_owned()));
    let last = items.last().expect("an item");
    assert_eq!(
        (&last["candidates"][0]["finishReason"], &last["usageMetadata"]["totalTokenCount"]),
        (&json!("STOP"), &json!(6))
    );
    assert_eq!(app.row(&list).await.usage, Usage::new(4, 2));
}

#[tokio::test]
async fn refusals_are_written_in_the_callers_dialect_with_the_same_story() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.rpm = Some(1)).await;
    assert_eq!(ask(&app, "x-api-key", &key.secret, "/v1/messages", &message("hi")).await.status, 200);
    let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages", &message("hi")).await;
    let body = answer.json();
    assert_eq!(
        (answer.status.as_u16(), &body["type"], &body["error"]["type"]),
        (429, &json!("error"), &json!("rate_limit_error"))
    );
    assert_eq!(
        (&body["error"]["code"], &body["error"]["tollgate"]["limit"]),
        (&json!("rate_limit_exceeded"), &json!("rpm"))
    );
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("anthropic-ratelimit-requests-limit"), "1");
    assert_eq!(answer.header("x-ratelimit-limit-requests"), "");
    let answer = ask(&app, "x-goog-api-key", &key.secret, GENERATE, &contents("hi")).await;
    let error = answer.json()["error"].clone();
    assert_eq!((&error["code"], &error["status"]), (&json!(429), &json!("RESOURCE_EXHAUSTED")));
    assert_eq!(
        (&error["details"][0]["reason"], &error["tollgate"]["limit"]),
        (&json!("rate_limit_exceeded"), &json!("rpm"))
    );
    let free = app.key(|_| ()).await;
    for (path, body, status, kind) in [
        ("/v1/messages", json!({ "model": "nobody", "messages": [] }), 404, "not_found_error"),
        ("/v1/messages", json!({ "model": "tollgate/echo", "messages": 7 }), 400, "invalid_request_error"),
        (
            "/v1/messages",
            json!({ "model": "tollgate/echo", "messages": [], "max_tokens": "x" }),
            400,
            "invalid_request_error",
        ),
        ("/v1beta/models/nobody:generateContent", json!({ "contents": [] }), 404, "NOT_FOUND"),
        (GENERATE, json!({ "contents": 7 }), 400, "INVALID_ARGUMENT"),
        (GENERATE, json!([]), 400, "INVALID_ARGUMENT"),
        ("/v1beta/models/tollgate/echo:sing", json!({}), 404, "NOT_FOUND"),
    ] {
        let answer = ask(&app, "x-api-key", &free.secret, path, &body).await;
        let error = answer.json()["error"].clone();
        let said = if path.starts_with("/v1beta") { &error["status"] } else { &error["type"] };
        assert_eq!((answer.status.as_u16(), said), (status, &json!(kind)), "{path} {body}");
    }
    let stranger = ask(&app, "x-api-key", "sk-tg-nobody", "/v1/messages", &message("hi")).await;
    assert_eq!(stranger.json()["error"]["type"], "authentication_error");
}

#[tokio::test]
async fn rates_are_told_to_callers_of_anthropics_api_in_its_headers_and_with_a_time() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| (spec.limits.rpm, spec.limits.tpm) = (Some(5), Some(1_000))).await;
    let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages", &message("one")).await;
    let told = |measure: &str| {
        ["limit", "remaining", "reset"].map(|fact| answer.header(&format!("anthropic-ratelimit-{measure}-{fact}")))
    };
    assert_eq!(told("requests"), ["5", "4", "2026-11-20T14:01:00Z"]);
    assert_eq!(told("tokens")[0], "1000");
}

#[tokio::test]
async fn models_are_listed_in_the_shape_of_whoever_asks() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.models = vec!["tollgate/echo".to_owned()]).await;
    let get = async |path: &str, more: Option<(&str, &str)>| {
        let mut request = Request::get(path).header("x-api-key", &key.secret);
        if let Some((name, value)) = more {
            request = request.header(name, value);
        }
        Answer::read(app.send(request.body(Body::empty()).expect("a request")).await).await
    };
    let anthropic = Some(("anthropic-version", "2023-06-01"));
    let list = get("/v1/models", anthropic).await.json();
    assert_eq!(
        (&list["data"][0]["type"], &list["first_id"], &list["has_more"]),
        (&json!("model"), &json!("tollgate/echo"), &json!(false))
    );
    assert_eq!(get("/v1/models/tollgate/echo", anthropic).await.json()["display_name"], "Echo");
    assert_eq!(get("/v1/models/tollgate/fill", anthropic).await.json()["error"]["type"], "not_found_error");
    let google = Some(("x-goog-api-key", key.secret.as_str()));
    assert_eq!(get("/v1/models", google).await.json()["models"][0]["name"], "models/tollgate/echo");
    let list = get("/v1beta/models", None).await.json();
    assert_eq!(
        (list["models"].as_array().map(Vec::len), &list["models"][0]["name"]),
        (Some(1), &json!("models/tollgate/echo"))
    );
    assert_eq!(get("/v1beta/models/tollgate/echo", None).await.json()["displayName"], "Echo");
    assert_eq!(get("/v1beta/models/nobody", None).await.json()["error"]["status"], "NOT_FOUND");
    assert_eq!(get("/v1beta/models", Some(("x-none", "1"))).await.status, 200);
}

#[tokio::test]
async fn tokens_are_counted_for_nothing_here_or_by_the_provider_and_it_is_said_by_whom() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(3)).await;
    let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages/count_tokens", &message("one two")).await;
    assert_eq!((answer.json(), answer.header("x-tollgate-counted-by")), (json!({ "input_tokens": 6 }), "gateway"));
    let upstream = Upstream::start(|| upstream::json(200, r#"{ "input_tokens": 42 }"#)).await;
    app.model_of(ProviderKind::Anthropic, "claude", "claude-x", &upstream.base_url).await;
    let body = json!({ "model": "claude", "messages": [] });
    let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages/count_tokens", &body).await;
    assert_eq!(
        (answer.body.as_str(), answer.header("x-tollgate-counted-by")),
        (r#"{ "input_tokens": 42 }"#, "provider")
    );
    assert_eq!(upstream.asked()[0].body, r#"{"messages":[],"model":"claude-x"}"#);
    assert_eq!(upstream.asked()[0].headers["x-api-key"], "sk-upstream-secret");
    assert_eq!((answer.header("x-tollgate-cost"), app.first_meter(&key).await), ("0.000000000", (0, 0)));
}

#[tokio::test]
async fn bytes_pass_untouched_between_a_caller_and_an_upstream_that_both_speak_anthropics_api() {
    on_both(|app| async move {
        let text = r#"{ "type":"message", "content":[{"type":"text", "text":"hi"}], "odd": 1e3,
            "usage":{"input_tokens":60,"cache_read_input_tokens":40,"cache_creation_input_tokens":0,"output_tokens":10} }"#;
        let upstream = Upstream::start(move || upstream::json(200, text)).await;
        app.model_of(ProviderKind::Anthropic, "claude", "claude-x", &upstream.base_url).await;
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
        let body = r#"{"model":"claude","max_tokens":  50,"messages":[],"unheard_of":[1,  2]}"#;
        let request = Request::post("/v1/messages").header("x-api-key", &key.secret).header("anthropic-beta", "new-1");
        let answer = Answer::read(app.send(request.body(Body::from(body)).expect("a request")).await).await;
        assert_eq!(answer.body, text);
        // 60 x 2.50 + 40 x 1.25 + 10 x 10, per million.
        assert_eq!(answer.header("x-tollgate-cost"), "0.000300000");
        let asked = &upstream.asked()[0];
        assert_eq!((asked.path.as_str(), &asked.body[..]), ("/v1/messages", body.replace("\"claude\"", "\"claude-x\"").as_bytes()));
        assert_eq!(asked.headers["x-api-key"], "sk-upstream-secret");
        assert_eq!(asked.headers["anthropic-beta"], "new-1");
        assert_eq!(asked.headers["anthropic-version"], "2023-06-01");
        let usage = Usage { input: 100, cached_input: 40, output: 10, reasoning: 0, ..Usage::default() };
        assert_eq!((app.row(&answer).await.usage, app.first_meter(&key).await), (usage, (110, 0)));
    })
    .await;
}

const CLAUDE: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n\
event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
event: ping\ndata: {\"type\": \"ping\"}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n\
event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

const GEMINI: &str = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"hel\"}],\"role\": \"model\"}}],\"usageMetadata\": {\"promptTokenCount\": 9}}\r\n\r\n\
data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"lo\"}],\"role\": \"model\"},\"finishReason\": \"STOP\"}],\"usageMetadata\": {\"promptTokenCount\": 9,\"candidatesTokenCount\": 4,\"thoughtsTokenCount\": 3}}\r\n\r\n";

#[tokio::test]
async fn streams_pass_untouched_and_are_charged_by_what_their_last_events_say() {
    on_both(|app| async move {
        let upstream = Upstream::start(|| upstream::events(CLAUDE)).await;
        app.model_of(ProviderKind::Anthropic, "claude", "claude-x", &upstream.base_url).await;
        let google = Upstream::start(|| upstream::events(GEMINI)).await;
        app.model_of(ProviderKind::Gemini, "flash", "gemini-x", &google.base_url).await;
        let key = app.key(|_| ()).await;
        let call = json!({ "model": "claude", "max_tokens": 9, "stream": true, "messages": [] });
        let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages", &call).await;
        assert_eq!(answer.body, CLAUDE);
        let row = app.row(&answer).await;
        assert_eq!((row.usage, row.usage_source), (Usage::new(9, 7), Some(UsageSource::Upstream)));
        let path = "/v1beta/models/flash:streamGenerateContent?alt=sse";
        let answer = ask(&app, "x-goog-api-key", &key.secret, path, &json!({ "contents": [] })).await;
        assert_eq!(answer.body, GEMINI);
        let asked = &google.asked()[0];
        assert_eq!(asked.path, "/v1/models/gemini-x:streamGenerateContent?alt=sse");
        assert_eq!(asked.headers["x-goog-api-key"], "sk-upstream-secret");
        assert_eq!(asked.body, r#"{"contents":[]}"#);
        let row = app.row(&answer).await;
        assert_eq!(row.usage, Usage { input: 9, cached_input: 0, output: 7, reasoning: 3, ..Usage::default() });
        assert_eq!(row.usage_source, Some(UsageSource::Upstream));
    })
    .await;
}

#[tokio::test]
async fn a_stream_without_its_bill_is_estimated_and_one_that_breaks_says_so_in_the_callers_dialect() {
    let app = TestApp::sqlite().await;
    let cut: String = CLAUDE.split_inclusive("\n\n").take(4).collect();
    let upstream = Upstream::start(move || upstream::events(cut.clone())).await;
    app.model_of(ProviderKind::Anthropic, "claude", "claude-x", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let call = json!({ "model": "claude", "max_tokens": 9, "stream": true, "messages": [] });
    let answer = ask(&app, "x-api-key", &key.secret, "/v1/messages", &call).await;
    let row = app.row(&answer).await;
    // The input was said, the output was not: two tokens of five letters.
    assert_eq!((row.usage, row.usage_source), (Usage::new(9, 2), Some(UsageSource::Estimated)));
    for (kind, name, path, body, last) in [
        (
            ProviderKind::Anthropic,
            "c",
            "/v1/messages",
            json!({ "model": "c", "max_tokens": 9, "stream": true, "messages": [] }),
            "event: error\ndata: {\"error\":{\"code\":\"upstream_failed\"",
        ),
        (
            ProviderKind::Gemini,
            "g",
            "/v1beta/models/g:streamGenerateContent?alt=sse",
            json!({ "contents": [] }),
            "data: {\"error\":{\"code\":502",
        ),
    ] {
        let (send, body_by_hand) = upstream::by_hand();
        let held = std::sync::Mutex::new(Some(body_by_hand));
        let upstream =
            Upstream::start(move || upstream::events(held.lock().expect("whole").take().expect("one call"))).await;
        app.model_of(kind, name, "up", &upstream.base_url).await;
        send.send(Ok("data: {}\n\n".into())).expect("open");
        let request = Request::post(path).header("x-api-key", &key.secret).body(Body::from(body.to_string()));
        let mut response = app.send(request.expect("a request")).await;
        http_body_util::BodyExt::frame(response.body_mut()).await.expect("open").expect("whole");
        send.send(Err(std::io::Error::other("cut"))).expect("open");
        let rest = Answer::read(response).await;
        assert!(rest.body.starts_with(last), "{}", rest.body);
    }
}
