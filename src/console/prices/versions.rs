//! A model's versions, and the form that adds one.

use super::PricesPage;
use super::acts::AddPrice;
use crate::console::form::{Form, PostForm};
use crate::console::ui::drawn::Views;
use crate::console::ui::field::{Submit, TextArea, TextField};
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::notice::FormProblem;
use crate::console::ui::status::{Sign, Status};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A version as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionRow {
    pub version: u64,
    /// `in_force`, `upcoming` or `past`.
    pub standing: String,
    /// From when on, in words.
    pub starts: String,
    /// Each price in words.
    pub price: Vec<String>,
    /// Where it is from, and who made it.
    pub source: String,
}

/// Chooses a model, and shows its versions.
#[component]
pub fn Versions(add: Form<AddPrice>, page: PricesPage) -> impl IntoView {
    let PricesPage { models, model, rows, lines, timezone, .. } = page;
    let asked = model.clone();
    let options = models.iter().map(|name| view! { <option value=name.clone()></option> }).views();
    let chosen = (!model.is_empty()).then(|| {
        let rows = rows.into_iter().map(row).views();
        let columns = vec![
            Column::new("Version", 1).number(),
            Column::new("State", 1),
            Column::new("From", 2),
            Column::new("Price", 5),
            Column::new("By", 3).wide(),
        ];
        view! {
            <Ledger caption=format!("Versions of the price of {model}, newest first") columns=columns>{rows}</Ledger>
            {form(add, model, lines, &timezone)}
        }
    });
    view! {
        <form method="get" action="/models/prices" class="prices__choose">
            <label class="field__label" for="f-model">"Model"</label>
            <input class="input" id="f-model" name="model" value=asked list="prices-models" autocomplete="off"/>
            <datalist id="prices-models">{options}</datalist>
            <button class="button">"Show"</button>
        </form>
        {chosen}
    }
}

fn row(row: VersionRow) -> impl IntoView {
    let (sign, state) = match row.standing.as_str() {
        "in_force" => (Sign::Flows, "In force"),
        "upcoming" => (Sign::Blocks, "To come"),
        _ => (Sign::Off, "Past"),
    };
    let prices = row.price.into_iter().map(|line| view! { <span class="prices__line">{line}</span> }).views();
    view! {
        <tr>
            <th scope="row" class="num">{row.version}</th>
            <td data-label="State"><Status sign>{state}</Status></td>
            <td data-label="From">{row.starts}</td>
            <td data-label="Price">{prices}</td>
            <td class="ledger__wide" data-label="By">{row.source}</td>
        </tr>
    }
}

fn form(add: Form<AddPrice>, model: String, lines: String, timezone: &str) -> impl IntoView + use<> {
    let state = add.state;
    let when = format!("In {timezone}. Blank is now; one to come takes effect by itself.");
    view! {
        <PostForm form=state class="prices__form">
            <input type="hidden" name="model" value=model/>
            <FormProblem form=state/>
            <TextArea
                form=state
                field="price"
                label="New version"
                value=lines
                rows=6
                hint=|| "A line a price: kinds of tokens in credits a million; per_image, per_second, per_million_characters, per_request, per_search; “above 200000 input 5.00” for long inputs. “free”, or nothing for no price."
            />
            <TextField form=state field="starts_at" label="From" kind="datetime-local" hint=move || when.clone()/>
            <Submit form=state>"Add version"</Submit>
        </PostForm>
    }
}
