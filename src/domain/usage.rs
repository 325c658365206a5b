//! The tokens a call used, by kind.

use serde::{Deserialize, Serialize};

/// Counts of tokens. `cached_input` is part of `input`, `reasoning` part of `output`, as OpenAI reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub input: u64,
    pub cached_input: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// No honest answer reports more tokens of a kind than this; larger figures are clamped to it.
const ABSURD: i64 = 1_000_000_000;

impl Usage {
    pub fn new(input: u64, output: u64) -> Self {
        Self { input, output, ..Self::default() }
    }

    /// What an upstream reported, made sane: nothing below zero, nothing absurd, no part above its whole. The second
    /// value says whether anything had to be changed, so that the call can be flagged.
    pub fn clamped(input: i64, cached_input: i64, output: i64, reasoning: i64) -> (Self, bool) {
        let sane = |count: i64, most: i64| count.clamp(0, most);
        let (in_, out) = (sane(input, ABSURD), sane(output, ABSURD));
        let (cached, thought) = (sane(cached_input, in_), sane(reasoning, out));
        let changed = (in_, cached, out, thought) != (input, cached_input, output, reasoning);
        let usage =
            Self { input: in_ as u64, cached_input: cached as u64, output: out as u64, reasoning: thought as u64 };
        (usage, changed)
    }

    /// Both together.
    pub fn plus(&self, other: &Usage) -> Usage {
        Usage {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }

    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
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
}

impl UsageSource {
    pub fn as_str(self) -> &'static str {
        match self {
            UsageSource::Upstream => "upstream",
            UsageSource::Estimated => "estimated",
            UsageSource::Interrupted => "interrupted",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [UsageSource::Upstream, UsageSource::Estimated, UsageSource::Interrupted]
            .into_iter()
            .find(|source| source.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_figures_are_clamped_and_flagged() {
        assert_eq!(Usage::clamped(10, 4, 5, 2), (Usage { input: 10, cached_input: 4, output: 5, reasoning: 2 }, false));
        assert_eq!(Usage::clamped(-5, 3, 7, 9), (Usage { input: 0, cached_input: 0, output: 7, reasoning: 7 }, true));
        assert_eq!(Usage::clamped(i64::MAX, 0, 0, 0).0.input, ABSURD as u64);
    }
}
