//! Admission: what a call asks to hold, then a hold on all meters or on none, then the pending row.

use super::Gateway;
use super::allow::{capped, priced};
use super::authenticate::{Holder, Means};
use super::hold::Hold;
use super::journal::Rejected;
use crate::domain::call::{Arrival, Bound};
use crate::domain::credits::Credits;
use crate::domain::ledger::Consulted;
use crate::domain::limit::{Limit, Measure, Scope};
use crate::domain::model::Model;
use crate::domain::price::{Content, Price, Quantity};
use crate::domain::refusal::{Code, Refusal};
use crate::domain::time::Time;
use crate::domain::usage::Units;
use crate::domain::wallet::Funding;
use std::sync::Arc;

/// An answer shorter than this is not worth having: a budget that affords less refuses instead.
const SHORTEST_OUTPUT: u64 = 256;
/// Lowering the output for one limit may run into the next; there are no more limits than this.
pub(super) const MOST_TRIES: usize = 16;

/// The most that a call says it may use.
#[derive(Clone, Debug)]
pub struct Ceiling {
    /// An upper bound on its input tokens.
    pub input: u64,
    pub output: Output,
    /// What is no token: images, characters, seconds.
    pub units: Units,
    pub content: Content,
    /// Of which variant its images or its video are to be, as [`Price::for_variant`] reads it.
    pub variant: String,
    /// The models that may stand in for the one it asks for.
    pub stand_ins: Vec<Arc<Model>>,
}

impl Ceiling {
    /// Nothing but tokens, of any kind.
    pub fn tokens(input: u64, output: Output) -> Self {
        Self {
            input,
            output,
            units: Units::default(),
            content: Content::default(),
            variant: String::new(),
            stand_ins: Vec::new(),
        }
    }

    /// The most output that this model and those that may stand in for it can give, each of them.
    pub(super) fn max_output(&self, model: &Model) -> Option<u64> {
        let others = self.stand_ins.iter().filter_map(|other| other.max_output_tokens);
        model.max_output_tokens.into_iter().chain(others).min()
    }

    /// With so much output.
    fn quantity(&self, output: u64) -> Quantity {
        Quantity { input: self.input, output, units: self.units, content: self.content }
    }
}

/// The most output tokens a call asks for, over all its choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// It says so itself, or its provider is bound to it.
    Declared(u64),
    /// It does not say; the gateway may choose, and writes its choice into the request, times so many choices.
    Open { choices: u64 },
}

/// The prices that a call may be charged by: its model's, and those of the models that may stand in for it. The dearest is
/// held; the one that answers is charged.
#[derive(Clone, Debug)]
pub(super) struct Prices {
    first: Tariff,
    others: Vec<Tariff>,
}

/// The price of a model in force.
#[derive(Clone, Debug)]
pub(super) struct Tariff {
    pub model: String,
    pub price: Price,
    pub version: u64,
}

impl Prices {
    /// # Errors
    /// 404 for a model without a price.
    pub fn of(model: &Model, ceiling: &Ceiling) -> Result<Self, Refusal> {
        let tariff = |model: &Model| -> Result<Tariff, Refusal> {
            let price = priced(model)?.for_variant(&ceiling.variant);
            Ok(Tariff { model: model.name.clone(), price, version: model.price_version })
        };
        let others = ceiling.stand_ins.iter().map(|other| tariff(other)).collect::<Result<_, Refusal>>()?;
        Ok(Self { first: tariff(model)?, others })
    }

    fn each(&self) -> impl Iterator<Item = &Price> {
        std::iter::once(&self.first).chain(&self.others).map(|tariff| &tariff.price)
    }

    /// The most that so much can cost, whoever answers.
    pub fn bound(&self, most: &Quantity) -> Credits {
        self.each().map(|price| price.bound(most)).max().unwrap_or_default()
    }

    /// The output that the money affords, whoever answers.
    fn affords(&self, most: &Quantity, money: Credits) -> u64 {
        self.each().map(|price| price.affords(most, money)).min().unwrap_or_default()
    }

    /// That of the model that was asked for.
    pub fn asked(&self) -> &Tariff {
        &self.first
    }

    /// That of a model that may answer.
    pub fn by_name(&self, model: &str) -> Option<&Tariff> {
        std::iter::once(&self.first).chain(&self.others).find(|tariff| tariff.model == model)
    }
}

/// What a call asks to hold, and who is to pay for it: a judgement of its own, that holds nothing. Where a limit has no
/// room it asks for less, or of someone else, or is refused.
#[derive(Debug)]
pub(super) struct Bid<'h> {
    holder: &'h Holder,
    prices: Prices,
    most: Quantity,
    /// Whether the gateway chose the output bound: then it may be lowered, and must be written into the request.
    chosen: bool,
    paid_by: &'h Means,
    next: std::slice::Iter<'h, Means>,
}

impl Bid<'_> {
    pub fn bound(&self) -> Bound {
        let Quantity { input, output, units, .. } = self.most;
        let price_version = self.prices.asked().version;
        Bound { input, output, units, cost: self.prices.bound(&self.most), price_version }
    }

    pub fn funding(&self) -> Funding {
        self.paid_by.funding
    }

    /// Every limit that it must fit, in the order consulted.
    pub fn limits(&self) -> &Arc<[Limit]> {
        &self.paid_by.limits
    }

    /// What to ask for after a limit had no room.
    ///
    /// # Errors
    /// 402 or 429 where nothing is left to ask for.
    pub fn fall_back(&mut self, short: &Consulted, trace: &[Consulted], at: Time) -> Result<(), Refusal> {
        // What the subscription has no room for, the balance may pay.
        if short.limit.owner.scope == Scope::Subscription
            && let Some(next) = self.next.next()
        {
            self.paid_by = next;
            return Ok(());
        }
        match affordable(short, &self.prices, &self.most) {
            Some(less) if self.chosen && less < self.most.output => {
                self.most.output = less;
                Ok(())
            }
            _ => Err(Refusal::short(short, trace, &self.holder.whose(short.limit.owner.scope), at)),
        }
    }
}

impl Gateway {
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
        let mut bid = self.bid(holder, model, &ceiling)?;
        let mut last = None;
        for _ in 0..MOST_TRIES {
            let arrival = Arrival { funding: bid.funding(), ..arrival.clone() };
            let hold = Hold::new(self.clone(), arrival, bid.bound(), bid.prices.clone(), bid.chosen);
            match self.hold(hold, Arc::clone(bid.limits())).await {
                Ok(hold) => {
                    self.0.stamp(&hold.arrival().key_id, hold.arrival().at);
                    return Ok(hold);
                }
                Err(Rejected::Unavailable) => return Err(Refusal::books_unavailable()),
                Err(Rejected::Short { short, trace, at }) => {
                    bid.fall_back(&short, &trace, at)?;
                    last = Some((short, trace, at));
                }
            }
        }
        // Others were quicker each time: the limit has no room.
        Err(last.map_or_else(Refusal::books_unavailable, |(short, trace, at)| {
            Refusal::short(&short, &trace, &holder.whose(short.limit.owner.scope), at)
        }))
    }

    /// What a call asks for first.
    ///
    /// # Errors
    /// 400 where it is larger than one call may be; 404 for a model without a price.
    pub(super) fn bid<'h>(&self, holder: &'h Holder, model: &Model, ceiling: &Ceiling) -> Result<Bid<'h>, Refusal> {
        let prices = Prices::of(model, ceiling)?;
        let (output, chosen) = self.output_bound(holder, ceiling.max_output(model), ceiling.output)?;
        let most = ceiling.quantity(output);
        let output = within_cost_cap(holder, &prices, &most, chosen)?;
        let mut means = holder.means.iter();
        let paid_by = means.next().ok_or_else(Refusal::books_unavailable)?;
        Ok(Bid { holder, prices, most: Quantity { output, ..most }, chosen, paid_by, next: means })
    }

    /// Output tokens to hold, and whether the gateway chose them itself.
    ///
    /// # Errors
    /// 400 where the call asks for more than the key or its account allows one call.
    pub(super) fn output_bound(
        &self,
        holder: &Holder,
        max_output: Option<u64>,
        asked: Output,
    ) -> Result<(u64, bool), Refusal> {
        let cap = holder.cap(|limits| limits.max_tokens_per_request);
        match asked {
            Output::Declared(output) => match cap {
                Some((cap, scope)) if output > cap => {
                    let whose = holder.whose(scope);
                    let message = format!("{whose} allows {cap} output tokens a request; this one asks for {output}.");
                    Err(capped(Code::MaxTokensExceedsKeyLimit, message).about("max_tokens"))
                }
                _ => Ok((output, false)),
            },
            Output::Open { choices } => {
                let choices = choices.max(1);
                let each = max_output
                    .map_or(self.0.terms.default_max_output, |most| most.min(self.0.terms.default_max_output));
                let most = match cap {
                    Some((cap, scope)) if cap < choices => {
                        let whose = holder.whose(scope);
                        let message = format!(
                            "{whose} allows {cap} output tokens a request; this one asks for {choices} answers."
                        );
                        return Err(capped(Code::MaxTokensExceedsKeyLimit, message).about("n"));
                    }
                    // The cap is on the request, however many answers it asks for.
                    Some((cap, _)) => each.saturating_mul(choices).min(cap),
                    None => each.saturating_mul(choices),
                };
                // A key without limits is bounded only in what is held; nothing is written into its request.
                let limited = holder.is_limited() || cap.is_some() || cost_cap(holder).is_some();
                Ok((most, limited))
            }
        }
    }

    /// Notes a call that was refused.
    pub fn refuse(&self, arrival: Arrival, refusal: &Refusal) {
        self.0.journal.refused(Arc::new(arrival), refusal.clone());
    }
}

impl Holder {
    /// The most that one of its calls may cost: what its key says, or its account if that is less.
    pub fn most_per_call(&self) -> Option<Credits> {
        cost_cap(self).map(|(cap, _)| cap)
    }
}

/// The most that one call may cost, and who says so.
fn cost_cap(holder: &Holder) -> Option<(Credits, Scope)> {
    holder.cap(|limits| limits.max_cost_per_request)
}

/// The output that the cap on the cost of one call leaves.
///
/// # Errors
/// 400 where that is less than was asked for, or too little to be worth having.
pub(super) fn within_cost_cap(holder: &Holder, prices: &Prices, most: &Quantity, chosen: bool) -> Result<u64, Refusal> {
    let Some((cap, scope)) = cost_cap(holder) else { return Ok(most.output) };
    let bound = prices.bound(most);
    if bound <= cap {
        return Ok(most.output);
    }
    let less = prices.affords(most, cap);
    if chosen && less >= SHORTEST_OUTPUT.min(most.output) {
        return Ok(less);
    }
    let message = format!("{} allows one call to cost {cap}; this one may cost up to {bound}.", holder.whose(scope));
    Err(capped(Code::RequestCostExceedsKeyCap, message))
}

/// The output that a limit without room for all of it still affords; `None` if too little to be worth having.
fn affordable(short: &Consulted, prices: &Prices, most: &Quantity) -> Option<u64> {
    let room = short.limit.max.saturating_sub(short.reading.total());
    let less = match short.limit.measure {
        Measure::Requests => return None,
        Measure::Tokens => u64::try_from(room).unwrap_or(0).saturating_sub(most.input),
        Measure::Credits => prices.affords(most, Credits::from_nanos(room)),
    };
    (less >= SHORTEST_OUTPUT.min(most.output)).then_some(less)
}
