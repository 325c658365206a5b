//! Who may make what for whom, and bind which key to which group and rule.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::floor;
use crate::domain::group::Group;
use crate::domain::id::{AccountId, GroupId, RuleId};
use crate::domain::key::{Key, KeySpec};
use crate::domain::problem::{FieldProblem, Problem, ProblemKind};
use crate::domain::rule::Rule;
use crate::store::keys::KeyChange;
use crate::store::{Store, StoreError, Tx};

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
        let known = self.0.store.group(id).await?.map(|listed| listed.group);
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

/// Takes a group or rule that is about to be deleted off the keys that an admin has bound to it.
///
/// # Errors
/// For anyone but an admin, where there are such keys: deleting it would loosen them.
pub(super) async fn unbind_locked(tx: &mut Tx, by: &Account, what: &KeyChange) -> Result<(), Problem> {
    for key in Store::locked_keys_of(tx, what).await? {
        let held = key.admin_spec.as_deref();
        let (field, noun, bound) = match what {
            KeyChange::Group(group) => ("group_id", "group", held.is_some_and(|floor| floor.group_id == *group)),
            KeyChange::Rule(rule) => ("rule_id", "rule", held.is_some_and(|floor| floor.rule_id == *rule)),
            KeyChange::Status(..) => continue,
        };
        if !bound {
            continue;
        }
        if !by.is_admin() {
            let message = format!("An admin has bound keys to this {noun}: only an admin may delete it.");
            return Err(Problem { message, ..floor::locked(&[field]) });
        }
        let after = floor::with(held, |floor| match what {
            KeyChange::Group(_) => floor.group_id = None,
            _ => floor.rule_id = None,
        });
        Store::set_admin_spec(tx, &key.id, after.as_ref()).await?;
    }
    Ok(())
}

/// Refuses a rule of a key's own, other than it has, to the owner of an account whose default rule an admin has set:
/// the rule would stand in the default's place. The account is held, so that it is not set meanwhile.
///
/// # Errors
/// [`ProblemKind::AdminLocked`], naming `rule_id`.
pub(super) async fn keeps_default(tx: &mut Tx, by: &Account, present: Option<&Key>, key: &Key) -> Result<(), Problem> {
    let unchanged = present.is_some_and(|present| present.rule_id == key.rule_id);
    if by.is_admin() || unchanged || key.rule_id.is_none() {
        return Ok(());
    }
    match Store::held_default_rule(tx, &key.account_id).await? {
        Some(default) if key.rule_id.as_ref() != Some(&default) => Err(floor::locked(&["rule_id"])),
        _ => Ok(()),
    }
}

/// Refuses an owner's edit of what decides what a group or rule allows, where an admin has bound a key to it or made it
/// an account's default. `changed` names those fields.
///
/// # Errors
/// [`ProblemKind::AdminLocked`], naming them.
pub(super) async fn edits_nothing_locked(
    tx: &mut Tx,
    by: &Account,
    what: &KeyChange,
    changed: &[&str],
) -> Result<(), Problem> {
    if by.is_admin() || changed.is_empty() {
        return Ok(());
    }
    let held = Store::locked_keys_of(tx, what).await?.into_iter().filter_map(|key| key.admin_spec);
    let bound = |floor: Box<KeySpec>| match what {
        KeyChange::Group(group) => floor.group_id == *group,
        KeyChange::Rule(rule) => floor.rule_id == *rule,
        KeyChange::Status(..) => false,
    };
    let default = match what {
        KeyChange::Rule(Some(rule)) => Store::is_locked_default(tx, rule).await?,
        _ => false,
    };
    if !default && !held.into_iter().any(bound) {
        return Ok(());
    }
    let message = "An admin has bound keys to this: only an admin may change what it allows.";
    let fields =
        floor::locked(changed).fields.into_iter().map(|field| FieldProblem { message: message.to_owned(), ..field });
    Err(Problem { kind: ProblemKind::AdminLocked, message: message.to_owned(), fields: fields.collect() })
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
