//! Many keys at once: read, and changed, in one transaction.

use super::bind::bound_to_nothing;
use super::{Gateway, Topic};
use crate::domain::account::Account;
use crate::domain::id::{GroupId, KeyId, RuleId};
use crate::domain::key::{Key, KeyStatus};
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::Store;
use crate::store::keys::KeyChange;
use std::collections::HashMap;

/// How many keys may be named at once.
pub const MOST_AT_ONCE: usize = 1_000;

/// What is to be done with each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Revoke,
    Enable,
    Disable,
    /// Into this group; `None` = into none.
    Move(Option<GroupId>),
    /// To this rule; `None` = each inherits its account's default.
    Bind(Option<RuleId>),
}

/// What became of one of them.
#[derive(Clone, Debug)]
pub struct Done {
    pub id: KeyId,
    pub key: Result<Key, Problem>,
}

impl Gateway {
    /// Those of these keys that this account may see, one answer an id, in the order asked.
    ///
    /// # Errors
    /// Where there are too many; when the database fails.
    pub async fn keys_by_id(&self, by: &Account, ids: &[KeyId]) -> Result<Vec<Done>, Problem> {
        if ids.len() > MOST_AT_ONCE {
            return Err(Problem::field("ids", format!("Name at most {MOST_AT_ONCE} keys at once.")));
        }
        let mut distinct = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let known = self.0.store.keys_by_id(&distinct).await?.into_iter();
        let known: HashMap<KeyId, Key> =
            known.filter(|key| by.is_admin() || key.account_id == by.id).map(|key| (key.id.clone(), key)).collect();
        let done =
            |id: &KeyId| Done { id: id.clone(), key: known.get(id).cloned().ok_or_else(|| Problem::not_found("key")) };
        Ok(ids.iter().map(done).collect())
    }

    /// Does the same with each of these keys; each that cannot be changed is told why, and the others are changed
    /// together. In force on their very next calls.
    ///
    /// # Errors
    /// Where there are too many; where there is no such group or rule for this account.
    pub async fn change_keys(&self, by: &Account, ids: &[KeyId], action: &Action) -> Result<Vec<Done>, Problem> {
        let mut all = self.keys_by_id(by, ids).await?;
        // A group or rule that is not there is the request's fault and not each key's.
        match action {
            Action::Move(Some(group)) => drop(self.group_for(by, &by.id, group).await?),
            Action::Bind(Some(rule)) => drop(self.rule_for(by, &by.id, rule).await?),
            _ => {}
        }
        let now = self.0.clock.now();
        let mut changed: Vec<KeyId> = Vec::new();
        for done in &mut all {
            let Ok(key) = &mut done.key else { continue };
            if key.status == KeyStatus::Revoked {
                if *action != Action::Revoke {
                    done.key = Err(Problem::new(ProblemKind::Conflict, "This key is revoked. Restore it first."));
                }
                continue;
            }
            match action {
                Action::Revoke => (key.status, key.revoked_at) = (KeyStatus::Revoked, Some(now)),
                Action::Enable => key.status = KeyStatus::Active,
                Action::Disable => key.status = KeyStatus::Disabled,
                Action::Move(group) => key.group_id.clone_from(group),
                Action::Bind(rule) => key.rule_id.clone_from(rule),
            }
            changed.push(done.id.clone());
        }
        // In one order in every process, so that none waits for another in a circle.
        changed.sort_unstable();
        changed.dedup();
        let change = match action {
            Action::Revoke => KeyChange::Status(KeyStatus::Revoked, Some(now)),
            Action::Enable => KeyChange::Status(KeyStatus::Active, None),
            Action::Disable => KeyChange::Status(KeyStatus::Disabled, None),
            Action::Move(group) => KeyChange::Group(group.clone()),
            Action::Bind(rule) => KeyChange::Rule(rule.clone()),
        };
        let mut tx = self.0.store.begin().await?;
        Store::change_keys(&mut tx, &changed, &change).await.map_err(bound_to_nothing)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.0.keyring.forget();
        for topic in [Topic::Keys, Topic::Groups, Topic::Rules] {
            self.0.announce(topic);
        }
        Ok(all)
    }
}
