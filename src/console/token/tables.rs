//! The lists of the page, and the data of its chart: whatever they tell, they are drawn alike.

use super::told::{Cell, CellKind, Head, Table};
use crate::console::ui::copy::Code;
use crate::console::ui::drawn::Views;
use crate::console::ui::later::after_paint;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::notice::Empty;
use crate::console::ui::sheet::Statement;
use crate::console::ui::status::Status;
use crate::console::ui::when::When;
use leptos::prelude::*;
use std::sync::Arc;

/// Whether it has rows, or something to say where it has none.
pub fn is_shown(table: &Table) -> bool {
    !table.rows.is_empty() || !table.none.0.is_empty()
}

/// A table under its heading.
pub fn statement(table: Table) -> AnyView {
    let Table { title, id, note, href, none, code, .. } = table.clone();
    let note = move || match href.clone() {
        Some(href) => view! { <a href=href>{note.clone()}</a> }.into_any(),
        None => note.clone().into_any(),
    };
    let (nothing, text) = none;
    let content = match table.rows.is_empty() {
        true => {
            let code = (!code.is_empty()).then(|| view! { <Code text=code/> });
            view! { <Empty title=nothing text=move || text.clone()>{code}</Empty> }.into_any()
        }
        false => ledger(table, ""),
    };
    view! { <Statement title id note>{content}</Statement> }.into_any()
}

/// The table alone.
pub fn ledger(table: Table, class: &'static str) -> AnyView {
    let Table { caption, heads, rows, foot, .. } = table;
    let columns = heads.iter().map(|head| {
        let mut column = Column::new(head.label.clone(), head.twelfths);
        if head.is_wide {
            column = column.wide();
        }
        if head.is_number { column.number() } else { column }
    });
    let columns = columns.collect();
    let heads: Arc<[Head]> = heads.into();
    let rows = rows.into_iter().map(|cells| {
        let heads = Arc::clone(&heads);
        after_paint(move || line(cells, &heads))
    });
    let rows = rows.views();
    if foot.is_empty() {
        return view! { <Ledger caption columns class>{rows}</Ledger> }.into_any();
    }
    let foot = move || line(foot.clone(), &heads);
    view! { <Ledger caption columns class foot>{rows}</Ledger> }.into_any()
}

fn line(cells: Vec<Cell>, heads: &[Head]) -> AnyView {
    let mut cells = cells.into_iter().zip(heads);
    let first = cells.next().map(|(first, _)| view! { <th scope="row">{content(first)}</th> });
    let rest = cells.map(|(cell, head)| {
        let class = match (head.is_wide, head.is_number) {
            (true, true) => "ledger__wide num",
            (true, false) => "ledger__wide",
            (false, true) => "num",
            (false, false) => "",
        };
        view! { <td class=class data-label=head.label.clone()>{content(cell)}</td> }
    });
    view! { <tr>{first} {rest.views()}</tr> }.into_any()
}

fn content(cell: Cell) -> AnyView {
    let Cell { text, href, kind } = cell;
    let content = match kind {
        CellKind::Plain => text.into_any(),
        CellKind::Faint => view! { <span class="zero">{text}</span> }.into_any(),
        CellKind::Clipped => view! { <span class="ledger__clip">{text}</span> }.into_any(),
        CellKind::Time(at, full) => view! { <When at text full/> }.into_any(),
        CellKind::Status(sign) => view! { <Status sign>{text}</Status> }.into_any(),
        CellKind::Money => {
            let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
            let (whole, fraction) = (whole.to_owned(), fraction.to_owned());
            view! { <span class="money">{whole}<span class="money__fraction">{fraction}</span></span> }.into_any()
        }
    };
    match href {
        Some(href) => view! { <a href=href>{content}</a> }.into_any(),
        None => content,
    }
}
