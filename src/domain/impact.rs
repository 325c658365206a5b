//! What a rule would have refused of calls that were really made.

use super::hours::Hours;
use super::period::{Period, Zone};
use super::rule::Rule;
use super::time::Time;
use serde::{Deserialize, Serialize};

/// How many calls, and what they cost, in nano-credits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    pub calls: u64,
    pub nanos: i64,
}

impl Sum {
    pub fn add(&mut self, other: Sum) {
        self.calls += other.calls;
        self.nanos = self.nanos.saturating_add(other.nanos);
    }
}

/// Calls by what a rule would have said to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// All of them.
    pub all: Sum,
    /// Those outside its hours.
    pub outside_hours: Sum,
    /// Those within its hours that its quota had no room for.
    pub over_quota: Sum,
}

impl Judged {
    pub fn add(&mut self, other: &Judged) {
        self.all.add(other.all);
        self.outside_hours.add(other.outside_hours);
        self.over_quota.add(other.over_quota);
    }

    pub fn refused(&self) -> Sum {
        let mut sum = self.outside_hours;
        sum.add(self.over_quota);
        sum
    }
}

/// A rule as it meets the calls of one key, one after the other in their order.
///
/// A million calls fall into few periods and few stretches of hours, so each of these is worked out once and kept until
/// a call lies beyond it.
#[derive(Debug)]
pub struct Trial<'a> {
    hours: Option<&'a Hours>,
    /// Whether calls are allowed until that instant.
    open: (bool, Time),
    quota: Option<(Period, Zone, i64)>,
    /// What calls that passed have used until that instant, when the period ends.
    used: (i64, Time),
    /// Earlier calls only fill the first period.
    from: Time,
    judged: Judged,
    /// When each day begins, the first not after `from`; and what was refused on each, the last one met being `today`.
    days: &'a [Time],
    refused: Vec<Sum>,
    today: usize,
}

impl<'a> Trial<'a> {
    /// Of calls from `from` on. `days` says when each day begins that is to be told apart, in order; it may be empty.
    pub fn of(rule: &'a Rule, from: Time, days: &'a [Time]) -> Self {
        let quota = rule.quota.filter(|_| rule.enabled);
        Self {
            hours: rule.hours_in_force(),
            open: (true, Time::EPOCH),
            quota: quota.map(|quota| (quota.period.period(), rule.quota_zone(), quota.credits.nanos())),
            used: (0, Time::EPOCH),
            from,
            judged: Judged::default(),
            days,
            refused: vec![Sum::default(); days.len()],
            today: 0,
        }
    }

    /// Where calls must be read from, so that the first period is counted whole.
    pub fn reads_from(&self) -> Time {
        self.quota.as_ref().map_or(self.from, |(period, zone, _)| period.start(self.from, zone))
    }

    /// A call at `at`, not before any earlier one, that cost so much.
    pub fn meet(&mut self, at: Time, nanos: i64) {
        let open = self.is_open(at);
        let fits = open && self.takes(at, nanos);
        if at < self.from {
            return;
        }
        let call = Sum { calls: 1, nanos };
        self.judged.all.add(call);
        match (open, fits) {
            (false, _) => self.judged.outside_hours.add(call),
            (true, false) => self.judged.over_quota.add(call),
            (true, true) => return,
        }
        while self.days.get(self.today + 1).is_some_and(|next| *next <= at) {
            self.today += 1;
        }
        if let Some(day) = self.refused.get_mut(self.today) {
            day.add(call);
        }
    }

    /// What was said in all, and what was refused on each of the days.
    pub fn done(self) -> (Judged, Vec<Sum>) {
        (self.judged, self.refused)
    }

    fn is_open(&mut self, at: Time) -> bool {
        let Some(hours) = self.hours else { return true };
        if at >= self.open.1 {
            let open = hours.allows(at);
            let until = if open { hours.next_close(at) } else { hours.next_open(at) };
            self.open = (open, until.unwrap_or(Time::from_micros(i64::MAX)));
        }
        self.open.0
    }

    /// Uses the quota where there is room.
    fn takes(&mut self, at: Time, nanos: i64) -> bool {
        let Some((period, zone, max)) = &self.quota else { return true };
        if at >= self.used.1 {
            self.used = (0, period.end(at, zone).unwrap_or(Time::from_micros(i64::MAX)));
        }
        let sum = self.used.0.saturating_add(nanos);
        let fits = sum <= *max;
        if fits {
            self.used.0 = sum;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credits::Credits;
    use crate::domain::rule::{RulePeriod, RuleQuota};
    use proptest::prelude::*;

    fn rule(nanos: Option<i64>, period: RulePeriod, hours: Option<&str>) -> Rule {
        Rule {
            id: "r".into(),
            account_id: "a".into(),
            name: "r".to_owned(),
            description: String::new(),
            enabled: true,
            quota: nanos.map(|nanos| RuleQuota { credits: Credits::from_nanos(nanos), period }),
            hours: hours.map(|hours| serde_json::from_str(hours).expect("hours")),
            timezone: None,
            carried: Vec::new(),
            created_at: Time::EPOCH,
        }
    }

    fn at(text: &str) -> Time {
        Time::parse(text).expect("a time")
    }

    const OFFICE: &str =
        r#"{"timezone":"Europe/Berlin","weekdays":["mon","fri"],"ranges":["08:00-12:00","22:00-02:00"]}"#;

    #[test]
    fn a_call_that_is_refused_uses_nothing_and_a_new_day_begins_anew() {
        let rule = rule(Some(10), RulePeriod::Daily, None);
        let days = [at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"), at("2026-11-22T00:00:00Z")];
        let mut trial = Trial::of(&rule, at("2026-11-20T12:00:00Z"), &days);
        assert_eq!(trial.reads_from(), at("2026-11-20T00:00:00Z"));
        trial.meet(at("2026-11-20T11:00:00Z"), 4);
        for nanos in [7, 6, 1, 0] {
            trial.meet(at("2026-11-20T13:00:00Z"), nanos);
        }
        trial.meet(at("2026-11-21T00:00:00Z"), 10);
        trial.meet(at("2026-11-22T00:00:00Z"), 11);
        let (judged, refused) = trial.done();
        assert_eq!(judged.all, Sum { calls: 6, nanos: 35 }, "what was before only fills the first day");
        assert_eq!((judged.over_quota, judged.outside_hours), (Sum { calls: 3, nanos: 19 }, Sum::default()));
        assert_eq!(refused, [Sum { calls: 2, nanos: 8 }, Sum::default(), Sum { calls: 1, nanos: 11 }]);
    }

    proptest! {
        /// What is kept from call to call changes nothing: each call is judged as if it were asked about alone.
        #[test]
        fn a_trial_judges_as_one_who_asks_about_each_call_anew(
            mut calls in prop::collection::vec((0_i64..40 * 24 * 60, 0_i64..10), 0..60),
            max in prop::option::of(0_i64..40),
            period in prop::sample::select(RulePeriod::ALL.to_vec()),
            hours in any::<bool>(),
        ) {
            let start = at("2026-10-10T00:00:00Z").micros();
            calls.sort_unstable();
            let rule = rule(max, period, hours.then_some(OFFICE));
            let from = Time::from_micros(start + 10 * 86_400_000_000);
            let days: Vec<Time> = (0..32).map(|day| Time::from_micros(from.micros() + (day - 1) * 86_400_000_000 + 7)).collect();
            let mut by_day = vec![Sum::default(); days.len()];
            let mut trial = Trial::of(&rule, from, &days);
            let (mut expected, mut passed) = (Judged::default(), Vec::<(Time, i64)>::new());
            for (minute, nanos) in calls {
                let at = Time::from_micros(start + minute * 60_000_000);
                trial.meet(at, nanos);
                let open = rule.hours.as_ref().is_none_or(|hours| hours.allows(at));
                let zone = rule.quota_zone();
                let began = period.period().start(at, &zone);
                let used: i64 = passed.iter().filter(|(then, _)| *then >= began).map(|(_, nanos)| nanos).sum();
                let fits = max.is_none_or(|max| used + nanos <= max);
                if open && fits {
                    passed.push((at, nanos));
                }
                if at >= from {
                    let call = Sum { calls: 1, nanos };
                    expected.all.add(call);
                    if !open { expected.outside_hours.add(call) } else if !fits { expected.over_quota.add(call) }
                    if !open || !fits {
                        by_day[days.iter().rposition(|day| *day <= at).expect("a day")].add(call);
                    }
                }
            }
            prop_assert_eq!(trial.done(), (expected, by_day));
        }
    }
}
