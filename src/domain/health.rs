//! How a provider fares, as its own answers tell: which of its models, and which of our credentials there, calls may use.
//!
//! Three things go wrong, each with a scope of its own. It cannot be connected to: that holds for all of it. A model of it
//! answers with 5xx or too late: that holds for this model. A credential is refused or limited: that holds for the
//! credential, and, where it is limited, for one model.

mod budget;
mod circuit;

pub use budget::RetryBudget;
pub use circuit::{Circuit, LONGEST_COOLDOWN, Recent, State, Window};

use super::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a refused credential is left alone at most, unless its provider is edited before.
const REFUSED_FOR: Duration = Duration::from_secs(3_600);
/// A `Retry-After` is believed for so long, then one call asks again: whoever runs out of quota for a day may have bought
/// more.
const LONGEST_WORD: Duration = Duration::from_secs(60);
/// How long a credential rests at first where nobody says how long; doubled each time.
const REST: Duration = Duration::from_secs(1);

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered, or found fault with: the provider is well.
    Served,
    /// 5xx, an answer that broke off or never came.
    Failed(String),
    /// No connection was made.
    Unreached(String),
    /// 429, and for how long the provider asks to be left alone.
    Limited(Option<Duration>),
    /// 401, 402 or 403. `everywhere` where it is the credential itself that is refused; else it may be no more than what
    /// one call asked for, such as a text that the provider will not read or more output than its credit is good for.
    Refused { everywhere: bool, said: String },
}

/// Why a way is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It failed, and cools down.
    Cooling,
    /// The provider has said not to come before.
    Limited,
    /// The provider refuses the credentials.
    Refused,
}

impl Closed {
    pub fn as_str(self) -> &'static str {
        match self {
            Closed::Cooling => "cooling",
            Closed::Limited => "limited",
            Closed::Refused => "refused",
        }
    }
}

/// What can be said to a call that wants to go this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It may go, by this credential.
    Open { credential: Option<usize> },
    /// The provider has as many calls as it may have.
    Full,
    /// It should go elsewhere; if there is no elsewhere, by this credential.
    Closed { why: Closed, until: Time, credential: Option<usize> },
    /// Each of its credentials has been tried by this call.
    Spent,
}

/// A credential that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    why: Closed,
    until: Time,
    /// Whether the provider said itself how long.
    is_told: bool,
    /// How often in a row it was limited or refused.
    times: u32,
}

/// One model at a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    circuit: Circuit,
    /// By the credential's place.
    rests: BTreeMap<usize, Rest>,
}

impl Line {
    /// How long this credential should rest, as far as one can guess, and how often it will then have been.
    fn guess(&self, place: usize) -> (Duration, u32) {
        let times = self.rests.get(&place).map_or(0, |rest| rest.times);
        (REST.saturating_mul(1 << times.min(12)), times.saturating_add(1))
    }
}

/// What went wrong last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mishap {
    pub at: Time,
    pub said: String,
}

/// What is known of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Whether it can be connected to.
    reach: Circuit,
    lines: BTreeMap<String, Line>,
    /// Credentials that no model takes.
    refused: BTreeMap<usize, Rest>,
    pub budget: RetryBudget,
    recent: Window,
    last_error: Option<Mishap>,
    in_flight: u32,
    /// Which credential is next.
    turn: usize,
}

/// What a call brings when it asks for a way: how many credentials the provider has, which of them the call has tried
/// already, and how many calls the provider takes at once.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    pub model: &'a str,
    pub credentials: usize,
    pub tried: &'a [usize],
    pub most: Option<u32>,
}

impl Health {
    /// What can be said to a call now. Credentials are used in turn.
    pub fn outlook(&self, want: Want, now: Time) -> Outlook {
        // A provider without credentials is called without one, once.
        let places = want.credentials.max(1);
        let turns = (0..places).map(|step| (self.turn + step) % places);
        let fresh: Vec<usize> = turns.filter(|place| !want.tried.contains(place)).collect();
        let Some(first) = fresh.first() else { return Outlook::Spent };
        let shown = |place: usize| (want.credentials > 0).then_some(place);
        let line = self.lines.get(want.model);
        let circuit = [Some(&self.reach), line.map(|line| &line.circuit)].into_iter().flatten();
        let open = circuit.filter_map(|circuit| match circuit.state(now) {
            State::Open { until } => Some(until),
            State::Closed | State::HalfOpen => None,
        });
        let rests = fresh.iter().map(|place| (*place, self.rest(line, *place, now)));
        let ready = rests.clone().find(|(_, rest)| rest.is_none()).map(|(place, _)| place);
        if let Some(until) = open.max() {
            let credential = shown(ready.unwrap_or(*first));
            return Outlook::Closed { why: Closed::Cooling, until, credential };
        }
        let is_full = want.most.is_some_and(|most| self.in_flight >= most);
        match ready {
            Some(_) if is_full => Outlook::Full,
            Some(place) => Outlook::Open { credential: shown(place) },
            None => {
                let resting = rests.filter_map(|(place, rest)| Some((place, rest?)));
                // One that was limited without a word of how long is worth another try; one that was refused is not.
                let hope = |rest: &Rest| (rest.why == Closed::Refused, rest.is_told, rest.until);
                let least = resting.min_by_key(|(_, rest)| hope(rest));
                least.map_or(Outlook::Spent, |(place, rest)| {
                    let why = if rest.why == Closed::Limited && !rest.is_told { Closed::Cooling } else { rest.why };
                    Outlook::Closed { why, until: rest.until, credential: shown(place) }
                })
            }
        }
    }

    fn rest(&self, line: Option<&Line>, place: usize, now: Time) -> Option<Rest> {
        let of_line = line.and_then(|line| line.rests.get(&place));
        let rests = [self.refused.get(&place), of_line].into_iter().flatten();
        rests.filter(|rest| now < rest.until).copied().max_by_key(|rest| rest.until)
    }

    /// An attempt begins. Whether it is a probe.
    pub fn begin(&mut self, model: &str, credential: Option<usize>, now: Time) -> bool {
        self.in_flight = self.in_flight.saturating_add(1);
        self.turn = credential.map_or(0, |place| place.wrapping_add(1));
        let probes = [self.reach.begin(now), self.line(model).circuit.begin(now)];
        probes.contains(&true)
    }

    /// An attempt has come to this.
    pub fn note(&mut self, model: &str, credential: Option<usize>, outcome: &Outcome, now: Time) {
        let place = credential.unwrap_or(0);
        self.recent.note(now, *outcome != Outcome::Served);
        match outcome {
            Outcome::Unreached(_) => {
                self.reach.failed(now);
                self.line(model).circuit.dropped();
            }
            _ => self.reach.succeeded(now),
        }
        let line = self.line(model);
        match outcome {
            Outcome::Served => {
                line.circuit.succeeded(now);
                line.rests.remove(&place);
                self.refused.remove(&place);
            }
            Outcome::Failed(said) => {
                line.circuit.failed(now);
                self.last_error = Some(Mishap { at: now, said: said.clone() });
            }
            Outcome::Unreached(said) => self.last_error = Some(Mishap { at: now, said: said.clone() }),
            Outcome::Limited(wait) => {
                line.circuit.dropped();
                let (guess, times) = line.guess(place);
                let until = now.plus(wait.unwrap_or(guess).min(LONGEST_WORD));
                let rest = Rest { why: Closed::Limited, until, is_told: wait.is_some(), times };
                line.rests.insert(place, rest);
                self.last_error = Some(Mishap { at: now, said: "answered 429 Too Many Requests".to_owned() });
            }
            Outcome::Refused { everywhere, said } => {
                line.circuit.dropped();
                let (guess, times) = line.guess(place);
                let wait = if *everywhere { REFUSED_FOR } else { guess.min(REFUSED_FOR) };
                let rest = Rest { why: Closed::Refused, until: now.plus(wait), is_told: true, times };
                let rests = if *everywhere { &mut self.refused } else { &mut line.rests };
                rests.insert(place, rest);
                self.last_error = Some(Mishap { at: now, said: said.clone() });
            }
        }
    }

    /// A probe ended of which nothing is to be said: its client left. Another may probe.
    pub fn dropped(&mut self, model: &str) {
        self.reach.dropped();
        self.line(model).circuit.dropped();
    }

    /// The place that an attempt took is free again.
    pub fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The provider was edited: what is held against it may not be so any more. Calls in flight still are.
    pub fn forget(&mut self) {
        *self = Self { in_flight: self.in_flight, recent: self.recent.clone(), ..Self::default() };
    }

    fn line(&mut self, model: &str) -> &mut Line {
        self.lines.entry(model.to_owned()).or_default()
    }

    /// The whole of it, for people to read.
    pub fn report(&self, credentials: usize, most: Option<u32>, now: Time) -> Report {
        let circuit = |circuit: &Circuit| match circuit.state(now) {
            State::Open { until } => Some((Closed::Cooling, until)),
            State::Closed | State::HalfOpen => None,
        };
        let of_credential = |place: usize| {
            let limited = self.lines.values().filter_map(|line| self.rest(Some(line), place, now));
            let all = limited.chain(self.rest(None, place, now)).map(|rest| (rest.why, rest.until));
            all.max_by_key(|(why, until)| (*why == Closed::Refused, *until))
        };
        let credentials: Vec<_> = (0..credentials.max(1)).map(of_credential).collect();
        let closed_lines = self.lines.iter().filter_map(|(model, line)| Some((model.clone(), circuit(&line.circuit)?)));
        let lines: Vec<_> = closed_lines.collect();
        let all_rest = credentials.iter().all(Option::is_some);
        let resting = credentials.iter().flatten().min_by_key(|(_, until)| *until).filter(|_| all_rest);
        let of_lines = lines.iter().map(|(_, closed)| *closed).max_by_key(|(_, until)| *until);
        let worst = circuit(&self.reach).or(resting.copied()).or(of_lines);
        Report {
            closed: worst,
            is_full: most.is_some_and(|most| self.in_flight >= most),
            in_flight: self.in_flight,
            recent: self.recent.read(now),
            last_error: self.last_error.clone(),
            credentials,
            lines,
        }
    }
}

/// A provider's health, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The worst that is held against it, and until when.
    pub closed: Option<(Closed, Time)>,
    pub is_full: bool,
    pub in_flight: u32,
    /// Of the last minute.
    pub recent: Recent,
    pub last_error: Option<Mishap>,
    /// Each credential that rests, in order.
    pub credentials: Vec<Option<(Closed, Time)>>,
    /// The upstream models that cool down.
    pub lines: Vec<(String, (Closed, Time))>,
}

/// How long a `Retry-After` asks one to wait: seconds or an HTTP date (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str, now: Time) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Time::from(at).since(now))
}

#[cfg(test)]
mod tests;
