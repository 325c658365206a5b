//! Cost by time and model: the chart, its data, and the models with their shares.

use super::overview::{Cost, CostRow, Series};
use crate::console::ui::chart::Chart;
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::{Money, amount};
use crate::console::ui::sheet::Statement;
use crate::domain::credits::Credits;
use leptos::prelude::*;

#[component]
pub fn CostByModel(cost: Cost) -> impl IntoView {
    let Cost { note, expected, svg, bucket, series, rows, total, decimals } = cost;
    let note = move || {
        let expected = expected.clone().map(|(sum, by_when)| {
            view! { "; dashed: at this pace " <b>{amount(sum, decimals)}</b> " by " {by_when} }
        });
        view! { {note.clone()} {expected} }
    };
    let foot = move || {
        let share = if total == Credits::ZERO {
            "—".into_any()
        } else {
            view! { "100.0" <span class="unit">" %"</span> }.into_any()
        };
        view! {
            <tr>
                <th scope="row">"In all"</th>
                <td class="num"><Money credits=total decimals/></td>
                <td class="num">{share}</td>
            </tr>
        }
    };
    let columns = vec![Column::new("Model", 6), Column::new("Credits", 3).number(), Column::new("Share", 3).number()];
    let data = data(bucket, &series, rows, decimals);
    let models = series.into_iter().enumerate().map(|(at, one)| model(at, one, decimals)).views();
    view! {
        <Statement title="Cost" id="h-cost" note>
            <div class="cost twelfths">
                <div class="w-8">
                    <Chart svg>{data}</Chart>
                </div>
                <div class="w-4">
                    <Ledger caption="Cost by model" columns class="ledger--pairs by-model" foot=foot>
                        {models}
                    </Ledger>
                </div>
            </div>
        </Statement>
    }
}

fn model(at: usize, series: Series, decimals: u32) -> impl IntoView {
    let Series { name, href, cost, share } = series;
    let named = match href {
        Some(href) => view! { <a class="by-model__name" href=href>{name}</a> }.into_any(),
        None => view! { <span class="by-model__name">{name}</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row"><span class="by-model__model"><span class=format!("swatch swatch--{}", at + 1)></span>{named}</span></th>
            <td class="num" data-label="Credits"><Money credits=cost decimals/></td>
            <td class="num" data-label="Share">{share}<span class="unit">" %"</span></td>
        </tr>
    }
}

/// The chart as a table.
fn data(bucket: String, series: &[Series], rows: Vec<CostRow>, decimals: u32) -> impl IntoView + use<> {
    let names: Vec<String> = series.iter().map(|one| one.name.clone()).collect();
    let mut columns = vec![Column::new(bucket, 2)];
    columns.extend(names.iter().map(|name| Column::new(name.clone(), 2).number()));
    columns.push(Column::new("Total", 2).number());
    let rows = rows.into_iter().map(move |CostRow { label, href, costs, total }| {
        let costs = costs.into_iter().map(move |cost| view! { <td class="num"><Money credits=cost decimals/></td> });
        view! {
            <tr>
                <th scope="row"><a href=href>{label}</a></th>
                {costs.views()}
                <td class="num"><Money credits=total decimals/></td>
            </tr>
        }
    });
    let rows = rows.views();
    view! {
        <div class="cost__data" tabindex="0" role="group" aria-label="Data of the chart">
            <Ledger caption="Credits by time and model" columns class="ledger--pairs cost__table">{rows}</Ledger>
        </div>
    }
}
