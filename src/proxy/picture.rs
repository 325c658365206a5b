//! What OpenAI's models draw and look at, in tokens. Source: platform.openai.com, "Image generation", cost and latency.

/// The models that these figures are of.
const PAINTERS: [&str; 3] = ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5"];

/// Tokens of a picture that is square, tall or wide, by its quality.
const DRAWN: [(&str, [u64; 3]); 3] =
    [("low", [272, 408, 400]), ("medium", [1_056, 1_584, 1_568]), ("high", [4_160, 6_240, 6_208])];
const SIZES: [&str; 3] = ["1024x1024", "1024x1536", "1536x1024"];

/// A preview in a stream.
const PREVIEWED: u64 = 100;
/// A picture that is looked at closely: 65, and 129 for each tile of a side as long as its shorter one, of which sixteen are
/// taken to be the most; and what its fidelity takes, 6,144 for one that is not square.
const LOOKED_AT: u64 = 65 + 16 * 129 + 6_144;

/// Tokens at the most, of one picture each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub drawn: u64,
    pub previewed: u64,
    pub looked_at: u64,
}

impl Picture {
    /// The dearer of two in everything.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            drawn: self.drawn.max(other.drawn),
            previewed: self.previewed.max(other.previewed),
            looked_at: self.looked_at.max(other.looked_at),
        }
    }
}

/// What this model takes for a picture of this quality and size, where that is documented. What the caller leaves to the model
/// is the dearest.
pub(super) fn picture(upstream_model: &str, quality: &str, size: &str) -> Option<Picture> {
    let name = upstream_model.strip_prefix("openai/").unwrap_or(upstream_model);
    // A date may follow.
    let is_one = |known: &str| {
        let rest = name.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("-20"))
    };
    PAINTERS.into_iter().find(|known| is_one(known))?;
    let known = DRAWN.iter().find(|(known, _)| *known == quality);
    let (_, drawn) = known.or(DRAWN.last())?;
    let drawn = match SIZES.iter().position(|known| *known == size) {
        Some(at) => drawn[at],
        None => drawn.iter().copied().max()?,
    };
    Some(Picture { drawn, previewed: PREVIEWED, looked_at: LOOKED_AT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_takes_what_is_documented_and_the_most_where_the_model_decides() {
        let drawn = |model: &str, quality: &str, size: &str| picture(model, quality, size).map(|picture| picture.drawn);
        assert_eq!(drawn("gpt-image-1", "low", "1024x1024"), Some(272));
        assert_eq!(drawn("gpt-image-1.5-2025-12-16", "medium", "1536x1024"), Some(1_568));
        assert_eq!(drawn("openai/gpt-image-1-mini", "auto", ""), Some(6_240));
        assert_eq!(drawn("gpt-image-9", "low", "1024x1024"), None);
    }
}
