//! A person who signs in.

use super::id::{AccountId, ManagementTokenId, RuleId};
use super::key::KeyLimits;
use super::limit::{Carried, Limit, Owner, Scope};
use super::period::Zone;
use super::problem::{Check, Problem};
use super::time::Time;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    User,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::User => "user",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Role::Admin, Role::User].into_iter().find(|role| role.as_str() == text)
    }
}

/// An account. Its password hash never leaves the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub enabled: bool,
    /// An IANA zone or a fixed offset; times are shown to this person in it.
    pub timezone: String,
    /// What bounds all of its keys together; only an admin edits it. Its calendar is UTC's.
    #[serde(default)]
    pub limits: KeyLimits,
    /// The rule of its keys that have none of their own.
    #[serde(default)]
    pub default_rule_id: Option<RuleId>,
    /// Whether an admin has set it for its owner, who may not change it then.
    #[serde(skip)]
    pub default_rule_locked: bool,
    /// Periods and zones from before an edit, in force until they are over.
    #[serde(skip)]
    pub carried: Vec<Carried>,
    pub created_at: Time,
}

/// What an admin may change about what an account spends.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    #[serde(default)]
    pub limits: KeyLimits,
    /// Whether its calls must be paid for.
    pub metered: bool,
    #[serde(default)]
    pub default_rule_id: Option<RuleId>,
}

impl Account {
    /// What bounds all of its keys together, in the order consulted. The calendar is UTC's, so that nobody gains a day
    /// by changing the zone that times are shown in.
    pub fn ceilings(&self) -> Vec<Limit> {
        self.limits.ceilings(&Owner::new(Scope::Account, self.id.as_str()), &Zone::utc())
    }

    /// The same as they are in force: what an edit changed in mid-period waits for its boundary.
    pub fn in_force(&self, now: Time) -> Vec<Limit> {
        Carried::apply(&self.carried, self.ceilings(), now)
    }

    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}

/// Permission to use the management API in an account's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagementToken {
    pub id: ManagementTokenId,
    pub account_id: AccountId,
    pub name: String,
    pub created_at: Time,
    pub last_used_at: Option<Time>,
}

/// Shortest and longest password, in characters. Length is what makes one strong (NIST SP 800-63B, 3.1.1.2).
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// What a new account is made of, before anything is saved.
///
/// # Errors
/// Each field that will not do, with what to write instead.
pub fn check_sign_up(email: &str, password: &str) -> Result<(), Problem> {
    let mut check = Check::default();
    check.that(is_email(email), "email", "Write an email address, such as mara@example.com.");
    let length = password.chars().count();
    check.that(
        PASSWORD_LENGTH.contains(&length),
        "password",
        format!("Use {} to {} characters; a short sentence is good.", PASSWORD_LENGTH.start(), PASSWORD_LENGTH.end()),
    );
    check.done()
}

/// Emails are compared in lower case.
pub fn normal_email(email: &str) -> String {
    email.trim().to_lowercase()
}

fn is_email(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split_once('@');
    let whole = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace) && !part.contains('@');
    text.len() <= 254 && parts.is_some_and(|(local, host)| whole(local) && whole(host))
}
