//! What is done to a rule from the list: each form's server function.

use crate::console::form::Done;
use crate::domain::problem::Problem;
use leptos::prelude::*;

/// Switches one rule: `activate` or `deactivate`, a colon, and its id.
#[server(prefix = "/fn", endpoint = "change-rule")]
pub async fn change_rule(act: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::rule::RuleSpec;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let unknown = || Problem::field("act", "That cannot be done with a rule.");
    let (act, id) = act.split_once(':').ok_or_else(unknown)?;
    let enabled = match act {
        "activate" => true,
        "deactivate" => false,
        _ => return Err(unknown()),
    };
    let known = gateway.rule(&account, &id.into()).await?;
    let spec = RuleSpec { enabled, ..known.rule.spec() };
    let after = gateway.edit_rule(&account, &known, spec).await?;
    Ok(Done::saying(crate::page::rules::switched(&after)))
}

/// Deletes a rule that nothing refers to; then goes `back`.
#[server(prefix = "/fn", endpoint = "delete-rule")]
pub async fn delete_rule(id: String, #[server(default)] back: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = id.into();
    let known = gateway.rule(&account, &id).await?;
    gateway.delete_rule(&account, &id).await?;
    let back = crate::console::sign_in::own_path(&back);
    leptos_axum::redirect(if back.starts_with("/rules?") { back } else { "/rules" });
    Ok(Done::saying(format!("Rule {} is deleted.", known.rule.name)))
}
