//! What a rule would have refused over the last 30 days of its keys' real calls.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::id::{KeyId, RuleId};
use crate::domain::impact::{Judged, Sum, Trial};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::Problem;
use crate::domain::rule::RuleSpec;
use crate::domain::time::Time;
use crate::store::calls::Cost;
use std::time::Duration;

/// How far back calls are looked at.
const LAST: Duration = Duration::from_hours(24 * 30);
/// Calls of one key that are read at once: half a megabyte.
const CHUNK: u32 = 20_000;
/// Keys whose first calls are read together, and how many of each: most rules govern many keys, and most keys make few
/// calls.
const KEYS: usize = 100;
const FIRST: u32 = 1_000;

/// What a rule would have refused.
#[derive(Clone, Debug)]
pub struct Impact {
    pub from: Time,
    pub to: Time,
    /// How many keys it governs, with calls or without.
    pub governed: u64,
    pub total: Judged,
    /// Keys with calls, those with the most refusals first.
    pub keys: Vec<KeyImpact>,
    /// When each day began in the zone of whoever asks, the first one not after `from`, and what was refused on it.
    pub days: Vec<(Time, Sum)>,
}

/// The same for one key.
#[derive(Clone, Debug)]
pub struct KeyImpact {
    pub id: KeyId,
    pub name: String,
    pub judged: Judged,
}

impl Gateway {
    /// Tries a rule, as it is or as an edit would leave it, on the settled calls of the keys that it governs and this
    /// account may see. A call is judged by what it cost, where a real one is judged by what it might cost at most.
    ///
    /// # Errors
    /// Where there is no such rule for this account; for each field of the edit that will not do.
    pub async fn rule_impact(&self, by: &Account, id: &RuleId, edit: Option<RuleSpec>) -> Result<Impact, Problem> {
        let known = self.rule(by, id).await?.rule;
        let to = self.0.clock.now();
        let rule = match edit {
            None => known,
            Some(spec) => {
                spec.check()?;
                known.edited(spec, known.account_id.clone(), to)
            }
        };
        let from = to.minus(LAST);
        let zone = Zone::parse(&by.timezone).unwrap_or_else(Zone::utc);
        let days = days(from, to, &zone);
        let own = (!by.is_admin()).then_some(&by.id);
        let keys = self.0.store.governed_keys(id, own).await?;
        let mut trials: Vec<Trial> = keys.iter().map(|_| Trial::of(&rule, from, &days)).collect();
        for (keys, trials) in keys.chunks(KEYS).zip(trials.chunks_mut(KEYS)) {
            let ids: Vec<KeyId> = keys.iter().map(|(id, _)| id.clone()).collect();
            let Some(reads_from) = trials.first().map(Trial::reads_from) else { continue };
            let mut first = self.0.store.costs(&ids, reads_from, to, FIRST).await?;
            for (id, trial) in ids.iter().zip(trials) {
                let costs = first.remove(id).unwrap_or_default();
                meet(trial, &costs);
                if costs.len() == FIRST as usize {
                    self.try_rest(id, trial, costs, to).await?;
                }
            }
        }
        let refused = vec![Sum::default(); days.len()];
        let mut impact = Impact {
            from,
            to,
            governed: keys.len() as u64,
            total: Judged::default(),
            keys: Vec::new(),
            days: days.iter().copied().zip(refused).collect(),
        };
        for ((id, name), trial) in keys.into_iter().zip(trials) {
            let (judged, by_day) = trial.done();
            if judged.all.calls > 0 {
                impact.total.add(&judged);
                impact.keys.push(KeyImpact { id, name, judged });
                impact.days.iter_mut().zip(by_day).for_each(|((_, sum), day)| sum.add(day));
            }
        }
        let rank = |key: &KeyImpact| (key.judged.refused().calls, key.judged.refused().nanos);
        impact.keys.sort_by_key(|key| std::cmp::Reverse(rank(key)));
        Ok(impact)
    }

    /// What is left of one key's calls, after those that were read last.
    async fn try_rest(&self, id: &KeyId, trial: &mut Trial<'_>, mut read: Vec<Cost>, to: Time) -> Result<(), Problem> {
        while let Some((last, _)) = read.last().copied() {
            // Calls of the same instant may lie on both sides of a cut: those that were met are passed over.
            let met = read.iter().rev().take_while(|(at, _)| *at == last).count();
            read = self.0.store.costs(std::slice::from_ref(id), last, to, CHUNK).await?.remove(id).unwrap_or_default();
            meet(trial, read.get(met..).unwrap_or_default());
            if read.len() < CHUNK as usize || read.len() <= met {
                break;
            }
        }
        Ok(())
    }
}

fn meet(trial: &mut Trial<'_>, costs: &[Cost]) {
    for (at, nanos) in costs {
        trial.meet(*at, *nanos);
    }
}

/// When each day begins, from that of `from` to that of `to`.
fn days(from: Time, to: Time, zone: &Zone) -> Vec<Time> {
    let first = Period::Day.start(from, zone);
    std::iter::successors(Some(first), |day| Period::Day.end(*day, zone).filter(|next| next <= &to)).collect()
}
