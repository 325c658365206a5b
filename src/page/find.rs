//! What there is to find and to do, in words.

use crate::console::ui::place::Place;
use crate::domain::account::Account;
use crate::domain::problem::Problem;
use crate::gateway::Gateway;
use crate::gateway::find::Named;

/// How many keys, groups, rules and models are offered at most, of each.
const MOST: u32 = 6;

/// A place to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: &'static str,
    pub name: String,
    pub note: String,
    pub href: String,
}

/// Whether a place is for admins alone.
type Entry = (&'static str, &'static str, bool);

const PAGES: [Entry; 9] = [
    ("Dashboard", "/", false),
    ("Logs", "/logs", false),
    ("Tokens", "/tokens", false),
    ("Groups", "/groups", false),
    ("Quota rules", "/rules", false),
    ("Models", "/models", false),
    ("Playground", "/playground", false),
    ("Providers", "/providers", true),
    ("Profile", "/profile", false),
];

const DEEDS: [Entry; 8] = [
    ("New token", "/tokens?new=1", false),
    ("New group", "/groups?new=1", false),
    ("New quota rule", "/rules/new", false),
    ("New model", "/models?new=1", true),
    ("New provider", "/providers?new=1", true),
    ("Set or import prices", "/models/prices", true),
    ("See refused calls", "/logs?status=refused", false),
    ("Restore a revoked token", "/tokens?status=revoked", false),
];

/// What may be done with a key: the word that asks for it, what it is called, and where it is done.
type Verb = (&'static str, &'static str, fn(&str) -> String);

const VERBS: [Verb; 6] = [
    ("edit", "Edit", |id| Place::new("/tokens").with("edit", id).href()),
    ("revoke", "Revoke", |id| Place::new("/tokens").with("revoke", id).href()),
    ("rotate", "Rotate", |id| Place::new(format!("/tokens/{id}")).with("rotate", "1").href()),
    ("move", "Move", |id| Place::new("/tokens").with("move", id).href()),
    ("bind", "Bind a rule to", |id| Place::new("/tokens").with("bind", id).href()),
    ("calls", "Calls of", |id| Place::new("/logs").with("key", id).href()),
];

/// What there is for a few letters, the likeliest first; everything that is always there where there are none.
///
/// # Errors
/// When the database fails.
pub async fn found(gateway: &Gateway, account: &Account, written: &str) -> Result<Vec<Found>, Problem> {
    let written = written.trim();
    let mut all = Vec::new();
    if let Some((_, does, leads)) = verb(written) {
        let named = written.split_once(' ').map_or("", |(_, rest)| rest.trim());
        let keys = gateway.find(account, named, MOST).await?.into_iter().filter(|named| named.kind == "key");
        all.extend(keys.map(|key| Found {
            kind: "Do",
            name: format!("{does} {}", key.name),
            note: key.note,
            href: leads(&key.id),
        }));
    }
    let fixed = |kind: &'static str, entries: &[Entry]| -> Vec<Found> {
        let seen = entries.iter().filter(|(name, _, admins)| has(name, written) && (!admins || account.is_admin()));
        seen.map(|(name, href, _)| entry(kind, name, href)).collect()
    };
    all.extend(fixed("Page", &PAGES));
    if !written.is_empty() {
        all.extend(gateway.find(account, written, MOST).await?.into_iter().map(named));
        let models = gateway.models();
        let models = models.iter().filter(|model| has(&model.name, written) || has(&model.display_name, written));
        all.extend(models.take(MOST as usize).map(|model| Found {
            kind: "Model",
            name: model.name.clone(),
            note: model.display_name.clone(),
            href: Place::new("/models").with("q", model.name.as_str()).href(),
        }));
    }
    all.extend(fixed("Do", &DEEDS));
    if !written.is_empty() {
        let place = Place::new("/logs").with("q", written);
        all.push(Found { note: written.to_owned(), ..entry("Do", "Look in the logs for request", &place.href()) });
    }
    Ok(all)
}

fn entry(kind: &'static str, name: &str, href: &str) -> Found {
    Found { kind, name: name.to_owned(), note: String::new(), href: href.to_owned() }
}

fn named(named: Named) -> Found {
    let (kind, place) = match named.kind.as_str() {
        "key" => ("Token", "/tokens"),
        "group" => ("Group", "/groups"),
        _ => ("Quota rule", "/rules"),
    };
    Found { kind, href: format!("{place}/{}", named.id), name: named.name, note: named.note }
}

/// The verb that the first of several words begins.
fn verb(written: &str) -> Option<&'static Verb> {
    let (first, rest) = written.split_once(' ')?;
    let first = first.to_lowercase();
    VERBS.iter().find(|(verb, _, _)| first.len() >= 2 && !rest.trim().is_empty() && verb.starts_with(&first))
}

/// Whether a name has every word that is written.
fn has(name: &str, written: &str) -> bool {
    let name = name.to_lowercase();
    written.to_lowercase().split_whitespace().all(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_known_by_its_beginning_once_something_follows_it() {
        let verb = |text| verb(text).map(|(verb, _, _)| *verb);
        assert_eq!(verb("rev prod"), Some("revoke"));
        assert_eq!(verb("Rotate prod"), Some("rotate"));
        assert_eq!((verb("revoke"), verb("revoke "), verb("r prod"), verb("prod web")), (None, None, None, None));
    }

    #[test]
    fn a_name_has_the_words_in_any_order() {
        assert!(has("New quota rule", "rule new") && has("Tokens", "") && !has("Tokens", "tokens x"));
    }
}
