//! What is no chat: completions, embeddings, moderations, rerank and images live the life of any call.

use crate::domain::model::Route;
use crate::domain::provider::ProviderKind;
use crate::domain::usage::{Usage, UsageSource};
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use serde_json::{Value, json};

async fn ask(app: &TestApp, secret: &str, path: &str, body: Value) -> Answer {
    Answer::read(app.post(secret, path, body.to_string()).await).await
}

fn sent(upstream: &Upstream) -> Value {
    serde_json::from_slice(&upstream.asked().pop().expect("asked").body).expect("JSON")
}

/// Path, request, answer, and what the answer costs at 2.50 a million tokens in and 10 out.
const CALLS: [(&str, &str, &str, &str); 7] = [
    (
        "/v1/completions",
        r#"{"model":"m", "prompt":"Once",  "max_tokens":7}"#,
        r#"{ "object":"text_completion","choices":[{"text":" upon"}],"usage":{"prompt_tokens":100,"completion_tokens":10} }"#,
        "0.000350000",
    ),
    (
        "/v1/embeddings",
        r#"{"input":["a","b"],"model":"m","encoding_format":"base64"}"#,
        r#"{"object":"list","data":[{"embedding":"AAAA"}],"usage":{"prompt_tokens":100,"total_tokens":100}}"#,
        "0.000250000",
    ),
    (
        "/v1/moderations",
        r#"{"input":"a","model":"m"}"#,
        r#"{"results":[{"flagged":false}],"usage":{"total_tokens":100}}"#,
        "0.000250000",
    ),
    (
        "/v1/rerank",
        r#"{"model":"m","query":"q","documents":["a",{"text":"b"}]}"#,
        r#"{"results":[{"index":1,"relevance_score":0.5}],"usage":{"total_tokens":100}}"#,
        "0.000250000",
    ),
    (
        "/v1/rerank",
        r#"{"model":"m","query":"q","documents":[]}"#,
        r#"{"results":[],"meta":{"tokens":{"input_tokens":100},"billed_units":{"search_units":1}}}"#,
        "0.000250000",
    ),
    (
        "/v1/images/generations",
        r#"{"model":"m","prompt":"a cat","n":2}"#,
        r#"{"created":1,"data":[{"b64_json":"AAAA"}],"usage":{"input_tokens":100,"output_tokens":10,"input_tokens_details":{"text_tokens":100,"image_tokens":0}}}"#,
        "0.000350000",
    ),
    (
        "/v1/images/edits",
        r#"{"model":"m","prompt":"a cat","images":[{"image_url":"https://example.com/a.png"}]}"#,
        r#"{"created":1,"data":[],"usage":{"input_tokens":100,"output_tokens":10}}"#,
        "0.000350000",
    ),
];

#[tokio::test]
async fn each_service_is_passed_through_byte_for_byte_and_charged_what_it_used() {
    on_both(|app| async move {
        for (number, (path, request, answer, cost)) in CALLS.into_iter().enumerate() {
            let upstream = Upstream::start(move || upstream::json(200, answer)).await;
            let model = format!("m{number}");
            app.model(&model, &upstream.base_url).await;
            let key = app.key(|spec| spec.endpoints = vec![path.to_owned()]).await;
            let request = request.replace("\"m\"", &format!("\"{model}\""));
            let got = Answer::read(app.post(&key.secret, path, request.clone()).await).await;
            assert_eq!((got.status.as_u16(), got.body.as_str()), (200, answer), "{path}");
            assert_eq!(
                (got.header("x-tollgate-cost"), got.header("x-content-type-options")),
                (cost, "nosniff"),
                "{path}"
            );
            let asked = &upstream.asked()[0];
            assert_eq!(
                (asked.path.as_str(), asked.headers["authorization"].to_str().ok()),
                (path, Some("Bearer sk-upstream-secret"))
            );
            assert_eq!(asked.body, request.replace(&format!("\"{model}\""), "\"upstream-model\""), "{path}");
            let row = app.row(&got).await;
            assert_eq!((row.arrival.endpoint.as_str(), row.usage_source), (path, Some(UsageSource::Upstream)));
            // Another path is closed to it.
            let other = ask(&app, &key.secret, "/v1/audio/speech", json!({ "model": model, "input": "a" })).await;
            assert_eq!(other.code(), "endpoint_not_allowed");
        }
    })
    .await;
}

#[tokio::test]
async fn at_azure_each_service_is_a_part_of_its_deployment() {
    let app = TestApp::sqlite().await;
    for (service, version) in
        [("embeddings", "2024-10-21"), ("images/generations", "2024-10-21"), ("audio/speech", "2025-04-01-preview")]
    {
        let upstream = Upstream::start(|| upstream::json(200, "{}")).await;
        let base = upstream.base_url.strip_suffix("/v1").expect("a version").to_owned();
        app.model_of(ProviderKind::Azure, service, "dep", &base).await;
        let key = app.key(|_| ()).await;
        let body = json!({ "model": service, "input": "a", "prompt": "a", "voice": "alloy" });
        assert_eq!(ask(&app, &key.secret, &format!("/v1/{service}"), body).await.status, 200);
        let asked = &upstream.asked()[0];
        assert_eq!(asked.path, format!("/openai/deployments/dep/{service}?api-version={version}"));
        assert_eq!(asked.headers["api-key"], "sk-upstream-secret");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_serve_an_endpoint_is_passed_over_and_named_where_it_is_the_only_one() {
    let app = TestApp::sqlite().await;
    let claude = Upstream::start(|| upstream::json(200, "{}")).await;
    app.model_of(ProviderKind::Anthropic, "claude", "claude-x", &claude.base_url).await;
    let key = app.key(|spec| spec.limits.rpm = Some(5)).await;
    let body = json!({ "model": "claude", "input": "a" });
    let answer = ask(&app, &key.secret, "/v1/embeddings", body.clone()).await;
    let error = answer.json()["error"].clone();
    assert_eq!(
        (answer.status.as_u16(), &error["code"], &error["param"]),
        (400, &json!("invalid_body"), &json!("model"))
    );
    assert!(error["message"].as_str().is_some_and(|text| text.contains("/v1/embeddings")), "{error}");
    assert_eq!(app.first_meter(&key).await, (0, 0));
    let other = Upstream::start(|| upstream::json(200, CALLS[1].2)).await;
    app.model("other", &other.base_url).await;
    let mut model = (*app.gateway.model("claude").expect("a model")).clone();
    let route = app.gateway.model("other").expect("a model").routes[0].clone();
    model.routes.push(Route { priority: 9, ..route });
    app.gateway.edit_model(&app.admin, "claude", model).await.expect("edited");
    assert_eq!(ask(&app, &key.secret, "/v1/embeddings", body).await.status, 200);
    assert_eq!((claude.asked().len(), other.asked().len()), (0, 1));
}

#[tokio::test]
async fn what_is_malformed_is_refused_with_the_field_named() {
    let app = TestApp::sqlite().await;
    let key = app.key(|_| ()).await;
    for (path, body, param) in [
        ("/v1/completions", r#"{"model":"tollgate/echo","prompt":{"a":1}}"#, json!("prompt")),
        ("/v1/completions", r#"{"model":"tollgate/echo","prompt":"a","n":0}"#, json!("n")),
        ("/v1/completions", r#"{"model":"tollgate/echo","prompt":"a","max_tokens":"many"}"#, json!("max_tokens")),
        ("/v1/embeddings", r#"{"model":"tollgate/echo"}"#, json!("input")),
        ("/v1/embeddings", r#"{"input":"a"}"#, json!("model")),
        ("/v1/rerank", r#"{"model":"tollgate/echo","documents":[]}"#, json!("query")),
        ("/v1/rerank", r#"{"model":"tollgate/echo","query":"a","documents":"b"}"#, json!("documents")),
        ("/v1/images/generations", r#"[1]"#, json!(null)),
        ("/v1/images/generations", r#"{"model":"tollgate/echo","prompt":"a","n":1000}"#, json!("n")),
        ("/v1/audio/speech", r#"{"model":"tollgate/echo"}"#, json!("input")),
        ("/v1/audio/transcriptions", r#"{"model":"tollgate/echo"}"#, json!(null)),
    ] {
        let answer = Answer::read(app.post(&key.secret, path, body).await).await;
        let error = answer.json()["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_body"), &param), "{path} {body}");
    }
    let unknown = ask(&app, &key.secret, "/v1/moderations", json!({ "input": "a" })).await;
    // OpenAI's own default, which is not in this catalog.
    assert_eq!(unknown.code(), "model_not_found");
}

#[tokio::test]
async fn a_completion_is_held_for_all_its_answers_and_bound_to_them() {
    let app = TestApp::sqlite().await;
    let upstream = Upstream::start(|| upstream::json(200, CALLS[0].2)).await;
    app.model_at("m", "llama", &upstream.base_url).await;
    let free = app.key(|_| ()).await;
    let body = json!({ "model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 3 });
    assert_eq!(ask(&app, &free.secret, "/v1/completions", body.clone()).await.status, 200);
    assert_eq!(sent(&upstream).get("max_tokens"), None);
    // 16 tokens for each of two prompts' three answers.
    let capped = app.key(|spec| spec.limits.max_tokens_per_request = Some(96)).await;
    assert_eq!(ask(&app, &capped.secret, "/v1/completions", body.clone()).await.status, 200);
    assert_eq!(sent(&upstream)["max_tokens"], 16);
    let short = app.key(|spec| spec.limits.max_tokens_per_request = Some(95)).await;
    assert_eq!(ask(&app, &short.secret, "/v1/completions", body).await.code(), "max_tokens_exceeds_key_limit");
    // Tokens are counted already: four of them, what a tokenizer may write around, and the answer.
    for (max, status) in [(4 + 8 + 1, 200), (4 + 8, 402)] {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(max)).await;
        let body = json!({ "model": "m", "prompt": [1, 2, 3, 4], "max_tokens": 1 });
        assert_eq!(ask(&app, &key.secret, "/v1/completions", body).await.status.as_u16(), status, "{max}");
    }
}

#[tokio::test]
async fn an_embedding_near_its_limit_is_counted_by_its_models_own_tokenizer() {
    let app = TestApp::sqlite().await;
    let upstream =
        Upstream::start(|| upstream::json(200, r#"{"data":[],"usage":{"prompt_tokens":4,"total_tokens":4}}"#)).await;
    app.model_at("m", "text-embedding-3-small", &upstream.base_url).await;
    let body = json!({ "model": "m", "input": ["hello world", "hello world"], "dimensions": 8 });
    let fits = app.key(|spec| spec.limits.monthly_tokens = Some(4)).await;
    assert_eq!(ask(&app, &fits.secret, "/v1/embeddings", body.clone()).await.status, 200);
    assert_eq!(app.first_meter(&fits).await, (4, 0));
    let short = app.key(|spec| spec.limits.monthly_tokens = Some(3)).await;
    let answer = ask(&app, &short.secret, "/v1/embeddings", body).await;
    assert_eq!(
        (answer.code().as_str(), &answer.json()["error"]["tollgate"]["requested"]),
        ("quota_exceeded", &json!(4))
    );
    // Nobody can say what an image comes to, but a model takes no more than its context.
    let image = json!({ "model": "m", "input": [{ "image": "https://example.com/a.png" }] });
    assert_eq!(ask(&app, &short.secret, "/v1/embeddings", image.clone()).await.json()["error"]["param"], "input");
    let mut model = (*app.gateway.model("m").expect("a model")).clone();
    model.context_length = Some(8_192);
    app.gateway.edit_model(&app.admin, "m", model).await.expect("edited");
    let answer = ask(&app, &short.secret, "/v1/embeddings", image).await;
    assert_eq!(answer.json()["error"]["tollgate"]["requested"], 8_192);
}

#[tokio::test]
async fn a_streamed_completion_passes_untouched_and_its_usage_is_asked_for_and_withheld() {
    let app = TestApp::sqlite().await;
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";
    let text = format!(
        "data: {{\"choices\":[{{\"text\":\"a\"}}]}}\r\n\r\ndata: {{\"choices\":[{{\"text\":\"b\"}}]}}\n\n{usage}data: [DONE]\n\n"
    );
    let body = text.clone();
    let upstream = Upstream::start(move || upstream::events(body.clone())).await;
    app.model("m", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let answer =
        ask(&app, &key.secret, "/v1/completions", json!({ "model": "m", "prompt": "x", "stream": true })).await;
    assert_eq!(answer.body, text.replace(usage, ""));
    assert_eq!(sent(&upstream)["stream_options"]["include_usage"], true);
    let row = app.row(&answer).await;
    assert_eq!((row.usage, row.usage_source), (Usage::new(5, 2), Some(UsageSource::Upstream)));
}

#[tokio::test]
async fn streamed_images_pass_untouched_and_the_last_waits_for_the_books() {
    let app = TestApp::sqlite().await;
    let text = "event: image_generation.partial_image\ndata: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}\n\n\
        event: image_generation.completed\ndata: {\"type\":\"image_generation.completed\",\"b64_json\":\"AAAA\",\"usage\":{\"input_tokens\":5,\"output_tokens\":272}}\n\n";
    let upstream = Upstream::start(move || upstream::events(text)).await;
    app.model("m", &upstream.base_url).await;
    let key = app.key(|_| ()).await;
    let body = json!({ "model": "m", "prompt": "x", "stream": true, "partial_images": 1 });
    let answer = ask(&app, &key.secret, "/v1/images/generations", body).await;
    assert_eq!((answer.body.as_str(), answer.header("content-type")), (text, "text/event-stream; charset=utf-8"));
    let row = app.row(&answer).await;
    assert_eq!((row.usage.input, row.usage.output, row.usage_source), (5, 272, Some(UsageSource::Upstream)));
}

#[tokio::test]
async fn the_built_in_provider_serves_them_all_and_counts_words() {
    let app = TestApp::sqlite().await;
    let key = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let call = async |path: &str, mut body: Value| {
        body["model"] = json!("tollgate/echo");
        let answer = ask(&app, &key.secret, path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let usage = app.row(&answer).await.usage;
        (answer.json(), (usage.input, usage.output))
    };
    let (body, used) = call("/v1/completions", json!({ "prompt": ["one two three", "four"], "max_tokens": 2 })).await;
    assert_eq!(
        (&body["choices"][0]["text"], &body["choices"][0]["finish_reason"]),
        (&json!("one two"), &json!("length"))
    );
    assert_eq!((&body["choices"][1]["text"], used), (&json!("four"), (4, 3)));
    let (body, used) = call("/v1/embeddings", json!({ "input": ["a b", "b a", "c"] })).await;
    assert_eq!(body["data"][0]["embedding"].as_array().map(Vec::len), Some(8));
    assert_eq!((body["data"][0]["embedding"] == body["data"][1]["embedding"], used), (true, (5, 0)));
    assert_ne!(body["data"][0]["embedding"], body["data"][2]["embedding"]);
    let (body, _) = call("/v1/embeddings", json!({ "input": "a", "encoding_format": "base64", "dimensions": 3 })).await;
    assert_eq!(body["data"][0]["embedding"].as_str().map(str::len), Some(16));
    let (body, used) = call("/v1/moderations", json!({ "input": "quite harmless" })).await;
    assert_eq!((&body["results"][0]["flagged"], used), (&json!(false), (2, 0)));
    let documents = json!(["the cat sat", "a dog", "the dog sat down"]);
    let (body, used) = call("/v1/rerank", json!({ "query": "the dog", "documents": documents, "top_n": 2 })).await;
    let order: Vec<&Value> = body["results"].as_array().expect("a list").iter().map(|one| &one["index"]).collect();
    assert_eq!((order, used), (vec![&json!(2), &json!(0)], (11, 0)));
    let (body, used) = call("/v1/images/generations", json!({ "prompt": "a red square", "n": 2 })).await;
    assert!(body["data"][1]["b64_json"].as_str().is_some_and(|image| image.starts_with("iVBORw0KGgo")), "{body}");
    assert_eq!(used, (3, 2));
    assert_eq!(app.first_meter(&key).await.1, 0);
}
