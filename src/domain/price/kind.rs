//! The kinds of what is charged, and a price for each kind of token.

use crate::domain::credits::Credits;
use crate::domain::usage::Usage;

/// A kind of what a call uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Input,
    CachedInput,
    CacheWrite,
    CacheWrite1h,
    AudioInput,
    ImageInput,
    Output,
    Reasoning,
    AudioOutput,
    ImageOutput,
    Image,
    Characters,
    Audio,
    Video,
    Search,
    Request,
}

/// How many of the kinds are tokens: the first ones.
pub(super) const TOKENS: usize = 10;

impl Kind {
    /// Kinds of tokens. Each stands behind the kind that it costs as much as where it has no price of its own.
    pub const TOKENS: [Kind; TOKENS] = [
        Kind::Input,
        Kind::CachedInput,
        Kind::CacheWrite,
        Kind::CacheWrite1h,
        Kind::AudioInput,
        Kind::ImageInput,
        Kind::Output,
        Kind::Reasoning,
        Kind::AudioOutput,
        Kind::ImageOutput,
    ];

    /// How a price names it, as the management API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Input => "input",
            Kind::CachedInput => "cached_input",
            Kind::CacheWrite => "cache_write",
            Kind::CacheWrite1h => "cache_write_1h",
            Kind::AudioInput => "audio_input",
            Kind::ImageInput => "image_input",
            Kind::Output => "output",
            Kind::Reasoning => "reasoning",
            Kind::AudioOutput => "audio_output",
            Kind::ImageOutput => "image_output",
            Kind::Image => "per_image",
            Kind::Characters => "per_million_characters",
            Kind::Audio | Kind::Video => "per_second",
            Kind::Search => "per_search",
            Kind::Request => "per_request",
        }
    }

    /// How people read it, in the arithmetic of a cost.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Input => "input",
            Kind::CachedInput => "cached input",
            Kind::CacheWrite => "cache write",
            Kind::CacheWrite1h => "cache write for 1 h",
            Kind::AudioInput => "audio input",
            Kind::ImageInput => "image input",
            Kind::Output => "output",
            Kind::Reasoning => "reasoning",
            Kind::AudioOutput => "audio output",
            Kind::ImageOutput => "image output",
            Kind::Image => "images",
            Kind::Characters => "characters",
            Kind::Audio => "seconds of audio",
            Kind::Video => "seconds of video",
            Kind::Search => "searches",
            Kind::Request => "request",
        }
    }

    /// How many of it its price is for. Time is counted in milliseconds and priced by the second.
    pub fn per(self) -> u64 {
        match self {
            Kind::Image | Kind::Search | Kind::Request => 1,
            Kind::Audio | Kind::Video => 1_000,
            _ => MILLION,
        }
    }

    /// What its price is for, in words.
    pub fn unit(self) -> &'static str {
        match self {
            Kind::Image => "image",
            Kind::Characters => "million characters",
            Kind::Audio | Kind::Video => "second",
            Kind::Search => "search",
            Kind::Request => "request",
            _ => "million tokens",
        }
    }

    /// What it costs as much as where it has no price of its own.
    pub fn otherwise(self) -> Option<Kind> {
        match self {
            Kind::CachedInput | Kind::CacheWrite | Kind::AudioInput | Kind::ImageInput => Some(Kind::Input),
            Kind::CacheWrite1h => Some(Kind::CacheWrite),
            Kind::Reasoning | Kind::AudioOutput | Kind::ImageOutput => Some(Kind::Output),
            _ => None,
        }
    }

    fn place(self) -> usize {
        self as usize
    }
}

pub(super) const MILLION: u64 = 1_000_000;

/// Credits for a million tokens of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerMillion([Option<Credits>; TOKENS]);

impl PerMillion {
    pub fn new(input: Credits, output: Credits) -> Self {
        Self::default().with(Kind::Input, input).with(Kind::Output, output)
    }

    /// The same with this price of a kind of token; of what is no token there is none here.
    #[must_use]
    pub fn with(mut self, kind: Kind, price: Credits) -> Self {
        if let Some(place) = self.0.get_mut(kind.place()) {
            *place = Some(price);
        }
        self
    }

    /// A kind's own price, if it has one.
    pub fn stated(&self, kind: Kind) -> Option<Credits> {
        self.0.get(kind.place()).copied().flatten()
    }

    /// What a kind costs: its own price, or that of the kind it counts as.
    pub fn of(&self, kind: Kind) -> Credits {
        match (self.stated(kind), kind.otherwise()) {
            (Some(price), _) => price,
            (None, Some(other)) => self.of(other),
            (None, None) => Credits::ZERO,
        }
    }

    /// These prices where they are stated, and `base` for the rest.
    #[must_use]
    pub(super) fn over(&self, base: &PerMillion) -> PerMillion {
        let mut merged = *base;
        for kind in Kind::TOKENS {
            if let Some(price) = self.stated(kind) {
                merged = merged.with(kind, price);
            }
        }
        merged
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The highest price among these kinds.
    pub(super) fn dearest(&self, kinds: &[Kind]) -> Credits {
        kinds.iter().map(|kind| self.of(*kind)).max().unwrap_or_default()
    }

    /// How many tokens of each kind are charged at its own price: what has none counts as what it costs as much as.
    pub(super) fn charged(&self, usage: &Usage) -> [u64; TOKENS] {
        let mut counts = counts(usage);
        for kind in Kind::TOKENS.into_iter().rev() {
            if self.stated(kind).is_none()
                && let Some(other) = kind.otherwise()
            {
                counts[other.place()] = counts[other.place()].saturating_add(counts[kind.place()]);
                counts[kind.place()] = 0;
            }
        }
        counts
    }
}

/// Tokens by kind; of the whole, what no part of it has taken.
fn counts(usage: &Usage) -> [u64; TOKENS] {
    let fit = usage.within(u64::MAX, u64::MAX);
    let parts = [fit.cached_input, fit.cache_write, fit.cache_write_1h, fit.audio_input, fit.image_input];
    let input = parts.iter().fold(usage.input, |left, part| left.saturating_sub(*part));
    let spoken = [fit.reasoning, fit.audio_output, fit.image_output];
    let output = spoken.iter().fold(usage.output, |left, part| left.saturating_sub(*part));
    let [cached, write, write_1h, audio_in, image_in] = parts;
    let [reasoning, audio_out, image_out] = spoken;
    [input, cached, write, write_1h, audio_in, image_in, output, reasoning, audio_out, image_out]
}
