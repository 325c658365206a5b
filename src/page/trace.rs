//! The gates of a call in words: of one that was refused, as the logs have it, and of one that is only asked about.

use super::limits;
use super::when::When;
use crate::console::ui::budget::Budget;
use crate::console::ui::sum::{SumKind, SumRow};
use crate::console::ui::trace::{Gate, GateState, Shut};
use crate::domain::account::Account;
use crate::domain::call::{Call, CallState};
use crate::domain::id::{GroupId, KeyId, RuleId};
use crate::domain::limit::{Measure, Scope};
use crate::domain::refusal::{Code, Detail, Refusal};
use crate::gateway::Gateway;
use crate::gateway::explain::{Checked, Explanation, Question, Weighed};

/// Where the limits of a key are set: as far as the reader may see that.
#[derive(Clone, Debug, Default)]
pub struct Places {
    key: String,
    /// Its name and its page.
    group: Option<(String, String)>,
    rules: Vec<RuleId>,
}

impl Places {
    pub async fn of(gateway: &Gateway, by: &Account, key: &KeyId, group: Option<&GroupId>, rules: Vec<RuleId>) -> Self {
        let mut places = Self { key: format!("/tokens/{key}"), ..Self::default() };
        if let Some(id) = group
            && let Ok(known) = gateway.group(by, id).await
        {
            places.group = Some((known.group.name, format!("/groups/{id}")));
        }
        for id in rules {
            if !places.rules.contains(&id) && gateway.rule(by, &id).await.is_ok() {
                places.rules.push(id);
            }
        }
        places
    }

    pub fn of_rule(&self, id: &RuleId) -> Option<String> {
        self.rules.contains(id).then(|| format!("/rules/{id}"))
    }

    pub fn of_group(&self) -> Option<String> {
        self.group.as_ref().map(|(_, href)| href.clone())
    }

    fn of_limit(&self, detail: &Detail) -> Option<String> {
        match (&detail.rule, detail.scope) {
            (Some(rule), _) => self.of_rule(&rule.id),
            (None, Scope::Key) => Some(self.key.clone()),
            (None, Scope::Group) => self.of_group(),
            (None, Scope::Account | Scope::Subscription | Scope::Balance) => None,
        }
    }

    /// “Rule Office hours, 50.00 credits a day”.
    pub fn name(&self, detail: &Detail) -> String {
        let whose = match (&detail.rule, detail.scope, &self.group) {
            (Some(rule), ..) => format!("Rule {}", rule.name),
            (None, Scope::Group, Some((group, _))) => format!("Group {group}"),
            (None, scope, _) => limits::scope(scope).to_owned(),
        };
        format!("{whose}, {}", limits::clause(detail.measure, detail.max.units(), &detail.period))
    }
}

/// What a call met on its way, up to what refused it and on: as it was at that instant. Nothing for calls that were not
/// refused, and for those that no gate stopped.
pub async fn of_call(gateway: &Gateway, by: &Account, call: &Call, when: &When) -> Vec<Gate> {
    let Some(refusal) = call.refusal.as_ref().filter(|_| call.state == CallState::Refused) else { return Vec::new() };
    let arrival = &call.arrival;
    let rules = refusal.trace.iter().filter_map(|met| met.rule.as_ref());
    let rules = rules.chain(refusal.closed.iter().map(|closed| &closed.rule)).map(|rule| rule.id.clone()).collect();
    let places = Places::of(gateway, by, &arrival.key_id, arrival.group_id.as_ref(), rules).await;
    met(call, refusal, &places, when)
}

/// The checks before any limit, in their order, and at which of them a refusal with this code stops.
fn stop(code: Code) -> Option<usize> {
    Some(match code {
        Code::MissingKey
        | Code::InvalidKey
        | Code::KeyRevoked
        | Code::KeyExpired
        | Code::KeyDisabled
        | Code::AccountDisabled => 0,
        Code::InvalidBody | Code::BodyTooLarge => 1,
        Code::ModelNotFound | Code::ModelNotAllowed => 2,
        Code::IpNotAllowed => 3,
        Code::EndpointNotAllowed => 4,
        Code::OutsideAllowedHours => 5,
        Code::MaxTokensExceedsKeyLimit | Code::RequestCostExceedsKeyCap | Code::ContextLengthExceeded => 6,
        Code::NoRouteAvailable => 7,
        Code::QuotaExceeded | Code::SubscriptionExhausted | Code::BalanceExhausted | Code::RateLimitExceeded => 8,
        Code::UpstreamFailed | Code::BooksUnavailable | Code::UpstreamTimeout => return None,
    })
}

fn met(call: &Call, refusal: &Refusal, places: &Places, when: &When) -> Vec<Gate> {
    let Some(stop) = stop(refusal.code) else { return Vec::new() };
    let arrival = &call.arrival;
    let key = Some(places.key.clone());
    let model = if refusal.code == Code::ModelNotFound { Some("/models".to_owned()) } else { key.clone() };
    let closed = refusal.closed.as_deref();
    let hours = closed.map_or_else(|| "Hours".to_owned(), |closed| format!("Hours of rule {}", closed.rule.name));
    let checks = [
        ("Key active, not expired".to_owned(), key.clone()),
        ("Request can be read".to_owned(), None),
        (format!("Model {} is here, and allowed", or_none(&arrival.model)), model),
        (format!("From {}", arrival.client_ip), key.clone()),
        (format!("To {}", arrival.endpoint), key.clone()),
        (hours, closed.and_then(|closed| places.of_rule(&closed.rule.id))),
        ("Size of one call".to_owned(), key),
        ("A provider to send it to".to_owned(), None),
    ];
    let is_whole = stop >= checks.len();
    let checks = checks.into_iter().enumerate().take(stop + 1).filter(|(at, _)| *at != 1 || stop == 1);
    let mut gates: Vec<Gate> = checks
        .map(|(at, (name, href))| match (at == stop, closed) {
            (false, _) => Gate { name, href: None, value: "passed".to_owned(), state: GateState::Passed, why: None },
            (true, Some(closed)) => {
                let opens = closed.opens_at.map_or("never opens".to_owned(), |at| opening("opened", "opens", at, when));
                Gate { name, href, value: opens, state: GateState::Shut, why: None }
            }
            (true, None) => Gate { name, href, value: "refused".to_owned(), state: GateState::Shut, why: None },
        })
        .collect();
    if !is_whole {
        let name = "Limits".to_owned();
        gates.push(Gate { name, href: None, value: "not asked any more".into(), state: GateState::After, why: None });
        return gates;
    }
    // Rows of earlier versions have only the limit that was short.
    let own = refusal.detail.as_deref().map(std::slice::from_ref).unwrap_or_default();
    let trace = if refusal.trace.is_empty() { own } else { &refusal.trace };
    let short = trace.iter().position(|met| !fits(met)).unwrap_or(0);
    gates.extend(trace.iter().enumerate().map(|(at, met)| {
        let passed = || {
            let taken = met.used.units().saturating_add(met.held.units()).saturating_add(met.requested.units());
            format!("{} of {}", limits::exact(met.measure, taken), limits::exact(met.measure, met.max.units()))
        };
        limit(met, at.cmp(&short), "blocked", passed, places)
    }));
    gates
}

/// “opens tomorrow 07:00”, or that it has.
pub fn opening(past: &str, to_come: &str, at: crate::domain::time::Time, when: &When) -> String {
    if at <= when.now { format!("{past} {}", when.past(at)) } else { format!("{to_come} {}", when.soon(at)) }
}

fn or_none(model: &str) -> &str {
    if model.is_empty() { "(none named)" } else { model }
}

/// A limit as a call met it: before the one that is short, that one, or after it.
fn limit(met: &Detail, place: std::cmp::Ordering, blocks: &str, passed: impl Fn() -> String, places: &Places) -> Gate {
    let (state, value, why) = match place {
        std::cmp::Ordering::Less => (GateState::Passed, passed(), None),
        std::cmp::Ordering::Equal => (GateState::Shut, blocks.to_owned(), Some(shut(met))),
        std::cmp::Ordering::Greater if fits(met) => {
            (GateState::After, format!("would pass, {} left", limits::exact(met.measure, left(met))), None)
        }
        std::cmp::Ordering::Greater => (GateState::After, "no room either".to_owned(), None),
    };
    Gate { name: places.name(met), href: places.of_limit(met), value, state, why }
}

fn left(met: &Detail) -> i64 {
    met.max.units().saturating_sub(met.used.units()).saturating_sub(met.held.units()).max(0)
}

fn fits(met: &Detail) -> bool {
    let taken = met.used.units().saturating_add(met.held.units());
    taken.saturating_add(met.requested.units()) <= met.max.units()
}

fn shut(met: &Detail) -> Shut {
    let budget = Budget {
        measure: met.measure,
        settled: met.used.units(),
        held: met.held.units(),
        max: Some(met.max.units()),
        period: limits::period(&met.period),
        alert: None,
        blocks: true,
        is_off: false,
    };
    Shut { budget, sum: short_by(met) }
}

/// Why it did not fit: settled + held + this call = would be; what the limit is; by how much that is too much.
fn short_by(met: &Detail) -> Vec<SumRow> {
    let figures = [&met.used, &met.held, &met.requested, &met.max].map(|figure| figure.units());
    let [used, held, asked, max] = figures;
    let would = used.saturating_add(held).saturating_add(asked);
    // Six decimals of a credit, as costs are shown; nine where that would hide something.
    let decimals = if figures.iter().all(|nanos| nanos % 1_000 == 0) { 6 } else { 9 };
    let text = |value: i64| match met.measure {
        Measure::Credits => {
            crate::console::ui::money::amount(crate::domain::credits::Credits::from_nanos(value), decimals)
        }
        measure => limits::exact(measure, value),
    };
    let mine = if met.measure == Measure::Requests { "This call" } else { "This call, at most" };
    vec![
        SumRow::new("", "Settled", text(used)),
        SumRow::new("+", "Held by calls in flight", text(held)),
        SumRow::new("+", mine, text(asked)),
        SumRow::new("", "Would be", text(would)).kind(SumKind::Total),
        SumRow::new("−", "The limit", text(max)),
        SumRow::new("", "Short by", text(would.saturating_sub(max))).kind(SumKind::Over),
    ]
}

/// How much a limit was short by, where one was.
pub fn shortfall(met: &Detail) -> String {
    let taken = met.used.units().saturating_add(met.held.units()).saturating_add(met.requested.units());
    let short = taken.saturating_sub(met.max.units());
    match met.measure {
        Measure::Credits => limits::exact(met.measure, short),
        measure if short == 1 => format!("1 {}", measure.as_str().trim_end_matches('s')),
        measure => format!("{} {}", limits::exact(measure, short), measure.as_str()),
    }
}

/// Every check and every limit that a call would meet, in the order consulted, with its headroom.
pub fn of_explanation(asked: &Question, told: &Explanation, places: &Places) -> Vec<Gate> {
    let failed = told.checks.iter().position(|checked| checked.refusal.is_some());
    let checks = told
        .checks
        .iter()
        .enumerate()
        .map(|(at, checked)| check(asked, checked, failed.map(|stop| at.cmp(&stop)), places));
    // What the subscription has no room for, the balance pays: only where it refuses is a limit without room shut.
    let refused = told.refusal.as_ref().and_then(|refusal| refusal.detail.as_deref()).filter(|_| failed.is_none());
    let short = refused.and_then(|detail| {
        told.limits
            .iter()
            .position(|weighed| (weighed.detail.scope, &weighed.detail.limit) == (detail.scope, &detail.limit))
    });
    let weighed = told.limits.iter().enumerate().map(|(at, Weighed { detail, fits })| {
        let headroom = || {
            let (asks, room) = (detail.requested.units(), left(detail));
            let [asks, room] = [asks, room].map(|value| limits::exact(detail.measure, value));
            if *fits { format!("asks for {asks}, {room} left") } else { "no room, the balance pays".to_owned() }
        };
        let place = match (failed, short) {
            (Some(_), _) => std::cmp::Ordering::Greater,
            (None, Some(short)) => at.cmp(&short),
            (None, None) => std::cmp::Ordering::Less,
        };
        limit(detail, place, "blocks", headroom, places)
    });
    checks.chain(weighed).collect()
}

fn check(asked: &Question, checked: &Checked, place: Option<std::cmp::Ordering>, places: &Places) -> Gate {
    let (name, is_keys) = match checked.check {
        "status" => ("Key active".to_owned(), true),
        "expiry" => ("Not expired".to_owned(), true),
        "account" => ("Account enabled".to_owned(), false),
        "model" => (format!("Model {} is here, and allowed", or_none(&asked.model)), true),
        "ip" => (asked.ip.map_or_else(|| "Address".to_owned(), |ip| format!("From {ip}")), true),
        "endpoint" => (format!("To {}", asked.endpoint), true),
        "hours" => ("Hours".to_owned(), false),
        "route" => ("A provider to send it to".to_owned(), false),
        "price" => ("A price to charge".to_owned(), false),
        "max_tokens_per_request" => ("Output of one call".to_owned(), true),
        "max_cost_per_request" => ("Cost of one call".to_owned(), true),
        other => (other.to_owned(), false),
    };
    let closed = checked.refusal.as_ref().and_then(|refusal| refusal.closed.as_deref());
    let href = match (&checked.refusal, closed) {
        (None, _) => None,
        (Some(_), Some(closed)) => places.of_rule(&closed.rule.id),
        (Some(refusal), None) if refusal.code == Code::ModelNotFound => Some("/models".to_owned()),
        (Some(_), None) => is_keys.then(|| places.key.clone()),
    };
    let name = closed.map_or(name, |closed| format!("Hours of rule {}", closed.rule.name));
    let (state, value) = match (&checked.refusal, place) {
        (Some(_), Some(std::cmp::Ordering::Equal)) => (GateState::Shut, "blocks"),
        (Some(_), _) => (GateState::After, "would block as well"),
        (None, Some(std::cmp::Ordering::Greater)) => (GateState::After, "would pass"),
        (None, _) => (GateState::Passed, "passes"),
    };
    Gate { name, href, value: value.to_owned(), state, why: None }
}
