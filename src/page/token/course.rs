//! How a budget is used up: the period that runs against its ceiling, or the periods before it.

use crate::charts::{Bucket, Burn, Chart};
use crate::console::token::told::{Cell, CellKind, CourseTold, Head, Table};
use crate::console::ui::money::percent;
use crate::console::ui::place::Place;
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::chain::{Chain, Course, Link};
use crate::gateway::forecast::Outlook;
use crate::page::limits;
use crate::page::when::When;
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

/// The course of the budget that `of` names, else of the one that binds first, else what was spent by day.
///
/// # Errors
/// When the database fails.
pub async fn course(
    gateway: &Gateway,
    chain: &Chain,
    when: &When,
    of: &str,
    span: &str,
) -> Result<CourseTold, Problem> {
    let is_calendar = |link: &&Link| link.standing.resets_at.is_some();
    let budgets: Vec<&Link> = chain.links.iter().filter(is_calendar).collect();
    let binding = chain.binding.map(|at| &chain.links[at]).filter(is_calendar);
    let tightest = || budgets.iter().copied().max_by_key(|link| link.share());
    let named = budgets.iter().copied().find(|link| code(link) == of);
    let Some(link) = named.or(binding).or_else(tightest) else { return by_day(gateway, chain, when).await };
    let is_past = span == "past";
    let page = Place::new(format!("/tokens/{}", chain.key.id));
    let at = |place: Place| format!("{}#h-course", place.href());
    let here = |link: &Link| page.clone().with("of", code(link));
    let mut told = match is_past {
        true => before(gateway, link, chain).await?,
        false => running(gateway, link, chain, when).await?,
    };
    let shown = code(link);
    let choice = |other: &&Link| {
        let place = here(other).with("span", if is_past { "past" } else { "" });
        (at(place), name(other, chain), code(other) == shown)
    };
    if budgets.len() > 1 {
        told.budgets = budgets.iter().map(choice).collect();
    }
    let period = link.standing.limit.period.as_str();
    told.spans = vec![
        (at(here(link)), format!("This {period}"), !is_past),
        (at(here(link).with("span", "past")), format!("{}s before", capital(period)), is_past),
    ];
    Ok(told)
}

fn capital(word: &str) -> String {
    crate::page::when::capital(word)
}

/// A budget in the URL: `key.monthly_spend`.
fn code(link: &Link) -> String {
    let limit = &link.standing.limit;
    format!("{}.{}", limit.owner.scope.as_str(), limit.name)
}

fn name(link: &Link, chain: &Chain) -> String {
    let limit = &link.standing.limit;
    match (&limit.rule, limit.owner.scope, &chain.group) {
        (Some(rule), ..) => format!("Rule {}", rule.name),
        (None, Scope::Group, Some(group)) => format!("{} of group {}", limits::name(limit.name), group.name),
        (None, Scope::Account, _) => format!("{} of the account", limits::name(limit.name)),
        _ => limits::name(limit.name).to_owned(),
    }
}

/// A value as a length: for the eye, floating point will do.
fn length(measure: Measure, value: i64) -> f64 {
    let unit = if measure == Measure::Credits { 1e9 } else { 1.0 };
    value.max(0) as f64 / unit
}

fn text(zone: &Zone, at: Time, format: &str) -> String {
    zone.local(at).strftime(format).to_string()
}

/// The calls of a stretch of time.
fn logs(of: &Owner, from: Time, to: Time) -> String {
    let place = Place::new("/logs").with("from", from.to_string()).with("to", to.to_string());
    match of.scope {
        Scope::Key => place.with("key", of.id.as_str()),
        Scope::Group => place.with("group", of.id.as_str()),
        Scope::Account | Scope::Subscription | Scope::Balance => place,
    }
    .href()
}

/// A chart's figures: when, and two of them, with the calls of that time.
fn data(heads: [String; 3], rows: Vec<(String, String, [String; 2])>) -> Table {
    let cell = |text: String, href| Cell { text, href, kind: CellKind::Plain };
    let head = |(at, label)| Head { label, twelfths: 4, is_wide: false, is_number: at > 0 };
    let row = |(label, href, [one, other]): (String, String, [String; 2])| {
        vec![cell(label, Some(href)), cell(one, None), cell(other, None)]
    };
    Table {
        title: String::new(),
        id: String::new(),
        note: String::new(),
        href: None,
        caption: "The chart in figures".to_owned(),
        heads: heads.into_iter().enumerate().map(head).collect(),
        rows: rows.into_iter().map(row).collect(),
        foot: Vec::new(),
        none: (String::new(), String::new()),
        code: String::new(),
    }
}

/// A calendar period cut into days, or a day into hours, in the zone in which it is counted.
struct Cut {
    edges: Vec<Time>,
    zone: Zone,
    is_hourly: bool,
    now: Time,
}

impl Cut {
    fn of(period: Period, zone: &Zone, now: Time) -> Self {
        let (start, end) = (period.start(now, zone), period.end(now, zone).unwrap_or(now));
        let is_hourly = period == Period::Day;
        let mut edges = vec![start];
        let mut at = start;
        while at < end {
            at = if is_hourly { at.plus(HOUR) } else { Period::Day.end(at, zone).unwrap_or(end) }.min(end);
            edges.push(at);
        }
        Self { edges, zone: zone.clone(), is_hourly, now }
    }

    /// Each stretch with its label, its name, and whether it is now or to come.
    fn each(&self) -> impl Iterator<Item = (Time, Time, String, String, bool, bool)> {
        self.edges.windows(2).map(|pair| {
            let (from, to) = (pair[0], pair[1]);
            let (is_now, is_to_come) = (from <= self.now && self.now < to, self.now < from);
            let label = match (self.is_hourly, is_now) {
                (true, true) => "now".to_owned(),
                (true, false) => text(&self.zone, from, "%H:%M"),
                (false, true) => "today".to_owned(),
                (false, false) if from == self.edges[0] => text(&self.zone, from, "%-d %b"),
                (false, false) => text(&self.zone, from, "%-d"),
            };
            let name = text(&self.zone, from, if self.is_hourly { "%H:%M" } else { "%-d %b" });
            (from, to, label, name, is_now, is_to_come)
        })
    }

    /// How many stretches have passed at an instant, with its part of the one it lies in.
    fn place(&self, at: Time) -> f64 {
        let number = self.edges.partition_point(|edge| *edge <= at).clamp(1, self.edges.len() - 1) - 1;
        let (from, to) = (self.edges[number], self.edges[number + 1]);
        number as f64 + (at.since(from).as_secs_f64() / to.since(from).as_secs_f64().max(1.0)).min(1.0)
    }
}

/// What had counted at an instant, resets taken off.
fn counted(course: &Course, at: Time) -> i64 {
    let used: i64 = course.used.iter().take_while(|(quarter, _)| *quarter < at).map(|(_, used)| used).sum();
    let taken: i64 = course.resets.iter().take_while(|(made, _)| *made <= at).map(|(_, taken)| taken).sum();
    (used - taken).max(0)
}

/// The period that runs, against its ceiling.
async fn running(gateway: &Gateway, link: &Link, chain: &Chain, when: &When) -> Result<CourseTold, Problem> {
    let (limit, now) = (&link.standing.limit, chain.now);
    let cut = Cut::of(limit.period, &limit.zone, now);
    let start = cut.edges[0];
    let course = gateway.course(limit, start, now.plus(Duration::from_micros(1))).await?;
    let exact = |value: i64| limits::rounded(limit.measure, value);
    let unit = limit.measure.as_str();
    let since = text(&limit.zone, start, if cut.is_hourly { "%H:%M" } else { "%-d %b" });
    let mut buckets = Vec::new();
    let mut rows = Vec::new();
    for (from, to, label, name, current, is_to_come) in cut.each() {
        let href = logs(&limit.owner, from, to);
        let used: i64 = course.used.iter().filter(|(at, _)| from <= *at && *at < to).map(|(_, used)| used).sum();
        let by_then = if current { link.standing.reading.settled } else { counted(&course, to) };
        let says = match is_to_come {
            true => format!("{name}: to come"),
            false => format!("{name}: {} {unit}, {} by then", exact(used), exact(by_then)),
        };
        buckets.push(Bucket { label, says, href: href.clone(), current, ..Bucket::default() });
        if !is_to_come {
            rows.push((name, href, [exact(used), exact(by_then)]));
        }
    }
    let (settled, max) = (link.standing.reading.settled, limit.max);
    let max_text = limits::exact(limit.measure, max);
    let (pace, dry) = ahead(link, &cut, when);
    let dashed = if pace.is_some() && dry.as_deref().is_none_or(|dry| dry.starts_with("runs")) {
        "; dashed: at this pace"
    } else {
        ""
    };
    let blocks = if link.falls_back { "then the balance pays" } else { "blocks" };
    let ends = match (&dry, link.outlook) {
        (Some(dry), _) => format!("; it {dry}"),
        (None, Outlook::Lasts { expected: Some(expected) }) => format!("; at this pace {} at its end", exact(expected)),
        _ => String::new(),
    };
    let what = if limit.measure == Measure::Credits { "Spend" } else { "Tokens" };
    let burn = Burn {
        chart: Chart {
            id: "course".to_owned(),
            title: format!("{what} against the ceiling: {}", name(link, chain)),
            description: format!("{} of {max_text} {unit} settled since {since}{ends}.", exact(settled)),
            unit: unit.to_owned(),
            buckets,
            series: Vec::new(),
            is_short: false,
        },
        curve: curve(&course, &cut, limit, settled),
        max: length(limit.measure, max),
        ceiling: (max_text, blocks.to_owned()),
        alert: (max > 0).then(|| {
            let at = length(limit.measure, max) * f64::from(limits::ALERT) / 100.0;
            (at, format!("{} %", limits::ALERT))
        }),
        pace,
        dry,
    };
    let stretch = if cut.is_hourly { "Hour" } else { "Day" };
    Ok(CourseTold {
        title: format!("{what} against the ceiling"),
        note: format!("{}: {unit} settled since {since}{dashed}", name(link, chain)),
        budgets: Vec::new(),
        spans: Vec::new(),
        svg: burn.svg(),
        data: data([stretch.to_owned(), format!("That {}", stretch.to_lowercase()), format!("Since {since}")], rows),
    })
}

/// The curve so far: from stretch to stretch, straight down where a reset was, and to what the meter shows now.
fn curve(course: &Course, cut: &Cut, limit: &Limit, settled: i64) -> Vec<(f64, f64)> {
    let point = |at: Time, value: i64| (cut.place(at), length(limit.measure, value));
    let mut points: Vec<(Time, u8, i64)> = Vec::new();
    for edge in cut.edges.iter().filter(|edge| **edge < cut.now) {
        points.push((*edge, 1, counted(course, *edge)));
    }
    for (at, _) in course.resets.iter().filter(|(at, _)| *at < cut.now) {
        points.push((*at, 0, counted(course, Time::from_micros(at.micros() - 1))));
        points.push((*at, 1, counted(course, *at)));
    }
    points.sort_unstable();
    points.push((cut.now, 2, settled));
    points.into_iter().map(|(at, _, value)| point(at, value)).collect()
}

/// Where it goes at this pace, and what is said where it runs dry.
fn ahead(link: &Link, cut: &Cut, when: &When) -> (Option<(f64, f64)>, Option<String>) {
    let limit = &link.standing.limit;
    let max = length(limit.measure, limit.max);
    let stretches = (cut.edges.len() - 1) as f64;
    if link.standing.reading.settled >= limit.max {
        let opens = link.standing.resets_at.map(|at| format!(", reopens {}", when.soon(at))).unwrap_or_default();
        return (Some((cut.place(cut.now), max)), Some(format!("is dry{opens}")));
    }
    match link.outlook {
        Outlook::Dry { at } => (Some((cut.place(at), max)), Some(format!("runs dry {}", when.soon(at)))),
        Outlook::Lasts { expected: Some(expected) } => (Some((stretches, length(limit.measure, expected))), None),
        Outlook::Lasts { expected: None } | Outlook::Early => (None, None),
    }
}

/// The periods before the one that runs, and that one: a bar each, with the ceiling as it is now for an outline.
async fn before(gateway: &Gateway, link: &Link, chain: &Chain) -> Result<CourseTold, Problem> {
    let limit = &link.standing.limit;
    let (zone, now) = (&limit.zone, chain.now);
    let (number, format) = match limit.period {
        Period::Day => (30, "%-d %b"),
        Period::Week => (12, "%-d %b"),
        _ => (12, "%b %Y"),
    };
    let mut edges = vec![limit.period.end(now, zone).unwrap_or(now), limit.period.start(now, zone)];
    for _ in 1..number {
        let last = edges[edges.len() - 1];
        edges.push(limit.period.start(Time::from_micros(last.micros() - 1), zone));
    }
    edges.reverse();
    let course = gateway.course(limit, edges[0], now.plus(Duration::from_micros(1))).await?;
    let unit = limit.measure.as_str();
    let mut buckets = Vec::new();
    let mut rows = Vec::new();
    for pair in edges.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let used: i64 = course.used.iter().filter(|(at, _)| from <= *at && *at < to).map(|(_, used)| used).sum();
        let current = from <= now && now < to;
        let name = text(zone, from, format);
        let short = if limit.period == Period::Day { "%-d" } else { "%-d %b" };
        let short = if matches!(limit.period, Period::Month | Period::Cycle { .. }) { "%b" } else { short };
        let href = logs(&limit.owner, from, to);
        let share = format!("{} %", percent(used, limit.max));
        buckets.push(Bucket {
            label: if current { "now".to_owned() } else { text(zone, from, short) },
            says: format!("{name}: {} {unit}, {share}", limits::rounded(limit.measure, used)),
            href: href.clone(),
            current,
            values: vec![length(limit.measure, used)],
            expected: Some(length(limit.measure, limit.max)),
        });
        rows.push((name, href, [limits::rounded(limit.measure, used), share]));
    }
    rows.reverse();
    let (period, max) = (limit.period.as_str(), limits::exact(limit.measure, limit.max));
    let chart = Chart {
        id: "course".to_owned(),
        title: format!("{} by {period}", name(link, chain)),
        description: format!("The last {number} {period}s, each against {max} {unit}, the limit as it is now."),
        unit: unit.to_owned(),
        buckets,
        series: vec![name(link, chain)],
        is_short: false,
    };
    Ok(CourseTold {
        title: if limit.measure == Measure::Credits { "Spend by period" } else { "Tokens by period" }.to_owned(),
        note: format!("{}: {unit} a {period}; outlined: the limit as it is now, {max}", name(link, chain)),
        budgets: Vec::new(),
        spans: Vec::new(),
        svg: chart.svg(),
        data: data([capital(period), capital(unit), "Of the limit".to_owned()], rows),
    })
}

/// What was spent by day this month, where no budget has a ceiling.
async fn by_day(gateway: &Gateway, chain: &Chain, when: &When) -> Result<CourseTold, Problem> {
    let (zone, now) = (when.zone.clone(), chain.now);
    let cut = Cut::of(Period::Month, &zone, now);
    let limit = Limit {
        owner: chain.key.owner(),
        name: "spend",
        measure: Measure::Credits,
        period: Period::Month,
        zone,
        max: i64::MAX,
        rule: None,
    };
    let course = gateway.course(&limit, cut.edges[0], now.plus(Duration::from_micros(1))).await?;
    let exact = |value: i64| limits::rounded(Measure::Credits, value);
    let mut buckets = Vec::new();
    let mut rows = Vec::new();
    let mut total = 0;
    for (from, to, label, name, current, is_to_come) in cut.each() {
        let href = logs(&limit.owner, from, to);
        let used: i64 = course.used.iter().filter(|(at, _)| from <= *at && *at < to).map(|(_, used)| used).sum();
        let says = if is_to_come { format!("{name}: to come") } else { format!("{name}: {} credits", exact(used)) };
        let values = vec![length(Measure::Credits, used)];
        buckets.push(Bucket { label, says, href: href.clone(), current, values, expected: None });
        total += used;
        if !is_to_come {
            rows.push((name, href, [exact(used), exact(total)]));
        }
    }
    let since = text(&cut.zone, cut.edges[0], "%-d %b");
    let chart = Chart {
        id: "course".to_owned(),
        title: "Spend by day".to_owned(),
        description: format!("{} credits since {since}.", exact(total)),
        unit: "credits".to_owned(),
        buckets,
        series: vec!["Spend".to_owned()],
        is_short: false,
    };
    Ok(CourseTold {
        title: "Spend by day".to_owned(),
        note: format!("credits a day since {since}; no budget has a ceiling here"),
        budgets: Vec::new(),
        spans: Vec::new(),
        svg: chart.svg(),
        data: data(["Day".to_owned(), "That day".to_owned(), format!("Since {since}")], rows),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    #[test]
    fn a_day_is_cut_into_the_hours_that_its_clocks_have_and_a_month_into_days() {
        let zone = Zone::parse("Europe/Berlin").expect("a zone");
        let now = at("2026-11-20T14:30:00Z");
        assert_eq!(Cut::of(Period::Day, &zone, now).edges.len(), 25);
        assert_eq!(Cut::of(Period::Day, &zone, at("2026-03-29T12:00:00Z")).edges.len(), 24);
        let month = Cut::of(Period::Month, &zone, now);
        assert_eq!(month.edges.len(), 31);
        // 15:30 in Berlin on the 20th: 19 days have passed, and some of the next.
        assert!((month.place(now) - (19.0 + 15.5 / 24.0)).abs() < 1e-9);
        assert!((month.place(at("2027-01-01T00:00:00Z")) - 30.0).abs() < 1e-9, "nothing lies beyond the end");
    }

    #[test]
    fn a_curve_falls_where_a_reset_was_and_ends_at_the_meter() {
        let cut = Cut::of(Period::Day, &Zone::utc(), at("2026-11-20T04:00:00Z"));
        let course = Course {
            used: vec![(at("2026-11-20T00:15:00Z"), 100), (at("2026-11-20T03:00:00Z"), 30)],
            resets: vec![(at("2026-11-20T02:30:00Z"), 100)],
        };
        let owner = Owner::new(Scope::Key, "k");
        let (measure, zone) = (Measure::Tokens, Zone::utc());
        let limit = Limit { owner, name: "t", measure, period: Period::Day, zone, max: 200, rule: None };
        let expected = [(0.0, 0.0), (1.0, 100.0), (2.0, 100.0), (2.5, 100.0), (2.5, 0.0), (3.0, 0.0), (4.0, 35.0)];
        assert_eq!(curve(&course, &cut, &limit, 35), expected);
    }
}
