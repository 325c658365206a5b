//! Quota rules: make, edit, delete, list; and which is an account's default.

use super::bind::{bound_to_nothing, edits_nothing_locked, unbind_locked};
use super::issue::{Page, changed_meanwhile, cursor, page, page_limit, read_cursor};
use super::{Gateway, Topic};
use crate::domain::account::Account;
use crate::domain::floor;
use crate::domain::id::{AccountId, RuleId};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::rule::{References, Rule, RuleSpec};
use crate::domain::time::Time;
use crate::store::keys::KeyChange;
use crate::store::rules::RuleFilter;
use crate::store::{Store, StoreError};

/// A rule, and what refers to it.
#[derive(Clone, Debug)]
pub struct Governing {
    pub rule: Rule,
    pub references: References,
}

/// Which rules to list. Newest first.
#[derive(Clone, Debug, Default)]
pub struct RuleQuery {
    pub account_id: Option<AccountId>,
    pub enabled: Option<bool>,
    /// Part of a name or a description, or a whole id.
    pub search: Option<String>,
    /// As the last page gave it.
    pub cursor: Option<String>,
    /// 1 to 1,000; 50 where it is 0.
    pub limit: u32,
}

/// What a rule would say, before it is saved.
#[derive(Clone, Debug)]
pub struct Preview {
    /// In plain words.
    pub text: String,
    /// When calls are next allowed: now, where they are. `None` where they never are.
    pub next_open: Option<Time>,
    /// When they are next no longer allowed; `None` where that never comes.
    pub next_close: Option<Time>,
}

impl Gateway {
    /// # Errors
    /// For each field that will not do; where the name is in use; where a user makes a rule for someone else.
    pub async fn create_rule(&self, by: &Account, spec: RuleSpec) -> Result<Governing, Problem> {
        spec.check()?;
        let rule = Rule {
            id: RuleId(self.0.clock.id()),
            account_id: self.owner_of_new(by, spec.account_id.as_ref(), "rules").await?,
            name: spec.name.trim().to_owned(),
            description: spec.description,
            enabled: spec.enabled,
            quota: spec.quota,
            hours: spec.hours,
            timezone: spec.timezone,
            carried: Vec::new(),
            created_at: self.0.clock.now(),
        };
        let mut tx = self.0.store.begin().await?;
        Store::insert_rule(&mut tx, &rule).await.map_err(name_taken)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.rules_changed();
        Ok(Governing { rule, references: References::default() })
    }

    /// Replaces what can be edited of a rule that was read as `known`; in force on the very next call of each key that
    /// it governs. Switching it off keeps its bindings.
    ///
    /// # Errors
    /// For each field that will not do; where the name is in use; where there is no such rule for this account;
    /// [`ProblemKind::Meanwhile`] where it is not as it was read, so that nobody's edit is undone by another's.
    pub async fn edit_rule(&self, by: &Account, known: &Governing, spec: RuleSpec) -> Result<Governing, Problem> {
        let before = &known.rule;
        if !by.is_admin() && before.account_id != by.id {
            return Err(Problem::not_found("rule"));
        }
        spec.check()?;
        let account_id = match &spec.account_id {
            Some(account) if *account != before.account_id => self.owner_of_new(by, Some(account), "rules").await?,
            _ => before.account_id.clone(),
        };
        let changed = [
            ("enabled", spec.enabled != before.enabled),
            ("quota", spec.quota != before.quota),
            ("hours", spec.hours != before.hours),
            ("timezone", spec.timezone != before.timezone),
        ];
        let changed: Vec<&str> = changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect();
        let rule = before.edited(spec, account_id, self.0.clock.now());
        let mut tx = self.0.store.begin().await?;
        let (held, references) =
            Store::held_rule(&mut tx, &rule.id).await?.ok_or_else(|| Problem::not_found("rule"))?;
        if held != *before {
            return Err(changed_meanwhile());
        }
        edits_nothing_locked(&mut tx, by, &KeyChange::Rule(Some(rule.id.clone())), &changed).await?;
        Store::update_rule(&mut tx, &rule).await.map_err(name_taken)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.rules_changed();
        Ok(Governing { rule, references })
    }

    /// Deletes a rule that governs no key and is no account's default.
    ///
    /// # Errors
    /// Where it is; where there is no such rule for this account.
    pub async fn delete_rule(&self, by: &Account, id: &RuleId) -> Result<(), Problem> {
        let known = self.rule(by, id).await?;
        if !known.references.is_none() {
            let message = known.references.in_the_way();
            return Err(Problem::new(ProblemKind::Conflict, message));
        }
        let mut tx = self.0.store.begin().await?;
        unbind_locked(&mut tx, by, &KeyChange::Rule(Some(id.clone()))).await?;
        Store::delete_rule(&mut tx, id).await.map_err(|error| match error {
            StoreError::Referenced => {
                Problem::new(ProblemKind::Conflict, "Something was bound to this rule just now; unbind it first.")
            }
            other => other.into(),
        })?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.rules_changed();
        Ok(())
    }

    /// A rule that this account may see: its own, or any for an admin.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn rule(&self, by: &Account, id: &RuleId) -> Result<Governing, Problem> {
        let known = self.0.store.rule(id).await?.filter(|(rule, _)| by.is_admin() || rule.account_id == by.id);
        known.map(|(rule, references)| Governing { rule, references }).ok_or_else(|| Problem::not_found("rule"))
    }

    /// A page of the rules that this account may see.
    ///
    /// # Errors
    /// Where the cursor or the limit is not one.
    pub async fn rules(&self, by: &Account, query: RuleQuery) -> Result<Page<Governing>, Problem> {
        let limit = page_limit(query.limit)?;
        let after = query.cursor.as_deref().map(read_cursor).transpose()?;
        let filter = RuleFilter {
            account_id: if by.is_admin() { query.account_id } else { Some(by.id.clone()) },
            enabled: query.enabled,
            search: query.search.filter(|text| !text.trim().is_empty()),
            after: after.map(|(at, id)| (at, RuleId(id))),
            limit: limit + 1,
        };
        let rules = self.0.store.rules(&filter).await?.into_iter();
        let rules = rules.map(|(rule, references)| Governing { rule, references }).collect();
        Ok(page(rules, limit, |known: &Governing| cursor(known.rule.created_at, known.rule.id.as_str())))
    }

    /// How many rules this account may see.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_rules(&self, by: &Account) -> Result<u64, Problem> {
        Ok(self.0.store.count_rules((!by.is_admin()).then_some(&by.id)).await?)
    }

    /// How many keys of those that this account may see a rule governs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_governed_keys(&self, by: &Account) -> Result<u64, Problem> {
        Ok(self.0.store.count_governed_keys((!by.is_admin()).then_some(&by.id)).await?)
    }

    /// What a rule would say, before it is saved.
    ///
    /// # Errors
    /// For each field that will not do.
    pub fn preview_rule(&self, spec: &RuleSpec) -> Result<Preview, Problem> {
        spec.check()?;
        let now = self.0.clock.now();
        let (next_open, next_close) = match spec.hours.as_ref().filter(|_| spec.enabled) {
            Some(hours) => (hours.next_open(now), hours.next_close(now)),
            None => (Some(now), None),
        };
        Ok(Preview { text: spec.text(), next_open, next_close })
    }

    /// Sets the rule of an account's keys that have none of their own; `None` = no rule. `account` is whose default it
    /// is: one's own, or anyone's for an admin. What an admin has set, its owner may not change.
    ///
    /// # Errors
    /// Where there is no such rule or account for this account; where an admin has set another.
    pub async fn set_default_rule(
        &self,
        by: &Account,
        account: Option<&AccountId>,
        rule: Option<&RuleId>,
    ) -> Result<Account, Problem> {
        let id = account.unwrap_or(&by.id);
        let known = match by.is_admin() || *id == by.id {
            true => self.0.store.account(id).await?,
            false => None,
        };
        let known = known.ok_or_else(|| Problem::field("account_id", "There is no such account."))?;
        if let Some(rule) = rule {
            self.rule_for(by, id, rule).await?;
        }
        let locked = match by.is_admin() {
            true => *id != by.id && rule.is_some(),
            false => known.default_rule_locked,
        };
        let mut tx = self.0.store.begin().await?;
        let set = Store::set_default_rule(&mut tx, id, rule, locked, !by.is_admin()).await.map_err(bound_to_nothing)?;
        if !set {
            return Err(floor::locked(&["rule_id"]));
        }
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.rules_changed();
        self.0.announce(Topic::Accounts);
        Ok(Account { default_rule_id: rule.cloned(), default_rule_locked: locked, ..known })
    }

    /// Everything that is known of keys is read again: each may be governed by a rule that has changed.
    fn rules_changed(&self) {
        self.0.keyring.forget();
        self.0.announce(Topic::Rules);
        self.0.announce(Topic::Keys);
    }
}

fn name_taken(error: StoreError) -> Problem {
    match error {
        StoreError::Taken => Problem::conflict("name", "This account has a rule of this name already."),
        other => other.into(),
    }
}
