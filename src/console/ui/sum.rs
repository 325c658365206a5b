//! Sums set as one would check them by hand: operator, what, how, amount; a rule; the result.

use super::drawn::Views;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One line of a sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumRow {
    pub op: String,
    pub what: String,
    pub how: String,
    pub amount: String,
    pub kind: SumKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SumKind {
    #[default]
    Part,
    /// Under a rule.
    Total,
    /// Closed by a double rule.
    Closed,
    /// Under a rule, and closed.
    Sum,
    /// As `Closed`, and too much.
    Over,
}

impl SumRow {
    pub fn new(op: &str, what: &str, amount: String) -> Self {
        Self { op: op.to_owned(), what: what.to_owned(), amount, ..Self::default() }
    }

    #[must_use]
    pub fn how(self, how: impl Into<String>) -> Self {
        Self { how: how.into(), ..self }
    }

    #[must_use]
    pub fn kind(self, kind: SumKind) -> Self {
        Self { kind, ..self }
    }
}

/// A sum, set as one would check it by hand.
#[component]
pub fn Sum(#[prop(into)] caption: String, rows: Vec<SumRow>) -> impl IntoView {
    let rows = rows.into_iter().map(|row| {
        let (class, is_closing) = match row.kind {
            SumKind::Part => ("", false),
            SumKind::Total => ("sum__total", false),
            SumKind::Closed => ("sum__closed", true),
            SumKind::Sum => ("sum__total sum__closed", true),
            SumKind::Over => ("sum__over", true),
        };
        let (whole, fraction) = row.amount.split_at(row.amount.find('.').unwrap_or(row.amount.len()));
        let (whole, fraction) = (whole.to_owned(), fraction.to_owned());
        let figure = if is_closing {
            view! { <b>{row.amount.clone()}</b> }.into_any()
        } else {
            view! { <span class="money">{whole}<span class="money__fraction">{fraction}</span></span> }.into_any()
        };
        view! {
            <tr class=class>
                <td class="sum__op">{row.op}</td>
                <th scope="row">{row.what}</th>
                <td class="sum__how">{row.how}</td>
                <td class="sum__amount">{figure}</td>
            </tr>
        }
    });
    view! {
        <table class="sum">
            <caption class="visually-hidden">{caption}</caption>
            <tbody>{rows.views()}</tbody>
        </table>
    }
}
