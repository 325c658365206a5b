//! The dashboard in words: sums, changes and dates as one reader is shown them.

pub(super) mod cost;
mod rows;

use crate::console::dashboard::overview::{Change, Counted, FirstSteps, Overview};
use crate::console::ui::money::{amount, grouped, percent};
use crate::console::ui::place::Place;
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::provider::ProviderKind;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::overview::{Overview as Books, Stretch};
use crate::gateway::usage::{LogQuery, Used};
use std::cmp::Ordering;

/// How many the page shows.
const BUDGETS: usize = 6;
const CALLS: u32 = 8;

/// The dashboard of an account for `day`, `week` or `month`; anything else is the month.
///
/// # Errors
/// When the database fails.
pub async fn overview(gateway: &Gateway, account: &Account, span: &str) -> Result<Overview, Problem> {
    let period = match span {
        "day" => Period::Day,
        "week" => Period::Week,
        _ => Period::Month,
    };
    let zone = Zone::parse(&account.timezone).unwrap_or_else(Zone::utc);
    let range = Range(Stretch::new(period, gateway.clock().now(), zone), Place::new("/logs"));
    let books = gateway.overview(account, &range.0).await?;
    let budgets = gateway.budgets(account, BUDGETS).await?;
    let calls = gateway.logs(account, LogQuery { limit: CALLS, ..LogQuery::default() }).await?.data;
    let first_steps = if books.is_new { Some(first_steps(gateway, account).await?) } else { None };
    let (title, lede) = match &first_steps {
        None => (range.title(), range.dates()),
        Some(steps) => {
            let steps = if steps.has_provider.is_some() { "Three" } else { "Two" };
            ("Nothing in the books yet".to_owned(), format!("{steps} steps to the first line."))
        }
    };
    let logs = range.logs(range.0.start, None);
    Ok(Overview {
        span: period.as_str().to_owned(),
        title,
        lede: format!("{lede} {}", range.zone_name()),
        as_of: range.text(range.0.now, "%H:%M:%S"),
        spend: books.total.cost,
        spend_change: spend_change(books.total.cost, books.before.cost, &range.before_name()),
        figures: figures(&books, &logs),
        logs,
        cost: cost::cost(&range, &books),
        budget_count: budgets.count,
        budgets: budgets.first.iter().map(|budget| rows::budget(&range, budget)).collect(),
        calls: calls.iter().map(|call| rows::call(&range, call)).collect(),
        first_steps,
    })
}

/// The stretch that is shown, and how its times are told; and where the calls are that are summed up.
pub(super) struct Range(pub(super) Stretch, pub(super) Place);

impl Range {
    fn logs(&self, from: Time, to: Option<Time>) -> String {
        let to = to.map(|to| to.to_string()).unwrap_or_default();
        self.1.clone().with("from", from.to_string()).with("to", to).href()
    }

    fn text(&self, at: Time, format: &str) -> String {
        self.0.zone.local(at).strftime(format).to_string()
    }

    /// An instant to come, as short as is clear.
    fn soon(&self, at: Time) -> String {
        let is_today = self.text(at, "%F") == self.text(self.0.now, "%F");
        let days = at.since(self.0.now).as_secs() / 86_400;
        let format = match days {
            0 if is_today => "%H:%M",
            0..6 => "%a %H:%M",
            6..90 => "%-d %b %H:%M",
            _ => "%-d %b %Y",
        };
        if is_today { format!("Today {}", self.text(at, format)) } else { self.text(at, format) }
    }

    pub(super) fn title(&self) -> String {
        match self.0.period {
            Period::Day => "Today so far".to_owned(),
            Period::Week => "This week to date".to_owned(),
            _ => self.text(self.0.now, "%B to date"),
        }
    }

    /// “1–20 Nov 2026, against 1–20 Oct.”
    fn dates(&self) -> String {
        if self.0.is_hourly() {
            return self.text(self.0.now, "%a %-d %b %Y, until %H:%M, against yesterday until then.");
        }
        let year = self.text(self.0.now, "%Y");
        let now = self.days(self.0.start, self.0.now);
        format!("{now} {year}, against {}.", self.days(self.0.before_start, self.0.before_now))
    }

    fn days(&self, from: Time, to: Time) -> String {
        let (first, last) = (self.text(from, "%-d %b"), self.text(to, "%-d %b"));
        if first == last {
            last
        } else if self.text(from, "%b") == self.text(to, "%b") {
            format!("{}–{last}", self.text(from, "%-d"))
        } else {
            format!("{first} – {last}")
        }
    }

    /// The period before, as one speaks of it.
    fn before_name(&self) -> String {
        match self.0.period {
            Period::Day => "yesterday".to_owned(),
            Period::Week => "last week".to_owned(),
            _ => self.text(self.0.before_start, "%B"),
        }
    }

    /// “Europe/Berlin, UTC+1”
    pub(super) fn zone_name(&self) -> String {
        let name = self.0.zone.name();
        if name.starts_with("UTC") {
            return name.to_owned();
        }
        let offset = self.text(self.0.now, "%:z").replacen("+0", "+", 1).replacen("-0", "−", 1);
        format!("{name}, UTC{}", offset.strip_suffix(":00").unwrap_or(&offset))
    }
}

fn signed(difference: i64, text: impl Fn(i64) -> String) -> String {
    let sign = if difference < 0 { "−" } else { "+" };
    format!("{sign}{}", text(difference.saturating_abs()))
}

/// Two decimals, unless all of it would be lost in them.
pub(super) fn decimals(total: Credits) -> u32 {
    if total != Credits::ZERO && total.nanos().abs() < 1_000_000_000 { 6 } else { 2 }
}

/// How many times as much, or by how many percent more or less.
fn rate(now: i64, before: i64) -> Option<(String, bool)> {
    match before {
        0 => None,
        _ if now / before >= 1_000 => Some(("1,000+".to_owned(), true)),
        _ if now / before >= 10 => Some((grouped(now / before), true)),
        _ => Some((percent(now.saturating_sub(before).saturating_abs(), before), false)),
    }
}

fn spend_change(now: Credits, before: Credits, name: &str) -> Change {
    let (cost, was) = (now.nanos(), before.nanos());
    let Some((much, is_times)) = rate(cost, was) else {
        let rest = if cost == 0 { "nothing settled".to_owned() } else { format!("nothing by then, {name}") };
        return Change { rest, ..Change::default() };
    };
    let by = signed(cost.saturating_sub(was), |nanos| amount(Credits::from_nanos(nanos), decimals(now.max(before))));
    let rest = match cost.cmp(&was) {
        _ if is_times => format!("{much} times {name}"),
        Ordering::Greater => format!("{much} % up on {name}"),
        Ordering::Less => format!("{much} % down on {name}"),
        Ordering::Equal => return Change { rest: format!("as much as {name}"), ..Change::default() },
    };
    Change { by, rest, is_bad: false }
}

fn change(now: u64, before: u64, rest: String) -> Change {
    let (now, before) = (count(now), count(before));
    let by = match rate(now, before) {
        None => String::new(),
        Some((times, true)) => format!("×{times}"),
        Some((much, false)) => format!("{}{much} %", if now < before { "−" } else { "+" }),
    };
    Change { by, rest, is_bad: false }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn figures(books: &Books, logs: &str) -> [Counted; 4] {
    let (total, before) = (&books.total, &books.before);
    let flying = match books.in_flight {
        0 => "none in flight".to_owned(),
        some => format!("{some} in flight"),
    };
    let (tokens, tokens_before) = (total.usage.total(), before.usage.total());
    let input = match tokens {
        0 => "none counted".to_owned(),
        _ => format!("{} % of them input", total.usage.input * 100 / tokens),
    };
    let counted = |number: u64, change: Change| Counted {
        value: grouped(count(number)),
        is_zero: number == 0,
        href: (number > 0).then(|| logs.to_owned()),
        change,
        ..Counted::default()
    };
    [
        counted(tokens, change(tokens, tokens_before, input)),
        counted(total.calls, change(total.calls, before.calls, flying)),
        trouble(total, before),
        latency(total, before),
    ]
}

fn trouble(total: &Used, before: &Used) -> Counted {
    // In hundredths of a percent.
    let part = |used: &Used| count((used.refused + used.failed) * 10_000).checked_div(count(used.calls));
    let text = |share: i64| format!("{}.{:02}", share / 100, share % 100);
    let bad = total.refused + total.failed;
    let share = part(total).unwrap_or(0);
    let rest = match bad {
        0 if total.calls == 0 => "no calls to judge".to_owned(),
        0 => "all went through".to_owned(),
        1 => "1 call".to_owned(),
        _ => format!("{} calls", grouped(count(bad))),
    };
    let change = match part(before).filter(|_| total.calls > 0) {
        Some(was) if was != share => {
            Change { by: format!("{} points", signed(share - was, text)), is_bad: share > was, rest }
        }
        _ => Change { rest, ..Change::default() },
    };
    let value = if share == 0 { "0".to_owned() } else { text(share) };
    Counted { value, unit: "%".to_owned(), is_zero: bad == 0, change, href: None }
}

fn latency(total: &Used, before: &Used) -> Counted {
    let Some(mean) = total.mean_ms() else {
        let change = Change { rest: "no calls to time".to_owned(), ..Change::default() };
        return Counted { value: "—".to_owned(), is_zero: true, change, ..Counted::default() };
    };
    let change = before.mean_ms().map_or_else(Change::default, |was| Change {
        by: format!("{} ms", signed(count(mean) - count(was), grouped)),
        is_bad: false,
        rest: format!("was {} ms", grouped(count(was))),
    });
    Counted { value: grouped(count(mean)), unit: "ms".to_owned(), is_zero: false, change, href: None }
}

async fn first_steps(gateway: &Gateway, account: &Account) -> Result<FirstSteps, Problem> {
    let providers = gateway.providers(account).ok();
    let is_own = |kind: ProviderKind| kind != ProviderKind::Builtin;
    Ok(FirstSteps {
        origin: super::origin(),
        has_key: gateway.count_keys(account).await? > 0,
        has_provider: providers.map(|all| all.iter().any(|provider| is_own(provider.kind))),
    })
}
