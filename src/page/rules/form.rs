//! The form of a rule: how it is filled in, and how what was written in it is read.

use crate::console::form::read_credits;
use crate::console::rules::edit::{Fields, Written, WrittenHours, WrittenQuota, WrittenRange};
use crate::domain::account::Account;
use crate::domain::hours::{Hours, TimeRange, Weekday};
use crate::domain::problem::{Check, FieldProblem, Problem, ProblemKind};
use crate::domain::rule::{Rule, RulePeriod, RuleQuota, RuleSpec};

/// Rows of ranges there are at least, so that several can be written without JavaScript.
const ROWS: usize = 3;
/// Rows that are read at most: as many ranges as a rule may have, and room for too many to be told.
const MOST_ROWS: usize = 48;

/// The fields as they are to be filled in: as the rule is, or as a form that came back was written.
pub fn fields(reader: &Account, known: Option<&Rule>, came_back: &str) -> Fields {
    let mut written = match (came_back.is_empty(), known) {
        (false, _) => parsed(came_back),
        (true, Some(rule)) => write(rule),
        (true, None) => fresh(reader),
    };
    let ranges = &mut written.hours.ranges;
    if let Some(at) = written.act.strip_prefix("remove:").and_then(|at| at.parse::<usize>().ok())
        && at < ranges.len()
    {
        ranges.remove(at);
    }
    let more = usize::from(written.act == "more");
    ranges.resize_with((ranges.len() + more).clamp(ROWS, MOST_ROWS), WrittenRange::default);
    let title = known.map_or("New rule", |rule| &rule.name).to_owned();
    Fields { title, written }
}

fn fresh(reader: &Account) -> Written {
    Written {
        enabled: Some("on".to_owned()),
        quota: WrittenQuota { credits: String::new(), period: RulePeriod::Daily.as_str().to_owned() },
        hours: WrittenHours { timezone: reader.timezone.clone(), ranges: Vec::new() },
        ..Written::default()
    }
}

/// A rule as its form shows it.
pub fn write(rule: &Rule) -> Written {
    let ends = |range: &TimeRange| {
        let (from, to) = range.ends();
        WrittenRange { from, to }
    };
    let period = rule.quota.map_or(RulePeriod::Daily, |quota| quota.period);
    let own = rule.timezone.clone().unwrap_or_default();
    let (zone, own) = match &rule.hours {
        Some(hours) => (hours.timezone.clone(), own),
        None if own.is_empty() => ("UTC".to_owned(), own),
        None => (own, String::new()),
    };
    Written {
        name: rule.name.clone(),
        description: rule.description.clone(),
        enabled: rule.enabled.then(|| "on".to_owned()),
        quota: WrittenQuota {
            credits: rule.quota.map(|quota| quota.credits.to_string()).unwrap_or_default(),
            period: period.as_str().to_owned(),
        },
        timezone: own,
        hours: WrittenHours {
            timezone: zone,
            ranges: rule.hours.iter().flat_map(|hours| hours.ranges.iter().map(ends)).collect(),
        },
        weekdays: rule.hours.iter().flat_map(|hours| &hours.weekdays).map(|day| day.as_str().to_owned()).collect(),
        seen: seen(rule),
        act: String::new(),
    }
}

/// What an editor has seen of a rule.
fn seen(rule: &Rule) -> String {
    serde_json::to_string(&rule.spec()).expect("a rule is plain data")
}

/// Whether a rule is still as its editor has seen it.
pub fn is_as_seen(rule: &Rule, seen_before: &str) -> bool {
    seen_before.is_empty() || seen(rule) == seen_before
}

/// A form's body.
pub fn parsed(body: &str) -> Written {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(body).unwrap_or_default();
    let mut written = Written::default();
    for (name, value) in pairs {
        match name.as_str() {
            "name" => written.name = value,
            "description" => written.description = value,
            "enabled" => written.enabled = Some(value),
            "quota[credits]" => written.quota.credits = value,
            "quota[period]" => written.quota.period = value,
            "timezone" => written.timezone = value,
            "hours[timezone]" => written.hours.timezone = value,
            "weekdays[]" => written.weekdays.push(value),
            "seen" => written.seen = value,
            "act" => written.act = value,
            other => {
                let place = other.strip_prefix("hours[ranges][").and_then(|rest| rest.split_once(']'));
                let Some((at, end)) = place.and_then(|(at, end)| Some((at.parse::<usize>().ok()?, end))) else {
                    continue;
                };
                let ranges = &mut written.hours.ranges;
                if at >= MOST_ROWS {
                    continue;
                }
                ranges.resize_with(ranges.len().max(at + 1), WrittenRange::default);
                match end {
                    "[from]" => ranges[at].from = value,
                    "[to]" => ranges[at].to = value,
                    _ => {}
                }
            }
        }
    }
    written
}

/// What was written: what of it can be read, and what is wrong with the rest.
pub struct Read {
    pub spec: RuleSpec,
    pub problems: Vec<FieldProblem>,
}

impl Read {
    /// # Errors
    /// Every field that will not do, at once.
    pub fn whole(self) -> Result<RuleSpec, Problem> {
        let mut check = Check::default();
        for problem in self.problems {
            check.that(false, &problem.field, problem.message);
        }
        check.done().map(|()| self.spec)
    }
}

/// Reads a form. What it does not show stays as it was.
pub fn read(known: Option<&Rule>, written: &Written) -> Read {
    let mut check = Check::default();
    let mut spec = known.map_or_else(|| RuleSpec::named(""), Rule::spec);
    spec.name = written.name.trim().to_owned();
    spec.description = written.description.replace("\r\n", "\n").trim_end().to_owned();
    spec.enabled = written.enabled.is_some();
    let credits = read_credits(&mut check, "quota.credits", &written.quota.credits);
    let period = RulePeriod::parse(&written.quota.period);
    check.that(period.is_some(), "quota.period", "Choose a day, a week or a month.");
    spec.quota = credits.zip(period).map(|(credits, period)| RuleQuota { credits, period });
    spec.hours = read_hours(written, &mut check);
    let (zone, own) = (written.hours.timezone.trim(), written.timezone.trim());
    let was_utc = known.is_some_and(|rule| rule.timezone.as_deref() == Some("UTC"));
    spec.timezone = match (&spec.hours, own) {
        (Some(_), "") => None,
        (_, own) if !own.is_empty() => Some(own.to_owned()),
        // UTC goes without saying.
        (None, _) if zone.is_empty() || (zone == "UTC" && !was_utc) => None,
        (_, _) => Some(zone.to_owned()),
    };
    let mut problems = check.done().err().map(|problem| problem.fields).unwrap_or_default();
    for mut problem in spec.check().err().map(|problem| problem.fields).unwrap_or_default() {
        // Without hours and without a zone of its own, the cap's is written in the field of both.
        if problem.field == "timezone" && own.is_empty() {
            problem.field = "hours.timezone".to_owned();
        }
        let is_said = problems.iter().any(|said| said.field.starts_with(&problem.field));
        if !is_said {
            problems.push(problem);
        }
    }
    let order = |field: &str| {
        let fields = ["name", "quota", "hours.timezone", "timezone", "description", "hours"];
        fields.iter().position(|first| field.starts_with(first)).unwrap_or(fields.len())
    };
    problems.sort_by_key(|problem| order(&problem.field));
    Read { spec, problems }
}

/// No hours where neither a day is chosen nor a range written.
fn read_hours(written: &Written, check: &mut Check) -> Option<Hours> {
    let rows = written.hours.ranges.iter().enumerate();
    let rows = rows.filter(|(_, range)| !(range.from.trim().is_empty() && range.to.trim().is_empty()));
    let (mut ranges, mut places, mut is_blank) = (Vec::new(), Vec::new(), true);
    for (at, WrittenRange { from, to }) in rows {
        is_blank = false;
        let (from, to) = (from.trim(), to.trim());
        match TimeRange::parse(&format!("{}-{}", clock(from), clock(to))) {
            Some(range) => {
                ranges.push(range);
                places.push(at);
            }
            None if from.is_empty() || to.is_empty() => {
                let missing =
                    if from.is_empty() { "when it begins, such as 08:00" } else { "when it ends, such as 20:00" };
                check.that(false, &format!("hours.ranges.{at}"), format!("Write {missing}, or clear this row."));
            }
            None => {
                let says = format!("“{from} to {to}” is no range of hours. Write one such as 08:00 to 20:00.");
                check.that(false, &format!("hours.ranges.{at}"), says);
            }
        }
    }
    let weekdays: Vec<Weekday> = written.weekdays.iter().filter_map(|day| Weekday::parse(day)).collect();
    check.that(weekdays.len() == written.weekdays.len(), "hours.weekdays", "Choose days from Monday to Sunday.");
    if weekdays.is_empty() && is_blank {
        return None;
    }
    let hours = Hours { timezone: written.hours.timezone.trim().to_owned(), weekdays, ranges };
    // On days that are still to be chosen they may meet as well.
    let every_day = Hours { weekdays: Weekday::ALL.to_vec(), ..hours.clone() };
    let days = if hours.weekdays.is_empty() { &every_day } else { &hours };
    if let Some((one, other)) = days.overlap() {
        let at = places[hours.ranges.iter().rposition(|range| *range == other).unwrap_or(0)];
        let says = match one == other {
            true => format!("{} is written twice. Remove one of them.", other.text()),
            false => format!("{} overlaps {}. Make one range of them.", other.text(), one.text()),
        };
        check.that(false, &format!("hours.ranges.{at}"), says);
    }
    Some(hours)
}

/// A time as people write it, as the domain reads it: `8`, `8:30` and `0830` are `08:00`, `08:30` and `08:30`.
fn clock(text: &str) -> String {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once([':', '.']) {
        Some((hours, minutes)) if is_digits(hours) && is_digits(minutes) => format!("{hours:0>2}:{minutes}"),
        None if is_digits(text) && text.len() <= 2 => format!("{text:0>2}:00"),
        None if is_digits(text) && text.len() == 4 => format!("{}:{}", &text[..2], &text[2..]),
        _ => text.to_owned(),
    }
}

/// What an admin has locked is named by the verb as a whole; here it is said beside the first of its fields.
pub fn beside_its_fields(mut problem: Problem) -> Problem {
    if problem.kind == ProblemKind::AdminLocked {
        for field in &mut problem.fields {
            match field.field.as_str() {
                "quota" => field.field = "quota.credits".to_owned(),
                "hours" => field.field = "hours.ranges".to_owned(),
                _ => {}
            }
        }
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hours, reader, rule};
    use super::*;

    fn told(body: &str) -> Vec<(String, String)> {
        let problem = read(None, &parsed(body)).whole().expect_err(body);
        problem.fields.into_iter().map(|field| (field.field, field.message)).collect()
    }

    const DEV: &str = "name=Dev&enabled=on&quota[period]=daily&hours[timezone]=Asia/Shanghai";

    #[test]
    fn a_rule_is_filled_in_and_read_back_the_same() {
        let office = || hours("Asia/Shanghai", &["mon", "tue"], &["08:00-12:00", "22:00-00:00"]);
        let own = |zone: &str| Some(zone.to_owned());
        for rule in [
            rule(Some("12.5"), RulePeriod::Weekly, Some(office())),
            Rule { timezone: own("Europe/Berlin"), ..rule(Some("1"), RulePeriod::Daily, Some(office())) },
            Rule { timezone: own("Asia/Shanghai"), enabled: false, ..rule(None, RulePeriod::Daily, Some(office())) },
            Rule { timezone: own("Asia/Shanghai"), ..rule(Some("0"), RulePeriod::Monthly, None) },
            Rule { timezone: own("UTC"), ..rule(Some("0"), RulePeriod::Monthly, None) },
            rule(Some("0.000000001"), RulePeriod::Daily, None),
            rule(None, RulePeriod::Daily, None),
        ] {
            let written = write(&rule);
            assert_eq!(read(Some(&rule), &written).whole(), Ok(rule.spec()));
            assert!(is_as_seen(&rule, &written.seen));
            assert!(!is_as_seen(&Rule { description: "other".to_owned(), ..rule }, &written.seen));
        }
    }

    #[test]
    fn a_cap_alone_is_counted_where_the_form_says_and_the_clock_is_read_as_people_write_it() {
        let read = |more: &str| read(None, &parsed(&format!("{DEV}{more}"))).whole().expect(more);
        let cap = read("&quota[credits]=50");
        assert_eq!((cap.timezone.as_deref(), cap.hours), (Some("Asia/Shanghai"), None));
        assert_eq!(read("&quota[credits]=50&hours[timezone]=UTC").timezone, None, "it goes without saying");
        let both = read("&weekdays[]=mon&hours[ranges][1][from]=8&hours[ranges][1][to]=2030&timezone=UTC");
        assert_eq!(both.timezone.as_deref(), Some("UTC"));
        assert_eq!(both.hours, Some(hours("Asia/Shanghai", &["mon"], &["08:00-20:30"])));
        for (text, clock_text) in [("8:05", "08:05"), ("08.30", "08:30"), ("24", "24:00"), ("8h", "8h"), ("", "")] {
            assert_eq!(clock(text), clock_text);
        }
    }

    #[test]
    fn what_will_not_do_is_said_beside_its_field_all_at_once() {
        let range = |from: &str, to: &str| {
            format!("{DEV}&weekdays[]=mon&hours[ranges][1][from]={from}&hours[ranges][1][to]={to}")
        };
        for (body, field, message) in [
            (range("25:00", "26:00"), "hours.ranges.1", "“25:00 to 26:00” is no range of hours."),
            (range("08:00", ""), "hours.ranges.1", "Write when it ends, such as 20:00, or clear this row."),
            (range("", "20:00"), "hours.ranges.1", "Write when it begins, such as 08:00, or clear this row."),
            (range("morning", "noon"), "hours.ranges.1", "“morning to noon” is no range of hours."),
            (
                range("08:00", "12:00") + "&hours[ranges][3][from]=11:00&hours[ranges][3][to]=13:00",
                "hours.ranges.3",
                "11:00–13:00 overlaps 08:00–12:00. Make one range of them.",
            ),
            (
                range("08:00", "12:00") + "&hours[ranges][3][from]=08:00&hours[ranges][3][to]=12:00",
                "hours.ranges.3",
                "08:00–12:00 is written twice.",
            ),
            (format!("{DEV}&weekdays[]=mon"), "hours.ranges", "Write at least one range"),
            (range("08:00", "12:00").replace("&weekdays[]=mon", ""), "hours.weekdays", "Choose at least one day"),
            (format!("{DEV}&weekdays[]=monday"), "hours.weekdays", "Choose days"),
            (DEV.replace("Asia/Shanghai", "Mars/Olympus"), "hours.timezone", "\"Mars/Olympus\" is not a time zone."),
            (range("08:00", "12:00").replace("Asia/Shanghai", ""), "hours.timezone", "Choose a time zone"),
            (format!("{DEV}&timezone=Nowhere"), "timezone", "\"Nowhere\" is not a time zone."),
            (format!("{DEV}&quota[credits]=-5"), "quota.credits", "“-5” is not an amount."),
            (format!("{DEV}&quota[credits]=many"), "quota.credits", "“many” is not an amount."),
            (format!("{DEV}&quota[credits]=1000000001"), "quota.credits", "Write credits from 0 to 1,000,000,000"),
            (format!("{DEV}&quota[credits]=99999999999999999999"), "quota.credits", "“99999999999999999999” is not"),
            (DEV.replace("daily", "hourly"), "quota.period", "Choose a day"),
            (DEV.replace("Dev", " "), "name", "Give it a name"),
        ] {
            let said = told(&body);
            assert_eq!(said[0].0, field, "{body}: {said:?}");
            assert!(said[0].1.starts_with(message), "{body}: {said:?}");
        }
        let all = told("hours[ranges][0][from]=x&quota[credits]=x&quota[period]=x&timezone=x&hours[timezone]=x");
        let fields: Vec<&str> = all.iter().map(|(field, _)| field.as_str()).collect();
        let expected =
            ["name", "quota.credits", "quota.period", "hours.timezone", "timezone", "hours.ranges.0", "hours.weekdays"];
        assert_eq!(fields, expected);
    }

    #[test]
    fn without_javascript_buttons_add_and_remove_ranges() {
        let body = format!("{DEV}&hours[ranges][0][from]=8&hours[ranges][0][to]=9&hours[ranges][2][from]=10");
        let rows = |more: &str| {
            let rows = fields(&reader(), None, &format!("{body}{more}")).written.hours.ranges;
            rows.into_iter().map(|row| row.from).collect::<Vec<_>>()
        };
        assert_eq!(rows("&act=try"), ["8", "", "10"]);
        assert_eq!(rows("&act=more"), ["8", "", "10", ""]);
        assert_eq!(rows("&act=remove:0"), ["", "10", ""]);
        assert_eq!(rows("&act=remove:99&hours[ranges][4294967295][from]=x"), ["8", "", "10"]);
        assert_eq!(fields(&reader(), None, "").written.hours.timezone, "Europe/Berlin", "a new one begins here");
    }
}
