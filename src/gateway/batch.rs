//! Many keys at once: read, and changed, in one transaction.

use super::bind::bound_to_nothing;
use super::issue::changed_meanwhile;
use super::{Gateway, Topic};
use crate::domain::account::Account;
use crate::domain::floor;
use crate::domain::id::{GroupId, KeyId, RuleId};
use crate::domain::key::{Key, KeySpec, KeyStatus};
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

/// A key as it was read, and what an admin is to hold it to.
struct Floor {
    read: Key,
    set: Option<Box<KeySpec>>,
}

impl Action {
    fn apply(&self, spec: &mut KeySpec) {
        match self {
            Action::Revoke => spec.status = KeyStatus::Revoked,
            Action::Enable => spec.status = KeyStatus::Active,
            Action::Disable => spec.status = KeyStatus::Disabled,
            Action::Move(group) => spec.group_id.clone_from(group),
            Action::Bind(rule) => spec.rule_id.clone_from(rule),
        }
    }
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
        let mut known = self.0.store.keys_by_id(&distinct).await?;
        self.0.as_used(&mut known);
        let known: HashMap<KeyId, Key> = known
            .into_iter()
            .filter(|key| by.is_admin() || key.account_id == by.id)
            .map(|key| (key.id.clone(), key))
            .collect();
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
        let mut floors: HashMap<KeyId, Floor> = HashMap::new();
        for done in &mut all {
            let Ok(key) = &mut done.key else { continue };
            if key.status == KeyStatus::Revoked {
                if *action == Action::Revoke {
                    // Its owner may have revoked it; from now on an admin has, too.
                    let held = key.held_at(by, KeyStatus::Revoked);
                    let read = std::mem::replace(key, held);
                    floors.insert(done.id.clone(), Floor { read, set: key.admin_spec.clone() });
                } else {
                    done.key = Err(Problem::new(ProblemKind::Conflict, "This key is revoked. Restore it first."));
                }
                continue;
            }
            let read = key.clone();
            let before = &read.admin_spec;
            let mut spec = key.spec();
            action.apply(&mut spec);
            if by.is_admin() {
                let own = key.account_id == by.id;
                let after = floor::with(before.as_deref(), |floor| action.apply(floor)).map(Box::new);
                key.admin_spec = if own { before.clone() } else { after };
            } else if let Err(problem) = floor::check(before.as_deref(), &spec) {
                done.key = Err(problem);
                continue;
            }
            (key.status, key.group_id, key.rule_id) = (spec.status, spec.group_id, spec.rule_id);
            key.revoked_at = (*action == Action::Revoke).then_some(now);
            floors.insert(done.id.clone(), Floor { read, set: key.admin_spec.clone() });
            changed.push(done.id.clone());
        }
        changed.sort_unstable();
        changed.dedup();
        let read: Vec<KeyId> = floors.keys().cloned().collect();
        let change = match action {
            Action::Revoke => KeyChange::Status(KeyStatus::Revoked, Some(now)),
            Action::Enable => KeyChange::Status(KeyStatus::Active, None),
            Action::Disable => KeyChange::Status(KeyStatus::Disabled, None),
            Action::Move(group) => KeyChange::Group(group.clone()),
            Action::Bind(rule) => KeyChange::Rule(rule.clone()),
        };
        let mut tx = self.0.store.begin().await?;
        let default = match action {
            Action::Bind(Some(_)) if !by.is_admin() => Store::held_default_rule(&mut tx, &by.id).await?,
            _ => None,
        };
        if let (Some(default), Action::Bind(Some(rule))) = (&default, action)
            && rule != default
        {
            // A rule of their own would stand in the place of the default that an admin has set.
            for done in &mut all {
                let bound = floors.get(&done.id).is_some_and(|floor| floor.read.rule_id.as_ref() != Some(rule));
                if bound && done.key.is_ok() {
                    done.key = Err(floor::locked(&["rule_id"]));
                    changed.retain(|id| *id != done.id);
                }
            }
        }
        // They are held in the order of their ids in every process, so that none waits for another in a circle.
        for held in Store::held_keys(&mut tx, &read).await? {
            let Some(Floor { read, set }) = floors.get(&held.id) else { continue };
            if !held.is_as_read(read) {
                return Err(changed_meanwhile());
            }
            if *set != read.admin_spec {
                Store::set_admin_spec(&mut tx, &held.id, set.as_deref()).await?;
            }
        }
        Store::change_keys(&mut tx, &changed, &change).await.map_err(bound_to_nothing)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.0.keyring.forget();
        for topic in [Topic::Keys, Topic::Groups, Topic::Rules] {
            self.0.announce(topic);
        }
        Ok(all)
    }

    /// The same with any number of keys, a thousand at a time; each answers for itself, also where a later thousand
    /// could not be changed at all.
    ///
    /// # Errors
    /// As [`Gateway::change_keys`], while nothing has been changed.
    pub async fn change_any_keys(&self, by: &Account, ids: &[KeyId], action: &Action) -> Result<Vec<Done>, Problem> {
        let mut all = Vec::with_capacity(ids.len());
        for some in ids.chunks(MOST_AT_ONCE) {
            match self.change_keys(by, some, action).await {
                Ok(done) => all.extend(done),
                Err(problem) if all.is_empty() => return Err(problem),
                Err(problem) => {
                    all.extend(some.iter().map(|id| Done { id: id.clone(), key: Err(problem.clone()) }));
                }
            }
        }
        Ok(all)
    }
}
