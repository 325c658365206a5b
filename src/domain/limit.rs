//! One ceiling: scope x measure x period. Every budget and rate of the product is a row of this one table.

use super::id::RuleId;
use super::period::{Period, Zone};
use super::time::Time;
use serde::{Deserialize, Serialize};

/// Whose calls are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Key,
    Group,
    Account,
    /// The part of an account's calls that its subscription pays for.
    Subscription,
    /// The part of an account's calls that its balance pays for.
    Balance,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Key => "key",
            Scope::Group => "group",
            Scope::Account => "account",
            Scope::Subscription => "subscription",
            Scope::Balance => "balance",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Scope::Key, Scope::Group, Scope::Account, Scope::Subscription, Scope::Balance]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Requests,
    Tokens,
    Credits,
}

impl Measure {
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::Requests => "requests",
            Measure::Tokens => "tokens",
            Measure::Credits => "credits",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Measure::Requests, Measure::Tokens, Measure::Credits].into_iter().find(|measure| measure.as_str() == text)
    }
}

/// Whose meter it is: a scope and the id of the key, group or account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    pub scope: Scope,
    pub id: String,
}

impl Owner {
    pub fn new(scope: Scope, id: &str) -> Self {
        Self { scope, id: id.to_owned() }
    }

    /// As text that sorts and reads back: `key:018f…`.
    pub fn to_text(&self) -> String {
        format!("{}:{}", self.scope.as_str(), self.id)
    }

    /// `None` if it is not what [`Owner::to_text`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (scope, id) = text.split_once(':')?;
        Some(Self::new(Scope::parse(scope)?, id))
    }
}

/// The rule that a limit comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRef {
    pub id: RuleId,
    pub name: String,
}

/// A ceiling in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub owner: Owner,
    /// The field that set it, such as `monthly_spend`: what a refusal names.
    pub name: &'static str,
    pub measure: Measure,
    pub period: Period,
    pub zone: Zone,
    /// In the measure's unit: requests, tokens or nano-credits.
    pub max: i64,
    pub rule: Option<RuleRef>,
}

impl Limit {
    /// Whether one meter counts both.
    pub fn shares_meter(&self, other: &Limit) -> bool {
        (&self.owner, self.measure, self.period, &self.zone) == (&other.owner, other.measure, other.period, &other.zone)
    }

    /// Which meter counts this limit at `at`. Limits that agree on all of these share one meter.
    pub fn slot(&self, at: Time) -> Slot {
        Slot { measure: self.measure, period: self.period, start: self.period.start(at, &self.zone) }
    }
}

/// A meter's place among its owner's: what it counts, over which period, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slot {
    pub measure: Measure,
    pub period: Period,
    pub start: Time,
}

/// The period and zone that a limit had before an edit changed them. They stay in force until the period that was
/// running then is over, so that no edit begins a budget anew in the middle of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The limit's name.
    pub limit: String,
    pub period: Period,
    pub zone: Zone,
    pub until: Time,
}

impl Carried {
    /// What an edit at `now` carries over, beside what earlier ones have (`before`): for each limit that has another
    /// period or zone in `written` than in `in_force`, the one in force; the same for limits that are taken away, should
    /// they come back before their period is over. Periods that slide or never end have no boundary to wait for.
    pub fn by_edit(before: &[Carried], in_force: &[Limit], written: &[Limit], now: Time) -> Vec<Carried> {
        let running = in_force.iter().filter_map(|old| {
            let until = old.period.end(now, &old.zone)?;
            Some(Carried { limit: old.name.to_owned(), period: old.period, zone: old.zone.clone(), until })
        });
        let gone = |old: &&Carried| now < old.until && in_force.iter().all(|limit| limit.name != old.limit);
        let kept = running.chain(before.iter().filter(gone).cloned());
        let unchanged =
            |old: &Carried, new: &Limit| new.name == old.limit && (new.period, &new.zone) == (old.period, &old.zone);
        kept.filter(|old| !written.iter().any(|new| unchanged(old, new))).collect()
    }

    /// Limits as they are in force at `now`, given as they are written.
    pub fn apply(carried: &[Carried], mut written: Vec<Limit>, now: Time) -> Vec<Limit> {
        for old in carried.iter().filter(|old| now < old.until) {
            for limit in written.iter_mut().filter(|limit| limit.name == old.limit) {
                (limit.period, limit.zone) = (old.period, old.zone.clone());
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(period: Period, zone: &str, max: i64) -> Limit {
        let (owner, zone) = (Owner::new(Scope::Key, "k"), Zone::parse(zone).expect("a zone"));
        Limit { owner, name: "token_quota", measure: Measure::Tokens, period, zone, max, rule: None }
    }

    #[test]
    fn a_changed_zone_or_period_acts_from_the_next_boundary_and_a_changed_number_at_once() {
        let at = |text: &str| Time::parse(text).expect("a time");
        let now = at("2026-11-20T14:00:00Z");
        let old = [budget(Period::Day, "UTC", 100)];
        for new in [budget(Period::Day, "Asia/Tokyo", 70), budget(Period::Month, "UTC", 70)] {
            let written = vec![new.clone()];
            let carried = Carried::by_edit(&[], &old, &written, now);
            assert_eq!(carried[0].until, at("2026-11-21T00:00:00Z"));
            let before = Carried::apply(&carried, written.clone(), at("2026-11-20T23:59:59Z"));
            assert_eq!(before, [budget(Period::Day, "UTC", 70)]);
            assert_eq!(Carried::apply(&carried, written.clone(), carried[0].until), [new]);
            // A second edit, back to what it was, finds nothing to carry over.
            assert_eq!(Carried::by_edit(&carried, &before, &old, now), []);
            // Taken away and put back, it is still the old period's.
            let without = Carried::by_edit(&[], &old, &[], now);
            let back = Carried::by_edit(&without, &[], &written, now);
            assert_eq!(Carried::apply(&back, written.clone(), now), [budget(Period::Day, "UTC", 70)]);
        }
    }

    #[test]
    fn a_limit_that_has_no_boundary_changes_at_once() {
        let now = Time::from_micros(1);
        let (old, new) = ([budget(Period::Lifetime, "UTC", 9)], [budget(Period::Day, "UTC", 9)]);
        assert_eq!(Carried::by_edit(&[], &old, &new, now), []);
        assert_eq!(Carried::by_edit(&[], &[], &new, now), []);
    }
}
