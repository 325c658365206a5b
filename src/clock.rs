//! The only place that asks the time; wound by hand in tests.

use crate::domain::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock. Cheap to clone; clones of a hand-wound one share its hands.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    ByHand(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still until it is wound.
    pub fn by_hand(at: Time) -> Self {
        Clock::ByHand(Arc::new(AtomicI64::new(at.micros())))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> Time {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                Time::EPOCH.plus(since)
            }
            Clock::ByHand(hands) => Time::from_micros(hands.load(Ordering::SeqCst)),
        }
    }

    /// What the time is, given what a shared database says it is: that, for all processes alike. A clock wound by hand
    /// stands for the database's, too.
    pub fn of_the_store(&self, store_time: Time) -> Time {
        match self {
            Clock::System => store_time,
            Clock::ByHand(_) => self.now(),
        }
    }

    /// Moves a hand-wound clock on; a system clock minds itself.
    pub fn wind(&self, by: Duration) {
        if let Clock::ByHand(hands) = self {
            hands.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
        }
    }

    /// A new id: UUID version 7 (RFC 9562), so that ids sort by when they were made.
    pub fn id(&self) -> String {
        let since = u64::try_from(self.now().micros()).unwrap_or(0);
        let (seconds, micros) = (since / 1_000_000, since % 1_000_000);
        let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, u32::try_from(micros * 1_000).unwrap_or(0));
        uuid::Uuid::new_v7(stamp).to_string()
    }
}
