//! The running count against a limit in one period: what is settled, and what calls in flight still hold.

use super::period::Period;
use super::time::Time;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A count in buckets. A calendar period has a single bucket; a sliding one drops buckets as they leave its window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// Window and bucket length in microseconds, for sliding periods.
    window: Option<(i64, i64)>,
    buckets: SmallVec<[Bucket; 1]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bucket {
    start: i64,
    settled: i64,
    held: i64,
}

/// What a meter shows at an instant, in the measure's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub settled: i64,
    pub held: i64,
}

impl Reading {
    pub fn total(self) -> i64 {
        self.settled.saturating_add(self.held)
    }
}

impl Meter {
    pub fn new(period: Period) -> Self {
        let micros = |span: std::time::Duration| span.as_micros() as i64;
        Self {
            window: period.window().map(|(window, bucket)| (micros(window), micros(bucket))),
            buckets: SmallVec::new(),
        }
    }

    /// Adds what was used before this meter was in memory.
    pub fn load(&mut self, at: Time, settled: i64) {
        self.bucket(at).settled += settled;
    }

    /// What a reset takes off at `at`: each bucket that counts, and what must be added there to make it nothing. What
    /// calls in flight hold is not touched.
    pub fn reset(&self, at: Time) -> Vec<(Time, i64)> {
        let counted = self.buckets.iter().filter(|bucket| self.counts(bucket, at) && bucket.settled != 0);
        counted.map(|bucket| (Time::from_micros(bucket.start), -bucket.settled)).collect()
    }

    pub fn hold(&mut self, at: Time, amount: i64) {
        self.bucket(at).held += amount;
    }

    /// Turns what was held at `admitted_at` into what was used. The hold may have been larger or, rarely, smaller.
    pub fn settle(&mut self, admitted_at: Time, held: i64, used: i64) {
        let bucket = self.bucket(admitted_at);
        bucket.held -= held;
        bucket.settled += used;
    }

    /// What counts at `at`.
    pub fn read(&self, at: Time) -> Reading {
        let counted = self.buckets.iter().filter(|bucket| self.counts(bucket, at));
        counted.fold(Reading::default(), |sum, bucket| Reading {
            settled: sum.settled.saturating_add(bucket.settled),
            held: sum.held.saturating_add(bucket.held),
        })
    }

    /// Whether a call in flight holds anything, in any bucket.
    pub fn holds(&self) -> bool {
        self.buckets.iter().any(|bucket| bucket.held != 0)
    }

    /// Each bucket: when it begins, what is settled in it and what is held.
    pub fn buckets(&self) -> impl Iterator<Item = (Time, Reading)> {
        let reading = |bucket: &Bucket| Reading { settled: bucket.settled, held: bucket.held };
        self.buckets.iter().map(move |bucket| (Time::from_micros(bucket.start), reading(bucket)))
    }

    /// Forgets buckets that can never count again.
    pub fn prune(&mut self, now: Time) {
        let kept = self.buckets.iter().position(|bucket| bucket.held != 0 || self.counts(bucket, now));
        self.buckets.drain(..kept.unwrap_or(self.buckets.len()));
    }

    /// For sliding periods: the first instant, not before `at`, when `amount` more would fit under `max` if nothing
    /// else happened. `None` where it never will.
    pub fn opens_at(&self, at: Time, amount: i64, max: i64) -> Option<Time> {
        let (window, length) = self.window?;
        let mut left = self.read(at).total();
        if amount > max {
            return None;
        }
        let mut opens = at;
        for bucket in self.buckets.iter().filter(|bucket| self.counts(bucket, at)) {
            if left + amount <= max {
                break;
            }
            left -= bucket.settled + bucket.held;
            opens = Time::from_micros(bucket.start + length + window);
        }
        Some(opens)
    }

    fn counts(&self, bucket: &Bucket, at: Time) -> bool {
        self.window.is_none_or(|(window, length)| bucket.start + length + window > at.micros())
    }

    fn bucket(&mut self, at: Time) -> &mut Bucket {
        let start = self.window.map_or(0, |(_, length)| at.micros().div_euclid(length) * length);
        let place = self.buckets.partition_point(|bucket| bucket.start < start);
        if self.buckets.get(place).is_none_or(|bucket| bucket.start != start) {
            self.buckets.insert(place, Bucket { start, ..Bucket::default() });
        }
        &mut self.buckets[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: i64) -> Time {
        Time::from_micros(count * 1_000_000)
    }

    #[test]
    fn a_sliding_minute_forgets_a_bucket_only_when_all_of_it_has_left() {
        let mut meter = Meter::new(Period::Minute);
        meter.settle(Time::from_micros(900_000), 0, 60);
        assert_eq!(meter.read(seconds(59)).settled, 60);
        assert_eq!(meter.read(Time::from_micros(60_899_999)).settled, 60);
        assert_eq!(meter.read(seconds(61)).settled, 0);
        assert_eq!(meter.opens_at(seconds(10), 1, 60), Some(seconds(61)));
        assert_eq!(meter.opens_at(seconds(10), 61, 60), None);
        meter.prune(seconds(61));
        assert_eq!(meter, Meter::new(Period::Minute));
    }

    #[test]
    fn a_hold_becomes_what_was_used_in_the_bucket_it_was_held_in() {
        let mut meter = Meter::new(Period::Minute);
        meter.hold(seconds(5), 100);
        meter.settle(seconds(5), 100, 40);
        assert_eq!(meter.read(seconds(6)), Reading { settled: 40, held: 0 });
        assert_eq!(meter.read(seconds(66)), Reading::default());
    }

    #[test]
    fn a_calendar_meter_counts_until_its_period_is_replaced() {
        let mut meter = Meter::new(Period::Month);
        meter.load(seconds(0), 7);
        meter.hold(seconds(1_000_000), 3);
        assert_eq!(meter.read(seconds(2_000_000)), Reading { settled: 7, held: 3 });
    }
}
