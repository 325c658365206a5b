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
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::Key => "key",
            Scope::Group => "group",
            Scope::Account => "account",
        }
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
}

/// Whose meter it is: a scope and the id of the key, group or account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    pub scope: Scope,
    pub id: String,
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
    /// The quota rule that set it, where one did.
    pub rule: Option<RuleRef>,
}

/// A quota rule by its id, and by the name it had when it was asked: enough to tell a caller which one it met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRef {
    pub id: RuleId,
    pub name: String,
}

impl Limit {
    /// Which meter counts this limit at `at`. Limits that agree on all of these share one meter.
    pub fn slot(&self, at: Time) -> Slot {
        Slot { measure: self.measure, period: self.period, start: self.period.start(at, &self.zone) }
    }
}

/// A meter's place among its owner's: what it counts, over which period, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    pub measure: Measure,
    pub period: Period,
    pub start: Time,
}
