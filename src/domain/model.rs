//! A name clients ask for, with its price and the routes that serve it.

use super::id::ProviderId;
use super::price::Price;
use super::problem::{Check, Problem};
use serde::{Deserialize, Serialize};

/// A model. Its name is its id, and may contain `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub name: String,
    #[serde(default)]
    pub display_name: String,
    /// In tokens, input and output together.
    #[serde(default)]
    pub context_length: Option<u64>,
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Absent: every call is refused until there is one.
    #[serde(default)]
    pub price: Option<Price>,
    /// Which version of its price that is; 0 where there is none. Not a model's to say.
    #[serde(skip)]
    pub price_version: u64,
    #[serde(default)]
    pub routes: Vec<Route>,
    /// The models that stand in for it where none of its routes serves a call, in order. Their own do not count.
    #[serde(default)]
    pub fallbacks: Vec<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// model -> (provider, upstream model name, weight, priority).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    pub provider_id: ProviderId,
    /// What the provider calls it; the model's own name where empty.
    #[serde(default)]
    pub upstream_model: String,
    /// Share among the routes of one priority: 1 to 1,000.
    #[serde(default = "one")]
    pub weight: u32,
    /// Lower goes first: 0 to 1,000.
    #[serde(default)]
    pub priority: u32,
}

fn one() -> u32 {
    1
}

/// What a model may say it can do.
pub const CAPABILITIES: [&str; 8] =
    ["chat", "vision", "tools", "streaming", "reasoning", "audio", "images", "embeddings"];

/// So many models stand in for one.
const MOST_FALLBACKS: usize = 5;

/// Token counts above this are not real.
const MOST_TOKENS: u64 = 100_000_000;

impl Model {
    /// # Errors
    /// Each field that will not do. Whether a route's provider exists is for the store to say.
    pub fn check(&self) -> Result<(), Problem> {
        let mut check = Check::default();
        let visible = self.name.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"\\".contains(&byte));
        check.that(
            (1..=200).contains(&self.name.len()) && visible,
            "name",
            "A model's name has 1 to 200 visible ASCII characters, without spaces, quotes, ? or #.",
        );
        check.that(self.display_name.chars().count() <= 200, "display_name", "At most 200 characters.");
        for (field, count) in [("context_length", self.context_length), ("max_output_tokens", self.max_output_tokens)] {
            check.that(
                count.is_none_or(|count| (1..=MOST_TOKENS).contains(&count)),
                field,
                "Write a number of tokens from 1 to 100,000,000, or leave it blank.",
            );
        }
        let mut seen: Vec<&String> = self.fallbacks.iter().collect();
        seen.sort();
        seen.dedup();
        check.that(
            self.fallbacks.len() <= MOST_FALLBACKS && seen.len() == self.fallbacks.len(),
            "fallbacks",
            "At most 5 other models may stand in, each named once.",
        );
        check.that(!self.fallbacks.contains(&self.name), "fallbacks", "A model cannot stand in for itself.");
        for tag in &self.capabilities {
            let known = CAPABILITIES.contains(&tag.as_str());
            check.that(known, "capabilities", format!("{tag:?} is not one of {}.", CAPABILITIES.join(", ")));
        }
        for route in &self.routes {
            let weighed = (1..=1_000).contains(&route.weight) && route.priority <= 1_000;
            check.that(weighed, "routes", "A route's weight lies between 1 and 1000, its priority between 0 and 1000.");
            let visible = route.upstream_model.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
            check.that(visible, "routes", "An upstream model name has visible ASCII characters, without quotes.");
        }
        check.done()
    }

    pub fn title(&self) -> &str {
        if self.display_name.is_empty() { &self.name } else { &self.display_name }
    }
}
