//! What hours promise, in tables that anyone can check against a calendar, and for any instant against a slower way.

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Time {
    Time::parse(text).unwrap_or_else(|| panic!("{text:?} is a time"))
}

/// `mon tue 08:00-12:00 13:00-18:00 Asia/Shanghai`
fn hours(text: &str) -> Hours {
    let mut hours = Hours { timezone: String::new(), weekdays: Vec::new(), ranges: Vec::new() };
    for word in text.split_whitespace() {
        match (Weekday::parse(word), TimeRange::parse(word)) {
            (Some(day), _) => hours.weekdays.push(day),
            (_, Some(range)) => hours.ranges.push(range),
            _ => word.clone_into(&mut hours.timezone),
        }
    }
    hours
}

fn problems(hours: &Hours) -> Vec<(String, String)> {
    let mut check = Check::default();
    hours.check("hours", &mut check);
    let problem = check.done().err();
    let fields = problem.map(|problem| problem.fields).unwrap_or_default();
    fields.into_iter().map(|field| (field.field, field.message)).collect()
}

/// The wall clock is written as it is read there, with how far it is ahead of UTC. 16 November 2026 is a Monday.
const SCENARIOS: &str = "
hours: mon tue wed thu fri 08:00-20:00 Asia/Shanghai
    Fri 2026-11-20 07:59+08 | shut | opens Fri 2026-11-20 08:00+08 | closes Fri 2026-11-20 20:00+08
    Fri 2026-11-20 08:00+08 | open | opens Fri 2026-11-20 08:00+08 | closes Fri 2026-11-20 20:00+08
    Fri 2026-11-20 19:59+08 | open | opens Fri 2026-11-20 19:59+08 | closes Fri 2026-11-20 20:00+08
    Fri 2026-11-20 20:00+08 | shut | opens Mon 2026-11-23 08:00+08 | closes Mon 2026-11-23 20:00+08
    Sun 2026-11-22 12:00+08 | shut | opens Mon 2026-11-23 08:00+08 | closes Mon 2026-11-23 20:00+08

A lunch break, and ranges that overlap or touch.
hours: mon 13:00-18:00 08:00-12:00 11:00-12:30 18:00-19:00 UTC
    Mon 2026-11-16 12:15+00 | open | opens Mon 2026-11-16 12:15+00 | closes Mon 2026-11-16 12:30+00
    Mon 2026-11-16 12:45+00 | shut | opens Mon 2026-11-16 13:00+00 | closes Mon 2026-11-16 19:00+00
    Mon 2026-11-16 19:00+00 | shut | opens Mon 2026-11-23 08:00+00 | closes Mon 2026-11-23 12:30+00

A night belongs to the day on which it starts: Sunday's runs into Monday, and Saturday's is not there.
hours: sun 22:00-06:00 UTC+8
    Sun 2026-11-22 05:00+08 | shut | opens Sun 2026-11-22 22:00+08 | closes Mon 2026-11-23 06:00+08
    Mon 2026-11-23 05:59+08 | open | opens Mon 2026-11-23 05:59+08 | closes Mon 2026-11-23 06:00+08
    Mon 2026-11-23 22:00+08 | shut | opens Sun 2026-11-29 22:00+08 | closes Mon 2026-11-30 06:00+08

An end that equals the start: 24 hours.
hours: fri 08:00-08:00 UTC
    Fri 2026-11-20 07:59+00 | shut | opens Fri 2026-11-20 08:00+00 | closes Sat 2026-11-21 08:00+00
    Sat 2026-11-21 07:59+00 | open | opens Sat 2026-11-21 07:59+00 | closes Sat 2026-11-21 08:00+00
hours: sat sun 00:00-24:00 UTC
    Fri 2026-11-20 23:59+00 | shut | opens Sat 2026-11-21 00:00+00 | closes Mon 2026-11-23 00:00+00
hours: sat sun 00:00-00:00 UTC
    Fri 2026-11-20 23:59+00 | shut | opens Sat 2026-11-21 00:00+00 | closes Mon 2026-11-23 00:00+00

Round the clock, also when it is pieced together.
hours: mon tue wed thu fri sat sun 00:00-24:00 Europe/Berlin
    Fri 2026-11-20 12:00+01 | open | opens Fri 2026-11-20 12:00+01 | never closes
hours: mon tue wed thu fri sat sun 20:00-08:00 08:00-20:00 Europe/Berlin
    Fri 2026-11-20 12:00+01 | open | opens Fri 2026-11-20 12:00+01 | never closes

Clocks go from 02:00 to 03:00 on 29 March: what was to happen in between is skipped.
hours: sat sun 01:00-02:30 Europe/Berlin
    Sun 2026-03-29 01:59+01 | open | opens Sun 2026-03-29 01:59+01 | closes Sun 2026-03-29 03:00+02
    Sun 2026-03-29 03:00+02 | shut | opens Sat 2026-04-04 01:00+02 | closes Sat 2026-04-04 02:30+02
hours: sun 02:30-05:00 Europe/Berlin
    Sun 2026-03-29 01:59+01 | shut | opens Sun 2026-03-29 03:00+02 | closes Sun 2026-03-29 05:00+02
hours: sun 02:15-02:45 Europe/Berlin
    Sun 2026-03-22 02:45+01 | shut | opens Sun 2026-04-05 02:15+02 | closes Sun 2026-04-05 02:45+02
hours: sun 08:00-20:00 Europe/Berlin
    Sat 2026-03-28 20:00+01 | shut | opens Sun 2026-03-29 08:00+02 | closes Sun 2026-03-29 20:00+02

Clocks go from 03:00 back to 02:00 on 25 October: that hour is allowed twice.
hours: sun 02:00-03:00 Europe/Berlin
    Sun 2026-10-25 02:59+02 | open | opens Sun 2026-10-25 02:59+02 | closes Sun 2026-10-25 03:00+01
    Sun 2026-10-25 02:00+01 | open | opens Sun 2026-10-25 02:00+01 | closes Sun 2026-10-25 03:00+01
hours: sun 02:30-02:45 Europe/Berlin
    Sun 2026-10-25 02:45+02 | shut | opens Sun 2026-10-25 02:30+01 | closes Sun 2026-10-25 02:45+01
hours: sat 22:00-02:30 Europe/Berlin
    Sat 2026-10-24 22:00+02 | open | opens Sat 2026-10-24 22:00+02 | closes Sun 2026-10-25 02:30+02
    Sun 2026-10-25 02:30+02 | shut | opens Sun 2026-10-25 02:00+01 | closes Sun 2026-10-25 02:30+01
";

#[test]
fn hours_open_and_close_as_the_tables_say() {
    let (mut in_force, mut rows) = (hours("UTC"), 0);
    let instant = |cell: &str| {
        let (day, time) = cell.split_once(' ').unwrap_or_else(|| panic!("{cell:?} is a day and a time"));
        let date: jiff::civil::Date = time[..10].parse().expect("a date");
        let shown = Weekday::ALL[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        assert_eq!(shown.label(), day, "the table's own calendar: {cell}");
        at(time)
    };
    for line in SCENARIOS.lines() {
        if let Some(text) = line.strip_prefix("hours: ") {
            in_force = hours(text);
            assert_eq!(problems(&in_force), [], "{line}");
        } else if let [asked, state, opens, closes] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] {
            rows += 1;
            let asked = instant(asked);
            assert_eq!(in_force.allows(asked), state == "open", "{line}");
            assert_eq!(in_force.next_open(asked), opens.strip_prefix("opens ").map(instant), "{line}");
            assert_eq!(in_force.next_close(asked), closes.strip_prefix("closes ").map(instant), "{line}");
        }
    }
    assert_eq!(rows, SCENARIOS.lines().filter(|line| line.contains('|')).count(), "every row was read");
}

#[test]
fn hours_say_in_plain_words_when_they_allow() {
    for (text, words) in [
        ("fri mon tue wed thu 08:00-20:00 Asia/Shanghai", "weekdays 08:00–20:00 (Asia/Shanghai)"),
        ("wed mon 22:00-06:00 UTC+8", "Mon, Wed 22:00–06:00 the next day (UTC+8)"),
        ("sat sun 13:00-00:00 08:00-12:00 UTC", "weekends 08:00–12:00 and 13:00–24:00 (UTC)"),
        ("mon tue wed thu fri sat sun 00:00-00:00 UTC", "every day all day (UTC)"),
        ("fri 08:00-08:00 UTC", "Fri 08:00–08:00 the next day (UTC)"),
        ("mon 01:00-02:00 03:00-04:00 05:00-06:00 UTC", "Mon 01:00–02:00, 03:00–04:00 and 05:00–06:00 (UTC)"),
        ("mon tue wed thu fri sat 08:00-12:00 UTC", "Mon to Sat 08:00–12:00 (UTC)"),
        ("tue wed fri 08:00-12:00 UTC", "Tue, Wed, Fri 08:00–12:00 (UTC)"),
        ("mon tue 08:00-12:00 UTC", "Mon, Tue 08:00–12:00 (UTC)"),
        ("mon UTC", "never (UTC)"),
    ] {
        assert_eq!(hours(text).text(), words);
    }
}

#[test]
fn a_week_is_drawn_day_by_day_with_nights_cut_at_midnight() {
    use Weekday::{Fri, Mon, Sat, Sun};
    for (text, week) in [
        ("fri 08:00-12:00 12:00-20:00 UTC", vec![(Fri, 480, 1_200)]),
        ("sun 22:00-06:00 UTC", vec![(Mon, 0, 360), (Sun, 1_320, 1_440)]),
        (
            "fri sat 20:00-02:30 01:00-03:00 UTC",
            vec![(Fri, 60, 180), (Fri, 1_200, 1_440), (Sat, 0, 180), (Sat, 1_200, 1_440), (Sun, 0, 150)],
        ),
        ("sat 00:00-24:00 UTC", vec![(Sat, 0, 1_440)]),
        ("sat 08:00-08:00 UTC", vec![(Sat, 480, 1_440), (Sun, 0, 480)]),
        ("sat UTC", vec![]),
    ] {
        assert_eq!(hours(text).week(), week, "{text}");
    }
}

#[test]
fn ranges_overlap_where_they_have_a_moment_in_common() {
    let ranges = |text: &str| hours(text).overlap().map(|(one, other)| format!("{one} {other}"));
    for (text, both) in [
        ("mon 08:00-12:00 11:59-13:00 UTC", Some("08:00-12:00 11:59-13:00")),
        ("mon 13:00-14:00 08:00-12:00 08:00-12:00 UTC", Some("08:00-12:00 08:00-12:00")),
        ("mon tue 22:00-06:00 05:00-07:00 UTC", Some("22:00-06:00 05:00-07:00")),
        // Tuesday's morning is not there for Monday's night to run into.
        ("mon 22:00-06:00 05:00-07:00 UTC", None),
        ("mon tue 22:00-06:00 06:00-07:00 UTC", None),
        ("mon 08:00-12:00 12:00-13:00 UTC", None),
        ("mon 00:00-24:00 03:00-04:00 UTC", Some("00:00-24:00 03:00-04:00")),
    ] {
        assert_eq!(ranges(text).as_deref(), both, "{text}");
    }
}

#[test]
fn hours_are_written_as_the_contract_writes_them() {
    let text = r#"{"timezone":"Asia/Shanghai","weekdays":["mon","tue"],"ranges":["08:00-20:00"]}"#;
    let read: Hours = serde_json::from_str(text).expect("valid");
    assert_eq!(read, hours("mon tue 08:00-20:00 Asia/Shanghai"));
    assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
    for bad in [r#"{"weekdays":["monday"]}"#, r#"{"ranges":["8-20"]}"#, r#"{"zone":"UTC"}"#] {
        assert!(serde_json::from_str::<Hours>(bad).is_err(), "{bad}");
    }
    let error = serde_json::from_str::<TimeRange>(r#""08:00 to 20:00""#).expect_err("no range").to_string();
    assert!(error.starts_with("\"08:00 to 20:00\" is not a range of hours: write one such as"), "{error}");
}

#[test]
fn ranges_are_hours_and_minutes_with_two_digits_each() {
    for good in ["08:00-20:00", "22:00-06:00", "00:00-24:00", "00:00-00:00", "23:59-00:01"] {
        assert_eq!(TimeRange::parse(good).map(|range| range.to_string()).as_deref(), Some(good));
    }
    for bad in [
        "",
        "-",
        "8:00-20:00",
        "08:00",
        "24:00-08:00",
        "08:60-09:00",
        "00:00-24:01",
        "08:00-20:00-22:00",
        "+8:00-09:00",
    ] {
        assert_eq!(TimeRange::parse(bad), None, "{bad}");
    }
}

#[test]
fn each_field_that_will_not_do_is_named_with_what_to_do() {
    let empty: Hours = serde_json::from_str("{}").expect("all is left out");
    let said = problems(&empty);
    let fields: Vec<&str> = said.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["hours.timezone", "hours.weekdays", "hours.ranges"]);
    assert!(
        said[0].1.starts_with("Choose a time zone") && said[1].1.starts_with("Choose at least one day"),
        "{said:?}"
    );
    let doubled = problems(&hours("mon mon 08:00-20:00 Mars/Olympus"));
    assert_eq!(doubled[0].1, "\"Mars/Olympus\" is not a time zone. Write one such as Europe/Berlin, UTC or UTC+8.");
    assert_eq!(doubled[1], ("hours.weekdays".to_owned(), "Name each day once.".to_owned()));
    // Never saved, and harmless if they were.
    assert!(!empty.allows(Time::EPOCH));
    assert_eq!((empty.next_open(Time::EPOCH), empty.next_close(Time::EPOCH)), (None, None));
}

/// The same answer by a slower way: from the calendar of the zone, day by day and range by range.
fn allows_by_the_calendar(hours: &Hours, at: Time) -> bool {
    let local = Zone::parse(&hours.timezone).expect("a zone").local(at).datetime();
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).expect("a minute");
    let is_on = |date: jiff::civil::Date| {
        let days_after_monday = date.weekday().to_monday_zero_offset();
        hours.weekdays.contains(&Weekday::ALL[usize::from(days_after_monday.unsigned_abs())])
    };
    let (today, yesterday) = (is_on(local.date()), is_on(local.date().yesterday().expect("a day before")));
    hours.ranges.iter().any(|range| match range.end > range.start {
        true => today && range.start <= minute && minute < range.end,
        false => (today && range.start <= minute) || (yesterday && minute < range.end),
    })
}

fn any_hours() -> impl Strategy<Value = Hours> {
    let zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "UTC-03:30"];
    let range = (0_u16..144, 0_u16..=144).prop_map(|(start, end)| TimeRange { start: start * 10, end: end * 10 });
    let weekdays = prop::sample::subsequence(Weekday::ALL.to_vec(), 1..=7);
    (prop::sample::select(zones.to_vec()), weekdays, prop::collection::vec(range, 1..4))
        .prop_map(|(timezone, weekdays, ranges)| Hours { timezone: timezone.to_owned(), weekdays, ranges })
}

/// Any instant from 2012 to 2099, or one within three days of a change of Berlin's, Newfoundland's or Morocco's clocks.
fn any_instant() -> impl Strategy<Value = Time> {
    let changes = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-11-01T04:30:00Z", "2026-02-15T02:00:00Z"];
    let near = (prop::sample::select(changes.to_vec()), -3 * DAY..DAY)
        .prop_map(|(change, micros)| Time::from_micros(at(change).micros() + micros));
    prop_oneof![(1_325_376_000_000_000_i64..4_102_444_800_000_000).prop_map(Time::from_micros), near]
}

proptest! {
    #[test]
    fn an_instant_is_allowed_when_the_calendar_says_so(hours in any_hours(), at in any_instant()) {
        prop_assert_eq!(hours.allows(at), allows_by_the_calendar(&hours, at));
    }

    #[test]
    fn the_week_shows_each_minute_as_it_is(hours in any_hours()) {
        let week = hours.week();
        for (day, weekday) in Weekday::ALL.into_iter().enumerate() {
            for minute in (0..DAY_MINUTES).step_by(5) {
                let shown = week.iter().any(|(on, from, to)| *on == weekday && (*from..*to).contains(&minute));
                prop_assert_eq!(shown, hours.covers(day as i64 * DAY + i64::from(minute) * MINUTE));
            }
        }
        prop_assert!(week.windows(2).all(|two| (two[0].0, two[0].2) < (two[1].0, two[1].1)), "in order, with gaps");
    }

    #[test]
    fn what_is_written_reads_back_the_same(hours in any_hours()) {
        let text = serde_json::to_string(&hours).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Hours>(&text).expect("valid"), hours);
    }
}

/// The first instant from `at` that answers `open`, by looking at every ten minutes: all edges lie on them.
fn by_looking(hours: &Hours, at: Time, open: bool) -> Option<Time> {
    let step = 10 * MINUTE;
    let marks = (at.micros().div_euclid(step) + 1..).map(|mark| Time::from_micros(mark * step));
    let horizon = at.plus(HORIZON);
    std::iter::once(at).chain(marks).take_while(|at| *at <= horizon).find(|at| hours.allows(*at) == open)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_next_opening_and_closing_are_the_first_there_are(hours in any_hours(), at in any_instant()) {
        let opens = hours.next_open(at);
        prop_assert_eq!(opens, by_looking(&hours, at, true));
        let opens = opens.expect("ranges of ten minutes or more open within two weeks");
        let closes = hours.next_close(at);
        prop_assert_eq!(closes, by_looking(&hours, opens, false));
        if let Some(closes) = closes {
            prop_assert!(hours.allows(Time::from_micros(closes.micros() - 1)) && !hours.allows(closes));
        }
    }
}
