//! Keys in words: how the console writes how a key stands and what it may do. Its parts read and write forms and lists.

pub mod acts;
mod choices;
pub mod form;
pub mod list;
pub mod question;
pub mod sought;

use crate::console::tokens::fetch::{KeyRow, Standing};
use crate::console::ui::budget::Budget;
use crate::console::ui::money::{amount, grouped, short};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::key::{Key, KeyState};
use crate::domain::limit::{Limit, Measure, Scope};
use crate::domain::period::{Period, Zone};
use crate::domain::time::Time;
use crate::gateway::authenticate::Holder;
use crate::gateway::limits::Standing as Meter;
use crate::gateway::list::Tally;
use crate::gateway::oversight::Overseen;

pub use form::{read, write};

/// Above so much of a budget, in percent, a key is near its limit: [`crate::gateway::limits::NEAR`].
const ALERT: u8 = 80;

/// How rows are worded for one reader at one instant.
pub struct Wording {
    zone: Zone,
    at: Time,
}

impl Wording {
    pub fn new(reader: &Account, at: Time) -> Self {
        Self { zone: Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc), at }
    }

    pub fn now(&self) -> String {
        self.zone.local(self.at).strftime("%H:%M:%S").to_string()
    }

    /// “20 Nov 14:00”, with the year where it is another.
    pub fn moment(&self, at: Time) -> String {
        let (local, now) = (self.zone.local(at), self.zone.local(self.at));
        let form = if local.year() == now.year() { "%-d %b %H:%M" } else { "%-d %b %Y" };
        local.strftime(form).to_string()
    }

    /// A time to come: “Sat 00:00” within the week.
    fn soon(&self, at: Time) -> String {
        match at.since(self.at).as_secs() {
            0..518_400 => self.zone.local(at).strftime("%a %H:%M").to_string(),
            _ => self.moment(at),
        }
    }

    fn ago(&self, at: Option<Time>) -> String {
        let Some(at) = at else { return "never".to_owned() };
        match self.at.since(at).as_secs() {
            0..=59 => "just now".to_owned(),
            seconds @ 60..=3_599 => format!("{} min ago", seconds / 60),
            seconds @ 3_600..=86_399 => format!("{} h ago", seconds / 3_600),
            _ => self.moment(at),
        }
    }

    /// A row of the list.
    pub fn row(&self, reader: &Account, overseen: &Overseen) -> KeyRow {
        let Holder { key, account, group, .. } = &overseen.holder;
        let is_off = overseen.is_off(self.at);
        let rates = [(key.limits.rpm, "rpm"), (key.limits.tpm, "tpm"), (key.limits.rpd, "rpd")].into_iter();
        let rates = rates.filter_map(|(most, unit)| Some(format!("{} {unit}", short(signed(most?)))));
        KeyRow {
            id: key.id.0.clone(),
            name: key.name.clone(),
            hint: key.hint.clone(),
            owner: if account.id == reader.id { String::new() } else { format!(" · {}", account.name) },
            standing: self.standing(overseen),
            budget: match overseen.tightest() {
                Some(meter) => Budget { is_off, ..budget(meter) },
                None => unbounded(overseen.charged, is_off),
            },
            group: group.as_ref().map(|group| group.name.clone()).unwrap_or_default(),
            rule: rule(&overseen.holder),
            rates: rates.collect(),
            last_used: self.ago(key.last_used_at),
            expires: match key.expires_at {
                None => "no expiry".to_owned(),
                Some(at) if at <= self.at => format!("expired {}", self.moment(at)),
                Some(at) => format!("until {}", self.moment(at)),
            },
        }
    }

    /// Whether a key's next call passes, and what then.
    pub fn standing(&self, overseen: &Overseen) -> Standing {
        let Holder { key, account, .. } = &overseen.holder;
        let at = |at: Option<Time>| at.map(|at| self.moment(at)).unwrap_or_default();
        match key.state(self.at) {
            KeyState::Revoked => return Standing::Revoked { at: at(key.revoked_at) },
            KeyState::Disabled => return Standing::Disabled,
            KeyState::Expired => return Standing::Expired { at: at(key.expires_at) },
            KeyState::Active if !account.enabled => return Standing::AccountOff,
            KeyState::Active => {}
        }
        if let Some(opens) = overseen.opens(self.at) {
            let opens = opens.map_or_else(|| "never opens".to_owned(), |at| format!("opens {}", self.soon(at)));
            return Standing::Shut { opens };
        }
        let Some(meter) = overseen.tightest() else {
            return Standing::Open { then: "nothing blocks it".to_owned() };
        };
        let tightness = meter.tightness(self.at);
        // Whose budget it is, where it is not the key's own.
        let whose = match (meter.limit.owner.scope, &meter.limit.rule) {
            (Scope::Key, None) => "",
            (Scope::Key, Some(_)) => "rule ",
            (Scope::Group, _) => "group ",
            (Scope::Account, _) => "account ",
            (Scope::Subscription, _) => "subscription ",
            (Scope::Balance, _) => "balance ",
        };
        let then = format!("{whose}blocks, {}", self.reopens(meter));
        match tightness.is_spent {
            true if meter.reading.settled < meter.limit.max => {
                Standing::Blocked { until: "held by calls in flight".to_owned() }
            }
            true => Standing::Blocked { until: format!("{whose}{}", self.reopens(meter)) },
            false if tightness.is_near() => Standing::Near { then },
            false => Standing::Open { then },
        }
    }

    /// “reopens Sat 00:00”.
    fn reopens(&self, meter: &Meter) -> String {
        match (meter.resets_at, meter.limit.owner.scope) {
            (Some(at), _) => format!("reopens {}", self.soon(at)),
            (None, Scope::Balance) => "reopens with a top-up".to_owned(),
            (None, _) => "does not reopen".to_owned(),
        }
    }

    /// What becomes of a budget, as it stands under its line: “alert at 160.00”, “blocks, reopens 1 Dec 00:00”.
    pub fn fate(&self, meter: &Meter) -> (String, String) {
        let alert = i128::from(meter.limit.max) * i128::from(ALERT) / 100;
        let alert = i64::try_from(alert).unwrap_or(i64::MAX);
        let alert = match meter.limit.measure {
            Measure::Credits => credits(Credits::from_nanos(alert)),
            Measure::Requests | Measure::Tokens => short(alert),
        };
        (format!("alert at {alert}"), format!("blocks, {}", self.reopens(meter)))
    }

    /// “48 keys in 6 groups. 41 open, 3 near a limit, 1 blocked, 3 off”.
    pub fn lede(&self, tally: &Tally) -> String {
        let Tally { keys, groups, open, near, blocked } = *tally;
        let all = keys.active + keys.disabled + keys.expired;
        let off = all.saturating_sub(open + near + blocked);
        let counts = [(open, "open"), (near, "near a limit"), (blocked, "blocked"), (off, "off")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, word)| format!("{} {word}", grouped(signed(*count))));
        let counts = counts.collect::<Vec<_>>().join(", ");
        let groups = match groups {
            0 => String::new(),
            1 => " in 1 group".to_owned(),
            groups => format!(" in {} groups", grouped(signed(groups))),
        };
        match all {
            0 => "No keys".to_owned(),
            all => format!("{}{groups}. {counts}", counted(all)),
        }
    }
}

/// “1 key”, “10,000 keys”.
pub fn counted(keys: u64) -> String {
    if keys == 1 { "1 key".to_owned() } else { format!("{} keys", grouped(signed(keys))) }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The rule in force: what stands before its name in pencil, and the name.
fn rule(holder: &Holder) -> (String, String) {
    let lead = if holder.key.rule_id.is_some() { "" } else { "inherits " };
    match &holder.rule {
        None => (String::new(), "none".to_owned()),
        Some(rule) if rule.enabled => (lead.to_owned(), rule.name.clone()),
        Some(rule) => (lead.to_owned(), format!("{}, off", rule.name)),
    }
}

/// A meter as a budget line shows it.
pub fn budget(meter: &Meter) -> Budget {
    let limit = &meter.limit;
    let period = if limit.owner.scope == Scope::Balance { "paid in" } else { a(limit.period) }.to_owned();
    Budget {
        measure: limit.measure,
        settled: meter.reading.settled,
        held: meter.reading.held,
        max: Some(limit.max),
        period,
        alert: Some(ALERT),
        blocks: true,
        is_off: false,
    }
}

/// In place of a budget's line where there is none: what has been charged this month.
fn unbounded(charged: Credits, is_off: bool) -> Budget {
    Budget {
        measure: Measure::Credits,
        settled: charged.nanos(),
        held: 0,
        max: None,
        period: "this month".to_owned(),
        alert: Some(ALERT),
        blocks: true,
        is_off,
    }
}

/// Whose budget it is and which: “Monthly spend”, “Rule Office hours”, “Group team-search”.
pub fn title(limit: &Limit, holder: &Holder) -> String {
    match (limit.owner.scope, &limit.rule, limit.name) {
        (Scope::Key, Some(rule), _) => format!("Rule {}", rule.name),
        (Scope::Group, ..) => {
            holder.group.as_ref().map_or("Its group".to_owned(), |group| format!("Group {}", group.name))
        }
        (Scope::Account, _, name) => format!("The account’s {}", named(name).to_lowercase()),
        (Scope::Subscription, ..) => "The subscription".to_owned(),
        (Scope::Balance, ..) => "The balance".to_owned(),
        (Scope::Key, None, name) => named(name).to_owned(),
    }
}

fn named(limit: &str) -> &str {
    match limit {
        "monthly_spend" => "Monthly spend",
        "credit_quota" => "Credit quota",
        "token_quota" => "Token quota",
        "monthly_tokens" => "Monthly tokens",
        other => other,
    }
}

fn a(period: Period) -> &'static str {
    match period {
        Period::Minute => "a minute",
        Period::RollingDay | Period::Day => "a day",
        Period::Week => "a week",
        Period::Month => "a month",
        Period::Cycle { .. } => "a cycle",
        Period::Lifetime => "once",
    }
}

/// An amount: two decimals are enough for all but the smallest.
fn credits(sum: Credits) -> String {
    amount(sum, if sum != Credits::ZERO && sum.nanos().abs() < 10_000_000 { 6 } else { 2 })
}

/// A key's limits as a clause: “60 requests a minute and 200.00 credits a month, then it blocks”.
pub fn in_words(key: &Key) -> String {
    let clause = |limit: &Limit| match limit.measure {
        Measure::Credits => format!("{} credits {}", credits(Credits::from_nanos(limit.max)), a(limit.period)),
        Measure::Requests => format!("{} requests {}", grouped(limit.max), a(limit.period)),
        Measure::Tokens => format!("{} tokens {}", grouped(limit.max), a(limit.period)),
    };
    let clauses: Vec<String> = key.ceilings().iter().map(clause).collect();
    let mut says = match clauses.as_slice() {
        [] => "No limits: nothing blocks it.".to_owned(),
        [only] => format!("{only}, then it blocks."),
        [first @ .., last] => format!("{} and {last}, then it blocks.", first.join(", ")),
    };
    if let Some(cap) = key.limits.max_cost_per_request {
        says += &format!(" No call may cost more than {}.", credits(cap));
    }
    if let Some(most) = key.limits.max_tokens_per_request {
        says += &format!(
            " No call may ask for more than {} output tokens.",
            short(i64::try_from(most).unwrap_or(i64::MAX))
        );
    }
    says
}
