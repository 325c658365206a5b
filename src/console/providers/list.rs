//! The providers as a table, with what can be done to each.

use super::acts::ActOnProvider;
use crate::console::form::Form;
use crate::console::ui::drawn::{Views, drawn};
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::menu::RowMenu;
use crate::console::ui::notice::Notice;
use crate::console::ui::place::Place;
use crate::console::ui::status::{Sign, Status};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A provider as the list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderRow {
    pub id: String,
    pub name: String,
    pub is_builtin: bool,
    /// Its word, and how people call it.
    pub kind: (String, String),
    pub base_url: String,
    /// Masked.
    pub credentials: Vec<String>,
    pub enabled: bool,
    pub usage_option: bool,
    /// `true`, `false`, or nothing where nobody has said.
    pub responses: String,
    /// The models that have a route to it.
    pub models: Vec<String>,
    pub faring: Faring,
    /// As the form writes them: connect, first byte, idle and total in milliseconds, calls at once.
    pub bounds: Vec<String>,
    /// What switching it off would do, where that is asked.
    pub would: Vec<String>,
}

/// How it fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Faring {
    pub sign: Sign,
    /// “Open”, “Cooling down”.
    pub word: String,
    /// “until today 14:32:07”, “3 of 12 calls failed in the last minute”.
    pub notes: Vec<String>,
    /// What went wrong last, and when.
    pub last: String,
}

/// The table.
#[component]
pub fn Providing(rows: Vec<ProviderRow>, act: Form<ActOnProvider>) -> impl IntoView {
    let columns = vec![
        Column::new("Name", 3),
        Column::new("Base URL", 3),
        Column::new("Credentials", 2),
        Column::new("Models", 2),
        Column::new("State", 2),
        Column::new("Actions", 1).unseen(),
    ];
    let here = untrack(Place::here);
    let lines = rows.into_iter().map(|row| line(row, &here, act)).views();
    view! { <Ledger class="ledger--providers" caption="Providers by name" columns=columns>{lines}</Ledger> }
}

fn line(row: ProviderRow, here: &Place, act: Form<ActOnProvider>) -> impl IntoView + use<> {
    let edit = here.clone().with("edit", row.id.clone()).href();
    let delete = here.clone().with("delete", row.id.clone()).href();
    let tried = here.clone().with("try", row.id.clone()).href();
    let base_url = match row.is_builtin {
        true => view! { <span class="muted">"this very process"</span> }.into_any(),
        false => view! { <code>{row.base_url}</code> }.into_any(),
    };
    let credentials = match (row.is_builtin, row.credentials.is_empty()) {
        (true, _) => view! { <span class="muted">"needs none"</span> }.into_any(),
        (false, true) => view! { <span class="warn">"none"</span> }.into_any(),
        (false, false) => row
            .credentials
            .iter()
            .map(|hint| view! { <code class="providers__hint">{hint.clone()}</code> })
            .views()
            .into_any(),
    };
    let disable = here.clone().with("disable", row.id.clone()).href();
    let toggle = match row.enabled {
        true => view! { <a class="menu__item" href=disable data-noscroll>"Disable…"</a> }.into_any(),
        false => view! { <button class="menu__item" name="enable" value=row.id.clone()>"Enable"</button> }.into_any(),
    };
    let Faring { sign, word, notes, last } = row.faring;
    let notes = notes.into_iter().map(|note| view! { <span class="ledger__sub">{note}</span> }).views();
    let last = (!last.is_empty())
        .then(|| view! { <span class="ledger__sub" title=last.clone()>"Last error: " {last.clone()}</span> });
    let id = row.id.clone();
    let tested = drawn(move || tested(act, &id));
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name" href=edit.clone() data-noscroll>{row.name.clone()}</a>
                <span class="ledger__sub">{row.kind.1}</span>
            </th>
            <td data-label="Base URL">{base_url}</td>
            <td data-label="Credentials">{credentials}</td>
            <td data-label="Models">{served(&row.id, &row.models)}</td>
            <td data-label="State"><Status sign>{word}</Status> {notes} {last}</td>
            <td class="whole"><div class="providers__acts">
                <button class="ledger__act" name="test" value=row.id.clone() aria-label=format!("Test {}", row.name)>"Test"</button>
                <RowMenu id=format!("menu-{}", row.id) of=row.name>
                    <a class="menu__item" href=edit data-noscroll>"Edit"</a>
                    {(!row.is_builtin).then(|| view! { <a class="menu__item" href=tried data-noscroll>"Test with a call…"</a> })}
                    {toggle}
                    <a class="menu__item menu__item--blocks" href=delete data-noscroll>"Delete…"</a>
                </RowMenu>
            </div></td>
        </tr>
        {tested}
    }
}

/// How many models it serves, which the catalogue lists.
fn served(id: &str, models: &[String]) -> impl IntoView + use<> {
    let href = Place::new("/models").with("provider", id).href();
    match models {
        [] => view! { <span class="muted">"none"</span> }.into_any(),
        [only] => view! { <a href=href>{only.clone()}</a> }.into_any(),
        many => view! { <a href=href>{format!("{} models", many.len())}</a> }.into_any(),
    }
}

/// What the last test found, under the provider it was of.
fn tested(act: Form<ActOnProvider>, id: &str) -> Option<AnyView> {
    let is_asked = act.state.pressed("test", id);
    let (sign, said) = if act.state.pending() {
        is_asked.then(|| (Sign::Plain, "Asking for its list of models, which spends nothing…".to_owned()))?
    } else {
        let test = act.outcome()?.test.filter(|test| test.id == id)?;
        (if test.ok { Sign::Flows } else { Sign::Blocks }, test.said)
    };
    Some(
        view! {
            <tr class="providers__said"><td colspan="6" class="whole" role="status"><Notice sign>{said}</Notice></td></tr>
        }
        .into_any(),
    )
}
