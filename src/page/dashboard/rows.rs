//! Budgets and calls, row by row.

use super::{Range, count};
use crate::console::dashboard::overview::{BudgetRow, CallKind, CallRow};
use crate::console::ui::budget::Budget;
use crate::console::ui::money::{amount, grouped};
use crate::console::ui::place::Place;
use crate::domain::call::{Call, CallState};
use crate::domain::credits::Credits;
use crate::domain::limit::Measure;
use crate::domain::period::Period;
use crate::gateway::forecast::{Budgeted, Outlook};
use std::time::Duration;

/// Percent of a budget above which its ink is amber, as in the list of tokens.
const ALERT: u8 = 80;

pub fn budget(range: &Range, budgeted: &Budgeted) -> BudgetRow {
    let Budgeted { key, standing, outlook } = budgeted;
    let limit = &standing.limit;
    let reading = &standing.reading;
    let is_dry = standing.remaining() == 0;
    let text = |value: i64| match limit.measure {
        Measure::Credits => amount(Credits::from_nanos(value), if value.abs() < 10_000_000 { 6 } else { 2 }),
        Measure::Requests | Measure::Tokens => grouped(value),
    };
    let runway = match *outlook {
        _ if reading.settled >= limit.max => ("Dry".to_owned(), "nothing left".to_owned()),
        _ if is_dry => ("All held".to_owned(), "by calls in flight".to_owned()),
        Outlook::Early => ("Too early to say".to_owned(), String::new()),
        Outlook::Dry { at } => (range.soon(at), format!("{} at this pace", in_words(at.since(range.0.now)))),
        Outlook::Lasts { expected: Some(expected) } => {
            (format!("Lasts the {}", limit.period.as_str()), format!("about {} by its end", text(expected)))
        }
        Outlook::Lasts { expected: None } => ("Lasts over a year".to_owned(), "at this pace".to_owned()),
    };
    let reopens = match standing.resets_at {
        Some(at) => format!("reopens {}", range.soon(at).replace("Today", "today")),
        None => "does not reopen by itself".to_owned(),
    };
    BudgetRow {
        key: key.name.clone(),
        href: Place::new(format!("/tokens/{}", key.id)).href(),
        limit: match (&limit.rule, limit.name) {
            (Some(rule), _) => format!("Rule {}", rule.name),
            (None, "monthly_spend") => "Monthly spend".to_owned(),
            (None, "credit_quota") => "Credit quota".to_owned(),
            (None, "token_quota") => "Token quota".to_owned(),
            (None, "monthly_tokens") => "Monthly tokens".to_owned(),
            (None, other) => other.to_owned(),
        },
        budget: Budget {
            measure: limit.measure,
            settled: reading.settled,
            held: reading.held,
            max: Some(limit.max),
            period: match limit.period {
                Period::Lifetime => "once".to_owned(),
                period => format!("a {}", period.as_str()),
            },
            alert: Some(ALERT),
            blocks: true,
            is_off: false,
        },
        runway,
        fate: (if is_dry { "Blocks now" } else { "Then blocks" }.to_owned(), reopens),
        is_dry,
        is_near: is_dry || matches!(outlook, Outlook::Dry { .. }),
    }
}

fn in_words(wait: Duration) -> String {
    let (number, unit) = match wait.as_secs() / 60 {
        minutes @ 0..120 => (minutes, "minute"),
        minutes @ 120..2_880 => (minutes / 60, "hour"),
        minutes => (minutes / 1_440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

pub fn call(range: &Range, call: &Call) -> CallRow {
    let at = call.arrival.at;
    let code = call.refusal.as_ref().map(|refusal| refusal.code.as_str());
    let (kind, outcome) = match (call.state, call.status) {
        (CallState::Pending, _) => (CallKind::Held, "held".to_owned()),
        (CallState::Refused, status) => (CallKind::Refused, format!("{status} {}", code.unwrap_or("refused"))),
        (CallState::Settled, status @ 0..400) => (CallKind::Succeeded, status.to_string()),
        (CallState::Settled, 499) => (CallKind::Failed, "499 client left".to_owned()),
        (CallState::Settled, status) => (CallKind::Failed, format!("{status} {}", code.unwrap_or("failed"))),
    };
    let is_held = kind == CallKind::Held;
    let is_today = range.text(at, "%F") == range.text(range.0.now, "%F");
    CallRow {
        id: call.arrival.id.0.clone(),
        at: at.to_string(),
        time: range.text(at, if is_today { "%H:%M:%S" } else { "%-d %b" }),
        full: range.text(at, "%a %-d %b %Y, %H:%M:%S"),
        key: call.arrival.key_name.clone(),
        model: call.arrival.model.clone(),
        outcome,
        kind,
        tokens: if is_held {
            format!("{} / …", grouped(count(call.bound.input)))
        } else {
            format!("{} / {}", grouped(count(call.usage.input)), grouped(count(call.usage.output)))
        },
        took: match call.total_ms {
            _ if is_held => "in flight".to_owned(),
            None => "—".to_owned(),
            Some(ms @ 0..1_000) => format!("{ms} ms"),
            Some(ms) => format!("{}.{} s", grouped(count(ms / 1_000)), ms % 1_000 / 100),
        },
        cost: if is_held { call.bound.cost } else { call.cost },
    }
}
