//! What a model's calls cost: each kind of what they use at its own price, rounded up to the next nano-credit once, at
//! the end.

mod kind;
mod lines;
pub mod version;
mod written;

use super::credits::Credits;
use super::usage::{Units, Usage};
pub use kind::{Kind, PerMillion};
use kind::{MILLION, TOKENS};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A model's price. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Price {
    /// Said to cost nothing. A model without a price is refused; one marked free is not.
    Free,
    Rates(Arc<Rates>),
}

/// What each kind costs. A kind that has no price, and none that stands for it, costs nothing: a model that is priced by
/// the image takes no money for tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    pub tokens: PerMillion,
    /// Other prices for calls with a longer input, the shortest first.
    pub tiers: Vec<Tier>,
    /// For an image generated, whatever its variant.
    pub per_image: Option<Credits>,
    /// For an image of a variant: its size, its quality, or both as `high/1024x1024`.
    pub per_image_by: BTreeMap<String, Credits>,
    pub per_million_characters: Option<Credits>,
    /// For a second of sound or video.
    pub per_second: Option<Credits>,
    /// For a second of a variant, such as `1080p`.
    pub per_second_by: BTreeMap<String, Credits>,
    pub per_request: Option<Credits>,
    pub per_search: Option<Credits>,
}

/// The prices of a call whose input is longer than this: they are the whole call's, not those of the tokens above it,
/// as Google and Anthropic price long contexts. What it does not price costs what it costs otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Input tokens, however they are read.
    pub above: u64,
    pub tokens: PerMillion,
}

/// One line of a bill: so many of a kind, at so much each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    /// In the smallest unit: tokens, images, characters, milliseconds, searches, requests.
    pub quantity: u64,
    /// Credits for [`Kind::per`] of them.
    pub each: Credits,
}

/// The most that a call may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantity {
    /// Tokens.
    pub input: u64,
    /// Tokens.
    pub output: u64,
    pub units: Units,
    pub content: Content,
}

/// What a call's input may hold, where that is known beforehand. It may hold anything where nobody has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Images or sounds.
    pub has_media: bool,
    /// Anything that the provider may be asked to keep in its cache, and charge for that.
    pub writes_cache: bool,
}

impl Default for Content {
    fn default() -> Self {
        Self { has_media: true, writes_cache: true }
    }
}

/// The highest price that can be entered: far above any real one, and small enough that the cost of the most absurd call
/// still fits its integer.
pub const DEAREST: Credits = Credits::from_nanos(1_000_000 * 1_000_000_000);

/// All kinds, tokens first.
const KINDS: usize = TOKENS + 6;

impl Price {
    /// By nothing but tokens, per million.
    pub fn per_million(input: Credits, output: Credits) -> Self {
        PerMillion::new(input, output).into()
    }

    pub fn cost(&self, usage: &Usage) -> Credits {
        match self {
            Price::Free => Credits::ZERO,
            Price::Rates(rates) => rounded_up(rates.lines(usage).iter().fold(0, |sum, line| line.exact() + sum)),
        }
    }

    /// The bill: every kind that was used and is priced, in one order. Kinds that cost as much as another because they
    /// have no price of their own are counted with it.
    pub fn bill(&self, usage: &Usage) -> Vec<Line> {
        match self {
            Price::Free => Vec::new(),
            Price::Rates(rates) => rates.lines(usage).into_iter().filter(|line| line.quantity > 0).collect(),
        }
    }

    /// The arithmetic of a cost, so that anyone can check it:
    /// `(1204 input × 2.50 + 512 output × 10.00) / 1,000,000 + 2 searches × 0.01`.
    pub fn basis(&self, usage: &Usage) -> String {
        let Price::Rates(rates) = self else { return "free".to_owned() };
        let lines = rates.lines(usage);
        let is_whole = |line: &&Line| matches!(line.kind, Kind::Input | Kind::Output);
        let is_said = |line: &&Line| line.quantity > 0 || (is_whole(line) && !rates.tokens.is_empty());
        let (millions, each): (Vec<_>, Vec<_>) =
            lines.iter().filter(is_said).partition(|line| line.kind.per() == MILLION);
        let words = |lines: &[&Line]| lines.iter().map(|line| line.to_string()).collect::<Vec<_>>().join(" + ");
        match (millions.is_empty(), each.is_empty()) {
            (true, true) => "nothing that has a price".to_owned(),
            (true, false) => words(&each),
            (false, true) => format!("({}) / 1,000,000", words(&millions)),
            (false, false) => format!("({}) / 1,000,000 + {}", words(&millions), words(&each)),
        }
    }

    /// The most that so much can cost, whichever kinds it turns out to be of: what is not known to be of a cheaper kind
    /// is taken to be of the dearest.
    pub fn bound(&self, most: &Quantity) -> Credits {
        let Price::Rates(rates) = self else { return Credits::ZERO };
        let aside = rates.aside(&most.units);
        let sums = rates.reachable(most).map(|(input, output)| {
            let tokens = times(most.input, input).saturating_add(times(most.output, output));
            tokens.saturating_add(aside)
        });
        rounded_up(sums.max().unwrap_or(aside))
    }

    /// The most output tokens that `money` pays for beside the rest of this quantity.
    pub fn affords(&self, most: &Quantity, money: Credits) -> u64 {
        let Price::Rates(rates) = self else { return u64::MAX };
        let money = i128::from(money.nanos()) * i128::from(MILLION);
        let left = money - rates.aside(&most.units);
        let each = rates.reachable(most).map(|(input, output)| {
            let left = left.saturating_sub(times(most.input, input));
            match i128::from(output.nanos()) {
                _ if left < 0 => 0,
                0 => u64::MAX,
                each => u64::try_from(left / each).unwrap_or(u64::MAX),
            }
        });
        each.min().unwrap_or(0)
    }

    /// The price of a call that asks for this variant of an image or a video: `high/1024x1024`, `1024x1024`, `high`, or
    /// nothing where it does not say. A variant in two parts that is not priced as such costs what its size does, else
    /// what its quality does; one that is not priced at all costs what every image does, and where no such price is
    /// stated, as much as the dearest.
    pub fn for_variant(&self, variant: &str) -> Price {
        match self {
            Price::Rates(rates) if !(rates.per_image_by.is_empty() && rates.per_second_by.is_empty()) => {
                let of = |by: &BTreeMap<String, Credits>, otherwise| variant_of(by, variant).or(otherwise);
                let mut resolved = Rates::clone(rates);
                resolved.per_image = of(&rates.per_image_by, rates.image());
                resolved.per_second = of(&rates.per_second_by, rates.second());
                (resolved.per_image_by, resolved.per_second_by) = (BTreeMap::new(), BTreeMap::new());
                resolved.into()
            }
            price => price.clone(),
        }
    }
}

impl Rates {
    /// What its tokens cost where the input is so long.
    pub fn tokens_at(&self, input: u64) -> PerMillion {
        let tier = self.tiers.iter().rev().find(|tier| input > tier.above);
        tier.map_or(self.tokens, |tier| tier.tokens.over(&self.tokens))
    }

    fn image(&self) -> Option<Credits> {
        self.per_image.or(self.per_image_by.values().max().copied())
    }

    fn second(&self) -> Option<Credits> {
        self.per_second.or(self.per_second_by.values().max().copied())
    }

    fn lines(&self, usage: &Usage) -> [Line; KINDS] {
        let tokens = self.tokens_at(usage.input);
        let charged = tokens.charged(usage);
        let mut lines = [Line { kind: Kind::Request, quantity: 0, each: Credits::ZERO }; KINDS];
        let others = self.others(&usage.units);
        let counted =
            Kind::TOKENS.into_iter().zip(charged).map(|(kind, quantity)| (kind, quantity, tokens.stated(kind)));
        for (line, (kind, quantity, each)) in lines.iter_mut().zip(counted.chain(others)) {
            // What has no price is not on the bill.
            *line = Line { kind, quantity: each.map_or(0, |_| quantity), each: each.unwrap_or_default() };
        }
        lines
    }

    /// What is no token.
    fn others(&self, units: &Units) -> [(Kind, u64, Option<Credits>); KINDS - TOKENS] {
        [
            (Kind::Image, units.images, self.image()),
            (Kind::Characters, units.characters, self.per_million_characters),
            (Kind::Audio, units.audio_ms, self.second()),
            (Kind::Video, units.video_ms, self.second()),
            (Kind::Search, units.searches, self.per_search),
            (Kind::Request, 1, self.per_request),
        ]
    }

    /// What is no token, in millionths of nano-credits.
    fn aside(&self, units: &Units) -> i128 {
        let lines = self
            .others(units)
            .map(|(kind, quantity, each)| Line { kind, quantity, each: each.unwrap_or_default() }.exact());
        lines.into_iter().fold(0, i128::saturating_add)
    }

    /// The dearest prices of input and of output, at every length of the input up to this.
    fn reachable(&self, most: &Quantity) -> impl Iterator<Item = (Credits, Credits)> + use<'_> {
        let mut input = vec![Kind::Input, Kind::CachedInput];
        if most.content.writes_cache {
            input.extend([Kind::CacheWrite, Kind::CacheWrite1h]);
        }
        if most.content.has_media {
            input.extend([Kind::AudioInput, Kind::ImageInput]);
        }
        let longest = most.input;
        let tiers = self.tiers.iter().filter(move |tier| tier.above < longest);
        let tiers = tiers.map(|tier| tier.tokens.over(&self.tokens));
        std::iter::once(self.tokens).chain(tiers).map(move |tokens| {
            let output = [Kind::Output, Kind::Reasoning, Kind::AudioOutput, Kind::ImageOutput];
            (tokens.dearest(&input), tokens.dearest(&output))
        })
    }
}

impl Line {
    /// In millionths of nano-credits.
    fn exact(&self) -> i128 {
        let whole = i128::from(self.quantity).saturating_mul(i128::from(self.each.nanos()));
        whole.saturating_mul(i128::from(MILLION / self.kind.per()))
    }

    /// What it comes to, rounded up.
    pub fn cost(&self) -> Credits {
        rounded_up(self.exact())
    }
}

/// `1204 input × 2.50`, `12.345 seconds of audio × 0.0001`.
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let label = match (self.kind, self.quantity) {
            (Kind::Image, 1) => "image",
            (Kind::Search, 1) => "search",
            (kind, _) => kind.label(),
        };
        match self.kind {
            Kind::Audio | Kind::Video => {
                let (seconds, ms) = (self.quantity / 1_000, self.quantity % 1_000);
                write!(f, "{seconds}.{ms:03} {label} × {}", self.each)
            }
            _ => write!(f, "{} {label} × {}", self.quantity, self.each),
        }
    }
}

impl From<PerMillion> for Price {
    fn from(tokens: PerMillion) -> Self {
        Rates { tokens, ..Rates::default() }.into()
    }
}

impl From<Rates> for Price {
    fn from(rates: Rates) -> Self {
        Price::Rates(Arc::new(rates))
    }
}

fn variant_of(by: &BTreeMap<String, Credits>, variant: &str) -> Option<Credits> {
    let (quality, size) = variant.split_once('/').unwrap_or((variant, variant));
    [variant, size, quality].into_iter().find_map(|name| by.get(name)).copied()
}

fn times(tokens: u64, price: Credits) -> i128 {
    i128::from(tokens) * i128::from(price.nanos())
}

/// Millionths of nano-credits as credits.
fn rounded_up(millionths: i128) -> Credits {
    let million = i128::from(MILLION);
    Credits::from_nanos(i64::try_from(millionths.saturating_add(million - 1).div_euclid(million)).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
