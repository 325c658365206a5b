//! The profile in words: who is signed in, the time there, and the rule that their keys inherit.

use crate::console::profile::{DefaultRule, ProfilePage};
use crate::console::ui::money::grouped;
use crate::domain::account::{Account, Role};
use crate::domain::period::Zone;
use crate::domain::problem::Problem;
use crate::domain::rule::Rule;
use crate::gateway::Gateway;
use crate::gateway::rules::RuleQuery;

/// Rules that can be chosen from.
const RULES: u32 = 1_000;

/// The profile of whoever is signed in.
///
/// # Errors
/// When the database fails.
pub async fn page(gateway: &Gateway, reader: &Account) -> Result<ProfilePage, Problem> {
    let zone = Zone::parse(&reader.timezone).unwrap_or_else(Zone::utc);
    let local = zone.local(gateway.clock().now());
    let inheriting = gateway.count_inheriting_keys(reader).await?;
    let present = gateway.default_rule(reader).await?;
    let query =
        RuleQuery { account_id: Some(reader.id.clone()), enabled: Some(true), limit: RULES, ..RuleQuery::default() };
    let mut rules: Vec<Rule> = gateway.rules(reader, query).await?.data.into_iter().map(|known| known.rule).collect();
    rules.sort_by_key(|rule| rule.name.to_lowercase());
    let governs = match inheriting {
        0 => "None of your keys is without a rule of its own now; those to come will inherit it.".to_owned(),
        1 => "1 key has no rule of its own and inherits it.".to_owned(),
        keys => format!(
            "{} keys have no rule of their own and inherit it.",
            grouped(i64::try_from(keys).unwrap_or(i64::MAX))
        ),
    };
    Ok(ProfilePage {
        name: reader.name.clone(),
        email: reader.email.clone(),
        role: match reader.role {
            Role::Admin => "Admin: sees and changes what is everyone’s",
            Role::User => "User: sees and changes what is their own",
        }
        .to_owned(),
        timezone: reader.timezone.clone(),
        now: local.strftime("%a %-d %b %Y, %H:%M").to_string(),
        default_rule: DefaultRule {
            chosen: present.as_ref().map(|rule| rule.id.0.clone()).unwrap_or_default(),
            options: options(&rules, present.as_ref()),
            name: present.as_ref().map(|rule| rule.name.clone()).unwrap_or_default(),
            says: says(present.as_ref()),
            governs,
            is_off: present.as_ref().is_some_and(|rule| !rule.enabled),
            is_locked: reader.default_rule_locked,
            has_rules: !rules.is_empty(),
        },
    })
}

/// What can be chosen: no rule, those that are on, and the one that is chosen, also where it is off.
fn options(rules: &[Rule], present: Option<&Rule>) -> Vec<(String, String)> {
    let mut options = vec![(String::new(), "None".to_owned())];
    options.extend(rules.iter().map(|rule| (rule.id.0.clone(), rule.name.clone())));
    if let Some(rule) = present.filter(|rule| rules.iter().all(|other| other.id != rule.id)) {
        let off = if rule.enabled { "" } else { " (off, restricts nobody)" };
        options.push((rule.id.0.clone(), format!("{}{off}", rule.name)));
    }
    options
}

fn says(rule: Option<&Rule>) -> String {
    match rule {
        None => "A key without a rule of its own has none: only its other limits bound it.".to_owned(),
        Some(rule) if !rule.enabled => {
            let on = Rule { enabled: true, ..rule.clone() };
            format!("Off, restricts nobody. When it is on: {}", on.text())
        }
        Some(rule) => rule.text(),
    }
}
