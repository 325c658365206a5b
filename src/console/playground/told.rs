//! What the playground sends and is told.

use crate::console::data::Wire;
use crate::console::ui::status::Sign;
use crate::console::ui::trace::Gate;
use crate::domain::account::Account;
use crate::domain::problem::Problem;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;

/// The form as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlayDraft {
    /// A key's id.
    pub key: String,
    pub model: String,
    pub system: String,
    pub message: String,
    pub max_tokens: String,
    pub temperature: String,
}

/// The keys, ids and labels, and the models by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayChoices {
    pub keys: Vec<(String, String)>,
    pub models: Vec<String>,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its row in the logs.
    pub href: String,
    pub key_name: String,
    pub sign: Sign,
    /// “200, answered”, “Refused: 402 quota_exceeded”.
    pub says: String,
    /// The refusal in the API's own words; empty where it was answered.
    pub message: String,
    /// The arithmetic of its cost.
    pub basis: String,
    pub figures: Vec<(String, String)>,
    /// Every limit that a refused call met, in order.
    pub gates: Vec<Gate>,
}

/// An answer in one piece, as the form without JavaScript gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// What was asked, so that it still stands in the form.
    pub asked: PlayDraft,
    pub answer: String,
    pub thought: String,
    pub problem: String,
    /// A [`Receipt`].
    receipt: Option<Wire>,
}

impl Played {
    pub fn new(asked: PlayDraft, answer: String, thought: String, problem: String, receipt: Option<Receipt>) -> Self {
        Self { asked, answer, thought, problem, receipt: receipt.map(|receipt| Wire::of(&receipt)) }
    }

    pub fn receipt(&self) -> Option<Receipt> {
        self.receipt.as_ref()?.read().ok()
    }
}

type Playing = Pin<Box<dyn Future<Output = Result<Played, Problem>> + Send>>;

/// Makes a call as a key. The server gives it to the console, which does not know the proxy.
#[derive(Clone)]
pub struct Player(Arc<dyn Fn(Account, PlayDraft) -> Playing + Send + Sync>);

impl Player {
    pub fn new(play: impl Fn(Account, PlayDraft) -> Playing + Send + Sync + 'static) -> Self {
        Self(Arc::new(play))
    }

    pub fn play(&self, by: Account, draft: PlayDraft) -> Playing {
        (self.0)(by, draft)
    }
}
