//! The stretch of time a limit counts over. Resets are arithmetic: a new period is a new meter, never a job.

use super::time::Time;
use jiff::tz::{Offset, TimeZone};
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a limit counts before it starts again.
///
/// `Minute` and `RollingDay` slide; the calendar periods begin at midnight in the limit's zone, a week on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Minute,
    RollingDay,
    Day,
    Week,
    Month,
    /// A billing cycle: a calendar month counted from an instant.
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
            Period::Cycle { anchor } => cycle(anchor, at, zone).0,
        }
    }

    /// When a calendar period that contains `at` ends: the first instant of the next one. `None` for the others.
    pub fn end(self, at: Time, zone: &Zone) -> Option<Time> {
        let start = self.start(at, zone).timestamp().to_zoned(zone.rules.clone());
        let span = match self {
            Period::Minute | Period::RollingDay | Period::Lifetime => return None,
            Period::Day => 1.day(),
            Period::Week => 1.week(),
            Period::Month => 1.month(),
            Period::Cycle { anchor } => return Some(cycle(anchor, at, zone).1),
        };
        start.checked_add(span).ok().map(|next| midnight(&next))
    }
}

/// The billing cycle that contains `at`: its first instant, and the next one's. Always counted from the anchor, so that
/// one begun on the 31st comes back to the 31st after a shorter month.
fn cycle(anchor: Time, at: Time, zone: &Zone) -> (Time, Time) {
    let (first, now) = (zone.local(anchor), zone.local(at));
    let nth = |months: i64| first.checked_add(months.months()).map_or(anchor, |start| start.timestamp().into());
    let apart = i64::from(now.year() - first.year()) * 12 + i64::from(now.month() - first.month());
    let months = if nth(apart) <= at { apart } else { apart - 1 };
    (nth(months), nth(months + 1))
}

/// The first instant of that day; where a clock change skips midnight, the first one after the gap.
fn midnight(day: &Zoned) -> Time {
    day.start_of_day().map_or_else(|_| day.timestamp().into(), |start| start.timestamp().into())
}

/// A time zone by the name its owner gave it: an IANA name, `UTC`, or a fixed offset such as `UTC+8` or `UTC-03:30`.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
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
        Some(Self { name: name.to_owned(), rules })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The instant of a wall-clock time; of two that an hour set back repeats, the first, and of one that an hour set
    /// forward skips, the same time after the gap. `None` outside years -9999 to 9999.
    pub fn instant(&self, civil: jiff::civil::DateTime) -> Option<Time> {
        civil.to_zoned(self.rules.clone()).ok().map(|zoned| zoned.timestamp().into())
    }

    pub fn local(&self, at: Time) -> Zoned {
        at.timestamp().to_zoned(self.rules.clone())
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
        self.name == other.name
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
    if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
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
    fn zones_are_iana_names_or_fixed_offsets() {
        for good in ["UTC", "Europe/Berlin", "UTC+8", "UTC-03:30", "UTC+14"] {
            assert!(Zone::parse(good).is_some(), "{good}");
        }
        for bad in ["", "Mars/Olympus", "UTC+15", "UTC8", "UTC+8:75", "UTC+-8"] {
            assert!(Zone::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_period_start_is_a_fixed_point_and_periods_have_no_gaps(
            micros in 0_i64..4_102_444_800_000_000,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "UTC-3"]),
            period in prop::sample::select(vec![Period::Day, Period::Week, Period::Month]),
        ) {
            let (now, zone) = (Time::from_micros(micros), Zone::parse(zone).expect("a zone"));
            let start = period.start(now, &zone);
            let end = period.end(now, &zone).expect("calendar periods end");
            prop_assert!(start <= now && now < end);
            prop_assert_eq!(period.start(start, &zone), start);
            prop_assert_eq!(period.start(end, &zone), end);
            prop_assert_eq!(period.start(Time::from_micros(end.micros() - 1), &zone), start);
        }
    }
}
