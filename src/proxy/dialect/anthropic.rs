//! Anthropic's Messages API. Source: docs.claude.com, "Messages".

pub mod answer;
pub mod read;
pub mod stream;
pub mod write;

use super::neutral::Finish;

/// A signature that Gemini wants back, among those that Anthropic does.
pub const FROM_GEMINI: &str = "gemini:";

/// Models that are told a budget of tokens to think with; later ones refuse it.
pub fn thinks_by_budget(model: &str) -> bool {
    const OLDER: [&str; 10] = [
        "claude-3",
        "claude-haiku-4",
        "claude-opus-4-0",
        "claude-opus-4-1",
        "claude-opus-4-2025",
        "claude-opus-4-5",
        "claude-sonnet-4-0",
        "claude-sonnet-4-2025",
        "claude-sonnet-4-5",
        "claude-2",
    ];
    OLDER.iter().any(|older| model.contains(older))
}

pub fn finish(reason: &str, sequence: Option<&str>) -> Finish {
    match (reason, sequence) {
        ("stop_sequence", Some(sequence)) => Finish::Sequence(sequence.to_owned()),
        ("max_tokens" | "model_context_window_exceeded", _) => Finish::Length,
        ("tool_use", _) => Finish::Calls,
        ("refusal", _) => Finish::Filtered,
        _ => Finish::Stop,
    }
}

/// The reason, and the sequence beside it.
pub fn reason(finish: &Finish) -> (&'static str, Option<&str>) {
    match finish {
        Finish::Stop => ("end_turn", None),
        Finish::Sequence(sequence) => ("stop_sequence", Some(sequence)),
        Finish::Length => ("max_tokens", None),
        Finish::Calls => ("tool_use", None),
        Finish::Filtered => ("refusal", None),
    }
}
