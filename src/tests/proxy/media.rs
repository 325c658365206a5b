//! What is charged by the image, the character, the second and the search, with the arithmetic written out; and what a key with
//! limits holds for it.

use crate::domain::credits::Credits;
use crate::domain::key::KeySpec;
use crate::domain::price::Price;
use crate::domain::usage::UsageSource;
use crate::tests::app::{Answer, TestApp};
use crate::tests::upstream::{self, Upstream};
use serde_json::{Value, json};

async fn priced(app: &TestApp, name: &str, upstream_model: &str, answer: &'static str, price: Value) -> Upstream {
    let upstream = Upstream::start(move || upstream::json(200, answer)).await;
    app.model_at(name, upstream_model, &upstream.base_url).await;
    let mut model = (*app.gateway.model(name).expect("a model")).clone();
    model.price = Some(Price::read(price).expect("a price"));
    app.gateway.edit_model(&app.admin, name, model).await.expect("edited");
    upstream
}

async fn ask(app: &TestApp, secret: &str, path: &str, body: Value) -> Answer {
    Answer::read(app.post(secret, path, body.to_string()).await).await
}

fn spending(most: &'static str) -> impl FnOnce(&mut KeySpec) {
    move |spec| spec.limits.monthly_spend = Credits::parse(most)
}

/// A form whose sound lasts two seconds: 8,000 samples each, of one byte.
fn recording(app: &TestApp, secret: &str, model: &str, more: &str) -> axum::http::Request<axum::body::Body> {
    assert!(app.gateway.model(model).is_some());
    let rate = 8_000_u32.to_le_bytes();
    let format = [&16_u32.to_le_bytes()[..], &[1, 0, 1, 0], &rate, &rate, &[1, 0, 8, 0]].concat();
    let sound = [b"RIFF\0\0\0\0WAVEfmt ".as_slice(), &format, b"data\0\0\0\0", &[128; 16_000 - 44]].concat();
    let field =
        |name: &str, value: &str| format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n";
    let head = format!("{}{}{file}", field("model", model), field("response_format", more));
    let body = [head.as_bytes(), &sound, b"\r\n--X--\r\n"].concat();
    axum::http::Request::post("/v1/audio/transcriptions")
        .header("authorization", format!("Bearer {secret}"))
        .header("content-type", "multipart/form-data; boundary=X")
        .body(body.into())
        .expect("a request")
}

#[tokio::test]
async fn images_cost_what_their_kind_costs_and_as_many_as_there_are() {
    let app = TestApp::sqlite().await;
    let price = json!({ "per_image": "0.04", "per_image_by": { "hd/1024x1024": "0.08" } });
    let _two = priced(&app, "painter", "dall-e-3", r#"{"data":[{"url":"a"},{"url":"b"}]}"#, price.clone()).await;
    let _one = priced(&app, "lazy", "dall-e-3", r#"{"data":[{"url":"a"}]}"#, price).await;
    let free = app.key(|_| ()).await;
    let asked =
        |model: &str| json!({ "model": model, "prompt": "a cat", "n": 2, "quality": "hd", "size": "1024x1024" });
    let path = "/v1/images/generations";
    // 2 × 0.08; 1 × 0.08, since only one came; 2 × 0.04 of no particular kind.
    for (body, cost, images) in [
        (asked("painter"), "0.160000000", 2),
        (asked("lazy"), "0.080000000", 1),
        (json!({ "model": "painter", "prompt": "a cat", "n": 2 }), "0.080000000", 2),
    ] {
        let answer = ask(&app, &free.secret, path, body).await;
        assert_eq!(answer.header("x-tollgate-cost"), cost, "{}", answer.body);
        let row = app.row(&answer).await;
        assert_eq!(
            (row.usage.units.images, row.usage.total(), row.usage_source),
            (images, 0, Some(UsageSource::Upstream))
        );
    }
    let short = app.key(spending("0.159999999")).await;
    assert_eq!(ask(&app, &short.secret, path, asked("painter")).await.code(), "quota_exceeded");
    let fits = app.key(spending("0.16")).await;
    assert_eq!(ask(&app, &fits.secret, path, asked("painter")).await.status, 200);
}

#[tokio::test]
async fn images_that_are_counted_in_tokens_are_held_at_what_is_documented_and_unknown_ones_at_what_an_admin_says() {
    let app = TestApp::sqlite().await;
    let text = r#"{"data":[{"b64_json":"AA"}],"usage":{"input_tokens":300,"output_tokens":272,"input_tokens_details":{"text_tokens":20,"image_tokens":280}}}"#;
    let price = json!({ "input": "5", "image_input": "10", "output": "40" });
    let _known = priced(&app, "known", "gpt-image-1", text, price.clone()).await;
    let _unknown = priced(&app, "unknown", "painter-9", text, price).await;
    let asked = |model: &str| json!({ "model": model, "prompt": "a cat", "quality": "low", "size": "1024x1024" });
    let path = "/v1/images/generations";
    let free = app.key(|_| ()).await;
    // (20 × 5 + 280 × 10 + 272 × 40) / 1,000,000.
    for model in ["known", "unknown"] {
        assert_eq!(ask(&app, &free.secret, path, asked(model)).await.header("x-tollgate-cost"), "0.013780000");
    }
    let most = asked("known").to_string().len() as u64 + 272;
    for (max, status) in [(most, 200), (most - 1, 402)] {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(max)).await;
        assert_eq!(ask(&app, &key.secret, path, asked("known")).await.status.as_u16(), status, "{max}");
    }
    let limited = app.key(spending("1")).await;
    let refused = ask(&app, &limited.secret, path, asked("unknown")).await;
    assert_eq!((refused.code().as_str(), &refused.json()["error"]["param"]), ("invalid_body", &json!("model")));
    let mut model = (*app.gateway.model("unknown").expect("a model")).clone();
    model.max_output_tokens = Some(2_000);
    app.gateway.edit_model(&app.admin, "unknown", model).await.expect("edited");
    assert_eq!(ask(&app, &limited.secret, path, asked("unknown")).await.status, 200);
}

#[tokio::test]
async fn a_reading_costs_its_characters_which_are_known_before_it_is_heard() {
    let app = TestApp::sqlite().await;
    let _upstream = priced(&app, "tts", "tts-1", "{}", json!({ "per_million_characters": "15" })).await;
    let body = json!({ "model": "tts", "voice": "alloy", "input": "hällo" });
    // 5 × 15 / 1,000,000.
    for (key, status) in [(app.key(spending("0.000075")).await, 200), (app.key(spending("0.000074999")).await, 402)] {
        let answer = ask(&app, &key.secret, "/v1/audio/speech", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        if status == 200 {
            assert_eq!(answer.header("x-tollgate-cost"), "0.000075000");
            let row = app.row(&answer).await;
            assert_eq!((row.usage.units.characters, row.usage_source), (5, Some(UsageSource::Upstream)));
            assert_eq!(app.first_meter(&key).await, (75_000, 0));
        }
    }
}

#[tokio::test]
async fn what_was_heard_costs_its_seconds_as_the_answer_says_them_or_the_file_does() {
    let app = TestApp::sqlite().await;
    let free = app.key(|_| ()).await;
    let price = json!({ "per_second": "0.0001" });
    for (number, (text, cost, source)) in [
        (r#"{"text":"hi","usage":{"type":"duration","seconds":3}}"#, "0.000300000", UsageSource::Upstream),
        (r#"{"text":"hi","duration":1.5,"segments":[]}"#, "0.000150000", UsageSource::Upstream),
        (r#"{"text":"hi","duration":"1.25"}"#, "0.000125000", UsageSource::Upstream),
        // 16,000 bytes at 8,000 a second.
        ("hi there", "0.000200000", UsageSource::Estimated),
        (r#"{"text":"hi"}"#, "0.000200000", UsageSource::Estimated),
    ]
    .into_iter()
    .enumerate()
    {
        let model = format!("whisper-{number}");
        let _upstream = priced(&app, &model, "whisper-1", text, price.clone()).await;
        let answer = Answer::read(app.send(recording(&app, &free.secret, &model, "json")).await).await;
        assert_eq!((answer.body.as_str(), answer.header("x-tollgate-cost")), (text, cost));
        assert_eq!(app.row(&answer).await.usage_source, Some(source), "{text}");
    }
    for (most, status) in [("0.0002", 200), ("0.000199999", 402)] {
        let key = app.key(spending(most)).await;
        let answer = Answer::read(app.send(recording(&app, &key.secret, "whisper-4", "json")).await).await;
        assert_eq!(answer.status.as_u16(), status, "{most}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_was_heard_in_tokens_costs_them_by_their_kinds() {
    let app = TestApp::sqlite().await;
    let text = r#"{"text":"hi","usage":{"type":"tokens","input_tokens":20,"output_tokens":5,"input_token_details":{"text_tokens":6,"audio_tokens":14}}}"#;
    let price = json!({ "input": "2.5", "audio_input": "6", "output": "10" });
    let _upstream = priced(&app, "scribe", "gpt-4o-transcribe", text, price).await;
    let free = app.key(|_| ()).await;
    let answer = Answer::read(app.send(recording(&app, &free.secret, "scribe", "json")).await).await;
    // (6 × 2.5 + 14 × 6 + 5 × 10) / 1,000,000.
    assert_eq!(answer.header("x-tollgate-cost"), "0.000149000");
    // Two seconds: 50 tokens each and the fields' text, then 15 each and a window's 448 written down.
    let fields = "scribe".len() + "json".len();
    let most = (2 * 50 + fields + 2 * 15 + 448) as u64;
    for (max, status) in [(most, 200), (most - 1, 402)] {
        let key = app.key(|spec| spec.limits.monthly_tokens = Some(max)).await;
        let answer = Answer::read(app.send(recording(&app, &key.secret, "scribe", "json")).await).await;
        assert_eq!(answer.status.as_u16(), status, "{max}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_ranking_costs_its_units_of_search() {
    let app = TestApp::sqlite().await;
    let free = app.key(|_| ()).await;
    let documents = vec!["a"; 150];
    // 2 × 0.002 as Cohere says, and as the hundreds of documents come to where nobody does.
    for (name, text, source) in [
        ("said", r#"{"results":[],"meta":{"billed_units":{"search_units":2}}}"#, UsageSource::Upstream),
        ("unsaid", r#"{"results":[]}"#, UsageSource::Estimated),
    ] {
        let _upstream = priced(&app, name, "rerank-v3.5", text, json!({ "per_search": "0.002" })).await;
        let body = json!({ "model": name, "query": "q", "documents": documents });
        let answer = ask(&app, &free.secret, "/v1/rerank", body).await;
        assert_eq!(answer.header("x-tollgate-cost"), "0.004000000");
        assert_eq!(app.row(&answer).await.usage_source, Some(source));
    }
}
