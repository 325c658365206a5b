//! What one key's page shows, as the server makes it: every date, sum and sentence in the reader's zone and words.

use crate::console::ui::budget::Budget;
use crate::console::ui::status::Sign;
use crate::console::ui::trace::Gate;
use crate::domain::credits::Credits;
use crate::domain::key::KeyStatus;
use serde::{Deserialize, Serialize};

/// The whole page, as of one instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenPage {
    pub id: String,
    pub name: String,
    pub hint: String,
    pub status: KeyStatus,
    pub state: State,
    /// Whose it is; for admins.
    pub owner: Option<String>,
    pub last_used: String,
    pub expires: String,
    pub group: Option<Door>,
    pub rule: Option<Door>,
    pub is_admin: bool,
    /// “14:32:07”.
    pub as_of: String,
    pub old_secrets: Vec<OldSecretTold>,
    pub chain: Vec<ChainRow>,
    pub checks: Vec<CheckRow>,
    pub course: CourseTold,
    pub usage: UsageTold,
    pub refusals: Vec<RefusalRow>,
    /// “All 31 this month”, and where they are.
    pub all_refusals: (String, String),
    pub calls: Vec<CallRow>,
    pub all_calls: (String, String),
    pub resets: Vec<ResetRow>,
}

/// Whether its next call passes, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub kind: StateKind,
    pub says: String,
    /// What one can do about it, or when it opens; may be blank.
    pub then: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateKind {
    Open,
    Near,
    Blocked,
    Off,
}

impl StateKind {
    pub fn sign(self) -> Sign {
        match self {
            StateKind::Open => Sign::Flows,
            StateKind::Near => Sign::Warns,
            StateKind::Blocked => Sign::Blocks,
            StateKind::Off => Sign::Off,
        }
    }
}

/// A name, a word about it, and its page, if the reader may see that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// “rule”, “inherits rule”.
    pub as_what: String,
    pub name: String,
    pub href: Option<String>,
    /// “off”; may be blank.
    pub note: String,
}

/// A secret that was replaced and is still honoured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSecretTold {
    pub hint: String,
    /// “replaced today 14:03:00, honoured until tomorrow 14:03”.
    pub says: String,
    /// “Last used 2 min ago, from 10.4.2.17.”
    pub used: String,
    pub is_used: bool,
}

/// A limit of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRow {
    /// “Key”, “Rule”, “Wallet”.
    pub scope: String,
    pub binds: bool,
    pub name: String,
    pub href: Option<String>,
    pub budget: Budget,
    /// When it runs dry, and a word about that.
    pub runway: (String, String),
    /// What happens at its end.
    pub end: String,
    pub is_near: bool,
    pub is_shut: bool,
}

/// A check that no meter has part in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRow {
    pub name: String,
    pub says: String,
    pub href: Option<String>,
    pub is_shut: bool,
}

/// How a budget was used up, or what was spent: a chart with its data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CourseTold {
    pub title: String,
    pub note: String,
    /// Where each lies, its name, whether it is shown: the budgets there are.
    pub budgets: Vec<(String, String, bool)>,
    /// The period that runs, and those before.
    pub spans: Vec<(String, String, bool)>,
    pub svg: String,
    /// Of the table: when, how much, how much in all.
    pub heads: Vec<String>,
    pub rows: Vec<CourseRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourseRow {
    pub label: String,
    pub href: Option<String>,
    pub figures: Vec<String>,
}

/// What this month came to, by model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsageTold {
    /// “since 1 Nov”.
    pub note: String,
    pub models: Vec<ModelRow>,
    pub total: ModelRow,
    /// Enough for the whole column.
    pub decimals: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRow {
    pub name: String,
    pub href: String,
    pub calls: String,
    pub tokens: String,
    pub cost: Credits,
    /// Percent of the total, with one decimal.
    pub share: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalRow {
    pub id: String,
    pub at: String,
    pub time: String,
    pub full: String,
    /// “402 quota_exceeded”.
    pub reason: String,
    /// “Rule Office hours, 50.00 credits a day”.
    pub limit: String,
    pub short: String,
    pub then: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    pub id: String,
    pub at: String,
    pub time: String,
    pub full: String,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRow {
    pub at: String,
    pub time: String,
    pub limit: String,
    pub taken_off: String,
    pub by: String,
}

/// What may be reset: the name of a limit, and how it stands in words. The first is all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meters {
    pub name: String,
    pub meters: Vec<(String, String)>,
}

/// A question about a call, as it is written in the form and in the URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    pub model: String,
    pub input: String,
    pub output: String,
    pub endpoint: String,
    pub at: String,
    pub ip: String,
}

/// The form of a question, with what became of the one that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub question: Question,
    pub models: Vec<String>,
    pub endpoints: Vec<String>,
    /// The reader's zone, in which the time is written.
    pub zone: String,
    /// What is wrong with a field: its name, and a sentence.
    pub problems: Vec<(String, String)>,
    pub verdict: Option<Verdict>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub passes: bool,
    /// “It would pass”, “It would be refused: 402 quota_exceeded”.
    pub headline: String,
    /// When that is judged, what it would hold, when it would pass.
    pub notes: Vec<String>,
    /// What the caller would be told, word for word; blank where it passes.
    pub told: String,
    pub gates: Vec<Gate>,
}
