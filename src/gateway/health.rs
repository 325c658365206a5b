//! How providers fare, as this process sees it: which way a call goes next, and what became of it there. In memory alone:
//! what a process knows of a provider is stale by the time another has read it, and a call finds out as quickly.

use super::Gateway;
use super::admins_only;
use super::ways::Way;
use crate::domain::account::Account;
use crate::domain::health::{Closed, Health, Outcome, Outlook, Report, Want};
use crate::domain::id::ProviderId;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Every provider's health.
#[derive(Debug, Default)]
pub(super) struct Vitals {
    providers: Mutex<HashMap<ProviderId, Health>>,
    /// Told whenever a call leaves a provider.
    freed: Notify,
}

impl Vitals {
    fn lock(&self) -> MutexGuard<'_, HashMap<ProviderId, Health>> {
        self.providers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, id: &ProviderId, act: impl FnOnce(&mut Health) -> T) -> T {
        let mut providers = self.lock();
        match providers.get_mut(id) {
            Some(health) => act(health),
            None => act(providers.entry(id.clone()).or_default()),
        }
    }

    /// What is held against a provider was before it was edited.
    pub fn forget(&self, id: &ProviderId) {
        self.with(id, Health::forget);
        self.freed.notify_waiters();
    }

    pub fn forget_all_but(&self, known: impl Fn(&ProviderId) -> bool) {
        self.lock().retain(|id, _| known(id));
    }
}

/// One way as a call that looks for one sees it: whether it has been there, and by which credentials.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub way: &'a Way,
    pub tried: &'a [usize],
    /// The call has been there, and need not come again.
    pub is_done: bool,
}

/// A way that is passed over for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its place among the candidates.
    pub place: usize,
    pub why: String,
}

/// Where a call goes next.
#[derive(Debug)]
pub enum Next {
    /// This way: its place among the candidates, and the leave to go.
    Go(usize, Pass),
    /// Whoever serves it has as many calls as it takes; one may end.
    Full,
    /// Nobody is to be asked before then, by the providers' own words.
    NotBefore(Time),
    /// Each way has been tried.
    Nowhere,
}

/// How much a call wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zeal {
    /// It waits for a place, and tries a way that cools down if there is no better: it may work.
    First,
    /// The same, but it has waited for a place long enough.
    Pressed,
    /// It asks again where it has been, and only who is well.
    Again,
}

impl Gateway {
    /// Where a call goes next: the first of its ways that is well, and whichever others were passed over for it. Where
    /// none is well it goes the way that is least bad, unless every provider has said itself that it will not serve yet.
    pub fn next(&self, candidates: &[Candidate], zeal: Zeal) -> (Next, Vec<Skipped>) {
        let now = self.0.clock.now();
        let mut providers = self.0.vitals.lock();
        let (mut skipped, mut is_full, mut least): (Vec<Skipped>, bool, Option<Least>) = (Vec::new(), false, None);
        let mut go = None;
        for (place, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| !candidate.is_done) {
            let provider = &candidate.way.upstream.provider;
            let health = providers.entry(provider.id.clone()).or_default();
            match health.outlook(candidate.want(), now) {
                Outlook::Open { credential } => {
                    go = Some((place, credential));
                    break;
                }
                Outlook::Full => {
                    is_full = true;
                    skipped.push(Skipped { place, why: "has as many calls as it takes".to_owned() });
                }
                Outlook::Closed { why, until, credential } => {
                    skipped.push(Skipped { place, why: said(why, until) });
                    let one = Least { place, why, until, credential };
                    if least.as_ref().is_none_or(|least| one.rank() < least.rank()) {
                        least = Some(one);
                    }
                }
                Outlook::Spent => {}
            }
        }
        let next = match (go, least) {
            (Some((place, credential)), _) => Ok((place, credential)),
            (None, _) if zeal == Zeal::Again => Err(Next::Nowhere),
            (None, None) if !is_full => Err(Next::Nowhere),
            (None, least) if is_full && (zeal == Zeal::First || least.is_none()) => Err(Next::Full),
            (None, None) => Err(Next::Full),
            (None, Some(least)) if least.why == Closed::Limited => Err(Next::NotBefore(least.until)),
            (None, Some(least)) => {
                skipped.retain(|skipped| skipped.place != least.place);
                Ok((least.place, least.credential))
            }
        };
        let next = next.map(|(place, credential)| {
            let way = candidates[place].way;
            let provider = way.upstream.provider.id.clone();
            let health = providers.entry(provider.clone()).or_default();
            let is_probe = health.begin(&way.upstream_model, credential, now);
            if zeal != Zeal::Again
                && candidates.iter().all(|one| one.way.upstream.provider.id != provider || one.is_fresh())
            {
                health.budget.earn();
            }
            let model = way.upstream_model.clone();
            let pass = Pass { gateway: self.clone(), provider, model, credential, is_probe, is_judged: false };
            Next::Go(place, pass)
        });
        let next = next.unwrap_or_else(|otherwise| otherwise);
        (next, skipped)
    }

    /// Whether this provider may be asked again by a call that it has failed: retries have a budget.
    pub fn may_retry(&self, way: &Way) -> bool {
        let now = self.0.clock.now();
        self.0.vitals.with(&way.upstream.provider.id, |health| health.budget.spend(now))
    }

    /// Resolves when a call leaves some provider after this was called.
    pub fn place_freed(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.vitals.freed.notified()
    }

    /// How a provider fares, as this process sees it.
    ///
    /// # Errors
    /// For anyone but an admin; where there is no such provider.
    pub fn provider_health(&self, by: &Account, id: &ProviderId) -> Result<Report, Problem> {
        admins_only(by)?;
        let upstream = self.upstream(id)?;
        let now = self.0.clock.now();
        let most = upstream.provider.max_concurrency;
        Ok(self.0.vitals.with(id, |health| health.report(upstream.credentials.len(), most, now)))
    }
}

impl Gateway {
    /// How many calls have gone to a provider of this name lately.
    ///
    /// # Errors
    /// For anyone but an admin; when the database fails.
    pub async fn calls_of_provider(&self, by: &Account, name: &str, lately: Duration) -> Result<i64, Problem> {
        admins_only(by)?;
        Ok(self.0.store.calls_of_provider(name, self.0.clock.now().minus(lately)).await?)
    }
}

impl<'a> Candidate<'a> {
    fn want(&self) -> Want<'a> {
        let upstream = &self.way.upstream;
        Want {
            model: &self.way.upstream_model,
            credentials: upstream.credentials.len(),
            tried: self.tried,
            most: upstream.provider.max_concurrency,
        }
    }

    fn is_fresh(&self) -> bool {
        self.tried.is_empty() && !self.is_done
    }
}

/// The least bad of the ways that are closed.
struct Least {
    place: usize,
    why: Closed,
    until: Time,
    credential: Option<usize>,
}

impl Least {
    /// A way that cools down may work by now; a refused credential may have been mended; before the end of its own word
    /// nobody serves.
    fn rank(&self) -> (u8, Time) {
        let rank = match self.why {
            Closed::Cooling => 0,
            Closed::Refused => 1,
            Closed::Limited => 2,
        };
        (rank, self.until)
    }
}

fn said(why: Closed, until: Time) -> String {
    match why {
        Closed::Cooling => format!("cools down until {until}"),
        Closed::Limited => format!("asked not to be called before {until}"),
        Closed::Refused => format!("refuses its credentials; left alone until {until}"),
    }
}

/// The leave to go one way, and the place that the call takes there until this is dropped.
#[derive(Debug)]
pub struct Pass {
    gateway: Gateway,
    provider: ProviderId,
    model: String,
    pub credential: Option<usize>,
    is_probe: bool,
    is_judged: bool,
}

impl Pass {
    /// What has become of it. Said of an answer's head, and once more if the rest of it breaks off.
    pub fn note(&mut self, outcome: &Outcome) {
        self.is_judged = true;
        let now = self.gateway.0.clock.now();
        let note = |health: &mut Health| health.note(&self.model, self.credential, outcome, now);
        self.gateway.0.vitals.with(&self.provider, note);
        if let Outcome::Failed(reason) | Outcome::Unreached(reason) = outcome {
            tracing::debug!(provider = %self.provider, model = %self.model, %reason, "a provider failed a call");
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let vitals = &self.gateway.0.vitals;
        vitals.with(&self.provider, |health| {
            if self.is_probe && !self.is_judged {
                health.dropped(&self.model);
            }
            health.ended();
        });
        vitals.freed.notify_waiters();
    }
}

impl Gateway {
    /// Forgets what is held against providers whose definition is not what it was, whoever changed it.
    pub(super) fn heal(&self, before: &super::catalog::Catalog, after: &super::catalog::Catalog) {
        for (id, upstream) in after.upstreams() {
            if before.upstream(id).is_some_and(|known| **known != **upstream) {
                self.0.vitals.forget(id);
            }
        }
        self.0.vitals.forget_all_but(|id| after.upstream(id).is_some());
    }
}
