//! One call in full, in words and sums that can be checked: what its drawer shows.

use super::rows::{Ending, count, took};
use super::sums::{charged, exact};
use crate::console::ui::sum::SumRow;
use crate::console::ui::trace::{Gate, GateState};
use crate::domain::call::{Attempt, Call};
use crate::domain::limit::Measure;
use crate::domain::period::Zone;
use crate::domain::refusal::{Code, Detail, Figure, Refusal};
use crate::domain::time::Time;
use crate::domain::usage::{Units, UsageSource};
use serde::{Deserialize, Serialize};

/// A name and what it is.
pub type Fact = (String, String);

/// A call as its drawer shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallDetail {
    pub id: String,
    pub at: String,
    /// “Fri 20 Nov 2026, 13:58:21.406 UTC+01:00”.
    pub when: String,
    pub headline: String,
    pub ending: Ending,
    /// “402 quota_exceeded”.
    pub outcome: String,
    pub key_id: String,
    pub key: String,
    /// What follows the outcome: when it reopens, what would have passed.
    pub then: String,
    pub refusal: Option<Why>,
    pub cost: Vec<SumRow>,
    /// Where the figures come from.
    pub source: String,
    pub tokens: Vec<Fact>,
    pub attempts: Vec<String>,
    pub facts: Vec<Fact>,
}

/// Why a call was refused, or failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Word for word as the caller was told.
    pub message: String,
    /// Every check and every limit on its way, as it met them.
    pub gates: Vec<Gate>,
    /// Where the limit or the check is set that refused it.
    pub href: Option<String>,
}

/// A call in its reader's zone, at this moment, with the gates that it met.
impl From<(&Call, Vec<Gate>, &Zone, Time)> for CallDetail {
    fn from((call, gates, zone, now): (&Call, Vec<Gate>, &Zone, Time)) -> Self {
        let arrival = &call.arrival;
        let ending = Ending::from(call);
        let refusal = call.refusal.as_ref();
        let status = if call.status == 0 { "held".to_owned() } else { call.status.to_string() };
        let code = refusal.map(|refusal| format!(" {}", refusal.code.as_str())).unwrap_or_default();
        Self {
            id: arrival.id.to_string(),
            at: arrival.at.to_string(),
            when: zone.local(arrival.at).strftime("%a %-d %b %Y, %H:%M:%S.%3f UTC%:z").to_string(),
            headline: headline(call, ending, now),
            ending,
            outcome: format!("{status}{code}"),
            key_id: arrival.key_id.to_string(),
            key: arrival.key_name.clone(),
            then: refusal.map(|refusal| then(refusal, zone, now)).unwrap_or_default(),
            refusal: refusal.map(|refusal| Why {
                message: refusal.message.clone(),
                href: gates.iter().find(|gate| gate.state == GateState::Shut).and_then(|gate| gate.href.clone()),
                gates,
            }),
            cost: charged(call, ending),
            source: source(call).to_owned(),
            tokens: tokens(call, ending),
            attempts: call.attempts.iter().map(attempt).collect(),
            facts: facts(call),
        }
    }
}

fn headline(call: &Call, ending: Ending, now: Time) -> String {
    let refusal = call.refusal.as_ref();
    match ending {
        Ending::Answered => {
            let span = call.total_ms.map(|ms| format!(" in {}", took(ms))).unwrap_or_default();
            let from = if call.usage_source == Some(UsageSource::Cache) { " from the cache" } else { "" };
            format!("Answered{from}{span}")
        }
        Ending::Held => {
            let span = now.since(call.arrival.at).as_millis();
            format!("In flight for {}", took(u64::try_from(span).unwrap_or(u64::MAX)))
        }
        Ending::Refused => {
            refusal.map_or_else(|| "Refused".to_owned(), |refusal| format!("Refused: {}", cause(refusal)))
        }
        Ending::Failed => match refusal {
            Some(refusal) => format!("Failed: {}", cause(refusal)),
            None if call.status == 499 => "The client left before the end".to_owned(),
            None if call.usage_source == Some(UsageSource::Interrupted) => "Interrupted: the process ended".to_owned(),
            None => format!("Failed with {}", call.status),
        },
    }
}

/// The reason in a few words.
fn cause(refusal: &Refusal) -> String {
    let detail = refusal.detail.as_ref();
    let said = match refusal.code {
        Code::InvalidBody => "the request cannot be read",
        Code::MaxTokensExceedsKeyLimit => "it asks for more output than the key may",
        Code::RequestCostExceedsKeyCap => "it may cost more than one call of the key may",
        Code::ContextLengthExceeded => "it is longer than the model’s context",
        Code::MissingKey => "it brought no key",
        Code::InvalidKey => "the key is not known",
        Code::KeyRevoked => "the key is revoked",
        Code::KeyExpired => "the key has expired",
        Code::KeyDisabled => "the key is disabled",
        Code::AccountDisabled => "the account is disabled",
        Code::QuotaExceeded => match detail {
            Some(detail) if whole(&detail.used) < whole(&detail.max) => {
                return format!("what is left of {} is too little", whose(detail));
            }
            Some(detail) => return format!("{} are spent", whose(detail)),
            None => "the quota is spent",
        },
        Code::SubscriptionExhausted => "the subscription’s cycle is spent",
        Code::BalanceExhausted => "the account’s balance is spent",
        Code::ModelNotAllowed => "the key may not call this model",
        Code::IpNotAllowed => "the key may not be used from there",
        Code::OutsideAllowedHours => "the key’s rule allows no calls at that hour",
        Code::EndpointNotAllowed => "the key may not use this endpoint",
        Code::ModelNotFound => "there is no such model",
        Code::BodyTooLarge => "the request is too large",
        Code::RateLimitExceeded => match detail {
            Some(detail) => return format!("too many {} within a {}", detail.measure.as_str(), detail.period),
            None => "too many requests",
        },
        Code::UpstreamFailed => "the provider failed",
        Code::NoRouteAvailable => "no provider serves this model now",
        Code::BooksUnavailable => "the books could not be written",
        Code::UpstreamTimeout => "the provider did not answer in time",
    };
    said.to_owned()
}

/// “the month’s credits”.
fn whose(detail: &Detail) -> String {
    match detail.period.as_str() {
        "lifetime" => format!("the key’s {}", detail.measure.as_str()),
        period => format!("the {period}’s {}", detail.measure.as_str()),
    }
}

/// When it would pass, and what would have.
fn then(refusal: &Refusal, zone: &Zone, now: Time) -> String {
    let opening = |past: &str, to_come: &str, at: Time| {
        format!("{} {}. ", if at <= now { past } else { to_come }, soon(at, zone, now))
    };
    if let Some(closed) = &refusal.closed {
        let opens = closed.opens_at.map(|at| opening("The hours began", "The hours begin", at));
        return opens.unwrap_or_else(|| "The hours never begin.".to_owned());
    }
    let Some(detail) = &refusal.detail else { return String::new() };
    let alone = whole(&detail.requested) > whole(&detail.max);
    let reopens = detail.resets_at.filter(|_| !alone).map(|at| opening("It reopened", "It reopens", at));
    let reopens =
        reopens.or_else(|| alone.then(|| "It alone asks for more than the limit, so no waiting helps. ".into()));
    let left = whole(&detail.max).saturating_sub(whole(&detail.used)).saturating_sub(whole(&detail.held));
    let passes = (left > 0 && detail.measure != Measure::Requests).then(|| {
        let (left, unit) = match detail.measure {
            Measure::Credits => (Figure::new(Measure::Credits, left).to_string(), "credits"),
            measure => (count(left.unsigned_abs()), measure.as_str()),
        };
        format!("A call bounded at {left} {unit} or less would have passed.")
    });
    [reopens, passes].into_iter().flatten().collect()
}

/// “today 15:00”, “tomorrow 00:00”, “on 1 Dec 00:00”.
fn soon(at: Time, zone: &Zone, now: Time) -> String {
    let (at, now) = (zone.local(at), zone.local(now));
    let is_tomorrow = now.date().tomorrow().is_ok_and(|tomorrow| tomorrow == at.date());
    let day = match at.date() {
        date if date == now.date() => "today".to_owned(),
        _ if is_tomorrow => "tomorrow".to_owned(),
        _ => at.strftime("on %-d %b").to_string(),
    };
    let seconds = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    format!("{day} {}", at.strftime(seconds))
}

/// A figure in its smallest unit.
fn whole(figure: &Figure) -> i64 {
    match figure {
        Figure::Count(count) => *count,
        Figure::Money(credits) => credits.nanos(),
    }
}

fn source(call: &Call) -> &'static str {
    match call.usage_source {
        Some(UsageSource::Interrupted) => "unknown: all that was held is charged",
        Some(UsageSource::Cache) => "none: an identical call’s answer served it",
        _ if call.usage.total() == 0 && call.usage.units.is_none() => "",
        Some(UsageSource::Upstream) => "as the provider reported",
        Some(UsageSource::Estimated) => "our estimate: the provider did not say",
        None => "",
    }
}

fn tokens(call: &Call, ending: Ending) -> Vec<Fact> {
    let usage = &call.usage;
    let of =
        |part: u64, what: &str| if part > 0 { format!(", of which {} {what}", count(part)) } else { String::new() };
    let input = [
        of(usage.cached_input, "cached"),
        of(usage.cache_write.saturating_add(usage.cache_write_1h), "written to the cache"),
        of(usage.audio_input, "sound"),
        of(usage.image_input, "image"),
    ];
    let output = [of(usage.reasoning, "reasoning"), of(usage.audio_output, "sound"), of(usage.image_output, "image")];
    let bound = || {
        let (input, output) = (count(call.bound.input), count(call.bound.output));
        let held = exact(call.bound.cost);
        ("Bound".to_owned(), format!("{input} in, {output} out, {held} credits, held while in flight"))
    };
    match ending {
        Ending::Refused => Vec::new(),
        Ending::Held => vec![bound()],
        Ending::Answered | Ending::Failed => vec![
            ("Input".to_owned(), count(usage.input) + &input.concat()),
            ("Output".to_owned(), count(usage.output) + &output.concat()),
        ]
        .into_iter()
        .chain(units(&usage.units))
        .chain([bound()])
        .collect(),
    }
}

/// What was used and is no token.
fn units(units: &Units) -> impl Iterator<Item = Fact> + use<> {
    let seconds = |ms: u64| format!("{}.{:03} s", count(ms / 1_000), ms % 1_000);
    let all = [
        ("Images", units.images, count(units.images)),
        ("Characters", units.characters, count(units.characters)),
        ("Audio", units.audio_ms, seconds(units.audio_ms)),
        ("Video", units.video_ms, seconds(units.video_ms)),
        ("Searches", units.searches, count(units.searches)),
    ];
    all.into_iter().filter(|(_, quantity, _)| *quantity > 0).map(|(name, _, text)| (name.to_owned(), text))
}

fn attempt(attempt: &Attempt) -> String {
    let Attempt { provider, upstream_model, model, credential, skipped, status, error, ms } = attempt;
    let instead = model.as_ref().map(|model| format!(", for {model}, which stands in")).unwrap_or_default();
    if let Some(why) = skipped {
        return format!("{provider}, {upstream_model}{instead}: passed over, {why}");
    }
    let answer = match (status, error) {
        (Some(status), None) => format!("{status}"),
        (Some(status), Some(error)) => format!("{status}, {error}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "no answer".to_owned(),
    };
    let by = credential.as_ref().map(|hint| format!(" by {hint}")).unwrap_or_default();
    format!("{provider}, {upstream_model}{instead}{by}: {answer}, {}", took(*ms))
}

fn facts(call: &Call) -> Vec<Fact> {
    let arrival = &call.arrival;
    let stream = if arrival.stream { "streamed" } else { "not streamed" };
    let span = |ms: Option<u64>| ms.map(took);
    [
        ("Theirs", arrival.client_request_id.clone()),
        ("Endpoint", Some(format!("POST {}, {stream}", arrival.endpoint))),
        ("Dialect", Some(arrival.dialect.clone())),
        ("Model", Some(arrival.model.clone())),
        ("Provider", Some(call.provider.clone())),
        ("First byte", span(call.first_byte_ms)),
        ("Total", span(call.total_ms)),
        ("Client", Some(arrival.client_ip.clone())),
        ("User agent", Some(arrival.user_agent.clone())),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name.to_owned(), text.filter(|text| !text.is_empty())?)))
    .collect()
}
