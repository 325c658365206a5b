//! What an account may spend, and from what: its limits, whether it is metered, its balance, its subscription.

use super::bind::bound_to_nothing;
use super::issue::{self, Page, page, page_limit, read_cursor};
use super::{Gateway, Topic, admins_only};
use crate::domain::account::{Account, AccountSpec};
use crate::domain::credits::Credits;
use crate::domain::id::AccountId;
use crate::domain::key::MOST_CREDITS;
use crate::domain::limit::{Carried, Measure, Owner, Scope};
use crate::domain::period::{Period, Zone};
use crate::domain::problem::{Check, Problem};
use crate::domain::time::Time;
use crate::domain::wallet::{Subscription, Wallet};
use crate::store::Store;
use crate::store::wallets::WalletEntry;

/// An account with its means.
#[derive(Clone, Debug)]
pub struct Purse {
    pub account: Account,
    pub wallet: Wallet,
    /// What was put in, less what calls have taken.
    pub balance: Credits,
}

/// A correction of a balance.
#[derive(Clone, Debug)]
pub struct Adjustment {
    pub id: String,
    pub at: Time,
    pub amount: Credits,
    pub note: String,
    /// As it is with it.
    pub balance: Credits,
}

impl Gateway {
    /// An account with its means: one's own, or anyone's for an admin.
    ///
    /// # Errors
    /// Where there is none that this account may see.
    pub async fn purse(&self, by: &Account, id: &AccountId) -> Result<Purse, Problem> {
        let known = match by.is_admin() || *id == by.id {
            true => self.0.store.account(id).await?,
            false => None,
        };
        let account = known.ok_or_else(|| Problem::not_found("account"))?;
        let wallet = self.0.store.wallet(id).await?;
        let paid = Owner::new(Scope::Balance, id.as_str());
        let taken = self.0.store.used_since(&paid, Measure::Credits, Time::EPOCH).await?;
        let balance = wallet.granted - Credits::from_nanos(taken);
        Ok(Purse { account, wallet, balance })
    }

    /// A page of the accounts that this one may see, newest first: everyone's for an admin, else its own.
    ///
    /// # Errors
    /// Where the cursor or the limit is not one.
    pub async fn purses(&self, by: &Account, cursor: Option<&str>, limit: u32) -> Result<Page<Purse>, Problem> {
        let limit = page_limit(limit)?;
        let after = cursor.map(read_cursor).transpose()?.map(|(at, id)| (at, AccountId(id)));
        if !by.is_admin() {
            let is_past = after.is_some_and(|place| (by.created_at, &by.id) >= (place.0, &place.1));
            let data = if is_past { Vec::new() } else { vec![self.purse(by, &by.id).await?] };
            return Ok(Page { data, next: None });
        }
        let page = page(self.0.store.accounts(after.as_ref(), limit + 1).await?, limit, |account| {
            issue::cursor(account.created_at, account.id.as_str())
        });
        let ids: Vec<AccountId> = page.data.iter().map(|account| account.id.clone()).collect();
        let mut wallets = self.0.store.wallets(&ids).await?;
        // Only what was ever metered can have taken anything.
        let paying =
            |id: &&AccountId| wallets.get(id).is_some_and(|wallet| wallet.metered || wallet.granted != Credits::ZERO);
        let owners: Vec<&str> = ids.iter().filter(paying).map(AccountId::as_str).collect();
        let taken = self.0.store.charged_since(Scope::Balance, &owners, Time::EPOCH).await?;
        let purse = |account: Account| {
            let wallet = wallets.remove(&account.id).unwrap_or_default();
            let balance = wallet.granted - taken.get(account.id.as_str()).copied().unwrap_or_default();
            Purse { account, wallet, balance }
        };
        Ok(Page { data: page.data.into_iter().map(purse).collect(), next: page.next })
    }

    /// The accounts that this one may see, without their means: the newest 1,000 for an admin, else its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn accounts(&self, by: &Account) -> Result<Vec<Account>, Problem> {
        match by.is_admin() {
            true => Ok(self.0.store.accounts(None, 1_000).await?),
            false => Ok(vec![by.clone()]),
        }
    }

    /// Sets what bounds an account; in force on the very next call of each of its keys.
    ///
    /// # Errors
    /// For anyone but an admin; for each field that will not do; where there is no such account.
    pub async fn edit_account(&self, by: &Account, id: &AccountId, spec: AccountSpec) -> Result<Purse, Problem> {
        let known = self.purse(by, id).await?;
        admins_only(by)?;
        let mut check = Check::default();
        spec.limits.check(&mut check);
        check.done()?;
        let before = &known.account.default_rule_id;
        if let Some(rule) = spec.default_rule_id.as_ref().filter(|rule| before.as_ref() != Some(*rule)) {
            self.0
                .store
                .rule(rule)
                .await?
                .ok_or_else(|| Problem::field("default_rule_id", "There is no such rule."))?;
        }
        let mut tx = self.0.store.begin().await?;
        let now = self.0.clock.now();
        let edited = Account { limits: spec.limits.clone(), ..known.account.clone() };
        let carried = Carried::by_edit(&known.account.carried, &known.account.in_force(now), &edited.ceilings(), now);
        Store::set_account_limits(&mut tx, id, &spec.limits, &carried).await?;
        Store::set_metered(&mut tx, id, spec.metered).await?;
        let rule = spec.default_rule_id.as_ref();
        let locked = match rule == before.as_ref() {
            true => known.account.default_rule_locked,
            false => *id != by.id && rule.is_some(),
        };
        Store::set_default_rule(&mut tx, id, rule, locked, false).await.map_err(bound_to_nothing)?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.purse_changed();
        self.purse(by, id).await
    }

    /// Puts money into an account's balance, or takes it out.
    ///
    /// # Errors
    /// For anyone but an admin; where the amount is nothing, or the sum would be more than is kept; where there is no
    /// such account.
    pub async fn adjust(
        &self,
        by: &Account,
        id: &AccountId,
        amount: Credits,
        note: &str,
    ) -> Result<Adjustment, Problem> {
        admins_only(by)?;
        let known = self.purse(by, id).await?;
        let most = -MOST_CREDITS.nanos()..=MOST_CREDITS.nanos();
        let sum = known.wallet.granted + amount;
        let mut check = Check::default();
        check.that(
            amount != Credits::ZERO && most.contains(&amount.nanos()) && most.contains(&sum.nanos()),
            "amount",
            "Write credits to add, or to take off with a minus; all that is put in may come to 1,000,000,000.",
        );
        check.that(note.chars().count() <= 2_000, "note", "Keep the note within 2,000 characters.");
        check.done()?;
        let (entry, at) = (self.0.clock.id(), self.0.clock.now());
        let mut tx = self.0.store.begin().await?;
        let row = WalletEntry { id: &entry, account_id: id, at, kind: "adjustment", amount, note, made_by: &by.id };
        Store::insert_wallet_entry(&mut tx, &row).await?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.purse_changed();
        // It is done, so no failure may be answered any more: where it cannot be read, the balance is reckoned.
        let balance = self.purse(by, id).await.map_or(known.balance + amount, |purse| purse.balance);
        Ok(Adjustment { id: entry, at, amount, note: note.to_owned(), balance })
    }

    /// Sets or ends an account's subscription. Its cycles begin at midnight in its zone, on the day of the anchor.
    ///
    /// # Errors
    /// For anyone but an admin; for each field that will not do; where there is no such account.
    pub async fn set_subscription(
        &self,
        by: &Account,
        id: &AccountId,
        plan: Option<Subscription>,
    ) -> Result<Purse, Problem> {
        admins_only(by)?;
        self.purse(by, id).await?;
        let plan = plan.map(floored).transpose()?;
        let mut tx = self.0.store.begin().await?;
        Store::set_subscription(&mut tx, id, plan.as_ref()).await?;
        Store::bump(&mut tx).await?;
        tx.commit().await?;
        self.purse_changed();
        self.purse(by, id).await
    }

    /// What is known of keys is read again: what pays for their calls has changed.
    fn purse_changed(&self) {
        self.0.keyring.forget();
        self.0.announce(Topic::Accounts);
        self.0.announce(Topic::Keys);
    }
}

/// A subscription whose first cycle begins at midnight.
fn floored(plan: Subscription) -> Result<Subscription, Problem> {
    let mut check = Check::default();
    check.that(
        (Credits::ZERO..=MOST_CREDITS).contains(&plan.credits),
        "credits",
        "Write credits from 0 to 1,000,000,000.",
    );
    check.zone("timezone", &plan.timezone);
    check.done()?;
    let zone = Zone::parse(&plan.timezone).unwrap_or_else(Zone::utc);
    Ok(Subscription { anchor: Period::Day.start(plan.anchor, &zone), timezone: zone.name().to_owned(), ..plan })
}
