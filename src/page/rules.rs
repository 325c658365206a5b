//! Rules in words: how the console lists what each says, when it opens and resets next, and whom it governs.

pub mod form;
pub mod said;
pub mod tried;

use crate::console::rules::list::{RuleList, RuleRow};
use crate::console::ui::money::amount;
use crate::domain::account::Account;
use crate::domain::hours::{Hours, Weekday};
use crate::domain::id::AccountId;
use crate::domain::period::Zone;
use crate::domain::problem::Problem;
use crate::domain::rule::{References, Rule, RulePeriod, RuleSpec};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::issue::Page;
use crate::gateway::rules::Governing;
use std::collections::HashMap;
use std::time::Duration;

/// How instants are worded for one reader at one instant.
struct Wording {
    zone: Zone,
    now: Time,
}

impl Wording {
    fn new(reader: &Account, now: Time) -> Self {
        Self { zone: Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc), now }
    }

    /// “today 20:00”, “tomorrow 00:00”, “Sat 01:00”, “1 Dec 00:00”.
    fn moment(&self, at: Time) -> String {
        let (local, now) = (self.zone.local(at), self.zone.local(self.now));
        let day = |days: u64| self.zone.local(self.now.plus(Duration::from_hours(24 * days))).date();
        let form = match local.date() {
            date if date == now.date() => "today %H:%M",
            date if now.date().tomorrow().is_ok_and(|next| next == date) => "tomorrow %H:%M",
            date if now.date() < date && date < day(7) => "%a %H:%M",
            date if date.year() == now.year() => "%-d %b %H:%M",
            _ => "%-d %b %Y",
        };
        local.strftime(form).to_string()
    }

    /// The same on the clocks of another zone, where they show something else: “Mon 00:00”.
    fn there(&self, at: Time, zone: &Zone) -> Option<String> {
        if zone.offset_seconds(at) == self.zone.offset_seconds(at) {
            return None;
        }
        let is_near = at.since(self.now) < Duration::from_hours(24 * 6);
        Some(zone.local(at).strftime(if is_near { "%a %H:%M" } else { "%-d %b %H:%M" }).to_string())
    }

    fn row(&self, known: &Governing, owner: Option<String>) -> RuleRow {
        let Governing { rule, references } = known;
        RuleRow {
            id: rule.id.0.clone(),
            name: rule.name.clone(),
            owner,
            says: brief(&rule.spec()),
            enabled: rule.enabled,
            week: path(rule.hours.as_ref(), &STRIP),
            open: self.open(rule),
            cap: rule.quota.map(|quota| (quota.credits, each(quota.period).to_owned())),
            resets: self.resets(rule),
            governs: governs(references),
            default_of: counted(references.defaults, "account", "accounts")
                .map(|accounts| format!("default of {accounts}"))
                .unwrap_or_default(),
        }
    }

    /// What its hours do now, and until when.
    fn open(&self, rule: &Rule) -> String {
        let Some(hours) = rule.hours_in_force() else {
            return if rule.enabled { "Always open".to_owned() } else { "Restricts nobody".to_owned() };
        };
        let until = |at: Time| match self.moment(at).strip_prefix("today ") {
            Some(time) => format!("Today until {time}, then blocks"),
            None => format!("Open until {}, then blocks", self.moment(at)),
        };
        let opens = |at: Time| {
            let moment = self.moment(at);
            format!("Opens {}, blocks until then", moment.strip_prefix("today ").unwrap_or(&moment))
        };
        match (hours.allows(self.now), hours.next_open(self.now), hours.next_close(self.now)) {
            (true, _, None) => "Always open".to_owned(),
            (true, _, Some(at)) => until(at),
            (false, Some(at), _) => opens(at),
            (false, None, _) => "Blocks, and opens at no time".to_owned(),
        }
    }

    /// What its cap does, and when it opens again.
    fn resets(&self, rule: &Rule) -> String {
        match (rule.next_reset(self.now), rule.quota) {
            (Some(at), _) => {
                let zone = rule.quota_zone();
                let there = self.there(at, &zone).map(|there| format!(", {there} in {}", city(&zone)));
                format!("then blocks; resets {}{}", self.moment(at), there.unwrap_or_default())
            }
            (None, Some(_)) => "blocks nobody while off".to_owned(),
            (None, None) => String::new(),
        }
    }
}

/// A page of the list.
///
/// # Errors
/// When the database fails.
pub async fn list(gateway: &Gateway, reader: &Account, page: Page<Governing>) -> Result<RuleList, Problem> {
    let wording = Wording::new(reader, gateway.clock().now());
    let mut owners: HashMap<&AccountId, Option<String>> = HashMap::from([(&reader.id, None)]);
    for Governing { rule, .. } in &page.data {
        if !owners.contains_key(&rule.account_id) {
            let owner = gateway.account(&rule.account_id).await?.map(|owner| format!("of {}", owner.name));
            owners.insert(&rule.account_id, owner);
        }
    }
    let row = |known: &Governing| wording.row(known, owners.get(&known.rule.account_id).cloned().flatten());
    let (rules, keys) = (gateway.count_rules(reader).await?, gateway.count_keys(reader).await?);
    let governed = gateway.count_governed_keys(reader).await?;
    let (some, govern) = match rules {
        1 => ("1 rule".to_owned(), "governs"),
        rules => (format!("{rules} rules"), "govern"),
    };
    Ok(RuleList {
        rows: page.data.iter().map(row).collect(),
        next: page.next,
        note: format!("{some} {govern} {governed} of {keys} keys. Edits act on the next call."),
        as_of: wording.zone.local(wording.now).strftime("%H:%M:%S").to_string(),
        origin: super::origin(),
    })
}

/// What is said when a rule has been switched.
pub fn switched(known: &Governing) -> String {
    let Governing { rule, references } = known;
    let keys = counted(references.keys(), "key", "keys");
    match (rule.enabled, keys) {
        (true, Some(keys)) => format!("Rule {} is on: it governs {keys}, from their next call on.", rule.name),
        (true, None) => format!("Rule {} is on. No key is bound to it yet.", rule.name),
        (false, Some(keys)) => format!("Rule {} is off: it restricts nobody. It still has its {keys}.", rule.name),
        (false, None) => format!("Rule {} is off: it restricts nobody.", rule.name),
    }
}

/// What is said when a rule has been made or edited.
pub fn saved(known: &Governing, is_new: bool) -> String {
    let Governing { rule, references } = known;
    match (is_new, rule.enabled, counted(references.keys(), "key", "keys")) {
        (true, ..) => format!("Rule {} is made. Bind it to a token, or make it an account’s default.", rule.name),
        (false, true, Some(keys)) => format!("Rule {} is saved. It acts on the next call of {keys}.", rule.name),
        (false, false, Some(_)) => format!("Rule {} is saved. While it is off it restricts nobody.", rule.name),
        (false, _, None) => format!("Rule {} is saved.", rule.name),
    }
}

/// `50.00 credits a day, weekdays 07:00–20:00, Europe/Berlin`.
fn brief(spec: &RuleSpec) -> String {
    let cap = spec.quota.map(|quota| format!("{} credits {}", amount(quota.credits, 2), each(quota.period)));
    let when = |hours: &Hours| {
        let when = match hours.ranges.len() {
            0..=3 => hours.when(),
            many => format!("{}, {many} ranges", hours.clause().swap_remove(0).0),
        };
        // No line ends in the middle of a range.
        format!("{}, {}", when.replace('–', "\u{2060}–\u{2060}"), hours.timezone.trim())
    };
    match (cap, &spec.hours) {
        (Some(cap), None) => format!("{cap}, at any hour"),
        (Some(cap), Some(hours)) => format!("{cap}, {}", when(hours)),
        (None, Some(hours)) => format!("No cap, {}", when(hours)),
        (None, None) => "No cap, at any hour: restricts nothing".to_owned(),
    }
}

fn each(period: RulePeriod) -> &'static str {
    match period {
        RulePeriod::Daily => "a day",
        RulePeriod::Weekly => "a week",
        RulePeriod::Monthly => "a month",
    }
}

fn governs(references: &References) -> String {
    match (references.bound, references.inheriting) {
        (0, 0) => "no keys".to_owned(),
        (1, 0) => "1 key".to_owned(),
        (bound, 0) => format!("{bound} keys"),
        (0, inheriting) => format!("{}, by default", counted(inheriting, "key", "keys").unwrap_or_default()),
        (bound, inheriting) => format!("{} keys, {inheriting} of them by default", bound + inheriting),
    }
}

/// `1 key`, `12 keys`; `None` of none.
fn counted(number: u64, one: &str, many: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    }
}

/// What people call a zone: `Shanghai`, `UTC+8`.
fn city(zone: &Zone) -> String {
    zone.name().rsplit('/').next().unwrap_or_default().replace('_', " ")
}

/// How a week is drawn: units a minute, units a day, and how many of them are ink.
struct Scale {
    minute: f64,
    day: u16,
    ink: u16,
}

const STRIP: Scale = Scale { minute: 7.0 / 60.0, day: 4, ink: 3 };
const GRID: Scale = Scale { minute: 1.0, day: 22, ink: 20 };

/// The open hours of a week as the path of one shape; all of it where there are none.
fn path(hours: Option<&Hours>, scale: &Scale) -> String {
    let all = || Weekday::ALL.into_iter().map(|day| (day, 0, 24 * 60)).collect();
    let pieces: Vec<(Weekday, u16, u16)> = hours.map_or_else(all, Hours::week);
    let short = |value: f64| {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let piece = |(day, from, to): (Weekday, u16, u16)| {
        let (x, width) = (f64::from(from) * scale.minute, f64::from(to - from) * scale.minute);
        let (x, y, width, ink) = (short(x), day as u16 * scale.day, short(width), scale.ink);
        format!("M{x} {y}h{width}v{ink}h-{width}z")
    };
    pieces.into_iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Role;
    use crate::domain::credits::Credits;
    use crate::domain::rule::RuleQuota;

    /// It is Friday, 20 November 2026, 14:32 in Berlin.
    pub fn now() -> Time {
        Time::parse("2026-11-20T13:32:00Z").expect("a time")
    }

    pub fn reader() -> Account {
        Account {
            id: "me".into(),
            email: "mara@example.com".to_owned(),
            name: "Mara".to_owned(),
            role: Role::Admin,
            enabled: true,
            timezone: "Europe/Berlin".to_owned(),
            limits: Default::default(),
            default_rule_id: None,
            default_rule_locked: false,
            carried: Vec::new(),
            created_at: Time::EPOCH,
        }
    }

    pub fn hours(zone: &str, days: &[&str], ranges: &[&str]) -> Hours {
        serde_json::from_value(serde_json::json!({ "timezone": zone, "weekdays": days, "ranges": ranges }))
            .expect("hours")
    }

    pub fn rule(credits: Option<&str>, period: RulePeriod, hours: Option<Hours>) -> Rule {
        Rule {
            id: "r".into(),
            account_id: "me".into(),
            name: "Dev".to_owned(),
            description: String::new(),
            enabled: true,
            quota: credits.map(|credits| RuleQuota { credits: Credits::parse(credits).expect("money"), period }),
            hours,
            timezone: None,
            carried: Vec::new(),
            created_at: Time::EPOCH,
        }
    }

    const WEEKDAYS: [&str; 5] = ["mon", "tue", "wed", "thu", "fri"];

    fn row(rule: Rule) -> RuleRow {
        Wording::new(&reader(), now()).row(&Governing { rule, references: References::default() }, None)
    }

    #[test]
    fn a_row_says_what_its_hours_do_now_in_the_readers_zone() {
        for (hours, enabled, says) in [
            (Some(hours("Europe/Berlin", &WEEKDAYS, &["07:00-20:00"])), true, "Today until 20:00, then blocks"),
            (Some(hours("Europe/Berlin", &["fri"], &["12:00-03:00"])), true, "Open until tomorrow 03:00, then blocks"),
            (Some(hours("Europe/Berlin", &["fri"], &["22:00-06:00"])), true, "Opens 22:00, blocks until then"),
            (Some(hours("Asia/Shanghai", &["sat"], &["08:00-20:00"])), true, "Opens tomorrow 01:00, blocks until then"),
            (Some(hours("Europe/Berlin", &["sun"], &["08:00-20:00"])), true, "Opens Sun 08:00, blocks until then"),
            (
                Some(hours("UTC", &["mon", "tue", "wed", "thu", "fri", "sat", "sun"], &["00:00-24:00"])),
                true,
                "Always open",
            ),
            (None, true, "Always open"),
            (Some(hours("Europe/Berlin", &WEEKDAYS, &["07:00-20:00"])), false, "Restricts nobody"),
        ] {
            let row = row(Rule { enabled, ..rule(None, RulePeriod::Daily, hours) });
            assert_eq!(row.open, says, "{}", row.says);
        }
    }

    #[test]
    fn a_row_says_when_its_cap_resets_here_and_where_the_rule_is() {
        let shanghai = || Some(hours("Asia/Shanghai", &["mon"], &["08:00-20:00"]));
        let berlin = || Some(hours("Europe/Berlin", &["mon"], &["08:00-20:00"]));
        for (period, hours, says) in [
            (RulePeriod::Daily, berlin(), "then blocks; resets tomorrow 00:00"),
            (RulePeriod::Daily, shanghai(), "then blocks; resets today 17:00, Sat 00:00 in Shanghai"),
            (RulePeriod::Weekly, shanghai(), "then blocks; resets Sun 17:00, Mon 00:00 in Shanghai"),
            (RulePeriod::Monthly, berlin(), "then blocks; resets 1 Dec 00:00"),
            (RulePeriod::Monthly, None, "then blocks; resets 1 Dec 01:00, 1 Dec 00:00 in UTC"),
        ] {
            assert_eq!(row(rule(Some("50"), period, hours)).resets, says);
        }
        let off = Rule { enabled: false, ..rule(Some("50"), RulePeriod::Daily, None) };
        assert_eq!(row(off).resets, "blocks nobody while off");
        assert_eq!(row(rule(None, RulePeriod::Daily, berlin())).resets, "");
    }

    #[test]
    fn a_rule_is_said_in_one_line_and_counts_whom_it_governs() {
        let spec = |rule: Rule| brief(&rule.spec());
        let office = || Some(hours("Europe/Berlin", &WEEKDAYS, &["07:00-20:00"]));
        let plain = |rule: Rule| spec(rule).replace('\u{2060}', "");
        assert_eq!(
            plain(rule(Some("1250"), RulePeriod::Daily, office())),
            "1,250.00 credits a day, weekdays 07:00–20:00, Europe/Berlin"
        );
        let many = hours("UTC", &["mon", "tue"], &["01:00-02:00", "03:00-04:00", "05:00-06:00", "07:00-08:00"]);
        assert_eq!(spec(rule(None, RulePeriod::Daily, Some(many))), "No cap, Mon, Tue, 4 ranges, UTC");
        assert_eq!(spec(rule(Some("5"), RulePeriod::Monthly, None)), "5.00 credits a month, at any hour");
        assert_eq!(plain(rule(None, RulePeriod::Daily, office())), "No cap, weekdays 07:00–20:00, Europe/Berlin");
        for (bound, inheriting, says) in [
            (0, 0, "no keys"),
            (1, 0, "1 key"),
            (12, 0, "12 keys"),
            (0, 1, "1 key, by default"),
            (9, 3, "12 keys, 3 of them by default"),
        ] {
            assert_eq!(governs(&References { bound, inheriting, defaults: 1 }), says);
        }
    }

    #[test]
    fn a_week_is_drawn_to_the_minute() {
        let night = hours("UTC", &["sun"], &["22:00-06:30"]);
        assert_eq!(path(Some(&night), &STRIP), "M0 0h45.5v3h-45.5zM154 24h14v3h-14z");
        assert_eq!(path(Some(&night), &GRID), "M0 0h390v20h-390zM1320 132h120v20h-120z");
        assert_eq!(path(None, &GRID).matches("h1440").count(), 7, "where there are no hours all is open");
    }
}
