//! The form of a key: what is written in its fields, and what is read from them.

use super::choices::{Choice, Choices};
use super::{Wording, budget, in_words, title};
use crate::console::form::{read_count, read_credits};
use crate::console::tokens::edit::{Fields, LIMITS, LimitText, Line, Written, WrittenLimits};
use crate::console::tokens::fields::{FieldText, Kind};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::floor;
use crate::domain::key::{Key, KeySpec, KeyStatus, Reset, TokenQuota};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::{Check, Problem};
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::limits::Standing;

/// All that the form of a key shows; of a new one where the id is blank.
///
/// # Errors
/// Where there is no such key for this account; when the database fails.
pub async fn fields(gateway: &Gateway, by: &Account, id: &str) -> Result<Fields, Problem> {
    let choices = Choices::of(gateway, by).await?;
    let now = gateway.clock().now();
    if id.is_empty() {
        let owner = Some(by.id.to_string());
        let written = Written { timezone: by.timezone.clone(), account_id: owner, ..Written::default() };
        let inherits = choices.inherits(by.default_rule_id.as_ref());
        let rules = (choices.rules(None, &inherits), default_text(&choices, by));
        let mut worded = Worded { by, locked: Vec::new(), groups: choices.groups, owners: choices.owners };
        return Ok(worded.fields(written, rules, now, true));
    }
    let key = gateway.key(by, &id.into()).await?;
    let overseen = gateway.oversee(vec![key.clone()]).await?.pop().ok_or_else(|| Problem::not_found("key"))?;
    let (account, group) = (&overseen.holder.account, &overseen.holder.group);
    let text = match &key.rule_id {
        Some(rule) => choices.rule_text(rule).unwrap_or_default(),
        None => default_text(&choices, account),
    };
    let rules = choices.rules(key.rule_id.as_ref(), &choices.inherits(account.default_rule_id.as_ref()));
    let locked = if by.is_admin() { Vec::new() } else { locked(&key) };
    let mut worded = Worded { by, locked, groups: choices.groups, owners: choices.owners };
    // What it is bound to already is among the choices, whether or not it could be chosen anew.
    if let Some(group) = group.as_ref().filter(|group| worded.groups.iter().all(|(id, _)| id != group.id.as_str())) {
        worded.groups.push((group.id.to_string(), format!("{} (an admin’s)", group.name)));
    }
    if !worded.owners.is_empty() && worded.owners.iter().all(|(id, _)| id != account.id.as_str()) {
        worded.owners.push((account.id.to_string(), account.name.clone()));
    }
    let wording = Wording::new(by, now);
    let line = |meter: &Standing| Line {
        title: title(&meter.limit, &overseen.holder),
        budget: budget(meter),
        fate: wording.fate(meter),
    };
    let lines = overseen.budgets.iter().map(line).collect();
    Ok(Fields { says: in_words(&key), lines, ..worded.fields(write(by, &key), (rules, text), now, false) })
}

/// What fields are worded with.
struct Worded<'a> {
    by: &'a Account,
    /// The fields that an admin holds the key to.
    locked: Vec<&'static str>,
    groups: Vec<Choice>,
    owners: Vec<Choice>,
}

impl Worded<'_> {
    fn fields(&mut self, written: Written, rules: (Vec<Choice>, String), now: Time, is_new: bool) -> Fields {
        let Written { name, account_id, group_id, rule_id, status, expires_at, timezone, .. } = written;
        let line = || Kind::Line(String::new());
        let lines = |placeholder: &str| Kind::Lines(placeholder.to_owned());
        let mut groups = vec![(String::new(), "No group".to_owned())];
        groups.append(&mut self.groups);
        let owners = std::mem::take(&mut self.owners);
        let given = |chosen: Option<String>| chosen.unwrap_or_default();
        let mut general = vec![
            self.field("name", "Name", name, "The program, team or person that calls with it.", line()),
            self.field(
                "group_id",
                "Group",
                given(group_id),
                "Calls must fit the group’s quota too.",
                Kind::One(groups),
            ),
        ];
        if !owners.is_empty() {
            let hint = "Whose account it counts for. What you set on another’s key, they may only tighten.";
            general.push(self.field("account_id", "Owner", given(account_id), hint, Kind::One(owners)));
        }
        if !is_new {
            let states = [("active", "Enabled"), ("disabled", "Disabled: its calls are refused")];
            let states = states.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
            general.push(self.field("status", "Status", given(status), "", Kind::One(states)));
        }
        let hint = format!("In {}. Blank never expires.", self.by.timezone);
        general.push(self.field("expires_at", "Expires", expires_at, &hint, Kind::Line("datetime-local".to_owned())));
        let hint = "Such as Europe/Berlin, UTC or UTC+8. Calendar budgets open again at midnight there.";
        let limits = self.limits(&written.limits, &timezone, now);
        general.push(self.field("timezone", "Time zone of its days and months", timezone, hint, line()));
        let reset = written.limits.token_quota_reset;
        let hint = "One name a line. It may name models that do not exist yet.";
        let models = self.field("models", "Models it may call", written.models, hint, lines("every model"));
        let hint = "One address or block a line, such as 10.0.0.0/8.";
        let blocks = written.ip_allowlist;
        let blocks = self.field("ip_allowlist", "Addresses it may call from", blocks, hint, lines("anywhere"));
        let hint = "One a line, such as /v1/chat/completions.";
        let paths = self.field("endpoints", "Paths it may call", written.endpoints, hint, lines("every path"));
        let hint =
            "Blank keeps none. Identical calls are answered from memory, cost nothing, and count as requests only.";
        let seconds = written.cache_ttl_seconds;
        let cache = self.field("cache_ttl_seconds", "Cache answers, for seconds", seconds, hint, line());
        Fields {
            general,
            limits,
            reset: if reset.is_empty() { "monthly".to_owned() } else { reset },
            rule: self.field("rule_id", "Quota rule", given(rule_id), &rules.1, Kind::One(rules.0)),
            access: vec![models, blocks, paths, cache],
            says: String::new(),
            lines: Vec::new(),
        }
    }

    fn field(&self, name: &str, label: &str, value: String, hint: &str, kind: Kind) -> FieldText {
        let held = match name {
            _ if !self.locked.contains(&name) => "",
            "group_id" | "rule_id" | "timezone" | "status" => "Set by an admin; only an admin may change it. ",
            _ => "Set by an admin; you may tighten it. ",
        };
        FieldText { name: name.to_owned(), label: label.to_owned(), value, hint: format!("{held}{hint}"), kind }
    }

    /// The limits in the order of [`LIMITS`].
    fn limits(&self, written: &WrittenLimits, zone: &str, now: Time) -> Vec<LimitText> {
        let zone = Zone::parse(zone).unwrap_or_else(Zone::utc);
        let month = Period::Month.end(now, &zone).map(|end| zone.local(end).strftime("%-d %b").to_string());
        let (month, until) =
            (format!("1st, 00:00 {}", zone.name()), format!("402 until {}", month.unwrap_or_default()));
        let (retry, above) = ("429, retry in seconds", "400 above it");
        let rows = [
            ("Requests a minute", "", &written.rpm, "rolling", retry),
            ("Tokens a minute", "", &written.tpm, "rolling", retry),
            ("Requests a day", "", &written.rpd, "rolling", "429, retry within a day"),
            ("Monthly spend", "credits", &written.monthly_spend, &month, &until),
            ("Token quota", "", &written.token_quota, "", "402 until it resets"),
            ("Monthly tokens", "", &written.monthly_tokens, &month, &until),
            ("Credit quota", "credits", &written.credit_quota, "never", "402 for good"),
            ("Most output tokens", "", &written.max_tokens_per_request, "each call", above),
            ("Spending cap", "credits", &written.max_cost_per_request, "each call", above),
        ];
        let row = |(path, (label, unit, value, from, then)): (&str, (&str, &str, &String, &str, &str))| LimitText {
            label: label.to_owned(),
            unit: unit.to_owned(),
            value: value.clone(),
            from: from.to_owned(),
            then: then.to_owned(),
            held: self.locked.contains(&path),
        };
        LIMITS.into_iter().zip(rows).map(row).collect()
    }
}

/// What the default rule of an account does.
fn default_text(choices: &Choices, account: &Account) -> String {
    account.default_rule_id.as_ref().and_then(|rule| choices.rule_text(rule)).unwrap_or_default()
}

/// The fields that an admin holds the key to, by their paths: those in which a key that restricts nothing would be looser.
fn locked(key: &Key) -> Vec<&'static str> {
    let open = KeySpec { timezone: String::new(), ..KeySpec::named("") };
    key.admin_spec.as_deref().map(|floor| floor::loosened(floor, &open)).unwrap_or_default()
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
        account_id: Some(key.account_id.to_string()),
        group_id: Some(key.group_id.as_ref().map(ToString::to_string).unwrap_or_default()),
        rule_id: Some(key.rule_id.as_ref().map(ToString::to_string).unwrap_or_default()),
        status: Some(key.status.as_str().to_owned()),
        expires_at: key.expires_at.map(|at| zone.local(at).strftime(CIVIL).to_string()).unwrap_or_default(),
        models: key.models.join("\n"),
        ip_allowlist: key.ip_allowlist.join("\n"),
        endpoints: key.endpoints.join("\n"),
        cache_ttl_seconds: count(key.cache_ttl_seconds),
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
/// Every field that cannot be read or will not do, at once.
pub fn read(reader: &Account, known: Option<&Key>, written: &Written, now: Time) -> Result<KeySpec, Problem> {
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
    let chosen = |id: &String| Some(id.clone()).filter(|id| !id.is_empty());
    if let Some(group) = &written.group_id {
        spec.group_id = chosen(group).map(Into::into);
    }
    if let Some(rule) = &written.rule_id {
        spec.rule_id = chosen(rule).map(Into::into);
    }
    if let Some(account) = written.account_id.as_ref().and_then(chosen) {
        spec.account_id = Some(account.into());
    }
    if let Some(status) = &written.status {
        spec.status = KeyStatus::parse(status).unwrap_or_default();
        check.that(KeyStatus::parse(status).is_some(), "status", "Choose whether it is enabled.");
    }
    spec.cache_ttl_seconds = read_count(&mut check, "cache_ttl_seconds", &written.cache_ttl_seconds);
    spec.expires_at = expiry(reader, known, &written.expires_at, &mut check);
    read_limits(&written.limits, &mut spec, &mut check);
    // What can be read is judged as well, so that all that has to change is said at once.
    let is_new_expiry = spec.expires_at != known.and_then(|key| key.expires_at);
    if let Err(problem) = spec.check(is_new_expiry.then_some(now)) {
        for problem in problem.fields {
            check.that(false, &problem.field, problem.message);
        }
    }
    check.done()?;
    Ok(spec)
}

fn read_limits(from: &WrittenLimits, spec: &mut KeySpec, check: &mut Check) {
    let mut count = |field: &str, text: &str| read_count(check, field, text);
    spec.limits.rpm = count("limits.rpm", &from.rpm);
    spec.limits.tpm = count("limits.tpm", &from.tpm);
    spec.limits.rpd = count("limits.rpd", &from.rpd);
    spec.limits.monthly_tokens = count("limits.monthly_tokens", &from.monthly_tokens);
    spec.limits.max_tokens_per_request = count("limits.max_tokens_per_request", &from.max_tokens_per_request);
    let max = count("limits.token_quota", &from.token_quota);
    let reset = Reset::parse(&from.token_quota_reset);
    check.that(max.is_none() || reset.is_some(), "limits.token_quota", "Choose when it resets.");
    spec.limits.token_quota = max.zip(reset).map(|(max, reset)| TokenQuota { max, reset });
    let mut money = |field: &str, text: &str| read_credits(check, field, text);
    spec.limits.monthly_spend = money("limits.monthly_spend", &from.monthly_spend);
    spec.limits.credit_quota = money("limits.credit_quota", &from.credit_quota);
    spec.limits.max_cost_per_request = money("limits.max_cost_per_request", &from.max_cost_per_request);
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
