//! What a model's tokens cost. Cost = input x input price + cached input x cached price + output x output price,
//! rounded up to the next nano-credit once, at the end.

use super::credits::Credits;
use super::usage::Usage;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A model's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Price {
    /// Said to cost nothing. A model without a price is refused; one marked free is not.
    Free,
    PerMillion(PerMillion),
}

/// Credits for a million tokens of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerMillion {
    pub input: Credits,
    /// What input that the upstream had cached costs; the input price where absent.
    pub cached_input: Option<Credits>,
    pub output: Credits,
}

/// The highest price that can be entered, per million tokens: far above any real one, and small enough that the cost
/// of the most absurd call still fits its integer.
pub const DEAREST: Credits = Credits::from_nanos(1_000_000 * 1_000_000_000);

impl Price {
    pub fn cost(&self, usage: &Usage) -> Credits {
        match self {
            Price::Free => Credits::ZERO,
            Price::PerMillion(price) => price.cost(usage),
        }
    }

    /// The most that `input` and `output` tokens can cost, however many of them turn out to be cached.
    pub fn bound(&self, input: u64, output: u64) -> Credits {
        match self {
            Price::Free => Credits::ZERO,
            Price::PerMillion(price) => {
                let dearest = price.input.max(price.cached_input.unwrap_or(price.input));
                PerMillion { input: dearest, cached_input: None, output: price.output }.cost(&Usage::new(input, output))
            }
        }
    }
}

impl PerMillion {
    fn cost(&self, usage: &Usage) -> Credits {
        let cached = usage.cached_input.min(usage.input);
        let fresh = usage.input - cached;
        let part = |tokens: u64, price: Credits| i128::from(tokens) * i128::from(price.nanos());
        let sum = part(fresh, self.input)
            + part(cached, self.cached_input.unwrap_or(self.input))
            + part(usage.output, self.output);
        Credits::from_nanos(i64::try_from((sum + 999_999).div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }

    fn check(&self) -> Result<(), String> {
        let prices = [("input", Some(self.input)), ("cached_input", self.cached_input), ("output", Some(self.output))];
        for (name, price) in prices.into_iter().filter_map(|(name, price)| Some((name, price?))) {
            if price < Credits::ZERO || price > DEAREST {
                return Err(format!("{name} must lie between 0 and {DEAREST} credits per million tokens"));
            }
        }
        Ok(())
    }
}

/// How a price is written: the word `"free"`, prices per million, or the classic rate with its multiplier.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Classic(Classic),
    PerMillion(Prices),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Classic {
    rate: Credits,
    completion_multiplier: Credits,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prices {
    input: Credits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached_input: Option<Credits>,
    output: Credits,
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Price::Free => Written::Word("free".to_owned()),
            Price::PerMillion(PerMillion { input, cached_input, output }) => {
                Written::PerMillion(Prices { input, cached_input, output })
            }
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let shapes = r#"a price is {"input":"2.50","output":"10.00"} (and "cached_input" if it differs), {"rate":"2.50","completion_multiplier":"4"}, or "free""#;
        // A list would be read as the fields in their order; only an object says what its values are.
        let value = serde_json::Value::deserialize(from)?;
        let written = if value.is_array() { None } else { serde_json::from_value(value).ok() };
        let price = match written.ok_or_else(|| de::Error::custom(shapes))? {
            Written::Word(word) if word == "free" => return Ok(Price::Free),
            Written::Word(_) => return Err(de::Error::custom(shapes)),
            Written::Classic(Classic { rate, completion_multiplier }) => {
                let product = i128::from(rate.nanos()) * i128::from(completion_multiplier.nanos());
                let output = i64::try_from(product / 1_000_000_000).unwrap_or(i64::MAX);
                PerMillion { input: rate, cached_input: None, output: Credits::from_nanos(output) }
            }
            Written::PerMillion(Prices { input, cached_input, output }) => PerMillion { input, cached_input, output },
        };
        price.check().map_err(de::Error::custom)?;
        Ok(Price::PerMillion(price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Result<Price, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_price_can_be_checked_by_eye() {
        let price = price(r#"{"input":"1","output":"2"}"#).expect("valid");
        assert_eq!(price.cost(&Usage::new(3, 4)).to_string(), "0.000011");
    }

    #[test]
    fn cached_input_costs_its_own_price_and_a_fraction_rounds_up() {
        let price = price(r#"{"input":"2.50","cached_input":"1.25","output":"10.00"}"#).expect("valid");
        let usage = Usage { input: 100, cached_input: 40, output: 10, reasoning: 0 };
        assert_eq!(price.cost(&usage).nanos(), 60 * 2_500 + 40 * 1_250 + 10 * 10_000);
        let tiny = PerMillion { input: Credits::from_nanos(1), ..PerMillion::default() };
        assert_eq!(Price::PerMillion(tiny).cost(&Usage::new(1, 0)).nanos(), 1);
    }

    #[test]
    fn the_classic_form_is_the_same_prices_written_another_way() {
        assert_eq!(price(r#"{"rate":"2.50","completion_multiplier":"4"}"#), price(r#"{"input":"2.50","output":"10"}"#));
    }

    #[test]
    fn what_is_not_a_price_is_refused() {
        for bad in [
            r#""cheap""#,
            "{}",
            r#"["1","2","3"]"#,
            r#"{"input":"-1","output":"1"}"#,
            r#"{"input":"1","output":"1","per_mile":"1"}"#,
        ] {
            assert!(price(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn cost_is_monotone_and_never_above_its_bound(
            input in 0_u64..1_000_000_000, cached in 0_u64..1_000_000_000, output in 0_u64..1_000_000_000,
            prices in (0_i64..100_000_000_000, prop::option::of(0_i64..100_000_000_000), 0_i64..100_000_000_000),
        ) {
            let price = Price::PerMillion(PerMillion {
                input: Credits::from_nanos(prices.0),
                cached_input: prices.1.map(Credits::from_nanos),
                output: Credits::from_nanos(prices.2),
            });
            let usage = Usage { input, cached_input: cached.min(input), output, reasoning: 0 };
            prop_assert!(price.cost(&usage) <= price.bound(input, output));
            let more = Usage { output: output + 1, ..usage };
            prop_assert!(price.cost(&usage) <= price.cost(&more));
        }
    }
}
