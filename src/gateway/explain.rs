//! What would become of a call, and why: every check and every limit that it would meet, judged by the functions that
//! judge real calls. Reads only; nothing is held and nothing is written.

use super::Gateway;
use super::admit::{Ceiling, MOST_TRIES, Output, Prices, within_cost_cap};
use super::allow::priced;
use super::authenticate::Holder;
use crate::domain::account::Account;
use crate::domain::call::Bound;
use crate::domain::id::KeyId;
use crate::domain::ledger::{Consulted, Open};
use crate::domain::limit::Limit;
use crate::domain::model::Model;
use crate::domain::price::Quantity;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::refusal::{Detail, Refusal};
use crate::domain::time::Time;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Hours may open while a budget is spent, and the other way round; sooner or later both are open, or never.
const MOST_OPENINGS: usize = 8;
/// How far ahead may be asked about: ten years.
const FARTHEST: Duration = Duration::from_hours(24 * 3_653);

/// A call to be explained.
#[derive(Clone, Debug)]
pub struct Question {
    pub key_id: KeyId,
    pub model: String,
    pub endpoint: String,
    /// From where it would come; not judged where that is not said.
    pub ip: Option<IpAddr>,
    pub input_tokens: u64,
    /// The output it would ask for; the gateway's choice where that is not said.
    pub max_tokens: Option<u64>,
    /// When; now where that is not said. Limits are told as of then if it is to come, as if nothing else were called
    /// until then, and as they stand now if it is past: how they stood is in the logs.
    pub at: Option<Time>,
}

/// What would become of it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// `None` where it would be let through.
    pub refusal: Option<Refusal>,
    /// When it would be let through if nothing else were called until then; `None` where no waiting helps, and where it
    /// would be let through at once.
    pub passes_at: Option<Time>,
    /// What it would hold. Of an output that it does not say, what the gateway would choose.
    pub bound: Bound,
    /// In the order in which they are made. Those that cannot be judged, since an earlier one failed, are left out.
    pub checks: Vec<Checked>,
    /// Every limit that would be consulted, in order.
    pub limits: Vec<Weighed>,
}

/// One check.
#[derive(Clone, Debug)]
pub struct Checked {
    pub check: &'static str,
    /// `None` where it passes.
    pub refusal: Option<Refusal>,
}

/// One limit as the call would meet it.
#[derive(Clone, Debug)]
pub struct Weighed {
    pub detail: Detail,
    pub fits: bool,
}

impl Gateway {
    /// Explains what would become of a call of a key that this account may see.
    ///
    /// # Errors
    /// Where there is no such key for this account; where the time is too far ahead; when the books cannot be reached.
    pub async fn explain(&self, by: &Account, asked: &Question) -> Result<Explanation, Problem> {
        let now = self.0.clock.now();
        let at = asked.at.unwrap_or(now);
        if now.plus(FARTHEST) < at {
            return Err(Problem::field("at", "Ask about a time within ten years from now."));
        }
        let key = self.key(by, &asked.key_id).await.map_err(|problem| match problem.kind {
            ProblemKind::NotFound => Problem { kind: problem.kind, ..Problem::field("key_id", problem.message) },
            _ => problem,
        })?;
        let holder = self.holder(key).await?.ok_or_else(|| Problem::not_found("key"))?;
        let mut told = self.judge(&holder, asked, at, now).await?;
        let mut later = told.refusal.as_ref().and_then(|refusal| opening(refusal, at.max(now)));
        for _ in 0..MOST_OPENINGS {
            let Some(then) = later.filter(|then| *then <= now.plus(FARTHEST)) else { break };
            match self.judge(&holder, asked, then, now).await?.refusal {
                None => {
                    told.passes_at = later;
                    break;
                }
                Some(refusal) => later = opening(&refusal, then),
            }
        }
        Ok(told)
    }

    /// What would become of it at `at`, as things stand `now`.
    async fn judge(&self, holder: &Holder, asked: &Question, at: Time, now: Time) -> Result<Explanation, Problem> {
        let stand_at = at.max(now);
        let output = asked.max_tokens.map_or(Output::Open { choices: 1 }, Output::Declared);
        let mut ceiling = Ceiling::tokens(asked.input_tokens, output);
        let mut checks = vec![
            checked("status", holder.is_active()),
            checked("expiry", holder.is_current(at)),
            checked("account", holder.is_of_an_enabled_account()),
        ];
        let model = self.served(&asked.model);
        checks.push(checked("model", model.as_ref().map_err(Refusal::clone).and(holder.may_call(&asked.model))));
        checks.extend(asked.ip.map(|ip| checked("ip", holder.may_call_from(ip))));
        checks.push(checked("endpoint", holder.may_call_path(&asked.endpoint)));
        checks.push(checked("hours", holder.may_call_at(at)));
        let mut bound = Bound { input: ceiling.input, output: asked.max_tokens.unwrap_or(0), ..Bound::default() };
        let mut short = None;
        if let Ok(model) = &model {
            ceiling.stand_ins = self.stand_ins(holder, model);
            checks.extend(self.checks_of_size(holder, model, &ceiling));
            if checks.iter().all(|checked| checked.check != "price" || checked.refusal.is_none()) {
                (bound, short) = self.foretell(holder, model, &ceiling, bound, stand_at).await?;
            }
        }
        let limits = self.weigh(&holder.limits(), bound, stand_at).await?;
        let limits = limits
            .iter()
            .map(|consulted| Weighed { detail: Detail::new(consulted, stand_at), fits: consulted.fits() })
            .collect();
        let failed = checks.iter().find_map(|checked| checked.refusal.clone());
        Ok(Explanation { refusal: failed.or(short), passes_at: None, bound, checks, limits })
    }

    fn checks_of_size(&self, holder: &Holder, model: &Arc<Model>, ceiling: &Ceiling) -> Vec<Checked> {
        let mut checks = vec![checked("route", self.routed(holder, model, 0.0).map(drop))];
        let price = priced(model);
        checks.push(checked("price", price.as_ref().map(drop).map_err(Refusal::clone)));
        let output = self.output_bound(holder, ceiling.max_output(model), ceiling.output);
        checks.push(checked("max_tokens_per_request", output.as_ref().map(drop).map_err(Refusal::clone)));
        if let (Ok(prices), Ok((output, chosen))) = (Prices::of(model, ceiling), output) {
            let most = Quantity { input: ceiling.input, output, ..Quantity::default() };
            let capped = within_cost_cap(holder, &prices, &most, chosen);
            checks.push(checked("max_cost_per_request", capped.map(drop)));
        }
        checks
    }

    /// Asks for what admission would ask for, as often as it would, until it fits or is refused: what it would hold.
    async fn foretell(
        &self,
        holder: &Holder,
        model: &Model,
        ceiling: &Ceiling,
        otherwise: Bound,
        at: Time,
    ) -> Result<(Bound, Option<Refusal>), Problem> {
        let mut bid = match self.bid(holder, model, ceiling) {
            Ok(bid) => bid,
            Err(refusal) => {
                let Bound { input, output, .. } = otherwise;
                let most = Quantity { input, output, ..Quantity::default() };
                let cost = priced(model).map(|price| price.bound(&most));
                return Ok((Bound { cost: cost.unwrap_or_default(), ..otherwise }, Some(refusal)));
            }
        };
        for _ in 0..MOST_TRIES {
            let trace = self.weigh(bid.limits(), bid.bound(), at).await?;
            let Some(short) = trace.iter().find(|consulted| !consulted.fits()) else {
                return Ok((bid.bound(), None));
            };
            if let Err(refusal) = bid.fall_back(short, &trace, at) {
                return Ok((bid.bound(), Some(refusal)));
            }
        }
        Ok((bid.bound(), Some(Refusal::books_unavailable())))
    }

    /// Each limit as a call that holds so much would meet it.
    async fn weigh(&self, limits: &[Limit], bound: Bound, at: Time) -> Result<Vec<Consulted>, Problem> {
        let now = self.0.clock.now();
        if at > now {
            // Into memory as of now: a sliding meter that was loaded for a time to come would lack what counts until
            // then, and real calls would meet it.
            self.with_meters(limits, now, |_| ()).await?;
        }
        let open = Open { owners: Arc::from([]), at, held: bound.amount() };
        Ok(self.with_meters(limits, at, |ledger| ledger.consult(&open, limits)).await?)
    }
}

/// When what refused at `at` may let it through: later than that, or not at all.
fn opening(refusal: &Refusal, at: Time) -> Option<Time> {
    let opens = match (&refusal.closed, &refusal.detail) {
        (Some(closed), _) => closed.opens_at,
        (None, Some(detail)) if detail.requested.units() <= detail.max.units() => detail.resets_at,
        _ => None,
    };
    opens.filter(|opens| at < *opens)
}

fn checked(check: &'static str, found: Result<(), Refusal>) -> Checked {
    Checked { check, refusal: found.err() }
}
