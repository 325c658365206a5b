//! The same for what keys are bound to: groups, rules and accounts.

use serde::Deserialize;
use utoipa::ToSchema;

/// Keys that share a quota and are watched together.
#[derive(ToSchema)]
pub struct Group {
    id: String,
    account_id: String,
    name: String,
    description: String,
    quota: Option<GroupQuota>,
    /// Where its periods begin at midnight: an IANA name or a fixed offset such as `UTC+8`.
    timezone: String,
    /// How many keys it has; revoked ones left out.
    key_count: u64,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What a group's keys may use together in each period; `null` is unlimited.
#[derive(Deserialize, ToSchema)]
pub struct GroupQuota {
    /// Input and output together.
    tokens: Option<u64>,
    #[schema(example = "200.00")]
    credits: Option<String>,
    /// `daily`, `weekly`, `monthly` or `never`.
    period: String,
}

/// What a group is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupFields {
    #[schema(example = "team-search")]
    name: String,
    /// Whose group it is; the caller's own where absent. Others' for admins alone.
    account_id: Option<String>,
    #[schema(required = false)]
    description: String,
    quota: Option<GroupQuota>,
    /// Where its periods begin at midnight: an IANA name or a fixed offset such as `UTC+8`.
    #[schema(default = "UTC")]
    timezone: Option<String>,
}

/// A JSON merge patch (RFC 7396) of a group: absent = unchanged, `null` = cleared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupPatch {
    name: Option<String>,
    /// Gives the group to another account; for admins.
    account_id: Option<String>,
    description: Option<String>,
    quota: Option<GroupQuota>,
    timezone: Option<String>,
}

/// A reusable template of a credit quota and of hours, which governs the keys bound to it.
#[derive(ToSchema)]
pub struct Rule {
    id: String,
    account_id: String,
    name: String,
    description: String,
    /// A rule that is switched off restricts nobody, and keeps its bindings.
    enabled: bool,
    quota: Option<RuleQuota>,
    /// `null` = at any time.
    hours: Option<Hours>,
    /// Where the quota's periods begin at midnight; `null` = in the zone of the hours, else UTC.
    timezone: Option<String>,
    /// How many keys it governs, those that inherit it among them; revoked ones left out.
    reference_count: u64,
    /// The rule in plain words.
    text: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Credits that come back with each period, for each key that the rule governs.
#[derive(Deserialize, ToSchema)]
pub struct RuleQuota {
    #[schema(example = "50.00")]
    credits: String,
    /// `daily`, `weekly` or `monthly`.
    period: String,
}

/// The hours of the week in which calls are allowed.
#[derive(Deserialize, ToSchema)]
pub struct Hours {
    /// An IANA name or a fixed offset such as `UTC+8`.
    #[schema(example = "Asia/Shanghai")]
    timezone: String,
    /// `mon` to `sun`.
    #[schema(example = json!(["mon", "tue"]))]
    weekdays: Vec<String>,
    /// Half-open, by the wall clock; one past midnight belongs to the weekday on which it starts.
    #[schema(example = json!(["08:00-20:00"]))]
    ranges: Vec<String>,
}

/// What a rule is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleFields {
    #[schema(example = "Dev")]
    name: String,
    /// Whose rule it is; the caller's own where absent. Others' for admins alone.
    account_id: Option<String>,
    #[schema(required = false)]
    description: String,
    #[schema(default = true)]
    enabled: Option<bool>,
    quota: Option<RuleQuota>,
    hours: Option<Hours>,
    /// Where the quota's periods begin at midnight; in the zone of the hours where absent, else UTC.
    timezone: Option<String>,
}

/// A JSON merge patch (RFC 7396) of a rule: absent = unchanged, `null` = cleared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RulePatch {
    name: Option<String>,
    /// Gives the rule to another account; for admins.
    account_id: Option<String>,
    description: Option<String>,
    enabled: Option<bool>,
    quota: Option<RuleQuota>,
    hours: Option<Hours>,
    timezone: Option<String>,
}

/// A JSON merge patch (RFC 7396) of what bounds an account: absent = unchanged, `null` = cleared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    /// What bounds all of its keys together; its calendar is UTC's.
    limits: Option<super::KeyLimits>,
    /// Whether its calls must be paid for, by its subscription or its balance.
    metered: Option<bool>,
    /// The rule of its keys that have none of their own.
    default_rule_id: Option<String>,
}
