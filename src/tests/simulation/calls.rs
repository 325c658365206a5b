//! What clients call, and the limits that bound them: two keys of one account, which move between two groups.

use super::chance::Chance;
use crate::domain::call::{Arrival, Bound, Settlement};
use crate::domain::credits::Credits;
use crate::domain::id::CallId;
use crate::domain::limit::{Limit, Measure, Owner, Scope};
use crate::domain::period::{Period, Zone};
use crate::domain::time::Time;
use crate::domain::usage::Usage;
use crate::domain::wallet::Funding;
use std::sync::Arc;

fn limits() -> Vec<Limit> {
    let zone = |name: &str| Zone::parse(name).expect("a zone");
    let limit = |scope, id: &str, name, measure, period, zone: Zone, max| Limit {
        owner: Owner::new(scope, id),
        name,
        measure,
        period,
        zone,
        max,
        rule: None,
    };
    vec![
        limit(Scope::Key, "a", "a_rpm", Measure::Requests, Period::Minute, zone("UTC"), 20),
        limit(Scope::Key, "a", "a_day", Measure::Tokens, Period::Day, zone("Europe/Berlin"), 9_000),
        limit(Scope::Key, "b", "b_tpm", Measure::Tokens, Period::Minute, zone("UTC"), 900),
        limit(Scope::Key, "b", "b_spend", Measure::Credits, Period::Month, zone("UTC"), 300_000),
        limit(Scope::Group, "g", "g_week", Measure::Tokens, Period::Week, zone("Asia/Kathmandu"), 40_000),
        limit(Scope::Group, "h", "h_day", Measure::Tokens, Period::Day, zone("UTC"), 3_000),
        limit(Scope::Account, "o", "o_rpd", Measure::Requests, Period::RollingDay, zone("UTC"), 900),
        limit(Scope::Account, "o", "o_quota", Measure::Credits, Period::Lifetime, zone("UTC"), 2_000_000),
    ]
}

/// What an admin may change: the limits there are, and whether each is in force.
#[derive(Clone, Debug)]
pub struct Limits {
    pub all: Vec<Limit>,
    in_force: Vec<bool>,
}

impl Limits {
    /// The first of them only: others are made while calls are in flight.
    pub fn new() -> Self {
        let all = limits();
        Self { in_force: (0..all.len()).map(|place| place % 2 == 0).collect(), all }
    }

    /// An admin makes, ends, raises, lowers or moves one: which one it was.
    pub fn edit(&mut self, chance: &mut Chance) -> Limit {
        let place = chance.below(self.all.len());
        let limit = &mut self.all[place];
        match chance.below(4) {
            0 | 1 => self.in_force[place] = !self.in_force[place],
            2 => limit.max = limit.max * chance.between(7, 14) / 10 + 1,
            _ => {
                let zones = ["UTC", "Asia/Tokyo", "America/St_Johns"];
                let zone = Zone::parse(zones[chance.below(zones.len())]).expect("a zone");
                limit.zone = limit.period.zone(&zone);
            }
        }
        self.all[place].clone()
    }

    /// What a call of these owners must fit.
    pub fn of(&self, owners: &[Owner]) -> Arc<[Limit]> {
        let both = self.all.iter().zip(&self.in_force);
        both.filter(|(limit, on)| **on && owners.contains(&limit.owner)).map(|(limit, _)| limit.clone()).collect()
    }
}

/// A call of one of the two keys, which may be in a group.
pub fn arrival(number: u64, key: &str, group: Option<&str>, at: Time) -> Arrival {
    Arrival {
        id: CallId(format!("{number:09}")),
        at,
        key_id: key.into(),
        key_name: String::new(),
        account_id: "o".into(),
        group_id: group.map(Into::into),
        funding: Funding::None,
        endpoint: String::new(),
        dialect: String::new(),
        model: String::new(),
        stream: true,
        client_ip: String::new(),
        user_agent: String::new(),
        client_request_id: None,
    }
}

pub fn bound(chance: &mut Chance) -> Bound {
    let (input, output) = (chance.between(1, 20) as u64, chance.between(1, 60) as u64);
    Bound { input, output, cost: Credits::from_nanos((input + output) as i64 * 10), ..Bound::default() }
}

/// The end of a call: what it used is at most what it held, but once in a while an upstream goes beyond it.
pub fn ending(chance: &mut Chance, arrival: &Arrival, bound: &Bound) -> Settlement {
    let most = if chance.permille(5) { bound.output * 3 } else { bound.output };
    let output = chance.between(0, most as i64) as u64;
    Settlement {
        usage: Usage::new(bound.input, output),
        cost: Credits::from_nanos((bound.input + output) as i64 * 10),
        dispatched: !chance.permille(50),
        ..Settlement::interrupted(arrival, bound)
    }
}
