//! What a rule says while it is written: its sentence, its next opening and reset on both clocks, and its week.

use super::form::{Read, is_as_seen, parsed, read, write};
use super::{GRID, Wording, counted, path};
use crate::console::rules::edit::Written;
use crate::console::rules::said::{Piece, Said, Week};
use crate::domain::account::Account;
use crate::domain::hours::Hours;
use crate::domain::id::RuleId;
use crate::domain::period::Zone;
use crate::domain::rule::{Rule, RuleSpec};
use crate::domain::time::Time;
use crate::gateway::rules::Governing;

/// As the rule is, where nothing is `written`; of a new one, as its blank form is.
pub fn said(reader: &Account, now: Time, known: Option<&Governing>, written: &str) -> Said {
    let rule = known.map(|known| &known.rule);
    let written = as_written(reader, rule, written);
    let Read { spec, problems } = read(rule, &written);
    let is_changed = rule.is_none_or(|rule| rule.spec() != spec);
    let is_overtaken = rule.is_some_and(|rule| !is_as_seen(rule, &written.seen));
    let amiss = problems.iter().filter(|problem| problem.field != "name").count();
    let note = match amiss {
        _ if is_overtaken => "changed elsewhere since this page was opened: reload it".to_owned(),
        0 if is_changed => "unsaved".to_owned(),
        0 => "as saved".to_owned(),
        1 => "unsaved; 1 field to put right".to_owned(),
        amiss => format!("unsaved; {amiss} fields to put right"),
    };
    let wording = Wording::new(reader, now);
    let would_be = edited(reader, rule, &spec, now);
    let keys = known.map_or(0, |known| known.references.keys());
    let (changes, on) = changes(known, is_changed || amiss > 0, &spec, keys);
    Said {
        clause: clause(&spec),
        next: [wording.next_hours(&spec), wording.next_reset(&would_be)].into_iter().flatten().collect(),
        note,
        week: wording.week(&spec),
        standing: standing(spec.enabled, known.is_none(), keys),
        changes,
        on,
    }
}

/// What is written in the form; what stands in it at first where nothing came from it yet.
pub fn as_written(reader: &Account, known: Option<&Rule>, written: &str) -> Written {
    match (written.is_empty(), known) {
        (false, _) => parsed(written),
        (true, Some(rule)) => write(rule),
        (true, None) => super::form::fields(reader, None, "").written,
    }
}

/// The rule as saving it now would leave it.
fn edited(reader: &Account, known: Option<&Rule>, spec: &RuleSpec, now: Time) -> Rule {
    let blank = || Rule {
        id: RuleId(String::new()),
        account_id: reader.id.clone(),
        name: String::new(),
        description: String::new(),
        enabled: true,
        quota: None,
        hours: None,
        timezone: None,
        carried: Vec::new(),
        created_at: now,
    };
    known.map_or_else(blank, Rule::clone).edited(spec.clone(), reader.id.clone(), now)
}

/// The sentence, and what happens beyond it.
fn clause(spec: &RuleSpec) -> Vec<Piece> {
    let mut clause = spec.clause();
    let then = match (spec.enabled, &spec.quota, &spec.hours) {
        (false, ..) => " It restricts nobody.",
        (true, None, None) => "",
        (true, Some(_), None) => " Above the cap, it blocks.",
        (true, None, Some(_)) => " At any other time, it blocks.",
        (true, Some(_), Some(_)) => " At any other time, or above the cap, it blocks.",
    };
    clause.push((then.to_owned(), false));
    clause
}

fn standing(enabled: bool, is_new: bool, keys: u64) -> String {
    let word = if enabled { "On" } else { "Off" };
    match (counted(keys, "key", "keys"), enabled) {
        (None, true) if is_new => "On as soon as it is saved".to_owned(),
        (None, _) => format!("{word}, governs no key"),
        (Some(keys), true) => format!("{word}, governs {keys}"),
        (Some(keys), false) => format!("{word}, restricts none of its {keys}"),
    }
}

/// What saving does, in ink and then in pencil.
fn changes(known: Option<&Governing>, is_changed: bool, spec: &RuleSpec, keys: u64) -> (String, String) {
    let said = |ink: &str, pencil: &str| (ink.to_owned(), pencil.to_owned());
    let Some(known) = known else {
        return said("Governs no key yet.", " Once it is saved, bind it to a token or make it an account’s default.");
    };
    match counted(keys, "key", "keys") {
        None => said("Changes no key:", " none is bound to it, and it is no account’s default."),
        Some(keys) if !is_changed => said("", &format!("It governs {keys}; nothing is changed yet.")),
        Some(keys) if !spec.enabled && !known.rule.enabled => {
            said("Changes no key:", &format!(" while it is off, it restricts none of its {keys}."))
        }
        Some(keys) => said(&format!("Changes {keys}"), " on their next call; streams in flight are left alone."),
    }
}

impl Wording {
    /// An instant on the reader's clock and, where it shows something else, on the rule's.
    fn both(&self, at: Time, zone: &Zone) -> Vec<Piece> {
        let here = (self.moment(at), true);
        match self.there(at, zone) {
            Some(there) => {
                let said = |words: &str| (words.to_owned(), false);
                vec![here, said(" for you, "), (there, true), said(" there")]
            }
            None => vec![here],
        }
    }

    fn next_hours(&self, spec: &RuleSpec) -> Option<Vec<Piece>> {
        let said = |words: &str| vec![(words.to_owned(), false)];
        let Some(hours) = spec.hours.as_ref().filter(|_| spec.enabled) else {
            return Some(said(if spec.enabled { "Open at any time" } else { "Switched off: blocks nobody" }));
        };
        // A zone that is still being typed has no clock.
        let zone = Zone::parse(&hours.timezone)?;
        let (opens, closes) = (hours.next_open(self.now)?, hours.next_close(self.now));
        Some(match (hours.allows(self.now), closes) {
            (true, None) => said("Open round the clock"),
            (true, Some(closes)) => [said("Open now. Blocks from "), self.both(closes, &zone)].concat(),
            (false, _) => [said("Blocks now. Opens "), self.both(opens, &zone)].concat(),
        })
    }

    fn next_reset(&self, rule: &Rule) -> Option<Vec<Piece>> {
        let name = rule.timezone.as_deref().or(rule.hours.as_ref().map(|hours| hours.timezone.as_str()));
        let zone = Zone::parse(name.unwrap_or("UTC"))?;
        let resets = self.both(rule.next_reset(self.now)?, &zone);
        Some([vec![("Cap resets ".to_owned(), false)], resets].concat())
    }

    fn week(&self, spec: &RuleSpec) -> Week {
        let name = spec.hours.as_ref().map(|hours| hours.timezone.as_str()).or(spec.timezone.as_deref());
        let name = name.unwrap_or("UTC").trim();
        let (zone, known) = Zone::parse(name).map_or_else(|| (Zone::utc(), false), |zone| (zone, true));
        let local = zone.local(self.now);
        let offset = local.strftime("%:z").to_string();
        let named = match (known, zone.name().starts_with("UTC")) {
            (false, _) => format!("{name} is no time zone; drawn in UTC"),
            (true, true) => zone.name().to_owned(),
            (true, false) => format!("{}, UTC{offset}", zone.name()),
        };
        let minutes = spec.hours.as_ref().map_or(7 * 24 * 60, open_minutes);
        let when = spec.hours.as_ref().map_or_else(|| "at any time".to_owned(), Hours::when);
        let note = match spec.enabled {
            true => format!("{} of 168 hours open", hours_text(minutes)),
            false => "switched off: open at any time".to_owned(),
        };
        let cell = |number: i8| u8::try_from(number).unwrap_or(0);
        Week {
            caption: format!("{named}. There it is {}: the marked hour.", local.strftime("%A %H:%M")),
            label: format!("Calls pass {when}: {} of 168 hours a week", hours_text(minutes)),
            note,
            open: path(spec.hours.as_ref(), &GRID),
            now: (cell(local.weekday().to_monday_zero_offset()), cell(local.hour())),
            is_off: !spec.enabled,
        }
    }
}

fn open_minutes(hours: &Hours) -> u32 {
    hours.week().into_iter().map(|(_, from, to)| u32::from(to - from)).sum()
}

/// Minutes as hours: `90`, `37.5`, `0.02`.
fn hours_text(minutes: u32) -> String {
    let text = format!("{}.{:02}", minutes / 60, minutes % 60 * 100 / 60);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{hours, now, reader, rule};
    use super::*;
    use crate::domain::rule::{References, RulePeriod};

    fn words(pieces: &[Piece]) -> String {
        pieces.iter().map(|(words, chosen)| if *chosen { format!("[{words}]") } else { words.clone() }).collect()
    }

    fn governing(rule: Rule, bound: u64) -> Governing {
        Governing { rule, references: References { bound, ..References::default() } }
    }

    fn support() -> Governing {
        let ranges = ["08:00-12:00", "13:00-20:00", "22:00-02:00"];
        let hours = hours("Asia/Shanghai", &["mon", "tue", "wed", "thu", "fri", "sat"], &ranges);
        governing(rule(Some("50"), RulePeriod::Daily, Some(hours)), 6)
    }

    #[test]
    fn a_rule_says_what_it_allows_and_when_it_opens_and_resets_on_both_clocks() {
        let said = said(&reader(), now(), Some(&support()), "");
        let clause = "At most [50 credits a day], from midnight in [Asia/Shanghai]; calls allowed [Mon to Sat] \
            [08:00–12:00], [13:00–20:00] and [22:00–02:00 the next day]. At any other time, or above the cap, it blocks.";
        assert_eq!(words(&said.clause), clause);
        let next: Vec<String> = said.next.iter().map(|line| words(line)).collect();
        let opens = "Blocks now. Opens [today 15:00] for you, [Fri 22:00] there";
        assert_eq!(next, [opens, "Cap resets [today 17:00] for you, [Sat 00:00] there"]);
        assert_eq!((said.note.as_str(), said.standing.as_str()), ("as saved", "On, governs 6 keys"));
        assert_eq!(said.on, "It governs 6 keys; nothing is changed yet.");
        assert_eq!(said.week.note, "90 of 168 hours open");
        assert_eq!(said.week.caption, "Asia/Shanghai, UTC+08:00. There it is Friday 21:32: the marked hour.");
        assert_eq!(said.week.now, (4, 21));
    }

    #[test]
    fn the_page_follows_what_is_written_and_tells_what_cannot_be_read_yet() {
        let known = support();
        let dev = "name=Dev&enabled=on&quota[period]=weekly&quota[credits]=7&hours[timezone]=Europe/Berlin";
        let after = |written: &str| said(&reader(), now(), Some(&known), written);
        let cap = after(dev);
        assert_eq!(
            words(&cap.clause),
            "At most [7 credits a week], from midnight on Monday in [Europe/Berlin]. Above the cap, it blocks."
        );
        let next: Vec<String> = cap.next.iter().map(|line| words(line)).collect();
        // The day that is running in Shanghai is lived to its end first.
        assert_eq!(next, ["Open at any time", "Cap resets [today 17:00]"]);
        assert_eq!((cap.note.as_str(), cap.changes.as_str()), ("unsaved", "Changes 6 keys"));
        assert_eq!(cap.week.note, "168 of 168 hours open");
        let typing = after(&format!("{dev}&weekdays[]=fri&hours[ranges][0][from]=08:0"));
        assert_eq!(typing.note, "unsaved; 1 field to put right");
        assert!(words(&typing.clause).contains("calls allowed [never]"), "{:?}", typing.clause);
        let nowhere = after(&dev.replace("Europe/Berlin", "Mars/Olympus"));
        assert_eq!(nowhere.note, "unsaved; 1 field to put right");
        assert!(nowhere.week.caption.starts_with("Mars/Olympus is no time zone; drawn in UTC."));
        let off = after(&dev.replace("&enabled=on", ""));
        assert_eq!(words(off.clause.last().map(std::slice::from_ref).unwrap_or_default()), " It restricts nobody.");
        assert_eq!((off.standing.as_str(), off.week.is_off), ("Off, restricts none of its 6 keys", true));
        let other = Rule { description: "by someone else".to_owned(), ..known.rule.clone() };
        let seen = serde_urlencoded::to_string([("seen", serde_json::to_string(&other.spec()).expect("JSON"))]);
        let overtaken = after(&format!("{dev}&{}", seen.expect("a form")));
        assert_eq!(overtaken.note, "changed elsewhere since this page was opened: reload it");
    }

    #[test]
    fn a_new_rule_governs_nobody_and_restricts_nothing() {
        let said = said(&reader(), now(), None, "");
        assert_eq!(words(&said.clause), "Restricts nothing: no limit on credits, and calls at any time.");
        assert_eq!((said.note.as_str(), said.standing.as_str()), ("unsaved", "On as soon as it is saved"));
        assert_eq!(said.changes, "Governs no key yet.");
        assert!(said.week.caption.starts_with("Europe/Berlin, UTC+01:00. There it is Friday 14:32"));
    }

    #[test]
    fn parts_of_hours_are_counted_too() {
        for (minutes, text) in [(0, "0"), (5_400, "90"), (2_250, "37.5"), (10_080, "168"), (61, "1.01"), (600, "10")] {
            assert_eq!(hours_text(minutes), text);
        }
    }
}
