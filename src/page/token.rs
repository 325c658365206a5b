//! One key's page in words: how it stands, what bounds it, what it has used, and what was refused.

mod chain;
mod course;
pub mod question;
mod rows;

use super::limits;
use super::trace::Places;
use super::when::{When, capital};
use crate::console::token::told::{Door, Meters, OldSecretTold, State, TokenPage};
use crate::console::ui::status::Sign;
use crate::domain::account::Account;
use crate::domain::id::KeyId;
use crate::domain::key::KeyStatus;
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::chain::Chain;
use crate::store::key_secrets::OldSecret;

/// The page of a key; `of` names the budget whose course is shown, and `span` which periods of it (`past`, or the one
/// that runs).
///
/// # Errors
/// Where there is no such key for this account; when the database fails.
pub async fn page(gateway: &Gateway, by: &Account, id: &KeyId, of: &str, span: &str) -> Result<TokenPage, Problem> {
    let chain = gateway.chain(by, id).await?;
    let when = When::of(by, chain.now);
    let Chain { key, account, group, rule, .. } = &chain;
    let rules = rule.iter().map(|rule| rule.id.clone()).collect();
    let places = Places::of(gateway, by, id, key.group_id.as_ref(), rules).await;
    let of_rule = rule.as_ref().and_then(|rule| places.of_rule(&rule.id));
    let of_group = group.as_ref().and_then(|_| places.of_group());
    let old_secrets = gateway.old_secrets(by, id).await?;
    let state = state(&chain, &when);
    let month = rows::Month::of(gateway, by, &chain, &when).await?;
    Ok(TokenPage {
        id: key.id.0.clone(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        status: key.status,
        owner: by.is_admin().then(|| shown_name(account)),
        last_used: key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", when.ago(at))),
        expires: match key.expires_at {
            None => "no expiry".to_owned(),
            Some(at) if at <= when.now => format!("expired {}", when.past(at)),
            Some(at) => format!("until {}", when.soon(at)),
        },
        group: group.as_ref().map(|group| Door {
            as_what: "group".to_owned(),
            name: group.name.clone(),
            href: of_group.clone(),
            note: String::new(),
        }),
        rule: rule.as_ref().map(|rule| Door {
            as_what: if key.rule_id.is_some() { "rule" } else { "inherits rule" }.to_owned(),
            name: rule.name.clone(),
            href: of_rule.clone(),
            note: if rule.enabled { String::new() } else { "off".to_owned() },
        }),
        is_admin: by.is_admin(),
        as_of: when.text(when.now, "%H:%M:%S"),
        old_secrets: old_secrets.iter().map(|secret| old_secret(secret, &when)).collect(),
        chain: chain::rows(&chain, &when, &places, state.sign == Sign::Off),
        checks: chain::checks(&chain, &when, of_rule),
        course: course::course(gateway, &chain, &when, of, span).await?,
        tables: vec![
            month.refusals(&when, &places),
            month.calls(&when),
            month.usage(&when),
            rows::resets(gateway, by, &chain, &when).await?,
        ],
        state,
    })
}

/// What an admin may reset of a key.
///
/// # Errors
/// Where there is no such key for this account; when the books cannot be reached.
pub async fn meters(gateway: &Gateway, by: &Account, id: &KeyId) -> Result<Meters, Problem> {
    let chain = gateway.chain(by, id).await?;
    let own = chain.links.iter().filter(|link| link.standing.limit.owner == chain.key.owner());
    let mut meters = vec![(String::new(), "All of them".to_owned())];
    meters.extend(own.map(|link| {
        let (limit, settled) = (&link.standing.limit, link.standing.reading.settled);
        let name = match &limit.rule {
            Some(rule) => format!("Rule {}", rule.name),
            None => limits::name(limit.name).to_owned(),
        };
        let [settled, max] = [settled, limit.max].map(|value| limits::exact(limit.measure, value));
        (limit.name.to_owned(), format!("{name}: {settled} of {max}"))
    }));
    Ok(Meters { name: chain.key.name, meters })
}

fn shown_name(account: &Account) -> String {
    if account.name.is_empty() { account.email.clone() } else { account.name.clone() }
}

fn old_secret(secret: &OldSecret, when: &When) -> OldSecretTold {
    let replaced = secret.replaced_at.map(|at| format!("replaced {}, ", when.past(at))).unwrap_or_default();
    let used = secret.last_used_at.map(|at| {
        let from = secret.last_used_from.as_deref().map(|from| format!(", from {from}")).unwrap_or_default();
        format!("Last used {}{from}.", when.past(at))
    });
    OldSecretTold {
        hint: secret.hint.clone(),
        says: format!("{replaced}honoured until {}", when.soon(secret.expires_at)),
        is_used: used.is_some(),
        used: used.unwrap_or_else(|| "Nobody has used it since.".to_owned()),
    }
}

/// Whether its next call passes.
fn state(chain: &Chain, when: &When) -> State {
    let state = |sign, says: &str, then: String| State { sign, says: says.to_owned(), then };
    let key = &chain.key;
    match key.status {
        KeyStatus::Revoked => {
            let at = key.revoked_at.map(|at| when.past(at)).unwrap_or_default();
            return state(Sign::Off, "Revoked", at);
        }
        KeyStatus::Disabled => return state(Sign::Off, "Disabled", "its calls are refused".to_owned()),
        KeyStatus::Active if key.is_expired(when.now) => return state(Sign::Off, "Expired", String::new()),
        KeyStatus::Active if !chain.account.enabled => {
            return state(Sign::Off, "Its account is disabled", String::new());
        }
        KeyStatus::Active => {}
    }
    let hours = chain.rule.as_ref().and_then(|rule| rule.hours_in_force());
    if let Some(hours) = hours.filter(|hours| !hours.allows(when.now)) {
        let opens = hours.next_open(when.now).map_or("never opens".to_owned(), |at| format!("opens {}", when.soon(at)));
        return state(Sign::Blocks, "Shut at this hour", opens);
    }
    if let Some(shut) = chain.links.iter().find(|link| link.is_shut()) {
        let opens = shut.opens_at.map_or("does not reopen".to_owned(), |at| format!("reopens {}", when.soon(at)));
        return state(Sign::Blocks, "Blocks now", opens);
    }
    let near = |millionths: i64| millionths >= i64::from(limits::ALERT) * 10_000;
    match chain.links.iter().any(|link| !link.is_rate() && !link.falls_back && near(link.share())) {
        true => state(Sign::Warns, "Near a limit", String::new()),
        false => state(Sign::Flows, "Open", String::new()),
    }
}

/// “Today 14:50”: an instant to come, at the beginning of what is said.
fn soon(when: &When, at: crate::domain::time::Time) -> String {
    capital(&when.soon(at))
}
