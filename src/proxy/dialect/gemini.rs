//! Gemini's `generateContent`. Source: ai.google.dev/api/generate-content.

pub mod answer;
pub mod read;
pub mod schema;
pub mod stream;
pub mod write;

use super::Dialect;
use super::neutral::{Finish, Seal};

/// Stands before a signature that Anthropic wants back, among those that Gemini does: these are base64, and libraries
/// take them apart.
pub const SEALED_BY_ANTHROPIC: &str = "YW50aHJvcGlj";

/// A signature as a caller sends it back. Libraries write base64 in the alphabet for URLs.
pub fn seal(signature: &str) -> Seal {
    match signature.strip_prefix(SEALED_BY_ANTHROPIC) {
        Some(data) => Seal::new(Dialect::Anthropic, data.replace('-', "+").replace('_', "/")),
        None => Seal::new(Dialect::Gemini, signature),
    }
}

pub fn finish(reason: &str) -> Finish {
    match reason {
        "MAX_TOKENS" => Finish::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Finish::Filtered,
        _ => Finish::Stop,
    }
}

pub fn reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Sequence(_) | Finish::Calls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::Filtered => "SAFETY",
    }
}

/// Models that are told a level to think at; earlier ones a budget of tokens.
pub fn thinks_by_level(model: &str) -> bool {
    model.contains("gemini-3")
}
