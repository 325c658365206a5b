//! What the pages of models are told, in the words that they show.

use crate::console::ui::shares::Line;
use crate::console::ui::status::Sign;
use crate::console::ui::sum::SumRow;
use serde::{Deserialize, Serialize};

/// One page of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelList {
    pub rows: Vec<ModelRow>,
    /// “1–50 of 213”; empty where there are none.
    pub span: String,
    /// The places that the neighbouring pages begin after; empty for the first page.
    pub newer: Option<String>,
    pub older: Option<String>,
    /// As in the address.
    pub sort: String,
    /// “Your last 30 days”.
    pub whose: String,
    /// What those cost; nothing where there were no calls.
    pub spent: Option<String>,
    pub is_narrowed: bool,
    pub is_admin: bool,
    pub compared: Option<Comparison>,
}

/// A model as the list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    pub name: String,
    /// Its display name; empty where it has none.
    pub title: String,
    pub served_by: String,
    pub is_served: bool,
    /// What it can, with commas.
    pub can: String,
    pub context: String,
    pub most_output: String,
    pub price: PriceTold,
    pub first_byte: String,
    pub errors: String,
    /// What the reader's calls would have cost on it, and how much more or less that is; empty where nobody can say.
    pub would: String,
    pub change: String,
    pub sign: Sign,
    pub state: String,
    /// Why it is not callable, or else how many of the reader's keys may call it.
    pub why: String,
}

/// What a million tokens cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceTold {
    /// Of something else than tokens: “0.04 an image”.
    Other(String),
    /// Calls are refused until there is one.
    Missing,
    Free,
    /// `cached` is empty where it costs as input.
    Each {
        input: String,
        cached: String,
        output: String,
    },
}

/// Up to three models side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    pub names: Vec<String>,
    pub facts: Vec<Fact>,
    /// What the reader's calls would have cost on each.
    pub total: Fact,
}

/// One line of it: a value for each model, and whether it is the best.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub label: String,
    pub values: Vec<(String, bool)>,
}

/// So many models stand beside each other.
pub const MOST_COMPARED: usize = 3;

/// The models that an address compares: names with commas between them, a comma in a name written `%2C`.
pub fn compared(text: &str) -> Vec<String> {
    text.split(',').filter(|name| !name.is_empty()).map(|name| name.replace("%2C", ",")).collect()
}

/// The same with a model put in, or taken out where it is in. `None` where there is no room for it.
pub fn with_compared(text: &str, name: &str) -> Option<String> {
    let mut names = compared(text);
    match names.iter().position(|known| known == name) {
        Some(at) => _ = names.remove(at),
        None if names.len() >= MOST_COMPARED => return None,
        None => names.push(name.to_owned()),
    }
    Some(names.iter().map(|name| name.replace(',', "%2C")).collect::<Vec<_>>().join(","))
}

/// One model's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelPage {
    pub name: String,
    pub title: String,
    pub sign: Sign,
    pub state: String,
    pub why: String,
    /// What it can.
    pub can: Vec<String>,
    /// Context, most output, first byte, errors.
    pub figures: Vec<FigureTold>,
    /// How latency and errors are told: “First byte and errors of the last 30 days, over everyone’s calls”.
    pub prices: Vec<Line>,
    /// Said in place of prices.
    pub unpriced: String,
    pub own: Own,
    pub routes: Vec<RouteTold>,
    /// The models that answer where no route does, in their order.
    pub fallbacks: Vec<String>,
    pub days: Option<Days>,
    /// Language and code of each.
    pub snippets: Vec<(String, String)>,
    pub logs: String,
    pub is_admin: bool,
    pub is_callable: bool,
    pub as_of: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FigureTold {
    pub label: String,
    pub value: String,
    pub unit: String,
    pub note: String,
}

/// What the reader's last days would have cost on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// “Your last 30 days”.
    pub whose: String,
    /// Which calls: a model's, or all; value and label.
    pub options: Vec<(String, String)>,
    pub chosen: String,
    /// Said where there is nothing to compare.
    pub nothing: String,
    pub then: String,
    pub now: String,
    pub change: String,
    pub sum: Vec<SumRow>,
    pub assumes: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTold {
    pub provider: String,
    pub upstream_model: String,
    pub priority: String,
    pub weight: String,
    /// Of the calls among routes of its priority: “75.0 %”.
    pub share: String,
    pub sign: Sign,
    pub state: String,
}

/// Its use by days: the chart and its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    pub note: String,
    pub svg: String,
    pub lines: Vec<Line>,
    pub total: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_model_is_the_last_and_choosing_one_again_takes_it_out() {
        let two = with_compared("a", "b,c").expect("room");
        assert_eq!(two, "a,b%2Cc");
        let three = with_compared(&two, "d").expect("room");
        assert_eq!(compared(&three), ["a", "b,c", "d"]);
        assert_eq!(with_compared(&three, "e"), None);
        assert_eq!(with_compared(&three, "b,c").as_deref(), Some("a,d"));
        assert_eq!(with_compared("a", "a").as_deref(), Some(""));
    }
}
