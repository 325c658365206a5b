//! Numbers as the books show them: grouped by thousands; of money, the whole credits speak and the fraction follows quietly.

use crate::domain::credits::Credits;
use leptos::prelude::*;

/// Credits, rounded to `decimals`: two for budgets and totals, six for the cost of one call.
#[component]
pub fn Money(credits: Credits, #[prop(default = 2)] decimals: u32) -> impl IntoView {
    let text = amount(credits, decimals);
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (whole, fraction) = (whole.to_owned(), fraction.to_owned());
    let class = if credits == Credits::ZERO { "money money--zero" } else { "money" };
    view! { <span class=class>{whole}<span class="money__fraction">{fraction}</span></span> }
}

/// Credits as text: `1,284.07`.
pub fn amount(credits: Credits, decimals: u32) -> String {
    let text = credits.rounded(decimals);
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("−", rest));
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    format!("{sign}{}{fraction}", group(whole))
}

/// A whole number as text: `184,206,118`.
pub fn grouped(number: i64) -> String {
    let sign = if number < 0 { "−" } else { "" };
    format!("{sign}{}", group(&number.unsigned_abs().to_string()))
}

/// A whole number in four digits or so: `200 k`, `1.53 M`, `10 bn`.
pub fn short(number: i64) -> String {
    let size = number.unsigned_abs();
    let (unit, name) = match size {
        0..10_000 => return grouped(number),
        10_000..1_000_000 => (1_000, " k"),
        1_000_000..1_000_000_000 => (1_000_000, " M"),
        _ => (1_000_000_000, " bn"),
    };
    let sign = if number < 0 { "−" } else { "" };
    // Cut, not rounded: what is shown as left is there.
    let (whole, hundredths) = (size / unit, size % unit * 100 / unit);
    let fraction = match hundredths {
        0 => String::new(),
        _ if whole >= 100 => String::new(),
        tens if tens % 10 == 0 => format!(".{}", tens / 10),
        all => format!(".{all:02}"),
    };
    format!("{sign}{}{fraction}{name}", group(&whole.to_string()))
}

/// A share in percent with one decimal, `39.9`; nothing of nothing is nothing.
pub fn percent(part: i64, of: i64) -> String {
    if of == 0 {
        return "0.0".to_owned();
    }
    let tenths = (i128::from(part) * 2_000 / i128::from(of) + 1) / 2;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn group(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-184_206_118, "−184,206,118")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(amount(Credits::from_nanos(1_284_065_000_000), 2), "1,284.07");
        assert_eq!(amount(Credits::from_nanos(-8_130_000), 6), "−0.008130");
        assert_eq!(amount(Credits::from_nanos(5), 2), "0.00");
    }

    #[test]
    fn long_numbers_are_short_where_there_is_no_room() {
        for (number, text) in [
            (9_999, "9,999"),
            (200_000, "200 k"),
            (1_526_796, "1.52 M"),
            (466_796_449, "466 M"),
            (10_000_000_000, "10 bn"),
            (12_500, "12.5 k"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn a_share_is_rounded_to_a_tenth() {
        assert_eq!(percent(399, 1_000), "39.9");
        assert_eq!(percent(2, 3), "66.7");
        assert_eq!(percent(0, 0), "0.0");
        assert_eq!(percent(i64::MAX, i64::MAX), "100.0");
    }
}
