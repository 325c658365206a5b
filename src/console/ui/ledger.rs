//! The table: hairlines between rows, a strong rule under totals, a double rule where a column closes.

use super::drawn::{Views, text};
use super::place::Place;
use leptos::children::ViewFn;
use leptos::prelude::*;

/// One column. Widths are twelfths of the sheet, so that columns line up down the page.
#[derive(Clone, Debug)]
pub struct Column {
    label: String,
    twelfths: u8,
    is_wide: bool,
    is_number: bool,
    is_unseen: bool,
    sorts_by: Option<&'static str>,
}

impl Column {
    pub fn new(label: impl Into<String>, twelfths: u8) -> Self {
        Self { label: label.into(), twelfths, is_wide: false, is_number: false, is_unseen: false, sorts_by: None }
    }

    /// Left out on a narrow sheet; its cells have the class `ledger__wide`.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.is_wide = true;
        self
    }

    /// Set at the right; its cells have the class `num`.
    #[must_use]
    pub fn number(mut self) -> Self {
        self.is_number = true;
        self
    }

    /// Its heading is only heard: a column of menus.
    #[must_use]
    pub fn unseen(mut self) -> Self {
        self.is_unseen = true;
        self
    }

    /// Its heading is a link that sets `sort` in the URL to this name, or to `-name`.
    #[must_use]
    pub fn sorts_by(mut self, name: &'static str) -> Self {
        self.sorts_by = Some(name);
        self
    }

    pub fn label(&self) -> &str {
        &self.label
    }

    fn class(&self) -> &'static str {
        match (self.is_wide, self.is_number) {
            (true, true) => "ledger__wide num",
            (true, false) => "ledger__wide",
            (false, true) => "num",
            (false, false) => "",
        }
    }
}

/// A table. `children` are its rows: `<tr>` whose first cell is `<th scope="row">` and whose others carry a
/// `data-label`, which stands before the value on a narrow screen.
#[component]
pub fn Ledger(
    /// What the table lists, for those who do not see it.
    #[prop(into)]
    caption: String,
    columns: Vec<Column>,
    /// `ledger--calls`, `ledger--pairs`, `ledger--flat`.
    #[prop(optional)]
    class: &'static str,
    /// How it is sorted now, as in the URL: `name`, or `-name` for descending.
    #[prop(optional, into)]
    sort: Option<String>,
    /// Before the first heading: the box that ticks all rows.
    #[prop(optional, into)]
    pick: Option<ViewFn>,
    /// The rows of totals.
    #[prop(optional, into)]
    foot: Option<ViewFn>,
    children: Children,
) -> impl IntoView {
    let widths = columns.iter().map(|column| {
        let wide = if column.is_wide { " ledger__wide" } else { "" };
        view! { <col class=format!("w-{}{wide}", column.twelfths)/> }
    });
    let widths = widths.views();
    let mut pick = pick;
    let heads = columns.into_iter().map(|column| heading(column, sort.as_deref(), pick.take())).views();
    view! {
        <table class=format!("ledger {class}")>
            <caption class="visually-hidden">{caption}</caption>
            <colgroup>{widths}</colgroup>
            <thead><tr>{heads}</tr></thead>
            <tbody>{children()}</tbody>
            {foot.map(|foot| view! { <tfoot>{foot.run()}</tfoot> })}
        </table>
    }
}

fn heading(column: Column, sort: Option<&str>, pick: Option<ViewFn>) -> impl IntoView + use<> {
    let class = column.class();
    let Column { label, sorts_by, is_unseen, .. } = column;
    let now = sorts_by.filter(|name| sort.is_some_and(|sort| sort.trim_start_matches('-') == *name));
    let is_descending = now.is_some() && sort.is_some_and(|sort| sort.starts_with('-'));
    let (state, arrow) = match (now, is_descending) {
        (None, _) => (None, ""),
        (Some(_), false) => (Some("ascending"), " ↑"),
        (Some(_), true) => (Some("descending"), " ↓"),
    };
    let content = match sorts_by {
        None if is_unseen => view! { <span class="visually-hidden">{label}</span> }.into_any(),
        None => label.into_any(),
        Some(name) => {
            let next = if now.is_some() && !is_descending { format!("-{name}") } else { name.to_owned() };
            let href = text(move || Place::here().without("after").without("before").with("sort", next.clone()).href());
            view! { <a href=href data-noscroll>{label}<span aria-hidden="true">{arrow}</span></a> }.into_any()
        }
    };
    let content = match pick {
        None => content,
        Some(pick) => {
            view! { <span class="ledger__pick ledger__pick--head">{pick.run()}<span>{content}</span></span> }.into_any()
        }
    };
    view! { <th scope="col" class=class aria-sort=state>{content}</th> }
}
