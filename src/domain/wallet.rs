//! What pays for an account's calls: the cycle of a subscription, then the balance. Unmetered accounts need neither.

use super::credits::Credits;
use super::id::AccountId;
use super::limit::{Limit, Measure, Owner, Scope};
use super::period::{Period, Zone};
use super::time::Time;
use serde::{Deserialize, Serialize};

/// Who pays for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// Nobody: the account is not metered. The cost is recorded all the same.
    #[default]
    None,
    Subscription,
    Balance,
}

impl Funding {
    pub fn as_str(self) -> &'static str {
        match self {
            Funding::None => "none",
            Funding::Subscription => "subscription",
            Funding::Balance => "balance",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Funding::None, Funding::Subscription, Funding::Balance].into_iter().find(|funding| funding.as_str() == text)
    }

    /// Whose meter such a call moves, beside those of its key, group and account.
    pub fn owner(self, account: &AccountId) -> Option<Owner> {
        match self {
            Funding::None => None,
            Funding::Subscription => Some(Owner::new(Scope::Subscription, account.as_str())),
            Funding::Balance => Some(Owner::new(Scope::Balance, account.as_str())),
        }
    }
}

/// An account's means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Whether calls must be paid for at all.
    pub metered: bool,
    /// Everything ever put in, corrections included: what calls may take from the balance in all.
    pub granted: Credits,
    pub subscription: Option<Subscription>,
}

/// Credits that come back in full with each billing cycle; nothing rolls over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    pub credits: Credits,
    /// When the first cycle began: a midnight in `timezone`.
    pub anchor: Time,
    pub timezone: String,
    /// Whether calls beyond the cycle's credits may be paid from the balance.
    pub falls_back: bool,
}

/// One way a call may be paid for, with the limit it meets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub funding: Funding,
    pub limit: Option<Limit>,
}

impl Wallet {
    /// The ways a call may be paid for, in the order in which they are tried. Never empty.
    pub fn sources(&self, account: &AccountId) -> Vec<Source> {
        let source = |funding: Funding, name, period, zone, max: Credits| Source {
            funding,
            limit: funding.owner(account).map(|owner| Limit {
                owner,
                name,
                measure: Measure::Credits,
                period,
                zone,
                max: max.nanos(),
                rule: None,
            }),
        };
        let balance = || source(Funding::Balance, "balance", Period::Lifetime, Zone::utc(), self.granted);
        match &self.subscription {
            _ if !self.metered => vec![Source { funding: Funding::None, limit: None }],
            None => vec![balance()],
            Some(plan) => {
                let zone = Zone::parse(&plan.timezone).unwrap_or_else(Zone::utc);
                let cycle = Period::Cycle { anchor: plan.anchor };
                let mut sources = vec![source(Funding::Subscription, "subscription", cycle, zone, plan.credits)];
                if plan.falls_back {
                    sources.push(balance());
                }
                sources
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_pays_before_the_balance_and_an_unmetered_account_never() {
        let account = AccountId::from("a");
        let names = |wallet: &Wallet| {
            let sources = wallet.sources(&account);
            sources.iter().map(|source| source.limit.as_ref().map_or("none", |limit| limit.name)).collect::<Vec<_>>()
        };
        let mut wallet = Wallet::default();
        assert_eq!(names(&wallet), ["none"]);
        wallet.metered = true;
        assert_eq!(names(&wallet), ["balance"]);
        let mut plan = Subscription {
            credits: Credits::from_nanos(5),
            anchor: Time::EPOCH,
            timezone: "UTC".to_owned(),
            falls_back: false,
        };
        wallet.subscription = Some(plan.clone());
        assert_eq!(names(&wallet), ["subscription"]);
        plan.falls_back = true;
        wallet.subscription = Some(plan);
        assert_eq!(names(&wallet), ["subscription", "balance"]);
    }
}
