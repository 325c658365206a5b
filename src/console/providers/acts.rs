//! What admins do to providers: each form's server function.

use crate::console::form::Done;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What came of a button in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acted {
    /// For the toast; empty after a test, which is told beside its provider.
    pub message: String,
    pub test: Option<Tested>,
}

/// What a test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    pub id: String,
    pub ok: bool,
    pub said: String,
}

/// The buttons of the list: exactly one of them names a provider.
#[server(prefix = "/fn", endpoint = "act-on-provider")]
pub async fn act_on_provider(
    #[server(default)] test: Option<String>,
    #[server(default)] enable: Option<String>,
    #[server(default)] disable: Option<String>,
) -> Result<Acted, Problem> {
    let account = crate::auth::admin().await?;
    use crate::domain::id::ProviderId;
    use crate::domain::provider::ProviderSpec;
    let gateway = expect_context::<crate::gateway::Gateway>();
    if let Some(id) = test {
        let found = gateway.test_provider(&account, &ProviderId(id.clone())).await?;
        let said = format!("{} {} ms.", found.message, found.ms);
        return Ok(Acted { message: String::new(), test: Some(Tested { id, ok: found.ok, said }) });
    }
    let enabled = enable.is_some();
    let id = enable.or(disable).map(ProviderId).ok_or_else(|| Problem::not_found("provider"))?;
    let known = gateway.provider(&account, &id)?;
    let spec = ProviderSpec {
        name: known.name,
        kind: known.kind,
        base_url: known.base_url,
        credentials: None,
        enabled,
        usage_option: known.usage_option,
        responses: known.responses,
    };
    let saved = gateway.edit_provider(&account, &id, spec).await?;
    // Those that have no other way now, or have one again.
    let is_alone = |model: &crate::domain::model::Model| {
        let routed = model.routes.iter().any(|route| route.provider_id == id);
        let ways = gateway.ways(model, 0.0);
        model.enabled && routed && if enabled { ways.len() == 1 } else { ways.is_empty() }
    };
    let models: Vec<String> =
        gateway.models().iter().filter(|model| is_alone(model)).map(|model| model.name.clone()).collect();
    let did = if enabled { "enabled" } else { "disabled" };
    let then = match (models.len(), enabled) {
        (0, _) => String::new(),
        (1, false) => format!(" Nobody serves {} now: its calls are refused.", models[0]),
        (count, false) => format!(" Nobody serves {count} models now: their calls are refused."),
        (1, true) => format!(" {} is served again.", models[0]),
        (count, true) => format!(" {count} models are served again."),
    };
    Ok(Acted { message: format!("Provider {} is {did}.{then}", saved.name), test: None })
}

/// Makes a provider, or changes the one whose id is `original`; then goes back to the list.
#[server(prefix = "/fn", endpoint = "save-provider")]
pub async fn save_provider(
    #[server(default)] original: String,
    name: String,
    #[server(default)] kind: String,
    #[server(default)] base_url: String,
    #[server(default)] credentials: String,
    #[server(default)] enabled: Option<String>,
    #[server(default)] usage_option: Option<String>,
    #[server(default)] responses: String,
) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    use crate::domain::id::ProviderId;
    use crate::domain::provider::{ProviderKind, ProviderSpec};
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = Some(ProviderId(original)).filter(|id| !id.as_str().is_empty());
    let known = id.as_ref().map(|id| gateway.provider(&account, id)).transpose()?;
    let lines: Vec<String> =
        credentials.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    // There is one built-in provider, which comes with the house.
    let is_builtin = known.as_ref().is_some_and(|known| known.kind == ProviderKind::Builtin);
    let chosen = ProviderKind::parse(&kind).filter(|kind| *kind != ProviderKind::Builtin);
    let kind = match chosen {
        Some(kind) if !is_builtin => kind,
        None if !is_builtin && !kind.is_empty() => {
            return Err(Problem::field("kind", "Choose one of the APIs in the list."));
        }
        _ => known.as_ref().map_or(ProviderKind::Openai, |known| known.kind),
    };
    let spec = ProviderSpec {
        name,
        kind,
        base_url,
        // Nothing written keeps what is stored.
        credentials: Some(lines).filter(|lines| !lines.is_empty()),
        enabled: enabled.is_some(),
        usage_option: usage_option.is_some(),
        responses: responses.parse().ok(),
    };
    let saved = match &id {
        None => gateway.create_provider(&account, spec).await?,
        Some(id) => gateway.edit_provider(&account, id, spec).await?,
    };
    leptos_axum::redirect("/providers");
    Ok(Done::saying(match id {
        None => format!("Provider {} is there. Test it, then give a model a route to it.", saved.name),
        Some(_) => format!("Provider {} is saved.", saved.name),
    }))
}

/// Deletes a provider whose name has been typed; then goes back to the list.
#[server(prefix = "/fn", endpoint = "delete-provider")]
pub async fn delete_provider(id: String, #[server(default)] confirm: String) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    use crate::domain::problem::ProblemKind;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = id.into();
    let provider = gateway.provider(&account, &id)?;
    if confirm.trim() != provider.name {
        return Err(Problem::field("confirm", format!("Write {} as it stands.", provider.name)));
    }
    // The form has no field of that name: said above it.
    let deleted = gateway.delete_provider(&account, &id).await;
    deleted.map_err(|problem| match problem.kind {
        ProblemKind::Conflict => Problem::new(ProblemKind::Conflict, problem.message),
        _ => problem,
    })?;
    leptos_axum::redirect("/providers");
    Ok(Done::saying(format!("Provider {} is deleted, and its credentials with it.", provider.name)))
}
