//! What the list of tokens shows, read and worded on the server.

use crate::console::data::Wire;
use crate::console::ui::budget::Budget;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyList {
    pub rows: Vec<KeyRow>,
    pub next: Option<String>,
    /// “4 keys: 3 open, 1 near a limit”.
    pub lede: String,
    /// How many are revoked and can be restored, among those shown or not.
    pub revoked: u64,
    pub as_of: String,
    pub origin: String,
}

/// A row of it, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub hint: String,
    pub standing: Standing,
    pub budget: Budget,
    pub rates: (String, String),
    pub last_used: String,
    pub expires: String,
}

/// Whether its next call passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    Open { then: String },
    Near { then: String },
    Blocked { until: String },
    Disabled,
    Expired { at: String },
    Revoked { at: String },
}

/// A page of the keys, as a [`KeyList`]: those whose name, id or hint contains `q`; revoked ones only where they are asked for.
#[server(prefix = "/fn", endpoint = "keys")]
pub async fn fetch_keys(q: String, status: String, after: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::key::KeyStatus;
    use crate::gateway::issue::KeyQuery;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let wording = crate::page::keys::Wording::new(&account, gateway.clock().now());
    let (status, search) = (KeyStatus::parse(&status), Some(q.trim().to_owned()));
    let unrevoked = status.is_none();
    let query = KeyQuery {
        status,
        search,
        unrevoked,
        cursor: Some(after).filter(|after| !after.is_empty()),
        ..KeyQuery::default()
    };
    let page = gateway.keys(&account, query).await?;
    let mut rows = Vec::new();
    for key in &page.data {
        let standings = gateway.standings(key).await?;
        let spent = gateway.spent_since(key, crate::domain::time::Time::EPOCH).await?;
        rows.push(wording.row(key, &standings, spent));
    }
    let revoked = gateway.count_revoked_keys(&account).await?;
    Ok(Wire::of(&KeyList {
        lede: wording.lede(&rows, gateway.count_keys(&account).await?),
        rows,
        next: page.next,
        revoked,
        as_of: wording.now(),
        origin: crate::page::origin(),
    }))
}
