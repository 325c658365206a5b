//! What a key has used this month, its newest calls and refusals, and its resets, row by row.

use crate::console::token::told::{CallKind, CallRow, ModelRow, RefusalRow, ResetRow, UsageTold};
use crate::console::ui::money::{grouped, percent};
use crate::console::ui::place::Place;
use crate::domain::account::Account;
use crate::domain::call::{Call, CallState};
use crate::domain::credits::Credits;
use crate::domain::limit::{Limit, Measure};
use crate::domain::period::Period;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::chain::Chain;
use crate::gateway::overview::apportioned;
use crate::gateway::reset::RecordedReset;
use crate::gateway::usage::{By, LogQuery, UsageQuery, Used};
use crate::page::limits;
use crate::page::trace::{self, Places};
use crate::page::when::When;

/// How many the page shows.
const CALLS: u32 = 8;
const REFUSALS: u32 = 6;
const RESETS: u32 = 5;

/// A key's month in the reader's calendar.
pub struct Month {
    key: String,
    start: Time,
    models: Vec<Used>,
    calls: Vec<Call>,
    refusals: Vec<Call>,
}

impl Month {
    pub async fn of(gateway: &Gateway, by: &Account, chain: &Chain, when: &When) -> Result<Self, Problem> {
        let start = Period::Month.start(when.now, &when.zone);
        let key_id = Some(chain.key.id.clone());
        let query = UsageQuery {
            from: start,
            to: when.now.plus(std::time::Duration::from_micros(1)),
            by: vec![By::Model],
            zone: when.zone.clone(),
            key_id: key_id.clone(),
            group_id: None,
            model: None,
            endpoint: None,
        };
        let newest = LogQuery { key_id, limit: CALLS, ..LogQuery::default() };
        let refused = LogQuery { state: Some(CallState::Refused), limit: REFUSALS, ..newest.clone() };
        Ok(Self {
            key: chain.key.id.0.clone(),
            start,
            models: gateway.usage(by, &query).await?,
            calls: gateway.logs(by, newest).await?.data,
            refusals: gateway.logs(by, refused).await?.data,
        })
    }

    fn logs(&self) -> Place {
        Place::new("/logs").with("key", self.key.as_str()).with("from", self.start.to_string())
    }

    /// By model, the dearest first.
    pub fn usage(&self, when: &When) -> UsageTold {
        let mut used: Vec<&Used> = self.models.iter().collect();
        used.sort_by(|one, other| (other.cost, other.calls, &one.model).cmp(&(one.cost, one.calls, &other.model)));
        let total = Used::total(&self.models);
        let costs: Vec<Credits> = used.iter().map(|used| used.cost).collect();
        let tenths = apportioned(&costs, 1_000);
        let row = |(used, tenths): (&&Used, i64)| {
            let name = used.model.clone().unwrap_or_default();
            ModelRow {
                href: self.logs().with("model", name.as_str()).href(),
                name: if name.is_empty() { "none named".to_owned() } else { name },
                calls: count(used.calls),
                tokens: count(used.usage.total()),
                cost: used.cost,
                share: format!("{}.{}", tenths / 10, tenths % 10),
            }
        };
        UsageTold {
            note: format!("since {}, {}", when.text(self.start, "%-d %b"), when.zone_name()),
            models: used.iter().zip(tenths).map(row).collect(),
            total: ModelRow {
                name: "In all".to_owned(),
                href: self.logs().href(),
                calls: count(total.calls),
                tokens: count(total.usage.total()),
                cost: total.cost,
                share: percent(total.cost.nanos(), total.cost.nanos()),
            },
            decimals: if total.cost.nanos().abs() < 1_000_000_000 { 6 } else { 2 },
        }
    }

    pub fn all_refusals(&self) -> (String, String) {
        let refused = Used::total(&self.models).refused;
        (format!("All {} this month", count(refused)), self.logs().with("status", "refused").href())
    }

    pub fn all_calls(&self) -> (String, String) {
        (format!("All {} this month", count(Used::total(&self.models).calls)), self.logs().href())
    }

    pub fn refusals(&self, when: &When, places: &Places) -> Vec<RefusalRow> {
        self.refusals.iter().map(|call| refusal(call, when, places)).collect()
    }

    pub fn calls(&self, when: &When) -> Vec<CallRow> {
        self.calls.iter().map(|call| row(call, when)).collect()
    }
}

fn count(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

fn refusal(call: &Call, when: &When, places: &Places) -> RefusalRow {
    let at = call.arrival.at;
    let code = call.refusal.as_ref().map_or("refused", |refusal| refusal.code.as_str());
    let detail = call.refusal.as_ref().and_then(|refusal| refusal.detail.as_deref());
    let closed = call.refusal.as_ref().and_then(|refusal| refusal.closed.as_deref());
    let (limit, short, opens) = match (detail, closed) {
        (Some(detail), _) => {
            let alone = detail.requested.units() > detail.max.units();
            (places.name(detail), trace::shortfall(detail), detail.resets_at.filter(|_| !alone))
        }
        (None, Some(closed)) => (format!("Rule {}, its hours", closed.rule.name), "—".to_owned(), closed.opens_at),
        (None, None) => (call.arrival.model.clone(), "—".to_owned(), None),
    };
    let (past, to_come) = if closed.is_some() { ("opened", "opens") } else { ("reopened", "reopens") };
    RefusalRow {
        id: call.arrival.id.0.clone(),
        at: at.to_string(),
        time: crate::page::when::capital(&when.past(at)),
        full: when.full(at),
        reason: format!("{} {code}", call.status),
        limit,
        short,
        then: opens.map_or_else(|| "no waiting helps".to_owned(), |at| trace::opening(past, to_come, at, when)),
    }
}

fn row(call: &Call, when: &When) -> CallRow {
    let at = call.arrival.at;
    let code = call.refusal.as_ref().map(|refusal| refusal.code.as_str());
    let (kind, outcome) = match (call.state, call.status) {
        (CallState::Pending, _) => (CallKind::Held, "held".to_owned()),
        (CallState::Refused, status) => (CallKind::Refused, format!("{status} {}", code.unwrap_or("refused"))),
        (CallState::Settled, status @ 0..400) => (CallKind::Succeeded, status.to_string()),
        (CallState::Settled, 499) => (CallKind::Failed, "499 client left".to_owned()),
        (CallState::Settled, status) => (CallKind::Failed, format!("{status} {}", code.unwrap_or("failed"))),
    };
    let is_held = kind == CallKind::Held;
    let (input, output) = (count(call.usage.input), count(call.usage.output));
    CallRow {
        id: call.arrival.id.0.clone(),
        at: at.to_string(),
        time: crate::page::when::capital(&when.past(at)),
        full: when.full(at),
        model: call.arrival.model.clone(),
        outcome,
        kind,
        tokens: if is_held { format!("{} / …", count(call.bound.input)) } else { format!("{input} / {output}") },
        took: match call.total_ms {
            _ if is_held => "in flight".to_owned(),
            None => "—".to_owned(),
            Some(ms @ 0..1_000) => format!("{ms} ms"),
            Some(ms) => format!("{}.{} s", count(ms / 1_000), ms % 1_000 / 100),
        },
        cost: if is_held { call.bound.cost } else { call.cost },
    }
}

/// The newest manual resets of the key's limits, its rule's among them.
///
/// # Errors
/// When the database fails.
pub async fn resets(gateway: &Gateway, by: &Account, chain: &Chain, when: &When) -> Result<Vec<ResetRow>, Problem> {
    let recorded = gateway.resets_of_key(by, &chain.key.id, RESETS).await?;
    let limits: Vec<&Limit> = chain.links.iter().map(|link| &link.standing.limit).collect();
    Ok(recorded.into_iter().map(|recorded| reset(recorded, &limits, when)).collect())
}

fn reset(recorded: RecordedReset, limits: &[&Limit], when: &When) -> ResetRow {
    let RecordedReset { reset, by } = recorded;
    // A meter counts for every limit of the same measure and period.
    let named: Vec<String> = limits
        .iter()
        .filter(|limit| limit.owner.scope == crate::domain::limit::Scope::Key && reset.is_of(limit))
        .map(|limit| match &limit.rule {
            Some(rule) => format!("Rule {}", rule.name),
            None => limits::name(limit.name).to_owned(),
        })
        .collect();
    let period = limits::period(reset.period.strip_prefix("rolling_").unwrap_or(&reset.period));
    let unit = match reset.measure {
        Measure::Credits => "credits",
        measure => measure.as_str(),
    };
    ResetRow {
        at: reset.at.to_string(),
        time: crate::page::when::capital(&when.past(reset.at)),
        limit: if named.is_empty() { format!("{unit} {period}") } else { named.join(", ") },
        taken_off: format!("{} {unit}", limits::exact(reset.measure, reset.taken_off)),
        by,
    }
}
