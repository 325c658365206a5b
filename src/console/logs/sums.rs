//! What a call was charged, as a sum that can be checked.

use super::rows::{Ending, count};
use crate::console::ui::money::amount;
use crate::console::ui::sum::{SumKind, SumRow};
use crate::domain::call::Call;
use crate::domain::credits::Credits;

/// What a call was charged, and how that came about.
pub(super) fn charged(call: &Call, ending: Ending) -> Vec<SumRow> {
    let cost = call.cost.nanos();
    let parts = parts(&call.cost_basis).unwrap_or_default();
    let places = places(parts.iter().map(|part| part.nanos).chain([cost]));
    let text = |nanos: i64| amount(Credits::from_nanos(nanos), places);
    let closed = |nanos: i64| SumRow::new("", "Charged", text(nanos)).kind(SumKind::Closed);
    let version = match call.bound.price_version {
        0 => String::new(),
        version => format!(", price version {version}"),
    };
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
        Ending::Answered | Ending::Failed if parts.is_empty() => {
            vec![closed(cost).how(call.cost_basis.clone() + &version)]
        }
        Ending::Answered | Ending::Failed => {
            let part = |(at, part): (usize, Part)| {
                SumRow::new(if at == 0 { "" } else { "+" }, &part.what, text(part.nanos)).how(part.how)
            };
            let sum = closed(cost).kind(SumKind::Sum).how(version.trim_start_matches(", "));
            parts.into_iter().enumerate().map(part).chain([sum]).collect()
        }
    }
}

/// One product of a cost's arithmetic.
struct Part {
    what: String,
    how: String,
    nanos: i64,
}

/// Reads `(60 input × 2.50 + 10 output × 10.00) / 1,000,000 + 2 searches × 0.01` line by line, as
/// [`crate::domain::price::Price::basis`] writes it; `None` where it says something else.
fn parts(basis: &str) -> Option<Vec<Part>> {
    let (millions, each) = match basis.strip_prefix('(') {
        Some(rest) => {
            let (millions, each) = rest.split_once(") / 1,000,000")?;
            (Some(millions), Some(each).filter(|each| !each.is_empty()))
        }
        None => (None, Some(basis)),
    };
    let each = match (millions, each) {
        (Some(_), Some(each)) => Some(each.strip_prefix(" + ")?),
        _ => each,
    };
    let millions = millions.into_iter().flat_map(|text| text.split(" + ")).map(|product| part(product, true));
    let each = each.into_iter().flat_map(|text| text.split(" + ")).map(|product| part(product, false));
    millions.chain(each).collect()
}

/// One product, of a price for a million or for one.
fn part(product: &str, is_millions: bool) -> Option<Part> {
    let (quantity, price) = product.split_once(" × ")?;
    let (number, kind) = quantity.split_once(' ')?;
    let price = Credits::parse(price)?;
    // Seconds have decimals, and are priced as what they are thousandths of.
    let quantity = Credits::parse(number)?.nanos();
    let divisor = if is_millions { 1_000_000_000_000_000 } else { 1_000_000_000 };
    // As the cost itself is, rounded up.
    let nanos = (i128::from(quantity) * i128::from(price.nanos()) + divisor - 1) / divisor;
    let first = kind.chars().next()?.to_uppercase();
    let number = number.parse::<u64>().map_or_else(|_| number.to_owned(), count);
    Some(Part {
        what: first.chain(kind.chars().skip(1)).collect(),
        how: format!("{number} × {price}{}", if is_millions { " / M" } else { "" }),
        nanos: i64::try_from(nanos).ok()?,
    })
}

/// Credits as a sum shows them.
pub(super) fn exact(credits: Credits) -> String {
    amount(credits, places([credits.nanos()]))
}

/// Six decimals of a credit, as costs are shown; nine where that would hide something.
fn places(nanos: impl IntoIterator<Item = i64>) -> u32 {
    if nanos.into_iter().all(|nanos| nanos % 1_000 == 0) { 6 } else { 9 }
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
        let basis = "(10 output × 10.00) / 1,000,000 + 1.500 seconds of audio × 0.0001 + 2 searches × 0.01";
        let read = parts(basis).expect("arithmetic");
        let lines: Vec<_> = read.iter().map(|part| (part.what.as_str(), part.how.as_str(), part.nanos)).collect();
        assert_eq!(
            lines,
            [
                ("Output", "10 × 10.00 / M", 100_000),
                ("Seconds of audio", "1.500 × 0.0001", 150_000),
                ("Searches", "2 × 0.01", 20_000_000)
            ]
        );
        assert!(parts("free").is_none() && parts("the whole hold: the process ended").is_none());
    }
}
