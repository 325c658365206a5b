//! What a rule would have refused over the last 30 days of its keys' real calls.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::id::{KeyId, RuleId};
use crate::domain::impact::{Judged, Trial};
use crate::domain::problem::Problem;
use crate::domain::rule::{Rule, RuleSpec};
use crate::domain::time::Time;
use std::time::Duration;

/// How far back calls are looked at.
const LAST: Duration = Duration::from_hours(24 * 30);
/// Calls read at once: half a megabyte.
const CHUNK: u32 = 20_000;

/// What a rule would have refused.
#[derive(Clone, Debug)]
pub struct Impact {
    pub from: Time,
    pub to: Time,
    pub total: Judged,
    /// Keys with calls, those with the most refusals first.
    pub keys: Vec<KeyImpact>,
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
        let rule = match edit {
            None => known,
            Some(spec) => {
                spec.check()?;
                let RuleSpec { enabled, quota, hours, timezone, .. } = spec;
                Rule { enabled, quota, hours, timezone, ..known }
            }
        };
        let to = self.0.clock.now();
        let from = to.minus(LAST);
        let own = (!by.is_admin()).then_some(&by.id);
        let mut impact = Impact { from, to, total: Judged::default(), keys: Vec::new() };
        for (key, name) in self.0.store.governed_keys(id, own).await? {
            let judged = self.tried(&rule, &key, from, to).await?;
            if judged.all.calls > 0 {
                impact.total.add(&judged);
                impact.keys.push(KeyImpact { id: key, name, judged });
            }
        }
        let rank = |key: &KeyImpact| (key.judged.refused().calls, key.judged.refused().nanos);
        impact.keys.sort_by_key(|key| std::cmp::Reverse(rank(key)));
        Ok(impact)
    }

    /// One key's calls, in their order and so many at a time.
    async fn tried(&self, rule: &Rule, key: &KeyId, from: Time, to: Time) -> Result<Judged, Problem> {
        let mut trial = Trial::of(rule, from);
        let mut next = trial.reads_from();
        // Calls of the same instant may lie on both sides of a cut: those that were met are passed over.
        let mut met = 0;
        loop {
            let calls = self.0.store.costs(key, next, to, CHUNK).await?;
            for (at, nanos) in calls.iter().skip(met) {
                trial.meet(*at, *nanos);
            }
            let Some((last, _)) = calls.last().filter(|_| calls.len() == CHUNK as usize) else { break };
            met = calls.iter().rev().take_while(|(at, _)| at == last).count();
            next = *last;
        }
        Ok(trial.done())
    }
}
