//! Groups: make, edit, delete, list. Which keys are in one is for `batch` to change, and for each key's own edit.

use super::bind::{edits_nothing_locked, unbind_locked};
use super::issue::{Page, cursor, page, page_limit, read_cursor};
use super::{Gateway, Topic};
use crate::domain::account::Account;
use crate::domain::group::{Group, GroupSpec};
use crate::domain::id::{AccountId, GroupId};
use crate::domain::limit::Carried;
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::groups::GroupFilter;
use crate::store::keys::KeyChange;
use crate::store::{Store, StoreError};

/// A group, and how many keys it has; revoked ones left out.
#[derive(Clone, Debug)]
pub struct Populated {
    pub group: Group,
    pub keys: u64,
}

/// Which groups to list. Newest first.
#[derive(Clone, Debug, Default)]
pub struct GroupQuery {
    pub account_id: Option<AccountId>,
    /// As the last page gave it.
    pub cursor: Option<String>,
    /// 1 to 1,000; 50 where it is 0.
    pub limit: u32,
}

impl Gateway {
    /// # Errors
    /// For each field that will not do; where the name is in use; where a user makes a group for someone else.
    pub async fn create_group(&self, by: &Account, spec: GroupSpec) -> Result<Populated, Problem> {
        spec.check()?;
        let group = Group {
            id: GroupId(self.0.clock.id()),
            account_id: self.owner_of_new(by, spec.account_id.as_ref(), "groups").await?,
            name: spec.name.trim().to_owned(),
            description: spec.description,
            quota: spec.quota,
            timezone: spec.timezone,
            carried: Vec::new(),
            created_at: self.0.clock.now(),
        };
        let mut tx = self.0.store.begin().await?;
        Store::insert_group(&mut tx, &group).await.map_err(name_taken)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.groups_changed();
        Ok(Populated { group, keys: 0 })
    }

    /// Replaces what can be edited; in force on the very next call of each of its keys. What its period has used so
    /// far counts on.
    ///
    /// # Errors
    /// For each field that will not do; where the name is in use; where there is no such group for this account.
    pub async fn edit_group(&self, by: &Account, id: &GroupId, spec: GroupSpec) -> Result<Populated, Problem> {
        let known = self.group(by, id).await?;
        spec.check()?;
        let account_id = match &spec.account_id {
            Some(account) if *account != known.group.account_id => {
                self.owner_of_new(by, Some(account), "groups").await?
            }
            _ => known.group.account_id.clone(),
        };
        let changed = [("quota", spec.quota != known.group.quota), ("timezone", spec.timezone != known.group.timezone)];
        let changed: Vec<&str> = changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
        let now = self.0.clock.now();
        let before = known.group.in_force(now);
        let mut group = Group {
            account_id,
            name: spec.name.trim().to_owned(),
            description: spec.description,
            quota: spec.quota,
            timezone: spec.timezone,
            ..known.group
        };
        group.carried = Carried::by_edit(&group.carried, &before, &group.ceilings(), now);
        let mut tx = self.0.store.begin().await?;
        edits_nothing_locked(&mut tx, by, &KeyChange::Group(Some(id.clone())), &changed).await?;
        Store::update_group(&mut tx, &group).await.map_err(name_taken)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.groups_changed();
        Ok(Populated { group, ..known })
    }

    /// Deletes a group. Its keys stay, in no group; what it has used stays in the logs and the sums.
    ///
    /// # Errors
    /// Where there is no such group for this account, or an admin has put keys into it, and its owner asks.
    pub async fn delete_group(&self, by: &Account, id: &GroupId) -> Result<(), Problem> {
        self.group(by, id).await?;
        let mut tx = self.0.store.begin().await?;
        unbind_locked(&mut tx, by, &KeyChange::Group(Some(id.clone()))).await?;
        Store::delete_group(&mut tx, id).await.map_err(|error| match error {
            StoreError::Referenced => {
                Problem::new(ProblemKind::Meanwhile, "A key was put into this group just now. Try again.")
            }
            other => other.into(),
        })?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.groups_changed();
        Ok(())
    }

    /// A group that this account may see: its own, or any for an admin.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn group(&self, by: &Account, id: &GroupId) -> Result<Populated, Problem> {
        let known = self.0.store.group(id).await?.filter(|(group, _)| by.is_admin() || group.account_id == by.id);
        known.map(|(group, keys)| Populated { group, keys }).ok_or_else(|| Problem::not_found("group"))
    }

    /// A page of the groups that this account may see.
    ///
    /// # Errors
    /// Where the cursor or the limit is not one.
    pub async fn groups(&self, by: &Account, query: GroupQuery) -> Result<Page<Populated>, Problem> {
        let limit = page_limit(query.limit)?;
        let after = query.cursor.as_deref().map(read_cursor).transpose()?;
        let filter = GroupFilter {
            account_id: if by.is_admin() { query.account_id } else { Some(by.id.clone()) },
            after: after.map(|(at, id)| (at, GroupId(id))),
            limit: limit + 1,
        };
        let groups = self.0.store.groups(&filter).await?.into_iter();
        let groups = groups.map(|(group, keys)| Populated { group, keys }).collect();
        Ok(page(groups, limit, |known: &Populated| cursor(known.group.created_at, known.group.id.as_str())))
    }

    /// How many groups this account may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_groups(&self, by: &Account) -> Result<u64, Problem> {
        Ok(self.0.store.count_groups((!by.is_admin()).then_some(&by.id)).await?)
    }

    /// Everything that is known of keys is read again: each may be in a group that has changed.
    fn groups_changed(&self) {
        self.0.keyring.forget();
        self.0.announce(Topic::Groups);
        self.0.announce(Topic::Keys);
    }
}

fn name_taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name", "This account has a group of this name already."),
        other => other.into(),
    }
}
