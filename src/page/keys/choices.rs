//! What a key may be put into, bound to and given to, as forms and filters offer it.

use crate::domain::account::Account;
use crate::domain::id::{AccountId, RuleId};
use crate::domain::problem::Problem;
use crate::domain::rule::Rule;
use crate::gateway::Gateway;
use crate::gateway::groups::GroupQuery;
use crate::gateway::rules::RuleQuery;
use std::collections::HashMap;

/// A value and what it is called.
pub type Choice = (String, String);

/// How many of a kind are offered.
const MOST: u32 = 1_000;

/// What there is to choose from.
pub struct Choices {
    pub groups: Vec<Choice>,
    rules: Vec<Rule>,
    /// Nobody but an admin may choose; empty where there is but one.
    pub owners: Vec<Choice>,
    names: HashMap<AccountId, String>,
    reader: AccountId,
}

impl Choices {
    /// # Errors
    /// When the database fails.
    pub async fn of(gateway: &Gateway, by: &Account) -> Result<Self, Problem> {
        let accounts = gateway.accounts(by).await?;
        let names = accounts.iter().map(|account| (account.id.clone(), account.name.clone())).collect();
        let owner = |account: &Account| (account.id.to_string(), format!("{}, {}", account.name, account.email));
        let owners: Vec<Choice> = accounts.iter().map(owner).collect();
        let rules = gateway.rules(by, RuleQuery { limit: MOST, ..RuleQuery::default() }).await?.data;
        let mut choices = Self {
            groups: Vec::new(),
            rules: rules.into_iter().map(|known| known.rule).collect(),
            owners: if owners.len() > 1 { sorted(owners) } else { Vec::new() },
            names,
            reader: by.id.clone(),
        };
        let groups = gateway.groups(by, GroupQuery { limit: MOST, ..GroupQuery::default() }).await?.data;
        let groups = groups
            .into_iter()
            .map(|known| (known.group.id.to_string(), choices.named(&known.group.name, &known.group.account_id)));
        choices.groups = sorted(groups.collect());
        Ok(choices)
    }

    /// Every rule, to find keys by.
    pub fn all_rules(&self) -> Vec<Choice> {
        let all = self.rules.iter().map(|rule| {
            let off = if rule.enabled { "" } else { ", off" };
            (rule.id.to_string(), self.named(&rule.name, &rule.account_id) + off)
        });
        sorted(all.collect())
    }

    /// The rules that may be suggested: those that are on, and the one that is bound already.
    pub fn rules(&self, bound: Option<&RuleId>, inherited: &str) -> Vec<Choice> {
        let suggested = self.rules.iter().filter(|rule| rule.enabled || bound == Some(&rule.id)).map(|rule| {
            let off = if rule.enabled { "" } else { ", off: restricts nothing" };
            (rule.id.to_string(), self.named(&rule.name, &rule.account_id) + off)
        });
        let mut rules = vec![(String::new(), inherited.to_owned())];
        rules.extend(sorted(suggested.collect()));
        if let Some(bound) = bound.filter(|bound| self.rules.iter().all(|rule| rule.id != **bound)) {
            rules.push((bound.to_string(), "as an admin has bound it".to_owned()));
        }
        rules
    }

    /// “Inherit from account default (Daily 20)”.
    pub fn inherits(&self, default: Option<&RuleId>) -> String {
        let name = match default {
            None => "none",
            Some(id) => self.rules.iter().find(|rule| rule.id == *id).map_or("set by an admin", |rule| &rule.name),
        };
        format!("Inherit from account default ({name})")
    }

    /// What a rule does, in plain words.
    pub fn rule_text(&self, id: &RuleId) -> Option<String> {
        self.rules.iter().find(|rule| rule.id == *id).map(Rule::text)
    }

    /// A name, and whose it is where it is not the reader's.
    fn named(&self, name: &str, of: &AccountId) -> String {
        match self.names.get(of).filter(|_| *of != self.reader) {
            Some(owner) => format!("{name} ({owner})"),
            None => name.to_owned(),
        }
    }
}

fn sorted(mut choices: Vec<Choice>) -> Vec<Choice> {
    choices.sort_by_key(|(_, name)| name.to_lowercase());
    choices
}
