//! Groups in words: how their quotas stand, and what they do.

pub mod form;
pub mod one;

use crate::console::groups::fetch::{Gate, GroupList, GroupRow, State};
use crate::console::ui::budget::Budget;
use crate::console::ui::money::{amount, grouped};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::group::{GroupQuota, GroupSpec};
use crate::domain::id::AccountId;
use crate::domain::key::Reset;
use crate::domain::limit::{Limit, Measure};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::groups::{GroupOrder, GroupQuery, Populated};
use crate::gateway::limits::Standing;
use std::collections::HashMap;

/// Percent of a budget above which its ink is amber, as everywhere.
const ALERT: u8 = 80;

/// A page of the list: the groups whose name has `search`, in the order of `sort`.
///
/// # Errors
/// Where `after` is no place in it.
pub async fn list(
    gateway: &Gateway,
    reader: &Account,
    search: String,
    sort: &str,
    after: String,
) -> Result<GroupList, Problem> {
    let wording = Wording::new(reader, gateway.clock().now());
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    let (order, ascending) = match name {
        "name" => (GroupOrder::Name, !descending),
        "keys" => (GroupOrder::Keys, !descending),
        "spend" => (GroupOrder::Spent, !descending),
        // Newest first.
        _ => (GroupOrder::Age, false),
    };
    let query = GroupQuery {
        search: Some(search.trim().to_owned()),
        order,
        ascending,
        spent_since: Some(Period::Month.start(wording.at, &wording.zone)),
        cursor: Some(after).filter(|after| !after.is_empty()),
        ..GroupQuery::default()
    };
    let page = gateway.groups(reader, query).await?;
    let owners = owners(gateway, reader, page.data.iter().map(|known| &known.group.account_id)).await?;
    // All of them at once, however many groups there are.
    let limits: Vec<Vec<Limit>> = page.data.iter().map(|known| known.group.in_force(wording.at)).collect();
    let mut standings = gateway.stand(&limits.concat()).await?.into_iter();
    let mut rows = Vec::new();
    for (known, limits) in page.data.iter().zip(&limits) {
        let own: Vec<Standing> = standings.by_ref().take(limits.len()).collect();
        rows.push(wording.row(known, &own, owners.get(&known.group.account_id)));
    }
    let total = gateway.count_groups(reader).await?;
    Ok(GroupList { lede: lede(&rows, total), rows, next: page.next, as_of: wording.now(), origin: super::origin() })
}

/// The names of the accounts among these that are not the reader's own.
async fn owners<'a>(
    gateway: &Gateway,
    reader: &Account,
    ids: impl Iterator<Item = &'a AccountId> + Send,
) -> Result<HashMap<AccountId, String>, Problem> {
    let mut names = HashMap::new();
    for id in ids.filter(|id| **id != reader.id) {
        if !names.contains_key(id)
            && let Some(account) = gateway.account(id).await?
        {
            names.insert(id.clone(), account.name);
        }
    }
    Ok(names)
}

/// “6 groups: 4 open, 1 near its quota, 1 blocked”.
fn lede(rows: &[GroupRow], total: u64) -> String {
    let count = |gate: Gate| rows.iter().filter(|row| row.state.gate == gate).count();
    let counts = [(Gate::Open, "open"), (Gate::Near, "near their quota"), (Gate::Shut, "blocked")];
    let counts = counts.into_iter().map(|(gate, word)| (count(gate), word)).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let groups = some(total, "group", "groups");
    let here = if rows.len() as u64 >= total { ":" } else { "; on this page" };
    if counts.is_empty() { groups } else { format!("{groups}{here} {}", counts.join(", ")) }
}

/// “1 key”, “12 keys”, “no keys”.
fn some(number: u64, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        number => format!("{} {many}", grouped(i64::try_from(number).unwrap_or(i64::MAX))),
    }
}

/// How groups are worded for one reader at one instant.
pub struct Wording {
    zone: Zone,
    at: Time,
}

impl Wording {
    pub fn new(reader: &Account, at: Time) -> Self {
        Self { zone: Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc), at }
    }

    fn now(&self) -> String {
        self.zone.local(self.at).strftime("%H:%M:%S").to_string()
    }

    /// “1 Dec 00:00”, with the year where it is another.
    fn moment(&self, at: Time) -> String {
        let (local, now) = (self.zone.local(at), self.zone.local(self.at));
        let form = if local.year() == now.year() { "%-d %b %H:%M" } else { "%-d %b %Y %H:%M" };
        local.strftime(form).to_string()
    }

    fn row(&self, known: &Populated, standings: &[Standing], owner: Option<&String>) -> GroupRow {
        let group = &known.group;
        let own = [group.description.clone(), owner.map(|owner| format!("of {owner}")).unwrap_or_default()];
        let own: Vec<String> = own.into_iter().filter(|part| !part.is_empty()).collect();
        let mut budgets: Vec<Budget> = standings.iter().map(|standing| budget(standing, false)).collect();
        if budgets.is_empty() {
            budgets.push(unlimited(known.spent));
        }
        GroupRow {
            id: group.id.0.clone(),
            name: group.name.clone(),
            sub: own.join(" · "),
            budgets,
            state: self.state(standings, "its quota"),
            keys: grouped(i64::try_from(known.keys).unwrap_or(i64::MAX)),
            spent: known.spent,
        }
    }

    /// How the tightest of some limits stands. `near` names what is near its end.
    fn state(&self, standings: &[Standing], near: &str) -> State {
        let Some(tightest) = standings.iter().max_by_key(|standing| share(standing)) else {
            return State { gate: Gate::Open, word: "Open".to_owned(), then: "nothing blocks it".to_owned() };
        };
        let opens = self.opens(tightest);
        let (gate, word, then) = match share(tightest) {
            _ if tightest.remaining() == 0 => (Gate::Shut, "Blocks now".to_owned(), opens),
            80.. => (Gate::Near, format!("Near {near}"), format!("blocks, {opens}")),
            _ => (Gate::Open, "Open".to_owned(), format!("blocks, {opens}")),
        };
        State { gate, word, then }
    }

    /// “reopens 1 Dec 00:00”.
    fn opens(&self, standing: &Standing) -> String {
        match standing.resets_at {
            Some(at) => format!("reopens {}", self.moment(at)),
            None => "does not reopen by itself".to_owned(),
        }
    }
}

/// Percent of a limit that is settled or held; 100 where nothing is allowed.
fn share(standing: &Standing) -> i64 {
    if standing.limit.max <= 0 {
        return 100;
    }
    let used = i128::from(standing.reading.total()) * 100;
    i64::try_from(used / i128::from(standing.limit.max)).unwrap_or(i64::MAX)
}

fn budget(standing: &Standing, is_off: bool) -> Budget {
    let Standing { limit, reading, .. } = standing;
    Budget {
        measure: limit.measure,
        settled: reading.settled,
        held: reading.held,
        max: Some(limit.max),
        period: a(limit.period).to_owned(),
        alert: Some(ALERT),
        blocks: true,
        is_off,
    }
}

/// What nothing bounds, and so only adds up.
fn unlimited(spent: Credits) -> Budget {
    Budget {
        measure: Measure::Credits,
        settled: spent.nanos(),
        held: 0,
        max: None,
        period: String::new(),
        alert: None,
        blocks: false,
        is_off: false,
    }
}

fn a(period: Period) -> &'static str {
    match period {
        Period::Minute => "a minute",
        Period::RollingDay | Period::Day => "a day",
        Period::Week => "a week",
        Period::Month => "a month",
        Period::Cycle { .. } => "a cycle",
        Period::Lifetime => "once",
    }
}

/// What a group does: “Its keys together may use 200.00 credits a month, from midnight on the 1st in UTC. Then …”.
pub fn sentence(spec: &GroupSpec) -> String {
    let Some((shared, quota)) = spec.quota.as_ref().and_then(|quota| Some((shared(quota)?, quota))) else {
        return "No shared quota: it adds up what its keys use, and blocks nothing.".to_owned();
    };
    let zone = spec.timezone.trim();
    let (each, until) = match quota.period {
        Reset::Daily => (format!("a day, from midnight in {zone}"), "the next midnight"),
        Reset::Weekly => (format!("a week, from midnight on Monday in {zone}"), "the next Monday"),
        Reset::Monthly => (format!("a month, from midnight on the 1st in {zone}"), "the next 1st"),
        Reset::Never => {
            return format!(
                "Its keys together may use {shared}, once. Then every one of them is blocked, until an admin resets it \
                 or the quota is raised."
            );
        }
    };
    format!("Its keys together may use {shared} {each}. Then every one of them is blocked until {until}.")
}

/// “1,000,000 tokens and 200.00 credits”; `None` where both are unlimited.
fn shared(quota: &GroupQuota) -> Option<String> {
    let tokens = quota.tokens.map(|tokens| match tokens {
        1 => "1 token".to_owned(),
        tokens => format!("{} tokens", grouped(i64::try_from(tokens).unwrap_or(i64::MAX))),
    });
    let credits = quota.credits.map(|credits| {
        // As many decimals as it has, so that nothing is rounded away.
        let text = credits.to_string();
        let decimals = text.len() - text.find('.').map_or(text.len(), |point| point + 1);
        format!("{} credits", amount(credits, u32::try_from(decimals).unwrap_or(9)))
    });
    match (tokens, credits) {
        (Some(tokens), Some(credits)) => Some(format!("{tokens} and {credits}")),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_says_what_it_does() {
        let spec = |tokens, credits: &str, period| GroupSpec {
            quota: Some(GroupQuota { tokens, credits: Credits::parse(credits), period }),
            timezone: " Asia/Tokyo ".to_owned(),
            ..GroupSpec::named("g")
        };
        for (spec, says) in [
            (
                spec(Some(1_000_000), "200", Reset::Monthly),
                "Its keys together may use 1,000,000 tokens and 200.00 credits a month, from midnight on the 1st in \
                 Asia/Tokyo. Then every one of them is blocked until the next 1st.",
            ),
            (
                spec(Some(1), "", Reset::Daily),
                "Its keys together may use 1 token a day, from midnight in Asia/Tokyo. Then every one of them is \
                 blocked until the next midnight.",
            ),
            (
                spec(None, "0.000046", Reset::Never),
                "Its keys together may use 0.000046 credits, once. Then every one of them is blocked, until an admin \
                 resets it or the quota is raised.",
            ),
            (spec(None, "", Reset::Weekly), "No shared quota: it adds up what its keys use, and blocks nothing."),
        ] {
            assert_eq!(sentence(&spec), says);
        }
        assert_eq!(sentence(&GroupSpec::named("g")), sentence(&spec(None, "", Reset::Never)));
    }
}
