//! What services other than chats used, as OpenAI's API says it, and Cohere's and Jina's for rerank.

use super::{Glance, Seen, list, number, openai, sane, text};
use crate::domain::service::Service;
use crate::domain::usage::{Reported, Units, Usage};
use serde_json::Value;

/// No honest answer has heard more: a year, in seconds. Nor does any search more often.
const LONGEST: f64 = 31_536_000.0;
const MOST_SEARCHES: u64 = 100_000;

/// `before` is what has been reported already.
pub(super) fn glance(service: Service, read: &Value, before: Usage) -> Glance {
    let said = read.get("usage");
    let tokens = said.and_then(|usage| openai::usage(usage).or_else(|| total(usage)));
    let tokens = tokens.or_else(|| openai::usage(read.get("meta")?.get("tokens")?));
    let units = units(service, read);
    let reported = match tokens {
        None if units.is_none() => None,
        tokens => Some(Usage { units, ..tokens.unwrap_or_default() }),
    };
    match service {
        Service::Completions => completion(read, reported),
        // Each image of a stream comes with what it took by itself.
        Service::Images | Service::ImageEdits => last_of(read, reported.map(|usage| before.plus(&usage))),
        Service::Transcriptions | Service::Translations => {
            let mut glance = last_of(read, reported);
            // The last event says again what those before it said.
            let written = if glance.seen.is_some() { None } else { text(read, "delta").or(text(read, "text")) };
            glance.texts.extend(written.map(|text| (0, text.to_owned())));
            glance
        }
        _ => last_of(read, reported),
    }
}

fn completion(read: &Value, usage: Option<Usage>) -> Glance {
    let choices = list(read, "choices");
    let texts = choices.iter().filter_map(|choice| {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
        Some((index, text(choice, "text")?.to_owned()))
    });
    let is_only = usage.is_some() && choices.is_empty();
    Glance { texts: texts.collect(), usage, seen: is_only.then_some(Seen::UsageOnly), ..Glance::default() }
}

/// A stream ends with an event that is called so, and nothing else marks its end.
fn last_of(read: &Value, usage: Option<Usage>) -> Glance {
    Glance { usage, seen: is_last(read).then_some(Seen::Last), ..Glance::default() }
}

fn is_last(read: &Value) -> bool {
    text(read, "type").is_some_and(|kind| kind.ends_with(".completed") || kind.ends_with(".done"))
}

/// Those without an answer in words may say no more than a total.
fn total(usage: &Value) -> Option<Usage> {
    let input = number(usage.get("total_tokens"))?;
    Some(sane(usage, Reported { input, ..Reported::default() }))
}

/// What is no token: pictures that are there, seconds that were heard, searches that were made.
fn units(service: Service, read: &Value) -> Units {
    let mut units = Units::default();
    match service {
        Service::Images | Service::ImageEdits => {
            units.images = if is_last(read) { 1 } else { list(read, "data").len() as u64 };
        }
        Service::Transcriptions | Service::Translations => {
            let said = read.get("usage").and_then(|usage| usage.get("seconds")).or(read.get("duration"));
            // Some write it as a text.
            let seconds = said.and_then(|said| said.as_f64().or_else(|| said.as_str()?.parse().ok()));
            let seconds = seconds.filter(|seconds| seconds.is_finite()).unwrap_or(0.0).clamp(0.0, LONGEST);
            units.audio_ms = (seconds * 1_000.0).ceil() as u64;
        }
        Service::Rerank => {
            let billed = read.get("meta").and_then(|meta| meta.get("billed_units"));
            let searches = billed.and_then(|billed| number(billed.get("search_units"))).unwrap_or(0);
            units.searches = u64::try_from(searches).unwrap_or(0).min(MOST_SEARCHES);
        }
        _ => {}
    }
    units
}
