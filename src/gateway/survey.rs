//! How all keys of a list stand, without the list: which are near a limit or blocked, and how tight each one's budgets
//! are. Every meter is read as it is at this moment, from memory where this process has them, so what a list is
//! narrowed or ordered by is what its rows then show. Of each key only what bounds its budgets is read; what keys share,
//! such as a group's budget, is weighed once.

use super::Gateway;
use super::limits::{Tightness, is_budget};
use super::oversight::Surroundings;
use crate::domain::id::{AccountId, GroupId, KeyId};
use crate::domain::key::KeyStatus;
use crate::domain::limit::{Carried, Limit, Owner, Scope};
use crate::domain::period::Zone;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::store::key_lists::{KeyFilter, LeanKey};
use std::collections::HashMap;
use std::ops::Range;

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Open,
    /// Four fifths of a budget are gone.
    Near,
    /// Its next call is refused: a budget is spent, or it is outside the hours of its rule.
    Blocked,
    /// It is not in use: disabled, expired or revoked, or its account is disabled.
    Off,
}

/// One key of a survey.
#[derive(Clone, Debug)]
pub struct Surveyed {
    pub id: KeyId,
    pub stand: Stand,
    /// In millionths of its tightest budget; −1 where nothing bounds it.
    pub share: i64,
    /// How many budgets it has of its own, its rule's among them, and the share of the tightest of those.
    pub own: (usize, Option<i64>),
}

/// The limits of a survey, those of one owner side by side.
#[derive(Default)]
struct Weights {
    limits: Vec<Limit>,
    zones: HashMap<String, Zone>,
}

impl Weights {
    fn add(&mut self, limits: impl IntoIterator<Item = Limit>) -> Range<usize> {
        let first = self.limits.len();
        self.limits.extend(limits.into_iter().filter(is_budget));
        first..self.limits.len()
    }

    /// A key's own budgets, and its rule's.
    fn own(&mut self, key: &LeanKey, around: &Surroundings, now: Time) -> Range<usize> {
        let parsed = || Zone::parse(&key.timezone).unwrap_or_else(Zone::utc);
        let zone = self.zones.entry(key.timezone.clone()).or_insert_with(parsed).clone();
        let owner = Owner::new(Scope::Key, key.id.as_str());
        let mut limits = Carried::apply(&key.carried, key.limits.ceilings(&owner, &zone), now);
        let account = around.accounts.get(&key.account_id).map(|(account, _)| account);
        let rule = account.and_then(|account| around.rule(key.rule_id.as_ref(), account));
        limits.extend(rule.and_then(|rule| rule.in_force(owner, now)));
        self.add(limits)
    }
}

/// An account's own budgets, and what each way to pay is bounded by.
struct Means {
    own: Range<usize>,
    ways: Vec<Range<usize>>,
}

impl Gateway {
    /// Every key that a filter finds, in no order.
    ///
    /// # Errors
    /// When the database or the books cannot be reached.
    pub(super) async fn survey(&self, filter: &KeyFilter) -> Result<Vec<Surveyed>, Problem> {
        let keys = self.0.store.lean_keys(filter).await?;
        let asked = keys.iter().map(|key| (&key.account_id, key.group_id.as_ref(), key.rule_id.as_ref()));
        let around = self.surroundings(asked).await?;
        let now = self.shared_now().await?;
        let mut weights = Weights::default();
        let mut groups: HashMap<&GroupId, Range<usize>> = HashMap::new();
        for (id, group) in &around.groups {
            groups.insert(id, weights.add(group.in_force(now)));
        }
        let mut accounts: HashMap<&AccountId, Means> = HashMap::new();
        for (id, (account, wallet)) in &around.accounts {
            let own = weights.add(account.in_force(now));
            let ways = wallet.sources(id).into_iter().map(|source| weights.add(source.limit)).collect();
            accounts.insert(id, Means { own, ways });
        }
        let own: Vec<Range<usize>> = keys.iter().map(|key| weights.own(key, &around, now)).collect();
        let readings = self.readings(&weights.limits, now).await?;
        let weighed = weights.limits.iter().zip(readings);
        let weighed: Vec<Tightness> = weighed.map(|(limit, reading)| Tightness::of(limit, reading, now)).collect();
        let tightest = |range: &Range<usize>| weighed[range.clone()].iter().max().copied();
        let surveyed = keys.into_iter().zip(own).map(|(key, own)| {
            let group = key.group_id.as_ref().and_then(|id| tightest(groups.get(id)?));
            let means = accounts.get(&key.account_id);
            let account = means.and_then(|means| tightest(&means.own));
            let paid = means.and_then(|means| means.ways.iter().map(&tightest).min().flatten());
            let own = (own.len(), tightest(&own));
            let tightest = [own.1, group, account, paid].into_iter().flatten().max();
            let stand = stand(&key, tightest, &around, now);
            Surveyed {
                id: key.id,
                stand,
                share: tightest.map_or(-1, |tightest| tightest.share),
                own: (own.0, own.1.map(|own| own.share)),
            }
        });
        Ok(surveyed.collect())
    }
}

fn stand(key: &LeanKey, tightest: Option<Tightness>, around: &Surroundings, now: Time) -> Stand {
    let account = around.accounts.get(&key.account_id).map(|(account, _)| account);
    let is_expired = key.expires_at.is_some_and(|at| at <= now);
    if key.status != KeyStatus::Active || is_expired || account.is_none_or(|account| !account.enabled) {
        return Stand::Off;
    }
    let rule = account.and_then(|account| around.rule(key.rule_id.as_ref(), account));
    let is_shut = rule.and_then(|rule| rule.hours_in_force()).is_some_and(|hours| !hours.allows(now));
    match tightest {
        _ if is_shut => Stand::Blocked,
        Some(tightest) if tightest.is_spent => Stand::Blocked,
        Some(tightest) if tightest.is_near() => Stand::Near,
        _ => Stand::Open,
    }
}
