//! Who has used how much of one sum: a bar in parts, in the colours of the charts, and the table of its figures.

use super::drawn::Views;
use super::ledger::{Column, Ledger};
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

/// A line of figures, as the server wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// As its part of the bar or chart; 0 for none.
    pub ink: u8,
    pub name: String,
    pub href: Option<String>,
    /// Under the name; blank for nothing.
    pub sub: String,
    /// “1,284.07”, “62.5 %”.
    pub figures: Vec<String>,
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

/// A table of figures; the columns after the first are numbers.
#[component]
pub fn FigureTable(
    #[prop(into)] caption: String,
    columns: Vec<Column>,
    lines: Vec<Line>,
    /// What the columns come to; empty for a table that is not summed up.
    total: Vec<String>,
    class: &'static str,
) -> impl IntoView {
    let labels: Vec<String> = columns.iter().map(|column| column.label().to_owned()).collect();
    let lines = lines.into_iter().map(|line| row(line, &labels)).views();
    let total = Line { name: "In all".to_owned(), figures: total, ..Line::default() };
    let foot = move || (!total.figures.is_empty()).then(|| row(total.clone(), &labels));
    view! { <Ledger caption columns class foot=foot>{lines}</Ledger> }
}

fn row(line: Line, labels: &[String]) -> AnyView {
    let Line { ink, name, href, sub, figures } = line;
    let named = match href {
        Some(href) => view! { <a href=href>{name}</a> }.into_any(),
        None => name.into_any(),
    };
    let swatch = (ink > 0).then(|| view! { <span class=format!("swatch swatch--{ink}")></span> }.into_any());
    let sub = (!sub.is_empty()).then(|| view! { <span class="ledger__sub">{sub}</span> }.into_any());
    let cells = figures.into_iter().zip(labels.iter().skip(1)).map(|(figure, label)| {
        // What is after the point, or after the number, follows quietly.
        let quiet = figure.find(if figure.ends_with('%') { ' ' } else { '.' }).unwrap_or(figure.len());
        let (loud, quiet) = figure.split_at(quiet);
        let (loud, quiet) = (loud.to_owned(), quiet.to_owned());
        view! { <td class="num" data-label=label.clone()>{loud}<span class="unit">{quiet}</span></td> }
    });
    let cells = cells.views();
    view! {
        <tr>
            <th scope="row"><span class="share">{swatch} <span class="share__name">{named} {sub}</span></span></th>
            {cells}
        </tr>
    }
    .into_any()
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
