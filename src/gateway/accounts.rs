//! People: the first admin, further accounts, and their permissions to use the management API.

use super::seal::random_text;
use super::{Gateway, Topic};
use crate::domain::account::{Account, ManagementToken, Role, normal_email};
use crate::domain::id::{AccountId, ManagementTokenId};
use crate::domain::key::KeyLimits;
use crate::domain::problem::{Check, Problem, ProblemKind};
use crate::domain::rule::Rule;
use crate::store::{Store, StoreError, Tx};

/// Management tokens begin with this; a key never does.
pub const MANAGEMENT_PREFIX: &str = "tg-mgmt-";

/// Where the hash of the pending set-up link is kept.
const SETUP: &str = "setup_token";

impl Gateway {
    /// A new token for the set-up link, while nobody may administer yet. It replaces the one before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new_setup_token(&self) -> Result<Option<String>, StoreError> {
        if self.0.store.has_admin().await? {
            return Ok(None);
        }
        let token = random_text(32);
        self.0.store.set_setting(SETUP, &self.0.master.hash(&token)).await?;
        Ok(Some(token))
    }

    /// Whether a set-up link is still good.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn setup_token_is_good(&self, token: &str) -> Result<bool, Problem> {
        let known = self.0.store.setting(SETUP).await?;
        Ok(known == Some(self.0.master.hash(token)) && !self.0.store.has_admin().await?)
    }

    /// Makes the first admin by a set-up link, which is void from then on.
    ///
    /// # Errors
    /// Where the link is not good any more, or the email will not do.
    pub async fn first_admin(
        &self,
        token: &str,
        email: &str,
        name: &str,
        password_hash: &str,
    ) -> Result<Account, Problem> {
        let void = || {
            let message =
                "This set-up link is not good any more. If nobody has signed up, restart the server for another.";
            Problem::new(ProblemKind::Forbidden, message)
        };
        if !self.setup_token_is_good(token).await? {
            return Err(void());
        }
        let account = self.account_of(email, name, Role::Admin);
        let mut tx = self.0.store.begin().await?;
        // Whoever takes the link away is the first: two at once cannot both be.
        if !Store::delete_setting_in(&mut tx, SETUP).await? {
            return Err(void());
        }
        self.insert_account(tx, account, password_hash).await
    }

    /// Makes an account. An admin, however made, voids the set-up link.
    ///
    /// # Errors
    /// Where the email is taken.
    pub async fn create_account(
        &self,
        email: &str,
        name: &str,
        role: Role,
        password_hash: &str,
    ) -> Result<Account, Problem> {
        let account = self.account_of(email, name, role);
        let mut tx = self.0.store.begin().await?;
        if role == Role::Admin {
            Store::delete_setting_in(&mut tx, SETUP).await?;
        }
        self.insert_account(tx, account, password_hash).await
    }

    fn account_of(&self, email: &str, name: &str, role: Role) -> Account {
        let email = normal_email(email);
        let named = name.trim();
        Account {
            id: AccountId(self.0.clock.id()),
            name: if named.is_empty() { email.split('@').next().unwrap_or(&email) } else { named }.to_owned(),
            email,
            role,
            enabled: true,
            timezone: "UTC".to_owned(),
            limits: KeyLimits::default(),
            default_rule_id: None,
            default_rule_locked: false,
            carried: Vec::new(),
            created_at: self.0.clock.now(),
        }
    }

    async fn insert_account(&self, mut tx: Tx, account: Account, password_hash: &str) -> Result<Account, Problem> {
        let inserted = Store::insert_account(&mut tx, &account, Some(password_hash)).await;
        inserted.map_err(|error| match error {
            StoreError::Taken => Problem::conflict("email", "There is an account with this email already."),
            other => other.into(),
        })?;
        tx.commit().await?;
        self.0.announce(Topic::Accounts);
        Ok(account)
    }

    /// # Errors
    /// When the database fails.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, Problem> {
        Ok(self.0.store.account(id).await?)
    }

    /// An account and its password hash, for signing in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn account_by_email(&self, email: &str) -> Result<Option<(Account, Option<String>)>, Problem> {
        Ok(self.0.store.account_by_email(&normal_email(email)).await?)
    }

    /// Sets the zone in which this account is shown times.
    ///
    /// # Errors
    /// Where there is no such zone.
    pub async fn set_timezone(&self, by: &Account, timezone: &str) -> Result<(), Problem> {
        let mut check = Check::default();
        check.zone("timezone", timezone);
        check.done()?;
        self.0.store.set_account_timezone(&by.id, timezone.trim()).await?;
        self.0.announce(Topic::Accounts);
        Ok(())
    }

    /// The default rule of one's own account, whoever made the rule.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn default_rule(&self, by: &Account) -> Result<Option<Rule>, Problem> {
        let Some(id) = &by.default_rule_id else { return Ok(None) };
        Ok(self.0.store.rule(id).await?.map(|(rule, _)| rule))
    }

    /// How many keys of one's own have no rule of their own, and so inherit the default; revoked ones left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_inheriting_keys(&self, by: &Account) -> Result<u64, Problem> {
        Ok(self.0.store.count_inheriting_keys(&by.id).await?)
    }

    /// Makes a management token. The secret is in the answer and nowhere else.
    ///
    /// # Errors
    /// Where the name is empty or longer than 100 characters.
    pub async fn create_management_token(&self, by: &Account, name: &str) -> Result<String, Problem> {
        if !(1..=100).contains(&name.trim().chars().count()) {
            return Err(Problem::field("name", "Give it a name of 1 to 100 characters."));
        }
        let secret = format!("{MANAGEMENT_PREFIX}{}", random_text(43));
        let token = ManagementToken {
            id: ManagementTokenId(self.0.clock.id()),
            account_id: by.id.clone(),
            name: name.trim().to_owned(),
            created_at: self.0.clock.now(),
            last_used_at: None,
        };
        self.0.store.insert_management_token(&token, &self.0.master.hash(&secret)).await?;
        Ok(secret)
    }

    /// Who may manage with this secret.
    ///
    /// # Errors
    /// Where nobody may.
    pub async fn management_account(&self, secret: &str) -> Result<Account, Problem> {
        let refused = || Problem::new(ProblemKind::SignedOut, "This management token is not known here.");
        let (id, account) = self.0.store.management_token(&self.0.master.hash(secret)).await?.ok_or_else(refused)?;
        let account = self.0.store.account(&account).await?.filter(|account| account.enabled).ok_or_else(refused)?;
        let (store, now) = (self.0.store.clone(), self.0.clock.now());
        tokio::spawn(async move {
            if let Err(error) = store.stamp_management_token(&id, now).await {
                tracing::warn!(%error, "the last use of a management token could not be noted");
            }
        });
        Ok(account)
    }
}
