//! What one key's page shows, as the server makes it: every date, sum and sentence in the reader's zone and words.

use crate::console::ui::budget::Budget;
use crate::console::ui::status::Sign;
use crate::console::ui::trace::Gate;
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
    /// Refusals, calls, models, resets.
    pub tables: Vec<Table>,
}

/// Whether its next call passes, in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub sign: Sign,
    pub says: String,
    /// What one can do about it, or when it opens; may be blank.
    pub then: String,
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
    /// The same in figures.
    pub data: Table,
}

/// A list under its heading. All of them are drawn by the same few lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub title: String,
    /// Names the heading: “h-calls”.
    pub id: String,
    /// At the right of the heading, and where it leads; may be blank.
    pub note: String,
    pub href: Option<String>,
    /// What it lists, for those who do not see it.
    pub caption: String,
    pub heads: Vec<Head>,
    pub rows: Vec<Vec<Cell>>,
    /// The row of totals, where there is one.
    pub foot: Vec<Cell>,
    /// What is said where there are no rows, and what to do then; the table is not shown at all where that is blank.
    pub none: (String, String),
    pub code: String,
}

/// A column: its heading, its width in twelfths, whether it is left out on a narrow sheet, whether it is of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub label: String,
    pub twelfths: u8,
    pub is_wide: bool,
    pub is_number: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub text: String,
    pub href: Option<String>,
    pub kind: CellKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CellKind {
    Plain,
    /// In pencil: nothing.
    Faint,
    /// Two lines at most.
    Clipped,
    /// Of which the whole credits speak.
    Money,
    /// An instant, RFC 3339, and the whole date.
    Time(String, String),
    Status(Sign),
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
