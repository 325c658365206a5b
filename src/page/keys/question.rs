//! What is asked before keys are changed: what it does, to which of them, and what has to be chosen or typed.

use super::choices::{Choice, Choices};
use super::counted;
use super::sought::Sought;
use crate::console::tokens::ask::Question;
use crate::console::tokens::fields::{FieldText, Kind};
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::Key;
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::batch::MOST_AT_ONCE;
use std::collections::HashSet;

/// More keys than this are changed only by whoever types their number.
pub const MANY: usize = 10;
/// How many of them are named.
const NAMED: usize = 5;

/// Which keys something is to be done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All that the list's filters find.
    All,
    These(Vec<KeyId>),
}

impl Whose {
    /// As addresses have it: `all`, or ids with commas between them.
    pub fn read(text: &str) -> Self {
        match text {
            "all" => Whose::All,
            ids => {
                let mut met = HashSet::new();
                let each = ids.split(',').filter(|id| !id.is_empty() && met.insert(*id));
                Whose::These(each.map(Into::into).collect())
            }
        }
    }

    /// The ids, in the order of the list or as they were given. Of those that are given, whether this account may see
    /// them is found out when something is done with them.
    ///
    /// # Errors
    /// For a filter that is none; when the database fails.
    pub async fn ids(self, gateway: &Gateway, by: &Account, sought: &Sought) -> Result<Vec<KeyId>, Problem> {
        match self {
            Whose::All => gateway.key_ids(by, &sought.query()?).await,
            Whose::These(ids) => Ok(ids),
        }
    }
}

/// What the address of a dialog asks: `/tokens?revoke=…`.
///
/// # Errors
/// Where there is no such question, or no such key for this account.
pub async fn question(
    gateway: &Gateway,
    by: &Account,
    address: &str,
    act: &str,
    whose: &str,
) -> Result<Question, Problem> {
    let ids = Whose::read(whose).ids(gateway, by, &Sought::read(address)).await?;
    // Those that are not there, or not theirs, are not spoken of.
    let some = &ids[..ids.len().min(MOST_AT_ONCE)];
    let named: Vec<Key> = gateway.keys_by_id(by, some).await?.into_iter().filter_map(|done| done.key.ok()).collect();
    let Some(first) = named.first() else { return Err(Problem::not_found("token")) };
    let count = ids.len();
    let only = (count == 1).then_some(first);
    let it = only.map_or_else(|| counted(count as u64).replace("keys", "tokens"), |key| key.name.clone());
    let (title, says, verb) = words(act, &it, only.is_some())?;
    let mut fields = Vec::new();
    match act {
        "move" | "bind" => fields.push(choice(act, &Choices::of(gateway, by).await?, gateway, by, only).await?),
        "rotate" if only.is_none() => return Err(Problem::not_found("token")),
        "rotate" => fields.push(grace()),
        _ => {}
    }
    if count > MANY {
        fields.push(FieldText {
            name: "confirm".to_owned(),
            label: format!("Type {count} to confirm"),
            value: String::new(),
            hint: String::new(),
            kind: Kind::Line(String::new()),
        });
    }
    let rest = count.saturating_sub(NAMED.min(named.len()));
    let names = named.iter().take(NAMED).map(|key| key.name.clone()).collect::<Vec<_>>().join(", ");
    Ok(Question {
        act: act.to_owned(),
        whose: whose.to_owned(),
        title,
        says,
        names: match (only, rest) {
            (Some(_), _) => String::new(),
            (None, 0) => names,
            (None, rest) => format!("{names} and {rest} more"),
        },
        fields,
        verb,
        is_grave: matches!(act, "revoke" | "disable"),
    })
}

fn words(act: &str, it: &str, is_one: bool) -> Result<(String, String, String), Problem> {
    let (title, says, verb) = match (act, is_one) {
        ("revoke", true) => (
            format!("Revoke {it}?"),
            "Its very next call is refused. Calls in flight finish. What it has used stays in the books, and it can be restored.",
            "Revoke",
        ),
        ("revoke", false) => (
            format!("Revoke {it}?"),
            "Their very next calls are refused. Calls in flight finish. What they have used stays in the books, and they can be restored.",
            "Revoke",
        ),
        ("disable", _) => {
            (format!("Disable {it}?"), "The next calls are refused until they are enabled again.", "Disable")
        }
        ("enable", _) => (format!("Enable {it}?"), "The next calls pass again, as far as limits allow.", "Enable"),
        ("move", true) => (
            format!("Move {it} to a group"),
            "Its secret stays. Calls count against the new group’s quota from the next one on; what it has used stays with the old one.",
            "Move",
        ),
        ("move", false) => (
            format!("Move {it} to a group"),
            "Their secrets stay. Calls count against the new group’s quota from the next one on; what they have used stays with the old ones.",
            "Move",
        ),
        ("bind", _) => (
            format!("Bind a rule to {it}"),
            "In force on the very next call. A rule that is switched off is not suggested.",
            "Bind",
        ),
        ("rotate", _) => (
            format!("Rotate the secret of {it}"),
            "A new secret, shown once: same id, same limits, same history. Programs that use the old one need the new one before it ends.",
            "Rotate",
        ),
        _ => return Err(Problem::field("act", "That cannot be done with a token.")),
    };
    Ok((title, says.to_owned(), verb.to_owned()))
}

async fn choice(
    act: &str,
    choices: &Choices,
    gateway: &Gateway,
    by: &Account,
    only: Option<&Key>,
) -> Result<FieldText, Problem> {
    if act == "move" {
        let mut options = vec![(String::new(), "No group".to_owned())];
        options.extend(choices.groups.iter().cloned());
        let value = only.and_then(|key| key.group_id.as_ref()).map(ToString::to_string).unwrap_or_default();
        return Ok(chosen("Group", options, value));
    }
    let account = match only.map(|key| &key.account_id).filter(|id| **id != by.id) {
        Some(id) => gateway.account(id).await?,
        None => Some(by.clone()),
    };
    let default = account.and_then(|account| account.default_rule_id);
    let inherits = match only {
        Some(_) => choices.inherits(default.as_ref()),
        None => "Inherit from account default".to_owned(),
    };
    let bound = only.and_then(|key| key.rule_id.as_ref());
    let options = choices.rules(bound, &inherits);
    let value = bound.map(ToString::to_string).unwrap_or_default();
    Ok(chosen("Quota rule", options, value))
}

/// How long a secret that is replaced may be honoured, in seconds.
fn grace() -> FieldText {
    let options = [("0", "Not at all"), ("3600", "1 hour"), ("86400", "24 hours"), ("604800", "7 days")];
    let option = |(value, label): (&str, &str)| -> Choice { (value.to_owned(), label.to_owned()) };
    chosen("The old secret works on for", options.map(option).to_vec(), "86400".to_owned())
}

fn chosen(label: &str, options: Vec<Choice>, value: String) -> FieldText {
    let (name, label) = ("choice".to_owned(), label.to_owned());
    FieldText { name, label, value, hint: String::new(), kind: Kind::One(options) }
}
