//! The secret a program sends, and what its holder may do with it.

use super::credits::Credits;
use super::id::{AccountId, GroupId, KeyId, RuleId};
use super::limit::{Carried, Limit, Measure, Owner, Scope};
use super::period::{Period, Zone};
use super::problem::{Check, Problem};
use super::time::Time;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Every secret begins with this, so that scanners and people recognise one.
pub const SECRET_PREFIX: &str = "sk-tg-";

/// What an admin or the owner has decided about a key. Expiry is read off the clock, not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    #[default]
    Active,
    Disabled,
    Revoked,
}

impl KeyStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyStatus::Active => "active",
            KeyStatus::Disabled => "disabled",
            KeyStatus::Revoked => "revoked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [KeyStatus::Active, KeyStatus::Disabled, KeyStatus::Revoked].into_iter().find(|status| status.as_str() == text)
    }
}

/// What a key is at an instant, expiry included: what lists are narrowed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Active,
    Disabled,
    /// It was active when its time came; its calls are refused from then on.
    Expired,
    Revoked,
}

impl KeyState {
    pub const ALL: [KeyState; 4] = [KeyState::Active, KeyState::Disabled, KeyState::Expired, KeyState::Revoked];

    pub fn as_str(self) -> &'static str {
        match self {
            KeyState::Active => "active",
            KeyState::Disabled => "disabled",
            KeyState::Expired => "expired",
            KeyState::Revoked => "revoked",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        KeyState::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A key. The secret itself is stored nowhere: `hint` is what remains to recognise it by, `sk-tg-Ab3d…9xYz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub id: KeyId,
    pub account_id: AccountId,
    /// Whose quota it shares.
    pub group_id: Option<GroupId>,
    /// Its own rule; `None` = its account's default, if there is one.
    pub rule_id: Option<RuleId>,
    pub name: String,
    pub hint: String,
    pub status: KeyStatus,
    pub expires_at: Option<Time>,
    /// Names of the models it may call; empty = all.
    pub models: Vec<String>,
    /// CIDR blocks it may call from; empty = anywhere.
    pub ip_allowlist: Vec<String>,
    /// Paths it may call, such as `/v1/chat/completions`; empty = all.
    pub endpoints: Vec<String>,
    /// Where its calendar periods begin at midnight.
    pub timezone: String,
    pub limits: KeyLimits,
    /// How long an answer may serve identical calls, in seconds; `None` = every call goes to a provider.
    pub cache_ttl_seconds: Option<u64>,
    /// Periods and zones from before an edit, in force until they are over.
    #[serde(skip)]
    pub carried: Vec<Carried>,
    /// What an admin has set, which its owner may tighten and never loosen.
    #[serde(skip)]
    pub admin_spec: Option<Box<KeySpec>>,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
    pub revoked_at: Option<Time>,
}

/// A key's ceilings; `None` is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyLimits {
    /// Requests in any 60 seconds.
    pub rpm: Option<u64>,
    /// Tokens, input and output, in any 60 seconds.
    pub tpm: Option<u64>,
    /// Requests in any 24 hours.
    pub rpd: Option<u64>,
    pub token_quota: Option<TokenQuota>,
    /// Tokens, input and output, in a calendar month.
    pub monthly_tokens: Option<u64>,
    /// Credits in a calendar month.
    pub monthly_spend: Option<Credits>,
    /// Credits in the key's lifetime.
    pub credit_quota: Option<Credits>,
    /// Output tokens one call may ask for.
    pub max_tokens_per_request: Option<u64>,
    /// What one call may cost.
    pub max_cost_per_request: Option<Credits>,
}

/// A number of tokens that comes back with each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenQuota {
    pub max: u64,
    pub reset: Reset,
}

/// When a quota starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    Daily,
    Weekly,
    Monthly,
    Never,
}

impl Reset {
    pub fn as_str(self) -> &'static str {
        match self {
            Reset::Daily => "daily",
            Reset::Weekly => "weekly",
            Reset::Monthly => "monthly",
            Reset::Never => "never",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Reset::Daily, Reset::Weekly, Reset::Monthly, Reset::Never].into_iter().find(|reset| reset.as_str() == text)
    }

    pub fn period(self) -> Period {
        match self {
            Reset::Daily => Period::Day,
            Reset::Weekly => Period::Week,
            Reset::Monthly => Period::Month,
            Reset::Never => Period::Lifetime,
        }
    }
}

/// What a key is made of, and what an edit replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    pub name: String,
    /// Whose key it is; `None` = the one who asks.
    #[serde(default)]
    pub account_id: Option<AccountId>,
    #[serde(default)]
    pub group_id: Option<GroupId>,
    /// Its own rule; `None` = its account's default, if there is one.
    #[serde(default)]
    pub rule_id: Option<RuleId>,
    #[serde(default)]
    pub status: KeyStatus,
    #[serde(default)]
    pub expires_at: Option<Time>,
    #[serde(default)]
    pub models: Vec<String>,
    #[serde(default)]
    pub ip_allowlist: Vec<String>,
    #[serde(default)]
    pub endpoints: Vec<String>,
    #[serde(default = "utc")]
    pub timezone: String,
    #[serde(default)]
    pub limits: KeyLimits,
    /// How long an answer may serve identical calls, in seconds; `None` = every call goes to a provider.
    #[serde(default)]
    pub cache_ttl_seconds: Option<u64>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Counts above this are refused: nothing real reaches them, and sums of them stay far from the integer's edge.
pub(super) const MOST: u64 = 1_000_000_000_000_000;
/// The longest that an answer may be kept for identical calls, in seconds: 30 days.
const LONGEST_TTL: u64 = 2_592_000;
/// The same for money.
pub const MOST_CREDITS: Credits = Credits::from_nanos(1_000_000_000 * 1_000_000_000);

impl KeySpec {
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            account_id: None,
            group_id: None,
            rule_id: None,
            status: KeyStatus::Active,
            expires_at: None,
            models: Vec::new(),
            ip_allowlist: Vec::new(),
            endpoints: Vec::new(),
            timezone: utc(),
            limits: KeyLimits::default(),
            cache_ttl_seconds: None,
        }
    }

    /// # Errors
    /// Every field that will not do, by its path in the management API. `now` judges the expiry of a new key or of a
    /// changed one; pass `None` where it has not changed.
    pub fn check(&self, now: Option<Time>) -> Result<(), Problem> {
        let mut check = Check::default();
        let length = self.name.trim().chars().count();
        check.that((1..=200).contains(&length), "name", "Give it a name of 1 to 200 characters.");
        check.that(!self.name.contains(char::is_control), "name", "A name is one line of text.");
        check.that(
            self.status != KeyStatus::Revoked,
            "status",
            "Write active or disabled; to revoke a key, delete it.",
        );
        let passed = now.is_some_and(|now| self.expires_at.is_some_and(|expiry| expiry <= now));
        check.that(!passed, "expires_at", "That has passed. Choose a time to come, or leave it blank for no expiry.");
        check.that(self.models.len() <= 1_000, "models", "At most 1,000 models.");
        let named = self.models.iter().all(|model| (1..=200).contains(&model.len()));
        check.that(named, "models", "A model's name has 1 to 200 characters.");
        for block in &self.ip_allowlist {
            let message = format!("{block:?} is not an address block. Write one such as 10.0.0.0/8 or 192.0.2.7.");
            check.that(cidr(block).is_some(), "ip_allowlist", message);
        }
        check.that(self.ip_allowlist.len() <= 1_000, "ip_allowlist", "At most 1,000 address blocks.");
        let paths = self.endpoints.iter().all(|path| path.starts_with('/') && path.len() <= 200);
        check.that(paths && self.endpoints.len() <= 100, "endpoints", "Write paths such as /v1/chat/completions.");
        let message = format!("{:?} is not a time zone. Write one such as Europe/Berlin, UTC or UTC+8.", self.timezone);
        check.that(Zone::parse(&self.timezone).is_some(), "timezone", message);
        let ttl = self.cache_ttl_seconds.is_none_or(|seconds| (1..=LONGEST_TTL).contains(&seconds));
        let message = "Write a number of seconds from 1 to 2,592,000 (30 days), or leave it blank for no cache.";
        check.that(ttl, "cache_ttl_seconds", message);
        self.limits.check(&mut check);
        check.done()
    }
}

impl KeyLimits {
    /// The ceilings that move meters, in the order in which they are consulted: rates, then budgets.
    pub fn ceilings(&self, owner: &Owner, zone: &Zone) -> Vec<Limit> {
        let quota = self.token_quota;
        let count = |max: Option<u64>| max.map(|max| i64::try_from(max).unwrap_or(i64::MAX));
        let money = |max: Option<Credits>| max.map(Credits::nanos);
        let reset = quota.map_or(Period::Lifetime, |quota| quota.reset.period());
        [
            ("rpm", Measure::Requests, Period::Minute, count(self.rpm)),
            ("tpm", Measure::Tokens, Period::Minute, count(self.tpm)),
            ("rpd", Measure::Requests, Period::RollingDay, count(self.rpd)),
            ("token_quota", Measure::Tokens, reset, count(quota.map(|quota| quota.max))),
            ("monthly_tokens", Measure::Tokens, Period::Month, count(self.monthly_tokens)),
            ("monthly_spend", Measure::Credits, Period::Month, money(self.monthly_spend)),
            ("credit_quota", Measure::Credits, Period::Lifetime, money(self.credit_quota)),
        ]
        .into_iter()
        .filter_map(|(name, measure, period, max)| {
            let (owner, zone) = (owner.clone(), period.zone(zone));
            Some(Limit { owner, name, measure, period, zone, max: max?, rule: None })
        })
        .collect()
    }

    /// # Errors
    /// Adds every field that will not do, by its path in the management API.
    pub fn check(&self, check: &mut Check) {
        let counts = [
            ("limits.rpm", self.rpm),
            ("limits.tpm", self.tpm),
            ("limits.rpd", self.rpd),
            ("limits.token_quota", self.token_quota.map(|quota| quota.max)),
            ("limits.monthly_tokens", self.monthly_tokens),
            ("limits.max_tokens_per_request", self.max_tokens_per_request),
        ];
        for (field, count) in counts {
            let message = "Write a whole number from 0 to 1,000,000,000,000,000, or leave it blank for no limit.";
            check.that(count.is_none_or(|count| count <= MOST), field, message);
        }
        let sums = [
            ("limits.monthly_spend", self.monthly_spend),
            ("limits.credit_quota", self.credit_quota),
            ("limits.max_cost_per_request", self.max_cost_per_request),
        ];
        for (field, sum) in sums {
            let message = "Write credits from 0 to 1,000,000,000, or leave it blank for no limit.";
            let real = |sum: Credits| (Credits::ZERO..=MOST_CREDITS).contains(&sum);
            check.that(sum.is_none_or(real), field, message);
        }
    }
}

impl Key {
    /// The editable part, as it stands.
    pub fn spec(&self) -> KeySpec {
        KeySpec {
            name: self.name.clone(),
            account_id: Some(self.account_id.clone()),
            group_id: self.group_id.clone(),
            rule_id: self.rule_id.clone(),
            status: self.status,
            expires_at: self.expires_at,
            models: self.models.clone(),
            ip_allowlist: self.ip_allowlist.clone(),
            endpoints: self.endpoints.clone(),
            timezone: self.timezone.clone(),
            limits: self.limits.clone(),
            cache_ttl_seconds: self.cache_ttl_seconds,
        }
    }

    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|expiry| expiry <= now)
    }

    /// What it is at an instant.
    pub fn state(&self, now: Time) -> KeyState {
        match self.status {
            KeyStatus::Revoked => KeyState::Revoked,
            KeyStatus::Disabled => KeyState::Disabled,
            KeyStatus::Active if self.is_expired(now) => KeyState::Expired,
            KeyStatus::Active => KeyState::Active,
        }
    }

    pub fn owner(&self) -> Owner {
        Owner::new(Scope::Key, self.id.as_str())
    }

    /// Where its calendar periods begin at midnight.
    pub fn zone(&self) -> Zone {
        Zone::parse(&self.timezone).unwrap_or_else(Zone::utc)
    }

    /// Its own ceilings as they are written, in the order in which they are consulted.
    pub fn ceilings(&self) -> Vec<Limit> {
        self.limits.ceilings(&self.owner(), &self.zone())
    }

    /// The same as they are in force: what an edit changed in mid-period waits for its boundary.
    pub fn in_force(&self, now: Time) -> Vec<Limit> {
        Carried::apply(&self.carried, self.ceilings(), now)
    }

    pub fn allows_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|allowed| allowed == model)
    }

    pub fn allows_endpoint(&self, path: &str) -> bool {
        self.endpoints.is_empty() || self.endpoints.iter().any(|allowed| allowed == path)
    }

    pub fn allows_ip(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.ip_allowlist.is_empty()
            || self.ip_allowlist.iter().filter_map(|block| cidr(block)).any(|net| net.contains(&ip))
    }
}

/// `10.0.0.0/8`, or one address.
pub(super) fn cidr(block: &str) -> Option<ipnet::IpNet> {
    let block = block.trim();
    block.parse().ok().or_else(|| block.parse::<IpAddr>().ok().map(ipnet::IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_field_is_named_by_its_path() {
        let mut spec = KeySpec::named("  ");
        spec.timezone = "Mars/Olympus".to_owned();
        spec.expires_at = Some(Time::EPOCH);
        spec.ip_allowlist = vec!["10.0.0.0/8".to_owned(), "10.0.0/99".to_owned()];
        spec.limits.rpm = Some(u64::MAX);
        spec.limits.monthly_spend = Credits::parse("-1");
        let problem = spec.check(Some(Time::from_micros(1))).expect_err("bad");
        let fields: Vec<_> = problem.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["name", "expires_at", "ip_allowlist", "timezone", "limits.rpm", "limits.monthly_spend"]);
        assert_eq!(KeySpec::named("web").check(Some(Time::EPOCH)), Ok(()));
    }

    #[test]
    fn limits_are_read_as_the_contract_writes_them() {
        let text = r#"{"name":"production-web","timezone":"UTC","limits":{"rpm":60,"tpm":null,
            "token_quota":{"max":1000000,"reset":"weekly"},"monthly_spend":"200.00","max_tokens_per_request":4096}}"#;
        let spec: KeySpec = serde_json::from_str(text).expect("valid");
        assert_eq!(spec.limits.monthly_spend, Credits::parse("200"));
        assert_eq!(spec.limits.token_quota, Some(TokenQuota { max: 1_000_000, reset: Reset::Weekly }));
        assert!(serde_json::from_str::<KeySpec>(r#"{"name":"x","colour":"red"}"#).is_err());
    }
}
