//! One proxied request, from admission to settlement: the row in the logs.

use super::amount::Amount;
use super::credits::Credits;
use super::id::{AccountId, CallId, GroupId, KeyId};
use super::limit::{Owner, Scope};
use super::refusal::Refusal;
use super::time::Time;
use super::usage::{Units, Usage, UsageSource};
use super::wallet::Funding;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far a call has come. States only move forward: pending -> settled, or refused from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Admitted and written down; its cost is held.
    Pending,
    /// Over, and charged what it used.
    Settled,
    /// Never let through; costs nothing.
    Refused,
}

impl CallState {
    pub fn as_str(self) -> &'static str {
        match self {
            CallState::Pending => "pending",
            CallState::Settled => "settled",
            CallState::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [CallState::Pending, CallState::Settled, CallState::Refused].into_iter().find(|state| state.as_str() == text)
    }
}

/// How a call ended, as usage is grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed,
    Refused,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Outcome::Succeeded, Outcome::Failed, Outcome::Refused].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// What is known of a call when it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub id: CallId,
    pub at: Time,
    pub key_id: KeyId,
    /// As it was at the call.
    pub key_name: String,
    pub account_id: AccountId,
    /// The group it counts for: the key's at the call.
    pub group_id: Option<GroupId>,
    /// Who pays for it, decided at admission.
    pub funding: Funding,
    /// The path, such as `/v1/chat/completions`.
    pub endpoint: String,
    /// The dialect the caller speaks, such as `openai`.
    pub dialect: String,
    pub model: String,
    pub stream: bool,
    pub client_ip: String,
    pub user_agent: String,
    /// The caller's own `x-request-id`, if it sent one.
    pub client_request_id: Option<String>,
}

impl Arrival {
    /// Whose meters the call moves.
    pub fn owners(&self) -> Arc<[Owner]> {
        let key = Owner::new(Scope::Key, self.key_id.as_str());
        let group = self.group_id.as_ref().map(|group| Owner::new(Scope::Group, group.as_str()));
        let account = Owner::new(Scope::Account, self.account_id.as_str());
        [Some(key), group, Some(account), self.funding.owner(&self.account_id)].into_iter().flatten().collect()
    }
}

/// What a call in flight may use at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bound {
    /// Tokens.
    pub input: u64,
    /// Tokens.
    pub output: u64,
    /// What is no token. Known to the process that admitted the call; a row keeps what it comes to, in `cost`.
    pub units: Units,
    pub cost: Credits,
    /// The version of the price that the call is charged by: the model's that was asked for; once it is settled, that of the
    /// one that answered. 0 where there is none.
    pub price_version: u64,
}

impl Bound {
    /// An estimate of what the call used, which is never more than it was allowed to use.
    pub fn within(&self, estimate: Usage) -> Usage {
        let usage = estimate.within(self.input, self.output);
        Usage { units: usage.units.within(&self.units), ..usage }
    }

    /// All of it.
    pub fn whole(&self) -> Usage {
        Usage { units: self.units, ..Usage::new(self.input, self.output) }
    }

    /// What it holds of each measure.
    pub fn amount(&self) -> Amount {
        Amount::request(self.input.saturating_add(self.output), self.cost)
    }
}

/// One try at an upstream, or one that was passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub provider: String,
    pub upstream_model: String,
    /// The model that stood in for the one that was asked for, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The credential it was sent with, masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Why it was not tried, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The HTTP status it answered with, if it answered.
    pub status: Option<u16>,
    /// What went wrong, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub ms: u64,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub id: CallId,
    /// The HTTP status the client was sent.
    pub status: u16,
    pub usage: Usage,
    pub cost: Credits,
    /// The arithmetic behind the cost, in words that can be checked.
    pub cost_basis: String,
    /// The version of the price that it was charged by: that of the model that answered. Not said, it is that of its [`Bound`].
    pub price_version: Option<u64>,
    pub usage_source: UsageSource,
    /// Empty where no upstream was reached.
    pub provider: String,
    pub first_byte_ms: Option<u64>,
    pub total_ms: u64,
    pub attempts: Vec<Attempt>,
    /// Whether any of it reached an upstream: what request limits count.
    pub dispatched: bool,
    /// Why it failed, if it did.
    pub error: Option<Refusal>,
}

impl Settlement {
    /// The end of a call that never reached an upstream: charged nothing.
    pub fn unsent(arrival: &Arrival, error: Refusal, total_ms: u64) -> Self {
        Settlement {
            id: arrival.id.clone(),
            status: error.code.status(),
            usage: Usage::default(),
            cost: Credits::ZERO,
            cost_basis: String::new(),
            price_version: None,
            usage_source: UsageSource::Estimated,
            provider: String::new(),
            first_byte_ms: None,
            total_ms,
            attempts: Vec::new(),
            dispatched: false,
            error: Some(error),
        }
    }

    /// The end of a call whose process died: charged all that it held, since nobody can say what it used.
    pub fn interrupted(arrival: &Arrival, bound: &Bound) -> Self {
        Settlement {
            id: arrival.id.clone(),
            status: 500,
            usage: bound.whole(),
            cost: bound.cost,
            cost_basis: "the whole hold: the process ended while the call was in flight".to_owned(),
            price_version: None,
            usage_source: UsageSource::Interrupted,
            provider: String::new(),
            first_byte_ms: None,
            total_ms: 0,
            attempts: Vec::new(),
            dispatched: true,
            error: None,
        }
    }

    /// What it takes of each measure.
    pub fn amount(&self) -> Amount {
        let requests = i64::from(self.dispatched);
        Amount { requests, ..Amount::request(self.usage.total(), self.cost) }
    }

    pub fn outcome(&self) -> Outcome {
        if self.status < 400 { Outcome::Succeeded } else { Outcome::Failed }
    }
}

/// A row of the logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub arrival: Arrival,
    pub state: CallState,
    pub bound: Bound,
    /// Zero while it is pending.
    pub status: u16,
    /// The refusal, or the error it failed with.
    pub refusal: Option<Refusal>,
    pub usage: Usage,
    pub cost: Credits,
    pub cost_basis: String,
    pub usage_source: Option<UsageSource>,
    pub provider: String,
    pub first_byte_ms: Option<u64>,
    pub total_ms: Option<u64>,
    pub attempts: Vec<Attempt>,
}
