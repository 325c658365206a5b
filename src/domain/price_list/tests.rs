//! The real files' shapes: what becomes a price, exactly, and what does not, and why. The entries are facts out of LiteLLM
//! 1.106.2's list of 2026-11-20, as they are written there.

use super::*;
use crate::domain::time::Time;

const LITELLM: &str = include_str!("tests/litellm.json");
const MODELS_DEV: &str = include_str!("tests/models_dev.json");

fn price_of<'a>(list: &'a PriceList, name: &str) -> (String, &'a [String]) {
    let listed = list.models.iter().find(|listed| listed.name == name);
    let skipped = list.skipped.iter().find(|skipped| skipped.name == name);
    let listed = listed.unwrap_or_else(|| panic!("{name}: {skipped:?}"));
    (serde_json::to_string(&listed.price).expect("JSON"), &listed.left_out)
}

fn reason(list: &PriceList, name: &str) -> String {
    let skipped = list.skipped.iter().find(|skipped| skipped.name == name);
    skipped.unwrap_or_else(|| panic!("{name} was not skipped")).reason.clone()
}

#[test]
fn litellms_prices_for_a_token_become_prices_for_a_million_to_the_last_digit() {
    let list = PriceList::read(Format::Litellm, LITELLM, None).expect("a list");
    for (name, price) in [
        ("gpt-4o", r#"{"input":"2.50","cached_input":"1.25","output":"10.00"}"#),
        (
            "gpt-5.6",
            r#"{"input":"4.00","cached_input":"0.40","cache_write":"5.00","output":"20.00","per_search":"0.01","tiers":[{"above":272000,"input":"8.00","cached_input":"0.80","cache_write":"10.00","output":"30.00"}]}"#,
        ),
        ("gpt-audio", r#"{"input":"2.50","audio_input":"32.00","output":"10.00","audio_output":"64.00"}"#),
        (
            "gpt-image-1.5",
            r#"{"input":"5.00","cached_input":"1.25","image_input":"8.00","output":"10.00","image_output":"32.00"}"#,
        ),
        ("whisper-1", r#"{"per_second":"0.0001"}"#),
        ("tts-1", r#"{"per_million_characters":"15.00"}"#),
        ("gpt-4o-mini-tts", r#"{"input":"0.60","output":"10.00","audio_output":"12.00"}"#),
        ("gpt-4o-transcribe", r#"{"input":"2.50","output":"10.00"}"#),
        ("text-embedding-3-small", r#"{"input":"0.02","output":"0.00"}"#),
        (
            "claude-sonnet-4-5",
            r#"{"input":"3.00","cached_input":"0.30","cache_write":"3.75","cache_write_1h":"6.00","output":"15.00","per_search":"0.01"}"#,
        ),
        (
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
            r#"{"input":"3.00","cached_input":"0.30","cache_write":"3.75","cache_write_1h":"6.00","output":"15.00","per_search":"0.01","tiers":[{"above":200000,"input":"6.00","cached_input":"0.60","cache_write":"7.50","cache_write_1h":"12.00","output":"22.50"}]}"#,
        ),
        (
            "gemini/gemini-2.5-flash-image",
            r#"{"input":"0.30","cached_input":"0.03","audio_input":"1.00","output":"2.50","image_output":"30.00"}"#,
        ),
        ("gemini/veo-3.1-generate-001", r#"{"per_second":"0.40","per_second_by":{"4k":"0.60"}}"#),
        ("rerank-v3.5", r#"{"per_search":"0.002"}"#),
        (
            "dashscope/qwen-flash",
            r#"{"input":"0.05","output":"0.40","tiers":[{"above":256000,"input":"0.25","output":"2.00"}]}"#,
        ),
        ("perplexity/pplx-70b-online", r#"{"input":"0.00","output":"2.80","per_request":"0.005"}"#),
        // Two of its numbers were doubles once.
        (
            "databricks/databricks-claude-opus-4",
            r#"{"input":"15.00002","cached_input":"1.50003","cache_write":"18.74999","output":"75.00003"}"#,
        ),
    ] {
        assert_eq!(price_of(&list, name).0, price, "{name}");
    }
}

#[test]
fn what_litellm_prices_beside_a_price_and_has_no_place_here_is_named() {
    let list = PriceList::read(Format::Litellm, LITELLM, None).expect("a list");
    for (name, left_out) in [
        ("gpt-4o", vec![]),
        ("gpt-image-1.5", vec!["cache_read_input_image_token_cost"]),
        ("gpt-4o-mini-tts", vec!["output_cost_per_second"]),
        ("gpt-4o-transcribe", vec!["input_cost_per_second"]),
        ("deepseek-flash", vec!["input_cost_per_token_cache_hit", "off_peak_pricing"]),
    ] {
        assert_eq!(price_of(&list, name).1, left_out, "{name}");
    }
}

#[test]
fn what_is_oddly_shaped_or_would_have_to_be_guessed_is_skipped_with_the_reason() {
    let list = PriceList::read(Format::Litellm, LITELLM, None).expect("a list");
    for (name, said) in [
        ("azure/hd/1024-x-1024/dall-e-3", "a size or a quality of a model"),
        ("1024-x-1024/50-steps/bedrock/amazon.nova-canvas-v1:0", "a size or a quality of a model"),
        ("bedrock/*/1-month-commitment/cohere.command-light-text-v14", "no price here"),
        ("azure_ai/mistral-document-ai-2512", "mode ocr"),
        ("ollama/codegeex4", "mark it free yourself"),
        ("twelvelabs.pegasus-1-2-v1:0", "its input has no price"),
        ("fireworks-ai-4.1b-to-16b", "does not say its mode"),
    ] {
        assert!(reason(&list, name).contains(said), "{name}: {}", reason(&list, name));
    }
    assert!(list.models.iter().all(|listed| listed.name != "sample_spec"));
    let odd = r#"{"one":7,"two":{"mode":"chat","litellm_provider":"x","input_cost_per_token":"1e-6","output_cost_per_token":1e-6},
        "three":{"mode":"chat","litellm_provider":"x","input_cost_per_token":3.3333333333333335e-05,"output_cost_per_token":1e-6}}"#;
    let list = PriceList::read(Format::Litellm, odd, None).expect("a list");
    assert!(reason(&list, "one").contains("no object") && reason(&list, "two").contains("which is no price"));
    assert!(reason(&list, "three").contains("finer than a nano-credit"));
}

#[test]
fn models_devs_prices_are_for_a_million_already_and_named_by_their_provider_unless_one_is_asked_for() {
    let all = PriceList::read(Format::ModelsDev, MODELS_DEV, None).expect("a list");
    assert_eq!(price_of(&all, "openai/gpt-4o").0, r#"{"input":"2.50","cached_input":"1.25","output":"10.00"}"#);
    assert_eq!(
        price_of(&all, "openai/gpt-audio").0,
        r#"{"input":"2.50","audio_input":"32.00","output":"10.00","audio_output":"64.00"}"#
    );
    assert_eq!(
        price_of(&all, "google/gemini-2.5-pro").0,
        r#"{"input":"1.25","cached_input":"0.31","output":"10.00","tiers":[{"above":200000,"input":"2.50","cached_input":"0.625","output":"15.00"}]}"#
    );
    assert_eq!(price_of(&all, "google/gemini-extra").1, ["cost.per_moon"]);
    for (name, said) in [
        ("google/gemini-unpriced", "no price"),
        ("google/gemini-odd", "which is no price"),
        ("google/gemini-free", "mark it free yourself"),
        ("empty", "no models"),
    ] {
        assert!(reason(&all, name).contains(said), "{name}: {}", reason(&all, name));
    }
    let one = PriceList::read(Format::ModelsDev, MODELS_DEV, Some("openai")).expect("a list");
    let names: Vec<&str> = one.models.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["gpt-4o", "gpt-audio"]);
    let gpt = &one.models[0];
    assert_eq!((gpt.context_length, gpt.max_output_tokens), (Some(128_000), Some(16_384)));
    assert_eq!(gpt.capabilities, ["chat", "vision", "tools", "streaming"]);
}

#[test]
fn what_is_no_such_file_is_refused_whole() {
    for (format, text) in [
        (Format::Litellm, "<html>"),
        (Format::Litellm, "[]"),
        (Format::Litellm, "{}"),
        (Format::ModelsDev, "{}"),
        (Format::ModelsDev, LITELLM),
        (Format::Snapshot, MODELS_DEV),
    ] {
        assert!(PriceList::read(format, text, None).is_err(), "{format:?}: {}", &text[..text.len().min(40)]);
    }
}

#[test]
fn the_same_file_and_names_make_the_same_snapshot_which_reads_back_as_what_it_was_made_of() {
    let names = ["gemini/gemini-2.5-flash-image", "gpt-4o", "whisper-1"];
    let distilled = |names: &[&str]| Snapshot::distilled(Format::Litellm, LITELLM, names, "a list", "2026-11-20");
    let snapshot = distilled(&names).expect("a snapshot");
    let text = snapshot.written();
    let backwards: Vec<&str> = names.into_iter().rev().collect();
    assert_eq!(distilled(&backwards).expect("a snapshot").written(), text);
    assert!(text.starts_with(
        "{\"source\":\"a list\",\"date\":\"2026-11-20\",\"models\":[\n  {\"name\":\"gemini-2.5-flash-image\","
    ));
    let read = PriceList::read(Format::Snapshot, &text, None).expect("a snapshot");
    assert_eq!((read.models, read.skipped), (snapshot.models, Vec::new()));
    assert!(distilled(&["gpt-nowhere"]).is_err() && distilled(&["ollama/codegeex4"]).is_err());
}

#[test]
fn what_ships_with_the_binary_is_what_its_list_of_names_makes_of_the_same_facts() {
    let shipped = include_str!("../../gateway/known/models.json");
    let names: Vec<&str> = include_str!("../../gateway/known/names.txt").lines().collect();
    let read: Snapshot = serde_json::from_str(shipped).expect("a snapshot");
    assert_eq!(read.written(), shipped, "made, not written by hand");
    assert_eq!(read.models.len(), names.len());
    assert!((60..=150).contains(&names.len()) && Time::parse(&format!("{}T00:00:00Z", read.date)).is_some());
    // Of the names that the fixture has the facts of, the snapshot says the same.
    let known: Vec<&str> = names.into_iter().filter(|name| LITELLM.contains(&format!("\n  \"{name}\":"))).collect();
    assert!(known.len() > 8, "{known:?}");
    let made = Snapshot::distilled(Format::Litellm, LITELLM, &known, &read.source, &read.date).expect("a snapshot");
    for listed in made.models {
        assert!(read.models.contains(&listed), "{}", listed.name);
    }
}
