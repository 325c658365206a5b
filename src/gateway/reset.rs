//! Manual resets: an admin takes off what meters have counted. No boundary of any period moves, what calls in flight
//! hold stays held, and the rows say who took off how much.

use super::limits::Standing;
use super::{Gateway, Topic, admins_only};
use crate::domain::account::Account;
use crate::domain::id::{AccountId, GroupId, KeyId};
use crate::domain::limit::{Limit, Scope};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::store::books::MadeReset;

/// A limit as it stands after a reset.
#[derive(Clone, Debug)]
pub struct AfterReset {
    pub standing: Standing,
    /// In the measure's unit.
    pub taken_off: i64,
}

/// A reset as the books have it, and who made it.
#[derive(Clone, Debug)]
pub struct RecordedReset {
    pub reset: MadeReset,
    /// The name of the admin, or the email of one who has none.
    pub by: String,
}

impl Gateway {
    /// The newest resets of a key's limits, its rule's among them: at most so many.
    ///
    /// # Errors
    /// Where there is no such key for this account.
    pub async fn resets_of_key(&self, by: &Account, id: &KeyId, most: u32) -> Result<Vec<RecordedReset>, Problem> {
        let key = self.key(by, id).await?;
        let mut recorded: Vec<RecordedReset> = Vec::new();
        for reset in self.0.store.resets(&key.owner(), Time::EPOCH, most).await? {
            let known = recorded.iter().find(|earlier| earlier.reset.made_by == reset.made_by);
            let by = match known {
                Some(earlier) => earlier.by.clone(),
                None => self.0.store.account(&reset.made_by).await?.map(|admin| shown_name(&admin)).unwrap_or_default(),
            };
            recorded.push(RecordedReset { reset, by });
        }
        Ok(recorded)
    }

    /// Takes off what this key's limits have counted, its rule's among them; all of them, or the one that is named.
    ///
    /// # Errors
    /// For anyone but an admin; where there is no such key, or it has no such limit; when the books cannot be reached.
    pub async fn reset_key(&self, by: &Account, id: &KeyId, limit: Option<&str>) -> Result<Vec<AfterReset>, Problem> {
        admins_only(by)?;
        let key = self.key(by, id).await?;
        let holder = self.holder(key).await?.ok_or_else(|| Problem::not_found("key"))?;
        self.reset(by, holder.key_limits(self.0.clock.now()), limit).await
    }

    /// The same for a group's limits.
    ///
    /// # Errors
    /// As [`Gateway::reset_key`].
    pub async fn reset_group(
        &self,
        by: &Account,
        id: &GroupId,
        limit: Option<&str>,
    ) -> Result<Vec<AfterReset>, Problem> {
        admins_only(by)?;
        let known = self.group(by, id).await?;
        self.reset(by, known.group.in_force(self.0.clock.now()), limit).await
    }

    /// The same for an account's limits, and for its subscription's cycle. A balance is corrected by an adjustment.
    ///
    /// # Errors
    /// As [`Gateway::reset_key`].
    pub async fn reset_account(
        &self,
        by: &Account,
        id: &AccountId,
        limit: Option<&str>,
    ) -> Result<Vec<AfterReset>, Problem> {
        admins_only(by)?;
        let account = self.0.store.account(id).await?.ok_or_else(|| Problem::not_found("account"))?;
        let mut limits = account.in_force(self.0.clock.now());
        let sources = self.0.store.wallet(id).await?.sources(id).into_iter();
        limits
            .extend(sources.filter_map(|source| source.limit).filter(|limit| limit.owner.scope == Scope::Subscription));
        self.reset(by, limits, limit).await
    }

    async fn reset(
        &self,
        by: &Account,
        mut limits: Vec<Limit>,
        named: Option<&str>,
    ) -> Result<Vec<AfterReset>, Problem> {
        if let Some(name) = named {
            let known: Vec<&str> = limits.iter().map(|limit| limit.name).collect();
            if !known.contains(&name) {
                let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Problem::field("limit", format!("There is no limit {name:?} here. There is: {has}.")));
            }
            limits.retain(|limit| limit.name == name);
        }
        // What is not in memory could not be taken off.
        self.stand(&limits).await?;
        let mut taken_off: Vec<i64> = Vec::with_capacity(limits.len());
        for (number, limit) in limits.iter().enumerate() {
            // Limits that share a meter are reset together: what was taken off one was taken off the other.
            let taken = match limits[..number].iter().position(|earlier| earlier.shares_meter(limit)) {
                Some(earlier) => taken_off[earlier],
                None => self.0.journal.reset(limit.clone(), self.0.clock.now(), by.id.clone()).await?,
            };
            taken_off.push(taken);
        }
        let standings = self.stand(&limits).await?;
        self.0.announce(Topic::Keys);
        self.0.announce(Topic::Groups);
        let after = standings.into_iter().zip(taken_off);
        Ok(after.map(|(standing, taken_off)| AfterReset { standing, taken_off }).collect())
    }
}

fn shown_name(account: &Account) -> String {
    if account.name.is_empty() { account.email.clone() } else { account.name.clone() }
}
