//! Keys in words: how the console writes what a key may do, and reads what was written in its form.

use crate::console::form::{read_count, read_credits};
use crate::console::tokens::edit::{Written, WrittenLimits};
use crate::console::tokens::fetch::{KeyRow, Standing};
use crate::console::ui::budget::Budget;
use crate::console::ui::money::{amount, grouped, short};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::key::{Key, KeySpec, KeyStatus, Reset, TokenQuota};
use crate::domain::limit::{Limit, Measure};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::{Check, Problem};
use crate::domain::time::Time;
use crate::gateway::limits::Standing as Meter;

/// Above so much of a budget a key is near its limit.
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
    fn moment(&self, at: Time) -> String {
        let (local, now) = (self.zone.local(at), self.zone.local(self.at));
        let form = if local.year() == now.year() { "%-d %b %H:%M" } else { "%-d %b %Y" };
        local.strftime(form).to_string()
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

    pub fn row(&self, key: &Key, meters: &[Meter], spent: Credits) -> KeyRow {
        let budgets = meters.iter().filter(|meter| meter.limit.period.window().is_none());
        let tightest = budgets.max_by_key(|meter| share(meter));
        let standing = self.standing(key, tightest);
        let is_off = matches!(standing, Standing::Disabled | Standing::Expired { .. } | Standing::Revoked { .. });
        let rate = |count: Option<u64>, unit: &str| {
            count
                .map_or("—".to_owned(), |count| format!("{} {unit}", short(i64::try_from(count).unwrap_or(i64::MAX))))
        };
        KeyRow {
            id: key.id.0.clone(),
            name: key.name.clone(),
            hint: key.hint.clone(),
            standing,
            budget: budget(tightest, spent, is_off),
            rates: (rate(key.limits.rpm, "rpm"), rate(key.limits.tpm, "tpm")),
            last_used: self.ago(key.last_used_at),
            expires: match key.expires_at {
                None => "no expiry".to_owned(),
                Some(at) if at <= self.at => format!("expired {}", self.moment(at)),
                Some(at) => format!("until {}", self.moment(at)),
            },
        }
    }

    fn standing(&self, key: &Key, tightest: Option<&Meter>) -> Standing {
        match (key.status, tightest) {
            (KeyStatus::Revoked, _) => {
                Standing::Revoked { at: key.revoked_at.map(|at| self.moment(at)).unwrap_or_default() }
            }
            (KeyStatus::Disabled, _) => Standing::Disabled,
            (KeyStatus::Active, _) if key.is_expired(self.at) => {
                Standing::Expired { at: key.expires_at.map(|at| self.moment(at)).unwrap_or_default() }
            }
            (KeyStatus::Active, None) => Standing::Open { then: "nothing blocks it".to_owned() },
            (KeyStatus::Active, Some(meter)) => {
                let opens = match meter.resets_at {
                    Some(at) => format!("reopens {}", self.moment(at)),
                    None => "does not reopen".to_owned(),
                };
                match share(meter) {
                    _ if meter.remaining() == 0 => Standing::Blocked { until: opens },
                    80.. => Standing::Near { then: format!("blocks, {opens}") },
                    _ => Standing::Open { then: format!("blocks, {opens}") },
                }
            }
        }
    }

    /// “4 keys. On this page 3 open, 1 near a limit”.
    pub fn lede(&self, rows: &[KeyRow], total: u64) -> String {
        let count = |is: fn(&Standing) -> bool| rows.iter().filter(|row| is(&row.standing)).count();
        let counts = [
            (count(|standing| matches!(standing, Standing::Open { .. })), "open"),
            (count(|standing| matches!(standing, Standing::Near { .. })), "near a limit"),
            (count(|standing| matches!(standing, Standing::Blocked { .. })), "blocked"),
            (count(|standing| matches!(standing, Standing::Disabled | Standing::Expired { .. })), "off"),
        ];
        let shown = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let keys = if total == 1 { "1 key".to_owned() } else { format!("{total} keys") };
        let here = if rows.len() as u64 >= total { ":" } else { "; on this page" };
        if shown.is_empty() { keys } else { format!("{keys}{here} {shown}") }
    }
}

/// Percent of a limit that is settled or held; 100 where the limit is zero.
fn share(meter: &Meter) -> i64 {
    let used = i128::from(meter.reading.total()) * 100;
    i64::try_from(used / i128::from(meter.limit.max.max(1))).unwrap_or(i64::MAX)
}

fn budget(meter: Option<&Meter>, spent: Credits, is_off: bool) -> Budget {
    let blank = Budget {
        measure: Measure::Credits,
        settled: spent.nanos(),
        held: 0,
        max: None,
        period: String::new(),
        alert: Some(ALERT),
        blocks: true,
        is_off,
    };
    let Some(meter) = meter else { return blank };
    Budget {
        measure: meter.limit.measure,
        settled: meter.reading.settled,
        held: meter.reading.held,
        max: Some(meter.limit.max),
        period: a(meter.limit.period).to_owned(),
        ..blank
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

/// A key's limits as a clause: “60 requests a minute and 200.00 credits a month, then it blocks”.
pub fn in_words(key: &Key) -> String {
    let clause = |limit: &Limit| match limit.measure {
        Measure::Credits => format!("{} credits {}", amount(Credits::from_nanos(limit.max), 2), a(limit.period)),
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
        says += &format!(" No call may cost more than {}.", amount(cap, 2));
    }
    if let Some(most) = key.limits.max_tokens_per_request {
        says += &format!(
            " No call may ask for more than {} output tokens.",
            short(i64::try_from(most).unwrap_or(i64::MAX))
        );
    }
    says
}

/// The civil form in which browsers give and take a date and time.
const CIVIL: &str = "%Y-%m-%dT%H:%M";

/// A key as its form shows it.
pub fn write(reader: &Account, key: &Key) -> Written {
    let zone = Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc);
    let limits = &key.limits;
    let count = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
    let money = |money: Option<Credits>| money.map(|money| money.to_string()).unwrap_or_default();
    Written {
        name: key.name.clone(),
        expires_at: key.expires_at.map(|at| zone.local(at).strftime(CIVIL).to_string()).unwrap_or_default(),
        models: key.models.join("\n"),
        ip_allowlist: key.ip_allowlist.join("\n"),
        endpoints: key.endpoints.join("\n"),
        timezone: key.timezone.clone(),
        limits: WrittenLimits {
            rpm: count(limits.rpm),
            tpm: count(limits.tpm),
            rpd: count(limits.rpd),
            token_quota: count(limits.token_quota.map(|quota| quota.max)),
            token_quota_reset: limits.token_quota.map(|quota| quota.reset.as_str().to_owned()).unwrap_or_default(),
            monthly_tokens: count(limits.monthly_tokens),
            monthly_spend: money(limits.monthly_spend),
            credit_quota: money(limits.credit_quota),
            max_tokens_per_request: count(limits.max_tokens_per_request),
            max_cost_per_request: money(limits.max_cost_per_request),
        },
    }
}

/// Reads a form. What it does not show stays as it was.
///
/// # Errors
/// Every field that cannot be read, at once.
pub fn read(reader: &Account, known: Option<&Key>, written: &Written) -> Result<KeySpec, Problem> {
    let mut check = Check::default();
    let mut spec = known.map_or_else(|| KeySpec::named(""), Key::spec);
    let lines = |text: &str| -> Vec<String> {
        text.lines()
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    };
    spec.name = written.name.trim().to_owned();
    spec.models = lines(&written.models);
    spec.ip_allowlist = lines(&written.ip_allowlist);
    spec.endpoints = lines(&written.endpoints);
    if !written.timezone.trim().is_empty() {
        spec.timezone = written.timezone.trim().to_owned();
    }
    spec.expires_at = expiry(reader, known, &written.expires_at, &mut check);
    let from = &written.limits;
    let mut count = |field: &str, text: &str| read_count(&mut check, field, text);
    spec.limits.rpm = count("limits.rpm", &from.rpm);
    spec.limits.tpm = count("limits.tpm", &from.tpm);
    spec.limits.rpd = count("limits.rpd", &from.rpd);
    spec.limits.monthly_tokens = count("limits.monthly_tokens", &from.monthly_tokens);
    spec.limits.max_tokens_per_request = count("limits.max_tokens_per_request", &from.max_tokens_per_request);
    let reset = Reset::parse(&from.token_quota_reset).unwrap_or(Reset::Monthly);
    spec.limits.token_quota = count("limits.token_quota", &from.token_quota).map(|max| TokenQuota { max, reset });
    let mut money = |field: &str, text: &str| read_credits(&mut check, field, text);
    spec.limits.monthly_spend = money("limits.monthly_spend", &from.monthly_spend);
    spec.limits.credit_quota = money("limits.credit_quota", &from.credit_quota);
    spec.limits.max_cost_per_request = money("limits.max_cost_per_request", &from.max_cost_per_request);
    check.done()?;
    Ok(spec)
}

/// A date and time in the reader's zone. One that is unchanged keeps its seconds.
fn expiry(reader: &Account, known: Option<&Key>, text: &str, check: &mut Check) -> Option<Time> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let before = known.and_then(|key| key.expires_at);
    if known.is_some_and(|key| write(reader, key).expires_at == text) {
        return before;
    }
    let zone = Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc);
    let civil = text.parse::<jiff::civil::DateTime>().ok();
    let at = civil.and_then(|civil| zone.instant(civil));
    check.that(
        at.is_some(),
        "expires_at",
        format!("{text:?} is not a date and time. Write one such as 2027-01-31T18:00."),
    );
    at
}
