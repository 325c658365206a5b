//! The newest calls.

use super::overview::{CallKind, CallRow};
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::{Money, amount};
use crate::console::ui::notice::Empty;
use crate::console::ui::place::Place;
use crate::console::ui::sheet::Statement;
use crate::console::ui::status::{Sign, Status};
use crate::console::ui::when::When;
use crate::domain::credits::Credits;
use leptos::prelude::*;

#[component]
pub fn RecentCalls(calls: Vec<CallRow>) -> impl IntoView {
    let columns = vec![
        Column::new("Time", 1),
        Column::new("Token", 2),
        Column::new("Model", 3),
        Column::new("Outcome", 2),
        Column::new("Tokens in / out", 2).wide(),
        Column::new("Took", 1).wide().number(),
        Column::new("Credits", 1).number(),
    ];
    let content = if calls.is_empty() {
        view! { <Empty title="No calls in the logs" text=|| "What was used before is in the sums above."/> }.into_any()
    } else {
        view! {
            <Ledger caption="Recent calls, the newest first" columns class="ledger--calls">
                {calls.into_iter().map(row).views()}
            </Ledger>
            <div class="statement__foot">
                <span>"Credits to the millionth; held calls are not yet in the total."</span>
                <span class="pager"><a href="/logs">"All calls"</a></span>
            </div>
        }
        .into_any()
    };
    view! { <Statement title="Recent calls" id="h-calls">{content}</Statement> }
}

fn row(row: CallRow) -> impl IntoView {
    let CallRow { id, at, time, full, key, model, outcome, kind, tokens, took, cost } = row;
    let sign = match kind {
        CallKind::Held | CallKind::Succeeded => Sign::Plain,
        CallKind::Failed => Sign::Warns,
        CallKind::Refused => Sign::Blocks,
    };
    let credits = if kind == CallKind::Held {
        view! { <span class="unit">{amount(cost, 6)} " held"</span> }.into_any()
    } else {
        view! { <Money credits=cost decimals=6/> }.into_any()
    };
    let zero = if cost == Credits::ZERO && kind != CallKind::Held { "zero" } else { "" };
    view! {
        <tr>
            <th scope="row"><a href=Place::new("/logs").with("call", id).href()><When at text=time full/></a></th>
            <td data-label="Token"><span class="ledger__clip">{key}</span></td>
            <td data-label="Model"><span class="ledger__clip">{model}</span></td>
            <td data-label="Outcome"><Status sign>{outcome}</Status></td>
            <td class="ledger__wide" data-label="Tokens in / out"><span class=zero>{tokens}</span></td>
            <td class="ledger__wide num" data-label="Took">{took}</td>
            <td class="num" data-label="Credits">{credits}</td>
        </tr>
    }
}
