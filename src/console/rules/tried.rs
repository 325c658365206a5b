//! The dry run: what a rule as it is written would have refused of the calls its keys made over the last 30 days.

use super::said::{Piece, pieces};
use crate::console::data::{Reading, Wire};
use crate::console::ui::chart::Chart;
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::Money;
use crate::domain::credits::Credits;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What it would have refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// “against 17,904 real calls of its keys, 21 Oct – 19 Nov”.
    pub note: String,
    /// In a sentence.
    pub said: Vec<Piece>,
    /// How many for which reason; or why there is nothing to tell.
    pub why: String,
    /// Nothing where it would have refused nothing.
    pub refused: Option<Refused>,
}

/// By day and by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub chart: String,
    /// The days with refusals.
    pub days: Vec<RefusedRow>,
    /// The keys with most of them.
    pub keys: Vec<RefusedRow>,
    /// How many keys are left out.
    pub others: String,
    pub total: RefusedRow,
    pub decimals: u32,
}

/// One day or key, or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRow {
    pub label: String,
    pub href: String,
    pub calls: String,
    /// Of its calls, in percent; blank for a day.
    pub share: String,
    pub credits: Credits,
}

/// What a rule would have refused, as [`Tried`]: as it is, or as `written` in its form.
#[server(prefix = "/fn", endpoint = "rule-dry-run", protocol = Reading)]
pub async fn fetch_tried(id: String, written: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::rules::tried::tried(&gateway, &account, &id, &written).await?))
}

pub fn tried(tried: Tried) -> impl IntoView {
    let Tried { note, said, why, refused } = tried;
    let said = (!said.is_empty()).then(|| view! { <p class="impact">{pieces(said)}</p> });
    let why = (!why.is_empty()).then(|| view! { <p class="impact__why">{why}</p> });
    let body = match refused {
        None => view! { {said} {why} }.into_any(),
        Some(Refused { chart, days, keys, others, total, decimals }) => {
            let days = rows(days, decimals);
            let columns =
                vec![Column::new("Day", 6), Column::new("Refused", 3).number(), Column::new("Credits", 3).number()];
            view! {
                <div class="twelfths">
                    <div class="w-6">
                        {said} {why}
                        <Chart svg=chart><Ledger caption="Refused by day" columns class="ledger--pairs">{days}</Ledger></Chart>
                    </div>
                    <div class="w-6">{by_key(keys, others, total, decimals)}</div>
                </div>
            }
            .into_any()
        }
    };
    view! {
        <header class="statement__head"><h2>"Dry run"</h2><p class="statement__note">{note}</p></header>
        {body}
    }
}

fn by_key(keys: Vec<RefusedRow>, others: String, total: RefusedRow, decimals: u32) -> impl IntoView {
    let columns = vec![
        Column::new("Key", 6),
        Column::new("Refused", 2).number(),
        Column::new("Of its calls", 2).number(),
        Column::new("Credits", 2).number(),
    ];
    let foot = move || rows(vec![total.clone()], decimals);
    let keys = rows(keys, decimals);
    view! {
        <Ledger caption="What it would have refused, by key" columns class="ledger--pairs" foot=foot>{keys}</Ledger>
        {(!others.is_empty()).then(|| view! { <p class="impact__why">{others}</p> })}
    }
}

fn rows(rows: Vec<RefusedRow>, decimals: u32) -> AnyView {
    let row = |RefusedRow { label, href, calls, share, credits }| {
        let label = match String::is_empty(&href) {
            true => view! { <span>{label}</span> }.into_any(),
            false => view! { <a class="ledger__clip" href=href>{label}</a> }.into_any(),
        };
        let share = (!String::is_empty(&share)).then(|| {
            view! { <td class="num" data-label="Of its calls">{share}<span class="unit">" %"</span></td> }
        });
        view! {
            <tr>
                <th scope="row">{label}</th>
                <td class="num" data-label="Refused">{calls}</td>
                {share}
                <td class="num" data-label="Credits"><Money credits decimals/></td>
            </tr>
        }
    };
    rows.into_iter().map(row).views()
}
