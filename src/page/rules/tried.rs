//! The dry run in words and bars: what a rule as it is written would have refused of its keys' real calls.

use super::counted;
use super::form::read;
use super::said::as_written;
use crate::console::rules::tried::{Refused, RefusedRow, Tried};
use crate::console::ui::money::{amount, grouped, percent};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::id::RuleId;
use crate::domain::impact::{Judged, Sum};
use crate::domain::period::Zone;
use crate::domain::problem::Problem;
use crate::domain::rule::RuleSpec;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::impact::{Impact, KeyImpact};
use std::fmt::Write as _;

/// Keys in the table.
const KEYS: usize = 10;

/// The dry run of the rule with this id, as it is or as `written`; of none where the id is blank.
///
/// # Errors
/// Where there is no such rule for this account; when the database fails.
pub async fn tried(gateway: &Gateway, reader: &Account, id: &str, written: &str) -> Result<Tried, Problem> {
    if id.is_empty() {
        let why = "Once the rule is saved and governs a key, this tells what it would have refused of the calls of the \
            last 30 days.";
        return Ok(nothing(why));
    }
    let id = RuleId(id.to_owned());
    let known = gateway.rule(reader, &id).await?;
    if known.references.keys() == 0 {
        return Ok(nothing("It governs no key, so there are no calls to try it on."));
    }
    let read = read(Some(&known.rule), &as_written(reader, Some(&known.rule), written));
    if read.problems.iter().any(|problem| problem.field != "name") {
        return Ok(nothing("It is tried again as soon as every field can be read."));
    }
    // One that is switched off refuses nothing; what it would do is asked. Its name does not matter.
    let spec = RuleSpec { enabled: true, name: known.rule.name.clone(), ..read.spec.clone() };
    let impact = gateway.rule_impact(reader, &id, Some(spec)).await?;
    Ok(worded(reader, &impact, &read.spec))
}

fn nothing(why: &str) -> Tried {
    Tried { why: why.to_owned(), ..Tried::default() }
}

fn worded(reader: &Account, impact: &Impact, spec: &RuleSpec) -> Tried {
    let zone = Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc);
    let day = |at: Time| zone.local(at).strftime("%-d %b").to_string();
    let (from, to) = (day(impact.from), day(impact.to));
    let total = &impact.total;
    if total.all.calls == 0 {
        let keys = counted(impact.governed, "key", "keys").unwrap_or_else(|| "keys".to_owned());
        return nothing(&format!("Its {keys} made no calls from {from} to {to}, so there is nothing to try it on."));
    }
    let refused = total.refused();
    let calls =
        |number: u64| if number == 1 { "1 call".to_owned() } else { format!("{} calls", grouped(signed(number))) };
    let note = format!("against {} of its keys that went through, {from} – {to}", calls(total.all.calls));
    let would = if spec.enabled { "It would have refused " } else { "Switched on, it would have refused " };
    let said = |words: String| (words, false);
    if refused.calls == 0 {
        let restricts = if spec.quota.is_none() && spec.hours.is_none() { ": it restricts nothing" } else { "" };
        return Tried { note, said: vec![said(format!("{would}none of them{restricts}."))], ..Tried::default() };
    }
    let decimals = decimals(refused);
    let keys: Vec<&KeyImpact> = impact.keys.iter().filter(|key| key.judged.refused().calls > 0).collect();
    let from_keys = counted(keys.len() as u64, "key", "keys").unwrap_or_default();
    let credits = format!("{} credits", amount(Credits::from_nanos(refused.nanos), decimals));
    let sentence = vec![
        said(would.to_owned()),
        (calls(refused.calls), true),
        said(format!(" from {from_keys}, worth ")),
        (credits, true),
        said(".".to_owned()),
    ];
    Tried {
        note,
        said: sentence,
        why: why(total),
        refused: Some(Refused {
            chart: chart(&zone, &impact.days),
            days: impact.days.iter().filter(|(_, sum)| sum.calls > 0).map(|(at, sum)| by_day(day(*at), *sum)).collect(),
            keys: keys.iter().take(KEYS).map(|key| by_key(key)).collect(),
            others: match keys.len().saturating_sub(KEYS) {
                0 => String::new(),
                1 => "1 more key, with fewer, is counted in the sum.".to_owned(),
                more => format!("{more} more keys, with fewer, are counted in the sum."),
            },
            total: RefusedRow {
                label: format!("{} of {}", keys.len(), counted(impact.governed, "key", "keys").unwrap_or_default()),
                share: share(total),
                ..by_day(String::new(), refused)
            },
            decimals,
        }),
    }
}

/// How many for which reason.
fn why(total: &Judged) -> String {
    let part = |sum: Sum, says: &str| (sum.calls > 0).then(|| format!("{} {says}", grouped(signed(sum.calls))));
    let parts = [part(total.outside_hours, "outside its hours"), part(total.over_quota, "above its cap")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}. Calls are judged by what they cost in the end.", parts.join(", "))
}

fn by_day(label: String, sum: Sum) -> RefusedRow {
    RefusedRow {
        label,
        href: String::new(),
        calls: grouped(signed(sum.calls)),
        share: String::new(),
        credits: Credits::from_nanos(sum.nanos),
    }
}

fn by_key(key: &KeyImpact) -> RefusedRow {
    let href = format!("/tokens/{}", key.id.as_str());
    RefusedRow { href, share: share(&key.judged), ..by_day(key.name.clone(), key.judged.refused()) }
}

fn share(judged: &Judged) -> String {
    percent(signed(judged.refused().calls), signed(judged.all.calls))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Two, unless all of it would be lost in them.
fn decimals(sum: Sum) -> u32 {
    if sum.nanos != 0 && sum.nanos < 1_000_000_000 { 6 } else { 2 }
}

/// Bars of refused calls, a day each: x in percent and y in pixels, as all charts.
fn chart(zone: &Zone, days: &[(Time, Sum)]) -> String {
    let named = |at: Time, form: &str| zone.local(at).strftime(form).to_string();
    let count = days.len().max(1) as f64;
    let most = days.iter().enumerate().max_by_key(|(at, (_, sum))| (sum.calls, *at));
    let Some((peak, (peak_at, peak_sum))) = most else { return String::new() };
    let highest = peak_sum.calls.max(1) as f64;
    let x = |place: f64| format!("{:.2}%", place / count * 100.0);
    let mut shapes = String::new();
    for (at, (_, sum)) in days.iter().enumerate().filter(|(_, (_, sum))| sum.calls > 0) {
        let height = (sum.calls as f64 / highest * 56.0).max(1.0);
        let (left, width, top) = (x(at as f64 + 0.14), x(0.72), 70.0 - height);
        _ = write!(
            shapes,
            "<rect class=\"chart__refused\" x=\"{left}\" y=\"{top:.1}\" width=\"{width}\" height=\"{height:.1}\"/>"
        );
    }
    // The first and the last day, and weeks between that leave room for both.
    for (at, (day, _)) in days.iter().enumerate() {
        let is_last = at + 1 == days.len();
        if !is_last && (at % 7 != 0 || at + 4 > days.len()) {
            continue;
        }
        let (place, anchor) = match at {
            0 => (x(0.0), "start"),
            _ if is_last => (x(count), "end"),
            at => (x(at as f64 + 0.5), "middle"),
        };
        let class = if at % 14 == 7 { "chart__axis chart__axis--more" } else { "chart__axis" };
        let label = named(*day, "%-d %b");
        _ = write!(shapes, "<text class=\"{class}\" x=\"{place}\" y=\"87\" text-anchor=\"{anchor}\">{label}</text>");
    }
    let (place, anchor) = match (peak as f64) / count {
        far if far > 0.6 => (x(peak as f64), "end"),
        _ => (x(peak as f64 + 1.0), "start"),
    };
    let peak_calls = grouped(signed(peak_sum.calls));
    let note = format!("{peak_calls} on {}", named(*peak_at, "%-d %b"));
    _ = write!(shapes, "<text class=\"chart__note\" x=\"{place}\" y=\"11\" text-anchor=\"{anchor}\">{note}</text>");
    let says = format!(
        "Calls it would have refused, by day, last 30 days: most on {}, {peak_calls}",
        named(*peak_at, "%-d %B")
    );
    format!(
        "<svg class=\"chart__plot chart__plot--short\" role=\"img\" aria-label=\"{says}\">{shapes}\
         <line class=\"chart__base\" x1=\"0\" x2=\"100%\" y1=\"70.5\" y2=\"70.5\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hours, now, reader, rule};
    use super::*;
    use crate::domain::period::Period;
    use crate::domain::rule::RulePeriod;
    use std::time::Duration;

    fn sum(calls: u64, nanos: i64) -> Sum {
        Sum { calls, nanos }
    }

    fn key(name: &str, all: u64, outside: u64, over: u64) -> KeyImpact {
        let judged = Judged {
            all: sum(all, signed(all) * 1_000_000_000),
            outside_hours: sum(outside, signed(outside) * 200_000_000),
            over_quota: sum(over, signed(over) * 100_000_000),
        };
        KeyImpact { id: name.into(), name: name.to_owned(), judged }
    }

    fn impact(keys: Vec<KeyImpact>, governed: u64) -> Impact {
        let mut total = Judged::default();
        keys.iter().for_each(|key| total.add(&key.judged));
        let from = now().minus(Duration::from_hours(24 * 30));
        let day = |number: u64| Period::Day.start(from.plus(Duration::from_hours(24 * number)), &berlin());
        let days = (0..31).map(|number| (day(number), if number == 21 { total.refused() } else { Sum::default() }));
        Impact { from, to: now(), governed, total, keys, days: days.collect() }
    }

    fn berlin() -> Zone {
        Zone::parse("Europe/Berlin").expect("a zone")
    }

    fn office() -> RuleSpec {
        rule(Some("50"), RulePeriod::Daily, Some(hours("UTC", &["mon"], &["08:00-20:00"]))).spec()
    }

    fn sentence(tried: &Tried) -> String {
        tried.said.iter().map(|(words, _)| words.as_str()).collect()
    }

    #[test]
    fn a_dry_run_tells_calls_and_credits_by_day_and_by_key() {
        let keys = vec![key("web", 2_000, 150, 10), key("mobile", 100, 4, 0), key("idle", 50, 0, 0)];
        let tried = worded(&reader(), &impact(keys, 6), &office());
        assert_eq!(sentence(&tried), "It would have refused 164 calls from 2 keys, worth 31.80 credits.");
        assert_eq!(tried.note, "against 2,150 calls of its keys that went through, 21 Oct – 20 Nov");
        assert_eq!(
            tried.why,
            "154 outside its hours, 10 above its cap. Calls are judged by what they cost in the end."
        );
        let refused = tried.refused.expect("some");
        let shares: Vec<_> = refused.keys.iter().map(|row| (row.label.as_str(), row.share.as_str())).collect();
        assert_eq!(shares, [("web", "8.0"), ("mobile", "4.0")]);
        assert_eq!((refused.total.label.as_str(), refused.total.share.as_str()), ("2 of 6 keys", "7.6"));
        assert_eq!(refused.days.len(), 1);
        assert_eq!((refused.days[0].label.as_str(), refused.days[0].calls.as_str()), ("11 Nov", "164"));
        assert!(refused.chart.contains(">164 on 11 Nov</text>") && !refused.chart.contains("style="));
        assert_eq!(refused.chart.matches("chart__refused").count(), 1);
        assert!(refused.chart.contains(">21 Oct</text>") && refused.chart.contains(">20 Nov</text>"));
    }

    #[test]
    fn long_tables_are_cut_and_small_sums_keep_their_decimals() {
        let many = (0..13).map(|number| key(&format!("key-{number}"), 10, 1, 0)).collect();
        let refused = worded(&reader(), &impact(many, 13), &office()).refused.expect("some");
        assert_eq!(
            (refused.keys.len(), refused.others.as_str()),
            (10, "3 more keys, with fewer, are counted in the sum.")
        );
        assert_eq!((decimals(sum(1, 7_000)), decimals(sum(1, 0)), decimals(sum(1, 1_000_000_000))), (6, 2, 2));
    }

    #[test]
    fn a_dry_run_says_why_there_is_nothing_to_tell() {
        let none = worded(&reader(), &impact(vec![key("web", 7, 0, 0)], 1), &office());
        assert_eq!(sentence(&none), "It would have refused none of them.");
        let off = RuleSpec { enabled: false, ..office() };
        let off = worded(&reader(), &impact(vec![key("web", 7, 1, 0)], 1), &off);
        assert_eq!(sentence(&off), "Switched on, it would have refused 1 call from 1 key, worth 0.200000 credits.");
        let idle = worded(&reader(), &impact(vec![], 3), &office());
        assert_eq!(idle.why, "Its 3 keys made no calls from 21 Oct to 20 Nov, so there is nothing to try it on.");
    }
}
