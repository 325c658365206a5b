//! How many wrong tries are borne before sign-in closes for a while.

use crate::domain::time::Time;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a count lasts, from its first try.
pub const WINDOW: Duration = Duration::from_mins(15);
/// How many names are remembered; beyond it, the one whose count ends soonest is forgotten.
const MOST_NAMES: usize = 20_000;

/// Counts tries by name. In memory, so that a flood of wrong passwords never becomes a flood of writes; a restart
/// forgives. Names are given as keyed hashes: they take the same room however long they were, and gateways that share
/// a process (as in tests) never meet.
pub struct Throttle {
    most: u32,
    windows: Mutex<BTreeMap<String, Window>>,
}

struct Window {
    opens_at: Time,
    tries: u32,
}

/// No try is left until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub opens_at: Time,
}

impl Throttle {
    pub const fn new(most: u32) -> Self {
        Self { most, windows: Mutex::new(BTreeMap::new()) }
    }

    /// Takes a try before it is known how it ends, so that tries made at the same time cannot exceed the count.
    /// Answers how many are left.
    ///
    /// # Errors
    /// Where none is left.
    pub fn take(&self, name: &str, now: Time) -> Result<u32, Closed> {
        let mut windows = self.windows();
        if !windows.contains_key(name) {
            make_room(&mut windows, now);
        }
        let fresh = || Window { opens_at: now.plus(WINDOW), tries: 0 };
        let window = windows.entry(name.to_owned()).or_insert_with(fresh);
        if window.opens_at <= now {
            *window = fresh();
        }
        if window.tries >= self.most {
            return Err(Closed { opens_at: window.opens_at });
        }
        window.tries += 1;
        Ok(self.most - window.tries)
    }

    /// The try was no wrong one.
    pub fn give_back(&self, name: &str) {
        if let Some(window) = self.windows().get_mut(name) {
            window.tries = window.tries.saturating_sub(1);
        }
    }

    /// All is forgiven.
    pub fn forget(&self, name: &str) {
        self.windows().remove(name);
    }

    fn windows(&self) -> MutexGuard<'_, BTreeMap<String, Window>> {
        // Nothing that holds the lock can panic half-way; counts stay whole.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room(windows: &mut BTreeMap<String, Window>, now: Time) {
    if windows.len() < MOST_NAMES {
        return;
    }
    windows.retain(|_, window| window.opens_at > now);
    if windows.len() >= MOST_NAMES {
        let soonest = windows.iter().min_by_key(|(_, window)| window.opens_at).map(|(name, _)| name.clone());
        soonest.map(|name| windows.remove(&name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_closes_opens_again_and_forgives_success() {
        let throttle = Throttle::new(2);
        let begun = Time::from_micros(1);
        let end = begun.plus(WINDOW);
        assert_eq!(throttle.take("a", begun), Ok(1));
        assert_eq!(throttle.take("a", begun), Ok(0));
        assert_eq!(throttle.take("a", begun), Err(Closed { opens_at: end }));
        assert_eq!(throttle.take("b", begun), Ok(1), "others are not held back");
        assert_eq!(throttle.take("a", end), Ok(1));
        throttle.forget("a");
        assert_eq!(throttle.take("a", end), Ok(1));
        throttle.give_back("a");
        assert_eq!(throttle.take("a", end), Ok(1));
    }

    #[test]
    fn a_flood_of_names_takes_bounded_memory() {
        let throttle = Throttle::new(1);
        for number in 0..MOST_NAMES + 10 {
            let now = Time::from_micros(i64::try_from(number).unwrap());
            assert_eq!(throttle.take(&number.to_string(), now), Ok(0));
        }
        assert_eq!(throttle.windows().len(), MOST_NAMES);
    }
}
