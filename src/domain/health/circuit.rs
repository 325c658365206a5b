//! A circuit breaker: whether calls go to one destination, judged by how those before them ended.

use crate::domain::time::Time;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So many failures one after another open the circuit.
const IN_A_ROW: u32 = 3;
/// So many calls in the window are enough to judge by their share of failures, in hundredths.
const ENOUGH: u32 = 10;
const TOO_MANY_PERCENT: u32 = 50;
/// The first cooldown; each that follows without a success in between is twice as long, up to the longest.
const COOLDOWN: Duration = Duration::from_secs(5);
pub const LONGEST_COOLDOWN: Duration = Duration::from_secs(300);
/// A probe of which nothing is heard for so long does not keep others from probing.
const PROBE_LAPSES: Duration = Duration::from_secs(60);

/// Closed while all is well; open, and cooling, after failures; half open when the cooldown is over: one call is let
/// through, and its end decides. Source: M. Nygard, "Release It!", "Circuit Breaker".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    in_a_row: u32,
    /// How often it has opened since it was last proven well.
    trips: u32,
    /// Until when it cools; `None` while it is closed.
    until: Option<Time>,
    /// When the probe that is under way began.
    probe: Option<Time>,
    recent: Window,
}

/// What a circuit says of a call that wants to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    /// The next call is a probe.
    HalfOpen,
    /// Not before then, or not before the probe that is under way has ended.
    Open {
        until: Time,
    },
}

impl Circuit {
    pub fn state(&self, now: Time) -> State {
        match (self.until, self.probe) {
            (None, _) => State::Closed,
            (Some(until), _) if now < until => State::Open { until },
            (Some(_), Some(probe)) if now < probe.plus(PROBE_LAPSES) => State::Open { until: probe.plus(PROBE_LAPSES) },
            (Some(_), _) => State::HalfOpen,
        }
    }

    /// A call begins: a probe, where the circuit is half open. Whether it is one.
    pub fn begin(&mut self, now: Time) -> bool {
        let is_probe = self.state(now) == State::HalfOpen;
        if is_probe {
            self.probe = Some(now);
        }
        is_probe
    }

    /// A call ended well: whatever was held against the destination is over.
    pub fn succeeded(&mut self, now: Time) {
        if self.until.is_some() {
            self.recent = Window::default();
        }
        self.recent.note(now, false);
        (self.in_a_row, self.trips, self.until, self.probe) = (0, 0, None, None);
    }

    /// A call failed. Failures of calls that were already under way when the circuit opened do not lengthen its cooldown.
    pub fn failed(&mut self, now: Time) {
        self.recent.note(now, true);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let trips = match self.until {
            Some(until) => now >= until,
            None => self.in_a_row >= IN_A_ROW || self.fails_too_often(now),
        };
        if trips {
            let cooldown = COOLDOWN.saturating_mul(1 << self.trips.min(16)).min(LONGEST_COOLDOWN);
            (self.until, self.probe) = (Some(now.plus(cooldown)), None);
            self.trips = self.trips.saturating_add(1);
        }
    }

    /// A probe ended without a verdict, as when its client left: another call may probe.
    pub fn dropped(&mut self) {
        self.probe = None;
    }

    fn fails_too_often(&self, now: Time) -> bool {
        let Recent { calls, failures } = self.recent.read(now);
        calls >= ENOUGH && failures * 100 >= calls * TOO_MANY_PERCENT
    }
}

/// What the last minute brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    pub calls: u32,
    pub failures: u32,
}

const BUCKETS: usize = 6;
const BUCKET_MICROS: i64 = 10_000_000;

/// Calls and failures of the last minute, in buckets of ten seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window([(i64, Recent); BUCKETS]);

impl Window {
    pub fn note(&mut self, now: Time, is_failure: bool) {
        let number = now.micros().div_euclid(BUCKET_MICROS);
        let place = usize::try_from(number.rem_euclid(BUCKETS as i64)).unwrap_or(0);
        let (stands_for, recent) = &mut self.0[place];
        if *stands_for != number {
            (*stands_for, *recent) = (number, Recent::default());
        }
        recent.calls = recent.calls.saturating_add(1);
        recent.failures = recent.failures.saturating_add(u32::from(is_failure));
    }

    pub fn read(&self, now: Time) -> Recent {
        let number = now.micros().div_euclid(BUCKET_MICROS);
        let counts = |other: i64| (number - BUCKETS as i64 + 1..=number).contains(&other);
        let counted = self.0.iter().filter(|(other, _)| counts(*other));
        counted.fold(Recent::default(), |all, (_, one)| Recent {
            calls: all.calls.saturating_add(one.calls),
            failures: all.failures.saturating_add(one.failures),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Time {
        Time::EPOCH.plus(Duration::from_secs(1_000_000 + seconds))
    }

    fn tripped() -> Circuit {
        let mut circuit = Circuit::default();
        (0..IN_A_ROW).for_each(|_| circuit.failed(at(0)));
        circuit
    }

    #[test]
    fn three_failures_in_a_row_open_it_and_two_do_not() {
        let mut circuit = Circuit::default();
        circuit.failed(at(0));
        circuit.failed(at(0));
        assert_eq!(circuit.state(at(0)), State::Closed);
        circuit.succeeded(at(1));
        circuit.failed(at(1));
        circuit.failed(at(1));
        assert_eq!(circuit.state(at(1)), State::Closed);
        circuit.failed(at(1));
        assert_eq!(circuit.state(at(1)), State::Open { until: at(6) });
    }

    #[test]
    fn half_of_ten_calls_failing_open_it_though_never_two_in_a_row() {
        let mut circuit = Circuit::default();
        for _ in 0..5 {
            circuit.succeeded(at(0));
            assert_eq!(circuit.state(at(0)), State::Closed);
            circuit.failed(at(0));
        }
        assert_eq!(circuit.state(at(0)), State::Open { until: at(5) });
    }

    #[test]
    fn each_cooldown_is_twice_the_last_until_a_probe_succeeds() {
        let mut circuit = tripped();
        let mut now = 0;
        for cooldown in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(circuit.state(at(now)), State::Open { until: at(now + cooldown) });
            now += cooldown;
            assert!(circuit.begin(at(now)));
            circuit.failed(at(now));
        }
        now += 300;
        assert!(circuit.begin(at(now)));
        circuit.succeeded(at(now));
        assert_eq!(circuit.state(at(now)), State::Closed);
        (0..IN_A_ROW).for_each(|_| circuit.failed(at(now)));
        assert_eq!(circuit.state(at(now)), State::Open { until: at(now + 5) });
    }

    #[test]
    fn one_call_probes_at_a_time_and_another_when_nothing_is_heard_of_it() {
        let mut circuit = tripped();
        assert!(circuit.begin(at(5)));
        assert_eq!(circuit.state(at(5)), State::Open { until: at(65) });
        assert!(!circuit.begin(at(64)));
        assert!(circuit.begin(at(65)));
        circuit.dropped();
        assert!(circuit.begin(at(66)));
    }

    #[test]
    fn what_was_under_way_when_it_opened_does_not_lengthen_its_cooldown() {
        let mut circuit = tripped();
        (0..20).for_each(|_| circuit.failed(at(3)));
        assert_eq!(circuit.state(at(3)), State::Open { until: at(5) });
    }

    proptest! {
        /// Nothing that happens keeps a destination away for ever, or lets two probe at once.
        #[test]
        fn no_schedule_shuts_it_for_ever(steps in prop::collection::vec((0_u8..4, 0_u64..40), 1..200)) {
            let (mut circuit, mut now) = (Circuit::default(), 0);
            let mut probing: Option<u64> = None;
            for (step, wait) in steps {
                now += wait;
                match step {
                    0 => {
                        if circuit.begin(at(now)) {
                            prop_assert!(probing.is_none_or(|since| since + 60 <= now), "two probes at once");
                            probing = Some(now);
                        }
                    }
                    1 => {
                        circuit.succeeded(at(now));
                        prop_assert_eq!(circuit.state(at(now)), State::Closed);
                        probing = None;
                    }
                    2 => {
                        circuit.failed(at(now));
                        if circuit.probe.is_none() {
                            probing = None;
                        }
                    }
                    _ => {
                        circuit.dropped();
                        probing = None;
                    }
                }
                if let State::Open { until } = circuit.state(at(now)) {
                    prop_assert!(until > at(now) && until <= at(now).plus(LONGEST_COOLDOWN));
                }
                let later = at(now).plus(LONGEST_COOLDOWN).plus(PROBE_LAPSES);
                let is_open = matches!(circuit.state(later), State::Open { .. });
                prop_assert!(!is_open);
            }
        }
    }
}
