//! What calls are charged: the table in `scenarios/charges.md`, each row with its arithmetic written out, and the same from
//! the upstreams' own words on to the books.

use crate::domain::credits::Credits;
use crate::domain::period::Zone;
use crate::domain::price::{Content, Price, Quantity};
use crate::domain::provider::ProviderKind;
use crate::domain::usage::Usage;
use crate::gateway::usage::{By, UsageQuery};
use crate::tests::app::{Answer, TestApp, on_both};
use crate::tests::upstream::{self, Upstream};
use serde_json::json;
use std::time::Duration;

#[test]
fn every_row_of_the_table_costs_what_its_arithmetic_says() {
    let mut rows = 0;
    for line in
        include_str!("scenarios/charges.md").lines().filter(|line| line.starts_with("| {") || line.starts_with("| \""))
    {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [price, used, arithmetic, cost] = cells[..] else { panic!("four columns: {line}") };
        let (price, usage) = (price_of(price), usage_of(used));
        assert_eq!(price.cost(&usage).exact(), cost, "{line}");
        assert_eq!(Credits::from_nanos(nanos(arithmetic)).exact(), cost, "{line}");
        assert!(price.cost(&usage) <= price.bound(&most(&usage)), "{line}");
        rows += 1;
    }
    assert!(rows > 30, "{rows}");
}

/// A price as the management API reads it, perhaps ` of ` a variant.
fn price_of(text: &str) -> Price {
    let (text, variant) = text.split_once(" of ").unwrap_or((text, ""));
    let price: Price = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    price.for_variant(variant)
}

/// `input 100, output 10`: fields of [`Usage`] or of its units.
fn usage_of(text: &str) -> Usage {
    let (mut tokens, mut units) = (serde_json::Map::new(), serde_json::Map::new());
    for part in text.split(", ") {
        let (name, count) = part.split_once(' ').expect("a name and a count");
        let names = ["images", "characters", "audio_ms", "video_ms", "searches"];
        let into = if names.contains(&name) { &mut units } else { &mut tokens };
        into.insert(name.to_owned(), count.parse::<u64>().expect("a count").into());
    }
    tokens.insert("units".to_owned(), units.into());
    let known = serde_json::to_value(Usage::default()).expect("JSON");
    assert!(tokens.keys().all(|name| known.get(name).is_some()), "{text}");
    serde_json::from_value(tokens.into()).expect("a usage")
}

/// `60 × 2500 + 40 × 1250`, in whole nano-credits; `3 × 0.1, rounded up`.
fn nanos(text: &str) -> i64 {
    let (sum, rounds) = text.split_once(',').map_or((text, false), |(sum, _)| (sum, true));
    let tenths = |number: &str| -> i64 {
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        whole.parse::<i64>().expect("a number") * 10 + tenth.parse::<i64>().expect("a digit")
    };
    let sum: i64 = sum
        .split(" + ")
        .map(|product| match product.split_once(" × ") {
            Some((count, each)) => count.parse::<i64>().expect("a count") * tenths(each),
            None => tenths(product),
        })
        .sum();
    assert!(rounds || sum % 10 == 0, "{text}");
    (sum + 9) / 10
}

fn most(usage: &Usage) -> Quantity {
    Quantity { input: usage.input, output: usage.output, units: usage.units, content: Content::default() }
}

/// What an upstream says of one call, as its API says it, beside what the call must then cost: in the words that a person
/// can check.
struct Said {
    kind: ProviderKind,
    price: &'static str,
    answer: &'static str,
    basis: &'static str,
    nanos: i64,
}

const SAID: [Said; 4] = [
    Said {
        kind: ProviderKind::Openai,
        price: r#"{"input":"2.50","cached_input":"1.25","audio_input":"40.00","output":"10.00","audio_output":"80.00","reasoning":"12.00"}"#,
        answer: r#"{"choices":[],"usage":{"prompt_tokens":120,"completion_tokens":90,
            "prompt_tokens_details":{"cached_tokens":10,"audio_tokens":100},
            "completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":70}}}"#,
        basis: "(10 input × 2.50 + 10 cached input × 1.25 + 100 audio input × 40.00 + 15 output × 10.00 + 5 reasoning × 12.00 + 70 audio output × 80.00) / 1,000,000",
        nanos: 10 * 2_500 + 10 * 1_250 + 100 * 40_000 + 15 * 10_000 + 5 * 12_000 + 70 * 80_000,
    },
    Said {
        kind: ProviderKind::Anthropic,
        price: r#"{"input":"3.00","cached_input":"0.30","cache_write":"3.75","cache_write_1h":"6.00","output":"15.00","per_search":"0.01"}"#,
        answer: r#"{"type":"message","content":[],"usage":{"input_tokens":400,"cache_read_input_tokens":100,
            "cache_creation_input_tokens":500,
            "cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":300},
            "output_tokens":50,"server_tool_use":{"web_search_requests":2}}}"#,
        basis: "(400 input × 3.00 + 100 cached input × 0.30 + 200 cache write × 3.75 + 300 cache write for 1 h × 6.00 + 50 output × 15.00) / 1,000,000 + 2 searches × 0.01",
        nanos: 400 * 3_000 + 100 * 300 + 200 * 3_750 + 300 * 6_000 + 50 * 15_000 + 2 * 10_000_000,
    },
    Said {
        kind: ProviderKind::Gemini,
        price: r#"{"input":"0.30","cached_input":"0.03","audio_input":"1.00","output":"2.50","image_output":"30.00","per_request":"0.001"}"#,
        answer: r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}],"usageMetadata":{
            "promptTokenCount":1000,"cachedContentTokenCount":300,"candidatesTokenCount":1300,"thoughtsTokenCount":20,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":400},{"modality":"AUDIO","tokenCount":600}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":300}],
            "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}}"#,
        basis: "(400 input × 0.30 + 300 cached input × 0.03 + 300 audio input × 1.00 + 30 output × 2.50 + 1290 image output × 30.00) / 1,000,000 + 1 request × 0.001",
        nanos: 400 * 300 + 300 * 30 + 300 * 1_000 + 30 * 2_500 + 1_290 * 30_000 + 1_000_000,
    },
    Said {
        kind: ProviderKind::Openai,
        price: r#"{"input":"1.25","output":"10.00","tiers":[{"above":2000,"input":"2.50","output":"15.00"}]}"#,
        answer: r#"{"choices":[],"usage":{"prompt_tokens":2001,"completion_tokens":3}}"#,
        basis: "(2001 input × 2.50 + 3 output × 15.00) / 1,000,000",
        nanos: 2_001 * 2_500 + 3 * 15_000,
    },
];

#[tokio::test]
async fn whatever_kinds_an_upstream_reports_each_is_charged_kept_and_summed_to_the_nano_credit() {
    on_both(|app| async move {
        let key = app.key(|_| ()).await;
        let mut sum = 0;
        for (at, said) in SAID.iter().enumerate() {
            let upstream = Upstream::start(move || upstream::json(200, said.answer)).await;
            let name = format!("model-{at}");
            app.model_of(said.kind, &name, "up", &upstream.base_url).await;
            app.price(&name, said.price).await;
            let body = match said.kind {
                ProviderKind::Gemini => json!({ "contents": [] }),
                _ => json!({ "model": name, "max_tokens": 9, "messages": [] }),
            };
            let path = match said.kind {
                ProviderKind::Anthropic => "/v1/messages".to_owned(),
                ProviderKind::Gemini => format!("/v1beta/models/{name}:generateContent"),
                _ => "/v1/chat/completions".to_owned(),
            };
            let answer = Answer::read(app.post(&key.secret, &path, body.to_string()).await).await;
            let row = app.row(&answer).await;
            assert_eq!((row.cost_basis.split(';').next(), row.cost.nanos()), (Some(said.basis), said.nanos));
            let price: Price = serde_json::from_str(said.price).expect("a price");
            assert_eq!(price.cost(&row.usage), row.cost, "what the row keeps is what was charged");
            sum += said.nanos;
        }
        let now = app.clock.now();
        let query = UsageQuery {
            from: now.minus(Duration::from_hours(1)),
            to: now.plus(Duration::from_hours(1)),
            by: vec![By::Model],
            zone: Zone::parse("UTC").expect("a zone"),
            key_id: None,
            group_id: None,
            model: None,
            endpoint: None,
        };
        let used = app.gateway.usage(&app.admin, &query).await.expect("sums");
        assert_eq!(used.iter().map(|row| row.cost.nanos()).sum::<i64>(), sum);
        let audit = app.store.audit(&app.clock).await.expect("read");
        assert!(audit.differences.is_empty(), "{:#?}", audit.differences);
    })
    .await;
}

#[tokio::test]
async fn a_call_holds_the_dearest_that_its_input_may_hold_and_no_dearer() {
    let app = TestApp::sqlite().await;
    let said = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let upstream = Upstream::start(move || upstream::json(200, said)).await;
    app.model("gpt", &upstream.base_url).await;
    app.price("gpt", r#"{"input":"1","output":"1","audio_input":"100000"}"#).await;
    app.model_of(ProviderKind::Anthropic, "claude", "up", &upstream.base_url).await;
    app.price("claude", r#"{"input":"1","output":"1","cache_write_1h":"100000"}"#).await;
    let cap = Credits::parse("0.05");
    let key = app.key(|spec| spec.limits.max_cost_per_request = cap).await;
    let text = r#"{"model":"gpt","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let parts =
        r#"{"model":"gpt","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#;
    let plain = r#"{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let keeps = r#"{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}"#;
    let (chat, messages) = ("/v1/chat/completions", "/v1/messages");
    for (path, body, status) in [
        (chat, text.to_owned(), 200),
        (chat, parts.to_owned(), 400),
        (messages, plain.to_owned(), 200),
        (messages, keeps.to_owned(), 400),
        (messages, keeps.replace("cache_control", "cache\\u005fcontrol"), 400),
    ] {
        let answer = Answer::read(app.post(&key.secret, path, body.clone()).await).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
}

#[tokio::test]
async fn what_comes_to_nothing_or_comes_from_the_cache_costs_nothing_whatever_a_request_costs() {
    on_both(|app| async move {
        let said = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        let good = Upstream::start(move || upstream::json(200, said)).await;
        app.model("gpt", &good.base_url).await;
        let bad = Upstream::start(|| upstream::json(400, r#"{"error":{"message":"no"}}"#)).await;
        app.model("wrong", &bad.base_url).await;
        for name in ["gpt", "wrong"] {
            app.price(name, r#"{"input":"0","output":"0","per_request":"0.01"}"#).await;
        }
        let key = app.key(|spec| spec.cache_ttl_seconds = Some(60)).await;
        let chat = |name: &str| json!({ "model": name, "messages": [{ "role": "user", "content": "hi" }] });
        for (name, status, nanos) in [("gpt", 200, 10_000_000), ("gpt", 200, 0), ("wrong", 400, 0)] {
            let answer = app.chat(&key.secret, chat(name)).await;
            assert_eq!((answer.status.as_u16(), app.row(&answer).await.cost.nanos()), (status, nanos), "{name}");
        }
    })
    .await;
}
