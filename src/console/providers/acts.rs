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

/// The timeouts as they are written, in milliseconds; blank for those of every provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenTimeouts {
    pub connect_ms: String,
    pub first_byte_ms: String,
    pub idle_ms: String,
    pub total_ms: String,
}

/// The buttons of the list: exactly one of them names a provider.
#[server(prefix = "/fn", endpoint = "act-on-provider")]
pub async fn act_on_provider(
    #[server(default)] test: Option<String>,
    #[server(default)] enable: Option<String>,
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
    let id = enable.map(ProviderId).ok_or_else(|| Problem::not_found("provider"))?;
    let spec = ProviderSpec { enabled: true, ..ProviderSpec::from(&gateway.provider(&account, &id)?) };
    let saved = gateway.edit_provider(&account, &id, spec).await?;
    let models = gateway.models();
    let alone = models.iter().filter(|model| crate::page::providers::is_alone(&gateway, model, &id));
    let again: Vec<&str> = alone.map(|model| model.name.as_str()).collect();
    let then = match again.as_slice() {
        [] => String::new(),
        [one] => format!(" {one} is served again."),
        many => format!(" {} models are served again.", many.len()),
    };
    Ok(Acted { message: format!("Provider {} is enabled.{then}", saved.name), test: None })
}

/// Switches a provider off, which its page has asked about; then goes back to the list.
#[server(prefix = "/fn", endpoint = "disable-provider")]
pub async fn disable_provider(id: String) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    use crate::domain::provider::ProviderSpec;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = id.into();
    let spec = ProviderSpec { enabled: false, ..ProviderSpec::from(&gateway.provider(&account, &id)?) };
    let saved = gateway.edit_provider(&account, &id, spec).await?;
    leptos_axum::redirect("/providers");
    Ok(Done::saying(format!(
        "Provider {} is disabled. No call goes to it; those in flight end as they would.",
        saved.name
    )))
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
    #[server(default)] timeouts: WrittenTimeouts,
    #[server(default)] max_concurrency: String,
) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    use crate::console::form::read_count;
    use crate::domain::id::ProviderId;
    use crate::domain::provider::{ProviderKind, ProviderSpec, Timeouts};
    let gateway = expect_context::<crate::gateway::Gateway>();
    let mut check = crate::domain::problem::Check::default();
    let mut read = |field: &str, text: &str| read_count(&mut check, field, text);
    let timeouts = Timeouts {
        connect_ms: read("timeouts.connect_ms", &timeouts.connect_ms),
        first_byte_ms: read("timeouts.first_byte_ms", &timeouts.first_byte_ms),
        idle_ms: read("timeouts.idle_ms", &timeouts.idle_ms),
        total_ms: read("timeouts.total_ms", &timeouts.total_ms),
    };
    let most = read("max_concurrency", &max_concurrency);
    check.done()?;
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
        timeouts,
        max_concurrency: most.map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
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
