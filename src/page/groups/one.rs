//! One group in words: its meters, what was used of it by whom, and its keys.

use super::form::label;
use super::{Wording, budget, owners, sentence, share, some, unlimited};
use crate::console::dashboard::overview::Cost;
use crate::console::groups::fetch::{Gate, State};
use crate::console::groups::keys::{Member, Members, Outside, OutsideKey};
use crate::console::groups::one::{ByKey, ByTime, GroupPage, Meter, Total};
use crate::console::ui::money::{amount, grouped};
use crate::console::ui::place::Place;
use crate::console::ui::shares::{Line, Share};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::group::Group;
use crate::domain::id::{AccountId, GroupId, KeyId};
use crate::domain::key::{Key, KeyStatus};
use crate::domain::period::Period;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::groups::{GroupUsage, Populated};
use crate::gateway::issue::KeyQuery;
use crate::gateway::limits::Standing;
use crate::gateway::overview::{Stretch, apportioned};
use crate::gateway::usage::Used;
use crate::page::dashboard::{Range, cost, decimals};
use std::collections::HashMap;

/// Keys on a page.
const KEYS: u32 = 50;
/// Keys to choose from; more are found by search.
const CHOICES: u32 = 50;
/// Keys that are named among those that share; the others are one. The grey ink is theirs.
const NAMED: usize = 5;
const INKS: [u8; NAMED + 1] = [1, 2, 3, 4, 6, 5];

/// A group's page for `period`, its quota's own, or for anything else the month; with its keys after a place.
///
/// # Errors
/// Where there is no such group for this account, or `after` is no place.
pub async fn page(
    gateway: &Gateway,
    reader: &Account,
    id: &GroupId,
    span: &str,
    after: String,
) -> Result<GroupPage, Problem> {
    let Populated { group, keys, .. } = gateway.group(reader, id).await?;
    let wording = Wording::new(reader, gateway.clock().now());
    let in_force = group.in_force(wording.at);
    let standings = gateway.stand(&in_force).await?;
    let month = Stretch::new(Period::Month, wording.at, wording.zone.clone());
    let calendar = |period| matches!(period, Period::Day | Period::Week | Period::Month);
    let own = in_force.iter().find(|limit| calendar(limit.period));
    // A month that begins where the reader's begins is the same month.
    let own = own.map(|limit| Stretch::new(limit.period, wording.at, limit.zone.clone()));
    let own = own.filter(|own| (own.start, own.end) != (month.start, month.end));
    let mut spans = vec![("month".to_owned(), "This month".to_owned())];
    spans.extend(own.as_ref().map(|own| ("period".to_owned(), format!("The quota’s {}", own.period.as_str()))));
    let (span, stretch) = match own.filter(|_| span == "period") {
        Some(own) => ("period", own),
        None => ("month", month),
    };
    let logs = Place::new("/logs").with("group", id.as_str());
    let range = Range(stretch, logs.clone());
    let usage = gateway.group_usage(reader, id, &range.0).await?;
    let used = match usage.overview.total.calls {
        0 => None,
        _ => Some((by_key(gateway, reader, id, &usage).await?, by_time(cost::cost(&range, &usage.overview)))),
    };
    let owner = owners(gateway, reader, std::iter::once(&group.account_id)).await?;
    let members = members(gateway, reader, &wording, id, after, &usage).await?;
    Ok(GroupPage {
        state: wording.state(&standings, "its quota"),
        facts: facts(&group, keys, owner.get(&group.account_id), &wording),
        says: sentence(&group.spec()),
        pending: wording.pending(&group, &in_force),
        meters: standings.iter().map(|standing| wording.meter(standing, &group)).collect(),
        may_reset: reader.is_admin() && !in_force.is_empty(),
        as_of: wording.now(),
        logs: logs.href(),
        spans,
        span: span.to_owned(),
        stretch: format!("{}, {}", range.title(), range.zone_name()),
        total: total(&usage),
        used,
        members,
        id: group.id.0,
        name: group.name,
        description: group.description,
    })
}

fn facts(group: &Group, keys: u64, owner: Option<&String>, wording: &Wording) -> Vec<String> {
    let mut facts = vec![some(keys, "key", "keys")];
    facts.extend(owner.map(|owner| format!("owner {owner}")));
    if group.timezone.trim() != wording.zone.name() {
        facts.push(format!("calendar of {}", group.timezone.trim()));
    }
    facts
}

impl Wording {
    fn meter(&self, standing: &Standing, group: &Group) -> Meter {
        let limit = &standing.limit;
        let since = match limit.period {
            Period::Lifetime => format!("counts since {}", self.moment(group.created_at)),
            period => format!("counts since {}", self.moment(period.start(self.at, &limit.zone))),
        };
        let blocks = if standing.remaining() == 0 { "blocks now" } else { "blocks" };
        Meter {
            label: label(limit),
            budget: budget(standing, false),
            fate: (since, format!("{blocks}, {}", self.opens(standing))),
        }
    }

    fn ago(&self, at: Option<Time>) -> String {
        let Some(at) = at else { return "never".to_owned() };
        match self.at.since(at).as_secs() {
            0..=59 => "just now".to_owned(),
            seconds @ 60..=3_599 => format!("{} min ago", seconds / 60),
            seconds @ 3_600..=86_399 => format!("{} h ago", seconds / 3_600),
            _ => self.moment(at),
        }
    }

    fn member(&self, key: &Key, standings: &[Standing], used: Option<&Used>, owner: Option<&String>) -> Member {
        let budgets: Vec<Standing> =
            standings.iter().filter(|standing| standing.limit.period.window().is_none()).cloned().collect();
        let off = |word: &str, then: String| State { gate: Gate::Off, word: word.to_owned(), then };
        let state = match key.status {
            KeyStatus::Revoked => off("Revoked", key.revoked_at.map(|at| self.moment(at)).unwrap_or_default()),
            KeyStatus::Disabled => off("Disabled", "calls are refused".to_owned()),
            KeyStatus::Active if key.is_expired(self.at) => {
                off("Expired", key.expires_at.map(|at| self.moment(at)).unwrap_or_default())
            }
            KeyStatus::Active if budgets.is_empty() => {
                State {
                    gate: Gate::Open, word: "Open".to_owned(), then: "only the group’s quota bounds it".to_owned()
                }
            }
            KeyStatus::Active => self.state(&budgets, "a limit"),
        };
        let spent = used.map_or(Credits::ZERO, |used| used.cost);
        let tightest = budgets.iter().max_by_key(|standing| share(standing));
        let hint = key.hint.clone();
        Member {
            id: key.id.0.clone(),
            name: key.name.clone(),
            sub: owner.map_or(hint.clone(), |owner| format!("{hint} of {owner}")),
            budget: tightest.map_or_else(|| unlimited(spent), |standing| budget(standing, state.gate == Gate::Off)),
            state,
            spent,
            calls: grouped(count(used.map_or(0, |used| used.calls))),
            last_used: self.ago(key.last_used_at),
        }
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn total(usage: &GroupUsage) -> Total {
    let total = &usage.overview.total;
    let tokens = total.usage.total();
    let bad = total.refused + total.failed;
    Total {
        credits: total.cost,
        decimals: decimals(total.cost),
        tokens: grouped(count(tokens)),
        tokens_note: match tokens {
            0 => "none counted".to_owned(),
            _ => format!("{} % of them input", total.usage.input * 100 / tokens),
        },
        calls: grouped(count(total.calls)),
        calls_note: match usage.keys.len() {
            0 => "by nobody".to_owned(),
            keys => format!("by {}", some(keys as u64, "key", "keys")),
        },
        trouble: grouped(count(bad)),
        trouble_note: match (bad, total.calls) {
            (0, 0) => "no calls to judge".to_owned(),
            (0, _) => "all went through".to_owned(),
            _ => format!("{} refused, {} failed", grouped(count(total.refused)), grouped(count(total.failed))),
        },
    }
}

/// What a share is a share of: credits, unless nothing was charged at all.
fn measure(keys: &[Used]) -> (&'static str, fn(&Used) -> i64) {
    let by_credits: fn(&Used) -> i64 = |used| used.cost.nanos();
    let by_tokens: fn(&Used) -> i64 = |used| count(used.usage.total());
    let by_calls: fn(&Used) -> i64 = |used| count(used.calls);
    let any = |of: fn(&Used) -> i64| keys.iter().any(|used| of(used) > 0);
    match (any(by_credits), any(by_tokens)) {
        (true, _) => ("credits", by_credits),
        (false, true) => ("tokens", by_tokens),
        (false, false) => ("calls", by_calls),
    }
}

/// The keys that used most, each by itself, and the others as one.
async fn by_key(gateway: &Gateway, reader: &Account, group: &GroupId, usage: &GroupUsage) -> Result<ByKey, Problem> {
    let (shared, of) = measure(&usage.keys);
    let mut keys: Vec<&Used> = usage.keys.iter().collect();
    keys.sort_by_key(|used| (std::cmp::Reverse(of(used)), used.key_id.clone()));
    // One more that is alone is named, too.
    let named = if keys.len() == NAMED + 1 { NAMED + 1 } else { NAMED.min(keys.len()) };
    let (named, others) = keys.split_at(named);
    let ids: Vec<KeyId> = named.iter().filter_map(|used| used.key_id.clone()).collect();
    let known = gateway.keys_by_id(reader, &ids).await?;
    let mut parts: Vec<(Used, Line)> = Vec::new();
    for (used, done) in named.iter().zip(known) {
        let id = done.id.0;
        let (name, sub) = match done.key {
            Ok(key) if key.status == KeyStatus::Revoked => (key.name, "revoked"),
            Ok(key) if key.group_id.as_ref() != Some(group) => (key.name, "not in the group any more"),
            Ok(key) => (key.name, ""),
            Err(_) => (id.clone(), ""),
        };
        let line = Line { href: Some(format!("/tokens/{id}")), name, sub: sub.to_owned(), ..Line::default() };
        parts.push(((*used).clone(), line));
    }
    if !others.is_empty() {
        let name = format!("{} others", others.len());
        parts.push((Used::total(others.iter().copied()), Line { name, ..Line::default() }));
    }
    let sums: Vec<Credits> = parts.iter().map(|(used, _)| Credits::from_nanos(of(used))).collect();
    let costs: Vec<Credits> = parts.iter().map(|(used, _)| used.cost).collect();
    let total = &usage.overview.total;
    let decimals = decimals(total.cost);
    let mut told = ByKey {
        shared: shared.to_owned(),
        shares: Vec::new(),
        lines: Vec::new(),
        total: figures(total, total.cost, decimals, 1_000),
    };
    let shown = cost::shown(&costs, decimals).into_iter().zip(apportioned(&sums, 1_000));
    for (((used, line), (credits, thousandths)), ink) in parts.into_iter().zip(shown).zip(INKS) {
        let figures = figures(&used, credits, decimals, thousandths);
        told.shares.push(Share { ink, thousandths, says: format!("{} {}", line.name, figures[3]) });
        told.lines.push(Line { ink, figures, ..line });
    }
    Ok(told)
}

/// Calls, tokens, credits and share.
fn figures(used: &Used, credits: Credits, decimals: u32, thousandths: i64) -> Vec<String> {
    let share = format!("{}.{} %", thousandths / 10, thousandths % 10);
    vec![grouped(count(used.calls)), grouped(count(used.usage.total())), amount(credits, decimals), share]
}

/// The cost as the dashboard tells it, in lines.
fn by_time(cost: Cost) -> ByTime {
    let decimals = cost.decimals;
    let money = |credits: Credits| amount(credits, decimals);
    let expected = cost.expected.map(|(sum, by_when)| format!("; dashed: at this pace {} by {by_when}", money(sum)));
    let columns = std::iter::once(cost.bucket).chain(cost.series.iter().map(|one| one.name.clone()));
    let columns = columns.chain(std::iter::once("Total".to_owned())).collect();
    let models = cost.series.into_iter().zip(1..).map(|(one, ink)| {
        let figures = vec![money(one.cost), format!("{} %", one.share)];
        Line { ink, name: one.name, href: one.href, figures, ..Line::default() }
    });
    let lines = cost.rows.into_iter().map(|row| {
        let figures = row.costs.into_iter().chain(std::iter::once(row.total)).map(money).collect();
        Line { name: row.label, href: Some(row.href), figures, ..Line::default() }
    });
    ByTime {
        note: cost.note + &expected.unwrap_or_default(),
        svg: cost.svg,
        models: models.collect(),
        total: vec![money(cost.total), if cost.total == Credits::ZERO { "—" } else { "100.0 %" }.to_owned()],
        columns,
        lines: lines.collect(),
    }
}

/// A page of its keys, with what each used of it.
async fn members(
    gateway: &Gateway,
    reader: &Account,
    wording: &Wording,
    id: &GroupId,
    after: String,
    usage: &GroupUsage,
) -> Result<Members, Problem> {
    let query = KeyQuery {
        group_id: Some(id.clone()),
        unrevoked: true,
        cursor: Some(after).filter(|after| !after.is_empty()),
        limit: KEYS,
        ..KeyQuery::default()
    };
    let page = gateway.keys(reader, query).await?;
    // All meters of the page at once.
    let standings = gateway.standings_of(&page.data).await?;
    let owners = owners(gateway, reader, page.data.iter().map(|key| &key.account_id)).await?;
    let used: HashMap<&KeyId, &Used> =
        usage.keys.iter().filter_map(|used| Some((used.key_id.as_ref()?, used))).collect();
    let row = |(key, standings): (&Key, &Vec<Standing>)| {
        wording.member(key, standings, used.get(&key.id).copied(), owners.get(&key.account_id))
    };
    let unseen = gateway.count_unseen_keys(reader, id).await?;
    Ok(Members {
        rows: page.data.iter().zip(&standings).map(row).collect(),
        next: page.next,
        unseen: match unseen {
            0 => String::new(),
            some_keys => format!(
                "An admin has put {} of other accounts into it; what they use counts on its meters and is not listed here.",
                some(some_keys, "key", "keys")
            ),
        },
        decimals: decimals(usage.overview.total.cost),
        origin: crate::page::origin(),
    })
}

/// Keys that may be put into a group.
///
/// # Errors
/// Where there is no such group for this account.
pub async fn outside(gateway: &Gateway, reader: &Account, id: &GroupId, find: &str) -> Result<Outside, Problem> {
    let mut rows = gateway.keys_outside(reader, id, find, CHOICES + 1).await?;
    let is_cut = rows.len() > CHOICES as usize;
    rows.truncate(CHOICES as usize);
    let accounts: Vec<AccountId> = rows.iter().map(|row| row.account_id.as_str().into()).collect();
    let owners = owners(gateway, reader, accounts.iter()).await?;
    let row = |(row, account): (crate::gateway::groups::Outsider, &AccountId)| OutsideKey {
        place: match (row.group_name, owners.get(account)) {
            (None, None) => "in no group".to_owned(),
            (Some(group), None) => format!("in {group}"),
            (None, Some(owner)) => format!("{owner}’s, in no group"),
            (Some(group), Some(owner)) => format!("{owner}’s, in {group}"),
        },
        id: row.id,
        name: row.name,
        hint: row.hint,
    };
    Ok(Outside { rows: rows.into_iter().zip(&accounts).map(row).collect(), is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(cost: i64, tokens: u64, calls: u64) -> Used {
        let mut used = Used { cost: Credits::from_nanos(cost), calls, ..Used::default() };
        used.usage.input = tokens;
        used
    }

    #[test]
    fn shares_are_of_credits_unless_nothing_was_charged() {
        assert_eq!(measure(&[used(0, 5, 1), used(1, 0, 1)]).0, "credits");
        assert_eq!(measure(&[used(0, 5, 1)]).0, "tokens");
        assert_eq!(measure(&[used(0, 0, 1)]).0, "calls");
        assert_eq!(measure(&[]).0, "calls");
    }
}
