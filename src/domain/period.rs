//! The stretch of time a limit counts over. Resets are arithmetic: a new period is a new meter, never a job.

use super::time::Time;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// How long a limit counts before it starts again.
///
/// `Minute` and `RollingDay` slide; the calendar periods begin at midnight in the limit's zone, a week on Monday. A
/// cycle is a month long too, and begins on the day of the month and at the time of day at which its anchor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Minute,
    RollingDay,
    Day,
    Week,
    Month,
    /// A billing cycle. The anchor begins one of them, to the quarter of an hour: usage is kept by quarters, and a
    /// cycle that began inside of one could not be counted again from the rows.
    Cycle {
        anchor: Time,
    },
    Lifetime,
}

impl Period {
    /// The name refusals and the management API give it.
    pub fn as_str(self) -> &'static str {
        match self {
            Period::Minute => "minute",
            Period::RollingDay | Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Cycle { .. } => "cycle",
            Period::Lifetime => "lifetime",
        }
    }

    /// The zone that matters to it. A period that slides or never ends has no midnight: one meter counts it in every
    /// zone, so that a changed zone begins nothing anew.
    pub fn zone(self, zone: &Zone) -> Zone {
        match self {
            Period::Minute | Period::RollingDay | Period::Lifetime => Zone::utc(),
            Period::Day | Period::Week | Period::Month | Period::Cycle { .. } => zone.clone(),
        }
    }

    /// A name of its own for each, as rows hold it.
    pub fn code(self) -> &'static str {
        match self {
            Period::RollingDay => "rolling_day",
            other => other.as_str(),
        }
    }

    /// For sliding periods: the window and the bucket it is counted in. A bucket leaves the window only when all of
    /// it has, so no window ever holds more than the limit; it may hold less by what one bucket counted.
    pub fn window(self) -> Option<(Duration, Duration)> {
        match self {
            Period::Minute => Some((Duration::from_secs(60), Duration::from_secs(1))),
            Period::RollingDay => Some((Duration::from_secs(86_400), Duration::from_secs(900))),
            Period::Day | Period::Week | Period::Month | Period::Cycle { .. } | Period::Lifetime => None,
        }
    }

    /// When the period that contains `at` began. A sliding period has no beginning of its own: one meter serves for
    /// ever, and the epoch stands for it, as it does for a lifetime.
    pub fn start(self, at: Time, zone: &Zone) -> Time {
        let local = || at.timestamp().to_zoned(zone.rules.clone());
        match self {
            Period::Minute | Period::RollingDay | Period::Lifetime => Time::EPOCH,
            Period::Day => midnight(&local()),
            Period::Week => {
                let day = local();
                let back = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(back.days()).map_or(Time::EPOCH, |monday| midnight(&monday))
            }
            Period::Month => local().first_of_month().map_or(Time::EPOCH, |first| midnight(&first)),
            Period::Cycle { anchor } => Cycles::new(anchor, zone).around(at).map_or(Time::EPOCH, |(start, _)| start),
        }
    }

    /// When a calendar period or a cycle that contains `at` ends: the first instant of the next one. `None` for the
    /// others.
    pub fn end(self, at: Time, zone: &Zone) -> Option<Time> {
        let start = self.start(at, zone).timestamp().to_zoned(zone.rules.clone());
        let span = match self {
            Period::Minute | Period::RollingDay | Period::Lifetime => return None,
            Period::Day => 1.day(),
            Period::Week => 1.week(),
            Period::Month => 1.month(),
            Period::Cycle { anchor } => return Cycles::new(anchor, zone).around(at).map(|(_, end)| end),
        };
        start.checked_add(span).ok().map(|next| midnight(&next))
    }
}

/// A quarter of an hour, in microseconds.
const QUARTER: i64 = 900_000_000;

/// The billing cycles that an anchor makes in a zone, without end in both directions.
///
/// Each is counted from the anchor and never from its neighbour: after 31 January come 28 February and 31 March, where
/// a month added to a month would stay at 28 for ever.
struct Cycles<'a> {
    anchor: Time,
    local: DateTime,
    zone: &'a Zone,
}

impl<'a> Cycles<'a> {
    fn new(anchor: Time, zone: &'a Zone) -> Self {
        let anchor = Time::from_micros(anchor.micros().div_euclid(QUARTER).saturating_mul(QUARTER));
        Self { anchor, local: zone.local(anchor).datetime(), zone }
    }

    /// The first instant of the `n`th cycle after the one that the anchor begins; before it where `n` is negative.
    fn begin(&self, n: i64) -> Option<Time> {
        if n == 0 {
            // The wall clock shows an hour set back twice; the anchor itself says which of the two it is.
            return Some(self.anchor);
        }
        self.zone.instant(self.local.checked_add(n.months()).ok()?)
    }

    /// The first instant of the cycle that contains `at`, and that of the next one.
    fn around(&self, at: Time) -> Option<(Time, Time)> {
        let local = self.zone.local(at);
        let years = i64::from(local.year()) - i64::from(self.local.year());
        let mut n = years * 12 + i64::from(local.month()) - i64::from(self.local.month());
        // The months say which cycle it is to within one, and to within two where clocks are set at a month's edge.
        while self.begin(n + 1)? <= at {
            n += 1;
        }
        while self.begin(n)? > at {
            n -= 1;
        }
        Some((self.begin(n)?, self.begin(n + 1)?))
    }
}

/// The first instant of that day; where a clock change skips midnight, the first one after the gap.
fn midnight(day: &Zoned) -> Time {
    day.start_of_day().map_or_else(|_| day.timestamp().into(), |start| start.timestamp().into())
}

/// The most usual name, once.
static UTC: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("UTC"));

/// A time zone by the name its owner gave it: an IANA name, `UTC`, or a fixed offset such as `UTC+8` or `UTC-03:30`.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Shared by all copies: on the way of a call, zones are told apart without reading their names.
    name: Arc<str>,
    rules: TimeZone,
}

impl Zone {
    pub fn utc() -> Self {
        Self { name: Arc::clone(&UTC), rules: TimeZone::UTC }
    }

    /// `None` if the name is not known.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        let rules = match name.strip_prefix("UTC") {
            Some("") => TimeZone::UTC,
            Some(offset) => TimeZone::fixed(fixed(offset)?),
            None if name.is_empty() => return None,
            None => TimeZone::get(name).ok()?,
        };
        let name = if name == "UTC" { Arc::clone(&UTC) } else { Arc::from(name) };
        Some(Self { name, rules })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant of a wall-clock time; of two that an hour set back repeats, the first, and of one that an hour set
    /// forward skips, the same time after the gap. `None` outside years -9999 to 9999.
    pub fn instant(&self, civil: DateTime) -> Option<Time> {
        civil.to_zoned(self.rules.clone()).ok().map(|zoned| zoned.timestamp().into())
    }

    pub fn local(&self, at: Time) -> Zoned {
        at.timestamp().to_zoned(self.rules.clone())
    }

    /// By how many seconds the zone's clocks are ahead of UTC at an instant; negative where they are behind.
    pub fn offset_seconds(&self, at: Time) -> i64 {
        i64::from(self.rules.to_offset(at.timestamp()).seconds())
    }

    /// The first instant after `at` at which the zone's clocks are set forward or back; `None` where they never are.
    pub fn next_change(&self, at: Time) -> Option<Time> {
        self.rules.following(at.timestamp()).next().map(|change| change.timestamp().into())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.name)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        Zone::parse(&name).ok_or_else(|| serde::de::Error::custom("not a time zone"))
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.name, &other.name) || self.name == other.name
    }
}

impl Eq for Zone {}

/// `+8`, `-3:30`, `+05:45`: at most 14 hours either way, as real clocks go.
fn fixed(offset: &str) -> Option<Offset> {
    let (sign, rest) = match offset.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse::<i32>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    // Usage is kept by quarter hours, so a midnight between two of them could not be counted again from the rows.
    if hours > 14 || minutes > 59 || minutes % 15 != 0 || (hours == 14 && minutes > 0) {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    #[test]
    fn calendar_periods_begin_at_midnight_in_their_zone() {
        for (period, zone, now, start, end) in [
            (Period::Day, "UTC", "2026-11-20T14:00:00Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
            (Period::Day, "Asia/Shanghai", "2026-11-20T17:00:00Z", "2026-11-20T16:00:00Z", "2026-11-21T16:00:00Z"),
            (Period::Day, "UTC+8", "2026-11-20T17:00:00Z", "2026-11-20T16:00:00Z", "2026-11-21T16:00:00Z"),
            (Period::Week, "UTC", "2026-11-20T14:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"),
            (Period::Month, "UTC", "2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            // Spring forward: a day of 23 hours. Autumn: one of 25.
            (Period::Day, "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            (Period::Day, "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            // Midnight itself is skipped: the day begins at one o'clock.
            (Period::Day, "Africa/Cairo", "2024-04-26T12:00:00Z", "2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"),
        ] {
            let zone = Zone::parse(zone).expect("a zone");
            assert_eq!(period.start(at(now), &zone), at(start), "{period:?} {now}");
            assert_eq!(period.end(at(now), &zone), Some(at(end)), "{period:?} {now}");
        }
    }

    #[test]
    fn a_cycle_begins_on_the_day_of_its_anchor_or_on_the_last_day_of_a_shorter_month() {
        let table = "
            zone          | anchor              | asked at            | began               | ends
            UTC           | 2026-01-31 00:00+00 | 2026-02-10 00:00+00 | 2026-01-31 00:00+00 | 2026-02-28 00:00+00
            UTC           | 2026-01-31 00:00+00 | 2026-02-28 00:00+00 | 2026-02-28 00:00+00 | 2026-03-31 00:00+00
            UTC           | 2026-01-31 00:00+00 | 2026-03-31 00:00+00 | 2026-03-31 00:00+00 | 2026-04-30 00:00+00
            UTC           | 2024-01-30 09:30+00 | 2024-03-01 00:00+00 | 2024-02-29 09:30+00 | 2024-03-30 09:30+00
            UTC           | 2024-02-29 00:00+00 | 2025-02-28 12:00+00 | 2025-02-28 00:00+00 | 2025-03-29 00:00+00
            UTC           | 2026-05-31 12:00+00 | 2026-03-01 00:00+00 | 2026-02-28 12:00+00 | 2026-03-31 12:00+00
            UTC           | 2026-05-15 12:07+00 | 2026-05-15 12:07+00 | 2026-05-15 12:00+00 | 2026-06-15 12:00+00
            Asia/Shanghai | 2026-01-31 00:00+08 | 2026-02-27 23:59+08 | 2026-01-31 00:00+08 | 2026-02-28 00:00+08
            Europe/Berlin | 2026-03-15 08:00+01 | 2026-04-15 07:59+02 | 2026-03-15 08:00+01 | 2026-04-15 08:00+02
            Europe/Berlin | 2026-02-28 02:30+01 | 2026-03-29 12:00+02 | 2026-03-28 02:30+01 | 2026-04-28 02:30+02
            Europe/Berlin | 2026-01-29 02:30+01 | 2026-03-29 03:30+02 | 2026-03-29 03:30+02 | 2026-04-29 02:30+02
            Europe/Berlin | 2026-10-25 02:30+01 | 2026-10-25 02:30+02 | 2026-09-25 02:30+02 | 2026-10-25 02:30+01";
        for row in table.lines().skip(2) {
            let [zone, anchor, asked, began, ends] = row.split('|').map(str::trim).collect::<Vec<_>>()[..] else {
                panic!("five columns: {row}");
            };
            let (period, zone) = (Period::Cycle { anchor: at(anchor) }, Zone::parse(zone).expect("a zone"));
            assert_eq!(period.start(at(asked), &zone), at(began), "{row}");
            assert_eq!(period.end(at(asked), &zone), Some(at(ends)), "{row}");
        }
    }

    #[test]
    fn a_year_of_cycles_from_the_31st_never_drifts() {
        let (zone, anchor) = (Zone::parse("America/New_York").expect("a zone"), at("2027-08-31T00:00:00-04:00"));
        let period = Period::Cycle { anchor };
        let mut starts = vec![anchor];
        for _ in 0..12 {
            starts.push(period.end(starts[starts.len() - 1], &zone).expect("cycles end"));
        }
        let days: Vec<i8> = starts.iter().map(|start| zone.local(*start).day()).collect();
        assert_eq!(days, [31, 30, 31, 30, 31, 31, 29, 31, 30, 31, 30, 31, 31]);
    }

    #[test]
    fn zones_are_iana_names_or_fixed_offsets() {
        for good in ["UTC", "Europe/Berlin", "UTC+8", "UTC-03:30", "UTC+14"] {
            assert!(Zone::parse(good).is_some(), "{good}");
        }
        for bad in ["", "Mars/Olympus", "UTC+15", "UTC8", "UTC+8:75", "UTC+5:07", "UTC+-8"] {
            assert!(Zone::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_period_start_is_a_fixed_point_and_periods_have_no_gaps(
            // From 2012 on: until then St. John's set its clocks back at a minute past midnight, into the day before,
            // so that one day began twice. No zone does since.
            micros in 1_325_376_000_000_000_i64..4_102_444_800_000_000,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC-3"]),
            period in prop_oneof![
                prop::sample::select(vec![Period::Day, Period::Week, Period::Month]),
                // Before the time asked about as well as after it.
                (0_i64..4_102_444_800_000_000)
                    .prop_map(|micros| Period::Cycle { anchor: Time::from_micros(micros) }),
            ],
        ) {
            let (now, zone) = (Time::from_micros(micros), Zone::parse(zone).expect("a zone"));
            let start = period.start(now, &zone);
            let end = period.end(now, &zone).expect("calendar periods end");
            prop_assert!(start <= now && now < end);
            prop_assert_eq!(period.start(start, &zone), start);
            prop_assert_eq!(period.start(end, &zone), end);
            prop_assert_eq!(period.start(Time::from_micros(end.micros() - 1), &zone), start);
        }

        #[test]
        fn cycles_around_leap_days_and_the_edges_of_months_have_no_gaps_either(
            (year, month) in (1972_i16..2100, 1_i8..13),
            (day, hour, minute) in (1_i8..32, 0_i8..24, prop::sample::select(vec![0_i8, 7, 15, 30, 45, 59])),
            months in -30_i64..30,
            nudge in -90_i64..90,
            zone in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Africa/Cairo",
                "UTC+14",
            ]),
        ) {
            let zone = Zone::parse(zone).expect("a zone");
            let first = jiff::civil::date(year, month, 1);
            let date = first.with().day(day.min(first.days_in_month())).build().expect("a day");
            let anchor = date.at(hour, minute, 0, 0);
            let near = anchor.checked_add(months.months().minutes(nudge)).expect("a time");
            let (anchor, now) = (zone.instant(anchor).expect("an instant"), zone.instant(near).expect("an instant"));
            let period = Period::Cycle { anchor };
            let (start, end) = (period.start(now, &zone), period.end(now, &zone).expect("cycles end"));
            prop_assert!(start <= now && now < end);
            prop_assert_eq!(period.start(start, &zone), start);
            prop_assert_eq!(period.start(end, &zone), end);
            prop_assert_eq!(period.end(Time::from_micros(end.micros() - 1), &zone), Some(end));
            let days = end.since(start).as_secs() / 86_400;
            prop_assert!((26..=32).contains(&days), "a cycle of {} days", days);
            prop_assert_eq!(start.micros() % QUARTER, 0);
            let began = zone.local(start);
            prop_assert!(began.day() <= day + 1 && began.day() >= day.min(28), "never drifts: {}", began);
        }
    }
}
