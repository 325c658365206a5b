//! Calls that are carried over to a provider which speaks otherwise: what is bound, what is refused, what is left out,
//! how complaints and broken streams are told, and what becomes of a mixed model.

use crate::domain::credits::Credits;
use crate::domain::model::Route;
use crate::domain::provider::ProviderKind;
use crate::domain::usage::UsageSource;
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use serde_json::{Value, json};

const CLAUDE: &str = r#"{"type":"message","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn",
    "usage":{"input_tokens":5,"output_tokens":2}}"#;

async fn claude(app: &TestApp, name: &str, status: u16, text: &'static str) -> Upstream {
    let upstream = Upstream::start(move || upstream::json(status, text)).await;
    app.model_of(ProviderKind::Anthropic, name, "claude-x", &upstream.base_url).await;
    upstream
}

fn chat(model: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": "hello" }] })
}

fn sent(upstream: &Upstream) -> Value {
    serde_json::from_slice(&upstream.asked().pop().expect("asked").body).expect("JSON")
}

#[tokio::test]
async fn a_provider_that_must_be_told_a_bound_is_told_one_whoever_asks() {
    let app = TestApp::sqlite().await;
    let upstream = claude(&app, "claude", 200, CLAUDE).await;
    let free = app.key(|_| ()).await;
    let answer = app.chat(&free.secret, chat("claude")).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "hi");
    assert_eq!(sent(&upstream)["max_tokens"], 4_096);
    let capped = app.key(|spec| spec.limits.max_tokens_per_request = Some(77)).await;
    app.chat(&capped.secret, chat("claude")).await;
    assert_eq!(sent(&upstream)["max_tokens"], 77);
    // Nothing is bound where nothing must be.
    let google =
        Upstream::start(|| upstream::json(200, r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]}"#))
            .await;
    app.model_of(ProviderKind::Gemini, "flash", "gemini-x", &google.base_url).await;
    app.chat(&free.secret, chat("flash")).await;
    assert_eq!(sent(&google).get("generationConfig"), None);
    let answer = app.chat(&capped.secret, chat("flash")).await;
    assert_eq!(sent(&google)["generationConfig"]["maxOutputTokens"], 77);
    // It has not said what it used.
    assert_eq!(app.row(&answer).await.usage_source, Some(UsageSource::Estimated));
}

#[tokio::test]
async fn what_cannot_be_carried_over_is_refused_before_anything_is_held_and_hints_are_named() {
    on_both(|app| async move {
        let upstream = claude(&app, "claude", 200, CLAUDE).await;
        let key = app.key(|spec| spec.limits.rpm = Some(5)).await;
        let mut call = chat("claude");
        call["seed"] = json!(7);
        let answer = app.chat(&key.secret, call).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status.as_u16(), &error["code"], &error["param"]),
            (400, &json!("invalid_body"), &json!("seed"))
        );
        assert_eq!((upstream.asked().len(), app.first_meter(&key).await), (0, (0, 0)));
        assert_eq!(app.row(&answer).await.status, 400);
        let mut call = chat("claude");
        call["prompt_cache_key"] = json!("x");
        let answer = app.chat(&key.secret, call).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-tollgate-left-out")), (200, "prompt_cache_key"));
    })
    .await;
}

#[tokio::test]
async fn of_a_mixed_model_the_way_that_can_be_told_everything_is_taken() {
    let app = TestApp::sqlite().await;
    let upstream = claude(&app, "gpt", 200, CLAUDE).await;
    let openai =
        Upstream::start(|| upstream::json(200, r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#))
            .await;
    app.model("other", &openai.base_url).await;
    let mut model = (*app.gateway.model("gpt").expect("a model")).clone();
    let second = app.gateway.model("other").expect("a model").routes[0].clone();
    model.routes.push(Route { priority: 1, ..second });
    app.gateway.edit_model(&app.admin, "gpt", model).await.expect("edited");
    let key = app.key(|_| ()).await;
    app.chat(&key.secret, chat("gpt")).await;
    assert_eq!((upstream.asked().len(), openai.asked().len()), (1, 0));
    let mut call = chat("gpt");
    call["seed"] = json!(7);
    app.chat(&key.secret, call).await;
    assert_eq!((upstream.asked().len(), openai.asked().len()), (1, 1));
}

#[tokio::test]
async fn a_failing_providers_next_speaks_otherwise_and_the_caller_never_notices() {
    let app = TestApp::sqlite().await;
    claude(&app, "gpt", 529, "{}").await;
    let google = Upstream::start(|| {
        let text = r#"{"candidates":[{"content":{"parts":[{"text":"hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}"#;
        upstream::json(200, text)
    })
    .await;
    app.model_of(ProviderKind::Gemini, "other", "gemini-x", &google.base_url).await;
    let mut model = (*app.gateway.model("gpt").expect("a model")).clone();
    let second = app.gateway.model("other").expect("a model").routes[0].clone();
    model.routes.push(Route { priority: 1, ..second });
    app.gateway.edit_model(&app.admin, "gpt", model).await.expect("edited");
    let key = app.key(|_| ()).await;
    let answer = app.chat(&key.secret, chat("gpt")).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "hi", "{}", answer.body);
    let row = app.row(&answer).await;
    assert_eq!((row.attempts.len(), row.usage.total()), (2, 4));
}

#[tokio::test]
async fn a_providers_complaint_is_told_in_the_callers_dialect_and_charged_nothing() {
    let app = TestApp::sqlite().await;
    claude(&app, "claude", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"too hot"}}"#)
        .await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let answer = app.chat(&key.secret, chat("claude")).await;
    let due =
        json!({ "error": { "message": "too hot", "type": "invalid_request_error", "code": null, "param": null } });
    assert_eq!((answer.status.as_u16(), answer.json()), (400, due));
    let body = json!({ "contents": [{ "parts": [{ "text": "hi" }] }] }).to_string();
    let answer = Answer::read(app.post(&key.secret, "/v1beta/models/claude:generateContent", body).await).await;
    let error = answer.json()["error"].clone();
    assert_eq!((&error["message"], &error["status"]), (&json!("too hot"), &json!("INVALID_ARGUMENT")));
    assert_eq!(app.first_meter(&key).await, (0, 0));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_passed_off_as_one_and_is_charged_what_it_says() {
    let app = TestApp::sqlite().await;
    claude(&app, "claude", 200, r#"{"usage":{"input_tokens":5,"output_tokens":2}}"#).await;
    let key = app.key(|_| ()).await;
    let answer = app.chat(&key.secret, chat("claude")).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "upstream_failed"));
    assert_eq!(app.row(&answer).await.usage.total(), 7);
}

#[tokio::test]
async fn a_stream_that_its_provider_breaks_off_ends_with_the_callers_own_error_event() {
    let app = TestApp::sqlite().await;
    let body = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n\
        event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let upstream = Upstream::start(move || upstream::events(body)).await;
    app.model_of(ProviderKind::Anthropic, "claude", "claude-x", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let mut call = chat("claude");
    call["stream"] = json!(true);
    let answer = app.chat(&key.secret, call).await;
    assert!(answer.body.contains("\"content\":\"hi\"") && answer.body.contains("Overloaded"), "{}", answer.body);
    assert_eq!(answer.body.matches("[DONE]").count(), 1);
    assert!(answer.body.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_stream_that_passes_the_cap_is_cut_in_every_dialect() {
    let app = TestApp::sqlite().await;
    let word = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}]}\n\n";
    let upstream = Upstream::start(move || upstream::events(word.repeat(200))).await;
    app.model_at("gpt", "gpt-4o", &upstream.base_url).await;
    let key = app.key(|spec| spec.limits.max_cost_per_request = Credits::parse("0.001")).await;
    let message = json!({ "model": "gpt", "max_tokens": 50, "stream": true, "messages": [] }).to_string();
    let answer = Answer::read(app.post(&key.secret, "/v1/messages", message).await).await;
    let last = answer.body.rsplit("event: ").next().unwrap_or_default().to_owned();
    assert!(last.starts_with("error\ndata: ") && last.contains("request_cost_exceeds_key_cap"), "{last}");
    let body = json!({ "contents": [], "generationConfig": { "maxOutputTokens": 50 } }).to_string();
    let answer = Answer::read(app.post(&key.secret, "/v1beta/models/gpt:streamGenerateContent", body).await).await;
    let items = answer.json();
    let last = items.as_array().and_then(|items| items.last()).expect("an item");
    assert_eq!(last["error"]["details"][0]["reason"], "request_cost_exceeds_key_cap");
    let row = app.row(&answer).await;
    assert!(row.cost <= Credits::parse("0.001").expect("money") && row.usage.output > 10);
}

#[tokio::test]
async fn images_to_claude_are_held_at_what_it_takes_for_one_and_documents_need_a_context_length() {
    let app = TestApp::sqlite().await;
    claude(&app, "claude", 200, CLAUDE).await;
    let block = |block: Value| {
        json!({ "model": "claude", "max_tokens": 10, "messages": [{ "role": "user", "content": [block] }] }).to_string()
    };
    let image = json!({ "type": "image", "source":
        { "type": "base64", "media_type": "image/png", "data": "A".repeat(20_000) } });
    let fits = app.key(|spec| spec.limits.monthly_tokens = Some(6_000)).await;
    assert_eq!(app.post(&fits.secret, "/v1/messages", block(image.clone())).await.status(), 200);
    let short = app.key(|spec| spec.limits.monthly_tokens = Some(4_700)).await;
    assert_eq!(app.post(&short.secret, "/v1/messages", block(image)).await.status(), 402);
    let document = json!({ "type": "document", "source": { "type": "url", "url": "https://example.com/a.pdf" } });
    assert_eq!(app.post(&fits.secret, "/v1/messages", block(document)).await.status(), 400);
    let search = json!({ "model": "claude", "max_tokens": 10, "messages": [],
        "tools": [{ "type": "web_search_20250305", "name": "web_search" }] });
    let answer = Answer::read(app.post(&fits.secret, "/v1/messages", search.to_string()).await).await;
    assert_eq!(answer.json()["error"]["param"], "tools");
}

#[tokio::test]
async fn who_wants_one_call_at_a_time_gets_one_from_a_provider_that_cannot_be_told() {
    let app = TestApp::sqlite().await;
    let call = |city: &str| json!({ "functionCall": { "name": "weather", "args": { "city": city } } });
    let parts = json!([{ "text": "Two: " }, call("Paris"), call("Rome")]);
    let usage = json!({ "promptTokenCount": 3, "candidatesTokenCount": 20 });
    let candidate = json!({ "content": { "role": "model", "parts": parts }, "finishReason": "STOP" });
    let answer = json!({ "candidates": [candidate], "usageMetadata": usage }).to_string();
    let streams = std::sync::Arc::new(std::sync::atomic::AtomicBool::default());
    let streamed = std::sync::Arc::clone(&streams);
    let google = Upstream::start(move || match streamed.load(std::sync::atomic::Ordering::Relaxed) {
        true => upstream::events(format!("data: {answer}\n\n")),
        false => upstream::json(200, &answer),
    })
    .await;
    app.model_of(ProviderKind::Gemini, "flash", "gemini-x", &google.base_url).await;
    let key = app.key(|_| ()).await;
    let mut call = chat("flash");
    call["tools"] = json!([{ "type": "function", "function": { "name": "weather" } }]);
    for (parallel, due) in [(true, 2), (false, 1)] {
        call["parallel_tool_calls"] = json!(parallel);
        for stream in [false, true] {
            call["stream"] = json!(stream);
            streams.store(stream, std::sync::atomic::Ordering::Relaxed);
            let answer = app.chat(&key.secret, call.clone()).await;
            let called = [answer.body.matches("Paris").count(), answer.body.matches("Rome").count()];
            assert_eq!((answer.status.as_u16(), called), (200, [1, due - 1]), "{}", answer.body);
            // It has written both, and that is what it costs.
            assert_eq!(app.row(&answer).await.usage.total(), 23);
        }
    }
}
