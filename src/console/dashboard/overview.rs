//! What the dashboard shows, as the server makes it: every date and change in words, in the reader's zone.

use crate::console::ui::budget::Budget;
use crate::domain::credits::Credits;
use serde::{Deserialize, Serialize};

/// The whole page, as of one instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Overview {
    /// `day`, `week` or `month`.
    pub span: String,
    /// “November to date”.
    pub title: String,
    /// “1–20 Nov 2026, against 1–20 Oct. Europe/Berlin, UTC+1”.
    pub lede: String,
    /// “14:32:07”.
    pub as_of: String,
    /// The logs of the span.
    pub logs: String,
    pub spend: Credits,
    pub spend_change: Change,
    /// Tokens, requests, refused or failed, mean latency.
    pub figures: [Counted; 4],
    pub cost: Cost,
    /// The most used first, as many as the page has room for.
    pub budgets: Vec<BudgetRow>,
    pub budget_count: usize,
    /// The newest first, a few.
    pub calls: Vec<CallRow>,
    /// Only while there has been no call at all.
    pub first_steps: Option<FirstSteps>,
}

/// A figure that is not money.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    pub value: String,
    /// “%”, “ms”.
    pub unit: String,
    pub is_zero: bool,
    pub change: Change,
    /// Where the rows are that sum to it.
    pub href: Option<String>,
}

/// What a figure means, beside the same span of the last period.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// “+9.1 %”.
    pub by: String,
    pub is_bad: bool,
    /// “, 71 % of them input”.
    pub rest: String,
}

/// Cost by time and model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// “credits a day, by model”.
    pub note: String,
    /// What it comes to at this pace, and by when: “30 November”.
    pub expected: Option<(Credits, String)>,
    pub svg: String,
    /// “Day” or “Hour”.
    pub bucket: String,
    /// The models of the chart, the dearest first; the last may be “8 others”.
    pub series: Vec<Series>,
    /// The buckets so far: label, where its calls are, a sum for each series, and the total.
    pub rows: Vec<CostRow>,
    pub total: Credits,
    /// Enough for the whole column.
    pub decimals: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    pub href: Option<String>,
    pub cost: Credits,
    /// Percent of the total, with one decimal.
    pub share: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CostRow {
    pub label: String,
    pub href: String,
    pub costs: Vec<Credits>,
    pub total: Credits,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BudgetRow {
    pub key: String,
    pub href: String,
    /// Which limit of the key it is: “Monthly spend”.
    pub limit: String,
    pub budget: Budget,
    /// When it runs dry, and how long that is.
    pub runway: (String, String),
    /// What happens then, and when it reopens.
    pub fate: (String, String),
    pub is_dry: bool,
    /// It is dry, or will be before it reopens.
    pub is_near: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallRow {
    pub id: String,
    pub at: String,
    pub time: String,
    pub full: String,
    pub key: String,
    pub model: String,
    pub outcome: String,
    pub kind: CallKind,
    pub tokens: String,
    pub took: String,
    /// What it cost, or holds.
    pub cost: Credits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallKind {
    Held,
    Succeeded,
    Failed,
    Refused,
}

/// How far a new house has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstSteps {
    /// Where clients reach this server: `https://gate.example.com`.
    pub origin: String,
    pub has_key: bool,
    /// Whether there is one beside the built-in; `None` for those who may make none.
    pub has_provider: Option<bool>,
}
