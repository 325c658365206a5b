//! Reads the dashboard from the books: sums, the chart, budgets and calls, in the reader's zone and in words.

use super::overview::Overview;
use crate::domain::problem::Problem;
use leptos::prelude::*;

/// The dashboard for `day`, `week` or `month`; anything else is the month. All of it is the server's, so that the
/// browser loads none of it.
#[server(prefix = "/fn", endpoint = "dashboard")]
pub async fn fetch_overview(#[server(default)] span: String) -> Result<Overview, Problem> {
    let account = crate::auth::signed_in().await?;

    use super::overview::{BudgetRow, CallKind, CallRow, Change, Cost, CostRow, Counted, FirstSteps, Series};
    use crate::charts::{Bucket, Chart};
    use crate::console::ui::budget::Budget;
    use crate::console::ui::money::{amount, grouped, percent};
    use crate::console::ui::place::Place;
    use crate::domain::account::Account;
    use crate::domain::call::{Call, CallState};
    use crate::domain::credits::Credits;
    use crate::domain::limit::Measure;
    use crate::domain::period::{Period, Zone};
    use crate::domain::provider::ProviderKind;
    use crate::domain::time::Time;
    use crate::gateway::Gateway;
    use crate::gateway::forecast::{Budgeted, Pace};
    use crate::gateway::usage::{By, LogQuery, UsageQuery, Used};
    use jiff::{Span, ToSpan};
    use std::time::Duration;

    /// How many the page shows.
    const BUDGETS: usize = 6;
    const CALLS: u32 = 8;

    let gateway = expect_context::<Gateway>();
    let zone = Zone::parse(&account.timezone).unwrap_or_else(Zone::utc);
    let range = Range::new(&span, gateway.clock().now(), zone);
    let used = gateway.usage(&account, &range.query(range.start, range.now, vec![range.step, By::Model])).await?;
    let before = gateway.usage(&account, &range.query(range.before_start, range.before_now, vec![])).await?;
    let (total, before) = (Used::total(&used), Used::total(&before));
    let calls = gateway.logs(&account, LogQuery { limit: CALLS, ..LogQuery::default() }).await?.data;
    let is_new = calls.is_empty()
        && total.calls == 0
        && gateway.usage(&account, &range.query(Time::EPOCH, range.now, vec![])).await?.is_empty();
    let budgets = gateway.budgets(&account).await?;
    let zone_name = range.zone_name();
    let first_steps = if is_new { Some(first_steps(&gateway, &account).await?) } else { None };
    let (title, lede) = match &first_steps {
        None => (range.title(), format!("{} {zone_name}", range.dates())),
        Some(FirstSteps { has_provider: None, .. }) => {
            ("Nothing in the books yet".to_owned(), format!("Two steps to the first line. {zone_name}"))
        }
        Some(_) => ("Nothing in the books yet".to_owned(), format!("Three steps to the first line. {zone_name}")),
    };
    return Ok(Overview {
        span: range.period.as_str().to_owned(),
        title,
        lede,
        as_of: range.text(range.now, "%H:%M:%S"),
        logs: logs(range.start, None),
        spend: total.cost,
        spend_change: spend_change(total.cost, before.cost, &range.before_name()),
        figures: figures(&total, &before, in_flight(&gateway, &account).await?, logs(range.start, None)),
        cost: cost(&range, &used, total.cost),
        budget_count: budgets.len(),
        budgets: budgets.iter().take(BUDGETS).map(|budget| budget_row(&range, budget)).collect(),
        calls: calls.iter().map(|call| call_row(&range, call)).collect(),
        first_steps,
    });

    /// The stretch that is shown, up to now, and the same stretch one period before.
    struct Range {
        period: Period,
        step: By,
        zone: Zone,
        now: Time,
        start: Time,
        end: Time,
        before_start: Time,
        before_now: Time,
    }

    impl Range {
        fn new(span: &str, now: Time, zone: Zone) -> Self {
            let (period, step, back): (_, _, Span) = match span {
                "day" => (Period::Day, By::Hour, 1.day()),
                "week" => (Period::Week, By::Day, 1.week()),
                _ => (Period::Month, By::Day, 1.month()),
            };
            let start = period.start(now, &zone);
            let end = period.end(now, &zone).unwrap_or(now);
            let before_now = zone.local(now).checked_sub(back).map_or(start, |then| then.timestamp().into());
            let before_start = period.start(before_now, &zone);
            Self { period, step, zone, now, start, end, before_start, before_now }
        }

        fn query(&self, from: Time, to: Time, by: Vec<By>) -> UsageQuery {
            UsageQuery { from, to, by, zone: self.zone.clone(), key_id: None, model: None, endpoint: None }
        }

        fn text(&self, at: Time, format: &str) -> String {
            self.zone.local(at).strftime(format).to_string()
        }

        /// An instant to come, as short as is clear.
        fn soon(&self, at: Time) -> String {
            let is_today = self.text(at, "%F") == self.text(self.now, "%F");
            let days = at.since(self.now).as_secs() / 86_400;
            let format = match days {
                0 if is_today => "%H:%M",
                0..6 => "%a %H:%M",
                6..90 => "%-d %b %H:%M",
                _ => "%-d %b %Y",
            };
            if is_today { format!("Today {}", self.text(at, format)) } else { self.text(at, format) }
        }

        fn title(&self) -> String {
            match self.period {
                Period::Day => "Today so far".to_owned(),
                Period::Week => "This week to date".to_owned(),
                _ => self.text(self.now, "%B to date"),
            }
        }

        /// “1–20 Nov 2026, against 1–20 Oct.”
        fn dates(&self) -> String {
            if self.step == By::Hour {
                return self.text(self.now, "%a %-d %b %Y, until %H:%M, against yesterday until then.");
            }
            let year = self.text(self.now, "%Y");
            let now = self.days(self.start, self.now);
            format!("{now} {year}, against {}.", self.days(self.before_start, self.before_now))
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
            match self.period {
                Period::Day => "yesterday".to_owned(),
                Period::Week => "last week".to_owned(),
                _ => self.text(self.before_start, "%B"),
            }
        }

        /// “Europe/Berlin, UTC+1”
        fn zone_name(&self) -> String {
            let name = self.zone.name();
            if name.starts_with("UTC") {
                return name.to_owned();
            }
            let offset = self.text(self.now, "%:z").replacen("+0", "+", 1).replacen("-0", "−", 1);
            format!("{name}, UTC{}", offset.strip_suffix(":00").unwrap_or(&offset))
        }

        /// Where each bucket begins, and the end of the last.
        fn edges(&self) -> Vec<Time> {
            let mut edges = vec![self.start];
            let mut at = self.start;
            while at < self.end {
                at = match self.step {
                    By::Hour => at.plus(Duration::from_hours(1)),
                    _ => Period::Day.end(at, &self.zone).unwrap_or(self.end),
                };
                edges.push(at);
            }
            edges
        }
    }

    fn logs(from: Time, to: Option<Time>) -> String {
        let to = to.map(|to| to.to_string()).unwrap_or_default();
        Place::new("/logs").with("from", from.to_string()).with("to", to).href()
    }

    fn signed(difference: i64, text: impl Fn(i64) -> String) -> String {
        let sign = if difference < 0 { "−" } else { "+" };
        format!("{sign}{}", text(difference.saturating_abs()))
    }

    /// Two decimals, unless all of it would be lost in them.
    fn decimals(total: Credits) -> u32 {
        if total != Credits::ZERO && total.nanos().abs() < 1_000_000_000 { 6 } else { 2 }
    }

    /// How many times as much, or by how many percent more or less.
    fn rate(now: i64, before: i64) -> Option<(String, bool)> {
        match before {
            0 => None,
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
        let by = signed(cost.saturating_sub(was), |nanos| amount(Credits::from_nanos(nanos), decimals(before)));
        let rest = match cost.cmp(&was) {
            _ if is_times => format!("{much} times {name}"),
            std::cmp::Ordering::Greater => format!("{much} % up on {name}"),
            std::cmp::Ordering::Less => format!("{much} % down on {name}"),
            std::cmp::Ordering::Equal => return Change { rest: format!("as much as {name}"), ..Change::default() },
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

    fn figures(total: &Used, before: &Used, in_flight: usize, logs: String) -> [Counted; 4] {
        let flying = match in_flight {
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
            href: (number > 0).then(|| logs.clone()),
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

    async fn in_flight(gateway: &Gateway, account: &Account) -> Result<usize, Problem> {
        if account.is_admin() {
            return Ok(gateway.calls_in_flight());
        }
        let pending = LogQuery { state: Some(CallState::Pending), limit: 1_000, ..LogQuery::default() };
        Ok(gateway.logs(account, pending).await?.data.len())
    }

    fn cost(range: &Range, used: &[Used], total: Credits) -> Cost {
        let decimals = decimals(total);
        let series = series(range, used, total);
        let place = |model: &str| series.iter().position(|one| one.name == model).unwrap_or(series.len() - 1);
        let edges = range.edges();
        let mut sums = vec![vec![Credits::ZERO; series.len()]; edges.len() - 1];
        for group in used {
            let bucket = edges.partition_point(|edge| group.at.is_some_and(|at| *edge <= at)).saturating_sub(1);
            if let (Some(sums), Some(model)) = (sums.get_mut(bucket), &group.model) {
                sums[place(model)] += group.cost;
            }
        }
        let least = if range.step == By::Hour { Duration::from_hours(1) } else { Duration::from_hours(24) };
        let pace = Pace { used: total.nanos(), since: range.start, now: range.now };
        let is_telling = total != Credits::ZERO && range.now.since(range.start) >= least;
        let rest = if is_telling { pace.until(range.end) } else { None };
        let mut buckets = Vec::new();
        let mut rows = Vec::new();
        for (pair, costs) in edges.windows(2).zip(sums) {
            let (from, to) = (pair[0], pair[1]);
            let sum: Credits = costs.iter().copied().sum();
            let says = format!("{}: {} credits", bucket_name(range, from, to), amount(sum, decimals));
            let (is_now, is_to_come) = (from <= range.now && range.now < to, range.now < from);
            let length = to.since(from).as_secs_f64() / range.end.since(range.now).as_secs_f64().max(1.0);
            buckets.push(Bucket {
                label: label(range, from, is_now),
                says: if is_to_come { format!("{}: to come", bucket_name(range, from, to)) } else { says },
                href: logs(from, Some(to)),
                current: is_now,
                values: costs.iter().map(|cost| cost.nanos() as f64 / 1e9).collect(),
                expected: rest.filter(|_| is_to_come).map(|rest| rest as f64 / 1e9 * length),
            });
            if !is_to_come {
                let label = if range.step == By::Hour { range.text(from, "%H:%M") } else { range.text(from, "%-d %b") };
                rows.push(CostRow { label, href: logs(from, Some(to)), costs, total: sum });
            }
        }
        let (unit, by_when) = match range.period {
            Period::Day => ("hour", "midnight".to_owned()),
            _ => ("day", range.text(range.end.minus(Duration::from_secs(1)), "%-d %B")),
        };
        let chart = Chart {
            id: "cost".to_owned(),
            title: format!("Cost by {unit} and model: {}", range.title()),
            description: describe(range, &rows, total, decimals),
            unit: "credits".to_owned(),
            buckets,
            series: series.iter().map(|one| one.name.clone()).collect(),
            is_short: false,
        };
        let mut bucket = unit.to_owned();
        bucket[..1].make_ascii_uppercase();
        Cost {
            note: format!("credits {} {unit}, by model", if unit == "hour" { "an" } else { "a" }),
            expected: rest.map(|rest| (total + Credits::from_nanos(rest), by_when)),
            svg: chart.svg(),
            bucket,
            series,
            rows,
            total,
            decimals,
        }
    }

    /// The three dearest models and the others together; never an empty list.
    fn series(range: &Range, used: &[Used], total: Credits) -> Vec<Series> {
        let mut models: Vec<(&str, Credits)> = Vec::new();
        for group in used {
            let Some(model) = group.model.as_deref() else { continue };
            match models.iter_mut().find(|(name, _)| *name == model) {
                Some((_, cost)) => *cost += group.cost,
                None => models.push((model, group.cost)),
            }
        }
        models.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let shown = if models.len() > 4 { 3 } else { models.len() };
        let share = |cost: Credits| percent(cost.nanos(), total.nanos());
        let mut series: Vec<Series> = models[..shown]
            .iter()
            .map(|(name, cost)| {
                let href = Place::new("/logs").with("model", *name).with("from", range.start.to_string()).href();
                Series { name: (*name).to_owned(), href: Some(href), cost: *cost, share: share(*cost) }
            })
            .collect();
        let others: Credits = models[shown..].iter().map(|(_, cost)| *cost).sum();
        if shown < models.len() || series.is_empty() {
            let name = if models.is_empty() { "No calls".to_owned() } else { format!("{} others", models.len() - 3) };
            series.push(Series { name, href: None, cost: others, share: share(others) });
        }
        series
    }

    fn label(range: &Range, at: Time, is_now: bool) -> String {
        match (range.period, is_now) {
            (Period::Day, true) => "now".to_owned(),
            (Period::Day, false) => range.text(at, "%H:%M"),
            (_, true) => "today".to_owned(),
            (Period::Week, false) => range.text(at, "%a %-d"),
            (_, false) if at == range.start => range.text(at, "%-d %b"),
            (_, false) => range.text(at, "%-d"),
        }
    }

    fn bucket_name(range: &Range, from: Time, to: Time) -> String {
        match range.step {
            By::Hour => format!("{}–{}", range.text(from, "%H:%M"), range.text(to, "%H:%M")),
            _ => range.text(from, "%-d %B"),
        }
    }

    /// Trend, highest and total.
    fn describe(range: &Range, rows: &[CostRow], total: Credits, decimals: u32) -> String {
        let sum = |rows: &[CostRow]| {
            rows.iter().map(|row| row.total).sum::<Credits>().nanos() / count(rows.len() as u64).max(1)
        };
        // Today's bucket is not over and would make every trend fall.
        let over = &rows[..rows.len().saturating_sub(1)];
        let (early, late) = over.split_at(over.len() / 2);
        let (early, late) = (sum(early), sum(late));
        let trend = match late - early {
            _ if over.len() < 4 => "",
            more if more > early / 10 => "Rising. ",
            less if less < -early / 10 => "Falling. ",
            _ => "Level. ",
        };
        let unit = if range.step == By::Hour { "at" } else { "on" };
        let highest = rows.iter().max_by_key(|row| row.total).filter(|row| row.total != Credits::ZERO);
        let highest = highest.map_or_else(
            || "Nothing was spent".to_owned(),
            |row| format!("Highest {} credits {unit} {}", amount(row.total, decimals), row.label),
        );
        format!("{trend}{highest}; total {}.", amount(total, decimals))
    }

    fn budget_row(range: &Range, budgeted: &Budgeted) -> BudgetRow {
        let Budgeted { key, standing, dry_at, expected } = budgeted;
        let limit = &standing.limit;
        let reading = &standing.reading;
        let is_dry = standing.remaining() == 0;
        let text = |value: i64| match limit.measure {
            Measure::Credits => amount(Credits::from_nanos(value), if value.abs() < 10_000_000 { 6 } else { 2 }),
            Measure::Requests | Measure::Tokens => grouped(value),
        };
        let runway = match (dry_at, expected) {
            _ if reading.settled >= limit.max => ("Dry".to_owned(), "nothing left".to_owned()),
            _ if is_dry => ("All held".to_owned(), "by calls in flight".to_owned()),
            (Some(at), _) => (range.soon(*at), format!("{} at this pace", in_words(at.since(range.now)))),
            (None, Some(expected)) => {
                let lasts = format!("Lasts the {}", limit.period.as_str());
                (lasts, format!("about {} by its end", text(*expected)))
            }
            (None, None) if standing.resets_at.is_some() => ("Too early to say".to_owned(), String::new()),
            (None, None) => ("Lasts".to_owned(), "for more than a year at this pace".to_owned()),
        };
        let reopens = match standing.resets_at {
            Some(at) => format!("reopens {}", range.soon(at).replace("Today", "today")),
            None => "does not reopen by itself".to_owned(),
        };
        BudgetRow {
            key: key.name.clone(),
            href: Place::new("/tokens").with("q", key.name.clone()).href(),
            limit: match limit.name {
                "monthly_spend" => "Monthly spend",
                "credit_quota" => "Credit quota",
                "token_quota" => "Token quota",
                "monthly_tokens" => "Monthly tokens",
                other => other,
            }
            .to_owned(),
            budget: Budget {
                measure: limit.measure,
                settled: reading.settled,
                held: reading.held,
                max: Some(limit.max),
                period: match limit.period {
                    Period::Lifetime => "in all".to_owned(),
                    period => format!("a {}", period.as_str()),
                },
                alert: None,
                blocks: true,
                is_off: false,
            },
            runway,
            fate: (if is_dry { "Blocks now" } else { "Then blocks" }.to_owned(), reopens),
            is_dry,
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

    fn call_row(range: &Range, call: &Call) -> CallRow {
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
        let is_today = range.text(at, "%F") == range.text(range.now, "%F");
        CallRow {
            id: call.arrival.id.0.clone(),
            at,
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

    async fn first_steps(gateway: &Gateway, account: &Account) -> Result<FirstSteps, Problem> {
        let providers = gateway.providers(account).ok();
        let is_own = |kind: ProviderKind| kind != ProviderKind::Builtin;
        Ok(FirstSteps {
            origin: origin(),
            has_key: gateway.count_keys(account).await? > 0,
            has_provider: providers.map(|all| all.iter().any(|provider| is_own(provider.kind))),
        })
    }

    /// The origin by which this very reader came: what works for them works for their programs.
    fn origin() -> String {
        let parts = expect_context::<http::request::Parts>();
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
        format!("{scheme}://{}", text("host").unwrap_or("localhost:8080"))
    }
}
