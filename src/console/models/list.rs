//! The catalogue as a table: what each model can do, what it costs, how it does here, and what one's own calls would cost.

use super::told::{ModelList, ModelRow, PriceTold, with_compared};
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::menu::RowMenu;
use crate::console::ui::place::{Place, encode};
use crate::console::ui::status::Status;
use leptos::prelude::*;

/// Where a model's page is.
pub fn page_of(name: &str) -> String {
    format!("/models/{}", encode(name))
}

/// The table; an admin's has what changes each.
#[component]
pub fn Catalogue(list: ModelList) -> impl IntoView {
    let ModelList { rows, sort, is_admin, whose, .. } = list;
    let columns = vec![
        Column::new("Model", 3).sorts_by("name"),
        Column::new("Can", 2).wide(),
        Column::new("Context", 1).wide().number().sorts_by("context"),
        Column::new("Input / M", 1).number().sorts_by("price"),
        Column::new("Output / M", 1).number(),
        Column::new("First byte", 1).number().sorts_by("latency"),
        Column::new("Would cost", 1).number().sorts_by("cost"),
        Column::new("State", 2),
        Column::new("Actions", 0).unseen(),
    ];
    let here = Place::now().without("new").without("edit").without("delete");
    let lines = rows.into_iter().enumerate().map(|(at, row)| line(at, row, &here, is_admin)).views();
    let caption =
        format!("Models; prices in credits per million tokens, and what would have been the cost of: {whose}");
    view! { <Ledger class="ledger--models" caption columns=columns sort=sort>{lines}</Ledger> }
}

fn line(at: usize, row: ModelRow, here: &Place, is_admin: bool) -> AnyView {
    let menu = menu(&row, here, is_admin);
    let ModelRow { name, title, served_by, is_served, can, context, most_output, price, .. } = row;
    let title = (!title.is_empty()).then(|| format!("{title} · "));
    let change = sub(row.change, "");
    let would = if row.would.is_empty() { "—".into_any() } else { figure(row.would) };
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name ledger__clip" href=page_of(&name) title=name.clone()>{name.clone()}</a>
                <span class="ledger__sub">{title}<span class:block=!is_served>{served_by}</span></span>
            </th>
            <td class="ledger__wide" data-label="Can">{can}</td>
            <td class="ledger__wide num" data-label="Context">{context}{sub(most_output, "out")}</td>
            {prices(price)}
            <td class="num" data-label="First byte">{row.first_byte}{sub(row.errors, "errors")}</td>
            <td class="num" data-label="Would cost">{would}{change}</td>
            <td data-label="State"><Status sign=row.sign>{row.state}</Status><span class="ledger__sub">{row.why}</span></td>
            <td><RowMenu id=format!("menu-{at}") of=name>{menu}</RowMenu></td>
        </tr>
    }
    .into_any()
}

/// What may be done with a model.
fn menu(row: &ModelRow, here: &Place, is_admin: bool) -> AnyView {
    let name = row.name.as_str();
    let item = |href: String, label: &'static str| {
        let class = if label == "Delete…" { "menu__item menu__item--blocks" } else { "menu__item" };
        view! { <a class=class href=href data-noscroll>{label}</a> }.into_any()
    };
    let now = here.get("compare").unwrap_or_default();
    let compare = with_compared(now, name).map(|next| {
        let label = if next.len() < now.len() { "Take out of comparison" } else { "Compare" };
        item(here.clone().with("compare", next).href(), label)
    });
    let own = is_admin.then(|| {
        [
            item(here.clone().with("edit", name).href(), "Edit"),
            item(here.clone().with("delete", name).href(), "Delete…"),
        ]
    });
    let doors = [item(page_of(name), "Open"), item(Place::new("/playground").with("model", name).href(), "Try it")];
    doors.into_iter().chain(compare).chain(own.into_iter().flatten()).views()
}

fn prices(price: PriceTold) -> AnyView {
    match price {
        PriceTold::Missing => view! {
            <td class="models__missing" colspan="2" data-label="Price"><span class="block">"no price"</span></td>
        }
        .into_any(),
        PriceTold::Free => view! { <td class="num models__free" colspan="2" data-label="Price">"free"</td> }.into_any(),
        PriceTold::Other(price) => {
            view! { <td class="num models__free" colspan="2" data-label="Price">{price}</td> }.into_any()
        }
        PriceTold::Each { input, cached, output } => view! {
            <td class="num" data-label="Input / M">{figure(input)}{sub(cached, "cached")}</td>
            <td class="num" data-label="Output / M">{figure(output)}</td>
        }
        .into_any(),
    }
}

/// An amount: what is after the point follows quietly.
fn figure(text: String) -> AnyView {
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (whole, fraction) = (whole.to_owned(), fraction.to_owned());
    view! { <span class="money">{whole}<span class="money__fraction">{fraction}</span></span> }.into_any()
}

/// A second figure under the first; nothing where nobody can say.
fn sub(figure: String, what: &'static str) -> AnyView {
    let is_told = !figure.is_empty() && figure != "—";
    is_told.then(|| view! { <span class="ledger__sub models__sub">{figure}" "{what}</span> }).into_any()
}
