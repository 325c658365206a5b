//! How the models of the catalogue stand: whether they can be called, how they do here, and what one's own calls would
//! cost on each. All of it from the rollups, so that it costs the same however many calls there were.

use super::Gateway;
use super::usage::{By, UsageQuery, Used};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::domain::period::Zone;
use crate::domain::price::{Kind, Line, Price};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use std::collections::HashMap;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// What is told of one's own use is of so many days.
pub const OWN_DAYS: u32 = 30;

/// Whether a model can be called at all, whoever calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callable {
    Yes,
    /// It is switched off.
    Off,
    /// Nobody has said what it costs.
    Unpriced,
    /// No provider that is switched on serves it.
    Unserved,
}

/// How a model did, over all its calls that were let through, whoever made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    pub calls: u64,
    pub failed: u64,
    first_bytes: u64,
    first_byte_ms: u64,
    total_ms: u64,
}

impl Performance {
    /// How long callers waited for the first byte of an answer, in milliseconds: the mean over the answers that began.
    /// One that is not streamed begins when it is complete.
    pub fn first_byte_ms(&self) -> Option<u64> {
        self.first_byte_ms.checked_div(self.first_bytes)
    }

    /// How long a call took, in milliseconds: the mean.
    pub fn total_ms(&self) -> Option<u64> {
        self.total_ms.checked_div(self.calls)
    }
}

/// What calls would have cost at another price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repriced {
    pub lines: Vec<Line>,
    pub cost: Credits,
    /// The price has tiers, which are told by the length of each call's input; what is summed up does not know that.
    pub is_below_tiers: bool,
}

impl Repriced {
    /// What was used, priced as one sum: tokens by kind at the price of ordinary inputs, and each call that was let through
    /// as a request. `None` where there was none, or the price is of nothing that sums of calls count.
    pub fn of(used: &Used, price: &Price) -> Option<Self> {
        let calls = used.calls.checked_sub(used.refused).filter(|calls| *calls > 0)?;
        let Price::Rates(rates) = price else {
            return Some(Self { lines: Vec::new(), cost: Credits::ZERO, is_below_tiers: false });
        };
        if rates.tokens.is_empty() && rates.per_request.is_none() {
            return None;
        }
        let tokens: Price = rates.tokens.into();
        let requests = rates.per_request.map(|each| Line { kind: Kind::Request, quantity: calls, each });
        let cost = tokens.cost(&used.usage) + requests.map_or(Credits::ZERO, |line| line.cost());
        let lines = tokens.bill(&used.usage).into_iter().chain(requests).collect();
        Some(Self { lines, cost, is_below_tiers: !rates.tiers.is_empty() })
    }
}

/// How many of an account's keys may call which models.
#[derive(Clone, Debug, Default)]
pub struct Reach(Vec<(Vec<String>, u64)>);

impl Reach {
    /// The keys in use that may call this model.
    pub fn keys_for(&self, model: &str) -> u64 {
        let reaches = |models: &[String]| models.is_empty() || models.iter().any(|name| name == model);
        self.0.iter().filter(|(models, _)| reaches(models)).map(|(_, keys)| keys).sum()
    }

    /// All keys in use.
    pub fn keys(&self) -> u64 {
        self.0.iter().map(|(_, keys)| keys).sum()
    }
}

impl Gateway {
    /// Whether a model can be called, and if not, why.
    pub fn callable(&self, model: &Model) -> Callable {
        match model {
            _ if !model.enabled => Callable::Off,
            _ if model.price.is_none() => Callable::Unpriced,
            _ if self.is_served(model) || self.fallbacks(model).iter().any(|other| self.is_served(other)) => {
                Callable::Yes
            }
            _ => Callable::Unserved,
        }
    }

    /// How each model that was called did in the last days. Everyone signed in may know.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn performance(&self, days: u32) -> Result<HashMap<String, Performance>, Problem> {
        let now = self.0.clock.now();
        let rows = self.0.store.performance(now.minus(DAY * days), after(now)).await?;
        let told = rows.into_iter().map(|row| {
            let performance = Performance {
                calls: row.calls,
                failed: row.failed,
                first_bytes: row.first_bytes,
                first_byte_ms: row.first_byte_ms,
                total_ms: row.total_ms,
            };
            (row.model, performance)
        });
        Ok(told.collect())
    }

    /// What this account's calls used in the last [`OWN_DAYS`] days, by model; everyone's for an admin.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_use(&self, by: &Account) -> Result<Vec<Used>, Problem> {
        let from = self.0.clock.now().minus(DAY * OWN_DAYS);
        self.usage(by, &self.own(from, By::Model, None, Zone::utc())).await
    }

    /// What they used of one model, by the days of a zone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_days(&self, by: &Account, model: &str, from: Time, zone: Zone) -> Result<Vec<Used>, Problem> {
        self.usage(by, &self.own(from, By::Day, Some(model.to_owned()), zone)).await
    }

    fn own(&self, from: Time, apart: By, model: Option<String>, zone: Zone) -> UsageQuery {
        let to = after(self.0.clock.now());
        UsageQuery { from, to, by: vec![apart], zone, key_id: None, group_id: None, model, endpoint: None }
    }

    /// How many of an account's own keys may call which models.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reach(&self, account: &Account) -> Result<Reach, Problem> {
        Ok(Reach(self.0.store.allowlists(&account.id, self.0.clock.now()).await?))
    }
}

/// The quarter hour that runs counts too.
fn after(now: Time) -> Time {
    now.plus(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Usage;

    fn priced(text: &str) -> Option<Repriced> {
        let usage = Usage { cached_input: 400_000, ..Usage::new(1_000_000, 200_000) };
        let used = Used { calls: 5, refused: 2, usage, ..Used::default() };
        Repriced::of(&used, &serde_json::from_str(text).expect("a price"))
    }

    #[test]
    fn what_was_used_is_priced_as_one_sum_without_the_tiers_of_long_inputs() {
        let cost = |text: &str| priced(text).map(|priced| (priced.cost.to_string(), priced.is_below_tiers));
        let told = |text: &str, tiers| Some((text.to_owned(), tiers));
        // 0.6 x 2.50 + 0.4 x 1.25 + 0.2 x 10.
        assert_eq!(cost(r#"{"input":"2.50","cached_input":"1.25","output":"10"}"#), told("4.00", false));
        assert_eq!(cost(r#"{"input":"1","output":"0","per_request":"0.01"}"#), told("1.03", false));
        let tiered = r#"{"input":"1","output":"0","tiers":[{"above":200000,"input":"2","output":"0"}]}"#;
        assert_eq!(cost(tiered), told("1.00", true));
        assert_eq!(cost(r#""free""#), told("0.00", false));
        assert_eq!(cost(r#"{"per_image":"0.04"}"#), None);
    }
}
