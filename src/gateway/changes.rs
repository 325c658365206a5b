//! What has changed, for pages that show it live.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Changes that a slow reader may be behind before it is told that anything may have changed.
const BEHIND: usize = 64;

/// A kind of thing that pages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Calls,
    Keys,
    Models,
    Providers,
    Accounts,
    Groups,
    Rules,
}

impl Topic {
    pub const ALL: [Topic; 7] =
        [Topic::Calls, Topic::Keys, Topic::Models, Topic::Providers, Topic::Accounts, Topic::Groups, Topic::Rules];

    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Calls => "calls",
            Topic::Keys => "keys",
            Topic::Models => "models",
            Topic::Providers => "providers",
            Topic::Accounts => "accounts",
            Topic::Groups => "groups",
            Topic::Rules => "rules",
        }
    }
}

/// The changes in this process.
#[derive(Debug)]
pub struct Changes {
    /// Tells marks of this process from those of others, and of its earlier lives.
    process: String,
    tell: broadcast::Sender<Topic>,
    /// How often each topic has changed. A change is counted and told in one.
    counts: Mutex<[u64; Topic::ALL.len()]>,
}

impl Changes {
    /// `process` is an id that no other process has; it has no dots.
    pub fn new(process: String) -> Self {
        Self { process, tell: broadcast::channel(BEHIND).0, counts: Mutex::default() }
    }

    pub fn announce(&self, topic: Topic) {
        let mut counts = self.counts();
        for (count, _) in counts.iter_mut().zip(Topic::ALL).filter(|(_, counted)| *counted == topic) {
            *count += 1;
        }
        // No page is open: nobody to tell.
        drop(self.tell.send(topic));
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Topic> {
        self.tell.subscribe()
    }

    /// Where the changes are now: whoever reads something after this and keeps the mark can ask what has changed since.
    pub fn mark(&self) -> String {
        let counts = self.counts().map(|count| count.to_string());
        format!("{}.{}", self.process, counts.join("."))
    }

    /// What has changed since that mark: anything, where it is not this process's.
    pub fn since(&self, mark: &str) -> Vec<Topic> {
        let now = self.mark();
        let mut then = mark.split('.');
        if then.next() != Some(&self.process) {
            return Topic::ALL.to_vec();
        }
        let now = now.split('.').skip(1);
        Topic::ALL.into_iter().zip(now).filter(|(_, now)| then.next() != Some(now)).map(|(topic, _)| topic).collect()
    }

    fn counts(&self) -> MutexGuard<'_, [u64; Topic::ALL.len()]> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_since_a_mark_is_told_and_nothing_else() {
        let changes = Changes::new("one".into());
        changes.announce(Topic::Keys);
        let mark = changes.mark();
        assert_eq!(changes.since(&mark), []);
        changes.announce(Topic::Rules);
        changes.announce(Topic::Calls);
        changes.announce(Topic::Rules);
        assert_eq!(changes.since(&mark), [Topic::Calls, Topic::Rules]);
        assert_eq!(changes.since(&changes.mark()), []);
    }

    #[test]
    fn of_another_process_anything_may_have_changed() {
        let changes = Changes::new("one".into());
        for mark in [Changes::new("another".into()).mark().as_str(), "", "one", "no mark"] {
            assert_eq!(changes.since(mark), Topic::ALL, "{mark:?}");
        }
    }
}
