//! How a price is written: the word `"free"`, prices by their kinds, or the classic rate with its multiplier.

use super::{DEAREST, Kind, PerMillion, Price, Rates, Tier};
use crate::domain::credits::Credits;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const SHAPES: &str = r#"a price is {"input":"2.50","output":"10.00"} with other kinds beside them ("cached_input", "per_image", …), {"rate":"2.50","completion_multiplier":"4"}, or "free""#;

/// So many tiers, and so many variants, are more than any price list has.
const MOST_TIERS: usize = 16;
const MOST_VARIANTS: usize = 200;

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Price::Free => to.serialize_str("free"),
            Price::Rates(rates) => to.collect_map(rates.written()),
        }
    }
}

/// A value of a written price.
#[derive(Serialize)]
#[serde(untagged)]
enum Part<'a> {
    Each(Credits),
    By(&'a BTreeMap<String, Credits>),
    Tiers(&'a [Tier]),
}

impl Rates {
    fn written(&self) -> Vec<(&'static str, Part<'_>)> {
        let mut parts = stated(&self.tokens);
        let others = [
            (Kind::Image, self.per_image),
            (Kind::Characters, self.per_million_characters),
            (Kind::Audio, self.per_second),
            (Kind::Search, self.per_search),
            (Kind::Request, self.per_request),
        ];
        parts.extend(others.into_iter().filter_map(|(kind, price)| Some((kind.name(), Part::Each(price?)))));
        for (name, by) in [("per_image_by", &self.per_image_by), ("per_second_by", &self.per_second_by)] {
            parts.extend((!by.is_empty()).then_some((name, Part::By(by))));
        }
        parts.extend((!self.tiers.is_empty()).then_some(("tiers", Part::Tiers(&self.tiers))));
        parts
    }
}

fn stated<'a>(tokens: &PerMillion) -> Vec<(&'static str, Part<'a>)> {
    let each = Kind::TOKENS.into_iter().filter_map(|kind| Some((kind.name(), Part::Each(tokens.stated(kind)?))));
    each.collect()
}

impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("above", &self.above)?;
        for (name, price) in stated(&self.tokens) {
            map.serialize_entry(name, &price)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Price::read(Value::deserialize(from)?).map_err(de::Error::custom)
    }
}

impl Price {
    /// # Errors
    /// What is wrong with it, in words, where it is no price.
    pub fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::String(word) if word == "free" => Ok(Price::Free),
            Value::Object(fields) if fields.contains_key("rate") => classic(&fields).map(Price::from),
            Value::Object(fields) => rates(fields).map(Price::from),
            _ => Err(SHAPES.to_owned()),
        }
    }
}

/// The same prices written another way: output costs the rate times the multiplier.
fn classic(fields: &Map<String, Value>) -> Result<PerMillion, String> {
    if let Some(other) = fields.keys().find(|name| !["rate", "completion_multiplier"].contains(&name.as_str())) {
        return Err(format!("beside `rate` stands `completion_multiplier` alone, not `{other}`; {SHAPES}"));
    }
    let rate = credits("rate", fields.get("rate"))?;
    let multiplier = credits("completion_multiplier", fields.get("completion_multiplier"))?;
    let product = i128::from(rate.nanos()) * i128::from(multiplier.nanos());
    let output = i64::try_from(product / 1_000_000_000).unwrap_or(i64::MAX);
    Ok(PerMillion::new(rate, sane("output", Credits::from_nanos(output))?))
}

fn rates(fields: Map<String, Value>) -> Result<Rates, String> {
    let mut rates = Rates::default();
    for (name, value) in fields {
        match name.as_str() {
            "per_image" => rates.per_image = Some(credits(&name, Some(&value))?),
            "per_image_by" => rates.per_image_by = variants(&name, value)?,
            "per_million_characters" => rates.per_million_characters = Some(credits(&name, Some(&value))?),
            "per_second" => rates.per_second = Some(credits(&name, Some(&value))?),
            "per_second_by" => rates.per_second_by = variants(&name, value)?,
            "per_request" => rates.per_request = Some(credits(&name, Some(&value))?),
            "per_search" => rates.per_search = Some(credits(&name, Some(&value))?),
            "tiers" => rates.tiers = tiers(value)?,
            _ => rates.tokens = token(rates.tokens, &name, &value)?,
        }
    }
    let has = |kind| rates.tokens.stated(kind).is_some();
    if has(Kind::Input) != has(Kind::Output) {
        return Err("`input` and `output` are priced together: write \"0\" for what costs nothing".to_owned());
    }
    let has_kinds = !rates.tokens.is_empty() || !rates.tiers.is_empty();
    if has_kinds && !has(Kind::Input) {
        return Err("kinds of tokens are priced beside `input` and `output`".to_owned());
    }
    if rates == Rates::default() {
        return Err(SHAPES.to_owned());
    }
    Ok(rates)
}

fn token(tokens: PerMillion, name: &str, value: &Value) -> Result<PerMillion, String> {
    match Kind::TOKENS.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => Ok(tokens.with(kind, credits(name, Some(value))?)),
        None => Err(format!("unknown field `{name}`; {SHAPES}")),
    }
}

fn tiers(value: Value) -> Result<Vec<Tier>, String> {
    let Value::Array(list) = value else { return Err("`tiers` is a list".to_owned()) };
    let mut tiers = Vec::new();
    for each in list {
        let Value::Object(mut fields) = each else { return Err("a tier is an object".to_owned()) };
        let above = fields.remove("above").and_then(|above| above.as_u64()).filter(|above| *above > 0);
        let above = above.ok_or("a tier says `above` how many input tokens it holds, as a whole number")?;
        let tokens =
            fields.iter().try_fold(PerMillion::default(), |tokens, (name, value)| token(tokens, name, value))?;
        if tokens.is_empty() {
            return Err(format!("the tier above {above} has no price"));
        }
        tiers.push(Tier { above, tokens });
    }
    tiers.sort_by_key(|tier| tier.above);
    if tiers.windows(2).any(|pair| pair[0].above == pair[1].above) || tiers.len() > MOST_TIERS {
        return Err(format!("tiers begin above different lengths, and there are at most {MOST_TIERS}"));
    }
    Ok(tiers)
}

fn variants(name: &str, value: Value) -> Result<BTreeMap<String, Credits>, String> {
    let Value::Object(fields) = value else { return Err(format!("`{name}` is an object of variants and prices")) };
    let is_name = |name: &str| (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if fields.len() > MOST_VARIANTS || !fields.keys().all(|name| is_name(name)) {
        return Err(format!("`{name}` has at most {MOST_VARIANTS} variants, each of 1 to 64 visible ASCII characters"));
    }
    fields.into_iter().map(|(variant, value)| Ok((variant, credits(name, Some(&value))?))).collect()
}

fn credits(name: &str, value: Option<&Value>) -> Result<Credits, String> {
    let price = value.and_then(Value::as_str).and_then(Credits::parse);
    let price = price.ok_or_else(|| format!("`{name}` is an amount: write a decimal such as \"2.50\"; {SHAPES}"))?;
    sane(name, price)
}

fn sane(name: &str, price: Credits) -> Result<Credits, String> {
    match price < Credits::ZERO || price > DEAREST {
        true => Err(format!("{name} must lie between 0 and {DEAREST} credits")),
        false => Ok(price),
    }
}
