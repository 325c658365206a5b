//! The catalogue as a table: what each model can do, who serves it and what it costs.

use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::{Money, grouped};
use crate::console::ui::place::Place;
use crate::console::ui::status::{Sign, Status};
use crate::domain::credits::Credits;
use crate::domain::model::Model;
use crate::domain::price::{Kind, Price};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One page of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelPage {
    pub rows: Vec<ModelRow>,
    /// How many there are in all that match, and how many come before these.
    pub matching: usize,
    pub before: usize,
    /// The name that the neighbouring pages begin after; empty for the first page.
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// A model as the list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    pub name: String,
    pub display_name: String,
    /// The names of those that serve it.
    pub providers: Vec<String>,
    pub context: Option<u64>,
    pub max_output: Option<u64>,
    pub capabilities: Vec<String>,
    pub price: Tariff,
    pub enabled: bool,
}

/// What a million tokens cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tariff {
    /// Calls are refused until there is one.
    Missing,
    Free,
    Each {
        input: Credits,
        cached_input: Option<Credits>,
        output: Credits,
    },
}

impl From<Option<Price>> for Tariff {
    fn from(price: Option<Price>) -> Self {
        match price {
            None => Tariff::Missing,
            Some(Price::Free) => Tariff::Free,
            Some(Price::Rates(rates)) => Tariff::Each {
                input: rates.tokens.of(Kind::Input),
                cached_input: rates.tokens.stated(Kind::CachedInput),
                output: rates.tokens.of(Kind::Output),
            },
        }
    }
}

/// The model, and the names of those that serve it.
impl From<(&Model, Vec<String>)> for ModelRow {
    fn from((model, providers): (&Model, Vec<String>)) -> Self {
        Self {
            name: model.name.clone(),
            display_name: model.display_name.clone(),
            providers,
            context: model.context_length,
            max_output: model.max_output_tokens,
            capabilities: model.capabilities.clone(),
            price: model.price.clone().into(),
            enabled: model.enabled,
        }
    }
}

/// The table; an admin's has links to change each.
#[component]
pub fn Catalogue(rows: Vec<ModelRow>, is_admin: bool) -> impl IntoView {
    let columns = vec![
        Column::new("Model", 3),
        Column::new("Can", 2).wide(),
        Column::new("Served by", 1),
        Column::new("Context", 1).wide().number(),
        Column::new("Most output", 1).wide().number(),
        Column::new("Input / M", 1).number(),
        Column::new("Cached / M", 1).wide().number(),
        Column::new("Output / M", 1).number(),
        Column::new("State", 1),
    ];
    let here = untrack(Place::here);
    let lines = rows.into_iter().map(|row| line(row, &here, is_admin)).views();
    view! { <Ledger class="ledger--models" caption="Models by name; prices in credits per million tokens" columns=columns>{lines}</Ledger> }
}

fn line(row: ModelRow, here: &Place, is_admin: bool) -> impl IntoView + use<> {
    let name = row.name.clone();
    let name = match is_admin {
        true => {
            let href = here.clone().with("edit", name.clone()).href();
            view! { <a class="ledger__name" href=href data-noscroll>{name}</a> }.into_any()
        }
        false => view! { <span class="ledger__name">{name}</span> }.into_any(),
    };
    let display = Some(row.display_name).filter(|display| !display.is_empty());
    let (sign, state) = match (row.enabled, row.price, row.providers.is_empty()) {
        (false, ..) => (Sign::Off, "Off"),
        (true, Tariff::Missing, _) => (Sign::Blocks, "Refused"),
        (true, _, true) => (Sign::Blocks, "No route"),
        (true, _, false) => (Sign::Flows, "Open"),
    };
    let served = if row.providers.is_empty() { "nobody".to_owned() } else { row.providers.join(", ") };
    view! {
        <tr>
            <th scope="row">{name} {display.map(|display| view! { <span class="ledger__sub">{display}</span> })}</th>
            <td class="ledger__wide" data-label="Can">{row.capabilities.join(", ")}</td>
            <td data-label="Served by"><span class:muted=row.providers.is_empty()>{served}</span></td>
            <td class="ledger__wide num" data-label="Context">{tokens(row.context)}</td>
            <td class="ledger__wide num" data-label="Most output">{tokens(row.max_output)}</td>
            {prices(row.price)}
            <td data-label="State"><Status sign>{state}</Status></td>
        </tr>
    }
}

fn prices(price: Tariff) -> impl IntoView {
    match price {
        Tariff::Missing => view! {
            <td class="models__missing" colspan="3" data-label="Price">
                <span class="block">"no price: calls are refused until it has one"</span>
            </td>
        }
        .into_any(),
        Tariff::Free => view! { <td class="num models__free" colspan="3" data-label="Price">"free"</td> }.into_any(),
        Tariff::Each { input, cached_input, output } => view! {
            <td class="num" data-label="Input / M">{money(input)}</td>
            <td class="ledger__wide num" data-label="Cached / M">
                {cached_input.map_or_else(|| view! { <span class="zero">"as input"</span> }.into_any(), |price| money(price).into_any())}
            </td>
            <td class="num" data-label="Output / M">{money(output)}</td>
        }
        .into_any(),
    }
}

/// A price with all its decimals, and no fewer than two.
fn money(price: Credits) -> impl IntoView {
    let text = price.to_string();
    let decimals = text.len() - text.find('.').map_or(text.len(), |point| point + 1);
    view! { <Money credits=price decimals=u32::try_from(decimals).unwrap_or(9)/> }
}

fn tokens(count: Option<u64>) -> String {
    count.map_or_else(|| "—".to_owned(), |count| grouped(i64::try_from(count).unwrap_or(i64::MAX)))
}
