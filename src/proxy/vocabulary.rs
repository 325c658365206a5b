//! Tokenizers whose vocabulary is public, and what is documented of how their models take images.

use std::collections::HashSet;
use std::sync::OnceLock;
use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

/// How a model cuts text into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `gpt-4o`, `gpt-4.1`, `gpt-5` and the o series.
    O200k,
    /// `gpt-4` and `gpt-3.5-turbo`.
    Cl100k,
    /// Not known here. `gpt-oss` is among them: its template says more than OpenAI's API counts.
    Unknown,
}

impl Family {
    /// By the name that the upstream knows the model by.
    pub(super) fn of(upstream_model: &str) -> Self {
        match get_tokenizer(base(upstream_model)) {
            Some(Tokenizer::O200kBase) => Family::O200k,
            Some(Tokenizer::Cl100kBase) => Family::Cl100k,
            _ => Family::Unknown,
        }
    }
}

/// The model behind a name: without the maker that OpenRouter writes before it, or what a fine-tune writes around it.
fn base(upstream_model: &str) -> &str {
    let maker = ["openai/", "anthropic/"].iter().find_map(|maker| upstream_model.strip_prefix(maker));
    let name = maker.unwrap_or(upstream_model);
    name.strip_prefix("ft:").map_or(name, |tuned| tuned.split(':').next().unwrap_or(tuned))
}

/// The most tokens that a model takes for one image, at OpenAI. Source: platform.openai.com, "Images and vision", calculating
/// costs. An image is scaled until it has at most eight tiles of 512 pixels (base + 8 × tile), or 1,536 patches of 32
/// pixels times the model's factor. Anthropic scales one to at most 1,568 tokens, for its newer models to 4,784. Source:
/// docs.claude.com, "Vision".
const LARGEST_IMAGES: [(&str, u64); 16] = [
    ("claude", 4_784),
    ("gpt-4o-mini", 2_833 + 8 * 5_667),
    ("gpt-4.1-mini", 2_489),
    ("gpt-4.1-nano", 3_779),
    ("gpt-5-mini", 2_489),
    ("gpt-5-nano", 3_779),
    ("o4-mini", 2_642),
    ("gpt-4o", 85 + 8 * 170),
    ("chatgpt-4o", 85 + 8 * 170),
    ("gpt-4.1", 85 + 8 * 170),
    ("gpt-4.5", 85 + 8 * 170),
    ("gpt-4-turbo", 85 + 8 * 170),
    ("gpt-4-vision", 85 + 8 * 170),
    ("gpt-5", 70 + 8 * 140),
    ("o1", 75 + 8 * 150),
    ("o3", 75 + 8 * 150),
];

/// The most tokens that this model takes for one image, where that is documented.
pub(super) fn largest_image(upstream_model: &str) -> Option<u64> {
    let name = base(upstream_model);
    // `gpt-5-2025-08-07` is a `gpt-5`; `gpt-5.2` is another model.
    let is_one = |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    LARGEST_IMAGES.iter().find(|(known, _)| is_one(known)).map(|(_, most)| *most)
}

/// The vocabularies, each taken in when it is first needed and then kept: 46 MB of memory and 0.2 s for o200k, 24 MB
/// and 0.1 s for cl100k. A process none of whose calls comes near a limit never pays for them.
#[derive(Default)]
pub struct Vocabularies {
    o200k: OnceLock<Option<CoreBPE>>,
    cl100k: OnceLock<Option<CoreBPE>>,
}

impl Vocabularies {
    /// Tokens of a text. Blocks the thread for up to a third of a second a megabyte. A text that cannot be counted,
    /// such as a megabyte of blanks, which the encoding's own pattern runs aground on, is worth its bytes; so is any
    /// text of an unknown family.
    pub(super) fn count(&self, family: Family, text: &str) -> u64 {
        // A vocabulary is a constant of this binary, and is read or not, once and for all.
        let known = match family {
            Family::O200k => self.o200k.get_or_init(|| tiktoken_rs::o200k_base().ok()).as_ref(),
            Family::Cl100k => self.cl100k.get_or_init(|| tiktoken_rs::cl100k_base().ok()).as_ref(),
            Family::Unknown => None,
        };
        // Names of special tokens are text like any other where a caller writes them.
        let tokens = known.and_then(|known| known.count(text, &HashSet::new()).ok());
        tokens.unwrap_or(text.len()) as u64
    }

    /// Whether any of them is in memory.
    pub fn are_loaded(&self) -> bool {
        self.o200k.get().is_some() || self.cl100k.get().is_some()
    }
}

impl std::fmt::Debug for Vocabularies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabularies").field("loaded", &self.are_loaded()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static VOCABULARIES: LazyLock<Vocabularies> = LazyLock::new(Vocabularies::default);

    #[test]
    fn texts_count_as_openais_own_library_counts_them() {
        // Figures of PyPI's tiktoken 0.12 on vocabularies with OpenAI's published hashes: text, o200k, cl100k.
        for (text, o200k, cl100k) in [
            ("", 0, 0),
            ("hello world", 2, 2),
            ("tiktoken is great!", 6, 6),
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 8, 9),
            ("<|endoftext|>", 7, 7),
            ("Grüße aus Köln 👋\n\n    indented", 11, 12),
            ("一二三四五六七八九十", 10, 14),
        ] {
            assert_eq!(VOCABULARIES.count(Family::O200k, text), o200k, "{text:?}");
            assert_eq!(VOCABULARIES.count(Family::Cl100k, text), cl100k, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_the_encoding_runs_aground_on_is_worth_its_bytes() {
        assert_eq!(VOCABULARIES.count(Family::O200k, &" ".repeat(1_000_000)), 1_000_000);
    }

    #[test]
    fn families_are_known_by_the_upstreams_name() {
        for (name, family) in [
            ("gpt-4o-2024-08-06", Family::O200k),
            ("openai/gpt-4.1-mini", Family::O200k),
            ("o4-mini", Family::O200k),
            ("gpt-5.2", Family::O200k),
            ("ft:gpt-4o-mini:acme::abc", Family::O200k),
            ("gpt-4-0613", Family::Cl100k),
            ("gpt-3.5-turbo", Family::Cl100k),
            ("gpt-oss-20b", Family::Unknown),
            ("llama-3.3-70b", Family::Unknown),
            ("upstream-model", Family::Unknown),
        ] {
            assert_eq!(Family::of(name), family, "{name}");
        }
    }

    #[test]
    fn an_image_is_bounded_where_its_model_is_documented() {
        assert_eq!(largest_image("gpt-4o-mini-2024-07-18"), Some(48_169));
        assert_eq!(largest_image("gpt-4o"), Some(1_445));
        assert_eq!(largest_image("openai/gpt-5-2025-08-07"), Some(1_190));
        assert_eq!(largest_image("anthropic/claude-sonnet-4-5"), Some(4_784));
        assert_eq!(largest_image("gpt-5.2"), None);
        assert_eq!(largest_image("llava"), None);
    }

    proptest! {
        /// What the first try of every admission rests on.
        #[test]
        fn no_text_has_more_tokens_than_bytes(text in "\\PC{0,40}") {
            for family in [Family::O200k, Family::Cl100k] {
                prop_assert!(VOCABULARIES.count(family, &text) <= text.len() as u64);
            }
        }
    }
}
