//! What was said to callers of the Responses API in a provider's stead, for as long as they may refer to it. Their
//! clients send an item of an earlier answer back by its id alone, unless they have said `"store": false`; a provider of
//! another API has never heard of that id. Nothing of it is written down: it is in this process's memory, for the key
//! that it was said to.

use super::call::{Ask, Reference};
use crate::domain::id::KeyId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All that is kept, in bytes; the oldest goes first.
const MOST: usize = 64 << 20;
/// How long it is kept.
const LONGEST: Duration = Duration::from_hours(24);

/// Items by their ids.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    items: HashMap<String, Item>,
    /// In the order in which they came.
    ids: VecDeque<String>,
    bytes: usize,
}

#[derive(Debug)]
struct Item {
    key_id: KeyId,
    at: Time,
    text: String,
}

impl Kept {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps items, each with its id.
    pub(super) fn keep(&self, key_id: &KeyId, at: Time, items: Vec<(String, String)>) {
        let mut shelf = self.shelf();
        for (id, text) in items {
            shelf.bytes += text.len();
            shelf.ids.push_back(id.clone());
            shelf.items.insert(id, Item { key_id: key_id.clone(), at, text });
        }
        shelf.clear(at);
    }

    /// The call with each item that it refers to in that item's place, where it is known here. Others stay as they are: a
    /// provider that speaks the Responses API may know them.
    ///
    /// # Errors
    /// As [`Ask::read`].
    pub(super) fn recalled(&self, ask: Ask, key_id: &KeyId, now: Time) -> Result<Ask, Refusal> {
        let references = ask.references();
        if references.is_empty() {
            return Ok(ask);
        }
        let mut shelf = self.shelf();
        shelf.clear(now);
        let known = references.into_iter().filter_map(|Reference { id, place }| {
            let item = shelf.items.get(&id).filter(|item| item.key_id == *key_id)?;
            Some((place, item.text.clone()))
        });
        let known: Vec<_> = known.collect();
        drop(shelf);
        if known.is_empty() { Ok(ask) } else { ask.with(known) }
    }
}

impl Shelf {
    fn clear(&mut self, now: Time) {
        while let Some(id) = self.ids.front() {
            let is_due = |item: &Item| self.bytes > MOST || now.since(item.at) > LONGEST;
            if self.items.get(id).is_some_and(|item| !is_due(item)) {
                return;
            }
            if let Some(item) = self.ids.pop_front().and_then(|id| self.items.remove(&id)) {
                self.bytes = self.bytes.saturating_sub(item.text.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of(kept: &Kept) -> (usize, usize) {
        let shelf = kept.shelf();
        (shelf.items.len(), shelf.bytes)
    }

    #[test]
    fn the_oldest_goes_first_where_it_is_too_much_or_too_long_ago() {
        let (kept, key) = (Kept::default(), KeyId("k".to_owned()));
        let start = Time::parse("2026-11-20T14:00:00Z").expect("a time");
        let half = "x".repeat(MOST / 2);
        for id in ["a", "b", "c"] {
            kept.keep(&key, start, vec![(id.to_owned(), half.clone())]);
        }
        assert_eq!(size_of(&kept), (2, MOST));
        assert!(!kept.shelf().items.contains_key("a"));
        kept.keep(&key, start.plus(LONGEST + Duration::from_secs(1)), vec![("d".to_owned(), "y".to_owned())]);
        assert_eq!(size_of(&kept), (1, 1));
    }
}
