//! The tries of a call: which way it goes first, where it goes when that fails, and when it is given up.
//!
//! Another try is made only where one was answered with an error or certainly reached nobody, so none of them can have
//! cost anything: what was sent and never answered may have been served, and is charged, not sent again.

use super::ProxyTerms;
use super::error::upstream_failed;
use super::lane::Lane;
use super::relay::chance;
use super::upstream::{self, Miss, UpstreamBody, Verdict};
use super::watched::Watched;
use crate::domain::call::Attempt;
use crate::domain::health::Outcome;
use crate::domain::refusal::{Code, Refusal, Retry};
use crate::gateway::Gateway;
use crate::gateway::health::{Candidate, Next, Pass, Skipped, Zeal};
use crate::gateway::hold::Hold;
use axum::http::{HeaderMap, Response};
use http_body_util::BodyExt;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// One call is sent so often at most, whatever its ways and credentials.
const MOST_SENDS: usize = 8;
/// No retry begins later than this after the first try: whoever waits that long has a client that waits, too.
const RETRY_WITHIN: Duration = Duration::from_secs(30);

/// What becomes of a call that nobody served.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// So often it is tried again, where each way has failed.
    pub most: u32,
    /// The pause before the first retry, doubled before each that follows, less a random part of up to a half.
    pub pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { most: 2, pause: Duration::from_millis(250) }
    }
}

impl Retries {
    /// The pause before this retry, the first being 1. Calls that failed together come back apart.
    fn before(self, round: u32, chance: f64) -> Duration {
        self.pause.saturating_mul(1 << round.saturating_sub(1).min(6)).mul_f64(1.0 - chance / 2.0)
    }
}

/// No upstream served the call.
pub(super) struct Failure {
    pub refusal: Refusal,
    /// Something was sent, and nobody can say what it cost.
    pub cost_unknown: bool,
}

/// Who answers, and how.
pub(super) struct Reply<'a> {
    pub response: Response<UpstreamBody>,
    pub lane: &'a Lane,
}

/// A call that is to be sent.
pub(super) struct Trip<'a> {
    pub gateway: &'a Gateway,
    pub terms: &'a ProxyTerms,
    pub lanes: &'a [Lane],
    /// What the caller's headers were.
    pub caller: &'a HeaderMap,
    /// Between the chunks of the built-in provider.
    pub delay: Duration,
}

/// Tries the lanes until one answers with something that is the caller's to have.
pub(super) async fn send<'a>(trip: &Trip<'a>, hold: &mut Hold) -> Result<Reply<'a>, Failure> {
    let begun = Instant::now();
    let mut tour = Tour {
        trip,
        been: trip.lanes.iter().map(|_| Been::default()).collect(),
        sends: 0,
        kept: None,
        last: Refusal::new(Code::NoRouteAvailable, "No provider serves this model now."),
    };
    for round in 0..=trip.terms.retries.most {
        let zeal = if round == 0 { Zeal::First } else { Zeal::Again };
        if zeal == Zeal::Again {
            if begun.elapsed() > RETRY_WITHIN || !tour.renew() {
                break;
            }
            tokio::time::sleep(trip.terms.retries.before(round, chance())).await;
        }
        while let Some((place, pass)) = tour.next(zeal, hold).await {
            if let Some(reply) = tour.go(place, pass, hold).await? {
                return Ok(reply);
            }
        }
    }
    // What a provider said itself of the last try is the caller's to read, where nobody says anything better.
    tour.kept.ok_or(Failure { refusal: tour.last, cost_unknown: false })
}

/// What has been tried so far.
struct Tour<'t, 'a> {
    trip: &'t Trip<'a>,
    been: Vec<Been>,
    sends: usize,
    /// The last answer, where it may be passed back if no other comes.
    kept: Option<Reply<'a>>,
    last: Refusal,
}

/// What has been tried on one lane.
#[derive(Default)]
struct Been {
    /// The credentials, by their places.
    tried: Vec<usize>,
    is_done: bool,
    may_retry: bool,
    /// It has been passed over, and the log says so.
    is_noted: bool,
}

impl<'a> Tour<'_, 'a> {
    /// The next lane, and the leave to go there. Where all providers are full it waits for a place, but not for long.
    async fn next(&mut self, zeal: Zeal, hold: &mut Hold) -> Option<(usize, Pass)> {
        // What has flowed to one provider is not there for another.
        let is_spent = self.sends > 0 && self.trip.lanes.iter().any(|lane| lane.ask.is_spent());
        if is_spent || self.sends >= MOST_SENDS {
            return None;
        }
        let gateway = self.trip.gateway;
        let deadline = Instant::now() + self.trip.terms.patience.place;
        let mut zeal = zeal;
        loop {
            let mut freed = pin!(gateway.place_freed());
            freed.as_mut().enable();
            let (next, skipped) = gateway.next(&self.candidates(), zeal);
            self.note(skipped, hold);
            match next {
                Next::Go(place, pass) => return Some((place, pass)),
                Next::Nowhere => return None,
                Next::NotBefore(at) if self.sends == 0 => {
                    let seconds = gateway.clock().now().seconds_until(at).max(1);
                    let message =
                        format!("Every provider of this model is at its limit, by its own word for {seconds} more s.");
                    self.last = Refusal { retry: Retry::After(seconds), ..self.last.saying(message) };
                    return None;
                }
                Next::NotBefore(_) => return None,
                Next::Full if zeal == Zeal::Pressed => {
                    if self.sends == 0 {
                        let message = "Every provider of this model has as many calls as it takes.".to_owned();
                        self.last = Refusal { retry: Retry::After(1), ..self.last.saying(message) };
                    }
                    return None;
                }
                Next::Full => {
                    if tokio::time::timeout_at(deadline, freed).await.is_err() {
                        zeal = Zeal::Pressed;
                    }
                }
            }
        }
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let each = self.trip.lanes.iter().zip(&self.been);
        each.map(|(lane, been)| Candidate { way: &lane.way, tried: &been.tried, is_done: been.is_done }).collect()
    }

    /// Writes down which ways were passed over, each once.
    fn note(&mut self, skipped: Vec<Skipped>, hold: &mut Hold) {
        for Skipped { place, why } in skipped {
            if !std::mem::replace(&mut self.been[place].is_noted, true) {
                hold.attempted(Attempt { skipped: Some(why), ..attempt(&self.trip.lanes[place], None) });
            }
        }
    }

    /// Sends the call down one lane. `None` where another may be tried.
    async fn go(&mut self, place: usize, mut pass: Pass, hold: &mut Hold) -> Result<Option<Reply<'a>>, Failure> {
        let lane = &self.trip.lanes[place];
        let (terms, provider) = (self.trip.terms, &lane.way.upstream.provider);
        (self.kept, self.sends) = (None, self.sends + 1);
        self.been[place].tried.push(pass.credential.unwrap_or(0));
        self.been[place].is_noted = true;
        hold.dispatched(&provider.name);
        hold.answered_by(&lane.way.model.name);
        let begun = Instant::now();
        let waits = terms.patience.at(provider.timeouts);
        let sent = upstream::ask(self.trip, lane, &pass, &waits, hold).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut attempt = Attempt { ms, ..attempt(lane, pass.credential) };
        let name = &provider.name;
        let response = match sent {
            Ok(response) => response,
            Err(miss) => {
                attempt.error = Some(miss.reason());
                hold.attempted(attempt);
                return self.missed(place, pass, miss, hold).map(|()| None);
            }
        };
        let status = response.status();
        attempt.status = Some(status.as_u16());
        let verdict = upstream::judge(&response, self.trip.gateway.clock().now());
        if !matches!(verdict, Verdict::Theirs) {
            attempt.error = Some(format!("answered {status}"));
        }
        hold.attempted(attempt);
        let deadline = waits.total.map(|total| begun + total);
        let been = &mut self.been[place];
        match verdict {
            Verdict::Theirs => {
                pass.note(&Outcome::Served);
                return Ok(Some(Reply { response: watched(response, lane, Some(pass), waits.idle, deadline), lane }));
            }
            Verdict::Unknown => {
                pass.note(&Outcome::Served);
                been.is_done = true;
            }
            Verdict::Limited(wait) => pass.note(&Outcome::Limited(wait)),
            Verdict::Refused { everywhere } => {
                pass.note(&Outcome::Refused { everywhere, said: format!("answered {status}") });
            }
            Verdict::Failed { may_retry } => {
                pass.note(&Outcome::Failed(format!("answered {status}")));
                (been.is_done, been.may_retry) = (true, may_retry);
            }
        }
        hold.came_to_nothing();
        self.last = upstream_failed(format!("Provider {name:?} answered {status}. Nothing was charged."));
        if matches!(verdict, Verdict::Unknown | Verdict::Limited(_)) {
            // Its place is free for the next try.
            self.kept = Some(Reply { response: watched(response, lane, None, waits.idle, deadline), lane });
        }
        Ok(None)
    }

    /// An attempt came to no answer.
    fn missed(&mut self, place: usize, mut pass: Pass, miss: Miss, hold: &mut Hold) -> Result<(), Failure> {
        let lane = &self.trip.lanes[place];
        let name = &lane.way.upstream.provider.name;
        // A form without its end was not served by anyone, and is no fault of the provider's.
        if let (Miss::Broken(_), Some(refusal)) = (&miss, lane.ask.fault()) {
            return Err(Failure { refusal, cost_unknown: false });
        }
        let (code, message) = match miss {
            Miss::Unconnected(reason) => {
                pass.note(&Outcome::Unreached(reason));
                hold.proven_unsent();
                (self.been[place].is_done, self.been[place].may_retry) = (true, true);
                let message = format!("Provider {name:?} could not be reached. Nothing was charged.");
                self.last = upstream_failed(message);
                return Ok(());
            }
            Miss::Broken(reason) => {
                pass.note(&Outcome::Failed(reason));
                let message = format!("Provider {name:?} broke off before it answered. The call may have cost it.");
                (Code::UpstreamFailed, message)
            }
            Miss::Late(waited) => {
                let message = format!("did not answer within {} seconds", waited.as_secs_f64());
                pass.note(&Outcome::Failed(message.clone()));
                (Code::UpstreamTimeout, format!("Provider {name:?} {message}."))
            }
        };
        Err(Failure { refusal: Refusal::new(code, message), cost_unknown: true })
    }

    /// Makes ready for another round, where some lane's failure may have been a passing one and its provider's budget of
    /// retries has not run out.
    fn renew(&mut self) -> bool {
        let mut is_any = false;
        for (lane, been) in self.trip.lanes.iter().zip(&mut self.been) {
            if been.may_retry && self.trip.gateway.may_retry(&lane.way) {
                (been.is_done, been.may_retry, is_any) = (false, false, true);
                been.tried.clear();
            }
        }
        is_any && self.sends < MOST_SENDS
    }
}

fn attempt(lane: &Lane, credential: Option<usize>) -> Attempt {
    let upstream = &lane.way.upstream;
    let hint = credential.and_then(|place| upstream.provider.credentials.get(place));
    Attempt {
        provider: upstream.provider.name.clone(),
        upstream_model: lane.way.upstream_model.clone(),
        model: lane.way.stands_in.then(|| lane.way.model.name.clone()),
        credential: hint.cloned(),
        ..Attempt::default()
    }
}

/// The answer, whose body keeps the call's place with its provider, and is waited for no longer than it should be.
fn watched(
    response: Response<UpstreamBody>,
    lane: &Lane,
    pass: Option<Pass>,
    idle: Duration,
    deadline: Option<Instant>,
) -> Response<UpstreamBody> {
    if lane.is_builtin() {
        return response;
    }
    response.map(|body| Watched::new(body, pass, idle, deadline).boxed_unsync())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_no_two_calls_pause_alike() {
        let retries = Retries { most: 3, pause: Duration::from_millis(200) };
        for (round, longest) in [(1, 200), (2, 400), (3, 800)] {
            assert_eq!(retries.before(round, 0.0), Duration::from_millis(longest));
            assert_eq!(retries.before(round, 0.5), Duration::from_millis(longest).mul_f64(0.75));
            assert!(retries.before(round, 0.999) >= Duration::from_millis(longest / 2));
        }
    }
}
