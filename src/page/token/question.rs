//! “Would this call pass?”: the question as it was written, and the answer in words.

use crate::console::form::read_count;
use crate::console::token::told::{Explained, Question as Written, Verdict};
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::limit::Measure;
use crate::domain::period::Zone;
use crate::domain::problem::{Check, Problem, ProblemKind};
use crate::domain::refusal::{Refusal, Retry};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::explain::{Explanation, Question};
use crate::page::limits;
use crate::page::trace::{self, Places};
use crate::page::when::{When, capital};

/// The one path that can be called.
const CHAT: &str = "/v1/chat/completions";
/// More tokens than any call has: figures beyond are a slip.
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

/// The form, and the answer where something is asked.
///
/// # Errors
/// Where there is no such key for this account; when the books cannot be reached.
pub async fn explained(gateway: &Gateway, by: &Account, id: &KeyId, written: Written) -> Result<Explained, Problem> {
    let key = gateway.key(by, id).await?;
    let when = When::of(by, gateway.clock().now());
    let names = gateway.models().iter().map(|model| model.name.clone()).collect::<Vec<_>>();
    let mut endpoints = vec![CHAT.to_owned()];
    endpoints.extend(key.endpoints.iter().filter(|path| *path != CHAT).cloned());
    if !written.endpoint.is_empty() && !endpoints.contains(&written.endpoint) {
        endpoints.push(written.endpoint.clone());
    }
    let is_asked = written != Written::default();
    let mut problems = Vec::new();
    let mut verdict = None;
    if is_asked {
        let answer = match read(id, &written, &when.zone) {
            Ok(question) => gateway.explain(by, &question).await.map(|told| (question, told)),
            Err(problem) => Err(problem),
        };
        match answer {
            Ok((question, told)) => {
                let rules = told.limits.iter().filter_map(|weighed| weighed.detail.rule.as_ref());
                let closed = told.checks.iter().filter_map(|checked| checked.refusal.as_ref()?.closed.as_deref());
                let rules: Vec<_> =
                    rules.chain(closed.map(|closed| &closed.rule)).map(|rule| rule.id.clone()).collect();
                let places = Places::of(gateway, by, id, key.group_id.as_ref(), rules).await;
                verdict = Some(self::verdict(&question, &told, &places, &when));
            }
            Err(problem) if problem.kind == ProblemKind::Invalid => {
                problems = problem.fields.into_iter().map(|problem| (problem.field, problem.message)).collect();
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(Explained {
        models: if key.models.is_empty() { names } else { key.models },
        question: Written { endpoint: or(written.endpoint, CHAT), ..written },
        endpoints,
        zone: when.zone_name(),
        problems,
        verdict,
    })
}

fn or(text: String, otherwise: &str) -> String {
    if text.is_empty() { otherwise.to_owned() } else { text }
}

/// # Errors
/// Every field that cannot be read, at once.
fn read(id: &KeyId, written: &Written, zone: &Zone) -> Result<Question, Problem> {
    let mut check = Check::default();
    let model = written.model.trim();
    check.that(!model.is_empty(), "model", "Name the model that would be called.");
    check.that(model.chars().count() <= 200, "model", "A model’s name has 1 to 200 characters.");
    let mut count = |field: &str, text: &str| {
        let mut alone = Check::default();
        let count = read_count(&mut alone, field, text);
        let fits = alone.done().is_ok() && count.is_none_or(|count| count <= MOST_TOKENS);
        check.that(fits, field, "Write a whole number such as 1200 or 200k, up to 1,000,000,000,000,000.");
        count
    };
    let input_tokens = count("input", &written.input).unwrap_or(0);
    let max_tokens = count("output", &written.output);
    let endpoint = or(written.endpoint.trim().to_owned(), CHAT);
    check.that(endpoint.starts_with('/'), "endpoint", "Write a path such as /v1/chat/completions.");
    let at = (!written.at.trim().is_empty()).then(|| instant(written.at.trim(), zone));
    let no_time = "That is not a date and time. Write one such as 2027-01-31T18:00, or leave it blank for now.";
    check.that(at != Some(None), "at", no_time);
    let ip = (!written.ip.trim().is_empty()).then(|| written.ip.trim().parse().ok());
    check.that(ip != Some(None), "ip", "That is not an address. Write one such as 192.0.2.7, or leave it blank.");
    check.done()?;
    Ok(Question {
        key_id: id.clone(),
        model: model.to_owned(),
        endpoint,
        ip: ip.flatten(),
        input_tokens,
        max_tokens,
        at: at.flatten(),
    })
}

/// A civil time in the reader's zone, as browsers give it, or an instant.
fn instant(text: &str, zone: &Zone) -> Option<Time> {
    let civil = text.parse::<jiff::civil::DateTime>().ok();
    Time::parse(text).or_else(|| zone.instant(civil?))
}

fn verdict(asked: &Question, told: &Explanation, places: &Places, when: &When) -> Verdict {
    let at = asked.at.map_or_else(|| "now".to_owned(), |at| format!("on {}", when.text(at, "%a %-d %b %Y, %H:%M")));
    let refusal = told.refusal.as_ref();
    let headline = match refusal {
        None => "It would pass".to_owned(),
        Some(refusal) => format!("It would be refused: {} {}", refusal.code.status(), refusal.code.as_str()),
    };
    let mut notes = vec![match asked.at {
        Some(at) if at < when.now => {
            format!(
                "Asked {}, which has passed: limits are as they stand now.",
                when.text(at, "on %a %-d %b %Y, %H:%M")
            )
        }
        Some(_) => format!("Asked {at}: limits are as they would stand then if nothing else were called until then."),
        None => format!("As of {}.", when.text(when.now, "%H:%M:%S")),
    }];
    match refusal {
        None => notes.push(held(asked, told)),
        Some(refusal) => notes.extend(opens(refusal, told, when)),
    }
    Verdict {
        passes: refusal.is_none(),
        headline,
        notes,
        told: refusal.map(|refusal| refusal.message.clone()).unwrap_or_default(),
        gates: trace::of_explanation(asked, told, places),
    }
}

fn held(asked: &Question, told: &Explanation) -> String {
    let count = |count: u64| limits::exact(Measure::Tokens, i64::try_from(count).unwrap_or(i64::MAX));
    let (input, output) = (count(told.bound.input), count(told.bound.output));
    let cost = limits::exact(Measure::Credits, told.bound.cost.nanos());
    let chosen = if asked.max_tokens.is_none() { ", chosen here" } else { "" };
    format!("While in flight it would hold {input} tokens in, {output} out{chosen}, and {cost} credits.")
}

/// When it would pass, and what the caller is told about trying again.
fn opens(refusal: &Refusal, told: &Explanation, when: &When) -> Vec<String> {
    let passes = match told.passes_at {
        Some(at) => format!("It would pass {}, if nothing else were called until then.", when.soon(at)),
        None => "No waiting helps.".to_owned(),
    };
    let retry = match refusal.retry {
        Retry::After(seconds) => {
            let seconds = limits::exact(Measure::Requests, i64::try_from(seconds).unwrap_or(i64::MAX));
            Some(format!("Retry-After: {seconds}"))
        }
        Retry::Never => Some("x-should-retry: false".to_owned()),
        Retry::Unsaid => None,
    };
    [Some(capital(&passes)), retry].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(model: &str, input: &str, at: &str, ip: &str) -> Written {
        let text = str::to_owned;
        Written { model: text(model), input: text(input), at: text(at), ip: text(ip), ..Written::default() }
    }

    #[test]
    fn a_question_is_read_as_it_was_written_in_the_readers_zone() {
        let zone = Zone::parse("Europe/Berlin").expect("a zone");
        let asked = read(&"k".into(), &written("m", "1,000", "2026-11-20T15:00", "::1"), &zone).expect("read");
        assert_eq!((asked.input_tokens, asked.max_tokens, asked.endpoint.as_str()), (1_000, None, CHAT));
        assert_eq!(asked.at, Time::parse("2026-11-20T14:00:00Z"));
        assert!(asked.ip.is_some());
    }

    #[test]
    fn every_field_that_will_not_do_is_named() {
        let bad = Written { output: "-1".into(), endpoint: "chat".into(), ..written(" ", "many", "soon", "10.0.0") };
        let problem = read(&"k".into(), &bad, &Zone::utc()).expect_err("bad");
        let fields: Vec<_> = problem.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["model", "input", "output", "endpoint", "at", "ip"]);
        let huge = written("m", "9999999999999999", "", "");
        assert_eq!(read(&"k".into(), &huge, &Zone::utc()).expect_err("huge").fields[0].field, "input");
    }
}
