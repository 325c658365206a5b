//! A call in flight: what it has reserved. It ends exactly once: settled, released, or charged whole if it is lost.

use super::Gateway;
use super::admit::{Prices, Tariff};
use super::dial::Connecting;
use super::limits::Standing;
use crate::domain::call::{Arrival, Attempt, Bound, Settlement};
use crate::domain::credits::Credits;
use crate::domain::ledger::{Ledger, Open};
use crate::domain::limit::Limit;
use crate::domain::refusal::Refusal;
use crate::domain::time::Time;
use crate::domain::usage::{Usage, UsageSource};
use std::sync::Arc;
use std::time::Duration;

/// How long a client's last bytes wait for the books. After that they go; settlement goes on, and the pending row
/// stands for the call.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The client closed its request: 499, as nginx logs it.
const CLIENT_LEFT: u16 = 499;

/// The hold of one call. Dropping it hands the call to the settler, never straight back: uncharged if nothing was
/// sent, charged whole if something was and nobody can say what it used.
#[derive(Debug)]
pub struct Hold {
    gateway: Gateway,
    arrival: Arc<Arrival>,
    pub bound: Bound,
    /// Those that it may be charged by, and the one that it is charged by as things stand.
    prices: Prices,
    charged_by: Tariff,
    /// Whether the gateway chose the output bound, and so must write it into the request.
    pub inject: bool,
    /// How its rate limits stood when it was admitted, itself included.
    pub rates: Vec<Standing>,
    /// When the call arrived, by this process's own clock: what its latencies are counted from.
    began: Time,
    /// Whether it holds anything. From then on it must be settled.
    live: bool,
    /// The connection that the current attempt waits for, where it needs one.
    connecting: Option<Connecting>,
    /// Whether an attempt before this one reached an upstream.
    reached: bool,
    /// Whether any of the attempt under way may have.
    dispatched: bool,
    provider: String,
    first_byte_ms: Option<u64>,
    attempts: Vec<Attempt>,
}

impl Hold {
    /// A hold that holds nothing yet.
    pub(super) fn new(gateway: Gateway, arrival: Arrival, bound: Bound, prices: Prices, inject: bool) -> Self {
        Self {
            gateway,
            began: arrival.at,
            arrival: Arc::new(arrival),
            bound,
            charged_by: prices.asked().clone(),
            prices,
            inject,
            rates: Vec::new(),
            live: false,
            connecting: None,
            reached: false,
            dispatched: false,
            provider: String::new(),
            first_byte_ms: None,
            attempts: Vec::new(),
        }
    }

    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    pub(super) fn shared_arrival(&self) -> Arc<Arrival> {
        Arc::clone(&self.arrival)
    }

    /// The instant of its admission, by the clock that all processes share: the one its meters count it at.
    pub(super) fn arrive(&mut self, at: Time) {
        Arc::make_mut(&mut self.arrival).at = at;
    }

    /// What it asks the meters to hold.
    pub(super) fn open(&self) -> Open {
        Open { owners: self.arrival.owners(), at: self.arrival.at, held: self.bound.amount() }
    }

    pub(super) fn note_rates(&mut self, ledger: &Ledger, limits: &[Limit]) {
        let rates = limits.iter().filter(|limit| limit.period.window().is_some());
        self.rates = rates.map(|limit| Standing::read(ledger, limit.clone(), self.arrival.at)).collect();
    }

    /// From now on it holds what it asked for.
    pub(super) fn goes_live(&mut self) {
        self.live = true;
    }

    /// Milliseconds since the call arrived.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.gateway.clock().now().since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// From here on the request may have reached this provider.
    pub fn dispatched(&mut self, provider: &str) {
        self.reached |= self.dispatched;
        self.dispatched = true;
        self.connecting = None;
        self.provider = provider.to_owned();
    }

    /// An answer that was kept serves it: no upstream is asked, and it counts as a request.
    pub fn recalled(&mut self) {
        self.dispatched = true;
    }

    /// It is sent to be answered by this model, which may be another than the one that was asked for: by its price it is
    /// charged.
    pub fn answered_by(&mut self, model: &str) {
        self.charged_by = self.prices.by_name(model).unwrap_or(self.prices.asked()).clone();
    }

    /// The current attempt waits for this connection first.
    pub fn connects(&mut self, connecting: Connecting) {
        self.connecting = Some(connecting);
    }

    /// It is certain that nothing of this attempt has reached an upstream: the connection was never made. What an
    /// attempt before it reached stays reached.
    pub fn proven_unsent(&mut self) {
        self.dispatched = false;
    }

    /// The current attempt was answered with an error, which costs nothing: until the next one nothing is under way.
    pub fn came_to_nothing(&mut self) {
        self.reached |= self.dispatched;
        self.dispatched = false;
        self.connecting = None;
    }

    /// Whether the current attempt still waits for its connection: then nothing of it can have been sent.
    pub fn is_unconnected(&self) -> bool {
        self.connecting.as_ref().is_some_and(|connecting| !connecting.is_over())
    }

    /// Whether an attempt is under way: between two nothing can cost anything.
    pub fn is_under_way(&self) -> bool {
        self.dispatched
    }

    pub fn attempted(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
    }

    /// The first byte of an answer is here. Only the first call counts.
    pub fn first_byte(&mut self) {
        let elapsed = self.elapsed_ms();
        self.first_byte_ms.get_or_insert(elapsed);
    }

    /// What this usage costs.
    pub fn cost(&self, usage: &Usage) -> Credits {
        self.charged_by.price.cost(usage)
    }

    /// Charges what was used.
    pub async fn settle(mut self, status: u16, usage: Usage, source: UsageSource, error: Option<Refusal>) {
        let settlement = self.settlement(status, usage, source, error);
        self.end(settlement).await;
    }

    /// Ends a call that came to nothing: an upstream answered with an error, or was never reached.
    pub async fn release(mut self, status: u16, error: Option<Refusal>) {
        let settlement = self.nothing(status, UsageSource::Upstream, error);
        self.end(settlement).await;
    }

    /// The end of a call whose client left: what was relayed is charged, within the hold; nothing, where the upstream
    /// was not even connected, or no attempt is under way.
    pub async fn abandon(mut self, usage: Usage) {
        if !self.is_under_way() {
            return self.release(CLIENT_LEFT, None).await;
        }
        if self.is_unconnected() {
            self.proven_unsent();
            return self.release(CLIENT_LEFT, None).await;
        }
        let usage = self.bound.within(usage);
        let settlement = self.settlement(CLIENT_LEFT, usage, UsageSource::Estimated, None);
        self.end(settlement).await;
    }

    /// Charges the whole hold: something was sent, and what it used will never be known.
    pub async fn charge_whole(mut self, status: u16, error: Option<Refusal>) {
        let settlement = self.whole(status, error);
        self.end(settlement).await;
    }

    /// The call was not written down: the meters let go, and there is nothing to settle.
    pub(super) fn forget(mut self) {
        self.live = false;
        self.gateway.0.books.released(&self.arrival.id);
    }

    async fn end(&mut self, settlement: Settlement) {
        self.live = false;
        let written = self.gateway.0.journal.settle(Arc::clone(&self.arrival), self.bound, settlement);
        // Whether it timed out or failed, the journal keeps the entry and tries until it is written.
        if tokio::time::timeout(LONGEST_WAIT, written).await.is_err() {
            tracing::warn!(call = %self.arrival.id, "settlement is slow; the answer goes on without it");
        }
    }

    fn whole(&self, status: u16, error: Option<Refusal>) -> Settlement {
        let usage = self.bound.whole();
        // The dearest of all that may have answered, whoever was asked last.
        let (cost, cost_basis) = (self.bound.cost, "the whole hold: nobody can say what was used".to_owned());
        let settlement = self.settlement(status, usage, UsageSource::Estimated, error);
        Settlement { cost, cost_basis, price_version: None, ..settlement }
    }

    /// It came to nothing, so it costs nothing, whatever a request costs.
    fn nothing(&self, status: u16, usage_source: UsageSource, error: Option<Refusal>) -> Settlement {
        let (cost, cost_basis) = (Credits::ZERO, String::new());
        let settlement = self.settlement(status, Usage::default(), usage_source, error);
        Settlement { cost, cost_basis, price_version: None, ..settlement }
    }

    fn settlement(&self, status: u16, usage: Usage, usage_source: UsageSource, error: Option<Refusal>) -> Settlement {
        let (cost, mut cost_basis) = match usage_source {
            // Nothing, whatever a request costs.
            UsageSource::Cache => (Credits::ZERO, "answered from the cache".to_owned()),
            _ => (self.cost(&usage), self.charged_by.price.basis(&usage)),
        };
        let answered_by = &self.charged_by.model;
        if *answered_by != self.arrival.model {
            cost_basis = format!("{answered_by} answered: {cost_basis}");
        }
        if cost > self.bound.cost {
            // The one way past a limit: the upstream charged more than the call had asked it for.
            tracing::warn!(call = %self.arrival.id, %cost, held = %self.bound.cost, "an upstream went beyond the bound");
            cost_basis.push_str(&format!("; more than the {} that were held", self.bound.cost));
        }
        Settlement {
            id: self.arrival.id.clone(),
            status,
            usage,
            cost,
            cost_basis,
            price_version: Some(self.charged_by.version),
            usage_source,
            provider: self.provider.clone(),
            first_byte_ms: self.first_byte_ms,
            total_ms: self.elapsed_ms(),
            attempts: self.attempts.clone(),
            dispatched: self.reached || self.dispatched,
            error,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.live {
            return;
        }
        let settlement = if self.dispatched {
            self.whole(CLIENT_LEFT, None)
        } else {
            self.nothing(CLIENT_LEFT, UsageSource::Estimated, None)
        };
        drop(self.gateway.0.journal.settle(Arc::clone(&self.arrival), self.bound, settlement));
    }
}
