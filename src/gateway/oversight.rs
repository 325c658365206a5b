//! How keys stand, many at once: what bounds their calls and how much of it is gone, read together. What keys share is
//! read once, and nothing is asked of the database key by key.

use super::Gateway;
use super::authenticate::Holder;
use super::limits::{Standing, is_budget};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::group::Group;
use crate::domain::id::{AccountId, GroupId, RuleId};
use crate::domain::key::{Key, KeyState};
use crate::domain::limit::{Limit, Measure};
use crate::domain::period::Period;
use crate::domain::problem::Problem;
use crate::domain::rule::Rule;
use crate::domain::time::Time;
use crate::domain::wallet::Wallet;
use crate::store::StoreError;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// Ids that one statement names.
const IDS: usize = 1_000;

/// A key with all that bounds its calls, and how its budgets stand.
#[derive(Debug)]
pub struct Overseen {
    pub holder: Holder,
    /// Every budget that its calls may meet, in the order consulted: its own, its rule's, its group's, its account's and
    /// what pays for it.
    pub budgets: Vec<Standing>,
    tightest: Option<usize>,
    /// What it has been charged this month in its own zone; only where no budget bounds it.
    pub charged: Credits,
}

impl Overseen {
    /// The budget that its next call is the first to find spent, whoever's it is. `None` where nothing bounds it.
    pub fn tightest(&self) -> Option<&Standing> {
        self.budgets.get(self.tightest?)
    }

    /// When its next call may pass at the earliest, where the hours of the rule in force keep it out now. The inner is
    /// `None` where they never open.
    pub fn opens(&self, now: Time) -> Option<Option<Time>> {
        let hours = self.holder.rule.as_ref()?.hours_in_force()?;
        (!hours.allows(now)).then(|| hours.next_open(now))
    }

    /// Whether its calls are refused whatever its budgets say.
    pub fn is_off(&self, now: Time) -> bool {
        self.holder.key.state(now) != KeyState::Active || !self.holder.account.enabled
    }
}

/// What bounds keys beside their own limits.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub accounts: HashMap<AccountId, (Account, Wallet)>,
    pub groups: HashMap<GroupId, Group>,
    pub rules: HashMap<RuleId, Rule>,
}

impl Surroundings {
    /// The rule in force for a key of this account.
    pub fn rule(&self, own: Option<&RuleId>, account: &Account) -> Option<&Rule> {
        self.rules.get(own.or(account.default_rule_id.as_ref())?)
    }
}

/// What is to be looked up about a key.
pub(super) type Asked<'k> = (&'k AccountId, Option<&'k GroupId>, Option<&'k RuleId>);

impl Gateway {
    /// These keys as they stand now, in their order.
    ///
    /// # Errors
    /// When the database or the books cannot be reached.
    pub async fn oversee(&self, keys: Vec<Key>) -> Result<Vec<Overseen>, Problem> {
        let holders = self.holders(keys).await?;
        let (mut limits, mut ends) = (Vec::new(), Vec::new());
        for holder in &holders {
            let first = limits.len();
            limits.extend(holder.limits().into_iter().filter(is_budget));
            if limits.len() == first {
                limits.push(charged_this_month(&holder.key));
            }
            ends.push(limits.len());
        }
        let mut standings = self.stand(&limits).await?.into_iter();
        let mut first = 0;
        let mut overseen = Vec::with_capacity(holders.len());
        for (holder, end) in holders.into_iter().zip(ends) {
            let standings: Vec<Standing> = standings.by_ref().take(end - first).collect();
            first = end;
            overseen.push(self.overseen(holder, standings));
        }
        Ok(overseen)
    }

    fn overseen(&self, holder: Holder, mut budgets: Vec<Standing>) -> Overseen {
        let now = self.0.clock.now();
        let charged = match budgets.as_slice() {
            [only] if only.limit.name == CHARGED => Credits::from_nanos(only.reading.settled),
            _ => {
                return Overseen {
                    tightest: tightest(&holder, &budgets, now),
                    holder,
                    budgets,
                    charged: Credits::ZERO,
                };
            }
        };
        budgets.clear();
        Overseen { holder, budgets, tightest: None, charged }
    }

    /// Keys with everything that bounds their calls.
    pub(super) async fn holders(&self, keys: Vec<Key>) -> Result<Vec<Holder>, StoreError> {
        let asked = keys.iter().map(|key| (&key.account_id, key.group_id.as_ref(), key.rule_id.as_ref()));
        let around = self.surroundings(asked).await?;
        let now = self.0.clock.now();
        let holder = |key: Key| {
            // A key's account is never deleted.
            let (account, wallet) = around.accounts.get(&key.account_id)?;
            let group = key.group_id.as_ref().and_then(|id| around.groups.get(id)).cloned();
            let rule = around.rule(key.rule_id.as_ref(), account).cloned();
            Some(Holder::new(key, account.clone(), group, rule, wallet, now))
        };
        Ok(keys.into_iter().filter_map(holder).collect())
    }

    /// The accounts, groups and rules that bound these keys.
    pub(super) async fn surroundings<'k>(
        &self,
        keys: impl Iterator<Item = Asked<'k>>,
    ) -> Result<Surroundings, StoreError> {
        let (mut accounts, mut groups, mut rules) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (account, group, rule) in keys {
            accounts.insert(account);
            groups.extend(group);
            rules.extend(rule.cloned());
        }
        let mut around = Surroundings::default();
        let accounts: Vec<AccountId> = accounts.into_iter().cloned().collect();
        for some in accounts.chunks(IDS) {
            let mut wallets = self.0.store.wallets(some).await?;
            for account in self.0.store.accounts_by_id(some).await? {
                rules.extend(account.default_rule_id.clone());
                let wallet = wallets.remove(&account.id).unwrap_or_default();
                around.accounts.insert(account.id.clone(), (account, wallet));
            }
        }
        let groups: Vec<GroupId> = groups.into_iter().cloned().collect();
        for some in groups.chunks(IDS) {
            let found = self.0.store.groups_by_id(some).await?;
            around.groups.extend(found.into_iter().map(|group| (group.id.clone(), group)));
        }
        let rules: Vec<RuleId> = rules.into_iter().collect();
        for some in rules.chunks(IDS) {
            let found = self.0.store.rules_by_id(some).await?;
            around.rules.extend(found.into_iter().map(|rule| (rule.id.clone(), rule)));
        }
        Ok(around)
    }
}

/// A call passes if it can be paid for in any way: what holds it up is the tightest budget of the loosest way.
fn tightest(holder: &Holder, budgets: &[Standing], now: Time) -> Option<usize> {
    let ways = holder.means.iter().map(|means| {
        let met = budgets.iter().enumerate().filter(|(_, standing)| means.limits.contains(&standing.limit));
        // Of those that are equally tight, the first that is consulted.
        met.map(|(number, standing)| (standing.tightness(now), Reverse(number))).max()
    });
    ways.min().flatten().map(|(_, Reverse(number))| number)
}

/// The name of a meter that is read and bounds nothing.
const CHARGED: &str = "charged";

/// The meter of what a key is charged in a month, as a limit that nothing reaches.
fn charged_this_month(key: &Key) -> Limit {
    let (owner, period) = (key.owner(), Period::Month);
    let (measure, zone) = (Measure::Credits, period.zone(&key.zone()));
    Limit { owner, name: CHARGED, measure, period, zone, max: i64::MAX, rule: None }
}
