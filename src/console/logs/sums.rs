//! Costs and refusals as sums: operator, what, how, amount; a rule; the result.

use super::detail::whole;
use super::rows::{Ending, count};
use crate::console::ui::drawn::Views;
use crate::console::ui::money::amount;
use crate::domain::call::Call;
use crate::domain::credits::Credits;
use crate::domain::limit::Measure;
use crate::domain::refusal::Detail;
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
    fn new(op: &str, what: &str, amount: String) -> Self {
        Self { op: op.to_owned(), what: what.to_owned(), amount, ..Self::default() }
    }

    fn how(self, how: impl Into<String>) -> Self {
        Self { how: how.into(), ..self }
    }

    fn kind(self, kind: SumKind) -> Self {
        Self { kind, ..self }
    }
}

/// Why it did not fit: settled + held + this call = would be; what the limit is; by how much that is too much.
pub(super) fn short_by(detail: &Detail) -> Vec<SumRow> {
    let (used, held, asked, max) =
        (whole(&detail.used), whole(&detail.held), whole(&detail.requested), whole(&detail.max));
    let would = used.saturating_add(held).saturating_add(asked);
    let places = places([used, held, asked, max]);
    let text = |value: i64| match detail.measure {
        Measure::Credits => amount(Credits::from_nanos(value), places),
        Measure::Requests | Measure::Tokens => count(value.unsigned_abs()),
    };
    let mine = if detail.measure == Measure::Requests { "This call" } else { "This call, at most" };
    vec![
        SumRow::new("", "Settled", text(used)),
        SumRow::new("+", "Held by calls in flight", text(held)),
        SumRow::new("+", mine, text(asked)),
        SumRow::new("", "Would be", text(would)).kind(SumKind::Total),
        SumRow::new("−", "The limit", text(max)),
        SumRow::new("", "Short by", text(would.saturating_sub(max))).kind(SumKind::Over),
    ]
}

/// What a call was charged, and how that came about.
pub(super) fn charged(call: &Call, ending: Ending) -> Vec<SumRow> {
    let cost = call.cost.nanos();
    let parts = parts(&call.cost_basis).unwrap_or_default();
    let places = places(parts.iter().map(|part| part.nanos).chain([cost]));
    let text = |nanos: i64| amount(Credits::from_nanos(nanos), places);
    let closed = |nanos: i64| SumRow::new("", "Charged", text(nanos)).kind(SumKind::Closed);
    match ending {
        Ending::Refused => {
            vec![SumRow::new("", "Held", text(0)).how("refused calls hold nothing"), closed(0)]
        }
        Ending::Held => vec![
            SumRow::new("", "Held", exact(call.bound.cost)).how("the most it can cost"),
            SumRow { what: "Charged when it ends".to_owned(), ..closed(0) }.how("what it really used"),
        ],
        Ending::Answered | Ending::Failed if call.usage.total() == 0 && cost == 0 => {
            vec![closed(0).how("nothing was used")]
        }
        Ending::Answered | Ending::Failed if parts.is_empty() => vec![closed(cost).how(call.cost_basis.clone())],
        Ending::Answered | Ending::Failed => {
            let part = |(at, part): (usize, Part)| {
                SumRow::new(if at == 0 { "" } else { "+" }, &part.what, text(part.nanos)).how(part.how)
            };
            parts.into_iter().enumerate().map(part).chain([closed(cost).kind(SumKind::Sum)]).collect()
        }
    }
}

/// One product of a cost's arithmetic.
struct Part {
    what: String,
    how: String,
    nanos: i64,
}

/// Reads `(60 input × 2.50 + 10 output × 10.00) / 1,000,000` line by line; `None` where it says something else.
fn parts(basis: &str) -> Option<Vec<Part>> {
    let products = basis.strip_prefix('(')?.strip_suffix(") / 1,000,000")?.split(" + ");
    let part = |product: &str| {
        let (tokens, price) = product.split_once(" × ")?;
        let (number, kind) = tokens.split_once(' ')?;
        let (number, price) = (number.parse::<u64>().ok()?, Credits::parse(price)?);
        // As the cost itself is, rounded up.
        let nanos = (i128::from(number) * i128::from(price.nanos()) + 999_999) / 1_000_000;
        let first = kind.chars().next()?.to_uppercase();
        Some(Part {
            what: first.chain(kind.chars().skip(1)).collect(),
            how: format!("{} × {price} / M", count(number)),
            nanos: i64::try_from(nanos).ok()?,
        })
    };
    products.map(part).collect()
}

/// Credits as a sum shows them.
pub(super) fn exact(credits: Credits) -> String {
    amount(credits, places([credits.nanos()]))
}

/// Six decimals of a credit, as costs are shown; nine where that would hide something.
fn places(nanos: impl IntoIterator<Item = i64>) -> u32 {
    if nanos.into_iter().all(|nanos| nanos % 1_000 == 0) { 6 } else { 9 }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_costs_arithmetic_is_set_line_by_line() {
        let basis = "(60 input × 2.50 + 40 cached input × 1.25 + 10 output × 10.00) / 1,000,000";
        let read = parts(basis).expect("arithmetic");
        let lines: Vec<_> = read.iter().map(|part| (part.what.as_str(), part.how.as_str(), part.nanos)).collect();
        assert_eq!(
            lines,
            [
                ("Input", "60 × 2.50 / M", 150_000),
                ("Cached input", "40 × 1.25 / M", 50_000),
                ("Output", "10 × 10.00 / M", 100_000)
            ]
        );
        assert!(parts("free").is_none() && parts("the whole hold: the process ended").is_none());
    }
}
