//! A price as people write it in a form: a line for each kind.
//!
//! ```text
//! input 2.50
//! cached_input 1.25
//! output 10.00
//! per_image hd/1024x1024 0.08
//! above 200000 input 5.00 output 15.00
//! ```

use super::{Kind, PerMillion, Price, Rates};
use crate::domain::credits::Credits;
use serde_json::{Map, Value, json};

/// What stands after these may be a variant.
const BY_VARIANT: [&str; 2] = ["per_image", "per_second"];

impl Rates {
    /// A line for each price, those of `known` left out: they have fields of their own.
    pub fn lines_but(&self, known: &[Kind]) -> String {
        let mut lines = Vec::new();
        for kind in Kind::TOKENS.into_iter().filter(|kind| !known.contains(kind)) {
            lines.extend(self.tokens.stated(kind).map(|price| format!("{} {price}", kind.name())));
        }
        for (kind, price) in [
            (Kind::Image, self.per_image),
            (Kind::Characters, self.per_million_characters),
            (Kind::Audio, self.per_second),
            (Kind::Search, self.per_search),
            (Kind::Request, self.per_request),
        ] {
            lines.extend(price.map(|price| format!("{} {price}", kind.name())));
        }
        for (name, by) in [(BY_VARIANT[0], &self.per_image_by), (BY_VARIANT[1], &self.per_second_by)] {
            lines.extend(by.iter().map(|(variant, price)| format!("{name} {variant} {price}")));
        }
        for tier in &self.tiers {
            lines.push(format!("above {} {}", tier.above, pairs(&tier.tokens)));
        }
        lines.join("\n")
    }
}

fn pairs(tokens: &PerMillion) -> String {
    let pairs = Kind::TOKENS.into_iter().filter_map(|kind| Some(format!("{} {}", kind.name(), tokens.stated(kind)?)));
    pairs.collect::<Vec<_>>().join(" ")
}

impl Price {
    /// Reads lines; `None` where they say nothing. `free` alone is a price too.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub fn from_lines(text: &str) -> Result<Option<Price>, String> {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match lines[..] {
            [] => return Ok(None),
            ["free"] => return Ok(Some(Price::Free)),
            _ => {}
        }
        let mut fields = Map::new();
        let mut tiers: Vec<Value> = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let said = match words[..] {
                ["above", above, ref rest @ ..] => {
                    let mut tier = of_pairs(rest).ok_or_else(|| unread(line))?;
                    let above: u64 = above.parse().map_err(|_| unread(line))?;
                    tier.insert("above".to_owned(), json!(above));
                    tiers.push(tier.into());
                    None
                }
                [name, variant, price] if BY_VARIANT.contains(&name) => {
                    let by = fields.entry(format!("{name}_by")).or_insert_with(|| Map::new().into());
                    by.as_object_mut().and_then(|by| by.insert(variant.to_owned(), json!(amount(price))))
                }
                [name, price] => fields.insert(name.to_owned(), json!(amount(price))),
                _ => return Err(unread(line)),
            };
            if said.is_some() {
                return Err(format!("“{line}” prices what another line prices too"));
            }
        }
        if !tiers.is_empty() {
            fields.insert("tiers".to_owned(), tiers.into());
        }
        Price::read(fields.into()).map(Some)
    }
}

fn of_pairs(words: &[&str]) -> Option<Map<String, Value>> {
    let pairs = words.chunks(2).map(|pair| match pair {
        [name, price] => Some(((*name).to_owned(), json!(amount(price)))),
        _ => None,
    });
    pairs.collect::<Option<Map<_, _>>>().filter(|pairs| !pairs.is_empty())
}

/// As the reader of prices takes it; what is no amount is its to complain of.
fn amount(text: &str) -> String {
    Credits::parse(text).map_or_else(|| text.to_owned(), |price| price.to_string())
}

fn unread(line: &str) -> String {
    format!("“{line}” cannot be read: write a kind and its price, such as `cached_input 1.25`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_in_lines_reads_back_the_same() {
        let text = "input 2.50\ncached_input 1.25\noutput 10.00\nper_image 0.04\nper_search 0.01\n\
                    per_image hd/1024x1024 0.08\nper_second 1080p 0.50\nabove 200000 input 5.00 output 15.00";
        let Ok(Some(Price::Rates(rates))) = Price::from_lines(text) else { panic!("a price") };
        assert_eq!(rates.lines_but(&[]), text);
        assert!(rates.lines_but(&[Kind::Input, Kind::CachedInput, Kind::Output]).starts_with("per_image 0.04\n"));
        assert_eq!(Price::from_lines(" \n\n"), Ok(None));
        assert_eq!(Price::from_lines(" free "), Ok(Some(Price::Free)));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named() {
        for text in [
            "input",
            "input 1 2",
            "input 1\ninput 2\noutput 3",
            "per_image a b c",
            "above 9",
            "above many input 1",
            "above 9 input",
            "input 1\noutput 2\nper_mile 3",
            "input cheap\noutput 2",
            "input 1",
        ] {
            assert!(Price::from_lines(text).is_err(), "{text}");
        }
    }
}
