//! Times in words: as one reader is told them, in the reader's zone, at one instant.

use crate::domain::account::Account;
use crate::domain::period::Zone;
use crate::domain::time::Time;
use std::time::Duration;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A reader's zone, and now.
#[derive(Clone, Debug)]
pub struct When {
    pub zone: Zone,
    pub now: Time,
}

impl When {
    pub fn of(reader: &Account, now: Time) -> Self {
        Self { zone: Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc), now }
    }

    /// In the reader's zone, as `strftime` writes it.
    pub fn text(&self, at: Time, format: &str) -> String {
        self.zone.local(at).strftime(format).to_string()
    }

    /// “Fri 20 Nov 2026, 14:32:07”
    pub fn full(&self, at: Time) -> String {
        self.text(at, "%a %-d %b %Y, %H:%M:%S")
    }

    /// An instant to come: “today 14:50”, “tomorrow 00:00”, “Sun 22 Nov, 21:00”, “1 Dec 00:00”, “1 Jan 2028”. One that
    /// does not lie on a minute and is near has its seconds.
    pub fn soon(&self, at: Time) -> String {
        let away = at.since(self.now);
        let is_near = away < Duration::from_secs(3_600) && at.micros() % 60_000_000 != 0;
        let clock = if is_near { "%H:%M:%S" } else { "%H:%M" };
        match away.as_secs() / DAY {
            _ if self.is_day_of(at, self.now) => format!("today {}", self.text(at, clock)),
            _ if self.is_day_of(at, self.now.plus(Duration::from_secs(DAY))) => {
                format!("tomorrow {}", self.text(at, clock))
            }
            0..6 => self.text(at, "%a %-d %b, %H:%M"),
            6..300 => self.text(at, "%-d %b %H:%M"),
            _ => self.text(at, "%-d %b %Y"),
        }
    }

    /// An instant that has passed: “today 13:58:21”, “yesterday 20:00:02”, “18 Nov 16:44:50”, “18 Nov 2025”.
    pub fn past(&self, at: Time) -> String {
        let is_this_year = self.text(at, "%Y") == self.text(self.now, "%Y");
        if self.is_day_of(at, self.now) {
            self.text(at, "today %H:%M:%S")
        } else if self.is_day_of(at, self.now.minus(Duration::from_secs(DAY))) {
            self.text(at, "yesterday %H:%M:%S")
        } else {
            self.text(at, if is_this_year { "%-d %b %H:%M:%S" } else { "%-d %b %Y" })
        }
    }

    /// “just now”, “5 min ago”, “3 h ago”, and from yesterday on when it was.
    pub fn ago(&self, at: Time) -> String {
        match self.now.since(at).as_secs() {
            0..60 => "just now".to_owned(),
            seconds @ 60..3_600 => format!("{} min ago", seconds / 60),
            seconds @ 3_600..DAY => format!("{} h ago", seconds / 3_600),
            _ => self.past(at),
        }
    }

    /// “Europe/Berlin, UTC+1”
    pub fn zone_name(&self) -> String {
        let name = self.zone.name();
        if name.starts_with("UTC") {
            return name.to_owned();
        }
        let offset = self.text(self.now, "%:z").replacen("+0", "+", 1).replacen("-0", "−", 1);
        format!("{name}, UTC{}", offset.strip_suffix(":00").unwrap_or(&offset))
    }

    fn is_day_of(&self, at: Time, day: Time) -> bool {
        self.zone.local(at).date() == self.zone.local(day).date()
    }
}

/// How long something lasts: “44 minutes”, “3 hours”, “9 days”.
pub fn span(of: Duration) -> String {
    let (number, unit) = match of.as_secs() / 60 {
        minutes @ 0..120 => (minutes, "minute"),
        minutes @ 120..2_880 => (minutes / 60, "hour"),
        minutes => (minutes / 1_440, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// A sentence begins with a capital.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_one_would_say_them() {
        let at = |text: &str| Time::parse(text).expect("a time");
        // 15:00 on a Friday in Berlin.
        let when = When { zone: Zone::parse("Europe/Berlin").expect("a zone"), now: at("2026-11-20T14:00:00Z") };
        for (instant, text) in [
            ("2026-11-20T14:00:12Z", "today 15:00:12"),
            ("2026-11-20T20:30:12Z", "today 21:30"),
            ("2026-11-20T23:00:00Z", "tomorrow 00:00"),
            ("2026-11-22T20:00:00Z", "Sun 22 Nov, 21:00"),
            ("2026-11-30T23:00:00Z", "1 Dec 00:00"),
            ("2028-01-01T00:00:00Z", "1 Jan 2028"),
        ] {
            assert_eq!(when.soon(at(instant)), text);
        }
        for (instant, text) in [
            ("2026-11-20T12:58:21Z", "today 13:58:21"),
            ("2026-11-19T19:00:02Z", "yesterday 20:00:02"),
            ("2026-11-18T15:44:50Z", "18 Nov 16:44:50"),
            ("2025-11-18T15:44:50Z", "18 Nov 2025"),
        ] {
            assert_eq!(when.past(at(instant)), text);
        }
        assert_eq!(when.zone_name(), "Europe/Berlin, UTC+1");
        assert_eq!(
            (span(Duration::from_secs(60)), span(Duration::from_secs(3 * 86_400))),
            ("1 minute".into(), "3 days".into())
        );
        assert_eq!(capital("today"), "Today");
    }
}
