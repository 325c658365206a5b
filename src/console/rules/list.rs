//! The rules as a table: what each says, its week, its cap, and whom it governs.

use super::bare;
use crate::console::data::{Reading, Wire};
use crate::console::ui::drawn::Views;
use crate::console::ui::later::later;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::Money;
use crate::console::ui::place::Place;
use crate::console::ui::status::{Sign, Status};
use crate::console::ui::week::WeekStrip;
use crate::domain::credits::Credits;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleList {
    pub rows: Vec<RuleRow>,
    pub next: Option<String>,
    /// “5 rules govern 45 of 48 keys. Edits act on the next call.”
    pub note: String,
    pub as_of: String,
    pub origin: String,
}

/// A row of it, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    pub id: String,
    pub name: String,
    /// Whose it is, where it is not the reader's.
    pub owner: Option<String>,
    pub says: String,
    pub enabled: bool,
    /// The week as a path.
    pub week: String,
    /// “Today until 20:00, then blocks”.
    pub open: String,
    /// Credits, and how long they last: “a day”.
    pub cap: Option<(Credits, String)>,
    /// “blocks above, resets tomorrow 00:00”.
    pub resets: String,
    /// “12 keys, 3 of them by default”.
    pub governs: String,
    /// “default of 4 accounts”; blank where it is none's.
    pub default_of: String,
}

/// A page of the rules, as a [`RuleList`]: those whose name or description contains `q`, or whose id it is.
#[server(prefix = "/fn", endpoint = "rules", protocol = Reading)]
pub async fn fetch_rules(q: String, status: String, after: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::gateway::rules::RuleQuery;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let enabled = match status.as_str() {
        "" => None,
        "on" => Some(true),
        "off" => Some(false),
        other => return Err(Problem::field("status", format!("{other:?} is no status of a rule. Choose on or off."))),
    };
    let cursor = Some(after).filter(|after| !after.is_empty());
    let query = RuleQuery { enabled, search: Some(q.trim().to_owned()), cursor, ..RuleQuery::default() };
    let page = gateway.rules(&account, query).await?;
    Ok(Wire::of(&crate::page::rules::list(&gateway, &account, page).await?))
}

#[component]
pub fn RuleTable(rows: Vec<RuleRow>) -> impl IntoView {
    let columns = vec![
        Column::new("Rule", 3),
        Column::new("Hours", 3),
        Column::new("Cap", 2),
        Column::new("Governs", 2),
        Column::new("Actions", 2).unseen(),
    ];
    let here = bare();
    let rows = rows.into_iter().map(move |rule| {
        let here = here.clone();
        later(move || row(rule, &here).into_any())
    });
    view! { <Ledger caption="Quota rules, newest first" columns>{rows.views()}</Ledger> }
}

fn row(row: RuleRow, here: &Place) -> impl IntoView + use<> {
    let RuleRow { id, name, owner, says, enabled, week, open, cap, resets, governs, default_of } = row;
    let edit = format!("/rules/{id}");
    let delete = here.clone().with("delete", id.clone()).href();
    let cap = match cap {
        Some((credits, each)) => view! { <Money credits/> " " <span class="unit">{each}</span> }.into_any(),
        None => view! { <span class="muted">"no cap"</span> }.into_any(),
    };
    let (sign, status) = if enabled { (Sign::Flows, "On") } else { (Sign::Off, "Off") };
    let (act, verb) = if enabled { ("deactivate", "Deactivate") } else { ("activate", "Activate") };
    let sub = |text: String| (!text.is_empty()).then(|| view! { <span class="ledger__sub">{text}</span> });
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name ledger__clip" href=edit.clone() title=name.clone()>{name.clone()}</a>
                <span class="ledger__sub">{says}</span>
                {owner.map(|owner| view! { <span class="ledger__sub">{owner}</span> })}
            </th>
            <td data-label="Hours"><WeekStrip open=week is_off=!enabled/> {sub(open)}</td>
            <td data-label="Cap">{cap} {sub(resets)}</td>
            <td data-label="Governs"><Status sign>{status}</Status> {sub(governs)} {sub(default_of)}</td>
            <td data-label="Actions">
                <span class="ledger__actions">
                    <a class="ledger__act" href=edit aria-label=format!("Edit {name}")>"Edit"</a>
                    <button class="ledger__act" name="act" value=format!("{act}:{id}") aria-label=format!("{verb} {name}")>{verb}</button>
                    <a class="ledger__act" href=delete aria-label=format!("Delete… {name}") data-noscroll>"Delete…"</a>
                </span>
            </td>
        </tr>
    }
}
