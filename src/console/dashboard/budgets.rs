//! Budgets by urgency: the most used first, when each runs dry, and what happens then.

use super::overview::BudgetRow;
use crate::console::ui::budget::BudgetLine;
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::notice::Empty;
use crate::console::ui::sheet::Statement;
use leptos::prelude::*;

#[component]
pub fn BudgetsByUrgency(
    budgets: Vec<BudgetRow>,
    /// How many there are in all.
    count: usize,
) -> impl IntoView {
    let shown = budgets.len();
    let note = move || {
        let all = match count {
            _ if count == shown => "All tokens".to_owned(),
            _ => format!("{shown} of {count}; all tokens"),
        };
        view! { <a href="/tokens">{all}</a> }
    };
    let content = if budgets.is_empty() {
        view! {
            <Empty
                title="No token has a budget"
                text=|| "Give one a limit in credits or tokens: it is watched here, and it blocks when it is spent."
            >
                <a class="button" href="/tokens">"To the tokens"</a>
            </Empty>
        }
        .into_any()
    } else {
        let columns = vec![
            Column::new("Budget", 3),
            Column::new("Settled, held, left", 5),
            Column::new("Runs dry", 2),
            Column::new("Then", 2),
        ];
        view! {
            <Ledger caption="Budgets, the most used first" columns>{budgets.into_iter().map(row).views()}</Ledger>
        }
        .into_any()
    };
    view! { <Statement title="Budgets by urgency" id="h-budgets" note>{content}</Statement> }
}

fn row(row: BudgetRow) -> impl IntoView {
    let BudgetRow { key, href, limit, budget, runway, fate, is_dry, is_near } = row;
    let class = if is_dry { "block" } else { "" };
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name ledger__clip" href=href>{key}</a>
                <span class="ledger__sub">{limit}</span>
            </th>
            <td class="whole" data-label="Settled, held, left"><BudgetLine budget/></td>
            <td data-label="Runs dry">
                <span class="runway">
                    {if is_near { view! { <b class=class>{runway.0}</b> }.into_any() } else { runway.0.into_any() }}
                </span>
                <span class="ledger__sub">{runway.1}</span>
            </td>
            <td data-label="Then">
                {if is_dry { view! { <b class="block">{fate.0}</b> }.into_any() } else { fate.0.into_any() }}
                <span class="ledger__sub">{fate.1}</span>
            </td>
        </tr>
    }
}
