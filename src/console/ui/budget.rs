//! The budget line: ink is settled, hatching is held, the bare line is what is left; a tick alerts; a post at the end
//! blocks, a ring only notifies. The same everywhere, and the same in words.

use super::money::{Money, amount, grouped, short};
use crate::domain::credits::Credits;
use crate::domain::limit::Measure;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A limit and where its meter stands, in the measure's unit: requests, tokens or nano-credits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub measure: Measure,
    pub settled: i64,
    pub held: i64,
    /// `None` = unlimited.
    pub max: Option<i64>,
    /// What follows the maximum: “a month”, “a minute”, “once”.
    pub period: String,
    /// Percent of the maximum above which the ink changes its colour.
    pub alert: Option<u8>,
    /// Whether calls are refused at the end, or only told of it.
    pub blocks: bool,
    /// Drawn in grey: the key is off or has expired.
    pub is_off: bool,
}

/// How much of it is gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Calm,
    Warned,
    Spent,
}

impl Budget {
    fn left(&self) -> Option<i64> {
        Some(self.max?.saturating_sub(self.settled).saturating_sub(self.held))
    }

    /// `value` on the line, in hundredths of a percent of the maximum; never past its end.
    fn place(&self, value: i64) -> i64 {
        let max = i128::from(self.max.unwrap_or(0).max(1));
        i64::try_from((i128::from(value) * 10_000 / max).clamp(0, 10_000)).unwrap_or(10_000)
    }

    fn stage(&self) -> Stage {
        let alert = i64::from(self.alert.unwrap_or(100)) * 100;
        let gone = self.place(self.settled.saturating_add(self.held));
        match self.left() {
            Some(left) if left <= 0 => Stage::Spent,
            Some(_) if gone >= alert => Stage::Warned,
            _ => Stage::Calm,
        }
    }

    fn class(&self) -> &'static str {
        match self.stage() {
            _ if self.is_off => "budget budget--gone",
            Stage::Spent if self.blocks => "budget budget--blocked",
            Stage::Spent | Stage::Warned => "budget budget--warned",
            Stage::Calm => "budget",
        }
    }

    fn text(&self, value: i64) -> String {
        match self.measure {
            Measure::Credits => amount(Credits::from_nanos(value), decimals(value)),
            Measure::Requests | Measure::Tokens => grouped(value),
        }
    }

    fn unit(&self) -> &'static str {
        match self.measure {
            Measure::Credits => "",
            Measure::Requests => " requests",
            Measure::Tokens => " tokens",
        }
    }

    /// “of 200.00 a month”, “of 10 M tokens a week”.
    fn of(&self) -> String {
        let max = match (self.max, self.measure) {
            (None, _) => return format!("settled {}", self.period).trim_end().to_owned(),
            (Some(max), Measure::Credits) => self.text(max),
            (Some(max), _) => short(max),
        };
        format!("of {max}{} {}", self.unit(), self.period)
    }

    fn left_text(&self) -> String {
        match self.left() {
            None => "no limit".to_owned(),
            Some(over @ ..=-1) => format!("{} over", self.text(over.saturating_neg())),
            Some(left) => format!("{} left", self.text(left)),
        }
    }

    /// The line in words.
    pub fn says(&self) -> String {
        let settled = self.text(self.settled);
        let (Some(max), Some(left)) = (self.max, self.left()) else {
            return format!("{settled}{} settled, no limit", self.unit());
        };
        let alert = self.alert.map(|alert| format!("; alert at {alert} %")).unwrap_or_default();
        let end = if self.blocks { "blocks" } else { "notifies" };
        format!(
            "{settled} settled, {} held, {} remaining of {}{} {}{alert}; {end} at the end",
            self.text(self.held),
            self.text(left.max(0)),
            self.text(max),
            self.unit(),
            self.period,
        )
    }
}

/// Two decimals are enough for all but the smallest sums.
fn decimals(nanos: i64) -> u32 {
    if nanos != 0 && nanos.unsigned_abs() < 10_000_000 { 6 } else { 2 }
}

/// Hundredths of a percent as an SVG length.
fn length(hundredths: i64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn figure(budget: &Budget, value: i64) -> AnyView {
    match budget.measure {
        Measure::Credits => view! { <Money credits=Credits::from_nanos(value) decimals=decimals(value)/> }.into_any(),
        Measure::Requests | Measure::Tokens => grouped(value).into_any(),
    }
}

/// The line as it stands in lists and forms.
#[component]
pub fn BudgetLine(
    budget: Budget,
    /// Under the line: what becomes of it, “alert at 160.00” and “blocks, reopens 1 Dec 00:00 UTC”.
    #[prop(optional)]
    fate: Option<(String, String)>,
) -> impl IntoView {
    let fate = fate
        .map(|(alert, end)| view! { <p class="budget__fate"><span>{alert}</span><span>{end}</span></p> }.into_any());
    view! {
        <div class=budget.class()>
            <div class="budget__figures">
                <span>{figure(&budget, budget.settled)} " " <span class="budget__of">{budget.of()}</span></span>
                <span class="budget__left">{budget.left_text()}</span>
            </div>
            <div class="budget__rail">
                <svg class="budget__line" role="img" aria-label=budget.says() inner_html=drawing(&budget, 8, 6)></svg>
            </div>
            {fate}
        </div>
    }
}

/// The line across a whole sheet, with its key.
#[component]
pub fn BudgetSpine(
    budget: Budget,
    /// How many calls in flight hold.
    calls: i64,
    /// Whose it is and when it reopens: “All accounts, November · reopens 1 Dec 00:00”.
    #[prop(into)]
    note: String,
) -> impl IntoView {
    let held = match calls {
        1 => "held by 1 call in flight".to_owned(),
        calls => format!("held by {} calls in flight", grouped(calls)),
    };
    let left = budget.left().map(|left| entry(&budget, LEFT, left.max(0), "left".to_owned()));
    view! {
        <div class=format!("{} budget--wide spine", budget.class())>
            <div class="budget__figures">
                <span class="budget__entries">
                    {entry(&budget, SETTLED, budget.settled, "settled".to_owned())}
                    {entry(&budget, HELD, budget.held, held)}
                    {left}
                </span>
                <span class="unit">{note}</span>
            </div>
            <div class="budget__rail">
                <svg
                    class="budget__line"
                    role="img"
                    aria-label=budget.says()
                    inner_html=drawing(&budget, 9, 10) + &scale(&budget)
                ></svg>
            </div>
        </div>
    }
}

// The swatches before the figures. Drawings are text rather than views: they never change, and weigh less in the browser.
const SETTLED: &str = r#"<rect class="budget__ink" width="14" height="8"/>"#;
const HELD: &str = r#"<rect class="budget__held" x=".5" y=".5" width="13" height="7" fill="url(#held)"/>"#;
const LEFT: &str = r#"<line class="budget__track" x1="0" x2="14" y1="4" y2="4"/>"#;

fn entry(budget: &Budget, swatch: &'static str, value: i64, says: String) -> AnyView {
    view! {
        <span class="budget__key">
            <svg class="budget__swatch" aria-hidden="true" inner_html=swatch></svg>
            {figure(budget, value)} " " <span class="unit">{says}</span>
        </span>
    }
    .into_any()
}

/// What stands under a wide line: where it alerts, and what happens at its end.
fn scale(budget: &Budget) -> String {
    let Some(max) = budget.max else { return String::new() };
    let alert = budget.alert.map_or_else(String::new, |alert| {
        format!(
            r#"<text class="budget__scale budget__scale--inner" x="{alert}%" y="33" text-anchor="middle">alert {alert} %</text>"#
        )
    });
    let (end, max) = (if budget.blocks { "blocks" } else { "notifies" }, budget.text(max));
    format!(r#"{alert}<text class="budget__scale" x="100%" y="33" text-anchor="end" dx="4">{end} at {max}</text>"#)
}

/// The line's shapes around `middle`, with ink of `height`, in pixels.
fn drawing(budget: &Budget, middle: i64, height: i64) -> String {
    let track = |class| format!(r#"<line class="{class}" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>"#);
    if budget.max.is_none() {
        return track("budget__track budget__track--open");
    }
    let (top, reach) = (middle - height / 2, height / 2 + 3);
    let settled = budget.place(budget.settled);
    let alert = budget.alert.map(|alert| i64::from(alert) * 100);
    // Ink past the tick has another colour; without a tick only what is spent has.
    let turn = alert.unwrap_or(if budget.stage() == Stage::Spent { 0 } else { 10_000 }).min(settled);
    let bar = |class, from: i64, to: i64| match to > from {
        true => rectangle(class, from, &top.to_string(), &length(to - from), height, ""),
        false => String::new(),
    };
    let mut shapes = track("budget__track") + &bar("budget__ink", 0, turn) + &bar("budget__past", turn, settled);
    if budget.held > 0 {
        let to = budget.place(budget.settled.saturating_add(budget.held));
        shapes += &hatching(settled, to, top, height);
    }
    if let Some(at) = alert.map(length) {
        let (from, to) = (middle - reach, middle + reach);
        shapes += &format!(r#"<line class="budget__tick" x1="{at}" x2="{at}" y1="{from}" y2="{to}"/>"#);
    }
    shapes
        + &if budget.blocks {
            let (top, width, height) = (middle - reach - 1, if height > 6 { 4 } else { 3 }, 2 * reach + 2);
            format!(r#"<rect class="budget__post" x="100%" y="{top}" width="{width}" height="{height}"/>"#)
        } else {
            format!(r#"<circle class="budget__ring" cx="100%" cy="{middle}" r="3.5" transform="translate(-1)"/>"#)
        }
}

/// What is held, from `from` to `to`. However little that is, four pixels of it are drawn, and never past the post.
fn hatching(from: i64, to: i64, top: i64, height: i64) -> String {
    let shift = if from > 9_900 { r#" transform="translate(-4)""# } else { "" };
    let (top, fill) = (format!("{top}.5"), r#" fill="url(#held)""#);
    let least = rectangle("budget__held", from, &top, "4", height - 1, &format!("{fill}{shift}"));
    let all = match to > from {
        true => rectangle("budget__held", from, &top, &length(to - from), height - 1, fill),
        false => String::new(),
    };
    least + &all
}

fn rectangle(class: &str, x: i64, y: &str, width: &str, height: i64, more: &str) -> String {
    let x = length(x);
    format!(r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"{more}/>"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(settled: i64, held: i64, max: Option<i64>) -> Budget {
        let cents = 10_000_000;
        Budget {
            measure: Measure::Credits,
            settled: settled * cents,
            held: held * cents,
            max: max.map(|max| max * cents),
            period: "a month".into(),
            alert: Some(80),
            blocks: true,
            is_off: false,
        }
    }

    #[test]
    fn a_budget_says_what_it_shows() {
        let near = budget(4952, 12, Some(5000));
        assert_eq!(
            near.says(),
            "49.52 settled, 0.12 held, 0.36 remaining of 50.00 a month; alert at 80 %; blocks at the end"
        );
        assert_eq!((near.class(), near.left_text().as_str()), ("budget budget--warned", "0.36 left"));
        assert_eq!(budget(120_433_190, 0, None).says(), "1,204,331.90 settled, no limit");
    }

    #[test]
    fn a_spent_budget_is_blocked_and_an_overspent_one_says_by_how_much() {
        assert_eq!(budget(5000, 0, Some(5000)).class(), "budget budget--blocked");
        assert_eq!(budget(5036, 0, Some(5000)).left_text(), "0.36 over");
        assert_eq!(budget(0, 0, Some(0)).class(), "budget budget--blocked");
        assert_eq!(Budget { blocks: false, ..budget(6000, 0, Some(5000)) }.class(), "budget budget--warned");
    }

    #[test]
    fn nothing_is_drawn_past_the_post() {
        let over = budget(9000, 9000, Some(5000));
        assert_eq!((over.place(over.settled), over.place(over.held)), (10_000, 10_000));
        assert_eq!(length(over.place(2500 * 10_000_000)), "50.00%");
    }
}
