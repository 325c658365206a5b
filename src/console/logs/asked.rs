//! What is asked of the logs: the filters, as the URL holds them.

use crate::console::ui::place::Place;
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The filters and the place in the list; what is not asked for is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// A request id, ours or the caller's.
    pub q: String,
    /// A key's id.
    pub key: String,
    /// The id of the group that calls counted for.
    pub group: String,
    pub model: String,
    /// `2xx`, `402`, `refused`, `held`.
    pub status: String,
    /// `hour`, `today`, `7d`, `30d`; anything else leaves it to `from` and `to`.
    pub time: String,
    pub from: String,
    pub to: String,
    /// Only calls older than this place.
    pub after: String,
    /// Only calls newer than this place.
    pub before: String,
}

/// What can be chosen for `time`.
pub const TIMES: [(&str, &str); 6] = [
    ("", "Any time"),
    ("hour", "Last hour"),
    ("today", "Today"),
    ("7d", "Last 7 days"),
    ("30d", "Last 30 days"),
    ("custom", "From … to …"),
];

/// What can be chosen for `status`. Any other status may stand in the URL.
pub const STATUSES: [(&str, &str); 15] = [
    ("", "Every outcome"),
    ("2xx", "2xx, answered"),
    ("refused", "Refused"),
    ("4xx", "4xx, refused or wrong"),
    ("5xx", "5xx, failed"),
    ("held", "Held, in flight"),
    ("400", "400 wrong request"),
    ("401", "401 key"),
    ("402", "402 quota"),
    ("403", "403 not allowed"),
    ("404", "404 no such model"),
    ("429", "429 rate"),
    ("499", "499 client left"),
    ("502", "502 upstream"),
    ("504", "504 upstream timeout"),
];

impl Asked {
    /// All of it as one text, which differs wherever it differs.
    pub fn text(&self) -> String {
        let Self { q, key, group, model, status, time, from, to, after, before } = self;
        [q, key, group, model, status, time, from, to, after, before].map(String::as_str).join("\n")
    }

    /// As the address has it. Reactive.
    pub fn here() -> Self {
        Self::of(&Place::here())
    }

    pub fn of(place: &Place) -> Self {
        let read = |name| place.get(name).unwrap_or_default().trim().to_owned();
        Self {
            q: read("q"),
            key: read("key"),
            group: read("group"),
            model: read("model"),
            status: read("status"),
            time: read("time"),
            from: read("from"),
            to: read("to"),
            after: read("after"),
            before: read("before"),
        }
    }

    pub fn is_first_page(&self) -> bool {
        self.after.is_empty() && self.before.is_empty()
    }

    /// Whether any filter is on.
    pub fn is_narrowed(&self) -> bool {
        let Self { q, key, group, model, status, time, from, to, .. } = self;
        [q, key, group, model, status, time, from, to].into_iter().any(|filter| !filter.is_empty())
    }

    /// Whether `from` and `to` say when.
    pub fn has_own_range(&self) -> bool {
        match self.time.as_str() {
            "custom" => true,
            "" => !self.from.is_empty() || !self.to.is_empty(),
            _ => false,
        }
    }
}

/// The time that is asked for: `[from, to)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    #[serde(skip)]
    pub from: Option<Time>,
    #[serde(skip)]
    pub to: Option<Time>,
    /// The same as the fields of the form hold it, in the account's zone; empty unless the range is one's own.
    pub from_field: String,
    pub to_field: String,
}

/// Read in the account's zone, which only the server knows.
impl TryFrom<(&Asked, &Zone, Time)> for Stretch {
    type Error = Problem;

    fn try_from((asked, zone, now): (&Asked, &Zone, Time)) -> Result<Self, Problem> {
        let since = |from| Ok(Self { from: Some(from), ..Self::default() });
        let day = Duration::from_secs(86_400);
        match asked.time.as_str() {
            "hour" => return since(now.minus(day / 24)),
            "today" => return since(Period::Day.start(now, zone)),
            "7d" => return since(now.minus(day * 7)),
            "30d" => return since(now.minus(day * 30)),
            _ => {}
        }
        let read = |name: &str, text: &str, is_end: bool| match text {
            "" => Ok(None),
            text => read_time(text, zone, is_end).map(Some).ok_or_else(|| {
                Problem::field(name, format!("“{text}” is not a time. Write it as 2026-11-20T14:00 or 2026-11-20."))
            }),
        };
        let (from, to) = (read("from", &asked.from, false)?, read("to", &asked.to, true)?);
        let field = |at: Option<Time>| at.map(|at| zone.local(at).strftime("%Y-%m-%dT%H:%M").to_string());
        Ok(Self { from, to, from_field: field(from).unwrap_or_default(), to_field: field(to).unwrap_or_default() })
    }
}

/// An instant, a local time, or a day: as an end, a day is over when the next one begins.
fn read_time(text: &str, zone: &Zone, is_end: bool) -> Option<Time> {
    if let Some(at) = Time::parse(text) {
        return Some(at);
    }
    let local = match text.parse::<Date>() {
        Ok(day) if text.len() == 10 => {
            if is_end { day.checked_add(1.day()).ok()? } else { day }.to_datetime(jiff::civil::Time::midnight())
        }
        _ => text.parse::<DateTime>().ok()?,
    };
    let rules = zone.local(Time::EPOCH).time_zone().clone();
    Some(local.to_zoned(rules).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(time: &str, from: &str, to: &str) -> Result<(Option<String>, Option<String>), String> {
        let asked = Asked { time: time.into(), from: from.into(), to: to.into(), ..Asked::default() };
        let zone = Zone::parse("Europe/Berlin").expect("a zone");
        let now = Time::parse("2026-11-20T13:00:00Z").expect("a time");
        let text = |at: Option<Time>| at.map(|at| at.to_string());
        let read = Stretch::try_from((&asked, &zone, now)).map_err(|problem| problem.message)?;
        Ok((text(read.from), text(read.to)))
    }

    #[test]
    fn times_are_read_in_the_accounts_zone() {
        let at = |text: &str| Some(text.to_owned());
        assert_eq!(stretch("today", "", ""), Ok((at("2026-11-19T23:00:00Z"), None)));
        assert_eq!(stretch("hour", "", ""), Ok((at("2026-11-20T12:00:00Z"), None)));
        assert_eq!(
            stretch("custom", "2026-11-20T08:00", "2026-11-20"),
            Ok((at("2026-11-20T07:00:00Z"), at("2026-11-20T23:00:00Z")))
        );
        assert_eq!(stretch("", "2026-11-20T08:00:00Z", ""), Ok((at("2026-11-20T08:00:00Z"), None)));
        assert!(stretch("custom", "yesterday", "").is_err());
    }

    #[test]
    fn a_preset_leaves_the_fields_alone() {
        assert_eq!(stretch("7d", "nonsense", "").expect("read").1, None);
    }
}
