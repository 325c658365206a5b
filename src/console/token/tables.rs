//! What a key has done: refusals, calls, models, resets.

use super::told::{CallKind, CallRow, ModelRow, RefusalRow, ResetRow, UsageTold};
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::{Money, amount};
use crate::console::ui::notice::Empty;
use crate::console::ui::place::Place;
use crate::console::ui::sheet::Statement;
use crate::console::ui::status::{Sign, Status};
use crate::console::ui::when::When;
use crate::domain::credits::Credits;
use leptos::prelude::*;

fn opened(id: String) -> String {
    Place::new("/logs").with("call", id).href()
}

fn link(to: (String, String)) -> impl Fn() -> AnyView + Send + Sync + 'static {
    move || {
        let (says, href) = to.clone();
        view! { <a href=href>{says}</a> }.into_any()
    }
}

#[component]
pub fn Refusals(refusals: Vec<RefusalRow>, all: (String, String)) -> impl IntoView {
    let content = if refusals.is_empty() {
        view! { <Empty title="Nothing was refused" text=|| "Calls that do not fit are listed here, each with its limit."/> }
            .into_any()
    } else {
        let columns = vec![
            Column::new("When", 2),
            Column::new("Reason", 3),
            Column::new("Limit", 3),
            Column::new("Short by", 2),
            Column::new("Then", 2),
        ];
        view! {
            <Ledger caption="Recent refusals, the newest first" columns>
                {refusals.into_iter().map(refusal).views()}
            </Ledger>
        }
        .into_any()
    };
    view! { <Statement title="Recent refusals" id="h-refusals" note=link(all)>{content}</Statement> }
}

fn refusal(row: RefusalRow) -> impl IntoView {
    let RefusalRow { id, at, time, full, reason, limit, short, then } = row;
    view! {
        <tr>
            <th scope="row"><a href=opened(id)><When at text=time full/></a></th>
            <td data-label="Reason"><Status sign=Sign::Blocks>{reason}</Status></td>
            <td data-label="Limit">{limit}</td>
            <td data-label="Short by">{short}</td>
            <td data-label="Then">{then}</td>
        </tr>
    }
}

#[component]
pub fn Calls(calls: Vec<CallRow>, all: (String, String)) -> impl IntoView {
    let content = if calls.is_empty() {
        view! { <Empty title="No call is in the logs" text=|| "Each will be here as it happens, with what it cost."/> }
            .into_any()
    } else {
        let columns = vec![
            Column::new("When", 2),
            Column::new("Model", 3),
            Column::new("Outcome", 3),
            Column::new("Tokens in / out", 2).wide(),
            Column::new("Took", 1).wide().number(),
            Column::new("Credits", 1).number(),
        ];
        view! {
            <Ledger caption="Recent calls, the newest first" columns>{calls.into_iter().map(call).views()}</Ledger>
        }
        .into_any()
    };
    view! { <Statement title="Recent calls" id="h-calls" note=link(all)>{content}</Statement> }
}

fn call(row: CallRow) -> impl IntoView {
    let CallRow { id, at, time, full, model, outcome, kind, tokens, took, cost } = row;
    let sign = match kind {
        CallKind::Held | CallKind::Succeeded => Sign::Plain,
        CallKind::Failed => Sign::Warns,
        CallKind::Refused => Sign::Blocks,
    };
    let credits = if kind == CallKind::Held {
        view! { <span class="unit">{amount(cost, 6)} " held"</span> }.into_any()
    } else {
        view! { <Money credits=cost decimals=6/> }.into_any()
    };
    let zero = if cost == Credits::ZERO && kind != CallKind::Held { "zero" } else { "" };
    view! {
        <tr>
            <th scope="row"><a href=opened(id)><When at text=time full/></a></th>
            <td data-label="Model"><span class="ledger__clip">{model}</span></td>
            <td data-label="Outcome"><Status sign>{outcome}</Status></td>
            <td class="ledger__wide" data-label="Tokens in / out"><span class=zero>{tokens}</span></td>
            <td class="ledger__wide num" data-label="Took">{took}</td>
            <td class="num" data-label="Credits">{credits}</td>
        </tr>
    }
}

#[component]
pub fn Usage(usage: UsageTold) -> impl IntoView {
    let UsageTold { note, models, total, decimals } = usage;
    let content = if models.is_empty() {
        view! { <Empty title="No calls this month" text=|| "What it used before is in the logs."/> }.into_any()
    } else {
        let columns = vec![
            Column::new("Model", 4),
            Column::new("Calls", 2).number(),
            Column::new("Tokens", 2).number(),
            Column::new("Credits", 2).number(),
            Column::new("Share", 2).number(),
        ];
        let foot = move || model(total.clone(), decimals).into_any();
        view! {
            <Ledger caption="This month by model, the dearest first" columns foot>
                {models.into_iter().map(|row| model(row, decimals)).views()}
            </Ledger>
        }
        .into_any()
    };
    view! { <Statement title="This month by model" id="h-models" note=move || note.clone()>{content}</Statement> }
}

fn model(row: ModelRow, decimals: u32) -> impl IntoView {
    let ModelRow { name, href, calls, tokens, cost, share } = row;
    view! {
        <tr>
            <th scope="row"><a href=href>{name}</a></th>
            <td class="num" data-label="Calls">{calls}</td>
            <td class="num" data-label="Tokens">{tokens}</td>
            <td class="num" data-label="Credits"><Money credits=cost decimals/></td>
            <td class="num" data-label="Share">{share} <span class="unit">" %"</span></td>
        </tr>
    }
}

/// Nothing where no meter was ever reset.
#[component]
pub fn Resets(resets: Vec<ResetRow>) -> impl IntoView {
    (!resets.is_empty()).then(|| {
        let columns =
            vec![Column::new("When", 3), Column::new("Limit", 3), Column::new("Taken off", 3), Column::new("By", 3)];
        let rows = resets.into_iter().map(|ResetRow { at, time, limit, taken_off, by }| {
            view! {
                <tr>
                    <th scope="row"><When at text=time/></th>
                    <td data-label="Limit">{limit}</td>
                    <td data-label="Taken off">{taken_off}</td>
                    <td data-label="By">{by}</td>
                </tr>
            }
        });
        let rows = rows.views();
        view! {
            <Statement title="Meters reset by hand" id="h-resets" note=|| "No period’s boundary was moved.">
                <Ledger caption="Manual resets, the newest first" columns>{rows}</Ledger>
            </Statement>
        }
    })
}
