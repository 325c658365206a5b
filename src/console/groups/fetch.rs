//! What the list of groups shows, read and worded on the server.

use crate::console::data::{Reading, Wire};
use crate::console::ui::budget::Budget;
use crate::console::ui::status::Sign;
use crate::domain::credits::Credits;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupList {
    pub rows: Vec<GroupRow>,
    pub next: Option<String>,
    /// “6 groups; on this page 4 open, 1 blocked”.
    pub lede: String,
    pub as_of: String,
    pub origin: String,
}

/// A row of it, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    pub id: String,
    pub name: String,
    /// Its description, and whose it is where it is another's.
    pub sub: String,
    /// One for each part of its quota; where it has none, what it has spent.
    pub budgets: Vec<Budget>,
    pub state: State,
    pub keys: String,
    /// What its calls have cost this month.
    pub spent: Credits,
}

/// Whether calls pass, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub gate: Gate,
    /// “Near its quota”.
    pub word: String,
    /// “blocks, reopens 1 Dec 00:00”.
    pub then: String,
}

/// What the gate before the word looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    Open,
    Near,
    Shut,
    Off,
}

impl Gate {
    pub fn sign(self) -> Sign {
        match self {
            Gate::Open => Sign::Flows,
            Gate::Near => Sign::Warns,
            Gate::Shut => Sign::Blocks,
            Gate::Off => Sign::Off,
        }
    }
}

/// A page of the groups, as a [`GroupList`]: those whose name contains `q`, in the order of `sort`, such as `-spend`.
#[server(prefix = "/fn", endpoint = "groups", protocol = Reading)]
pub async fn fetch_groups(q: String, sort: String, after: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::groups::list(&gateway, &account, q, &sort, after).await?))
}
