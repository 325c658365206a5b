//! What can be done with one key from its page: each is one verb of the gateway.

use crate::console::form::Done;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Does one thing with a key: `disable`, `enable`, `revoke`, `restore`, or `end:` and the hint of a replaced secret.
#[server(prefix = "/fn", endpoint = "act-on-token")]
pub async fn act_on_token(id: String, act: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::id::KeyId;
    use crate::domain::key::{KeySpec, KeyStatus};
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = KeyId::from(id);
    let (key, is) = match act.split_once(':').unwrap_or((act.as_str(), "")) {
        ("revoke", _) => (gateway.revoke_key(&account, &id).await?, "is revoked; its next call is refused"),
        ("restore", _) => (gateway.restore_key(&account, &id).await?, "is open again"),
        ("end", hint) => {
            (gateway.end_old_secret(&account, &id, hint).await?, "is called with its new secret alone now")
        }
        (act @ ("enable" | "disable"), _) => {
            let (status, is) = if act == "enable" {
                (KeyStatus::Active, "is enabled")
            } else {
                (KeyStatus::Disabled, "is disabled; its next call is refused")
            };
            let spec = KeySpec { status, ..gateway.key(&account, &id).await?.spec() };
            (gateway.edit_key(&account, &id, spec).await?, is)
        }
        _ => return Err(Problem::field("act", "That cannot be done with a key.")),
    };
    // A question that was asked about it is answered.
    leptos_axum::redirect(&format!("/tokens/{id}"));
    Ok(Done::saying(format!("Key {} {is}.", key.name)))
}

/// A key's new secret, shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotated {
    pub name: String,
    pub secret: String,
    /// What becomes of the old one.
    pub old: String,
    /// Where this very gateway is called.
    pub origin: String,
    /// A model that it may call.
    pub model: String,
}

/// Gives a key a new secret; the old one is honoured for so many seconds.
#[server(prefix = "/fn", endpoint = "rotate-token")]
pub async fn rotate_token(id: String, #[server(default)] grace_seconds: String) -> Result<Rotated, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::when::When;
    use std::time::Duration;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let wrong = || Problem::field("grace_seconds", "Choose how long the old secret is honoured.");
    let seconds: u64 = grace_seconds.trim().parse().map_err(|_| wrong())?;
    let issued = gateway.rotate_key(&account, &id.into(), seconds).await?;
    let when = When::of(&account, gateway.clock().now());
    let until = when.now.plus(Duration::from_secs(seconds));
    let allowed = issued.key.models.first().cloned();
    Ok(Rotated {
        name: issued.key.name,
        secret: issued.secret,
        old: match seconds {
            0 => "The old secret is refused from now on.".to_owned(),
            _ => format!("The old secret is honoured until {}; the page says who still uses it.", when.soon(until)),
        },
        origin: crate::page::origin(),
        model: allowed.unwrap_or_else(|| "tollgate/echo".to_owned()),
    })
}

/// Takes off what one of a key's limits has counted, or all of them where none is named.
#[server(prefix = "/fn", endpoint = "reset-token")]
pub async fn reset_token(id: String, #[server(default)] limit: String) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    use crate::page::limits;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = crate::domain::id::KeyId::from(id);
    let named = Some(limit.as_str()).filter(|limit| !limit.is_empty());
    let after = gateway.reset_key(&account, &id, named).await?;
    let taken: Vec<String> = after
        .iter()
        .filter(|after| after.taken_off != 0)
        .map(|after| {
            let of = &after.standing.limit;
            let much = limits::exact(of.measure, after.taken_off);
            format!("{much} {} of {}", of.measure.as_str(), limits::name(of.name).to_lowercase())
        })
        .collect();
    leptos_axum::redirect(&format!("/tokens/{id}"));
    Ok(Done::saying(match taken.is_empty() {
        true => "There was nothing to take off.".to_owned(),
        false => format!("Taken off: {}.", taken.join(", ")),
    }))
}
