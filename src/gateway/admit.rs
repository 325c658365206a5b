//! Admission: every check in order, then a hold on all meters or on none, then the pending row.

use super::Gateway;
use super::authenticate::Holder;
use super::hold::Hold;
use super::journal::Rejected;
use crate::domain::call::{Arrival, Bound};
use crate::domain::ledger::Consulted;
use crate::domain::limit::{Measure, Scope};
use crate::domain::model::Model;
use crate::domain::price::Price;
use crate::domain::refusal::{Code, Refusal, Retry};
use std::net::IpAddr;
use std::sync::Arc;

/// An answer shorter than this is not worth having: a budget that affords less refuses instead.
const SHORTEST_OUTPUT: u64 = 256;
/// Lowering the output for one limit may run into the next; there are no more limits than this.
const MOST_TRIES: usize = 16;

/// The most that a call says it may use.
#[derive(Clone, Copy, Debug)]
pub struct Ceiling {
    /// An upper bound on its input tokens.
    pub input: u64,
    pub output: Output,
}

/// The most output tokens a call asks for, over all its choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// It says so itself, or its provider is bound to it.
    Declared(u64),
    /// It does not say; the gateway may choose, and writes its choice into the request, times so many choices.
    Open { choices: u64 },
}

impl Gateway {
    /// The model, if this key may call it here.
    ///
    /// # Errors
    /// 403 for a model, address or path that the key does not allow; 404 for a model that is not there.
    pub fn allow(&self, holder: &Holder, name: &str, endpoint: &str, ip: IpAddr) -> Result<Arc<Model>, Refusal> {
        let key = &holder.key;
        let no = |code, message| Refusal::new(code, message);
        let unknown = || {
            no(Code::ModelNotFound, format!("There is no model {name:?} here. GET /v1/models lists those there are."))
        };
        let model = self.model(name).filter(|model| model.enabled).ok_or_else(|| unknown().about("model"))?;
        if !key.allows_model(name) {
            let message =
                format!("Key {:?} may not call model {name:?}. It may call {}.", key.name, key.models.join(", "));
            return Err(no(Code::ModelNotAllowed, message).about("model"));
        }
        if !key.allows_ip(ip) {
            return Err(no(Code::IpNotAllowed, format!("Key {:?} may not be used from {ip}.", key.name)));
        }
        if !key.allows_endpoint(endpoint) {
            return Err(no(Code::EndpointNotAllowed, format!("Key {:?} may not call {endpoint}.", key.name)));
        }
        Ok(model)
    }

    /// Holds what the call may use at most, and writes it down. Once this returns, the call is in the books.
    ///
    /// # Errors
    /// 400, 402 or 429 with the limit that has no room; 503 where the books cannot be written.
    pub async fn admit(
        &self,
        holder: &Holder,
        model: &Model,
        arrival: Arrival,
        ceiling: Ceiling,
    ) -> Result<Hold, Refusal> {
        let price = model.price.ok_or_else(|| unpriced(model))?;
        let (mut output, lowerable) = self.output_bound(holder, model, ceiling)?;
        output = within_cost_cap(holder, price, ceiling.input, output, lowerable)?;
        let mut means = holder.means.iter();
        let mut paid_by = means.next().ok_or_else(Refusal::books_unavailable)?;
        for _ in 0..MOST_TRIES {
            let bound = Bound { input: ceiling.input, output, cost: price.bound(ceiling.input, output) };
            let arrival = Arrival { funding: paid_by.funding, ..arrival.clone() };
            let hold = Hold::new(self.clone(), arrival, bound, price, lowerable);
            let (short, trace, at) = match self.hold(hold, Arc::clone(&paid_by.limits)).await {
                Ok(hold) => {
                    self.0.stamp(&hold.arrival().key_id, hold.arrival().at);
                    return Ok(hold);
                }
                Err(Rejected::Unavailable) => return Err(Refusal::books_unavailable()),
                Err(Rejected::Short { short, trace, at }) => (short, trace, at),
            };
            // What the subscription has no room for, the balance may pay.
            if short.limit.owner.scope == Scope::Subscription
                && let Some(next) = means.next()
            {
                paid_by = next;
                continue;
            }
            match affordable(&short, price, ceiling.input, output) {
                Some(less) if lowerable && less < output => output = less,
                _ => return Err(Refusal::short(&short, &trace, &holder.whose(&short.limit), at)),
            }
        }
        Err(Refusal::books_unavailable())
    }

    /// Output tokens to hold, and whether the gateway chose them itself.
    fn output_bound(&self, holder: &Holder, model: &Model, ceiling: Ceiling) -> Result<(u64, bool), Refusal> {
        let cap = holder.key.limits.max_tokens_per_request;
        match ceiling.output {
            Output::Declared(output) => match cap {
                Some(cap) if output > cap => {
                    let message = format!(
                        "Key {:?} allows {cap} output tokens a request; this one asks for {output}.",
                        holder.key.name
                    );
                    let refusal = Refusal::new(Code::MaxTokensExceedsKeyLimit, message).about("max_tokens");
                    Err(Refusal { retry: Retry::Never, ..refusal })
                }
                _ => Ok((output, false)),
            },
            Output::Open { choices } => {
                let most = [model.max_output_tokens, cap]
                    .into_iter()
                    .flatten()
                    .fold(self.0.terms.default_max_output, u64::min);
                // A key without limits is bounded only in what is held; nothing is written into its request.
                let limited = holder.is_limited() || cap.is_some() || holder.key.limits.max_cost_per_request.is_some();
                Ok((most.saturating_mul(choices.max(1)), limited))
            }
        }
    }

    /// Notes a call that was refused.
    pub fn refuse(&self, arrival: Arrival, refusal: &Refusal) {
        self.0.journal.refused(Arc::new(arrival), refusal.clone());
    }
}

fn unpriced(model: &Model) -> Refusal {
    let message = format!(
        "Model {:?} has no price yet, so its calls cannot be charged. An admin can set one, or mark it free.",
        model.name
    );
    Refusal::new(Code::ModelNotFound, message).about("model")
}

/// The key's cap on the cost of one call.
fn within_cost_cap(holder: &Holder, price: Price, input: u64, output: u64, lowerable: bool) -> Result<u64, Refusal> {
    let Some(cap) = holder.key.limits.max_cost_per_request else { return Ok(output) };
    let bound = price.bound(input, output);
    if bound <= cap {
        return Ok(output);
    }
    let less = afforded(price, input, cap.nanos());
    if lowerable && less >= SHORTEST_OUTPUT.min(output) {
        return Ok(less);
    }
    let message = format!("Key {:?} allows one call to cost {cap}; this one may cost up to {bound}.", holder.key.name);
    Err(Refusal { retry: Retry::Never, ..Refusal::new(Code::RequestCostExceedsKeyCap, message) })
}

/// The output that a limit without room for all of it still affords; `None` if too little to be worth having.
fn affordable(short: &Consulted, price: Price, input: u64, output: u64) -> Option<u64> {
    let room = short.limit.max.saturating_sub(short.reading.total());
    let less = match short.limit.measure {
        Measure::Requests => return None,
        Measure::Tokens => u64::try_from(room).unwrap_or(0).saturating_sub(input),
        Measure::Credits => afforded(price, input, room),
    };
    (less >= SHORTEST_OUTPUT.min(output)).then_some(less)
}

/// The most output tokens that `nanos` pay for beside `input` tokens.
fn afforded(price: Price, input: u64, nanos: i64) -> u64 {
    let Price::PerMillion(per_million) = price else { return u64::MAX };
    let left = i128::from(nanos) - i128::from(price.bound(input, 0).nanos());
    match i128::from(per_million.output.nanos()) {
        _ if left < 0 => 0,
        0 => u64::MAX,
        each => u64::try_from(left * 1_000_000 / each).unwrap_or(u64::MAX),
    }
}
