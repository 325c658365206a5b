//! Cost by time and model: the chart, its data and its description.

use super::{Range, count, decimals};
use crate::charts::{Bucket, Chart};
use crate::console::dashboard::overview::{Cost, CostRow, Series};
use crate::console::ui::money::amount;
use crate::domain::credits::Credits;
use crate::domain::period::Period;
use crate::domain::time::Time;
use crate::gateway::overview::{Overview as Books, Spending, Spent, apportioned};
use std::time::Duration;

pub(in crate::page) fn cost(range: &Range, books: &Books) -> Cost {
    let total = books.total.cost;
    let decimals = decimals(total);
    let series = series(range, books, decimals);
    let rest_seconds = range.0.end.since(range.0.now).as_secs_f64().max(1.0);
    let mut buckets = Vec::new();
    let mut rows = Vec::new();
    for Spending { from, to, costs } in &books.buckets {
        let (from, to) = (*from, *to);
        let (is_now, is_to_come) = (from <= range.0.now && range.0.now < to, range.0.now < from);
        let sum: Credits = costs.iter().copied().sum();
        let (name, href) = (bucket_name(range, from, to), range.logs(from, Some(to)));
        let part = to.since(from).as_secs_f64() / rest_seconds;
        let sums = if is_to_come { "to come".to_owned() } else { format!("{} credits", amount(sum, decimals)) };
        buckets.push(Bucket {
            label: label(range, from, is_now),
            says: format!("{name}: {sums}"),
            href: href.clone(),
            current: is_now,
            values: costs.iter().map(|cost| for_the_eye(*cost)).collect(),
            expected: books.rest.filter(|_| is_to_come).map(|rest| for_the_eye(rest) * part),
        });
        if !is_to_come {
            let label = range.text(from, if range.0.is_hourly() { "%H:%M" } else { "%-d %b" });
            // A column for each model in the list, which has one even where there was no call.
            let costs = if costs.is_empty() { vec![Credits::ZERO] } else { shown(costs, decimals) };
            rows.push(CostRow { label, href, costs, total: sum });
        }
    }
    let (unit, by_when) = match range.0.period {
        Period::Day => ("hour", "midnight".to_owned()),
        _ => ("day", range.text(range.0.end.minus(Duration::from_secs(1)), "%-d %B")),
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
        expected: books.rest.map(|rest| (total + rest, by_when)),
        svg: chart.svg(),
        bucket,
        series,
        rows,
        total,
        decimals,
    }
}

/// The models, with what they cost and their share; never an empty list.
fn series(range: &Range, books: &Books, decimals: u32) -> Vec<Series> {
    let costs: Vec<Credits> = books.models.iter().map(|spent| spent.cost).collect();
    let figures = shown(&costs, decimals).into_iter().zip(apportioned(&costs, 1_000));
    let named = |(spent, (cost, tenths)): (&Spent, (Credits, i64))| {
        let share = format!("{}.{}", tenths / 10, tenths % 10);
        match &spent.model {
            Some(model) => {
                let logs = range.1.clone().with("model", model.as_str()).with("from", range.0.start.to_string());
                Series { name: model.clone(), href: Some(logs.href()), cost, share }
            }
            None => Series { name: format!("{} others", spent.models), href: None, cost, share },
        }
    };
    let mut series: Vec<Series> = books.models.iter().zip(figures).map(named).collect();
    if series.is_empty() {
        let (name, share) = ("No calls".to_owned(), "0.0".to_owned());
        series.push(Series { name, href: None, cost: Credits::ZERO, share });
    }
    series
}

/// Sums as they are shown, rounded so that whoever adds them up gets the rounded total.
pub(in crate::page) fn shown(costs: &[Credits], decimals: u32) -> Vec<Credits> {
    let unit = 10_i64.pow(9 - decimals);
    let total = costs.iter().copied().sum::<Credits>().nanos();
    let units = apportioned(costs, total.saturating_add(unit / 2) / unit);
    units.into_iter().map(|units| Credits::from_nanos(units * unit)).collect()
}

/// Money as a length.
fn for_the_eye(credits: Credits) -> f64 {
    credits.nanos() as f64 / 1e9
}

fn label(range: &Range, at: Time, is_now: bool) -> String {
    match (range.0.period, is_now) {
        (Period::Day, true) => "now".to_owned(),
        (Period::Day, false) => range.text(at, "%H:%M"),
        (_, true) => "today".to_owned(),
        (Period::Week, false) => range.text(at, "%a %-d"),
        (_, false) if at == range.0.start => range.text(at, "%-d %b"),
        (_, false) => range.text(at, "%-d"),
    }
}

fn bucket_name(range: &Range, from: Time, to: Time) -> String {
    if range.0.is_hourly() {
        format!("{}–{}", range.text(from, "%H:%M"), range.text(to, "%H:%M"))
    } else {
        range.text(from, "%-d %B")
    }
}

/// Trend, highest and total.
fn describe(range: &Range, rows: &[CostRow], total: Credits, decimals: u32) -> String {
    let sum =
        |rows: &[CostRow]| rows.iter().map(|row| row.total).sum::<Credits>().nanos() / count(rows.len() as u64).max(1);
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
    let unit = if range.0.is_hourly() { "at" } else { "on" };
    let highest = rows.iter().max_by_key(|row| row.total).filter(|row| row.total != Credits::ZERO);
    let highest = highest.map_or_else(
        || "Nothing was spent".to_owned(),
        |row| format!("Highest {} credits {unit} {}", amount(row.total, decimals), row.label),
    );
    format!("{trend}{highest}; total {}.", amount(total, decimals))
}
