//! Up to three models beside each other.

use super::list::page_of;
use super::told::{Comparison, Fact, MOST_COMPARED, with_compared};
use crate::console::ui::drawn::Views;
use crate::console::ui::place::Place;
use crate::console::ui::sheet::Statement;
use leptos::prelude::*;

/// The models that the address compares, fact by fact; the best of each line is marked.
#[component]
pub fn SideBySide(compared: Comparison) -> impl IntoView {
    let Comparison { names, facts, total } = compared;
    let here = Place::now();
    let asked = here.get("compare").unwrap_or_default().to_owned();
    let room = MOST_COMPARED - names.len();
    let note = move || {
        let clear = Place::now().without("compare").href();
        let more = match room {
            0 => "",
            1 => "One more may be chosen in the list. ",
            _ => "Two more may be chosen in the list, each by its menu. ",
        };
        view! { {more} <a href=clear data-noscroll>"End the comparison"</a> }
    };
    let heads = names.iter().map(|name| {
        let out = here.clone().with("compare", with_compared(&asked, name).unwrap_or_default()).href();
        view! {
            <th scope="col">
                <a class="ledger__name" href=page_of(name)>{name.clone()}</a>
                <a class="ledger__sub" href=out data-noscroll aria-label=format!("Take {name} out")>"Take out"</a>
            </th>
        }
    });
    let heads = heads.views();
    view! {
        <div class="compare">
            <Statement title="Side by side" id="h-compare" note>
                <table class="compare__table">
                    <caption class="visually-hidden">"Models side by side"</caption>
                    <thead><tr><td></td>{heads}</tr></thead>
                    <tbody>{facts.into_iter().map(line).views()}</tbody>
                    <tfoot>{line(total)}</tfoot>
                </table>
            </Statement>
        </div>
    }
}

fn line(fact: Fact) -> AnyView {
    let cells = fact.values.into_iter().map(|(value, is_best)| {
        let best = is_best.then(|| view! { <span class="visually-hidden">", the best"</span> });
        view! { <td class:compare__best=is_best>{value}{best}</td> }
    });
    let cells = cells.views();
    view! { <tr><th scope="row">{fact.label}</th>{cells}</tr> }.into_any()
}
