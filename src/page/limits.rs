//! Limits in words: what they count, over how long, and how much that is.

use crate::console::ui::budget::Budget;
use crate::console::ui::money::{amount, grouped};
use crate::domain::credits::Credits;
use crate::domain::limit::{Measure, Scope};
use crate::domain::period::Period;

/// Percent of a budget above which it is near its end, as in the list of tokens.
pub const ALERT: u8 = 80;

/// A limit by the field that sets it: “Monthly spend”.
pub fn name(field: &str) -> &str {
    match field {
        "rpm" => "Requests a minute",
        "tpm" => "Tokens a minute",
        "rpd" => "Requests a day",
        "token_quota" => "Token quota",
        "monthly_tokens" => "Monthly tokens",
        "monthly_spend" => "Monthly spend",
        "credit_quota" => "Credit quota",
        "rule" => "The rule’s credits",
        "group_tokens" => "Shared tokens",
        "group_credits" => "Shared credits",
        "subscription" => "Cycle’s credits",
        "balance" => "Balance",
        other => other,
    }
}

pub fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Key => "Key",
        Scope::Group => "Group",
        Scope::Account => "Account",
        Scope::Subscription => "Subscription",
        Scope::Balance => "Balance",
    }
}

/// What follows a maximum: “a month”, “once”.
pub fn period(name: &str) -> String {
    match name {
        "lifetime" => "once".to_owned(),
        period => format!("a {period}"),
    }
}

/// Exact, credits with two, six or nine decimals: `1,000`, `49.52`, `0.000021`.
pub fn exact(measure: Measure, value: i64) -> String {
    match measure {
        Measure::Credits => {
            let decimals = match value {
                cents if cents % 10_000_000 == 0 => 2,
                millionths if millionths % 1_000 == 0 => 6,
                _ => 9,
            };
            amount(Credits::from_nanos(value), decimals)
        }
        Measure::Requests | Measure::Tokens => grouped(value),
    }
}

/// Rounded as budgets are: two decimals, but for the smallest sums.
pub fn rounded(measure: Measure, value: i64) -> String {
    match measure {
        Measure::Credits => amount(Credits::from_nanos(value), if value.abs() < 10_000_000 { 6 } else { 2 }),
        Measure::Requests | Measure::Tokens => grouped(value),
    }
}

/// “50.00 credits a day”, “60 requests a minute”.
pub fn clause(measure: Measure, max: i64, period_name: &str) -> String {
    format!("{} {} {}", exact(measure, max), measure.as_str(), period(period_name))
}

/// The line of a limit that blocks at its end.
pub fn budget(measure: Measure, of: Period, reading: (i64, i64), max: i64) -> Budget {
    let (settled, held) = reading;
    Budget {
        measure,
        settled,
        held,
        max: Some(max),
        period: period(of.as_str()),
        alert: of.window().is_none().then_some(ALERT),
        blocks: true,
        is_off: false,
    }
}
