//! The chain of limits, row by row, and the checks beside it.

use super::soon;
use crate::console::token::told::{ChainRow, CheckRow};
use crate::console::ui::budget::Budget;
use crate::domain::limit::{Measure, Scope};
use crate::domain::period::Period;
use crate::gateway::chain::{Chain, Link};
use crate::gateway::forecast::Outlook;
use crate::page::limits;
use crate::page::trace::Places;
use crate::page::when::{When, span};

/// How many models, addresses or paths are named; the others are counted.
const NAMED: usize = 6;

/// Every limit in the order consulted. Where the key has none of its own, and where nobody pays, that is a row as well.
pub fn rows(chain: &Chain, when: &When, places: &Places, is_off: bool) -> Vec<ChainRow> {
    let link = |(at, link): (usize, &Link)| row(link, chain, when, places, chain.binding == Some(at), is_off);
    let mut rows: Vec<ChainRow> = chain.links.iter().enumerate().map(link).collect();
    let is_own = |link: &Link| link.standing.limit.owner.scope == Scope::Key;
    if !chain.links.iter().any(is_own) {
        rows.insert(0, open("Key", "no limit of its own", chain, "nothing blocks here", is_off));
    }
    if !chain.wallet.metered {
        rows.push(open("Wallet", "not metered", chain, "cost recorded only", is_off));
    }
    rows
}

/// What has no end: how much the key has drawn of it so far.
fn open(scope: &str, name: &str, chain: &Chain, end: &str, is_off: bool) -> ChainRow {
    let budget = Budget {
        measure: Measure::Credits,
        settled: chain.spent.nanos(),
        held: 0,
        max: None,
        period: String::new(),
        alert: None,
        blocks: false,
        is_off,
    };
    ChainRow {
        scope: scope.to_owned(),
        binds: false,
        name: name.to_owned(),
        href: None,
        budget,
        runway: ("Never".to_owned(), String::new()),
        end: end.to_owned(),
        is_near: false,
        is_shut: false,
    }
}

fn row(link: &Link, chain: &Chain, when: &When, places: &Places, binds: bool, is_off: bool) -> ChainRow {
    let limit = &link.standing.limit;
    let reading = &link.standing.reading;
    let (name, href) = match (&limit.rule, limit.owner.scope) {
        (Some(rule), _) => {
            let inherited = if chain.key.rule_id.is_none() { ", inherited" } else { "" };
            (format!("{}{inherited}", rule.name), places.of_rule(&rule.id))
        }
        (None, Scope::Group) => {
            (chain.group.as_ref().map(|group| group.name.clone()).unwrap_or_default(), places.of_group())
        }
        (None, Scope::Account) => {
            (format!("{}: {}", super::shown_name(&chain.account), limits::name(limit.name)), None)
        }
        (None, Scope::Subscription) => ("this cycle".to_owned(), None),
        (None, Scope::Balance) => ("put in, less what was spent".to_owned(), None),
        (None, Scope::Key) => (limits::name(limit.name).to_owned(), None),
    };
    let scope = if limit.rule.is_some() { "Rule" } else { limits::scope(limit.owner.scope) };
    let budget = limits::budget(limit.measure, limit.period, (reading.settled, reading.held), limit.max);
    let period = match limit.owner.scope {
        Scope::Balance => "put in".to_owned(),
        _ => budget.period.clone(),
    };
    ChainRow {
        scope: scope.to_owned(),
        binds,
        name,
        href,
        budget: Budget { period, blocks: !link.falls_back, is_off, ..budget },
        runway: runway(link, when),
        end: end(link, when),
        is_near: matches!(link.outlook, Outlook::Dry { .. }),
        is_shut: link.is_shut(),
    }
}

/// When it runs dry at this pace, and a word about that.
fn runway(link: &Link, when: &When) -> (String, String) {
    let told = |what: &str, more: String| (what.to_owned(), more);
    let (limit, reading) = (&link.standing.limit, &link.standing.reading);
    let is_full = link.standing.remaining() == 0;
    if limit.max <= 0 {
        return told("Shut", "nothing is allowed".to_owned());
    }
    if is_full && reading.settled < limit.max {
        return told("All held", "by calls in flight".to_owned());
    }
    if is_full && link.is_rate() {
        return told("Full", link.opens_at.map(|at| format!("room {}", when.soon(at))).unwrap_or_default());
    }
    if is_full {
        return told("Dry", "nothing left".to_owned());
    }
    match link.outlook {
        _ if link.is_rate() => told("Not at this pace", String::new()),
        Outlook::Early => told("Too early to say", String::new()),
        Outlook::Dry { at } => (soon(when, at), format!("{} at this pace", span(at.since(when.now)))),
        Outlook::Lasts { expected: Some(expected) } => {
            let about = format!("about {} by its end", limits::rounded(limit.measure, expected));
            (format!("Lasts the {}", limit.period.as_str()), about)
        }
        Outlook::Lasts { expected: None } => told("Lasts over a year", "at this pace".to_owned()),
    }
}

/// What happens at its end.
fn end(link: &Link, when: &When) -> String {
    let limit = &link.standing.limit;
    let at = link.standing.resets_at.map(|at| when.soon(at));
    if limit.max <= 0 && limit.owner.scope != Scope::Balance && !link.falls_back {
        return "blocks every call".to_owned();
    }
    match (limit.period, limit.owner.scope, at) {
        (_, Scope::Balance, _) => "blocks until more is put in".to_owned(),
        (_, Scope::Subscription, Some(at)) if link.falls_back => format!("the balance pays, new cycle {at}"),
        (_, Scope::Subscription, Some(at)) => format!("blocks, new cycle {at}"),
        (Period::Minute, ..) => "blocks for seconds, 429".to_owned(),
        (Period::RollingDay, ..) => "blocks within the day, 429".to_owned(),
        (_, _, Some(at)) => format!("blocks, reopens {at}"),
        (_, _, None) => "blocks for good".to_owned(),
    }
}

/// What is checked before any limit is asked.
pub fn checks(chain: &Chain, when: &When, rule: Option<String>) -> Vec<CheckRow> {
    let (key, limits) = (&chain.key, &chain.account.limits);
    let listed = |name: &str, list: &[String], all: &str| CheckRow {
        name: name.to_owned(),
        says: match list.len() {
            0 => all.to_owned(),
            1..=NAMED => list.join(", "),
            more => format!("{} and {} more", list[..NAMED].join(", "), more - NAMED),
        },
        href: None,
        is_shut: false,
    };
    let said = |name: &str, says: String| CheckRow { name: name.to_owned(), says, href: None, is_shut: false };
    let hours = chain.rule.as_ref().and_then(|rule| Some((rule, rule.hours_in_force()?)));
    let hours = match hours {
        None => said("Hours", "any time".to_owned()),
        Some((of, hours)) => {
            let is_open = hours.allows(when.now);
            let turn = if is_open { hours.next_close(when.now) } else { hours.next_open(when.now) };
            let state = match (is_open, turn.map(|at| when.soon(at))) {
                (true, Some(at)) => format!("open now, until {at}"),
                (true, None) => "open now, and always".to_owned(),
                (false, Some(at)) => format!("shut, opens {at}"),
                (false, None) => "shut, and never opens".to_owned(),
            };
            let says = format!("{state}. Rule {}: {}", of.name, hours.text());
            CheckRow { href: rule, is_shut: !is_open, ..said("Hours", says) }
        }
    };
    // The tighter of the key's and its account's.
    let tighter = |own: Option<i64>, account: Option<i64>| match (own, account) {
        (Some(own), Some(account)) if account < own => Some((account, ", its account’s cap")),
        (Some(own), _) => Some((own, "")),
        (None, account) => account.map(|cap| (cap, ", its account’s cap")),
    };
    let count = |cap: Option<u64>| cap.map(|cap| i64::try_from(cap).unwrap_or(i64::MAX));
    let output = tighter(count(key.limits.max_tokens_per_request), count(limits.max_tokens_per_request));
    let cost = tighter(
        key.limits.max_cost_per_request.map(|cap| cap.nanos()),
        limits.max_cost_per_request.map(|cap| cap.nanos()),
    );
    let capped = |name: &str, cap: Option<(i64, &str)>, measure: Measure, unit: &str| {
        let says = cap.map(|(cap, whose)| format!("at most {} {unit}{whose}", limits::exact(measure, cap)));
        said(name, says.unwrap_or_else(|| "no cap".to_owned()))
    };
    let expiry = match key.expires_at {
        None => said("Expiry", "never".to_owned()),
        Some(at) if at <= when.now => {
            CheckRow { is_shut: true, ..said("Expiry", format!("expired {}", when.past(at))) }
        }
        Some(at) => said("Expiry", when.soon(at)),
    };
    vec![
        hours,
        listed("Models", &key.models, "every model"),
        listed("Addresses", &key.ip_allowlist, "from anywhere"),
        listed("Paths", &key.endpoints, "every path"),
        capped("Output of a call", output, Measure::Tokens, "tokens"),
        capped("Cost of a call", cost, Measure::Credits, "credits"),
        expiry,
    ]
}
