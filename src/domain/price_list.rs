//! The field's public price files, read exactly and without guessing: what such a file says of a model becomes a price, or
//! a reason why it does not. Numbers are read digit by digit, never as floating point.

mod decimal;
mod litellm;
mod models_dev;
mod snapshot;

use super::credits::Credits;
use super::price::{Kind, PerMillion, Price, Rates};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
pub use snapshot::Snapshot;
use std::collections::BTreeMap;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// LiteLLM's `model_prices_and_context_window.json`: credits for a token.
    #[serde(rename = "litellm")]
    Litellm,
    /// models.dev's `api.json`: credits for a million tokens, by provider.
    #[serde(rename = "models.dev")]
    ModelsDev,
    /// Ours: facts of well-known models, prices as the management API writes them.
    #[serde(rename = "snapshot")]
    Snapshot,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Litellm => "litellm",
            Format::ModelsDev => "models.dev",
            Format::Snapshot => "snapshot",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Format::Litellm, Format::ModelsDev, Format::Snapshot].into_iter().find(|format| format.as_str() == text)
    }
}

/// What a file says of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub name: String,
    /// Who serves it at this price, as the file calls them.
    pub provider: String,
    /// In tokens; of the input alone where the file tells them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_length: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    pub capabilities: Vec<String>,
    pub price: Price,
    /// What the file prices beside this and has no place here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// Why a file's entry is no price here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub name: String,
    pub reason: String,
}

/// A file, read. Both lists are by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceList {
    pub models: Vec<Listed>,
    pub skipped: Vec<Skipped>,
}

impl PriceList {
    /// Reads a file. Of one provider where one is asked for: models.dev's files name a model once for each, and then the
    /// names are as that provider's callers write them, without the provider before them.
    ///
    /// # Errors
    /// A sentence, where it is no such file at all.
    pub fn read(format: Format, text: &str, provider: Option<&str>) -> Result<Self, String> {
        let mut list = match format {
            Format::Litellm => litellm::read(text, provider),
            Format::ModelsDev => models_dev::read(text, provider),
            Format::Snapshot => snapshot::read(text, provider),
        }?;
        list.models.sort_by(|one, other| one.name.cmp(&other.name));
        list.skipped.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(list)
    }

    fn note(&mut self, name: String, read: Result<Listed, String>) {
        match read {
            Ok(listed) => self.models.push(listed),
            Err(reason) => self.skipped.push(Skipped { name, reason }),
        }
    }
}

/// An object whose values are still text.
#[derive(Debug)]
struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Option<Self> {
        // A list would be read as no object, a repeated field as its last.
        serde_json::from_str(text).ok().map(Self)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| value.get()).filter(|text| *text != "null")
    }

    fn of<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    fn is(&self, name: &str) -> bool {
        self.of(name).unwrap_or(false)
    }

    /// A whole number, perhaps written as `128000.0`.
    fn count(&self, name: &str) -> Option<u64> {
        let nanos = decimal::credits(self.raw(name)?, 0).ok()?.nanos();
        u64::try_from(nanos).ok().filter(|nanos| nanos % 1_000_000_000 == 0).map(|nanos| nanos / 1_000_000_000)
    }

    fn fields(&self, name: &str) -> Option<Fields<'a>> {
        Fields::read(self.raw(name)?)
    }

    /// An amount in credits, times ten to the power of `shift`; none where the field is absent.
    ///
    /// # Errors
    /// Why it is no price, with the field's name.
    fn credits(&self, name: &str, shift: i32) -> Result<Option<Credits>, String> {
        let Some(text) = self.raw(name) else { return Ok(None) };
        let price = decimal::credits(text, shift).map_err(|why| format!("`{name}` is {text}, {why}"))?;
        Ok(Some(price))
    }
}

/// A kind that costs as much as it would without a price of its own is not priced apart, so that one price is written in
/// one way.
fn plain(tokens: PerMillion) -> PerMillion {
    let apart = |kind: &Kind| kind.otherwise().is_none_or(|other| tokens.stated(*kind) != Some(tokens.of(other)));
    let stated = Kind::TOKENS.into_iter().filter(apart).filter_map(|kind| Some((kind, tokens.stated(kind)?)));
    stated.fold(PerMillion::default(), |tokens, (kind, price)| tokens.with(kind, price))
}

/// A price that can be taken over as it is.
///
/// # Errors
/// Where it prices nothing, or everything at nothing.
fn settled(rates: Rates) -> Result<Price, String> {
    // Not so in a tier, where what is not priced costs what it does below it.
    let rates = Rates { tokens: plain(rates.tokens), ..rates };
    if rates == Rates::default() {
        return Err("it has no price here".to_owned());
    }
    let written = serde_json::to_value(Price::from(rates.clone())).unwrap_or_default();
    // What the management API would refuse is no price here either.
    let price = Price::read(written)?;
    let is_nothing = |price: &Option<Credits>| price.is_none_or(|price| price == Credits::ZERO);
    let others = [rates.per_image, rates.per_million_characters, rates.per_second, rates.per_request, rates.per_search];
    let by = rates.per_image_by.values().chain(rates.per_second_by.values());
    let has_free_tokens = Kind::TOKENS.into_iter().all(|kind| rates.tokens.of(kind) == Credits::ZERO);
    let has_free_units = others.iter().all(is_nothing) && by.into_iter().all(|price| *price == Credits::ZERO);
    match (has_free_tokens, has_free_units) {
        (true, true) => Err("it is listed as costing nothing; mark it free yourself, if it is".to_owned()),
        // Priced by other units alone.
        (true, false) if rates.tiers.is_empty() => Ok(Rates { tokens: PerMillion::default(), ..rates }.into()),
        _ => Ok(price),
    }
}

/// The capabilities of those that a file has, in this house's words.
fn abilities<const ALL: usize>(known: [(bool, &str); ALL]) -> Vec<String> {
    known.into_iter().filter(|(can, _)| *can).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests;
