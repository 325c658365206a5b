//! Near a limit the input is counted; far from every limit nobody pays for a tokenizer.

use crate::domain::credits::Credits;
use crate::tests::app::{TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use serde_json::{Value, json};

/// The example of OpenAI's cookbook, "How to count tokens with tiktoken". The API itself counts 129 prompt tokens for
/// `gpt-4`, 124 for `gpt-4o`.
fn cookbook() -> Value {
    json!([
        { "role": "system", "content":
            "You are a helpful, pattern-following assistant that translates corporate jargon into plain English." },
        { "role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth." },
        { "role": "system", "name": "example_assistant", "content":
            "Things working well together will increase revenue." },
        { "role": "system", "name": "example_user", "content":
            "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage." },
        { "role": "system", "name": "example_assistant", "content":
            "Let's talk later when we're less busy about how to do better." },
        { "role": "user", "content":
            "This late pivot means we don't have time to boil the ocean for the client deliverable." },
    ])
}

/// An app with a model `gpt`, which the upstream knows by this name.
async fn with_model(app: &TestApp, upstream_model: &str) -> Upstream {
    let answer = r#"{"choices":[],"usage":{"prompt_tokens":124,"completion_tokens":10}}"#;
    let upstream = Upstream::start(move || upstream::json(200, answer)).await;
    app.model_at("gpt", upstream_model, &upstream.base_url).await;
    upstream
}

fn say(messages: Value) -> Value {
    json!({ "model": "gpt", "max_tokens": 10, "temperature": 0.5, "messages": messages })
}

#[tokio::test]
async fn a_budget_for_the_true_tokens_admits_the_call_and_one_token_less_does_not() {
    on_both(|app| async move {
        let _upstream = with_model(&app, "gpt-4o").await;
        let fits = app.key(|spec| spec.limits.monthly_tokens = Some(124 + 10)).await;
        assert_eq!(app.chat(&fits.secret, say(cookbook())).await.status, 200);
        assert_eq!(app.first_meter(&fits).await, (134, 0));
        let short = app.key(|spec| spec.limits.monthly_tokens = Some(124 + 10 - 1)).await;
        let answer = app.chat(&short.secret, say(cookbook())).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["tollgate"]["requested"]), (402, &json!(134)));
        assert_eq!(app.first_meter(&short).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn the_count_is_the_one_that_the_api_itself_reports() {
    let app = TestApp::sqlite().await;
    for (name, tokens) in [("gpt-4", 129), ("gpt-4o-mini", 124), ("openai/gpt-4.1", 124)] {
        let upstream = Upstream::start(|| upstream::json(500, "{}")).await;
        app.model_at(name, name, &upstream.base_url).await;
        let key = app.key(|spec| spec.limits.tpm = Some(20)).await;
        let mut call = say(cookbook());
        call["model"] = json!(name);
        let answer = app.chat(&key.secret, call).await;
        assert_eq!(answer.json()["error"]["tollgate"]["requested"], tokens + 10, "{name}");
    }
}

#[tokio::test]
async fn budgets_in_credits_and_the_cap_on_one_call_are_judged_by_the_count_too() {
    on_both(|app| async move {
        let _upstream = with_model(&app, "gpt-4o").await;
        // 124 x 2.50 + 10 x 10, per million.
        let fits = Credits::parse("0.00041");
        for key in [
            app.key(|spec| spec.limits.monthly_spend = fits).await,
            app.key(|spec| {
                spec.limits.max_cost_per_request = fits;
                spec.limits.monthly_tokens = Some(1_000_000);
            })
            .await,
        ] {
            assert_eq!(app.chat(&key.secret, say(cookbook())).await.status, 200);
            assert_eq!(app.first_meter(&key).await.1, 0);
        }
        let short = app.key(|spec| spec.limits.max_cost_per_request = Credits::parse("0.000409")).await;
        assert_eq!(app.chat(&short.secret, say(cookbook())).await.code(), "request_cost_exceeds_key_cap");
    })
    .await;
}

#[tokio::test]
async fn a_model_whose_tokenizer_is_unknown_is_bounded_by_its_text_and_not_by_the_json_around_it() {
    let app = TestApp::sqlite().await;
    let _upstream = with_model(&app, "llama-3.3-70b").await;
    // Line ends are two bytes each in JSON.
    let text = "a\n".repeat(1_000);
    let call = say(json!([{ "role": "user", "content": text }]));
    let bound = 256 + 16 + "user".len() + text.len() + 10;
    assert!(bound < call.to_string().len());
    let fits = app.key(|spec| spec.limits.monthly_tokens = Some(bound as u64)).await;
    assert_eq!(app.chat(&fits.secret, call.clone()).await.status, 200);
    let short = app.key(|spec| spec.limits.monthly_tokens = Some(bound as u64 - 1)).await;
    assert_eq!(app.chat(&short.secret, call).await.code(), "quota_exceeded");
    assert!(!app.vocabularies.are_loaded());
}

#[tokio::test]
async fn far_from_every_limit_and_where_nothing_is_left_no_tokenizer_is_loaded() {
    let app = TestApp::sqlite().await;
    let _upstream = with_model(&app, "gpt-4o").await;
    let far = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let spent = app.key(|spec| spec.limits.monthly_tokens = Some(0)).await;
    let slow = app.key(|spec| spec.limits.rpm = Some(1)).await;
    for (key, status) in [(&far, 200), (&spent, 402), (&slow, 200), (&slow, 429)] {
        assert_eq!(app.chat(&key.secret, say(cookbook())).await.status.as_u16(), status);
    }
    assert!(!app.vocabularies.are_loaded());
    let near = app.key(|spec| spec.limits.monthly_tokens = Some(200)).await;
    assert_eq!(app.chat(&near.secret, say(cookbook())).await.status, 200);
    assert!(app.vocabularies.are_loaded());
}

fn picture(url: &str) -> Value {
    let image = json!({ "type": "image_url", "image_url": { "url": url } });
    say(json!([{ "role": "user", "content": [{ "type": "text", "text": "hello world" }, image] }]))
}

#[tokio::test]
async fn an_image_is_held_at_what_its_model_takes_for_one_whether_sent_or_referred_to() {
    let app = TestApp::sqlite().await;
    let _upstream = with_model(&app, "gpt-4o").await;
    // 3 + 3, a role, two words, an image, and the answer.
    let true_most = 3 + 3 + 1 + 2 + 1_445 + 10;
    for url in ["https://example.com/a.png".to_owned(), format!("data:image/png;base64,{}", "A".repeat(20_000))] {
        let fits = app.key(|spec| spec.limits.monthly_tokens = Some(true_most)).await;
        assert_eq!(app.chat(&fits.secret, picture(&url)).await.status, 200);
        let short = app.key(|spec| spec.limits.monthly_tokens = Some(true_most - 1)).await;
        let answer = app.chat(&short.secret, picture(&url)).await;
        assert_eq!(answer.json()["error"]["tollgate"]["requested"], true_most);
    }
}

#[tokio::test]
async fn what_nobody_can_bound_holds_the_models_context_and_without_one_is_for_keys_without_limits() {
    let app = TestApp::sqlite().await;
    let _upstream = with_model(&app, "llava").await;
    let file = json!({ "type": "file", "file": { "file_id": "file-1" } });
    let calls = [
        picture("https://example.com/a.png"),
        say(json!([{ "role": "user", "content": [file] }])),
        say(json!([{ "role": "assistant", "audio": { "id": "audio-1" } }])),
    ];
    let limited = app.key(|spec| spec.limits.monthly_tokens = Some(20)).await;
    let free = app.key(|_| ()).await;
    for call in &calls {
        let answer = app.chat(&limited.secret, call.clone()).await;
        let error = answer.json()["error"].clone();
        assert_eq!((&error["code"], &error["param"]), (&json!("invalid_body"), &json!("messages")), "{call}");
        assert_eq!((answer.status.as_u16(), app.chat(&free.secret, call.clone()).await.status.as_u16()), (400, 200));
    }
    let mut model = (*app.gateway.model("gpt").expect("a model")).clone();
    model.context_length = Some(8_192);
    app.gateway.edit_model(&app.admin, "gpt", model).await.expect("edited");
    for call in &calls {
        let answer = app.chat(&limited.secret, call.clone()).await;
        assert_eq!(answer.json()["error"]["tollgate"]["requested"], 8_192 + 10, "{call}");
    }
}

#[tokio::test]
async fn under_limits_an_upstream_is_bound_by_the_name_that_it_reads() {
    let app = TestApp::sqlite().await;
    let upstream = with_model(&app, "llama-3.3-70b").await;
    let limited = app.key(|spec| spec.limits.monthly_tokens = Some(100_000)).await;
    let free = app.key(|_| ()).await;
    let call = json!({ "model": "gpt", "messages": [], "max_completion_tokens": 7 });
    for key in [&limited, &free] {
        assert_eq!(app.chat(&key.secret, call.clone()).await.status, 200);
    }
    let asked = |number: usize| serde_json::from_slice::<Value>(&upstream.asked()[number].body).expect("JSON");
    assert_eq!(asked(0), json!({ "model": "llama-3.3-70b", "messages": [], "max_tokens": 7 }));
    assert_eq!(asked(1), json!({ "model": "llama-3.3-70b", "messages": [], "max_completion_tokens": 7 }));
}
