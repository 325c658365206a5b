//! What the list of tokens shows, read and worded on the server.

use crate::console::data::{Reading, Wire};
use crate::console::ui::budget::Budget;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    pub rows: Vec<KeyRow>,
    /// Where the neighbouring pages begin, and what leads there: “Next 39”.
    pub previous: Option<(String, String)>,
    pub next: Option<(String, String)>,
    /// “1–9 of 48”; empty where there are none.
    pub span: String,
    /// How many there are on all pages.
    pub total: u64,
    /// “48 keys in 6 groups. 41 open, 3 near a limit”.
    pub lede: String,
    /// How many are revoked and can be restored, among those shown or not.
    pub revoked: u64,
    /// Whether any filter is on.
    pub is_narrowed: bool,
    /// As in the address: `name`, or `-name`.
    pub sort: String,
    pub as_of: String,
    /// How a program makes the first one.
    pub curl: String,
}

/// A row of it, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub hint: String,
    /// “ · Mara”: whose it is; empty where it is the reader's own.
    pub owner: String,
    pub standing: Standing,
    pub budget: Budget,
    /// Empty where it is in none.
    pub group: String,
    /// The rule in force: what stands before its name in pencil, and the name.
    pub rule: (String, String),
    pub rates: Vec<String>,
    pub last_used: String,
    pub expires: String,
}

/// Whether its next call passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    Open {
        then: String,
    },
    Near {
        then: String,
    },
    Blocked {
        until: String,
    },
    /// Outside the hours of its rule.
    Shut {
        opens: String,
    },
    Disabled,
    AccountOff,
    Expired {
        at: String,
    },
    Revoked {
        at: String,
    },
}

/// What the list can be narrowed by: values and what they are called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChoices {
    pub groups: Vec<(String, String)>,
    pub rules: Vec<(String, String)>,
    pub models: Vec<String>,
    /// For admins, where there is more than one account.
    pub owners: Vec<(String, String)>,
}

/// A page of the keys, as a [`KeyList`]; `asked` is the list's own address.
#[server(prefix = "/fn", endpoint = "keys", protocol = Reading)]
pub async fn fetch_keys(asked: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::keys::list::list(&gateway, &account, &asked).await?))
}

/// What the list can be narrowed by, as [`KeyChoices`].
#[server(prefix = "/fn", endpoint = "key-choices", protocol = Reading)]
pub async fn fetch_choices() -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::keys::list::choices(&gateway, &account).await?))
}
