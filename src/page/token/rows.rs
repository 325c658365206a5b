//! What a key has used this month, its newest calls and refusals, and its resets, row by row.

use crate::console::token::told::{Cell, CellKind, Head, Table};
use crate::console::ui::money::{amount, grouped, percent};
use crate::console::ui::place::Place;
use crate::console::ui::status::Sign;
use crate::domain::account::Account;
use crate::domain::call::{Call, CallState};
use crate::domain::credits::Credits;
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
use crate::page::when::{When, capital};

/// How many the page shows.
const CALLS: u32 = 8;
const REFUSALS: u32 = 6;
const RESETS: u32 = 5;

/// A key's month in the reader's calendar.
pub struct Month {
    key: String,
    hint: String,
    /// One that it may call, if not all.
    model: Option<String>,
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
            hint: chain.key.hint.clone(),
            model: chain.key.models.first().cloned(),
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
    pub fn usage(&self, when: &When) -> Table {
        let mut used: Vec<&Used> = self.models.iter().collect();
        used.sort_by(|one, other| (other.cost, other.calls, &one.model).cmp(&(one.cost, one.calls, &other.model)));
        let total = Used::total(&self.models);
        let costs: Vec<Credits> = used.iter().map(|used| used.cost).collect();
        let tenths = apportioned(&costs, 1_000);
        let decimals = if total.cost.nanos().abs() < 1_000_000_000 { 6 } else { 2 };
        let cells = |name: Cell, used: &Used, share: String| {
            let cost = Cell { kind: CellKind::Money, ..plain(amount(used.cost, decimals)) };
            let (calls, tokens) = (plain(count(used.calls)), plain(count(used.usage.total())));
            vec![name, calls, tokens, cost, plain(format!("{share} %"))]
        };
        let row = |(used, tenths): (&&Used, i64)| {
            let name = used.model.clone().unwrap_or_default();
            let href = self.logs().with("model", name.as_str()).href();
            let name = if name.is_empty() { "none named".to_owned() } else { name };
            cells(linked(name, href), used, format!("{}.{}", tenths / 10, tenths % 10))
        };
        Table {
            title: "This month by model".to_owned(),
            id: "h-models".to_owned(),
            note: format!("since {}, {}", when.text(self.start, "%-d %b"), when.zone_name()),
            href: None,
            caption: "This month by model, the dearest first".to_owned(),
            heads: vec![
                head("Model", 4),
                number("Calls", 2),
                number("Tokens", 2),
                number("Credits", 2),
                number("Share", 2),
            ],
            rows: used.iter().zip(tenths).map(row).collect(),
            foot: cells(
                linked("In all".to_owned(), self.logs().href()),
                &total,
                percent(total.cost.nanos(), total.cost.nanos()),
            ),
            none: self.unless_new("No calls this month", "What it used before is in the logs."),
            code: String::new(),
        }
    }

    /// A key that was never called has one thing to say, and not three.
    fn unless_new(&self, title: &str, text: &str) -> (String, String) {
        if self.calls.is_empty() { none("", "") } else { none(title, text) }
    }

    fn first_call(&self) -> String {
        let (origin, hint) = (crate::page::origin(), &self.hint);
        let model = self.model.as_deref().unwrap_or("tollgate/echo");
        format!(
            "curl {origin}/v1/chat/completions \\\n  -H \"Authorization: Bearer {hint}\" \\\n  \
             -H \"Content-Type: application/json\" \\\n  \
             -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
        )
    }

    pub fn refusals(&self, when: &When, places: &Places) -> Table {
        let refused = Used::total(&self.models).refused;
        Table {
            title: "Recent refusals".to_owned(),
            id: "h-refusals".to_owned(),
            note: format!("All {} this month", count(refused)),
            href: Some(self.logs().with("status", "refused").href()),
            caption: "Recent refusals, the newest first".to_owned(),
            heads: vec![head("When", 2), head("Reason", 3), head("Limit", 3), head("Short by", 2), head("Then", 2)],
            rows: self.refusals.iter().map(|call| refusal(call, when, places)).collect(),
            foot: Vec::new(),
            none: self.unless_new("Nothing was refused", "Calls that do not fit are listed here, each with its limit."),
            code: String::new(),
        }
    }

    pub fn calls(&self, when: &When) -> Table {
        Table {
            title: "Recent calls".to_owned(),
            id: "h-calls".to_owned(),
            note: format!("All {} this month", count(Used::total(&self.models).calls)),
            href: Some(self.logs().href()),
            caption: "Recent calls, the newest first".to_owned(),
            heads: vec![
                head("When", 2),
                head("Model", 3),
                head("Outcome", 3),
                Head { is_wide: true, ..head("Tokens in / out", 2) },
                Head { is_wide: true, ..number("Took", 1) },
                number("Credits", 1),
            ],
            rows: self.calls.iter().map(|call| row(call, when)).collect(),
            foot: Vec::new(),
            none: none("No call is in the logs", "Each will be here as it happens, with what it cost."),
            code: self.first_call(),
        }
    }
}

fn head(label: &str, twelfths: u8) -> Head {
    Head { label: label.to_owned(), twelfths, is_wide: false, is_number: false }
}

fn number(label: &str, twelfths: u8) -> Head {
    Head { is_number: true, ..head(label, twelfths) }
}

fn none(title: &str, text: &str) -> (String, String) {
    (title.to_owned(), text.to_owned())
}

fn plain(text: impl Into<String>) -> Cell {
    Cell { text: text.into(), href: None, kind: CellKind::Plain }
}

fn linked(text: String, href: String) -> Cell {
    Cell { href: Some(href), ..plain(text) }
}

/// When a call came, and the way to it.
fn opened(call: &Call, when: &When) -> Cell {
    let at = call.arrival.at;
    let href = Place::new("/logs").with("call", call.arrival.id.as_str()).href();
    Cell { kind: CellKind::Time(at.to_string(), when.full(at)), ..linked(capital(&when.past(at)), href) }
}

fn status(sign: Sign, text: String) -> Cell {
    Cell { kind: CellKind::Status(sign), ..plain(text) }
}

fn count(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

fn refusal(call: &Call, when: &When, places: &Places) -> Vec<Cell> {
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
    let then = opens.map_or_else(|| "no waiting helps".to_owned(), |at| trace::opening(past, to_come, at, when));
    let limit = Cell { kind: CellKind::Clipped, ..plain(limit) };
    let reason = status(Sign::Blocks, format!("{} {code}", call.status));
    vec![opened(call, when), reason, limit, plain(short), plain(then)]
}

fn row(call: &Call, when: &When) -> Vec<Cell> {
    let code = call.refusal.as_ref().map(|refusal| refusal.code.as_str());
    let (sign, outcome) = match (call.state, call.status) {
        (CallState::Pending, _) => (Sign::Plain, "held".to_owned()),
        (CallState::Refused, status) => (Sign::Blocks, format!("{status} {}", code.unwrap_or("refused"))),
        (CallState::Settled, status @ 0..400) => (Sign::Plain, status.to_string()),
        (CallState::Settled, 499) => (Sign::Warns, "499 client left".to_owned()),
        (CallState::Settled, status) => (Sign::Warns, format!("{status} {}", code.unwrap_or("failed"))),
    };
    let is_held = call.state == CallState::Pending;
    let (input, output) = (count(call.usage.input), count(call.usage.output));
    let tokens = if is_held { format!("{} / …", count(call.bound.input)) } else { format!("{input} / {output}") };
    let took = match call.total_ms {
        _ if is_held => "in flight".to_owned(),
        None => "—".to_owned(),
        Some(ms @ 0..1_000) => format!("{ms} ms"),
        Some(ms) => format!("{}.{} s", count(ms / 1_000), ms % 1_000 / 100),
    };
    let is_zero = !is_held && call.usage.total() == 0;
    let credits = match is_held {
        true => Cell { kind: CellKind::Faint, ..plain(format!("{} held", amount(call.bound.cost, 6))) },
        false => Cell { kind: CellKind::Money, ..plain(amount(call.cost, 6)) },
    };
    vec![
        opened(call, when),
        Cell { kind: CellKind::Clipped, ..plain(call.arrival.model.clone()) },
        status(sign, outcome),
        Cell { kind: if is_zero { CellKind::Faint } else { CellKind::Plain }, ..plain(tokens) },
        plain(took),
        credits,
    ]
}

/// The newest manual resets of the key's limits, its rule's among them; blank where there were none.
///
/// # Errors
/// When the database fails.
pub async fn resets(gateway: &Gateway, by: &Account, chain: &Chain, when: &When) -> Result<Table, Problem> {
    let recorded = gateway.resets_of_key(by, &chain.key.id, RESETS).await?;
    Ok(Table {
        title: "Meters reset by hand".to_owned(),
        id: "h-resets".to_owned(),
        note: "No period’s boundary was moved.".to_owned(),
        href: None,
        caption: "Manual resets, the newest first".to_owned(),
        heads: vec![head("When", 3), head("Limit", 3), head("Taken off", 3), head("By", 3)],
        rows: recorded.into_iter().map(|recorded| reset(recorded, chain, when)).collect(),
        foot: Vec::new(),
        none: none("", ""),
        code: String::new(),
    })
}

fn reset(recorded: RecordedReset, chain: &Chain, when: &When) -> Vec<Cell> {
    let RecordedReset { reset, by } = recorded;
    // A meter counts for every limit of the same measure and period.
    let limits = chain.links.iter().map(|link| &link.standing.limit);
    let named =
        limits.filter(|limit| limit.owner == chain.key.owner() && reset.is_of(limit)).map(|limit| match &limit.rule {
            Some(rule) => format!("Rule {}", rule.name),
            None => limits::name(limit.name).to_owned(),
        });
    let named: Vec<String> = named.collect();
    let unit = reset.measure.as_str();
    let period = limits::period(reset.period.strip_prefix("rolling_").unwrap_or(&reset.period));
    let limit = if named.is_empty() { format!("{unit} {period}") } else { named.join(", ") };
    let at = Cell {
        kind: CellKind::Time(reset.at.to_string(), when.full(reset.at)),
        ..plain(capital(&when.past(reset.at)))
    };
    vec![at, plain(limit), plain(format!("{} {unit}", limits::exact(reset.measure, reset.taken_off))), plain(by)]
}
