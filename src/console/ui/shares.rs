//! Who has used how much of one sum: a bar in parts, in the colours of the charts. The figures stand in a table beside it.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One part of the sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// 1 to 6, for `chart-1` to `chart-6`.
    pub ink: u8,
    /// In thousandths of the whole.
    pub thousandths: i64,
    /// “production-web 62.5 %”.
    pub says: String,
}

/// The bar, as long as the sheet. All parts together are the whole.
#[component]
pub fn ShareBar(
    /// What is shared: “Credits by key”.
    #[prop(into)]
    label: String,
    shares: Vec<Share>,
) -> impl IntoView {
    let says: Vec<&str> = shares.iter().map(|share| share.says.as_str()).collect();
    let label = format!("{label}: {}", says.join(", "));
    view! { <svg class="shares" role="img" aria-label=label inner_html=drawing(&shares)></svg> }
}

/// Text rather than a view: it never changes, and weighs less in the browser. A part that cannot be seen is left out.
fn drawing(shares: &[Share]) -> String {
    let mut from = 0;
    let mut shapes = String::new();
    for Share { ink, thousandths, .. } in shares.iter().filter(|share| share.thousandths > 0) {
        let (at, width) = (percent(from), percent(*thousandths));
        shapes += &format!(r#"<rect class="shares__{ink}" x="{at}" width="{width}" height="100%"/>"#);
        from += thousandths;
    }
    shapes
}

fn percent(thousandths: i64) -> String {
    format!("{}.{}%", thousandths / 10, thousandths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_nothing_is_drawn_for_nothing() {
        let share = |ink, thousandths| Share { ink, thousandths, says: String::new() };
        assert_eq!(
            drawing(&[share(1, 625), share(2, 0), share(6, 375)]),
            r#"<rect class="shares__1" x="0.0%" width="62.5%" height="100%"/><rect class="shares__6" x="62.5%" width="37.5%" height="100%"/>"#
        );
        assert_eq!(drawing(&[]), "");
    }
}
