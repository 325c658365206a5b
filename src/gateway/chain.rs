//! The chain of limits that a key's calls meet, in the order consulted: how each stands, when it runs dry at this pace,
//! and which of them binds first.

use super::Gateway;
use super::forecast::{Outlook, Pace};
use super::limits::Standing;
use crate::domain::account::Account;
use crate::domain::amount::Amount;
use crate::domain::credits::Credits;
use crate::domain::group::Group;
use crate::domain::id::KeyId;
use crate::domain::key::Key;
use crate::domain::ledger::{Consulted, Open};
use crate::domain::limit::{Limit, Scope};
use crate::domain::problem::Problem;
use crate::domain::rule::Rule;
use crate::domain::time::Time;
use crate::domain::wallet::Wallet;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// A pace is taken over this much at most, so that it is today's and not last month's.
const LOOK_BACK: Duration = Duration::from_hours(7 * 24);
/// Usage is kept by quarters of an hour.
const QUARTER_MICROS: i64 = 900_000_000;

/// A key and everything that bounds its calls.
#[derive(Clone, Debug)]
pub struct Chain {
    pub now: Time,
    pub key: Key,
    pub account: Account,
    pub group: Option<Group>,
    /// The rule that governs it, its own or its account's default; one that is switched off is here too.
    pub rule: Option<Rule>,
    /// In the order consulted.
    pub links: Vec<Link>,
    /// Which of the links binds first, by its place: one that has no room now, else the budget that runs dry first, else
    /// the one of which most is gone.
    pub binding: Option<usize>,
    pub wallet: Wallet,
    /// What the key has been charged since ever.
    pub spent: Credits,
}

/// One limit of a chain.
#[derive(Clone, Debug)]
pub struct Link {
    pub standing: Standing,
    /// What becomes of it at this pace. Rates, which open again by themselves, last.
    pub outlook: Outlook,
    /// When a smallest call would fit if nothing else happened: now, where it fits; `None` where no waiting helps.
    pub opens_at: Option<Time>,
    /// Where it has no room, the balance pays: it refuses nothing.
    pub falls_back: bool,
}

impl Link {
    /// Whether it refuses even a smallest call.
    pub fn is_shut(&self) -> bool {
        self.standing.remaining() == 0 && !self.falls_back
    }

    /// Whether it slides, and so opens again within seconds or hours.
    pub fn is_rate(&self) -> bool {
        self.standing.limit.period.window().is_some()
    }

    /// How much of it is gone, in millionths: all of it where nothing is allowed.
    pub fn share(&self) -> i64 {
        let max = i128::from(self.standing.limit.max);
        let gone = i128::from(self.standing.reading.total()) * 1_000_000;
        if max <= 0 { 1_000_000 } else { i64::try_from(gone / max).unwrap_or(i64::MAX) }
    }
}

/// What has moved a meter since some time: what calls used, by quarter hours, and what resets took off, when they did.
/// In the measure's unit, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    pub used: Vec<(Time, i64)>,
    pub resets: Vec<(Time, i64)>,
}

impl Gateway {
    /// The chain of a key that this account may see.
    ///
    /// # Errors
    /// Where there is no such key for this account; when the books cannot be reached.
    pub async fn chain(&self, by: &Account, id: &KeyId) -> Result<Chain, Problem> {
        let key = self.key(by, id).await?;
        let holder = self.holder(key).await?.ok_or_else(|| Problem::not_found("key"))?;
        let now = self.shared_now().await?;
        let limits = holder.limits();
        let smallest = Amount { requests: 1, tokens: 1, credits: Credits::from_nanos(1) };
        let open = Open { owners: Arc::from([]), at: now, held: smallest };
        let met = self.with_meters(&limits, now, |ledger| ledger.consult(&open, &limits)).await?;
        let has_balance = limits.iter().any(|limit| limit.owner.scope == Scope::Balance);
        let mut links = Vec::with_capacity(met.len());
        for Consulted { limit, reading, opens_at, .. } in met {
            let resets_at = limit.period.end(now, &limit.zone);
            let falls_back = limit.owner.scope == Scope::Subscription && has_balance;
            let standing = Standing { limit, reading, resets_at };
            let born = match (standing.limit.owner.scope, &holder.group) {
                (Scope::Key, _) => holder.key.created_at,
                (Scope::Group, Some(group)) => group.created_at,
                _ => holder.account.created_at,
            };
            let outlook = self.outlook(&standing, born, now).await?;
            links.push(Link { standing, outlook, opens_at, falls_back });
        }
        Ok(Chain {
            now,
            binding: binding(&links),
            links,
            wallet: self.0.store.wallet(&holder.account.id).await?,
            spent: self.spent_since(&holder.key, Time::EPOCH).await?,
            key: holder.key,
            account: holder.account,
            group: holder.group,
            rule: holder.rule,
        })
    }

    /// What has moved a limit's meter from `from` up to `to`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn course(&self, limit: &Limit, from: Time, to: Time) -> Result<Course, Problem> {
        let used = self.0.store.used_by_quarter(&limit.owner, limit.measure, from, to).await?;
        let resets = self.0.store.resets(&limit.owner, from, 1_000).await?;
        let mut resets: Vec<(Time, i64)> =
            resets.into_iter().filter(|reset| reset.is_of(limit)).map(|reset| (reset.at, reset.taken_off)).collect();
        resets.reverse();
        Ok(Course { used, resets })
    }

    /// What becomes of a limit whose owner was made at `born`.
    pub(super) async fn outlook(&self, standing: &Standing, born: Time, now: Time) -> Result<Outlook, StoreError> {
        let Standing { limit, reading, resets_at } = standing;
        if limit.period.window().is_some() {
            return Ok(Outlook::Lasts { expected: None });
        }
        let from = now.minus(LOOK_BACK);
        let began = limit.period.start(now, &limit.zone).max(born);
        let pace = if began >= from {
            Pace { used: reading.settled, since: began, now }
        } else {
            let since = Time::from_micros(from.micros().div_euclid(QUARTER_MICROS) * QUARTER_MICROS);
            Pace { used: self.0.store.used_since(&limit.owner, limit.measure, since).await?, since, now }
        };
        Ok(foretold(pace, standing, *resets_at))
    }
}

fn foretold(pace: Pace, standing: &Standing, resets_at: Option<Time>) -> Outlook {
    if !pace.is_telling() {
        return Outlook::Early;
    }
    match pace.reaches(standing.remaining()) {
        Some(at) if resets_at.is_none_or(|resets| at < resets) => Outlook::Dry { at },
        _ => {
            let rest = resets_at.and_then(|end| pace.until(end));
            Outlook::Lasts { expected: rest.map(|rest| standing.reading.settled.saturating_add(rest)) }
        }
    }
}

/// Which link binds first.
fn binding(links: &[Link]) -> Option<usize> {
    let dry_at = |link: &Link| match link.outlook {
        Outlook::Dry { at } if !link.falls_back => Some(at),
        _ => None,
    };
    let shut = links.iter().position(Link::is_shut);
    let first_dry = || {
        let dry = links.iter().enumerate().filter_map(|(place, link)| Some((dry_at(link)?, place)));
        dry.min().map(|(_, place)| place)
    };
    let tightest = |rates: bool| {
        let some = links.iter().enumerate().filter(|(_, link)| link.is_rate() == rates && !link.falls_back);
        // The most used; of several, such as all of a key that was never used, the one with the least left.
        some.max_by_key(|(place, link)| (link.share(), -link.standing.remaining(), -(*place as i64)))
            .map(|(place, _)| place)
    };
    shut.or_else(first_dry).or_else(|| tightest(false)).or_else(|| tightest(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limit::{Measure, Owner};
    use crate::domain::meter::Reading;
    use crate::domain::period::{Period, Zone};

    fn link(period: Period, settled: i64, max: i64, outlook: Outlook) -> Link {
        let (owner, zone) = (Owner::new(Scope::Key, "k"), Zone::utc());
        let limit = Limit { owner, name: "test", measure: Measure::Credits, period, zone, max, rule: None };
        let standing = Standing { limit, reading: Reading { settled, held: 0 }, resets_at: None };
        Link { standing, outlook, opens_at: None, falls_back: false }
    }

    fn lasts(period: Period, settled: i64, max: i64) -> Link {
        link(period, settled, max, Outlook::Lasts { expected: None })
    }

    fn dry(settled: i64, max: i64, hour: i64) -> Link {
        link(Period::Month, settled, max, Outlook::Dry { at: Time::from_micros(hour * 3_600_000_000) })
    }

    #[test]
    fn what_is_shut_binds_then_what_runs_dry_first_then_what_is_used_most() {
        let rate = || lasts(Period::Minute, 9, 10);
        assert_eq!(binding(&[]), None);
        assert_eq!(binding(&[rate()]), Some(0), "where there is no budget, the rate");
        assert_eq!(binding(&[rate(), lasts(Period::Day, 1, 10), lasts(Period::Month, 20, 100)]), Some(2));
        assert_eq!(binding(&[rate(), dry(90, 100, 9), dry(10, 100, 8), lasts(Period::Day, 99, 100)]), Some(2));
        assert_eq!(binding(&[lasts(Period::Minute, 10, 10), dry(90, 100, 9)]), Some(0));
        assert_eq!(binding(&[dry(90, 100, 9), lasts(Period::Day, 0, 0)]), Some(1));
        let unused = [lasts(Period::Month, 0, 200), lasts(Period::Day, 0, 50), lasts(Period::Month, 0, 600)];
        assert_eq!(binding(&unused), Some(1));
    }

    #[test]
    fn a_subscription_that_the_balance_follows_binds_nothing() {
        let spent = Link { falls_back: true, ..lasts(Period::Lifetime, 10, 10) };
        assert!(!spent.is_shut());
        assert_eq!(binding(&[spent, lasts(Period::Lifetime, 1, 10)]), Some(1));
    }
}
