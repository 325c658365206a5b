//! The hours of the week in which calls are allowed, as the clocks on the wall of one time zone show them.
//!
//! Whether an instant is allowed is read off the wall clock and nothing else. So an hour that daylight saving repeats
//! is allowed twice, and one that it skips is simply skipped. The browser carries no time zones: there, only the words
//! are right, and instants are the server's to tell.

use super::period::Zone;
use super::problem::Check;
use super::time::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::time::Duration;

/// A day of the week; weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    pub const ALL: [Weekday; 7] =
        [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

    pub fn as_str(self) -> &'static str {
        match self {
            Weekday::Mon => "mon",
            Weekday::Tue => "tue",
            Weekday::Wed => "wed",
            Weekday::Thu => "thu",
            Weekday::Fri => "fri",
            Weekday::Sat => "sat",
            Weekday::Sun => "sun",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Weekday::ALL.into_iter().find(|day| day.as_str() == text)
    }

    /// `Mon`: how a person is shown it.
    pub fn label(self) -> &'static str {
        match self {
            Weekday::Mon => "Mon",
            Weekday::Tue => "Tue",
            Weekday::Wed => "Wed",
            Weekday::Thu => "Thu",
            Weekday::Fri => "Fri",
            Weekday::Sat => "Sat",
            Weekday::Sun => "Sun",
        }
    }
}

/// A stretch of the wall clock, its end not included: `08:00-20:00`.
///
/// An end that is not after the start lies on the next day, without exception: `22:00-06:00` is a night, and
/// `08:00-08:00` the 24 hours from eight. `00:00-24:00` and `00:00-00:00` are both the whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeRange {
    /// Minutes from midnight, 0 to 1,439.
    start: u16,
    /// Minutes from midnight, 0 to 1,440.
    end: u16,
}

const DAY_MINUTES: u16 = 24 * 60;

impl TimeRange {
    /// Reads `HH:MM-HH:MM`, from `00:00` to `24:00`; nothing begins at `24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let (start, end) = (minutes(start.trim())?, minutes(end.trim())?);
        (start < DAY_MINUTES).then_some(Self { start, end })
    }

    /// From 1 to 1,440.
    fn length_minutes(self) -> u16 {
        if self.end > self.start { self.end - self.start } else { DAY_MINUTES - self.start + self.end }
    }

    /// Both ends as they are written: `08:00` and `20:00`.
    pub fn ends(self) -> (String, String) {
        (Clock(self.start).to_string(), Clock(self.end).to_string())
    }

    /// Whether it ends on the day after it starts.
    pub fn is_past_midnight(self) -> bool {
        self.end <= self.start && self.end > 0
    }

    /// As a person is shown it: `08:00–20:00`, `22:00–06:00 the next day`, `all day`.
    pub fn text(self) -> String {
        match (self.start, self.end) {
            (0, 0 | DAY_MINUTES) => "all day".to_owned(),
            (start, 0) => format!("{}–24:00", Clock(start)),
            (start, end) if end > start => format!("{}–{}", Clock(start), Clock(end)),
            (start, end) => format!("{}–{} the next day", Clock(start), Clock(end)),
        }
    }
}

/// Minutes from midnight, of `HH:MM`.
fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sum = hours * 60 + minutes;
    (minutes < 60 && sum <= DAY_MINUTES).then_some(sum)
}

/// Minutes from midnight as `HH:MM`.
struct Clock(u16);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Clock(self.start), Clock(self.end))
    }
}

impl Serialize for TimeRange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        TimeRange::parse(&text).ok_or_else(|| {
            de::Error::custom(format!("{text:?} is not a range of hours: write one such as 08:00-20:00 or 22:00-06:00"))
        })
    }
}

/// When calls are allowed: in any of the ranges, on any of the weekdays. A range past midnight belongs to the weekday
/// on which it starts. Where nothing is to be restricted there are no hours at all, rather than empty ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    // Members that are left out are for `check` to name, in better words than the reader of JSON has.
    /// An IANA name or a fixed offset such as `UTC+8`.
    #[serde(default)]
    pub timezone: String,
    #[serde(default)]
    pub weekdays: Vec<Weekday>,
    #[serde(default)]
    pub ranges: Vec<TimeRange>,
}

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
const WEEK: i64 = 7 * DAY;
/// How far an opening or a closing is looked for. Each comes once a week, unless clocks set forward skip it that week.
const HORIZON: Duration = Duration::from_secs(15 * 86_400);

impl Hours {
    /// Notes what is wrong with them, beside fields below `prefix`, such as `hours.ranges`.
    pub fn check(&self, prefix: &str, check: &mut Check) {
        let field = |name: &str| format!("{prefix}.{name}");
        check.zone(&field("timezone"), &self.timezone);
        check.that(
            !self.weekdays.is_empty(),
            &field("weekdays"),
            "Choose at least one day, or clear the hours to allow calls at any time.",
        );
        check.that(self.days().len() == self.weekdays.len(), &field("weekdays"), "Name each day once.");
        check.that(
            !self.ranges.is_empty(),
            &field("ranges"),
            "Write at least one range such as 08:00-20:00, or clear the hours to allow calls at any time.",
        );
        check.that(self.ranges.len() <= 24, &field("ranges"), "At most 24 ranges.");
    }

    pub fn allows(&self, at: Time) -> bool {
        self.covers(week_clock(&self.zone(), at))
    }

    /// The first instant, not before `at`, at which calls are allowed: `at` itself where they are. `None` if never.
    pub fn next_open(&self, at: Time) -> Option<Time> {
        self.first(at, true)
    }

    /// When the stretch that is open at `at`, or else the next one, ends: its first instant at which calls are no
    /// longer allowed. `None` where they are allowed round the clock, or never.
    pub fn next_close(&self, at: Time) -> Option<Time> {
        self.first(self.next_open(at)?, false)
    }

    /// In plain words, with the zone: `weekdays 08:00–20:00 (Asia/Shanghai)`.
    pub fn text(&self) -> String {
        format!("{} ({})", self.when(), self.timezone.trim())
    }

    /// In plain words: `weekdays 08:00–20:00`, `Mon, Wed 22:00–06:00 the next day`.
    pub fn when(&self) -> String {
        self.clause().into_iter().map(|(words, _)| words).collect()
    }

    /// The same in pieces; those that are marked say what was chosen.
    pub fn clause(&self) -> Vec<(String, bool)> {
        let mut ranges = self.ranges.clone();
        ranges.sort_unstable();
        ranges.dedup();
        if self.weekdays.is_empty() || ranges.is_empty() {
            return vec![("never".to_owned(), true)];
        }
        let mut says = vec![(self.days_text(), true)];
        let last = ranges.len() - 1;
        for (at, range) in ranges.into_iter().enumerate() {
            let before = match at {
                0 => " ",
                _ if at == last => " and ",
                _ => ", ",
            };
            says.extend([(before.to_owned(), false), (range.text(), true)]);
        }
        says
    }

    fn days_text(&self) -> String {
        let days = self.days();
        match days.as_slice() {
            [_, _, _, _, _, _, _] => "every day".to_owned(),
            [Weekday::Mon, _, _, _, Weekday::Fri] => "weekdays".to_owned(),
            [Weekday::Sat, Weekday::Sun] => "weekends".to_owned(),
            [first, .., last] if days.len() > 2 && *last as usize - *first as usize == days.len() - 1 => {
                format!("{} to {}", first.label(), last.label())
            }
            days => days.iter().map(|day| day.label()).collect::<Vec<_>>().join(", "),
        }
    }

    /// What is open on each day of the week, in minutes from its midnight: in order, and what touches joined. A night
    /// is cut at midnight.
    pub fn week(&self) -> Vec<(Weekday, u16, u16)> {
        let day = i64::from(DAY_MINUTES);
        let mut pieces = Vec::new();
        for stretch in self.stretches() {
            let (start, end) = (stretch.start / MINUTE, (stretch.start + stretch.length) / MINUTE);
            let midnight = (start / day + 1) * day;
            pieces.push((start, end.min(midnight)));
            if end > midnight {
                let start = midnight % (7 * day);
                pieces.push((start, start + end - midnight));
            }
        }
        pieces.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::new();
        for (start, end) in pieces {
            match joined.last_mut().filter(|(from, to)| start <= *to && from / day == start / day) {
                Some((_, to)) => *to = end.max(*to),
                None => joined.push((start, end)),
            }
        }
        let minute = |minute: i64| u16::try_from(minute).unwrap_or(DAY_MINUTES);
        let on = |number: i64| Weekday::ALL[usize::try_from(number).unwrap_or(0) % 7];
        joined
            .into_iter()
            .map(|(start, end)| (on(start / day), minute(start % day), minute(end - start / day * day)))
            .collect()
    }

    /// Two ranges that have a moment in common, so that one of them would do; each weekday on which they start counts.
    pub fn overlap(&self) -> Option<(TimeRange, TimeRange)> {
        let on = |range: &TimeRange| -> Vec<Stretch> {
            Hours { ranges: vec![*range], timezone: String::new(), weekdays: self.weekdays.clone() }
                .stretches()
                .collect()
        };
        let meet = |one: &Stretch, other: &Stretch| one.left(other.start).is_some() || other.left(one.start).is_some();
        for (at, range) in self.ranges.iter().enumerate() {
            let own = on(range);
            for other in &self.ranges[at + 1..] {
                if on(other).iter().any(|other| own.iter().any(|own| meet(own, other))) {
                    return Some((*range, *other));
                }
            }
        }
        None
    }

    /// Its weekdays in their order, each once.
    fn days(&self) -> Vec<Weekday> {
        Weekday::ALL.into_iter().filter(|day| self.weekdays.contains(day)).collect()
    }

    /// A name that is no longer known is read as UTC, as limits read theirs; `check` lets none in.
    fn zone(&self) -> Zone {
        Zone::parse(&self.timezone).unwrap_or_else(Zone::utc)
    }

    /// The first instant, not before `from`, at which calls are allowed, or at which they are not.
    ///
    /// While no clock is set forward or back, the wall clock runs evenly and its next edge is a sum away. A change of
    /// the clocks may lie on the way there: then it is asked anew from the change on.
    fn first(&self, mut from: Time, open: bool) -> Option<Time> {
        let zone = self.zone();
        let horizon = from.plus(HORIZON);
        while from <= horizon {
            let clock = week_clock(&zone, from);
            if self.covers(clock) == open {
                return Some(from);
            }
            let ahead = if open { self.until_open(clock) } else { self.until_closed(clock) }?;
            let edge = Time::from_micros(from.micros().saturating_add(ahead));
            match zone.next_change(from) {
                Some(change) if change <= edge => from = change,
                _ => return Some(edge),
            }
        }
        None
    }

    /// Whether the week's clock, in microseconds since Monday at midnight, stands in one of the ranges.
    fn covers(&self, clock: i64) -> bool {
        self.stretches().any(|stretch| stretch.left(clock).is_some())
    }

    /// How long a clock that stands outside all ranges runs until the next one; `None` if there is none.
    fn until_open(&self, clock: i64) -> Option<i64> {
        self.stretches().map(|stretch| (stretch.start - clock).rem_euclid(WEEK)).min()
    }

    /// How long a clock that stands in a range runs until it is outside all; `None` if they leave no gap.
    fn until_closed(&self, clock: i64) -> Option<i64> {
        let mut ahead = 0;
        while ahead < WEEK {
            let here = (clock + ahead).rem_euclid(WEEK);
            let Some(left) = self.stretches().filter_map(|stretch| stretch.left(here)).max() else {
                return Some(ahead);
            };
            ahead += left;
        }
        None
    }

    /// Each range on each of its weekdays.
    fn stretches(&self) -> impl Iterator<Item = Stretch> {
        let on = |day: &Weekday, range: &TimeRange| Stretch {
            start: *day as i64 * DAY + i64::from(range.start) * MINUTE,
            length: i64::from(range.length_minutes()) * MINUTE,
        };
        self.weekdays.iter().flat_map(move |day| self.ranges.iter().map(move |range| on(day, range)))
    }
}

/// A piece of the week, in microseconds since Monday at midnight; one that starts on Sunday may end on Monday.
struct Stretch {
    start: i64,
    length: i64,
}

impl Stretch {
    /// How much of it is to come when the week's clock stands in it.
    fn left(&self, clock: i64) -> Option<i64> {
        let passed = (clock - self.start).rem_euclid(WEEK);
        (passed < self.length).then_some(self.length - passed)
    }
}

/// What the wall clock shows, in microseconds since Monday at midnight. 1970 began on a Thursday.
fn week_clock(zone: &Zone, at: Time) -> i64 {
    let local = at.micros().saturating_add(zone.offset_seconds(at) * 1_000_000);
    local.rem_euclid(WEEK).wrapping_add(3 * DAY).rem_euclid(WEEK)
}

#[cfg(test)]
mod tests;
