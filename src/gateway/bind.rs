//! Who may make what for whom, and bind which key to which group and rule.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::group::Group;
use crate::domain::id::{AccountId, GroupId, RuleId};
use crate::domain::key::Key;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::rule::Rule;
use crate::store::StoreError;

impl Gateway {
    /// Whose it is to be: one's own, or anyone's for an admin. `what` is said in the plural.
    ///
    /// # Errors
    /// Where a user makes something for someone else; where there is no such account.
    pub(super) async fn owner_of_new(
        &self,
        by: &Account,
        asked: Option<&AccountId>,
        what: &str,
    ) -> Result<AccountId, Problem> {
        match asked {
            None => Ok(by.id.clone()),
            Some(own) if *own == by.id => Ok(by.id.clone()),
            Some(other) if by.is_admin() => match self.0.store.account(other).await? {
                Some(account) => Ok(account.id),
                None => Err(Problem::field("account_id", "There is no such account.")),
            },
            Some(_) => {
                Err(Problem::new(ProblemKind::Forbidden, format!("Only an admin may make {what} for someone else.")))
            }
        }
    }

    /// Whether these keys may be put into this group: one of their own account's, or any for an admin.
    ///
    /// # Errors
    /// Naming `group_id`, where there is no such group for this account.
    pub(super) async fn group_for(&self, by: &Account, keys_of: &AccountId, id: &GroupId) -> Result<Group, Problem> {
        let known = self.0.store.group(id).await?.map(|(group, _)| group);
        let fits = |group: &Group| by.is_admin() || (group.account_id == by.id && *keys_of == by.id);
        known.filter(fits).ok_or_else(|| Problem::field("group_id", "There is no such group."))
    }

    /// Whether this rule may govern keys of this account: one of its own, or any for an admin.
    ///
    /// # Errors
    /// Naming `rule_id`, where there is no such rule for this account.
    pub(super) async fn rule_for(&self, by: &Account, keys_of: &AccountId, id: &RuleId) -> Result<Rule, Problem> {
        let known = self.0.store.rule(id).await?.map(|(rule, _)| rule);
        let fits = |rule: &Rule| by.is_admin() || (rule.account_id == by.id && *keys_of == by.id);
        known.filter(fits).ok_or_else(|| Problem::field("rule_id", "There is no such rule."))
    }

    /// Whether a key may be bound as it says. What it was bound to before stays, whoever bound it.
    ///
    /// # Errors
    /// Naming `group_id` and `rule_id`, where there is none such for this account.
    pub(super) async fn check_bindings(&self, by: &Account, before: Option<&Key>, key: &Key) -> Result<(), Problem> {
        let mut problems = Vec::new();
        if let Some(group) = &key.group_id
            && before.is_none_or(|before| before.group_id != key.group_id)
        {
            problems.extend(self.group_for(by, &key.account_id, group).await.err());
        }
        if let Some(rule) = &key.rule_id
            && before.is_none_or(|before| before.rule_id != key.rule_id)
        {
            problems.extend(self.rule_for(by, &key.account_id, rule).await.err());
        }
        let Some(mut first) = problems.pop() else { return Ok(()) };
        if let Some(earlier) = problems.pop() {
            first = Problem { fields: [earlier.fields, first.fields].concat(), ..earlier };
        }
        Err(first)
    }
}

/// What a key, group or rule is bound to was deleted while it was being bound.
pub(super) fn bound_to_nothing(error: StoreError) -> Problem {
    match error {
        StoreError::Referenced => {
            Problem::new(ProblemKind::Conflict, "Its group or rule has just been deleted. Choose another.")
        }
        other => other.into(),
    }
}
