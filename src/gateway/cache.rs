//! Answers kept for identical calls, for keys that ask for it: in this process's memory, within a bound. What is lost with
//! the process costs one more call, so no database is asked on the way of every call.

use super::Gateway;
use crate::domain::id::KeyId;
use crate::domain::time::Time;
use bytes::Bytes;
use http::HeaderMap;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// All that one process keeps, in bytes.
const MOST: u64 = 64 << 20;
/// How many answers it is laid out for.
const ABOUT: usize = 4_096;
/// A larger answer is not kept, in bytes.
pub const LARGEST_ANSWER: usize = 1 << 20;

/// What was asked, and by whose key: equal only where all of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Question([u8; 32]);

impl Question {
    pub fn of(key: &KeyId, parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in [key.as_str().as_bytes()].iter().chain(parts) {
            // With its length, so that no two lists of parts read alike.
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// An answer as its caller was sent it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Those of its head that are the answer's own.
    pub headers: HeaderMap,
    pub body: Bytes,
    at: Time,
}

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Question, Arc<Kept>> for ByBytes {
    fn weight(&self, _: &Question, kept: &Arc<Kept>) -> u64 {
        // Beside the body, about what its head and its place take.
        kept.body.len() as u64 + 512
    }
}

/// What one process keeps.
#[derive(Debug)]
pub(super) struct Answers(Cache<Question, Arc<Kept>, ByBytes>);

impl Default for Answers {
    fn default() -> Self {
        Self(Cache::with_weighter(ABOUT, MOST, ByBytes))
    }
}

impl Gateway {
    /// The answer to the same question, if one is kept that is no older than this.
    pub fn recall(&self, question: &Question, ttl: Duration) -> Option<Arc<Kept>> {
        let kept = self.0.answers.0.get(question)?;
        let is_fresh = self.0.clock.now().since(kept.at) < ttl;
        if !is_fresh {
            self.0.answers.0.remove(question);
        }
        is_fresh.then_some(kept)
    }

    /// Keeps an answer for whoever asks the same with the same key. One that is too large is not kept.
    pub fn keep(&self, question: Question, headers: HeaderMap, body: Bytes) {
        if body.len() <= LARGEST_ANSWER {
            self.0.answers.0.insert(question, Arc::new(Kept { headers, body, at: self.0.clock.now() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_that_differ_in_any_part_are_not_the_same() {
        let (one, other) = (KeyId("one".to_owned()), KeyId("other".to_owned()));
        let asked = Question::of(&one, &[b"/v1/a", b"bc"]);
        assert_eq!(asked, Question::of(&one, &[b"/v1/a", b"bc"]));
        assert_ne!(asked, Question::of(&other, &[b"/v1/a", b"bc"]));
        assert_ne!(asked, Question::of(&one, &[b"/v1/ab", b"c"]));
        assert_ne!(asked, Question::of(&one, &[b"/v1/a", b"b", b"c"]));
    }
}
