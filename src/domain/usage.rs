//! What a call used, by kind.

use serde::{Deserialize, Serialize};

/// Counts of tokens, and of what is no token. The parts of `input` share no token with one another, and neither do those
/// of `output`: a token that was read from a cache counts as that, whatever it held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All of the input, its parts included.
    pub input: u64,
    /// Part of `input`: read from the provider's cache.
    pub cached_input: u64,
    /// Part of `input`: written into the provider's cache, to be kept for a few minutes.
    pub cache_write: u64,
    /// Part of `input`: written into the provider's cache, to be kept for an hour.
    pub cache_write_1h: u64,
    /// Part of `input`: sounds, where the upstream tells them apart.
    pub audio_input: u64,
    /// Part of `input`: images, where the upstream tells them apart.
    pub image_input: u64,
    /// All of the output, its parts included.
    pub output: u64,
    /// Part of `output`: what was thought and not said.
    pub reasoning: u64,
    /// Part of `output`: sounds.
    pub audio_output: u64,
    /// Part of `output`: images, where they are counted in tokens.
    pub image_output: u64,
    pub units: Units,
}

/// Counts of what is no token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Units {
    /// Images generated.
    pub images: u64,
    /// Characters of text to be spoken.
    pub characters: u64,
    /// Milliseconds of sound, taken in or generated.
    pub audio_ms: u64,
    /// Milliseconds of video generated.
    pub video_ms: u64,
    /// Searches: of the web by the provider, or a reranker's search units.
    pub searches: u64,
}

/// What an upstream says of a call's tokens, before anyone has believed it. Named as in [`Usage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    pub input: i64,
    pub cached_input: i64,
    pub cache_write: i64,
    pub cache_write_1h: i64,
    pub audio_input: i64,
    pub image_input: i64,
    pub output: i64,
    pub reasoning: i64,
    pub audio_output: i64,
    pub image_output: i64,
}

/// No honest answer reports more tokens of a kind than this; larger figures are clamped to it.
const ABSURD: i64 = 1_000_000_000;

impl Usage {
    pub const NONE: Usage = Usage {
        input: 0,
        cached_input: 0,
        cache_write: 0,
        cache_write_1h: 0,
        audio_input: 0,
        image_input: 0,
        output: 0,
        reasoning: 0,
        audio_output: 0,
        image_output: 0,
        units: Units::NONE,
    };

    pub fn new(input: u64, output: u64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// Nothing but what is no token.
    pub fn of(units: Units) -> Self {
        Self { units, ..Self::default() }
    }

    /// What an upstream reported, made sane: nothing below zero, nothing absurd, no part above its whole. The second
    /// value says whether anything had to be changed, so that the call can be flagged. Parts that overlap are not
    /// flagged: some upstreams say how much was cached and how much was heard, and not how much was both; what was cached
    /// comes first then, as the upstream charges it.
    pub fn clamped(said: Reported) -> (Self, bool) {
        let mut changed = false;
        let mut sane = |count: i64, most: i64| {
            changed |= !(0..=most).contains(&count);
            count.clamp(0, most)
        };
        let (input, output) = (sane(said.input, ABSURD), sane(said.output, ABSURD));
        let of_input = [said.cached_input, said.cache_write_1h, said.cache_write, said.audio_input, said.image_input];
        let of_output = [said.audio_output, said.image_output, said.reasoning];
        let of_input = apart(input, of_input.map(|count| sane(count, input)));
        let of_output = apart(output, of_output.map(|count| sane(count, output)));
        let [cached_input, cache_write_1h, cache_write, audio_input, image_input] = of_input;
        let [audio_output, image_output, reasoning] = of_output;
        let (input, output) = (input as u64, output as u64);
        let usage = Self {
            input,
            cached_input,
            cache_write,
            cache_write_1h,
            audio_input,
            image_input,
            output,
            reasoning,
            audio_output,
            image_output,
            units: Units::default(),
        };
        (usage, changed)
    }

    /// The same with parts that fit into these wholes.
    pub fn within(&self, input: u64, output: u64) -> Usage {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).min(ABSURD);
        let (usage, _) = Usage::clamped(Reported {
            input: whole(self.input.min(input)),
            cached_input: whole(self.cached_input),
            cache_write: whole(self.cache_write),
            cache_write_1h: whole(self.cache_write_1h),
            audio_input: whole(self.audio_input),
            image_input: whole(self.image_input),
            output: whole(self.output.min(output)),
            reasoning: whole(self.reasoning),
            audio_output: whole(self.audio_output),
            image_output: whole(self.image_output),
        });
        Usage { units: self.units, ..usage }
    }

    /// Both together.
    pub fn plus(&self, other: &Usage) -> Usage {
        Usage {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            audio_input: self.audio_input.saturating_add(other.audio_input),
            image_input: self.image_input.saturating_add(other.image_input),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            audio_output: self.audio_output.saturating_add(other.audio_output),
            image_output: self.image_output.saturating_add(other.image_output),
            units: self.units.plus(&other.units),
        }
    }

    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// Parts of a whole, each no more than those before it have left.
fn apart<const PARTS: usize>(whole: i64, parts: [i64; PARTS]) -> [u64; PARTS] {
    let mut left = whole;
    parts.map(|part| {
        let part = part.min(left);
        left -= part;
        part as u64
    })
}

impl Units {
    pub const NONE: Units = Units { images: 0, characters: 0, audio_ms: 0, video_ms: 0, searches: 0 };

    /// Both together.
    pub fn plus(&self, other: &Units) -> Units {
        Units {
            images: self.images.saturating_add(other.images),
            characters: self.characters.saturating_add(other.characters),
            audio_ms: self.audio_ms.saturating_add(other.audio_ms),
            video_ms: self.video_ms.saturating_add(other.video_ms),
            searches: self.searches.saturating_add(other.searches),
        }
    }

    /// The more of each.
    pub fn larger(&self, other: &Units) -> Units {
        Units {
            images: self.images.max(other.images),
            characters: self.characters.max(other.characters),
            audio_ms: self.audio_ms.max(other.audio_ms),
            video_ms: self.video_ms.max(other.video_ms),
            searches: self.searches.max(other.searches),
        }
    }

    /// No more of each than `most`.
    pub fn within(&self, most: &Units) -> Units {
        Units {
            images: self.images.min(most.images),
            characters: self.characters.min(most.characters),
            audio_ms: self.audio_ms.min(most.audio_ms),
            video_ms: self.video_ms.min(most.video_ms),
            searches: self.searches.min(most.searches),
        }
    }

    pub fn is_none(&self) -> bool {
        *self == Units::NONE
    }
}

/// Where a call's figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The upstream said so.
    Upstream,
    /// Ours: the upstream did not say, or its figure never arrived.
    Estimated,
    /// The process died while the call was in flight; its whole hold was charged.
    Interrupted,
    /// An answer that was kept served an identical call: nothing was used.
    Cache,
}

impl UsageSource {
    pub fn as_str(self) -> &'static str {
        match self {
            UsageSource::Upstream => "upstream",
            UsageSource::Estimated => "estimated",
            UsageSource::Interrupted => "interrupted",
            UsageSource::Cache => "cache",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [UsageSource::Upstream, UsageSource::Estimated, UsageSource::Interrupted, UsageSource::Cache]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_figures_are_clamped_and_flagged() {
        let said = |input, cached_input, output, reasoning| {
            Usage::clamped(Reported { input, cached_input, output, reasoning, ..Reported::default() })
        };
        let usage = Usage { input: 10, cached_input: 4, output: 5, reasoning: 2, ..Usage::default() };
        assert_eq!(said(10, 4, 5, 2), (usage, false));
        assert_eq!(said(-5, 3, 7, 9), (Usage { output: 7, reasoning: 7, ..Usage::default() }, true));
        assert_eq!(said(i64::MAX, 0, 0, 0).0.input, ABSURD as u64);
    }

    #[test]
    fn parts_that_overlap_share_no_token_and_what_was_cached_comes_first() {
        let said = Reported { input: 10, cached_input: 4, audio_input: 8, ..Reported::default() };
        let usage = Usage { input: 10, cached_input: 4, audio_input: 6, ..Usage::default() };
        assert_eq!(Usage::clamped(said), (usage, false));
        let said = Reported { output: 5, reasoning: 3, audio_output: 4, ..Reported::default() };
        let usage = Usage { output: 5, reasoning: 1, audio_output: 4, ..Usage::default() };
        assert_eq!(Usage::clamped(said), (usage, false));
    }
}
