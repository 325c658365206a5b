//! The chain of limits that a call must fit, with the one that binds first, and the checks before them.

use super::told::{ChainRow, CheckRow};
use crate::console::ui::budget::BudgetLine;
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::sheet::Statement;
use leptos::prelude::*;

#[component]
pub fn EffectiveLimits(rows: Vec<ChainRow>, checks: Vec<CheckRow>) -> impl IntoView {
    let columns = vec![
        Column::new("Limit", 3),
        Column::new("Settled, held, left", 5),
        Column::new("Runs dry", 2),
        Column::new("At the end", 2),
    ];
    let note = || {
        view! {
            "A call must fit every line. The first to run out is marked. "
            <a href="#explain" rel="external">"Would a call pass?"</a>
        }
    };
    view! {
        <Statement title="Effective limits" id="h-limits" note>
            <Ledger
                caption="Effective limits in the order consulted; a call must fit every one"
                columns
                class="chain ledger--flat"
            >
                {rows.into_iter().map(row).views()}
            </Ledger>
            <h3 class="checks__title">"Checked before any limit"</h3>
            <dl class="facts checks">{checks.into_iter().map(check).views()}</dl>
        </Statement>
    }
}

fn row(row: ChainRow) -> impl IntoView {
    let ChainRow { scope, binds, name, href, budget, runway, end, is_near, is_shut } = row;
    let name = match href {
        Some(href) => view! { <a class="ledger__clip" href=href>{name}</a> }.into_any(),
        None => name.into_any(),
    };
    let mark = binds.then(|| {
        view! { " " <span class="chain__mark">{if is_shut { "binds now" } else { "binds first" }}</span> }
    });
    let when = match (is_shut, is_near) {
        (true, _) => view! { <b class="block">{runway.0}</b> }.into_any(),
        (false, true) => view! { <b class="warn">{runway.0}</b> }.into_any(),
        (false, false) => runway.0.into_any(),
    };
    view! {
        <tr class=if binds { "chain__binds" } else { "" }>
            <th scope="row">
                <span class="chain__scope">{scope}</span>
                {mark}
                <span class="ledger__sub">{name}</span>
            </th>
            <td class="whole" data-label="Settled, held, left"><BudgetLine budget/></td>
            <td data-label="Runs dry">{when} <span class="ledger__sub">{runway.1}</span></td>
            <td data-label="At the end">{end}</td>
        </tr>
    }
}

fn check(check: CheckRow) -> impl IntoView {
    let CheckRow { name, says, href, is_shut } = check;
    let says = if is_shut { view! { <b class="block">{says}</b> }.into_any() } else { says.into_any() };
    let link = href.map(|href| view! { " " <a href=href>"Open the rule"</a> });
    view! { <div class="checks__one"><dt>{name}</dt> <dd>{says} {link}</dd></div> }
}
