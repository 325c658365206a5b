//! What clients call, and the limits that bound them: two keys that share a group and an account.

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

pub fn limits() -> Vec<Limit> {
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
        limit(Scope::Account, "o", "o_rpd", Measure::Requests, Period::RollingDay, zone("UTC"), 900),
        limit(Scope::Account, "o", "o_quota", Measure::Credits, Period::Lifetime, zone("UTC"), 2_000_000),
    ]
}

/// A call of one of two keys that share a group and an account.
pub fn arrival(number: u64, key: &str, at: Time) -> Arrival {
    Arrival {
        id: CallId(format!("{number:09}")),
        at,
        key_id: key.into(),
        key_name: String::new(),
        account_id: "o".into(),
        group_id: Some("g".into()),
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
    Bound { input, output, cost: Credits::from_nanos((input + output) as i64 * 10) }
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

pub fn of_key(limits: &[Limit], key: &str) -> Arc<[Limit]> {
    limits.iter().filter(|limit| limit.owner.scope != Scope::Key || limit.owner.id == key).cloned().collect()
}
