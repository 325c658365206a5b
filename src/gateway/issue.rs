//! Keys: issue, edit, revoke, restore.

use super::bind::{bound_to_nothing, keeps_default};
use super::list::{About, Order};
use super::seal::random_text;
use super::{Gateway, Topic};
use crate::domain::account::Account;
use crate::domain::floor;
use crate::domain::id::{AccountId, GroupId, KeyId, RuleId};
use crate::domain::key::{Key, KeySpec, KeyState, KeyStatus, SECRET_PREFIX};
use crate::domain::limit::Carried;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::time::Time;
use crate::store::Store;
use crate::store::key_lists::Governed;

/// Random characters in a secret: 43 of 62 are 256 bits.
const SECRET_LENGTH: usize = 43;

/// A key that has just been made, with the only copy of its secret.
#[derive(Clone, Debug)]
pub struct Issued {
    pub key: Key,
    pub secret: String,
}

/// Which keys to list. Newest first, unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub struct KeyQuery {
    pub status: Option<KeyStatus>,
    /// What they are now, expiry included.
    pub state: Option<KeyState>,
    pub search: Option<String>,
    pub account_id: Option<AccountId>,
    pub group_id: Option<GroupId>,
    /// In no group.
    pub ungrouped: bool,
    /// Bound to this rule itself, not by inheritance.
    pub rule_id: Option<RuleId>,
    /// The rule in force, bound or inherited.
    pub governed: Option<Governed>,
    /// Allowed to call this model.
    pub model: Option<String>,
    pub about: Option<About>,
    /// Only these.
    pub ids: Option<Vec<KeyId>>,
    /// Leave out those that are revoked.
    pub unrevoked: bool,
    pub order: Order,
    /// As the last page gave it.
    pub cursor: Option<String>,
    /// The other way: only what comes before this place.
    pub before: Option<String>,
    /// 1 to 1,000; 50 where it is 0.
    pub limit: u32,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

impl Gateway {
    /// Makes a key. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// For each field that will not do; where a user makes a key for someone else.
    pub async fn create_key(&self, by: &Account, spec: KeySpec) -> Result<Issued, Problem> {
        let now = self.0.clock.now();
        spec.check(Some(now))?;
        let account_id = self.owner_of_new(by, spec.account_id.as_ref(), "keys").await?;
        let (secret, hint) = new_secret();
        let admin_spec = match by.is_admin() && account_id != by.id {
            true => floor::left(&spec, None, None).map(Box::new),
            false => None,
        };
        let key = Key {
            id: KeyId(self.0.clock.id()),
            account_id,
            group_id: spec.group_id,
            rule_id: spec.rule_id,
            name: spec.name.trim().to_owned(),
            hint,
            status: spec.status,
            expires_at: spec.expires_at,
            models: spec.models,
            ip_allowlist: spec.ip_allowlist,
            endpoints: spec.endpoints,
            timezone: spec.timezone,
            limits: spec.limits,
            cache_ttl_seconds: spec.cache_ttl_seconds,
            carried: Vec::new(),
            admin_spec,
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        self.check_bindings(by, None, &key).await?;
        let mut tx = self.0.store.begin().await?;
        keeps_default(&mut tx, by, None, &key).await?;
        Store::insert_key(&mut tx, &key, &self.0.master.hash(&secret)).await.map_err(bound_to_nothing)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.keys_changed();
        Ok(Issued { key, secret })
    }

    /// Replaces what can be edited; in force on the very next call.
    ///
    /// # Errors
    /// For each field that will not do; where there is no such key for this account, or it is revoked; where its owner
    /// would loosen what an admin has set.
    pub async fn edit_key(&self, by: &Account, id: &KeyId, spec: KeySpec) -> Result<Key, Problem> {
        let known = self.key(by, id).await?;
        let new_expiry = (spec.expires_at != known.expires_at).then(|| self.0.clock.now());
        if known.status == KeyStatus::Revoked {
            return Err(Problem::new(ProblemKind::Conflict, "This key is revoked. Restore it first."));
        }
        spec.check(new_expiry)?;
        let account_id = match &spec.account_id {
            Some(account) if *account != known.account_id => self.owner_of_new(by, Some(account), "keys").await?,
            _ => known.account_id.clone(),
        };
        let before = known.admin_spec.as_deref();
        let admin_spec = match by.is_admin() {
            true if account_id == by.id => None,
            // Whoever gives a key to another gives it as it is: all of it is the admin's doing.
            true if account_id != known.account_id => floor::left(&spec, None, before).map(Box::new),
            true => floor::left(&spec, Some(&known.spec()), before).map(Box::new),
            false => {
                floor::check(before, &spec)?;
                known.admin_spec.clone()
            }
        };
        let key = Key {
            account_id,
            admin_spec,
            group_id: spec.group_id,
            rule_id: spec.rule_id,
            name: spec.name.trim().to_owned(),
            status: spec.status,
            expires_at: spec.expires_at,
            models: spec.models,
            ip_allowlist: spec.ip_allowlist,
            endpoints: spec.endpoints,
            timezone: spec.timezone,
            limits: spec.limits,
            cache_ttl_seconds: spec.cache_ttl_seconds,
            ..known.clone()
        };
        let now = self.0.clock.now();
        let carried = Carried::by_edit(&known.carried, &known.in_force(now), &key.ceilings(), now);
        let key = Key { carried, ..key };
        self.check_bindings(by, Some(&known), &key).await?;
        self.save_key(by, &known, key).await
    }

    /// Refuses the key's next call. Calls in flight finish.
    ///
    /// # Errors
    /// Where there is no such key for this account.
    pub async fn revoke_key(&self, by: &Account, id: &KeyId) -> Result<Key, Problem> {
        let key = self.key(by, id).await?;
        let revoked_at = key.revoked_at.or_else(|| Some(self.0.clock.now()));
        let revoked = key.held_at(by, KeyStatus::Revoked);
        let revoked = Key { status: KeyStatus::Revoked, revoked_at, ..revoked };
        match revoked == key {
            true => Ok(key),
            false => self.save_key(by, &key, revoked).await,
        }
    }

    /// Undoes a revocation: the key is active again.
    ///
    /// # Errors
    /// Where there is no such key for this account, or it is not revoked; where an admin has revoked it or switched it
    /// off, and its owner asks.
    pub async fn restore_key(&self, by: &Account, id: &KeyId) -> Result<Key, Problem> {
        self.restore_key_as(by, id, KeyStatus::Active).await
    }

    /// The same for a key that may have been disabled before it was revoked.
    ///
    /// # Errors
    /// As [`Gateway::restore_key`].
    pub async fn restore_key_as(&self, by: &Account, id: &KeyId, status: KeyStatus) -> Result<Key, Problem> {
        let key = self.key(by, id).await?;
        if key.status != KeyStatus::Revoked || status == KeyStatus::Revoked {
            return Err(Problem::new(ProblemKind::Conflict, "This key is not revoked."));
        }
        if !by.is_admin() {
            floor::check(key.admin_spec.as_deref(), &KeySpec { status, ..key.spec() })?;
        }
        let restored = key.held_at(by, status);
        self.save_key(by, &key, Key { status, revoked_at: None, ..restored }).await
    }

    /// A key that this account may see: its own, or any for an admin.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn key(&self, by: &Account, id: &KeyId) -> Result<Key, Problem> {
        let mut key = self.0.store.key(id).await?.filter(|key| by.is_admin() || key.account_id == by.id);
        self.0.as_used(&mut key);
        key.ok_or_else(|| Problem::not_found("key"))
    }

    /// Writes a key that was read as `known`.
    async fn save_key(&self, by: &Account, known: &Key, key: Key) -> Result<Key, Problem> {
        let mut tx = self.0.store.begin().await?;
        keeps_default(&mut tx, by, Some(known), &key).await?;
        let held = Store::held_keys(&mut tx, std::slice::from_ref(&key.id)).await?;
        // What is set, revoked or given away at this very moment must not be written over by what was read before it.
        if !held.first().is_some_and(|held| held.is_as_read(known)) {
            return Err(changed_meanwhile());
        }
        Store::update_key(&mut tx, &key).await.map_err(bound_to_nothing)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.keys_changed();
        Ok(key)
    }

    pub(super) fn keys_changed(&self) {
        self.0.keyring.forget();
        self.0.announce(Topic::Keys);
    }
}

impl Key {
    /// Whether what decides who may change it, and how, is still as it was when it was read.
    pub(super) fn is_as_read(&self, read: &Key) -> bool {
        (&self.admin_spec, self.status, &self.account_id) == (&read.admin_spec, read.status, &read.account_id)
    }

    /// The key with the status that an admin holds it to, where `by` is one and not its owner.
    pub(super) fn held_at(&self, by: &Account, status: KeyStatus) -> Key {
        let mut key = self.clone();
        if by.is_admin() && key.account_id != by.id {
            key.admin_spec = floor::with(key.admin_spec.as_deref(), |floor| floor.status = status).map(Box::new);
        }
        key
    }
}

pub(super) fn changed_meanwhile() -> Problem {
    Problem::new(ProblemKind::Meanwhile, "This has just been changed. Look at it again, and try again.")
}

/// A secret, and what remains of it to recognise it by.
pub(super) fn new_secret() -> (String, String) {
    let secret = format!("{SECRET_PREFIX}{}", random_text(SECRET_LENGTH));
    let hint = hint(&secret);
    (secret, hint)
}

/// `sk-tg-Ab3d…9xYz`: enough to tell keys apart, and no more.
fn hint(secret: &str) -> String {
    let tail = &secret[secret.len() - 4..];
    format!("{}…{tail}", &secret[..SECRET_PREFIX.len() + 4])
}

/// A place in a list that is ordered by time and id.
pub(super) fn cursor(at: Time, id: &str) -> String {
    format!("{}.{id}", at.micros())
}

pub(super) fn read_cursor(text: &str) -> Result<(Time, String), Problem> {
    let parts = text.split_once('.').and_then(|(at, id)| Some((Time::from_micros(at.parse().ok()?), id.to_owned())));
    parts.ok_or_else(|| Problem::field("cursor", "Give next_cursor as the last page returned it."))
}

pub(super) fn page_limit(asked: u32) -> Result<u32, Problem> {
    match asked {
        0 => Ok(50),
        1..=1_000 => Ok(asked),
        _ => Err(Problem::field("limit", "Ask for 1 to 1,000 rows.")),
    }
}

/// Cuts the row too many that tells there is a next page.
pub(super) fn page<T>(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> String) -> Page<T> {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(place) } else { None };
    Page { data: rows, next }
}
