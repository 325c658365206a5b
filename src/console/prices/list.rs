//! A price list: which, the difference that it makes, and what of it is taken over.

use super::acts::{ComparePrices, Compared, DiffRow, ImportPrices};
use crate::console::form::{Form, PostForm};
use crate::console::ui::drawn::{Views, drawn};
use crate::console::ui::field::{CheckField, SelectField, Submit, TextField};
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::notice::FormProblem;
use leptos::prelude::*;

/// Asks which list, then shows what it would change.
#[component]
pub fn PriceLists(compare: Form<ComparePrices>, import: Form<ImportPrices>, snapshot: String) -> impl IntoView {
    let state = compare.state;
    let formats = [
        ("snapshot", "Snapshot that ships with Tollgate".to_owned()),
        ("litellm", "LiteLLM: model_prices_and_context_window.json".to_owned()),
        ("models.dev", "models.dev: api.json".to_owned()),
    ];
    let options = formats.into_iter().map(|(value, label)| (value.to_owned(), label)).collect();
    let of = format!("The snapshot is of {snapshot}.");
    view! {
        <PostForm form=state class="prices__form">
            <FormProblem form=state/>
            <SelectField form=state field="format" label="List" options=options value="snapshot" hint=move || of.clone()/>
            <TextField
                form=state
                field="url"
                label="Address"
                placeholder="https://…"
                inputmode="url"
                hint=|| "Where the file is. The snapshot needs none; a file of yours goes through the management API."
            />
            <div class="prices__pair">
                <TextField form=state field="provider" label="Provider" hint=|| "As the list calls it; blank for all."/>
                <TextField form=state field="search" label="Name has" hint=|| "Only models whose name has this in it."/>
            </div>
            <Submit form=state>"Show the difference"</Submit>
        </PostForm>
        {drawn(move || compare.outcome().map(|compared| difference(import, compared)))}
    }
}

fn difference(import: Form<ImportPrices>, compared: Compared) -> impl IntoView {
    let state = import.state;
    let Compared { says, format, url, provider, digest, rows, skipped } = compared;
    let has_new = rows.iter().any(|row| row.is_new);
    let has_rows = !rows.is_empty();
    let columns = vec![Column::new("Model", 3), Column::new("Price now", 4), Column::new("In the list", 5)];
    let lines = rows.into_iter().map(line).views();
    let table = has_rows.then(|| {
        view! {
            <PostForm form=state class="prices__form">
                <FormProblem form=state always=true/>
                <input type="hidden" name="format" value=format/>
                <input type="hidden" name="url" value=url/>
                <input type="hidden" name="provider" value=provider/>
                <input type="hidden" name="digest" value=digest/>
                <Ledger caption="What the list would change" columns=columns>{lines}</Ledger>
                {has_new.then(|| view! {
                    <CheckField
                        form=state
                        field="create"
                        label="Make the ticked models that are not here yet. Nobody can call them before they have a route."
                    />
                })}
                <Submit form=state>"Take over what is ticked"</Submit>
            </PostForm>
        }
    });
    let skipped_count = skipped.len();
    let left = skipped.into_iter().map(|(name, reason)| view! { <li><code>{name}</code>": " {reason}</li> }).views();
    view! {
        <p role="status">{says}</p>
        {table}
        {(skipped_count > 0).then(|| view! {
            <details>
                <summary>{format!("{skipped_count} entries are no prices here")}</summary>
                <ul>{left}</ul>
            </details>
        })}
    }
}

fn line(row: DiffRow) -> impl IntoView {
    let each =
        |lines: Vec<String>| lines.into_iter().map(|line| view! { <span class="prices__line">{line}</span> }).views();
    let DiffRow { name, is_new, old, new, left_out } = row;
    let left_out = (!left_out.is_empty()).then(|| {
        view! { <span class="ledger__sub">{format!("Not taken over: {left_out}")}</span> }
    });
    let old = if is_new { vec!["not here yet".to_owned()] } else { old };
    view! {
        <tr>
            <th scope="row">
                <label class="prices__tick">
                    <input type="checkbox" name="names[]" value=name.clone() checked=!is_new/>
                    <span>{name}</span>
                </label>
            </th>
            <td data-label="Price now">{each(old)}</td>
            <td data-label="In the list">{each(new)} {left_out}</td>
        </tr>
    }
}
