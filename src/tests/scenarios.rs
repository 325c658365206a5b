//! The books told as tables: each file in `scenarios/` is a story that a person can check by hand, and that the ledger
//! must play out as it is told. Times are UTC.

use crate::domain::amount::Amount;
use crate::domain::credits::Credits;
use crate::domain::id::CallId;
use crate::domain::ledger::{Ledger, NotAdmitted, Open};
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::period::{Period, Zone};
use crate::domain::time::Time;

#[test]
fn rates_slide() {
    play(include_str!("scenarios/rates.md"));
}

#[test]
fn budgets_are_kept_together_and_begin_again() {
    play(include_str!("scenarios/budgets.md"));
}

#[test]
fn resets_give_back_what_is_used() {
    play(include_str!("scenarios/resets.md"));
}

/// A story, its limits, and the ledger that plays it.
struct Stage {
    limits: Vec<Limit>,
    ledger: Ledger,
}

fn play(story: &str) {
    let limits: Vec<Limit> = story.lines().filter_map(|line| line.strip_prefix("- ")).map(limit).collect();
    let mut stage = Stage { limits, ledger: Ledger::default() };
    let mut rows = 0;
    for line in story.lines().filter(|line| line.starts_with("| 2")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [time, event, told] = cells[..] else { panic!("three columns: {line}") };
        let outcome = stage.happens(at(time), event).unwrap_or_else(|| stage.shows(at(time), told));
        assert_eq!(outcome, told, "{line}");
        rows += 1;
    }
    assert!(rows > 0, "the story has rows");
}

fn at(text: &str) -> Time {
    Time::parse(&format!("{}Z", text.replace(' ', "T"))).unwrap_or_else(|| panic!("a time: {text}"))
}

/// `key web: rpm 3 requests a minute`, `group team: group_tokens 1200 tokens a week in UTC`.
fn limit(line: &str) -> Limit {
    let (whose, what) = line.split_once(": ").expect("whose: what");
    let (scope, id) = whose.split_once(' ').expect("scope and name");
    let words: Vec<&str> = what.split(' ').collect();
    let [name, max, measure, "a", period, ..] = words[..] else { panic!("name max measure a period: {line}") };
    let zone = words.get(6).copied().unwrap_or("UTC");
    Limit {
        owner: Owner::new(Scope::parse(scope).expect("a scope"), id),
        name: ["rpm", "tpm", "token_quota", "group_tokens"].into_iter().find(|known| *known == name).expect("a limit"),
        measure: Measure::parse(measure).expect("a measure"),
        period: match period {
            "minute" => Period::Minute,
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Month,
            other => panic!("a period: {other}"),
        },
        zone: Zone::parse(zone).expect("a zone"),
        max: max.parse().expect("a number"),
        rule: None,
    }
}

impl Stage {
    /// What comes of an event; `None` where the story tells of a meter instead.
    fn happens(&mut self, now: Time, event: &str) -> Option<String> {
        for limit in &self.limits {
            self.ledger.load_own(limit, now, &[]);
        }
        let words: Vec<&str> = event.split(' ').collect();
        match words[..] {
            ["call", call, "of", key, "holds", tokens, "tokens" | "token"] => {
                Some(self.asks(now, call, key, tokens.parse().expect("a number")))
            }
            ["call", call, "ends", "with", tokens, "tokens"] => {
                let used = Amount::request(tokens.parse().expect("a number"), Credits::ZERO);
                self.ledger.settle(&call.into(), used).expect("the call is in flight");
                None
            }
            [name, "is", "reset"] => {
                let limit = self.limits.iter().find(|limit| limit.name == name).expect("a limit").clone();
                let entries = self.ledger.reset(&limit, now).expect("a meter");
                self.ledger.adjust(&limit, now, &entries);
                None
            }
            ["read"] => None,
            _ => panic!("this is not understood: {event}"),
        }
    }

    fn asks(&mut self, now: Time, call: &str, key: &str, tokens: u64) -> String {
        let bounds = |limit: &&Limit| limit.owner.scope != Scope::Key || limit.owner.id == key;
        let limits: Vec<Limit> = self.limits.iter().filter(bounds).cloned().collect();
        let owners = [Owner::new(Scope::Key, key), Owner::new(Scope::Group, "team")].into();
        let open = Open { owners, at: now, held: Amount::request(tokens, Credits::ZERO) };
        match self.ledger.admit(CallId::from(call), open, &limits) {
            Ok(()) => "admitted".to_owned(),
            Err(NotAdmitted::NotLoaded(missing)) => panic!("not loaded: {missing:?}"),
            Err(NotAdmitted::Short { short, .. }) => {
                let opens = short.opens_at.map_or("never".to_owned(), |at| format!("opens {}", plain(at)));
                let (used, held) = (short.reading.settled, short.reading.held);
                format!("refused by {}: {used} used, {held} held, {opens}", short.limit.name)
            }
        }
    }

    /// The meter that the story tells of: `token_quota of app: …`, or just `token_quota: …` where there is one.
    fn shows(&self, now: Time, told: &str) -> String {
        let (which, _) = told.split_once(": ").unwrap_or_else(|| panic!("a meter: {told}"));
        let (name, owner) = which.split_once(" of ").map_or((which, None), |(name, owner)| (name, Some(owner)));
        let same = |limit: &&Limit| limit.name == name && owner.is_none_or(|owner| limit.owner.id == owner);
        let limit = self.limits.iter().find(same).unwrap_or_else(|| panic!("a limit: {which}"));
        let reading = self.ledger.read(limit, now).expect("a meter");
        format!("{which}: {} used, {} held", reading.settled, reading.held)
    }
}

fn plain(at: Time) -> String {
    at.to_string().replace('T', " ").replace('Z', "")
}
