//! Groups: make, edit, delete, list. Which keys are in one is for `batch` to change, and for each key's own edit.

use super::batch::{Action, Done};
use super::bind::{edits_nothing_locked, unbind_locked};
use super::issue::{Page, changed_meanwhile, page, page_limit};
use super::limits::Standing;
use super::overview::{Overview, Stretch};
use super::usage::{By, UsageQuery, Used};
use super::{Gateway, Topic};
use crate::domain::account::Account;
use crate::domain::credits::Credits;
use crate::domain::group::{Group, GroupSpec};
use crate::domain::id::{AccountId, GroupId, KeyId};
use crate::domain::key::Key;
use crate::domain::limit::{Carried, Limit};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::store::groups::{GroupFilter, Listed, Mark};
use crate::store::keys::KeyChange;
use crate::store::{Store, StoreError};

pub use crate::store::groups::{GroupOrder, Outsider};

/// A group, and how many keys it has; revoked ones left out.
#[derive(Clone, Debug)]
pub struct Populated {
    pub group: Group,
    pub keys: u64,
    /// What its calls have cost, in a list that sums it up; else nothing.
    pub spent: Credits,
}

impl From<Listed> for Populated {
    fn from(Listed { group, keys, spent }: Listed) -> Self {
        Self { group, keys, spent }
    }
}

/// Which groups to list.
#[derive(Clone, Debug, Default)]
pub struct GroupQuery {
    pub account_id: Option<AccountId>,
    /// Part of a name, in any case.
    pub search: Option<String>,
    pub order: GroupOrder,
    pub ascending: bool,
    /// Since when what their calls have cost is summed up; `None` = not at all.
    pub spent_since: Option<Time>,
    /// As the last page gave it.
    pub cursor: Option<String>,
    /// 1 to 1,000; 50 where it is 0.
    pub limit: u32,
}

/// What the calls of a group came to in a stretch of time.
#[derive(Clone, Debug)]
pub struct GroupUsage {
    pub overview: Overview,
    /// By key, in the order of their ids.
    pub keys: Vec<Used>,
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
        Ok(Populated { group, keys: 0, spent: Credits::ZERO })
    }

    /// Replaces what can be edited; in force on the very next call of each of its keys. What its period has used so
    /// far counts on. `change` is handed the group as it is, and says what it is to become.
    ///
    /// # Errors
    /// What `change` refuses; for each field that will not do; where the name is in use; where there is no such group
    /// for this account; where somebody else changes it at the same moment.
    pub async fn edit_group(
        &self,
        by: &Account,
        id: &GroupId,
        change: impl FnOnce(&Populated) -> Result<GroupSpec, Problem> + Send,
    ) -> Result<Populated, Problem> {
        let known = self.group(by, id).await?;
        let spec = change(&known)?;
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
            ..known.group.clone()
        };
        group.carried = Carried::by_edit(&group.carried, &before, &group.ceilings(), now);
        let mut tx = self.0.store.begin().await?;
        // What another edit has just written must not be written over by what was read before it.
        match Store::held_group(&mut tx, id).await? {
            None => return Err(Problem::not_found("group")),
            Some(held) if held != known.group => return Err(changed_meanwhile()),
            Some(_) => {}
        }
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
        let known = self.0.store.group(id).await?;
        let known = known.filter(|known| by.is_admin() || known.group.account_id == by.id);
        known.map(Populated::from).ok_or_else(|| Problem::not_found("group"))
    }

    /// A page of the groups that this account may see. What they spent is of the calls that it may see.
    ///
    /// # Errors
    /// Where the cursor or the limit is not one.
    pub async fn groups(&self, by: &Account, query: GroupQuery) -> Result<Page<Populated>, Problem> {
        let limit = page_limit(query.limit)?;
        let order = query.order;
        let filter = GroupFilter {
            account_id: if by.is_admin() { query.account_id } else { Some(by.id.clone()) },
            search: query.search.filter(|text| !text.trim().is_empty()),
            order,
            ascending: query.ascending,
            spent_since: query.spent_since,
            after: query.cursor.as_deref().map(|text| read_place(order, text)).transpose()?,
            limit: limit + 1,
        };
        let Page { data, next } = page(self.0.store.groups(&filter).await?, limit, |listed| place(order, listed));
        Ok(Page { data: data.into_iter().map(Populated::from).collect(), next })
    }

    /// How many groups this account may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_groups(&self, by: &Account) -> Result<u64, Problem> {
        Ok(self.0.store.count_groups((!by.is_admin()).then_some(&by.id)).await?)
    }

    /// What a group's calls came to in a stretch: of those that this account may see.
    ///
    /// # Errors
    /// Where there is no such group for this account.
    pub async fn group_usage(&self, by: &Account, id: &GroupId, stretch: &Stretch) -> Result<GroupUsage, Problem> {
        self.group(by, id).await?;
        let query = |parts: Vec<By>| UsageQuery {
            group_id: Some(id.clone()),
            ..stretch.query(stretch.start, stretch.now, parts)
        };
        let used = self.usage(by, &query(vec![stretch.step(), By::Model])).await?;
        let keys: Vec<Used> = self.usage(by, &query(vec![By::Key])).await?;
        Ok(GroupUsage { overview: Overview::of(stretch, &used), keys })
    }

    /// The limits of several keys as they stand now, for each in the order consulted.
    ///
    /// # Errors
    /// When the books cannot be reached.
    pub async fn standings_of(&self, keys: &[Key]) -> Result<Vec<Vec<Standing>>, Problem> {
        let now = self.0.clock.now();
        let limits: Vec<Vec<Limit>> = keys.iter().map(|key| key.in_force(now)).collect();
        let mut all = self.stand(&limits.concat()).await?.into_iter();
        Ok(limits.iter().map(|own| all.by_ref().take(own.len()).collect()).collect())
    }

    /// The keys that this account may put into a group and that are not in it, newest first, at most 1,000: those whose
    /// name, hint or id has `search`.
    ///
    /// # Errors
    /// Where there is no such group for this account, or the limit is not one.
    pub async fn keys_outside(
        &self,
        by: &Account,
        id: &GroupId,
        search: &str,
        limit: u32,
    ) -> Result<Vec<Outsider>, Problem> {
        self.group(by, id).await?;
        let own = (!by.is_admin()).then_some(&by.id);
        let search = Some(search.trim()).filter(|text| !text.is_empty());
        Ok(self.0.store.keys_outside(id, own, search, page_limit(limit)?).await?)
    }

    /// How many keys a group has that this account may not see, since an admin has put them there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_unseen_keys(&self, by: &Account, id: &GroupId) -> Result<u64, Problem> {
        match by.is_admin() {
            true => Ok(0),
            false => Ok(self.0.store.count_foreign_keys(id, &by.id).await?),
        }
    }

    /// Takes a key out of a group, if it is still in it.
    ///
    /// # Errors
    /// Where it is not; where there is no such key for this account; where an admin has put it there, and its owner asks.
    pub async fn leave_group(&self, by: &Account, group: &GroupId, key: &KeyId) -> Result<Key, Problem> {
        if self.key(by, key).await?.group_id.as_ref() != Some(group) {
            return Err(Problem::new(ProblemKind::Meanwhile, "This key is not in the group any more."));
        }
        let done = self.change_keys(by, std::slice::from_ref(key), &Action::Move(None)).await?.pop();
        done.map_or_else(|| Err(Problem::not_found("key")), |Done { key, .. }| key)
    }

    /// Everything that is known of keys is read again: each may be in a group that has changed.
    fn groups_changed(&self) {
        self.0.keyring.forget();
        self.0.announce(Topic::Groups);
        self.0.announce(Topic::Keys);
    }
}

/// A place in a list of groups: where its last group stands, and that group's id, which has no point in it.
fn place(order: GroupOrder, listed: &Listed) -> String {
    let id = &listed.group.id;
    match order.mark(listed) {
        Mark::Text(text) => format!("{text}.{id}"),
        Mark::Number(number) => format!("{number}.{id}"),
    }
}

fn read_place(order: GroupOrder, text: &str) -> Result<(Mark, GroupId), Problem> {
    let read = text.rsplit_once('.').and_then(|(mark, id)| {
        let mark = match order {
            GroupOrder::Name => Mark::Text(mark.to_owned()),
            GroupOrder::Age | GroupOrder::Keys | GroupOrder::Spent => Mark::Number(mark.parse().ok()?),
        };
        Some((mark, GroupId::from(id)))
    });
    read.ok_or_else(|| Problem::field("cursor", "Give next_cursor as the last page returned it."))
}

fn name_taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name", "This account has a group of this name already."),
        other => other.into(),
    }
}
