//! Providers in words: how each fares, and what switching one off would do.

use super::when::When;
use crate::console::providers::list::{Faring, ProviderRow};
use crate::console::ui::money::grouped;
use crate::console::ui::status::Sign;
use crate::domain::account::Account;
use crate::domain::health::{Closed, Report};
use crate::domain::id::ProviderId;
use crate::domain::model::Model;
use crate::domain::problem::Problem;
use crate::domain::provider::{Provider, ProviderKind};
use crate::gateway::Gateway;
use std::time::Duration;

/// Every provider, by name; of the one that may be switched off, what that would do.
///
/// # Errors
/// For anyone but an admin; when the database fails.
pub async fn rows(gateway: &Gateway, reader: &Account, disabling: &str) -> Result<Vec<ProviderRow>, Problem> {
    let when = When::of(reader, gateway.clock().now());
    let models = gateway.models();
    let mut rows = Vec::new();
    for provider in gateway.providers(reader)? {
        let served = models.iter().filter(|model| model.routes.iter().any(|route| route.provider_id == provider.id));
        let health = gateway.provider_health(reader, &provider.id)?;
        let would = match provider.id.as_str() == disabling {
            true => impact(gateway, reader, &provider).await?,
            false => Vec::new(),
        };
        rows.push(ProviderRow {
            id: provider.id.to_string(),
            name: provider.name.clone(),
            is_builtin: provider.kind == ProviderKind::Builtin,
            kind: (provider.kind.as_str().to_owned(), provider.kind.title().to_owned()),
            base_url: provider.base_url.clone(),
            credentials: provider.credentials.clone(),
            enabled: provider.enabled,
            usage_option: provider.usage_option,
            responses: provider.responses.map(|speaks| speaks.to_string()).unwrap_or_default(),
            models: served.map(|model| model.name.clone()).collect(),
            faring: faring(&provider, &health, &when),
            bounds: bounds(&provider),
            would,
        });
    }
    Ok(rows)
}

/// How it fares, as one glance takes it in, and the lines below.
fn faring(provider: &Provider, health: &Report, when: &When) -> Faring {
    let (sign, word) = match health.closed {
        _ if !provider.enabled => (Sign::Off, "Off"),
        Some((Closed::Refused, _)) => (Sign::Blocks, "Refused"),
        Some((Closed::Limited, _)) => (Sign::Warns, "Rate limited"),
        Some((Closed::Cooling, _)) if health.lines.is_empty() => (Sign::Blocks, "Cooling down"),
        Some((Closed::Cooling, _)) => (Sign::Warns, "Partly down"),
        None if health.is_full => (Sign::Warns, "Full"),
        None => (Sign::Flows, "Open"),
    };
    let mut notes = Vec::new();
    if let Some((_, until)) = health.closed {
        let of = |(model, _): &(String, _)| model.clone();
        let lines: Vec<String> = health.lines.iter().map(of).collect();
        let which = if lines.is_empty() { String::new() } else { format!("{}: ", lines.join(", ")) };
        notes.push(format!("{which}until {}", when.soon(until)));
    }
    let aside = health.credentials.iter().flatten().count();
    if aside > 0 && health.credentials.len() > 1 {
        notes.push(format!("{aside} of {} credentials set aside", health.credentials.len()));
    }
    if health.recent.failures > 0 {
        notes.push(format!("{} of {} calls failed in the last minute", health.recent.failures, health.recent.calls));
    }
    if health.in_flight > 0 {
        notes.push(format!("{} in flight", health.in_flight));
    }
    let last = health.last_error.as_ref();
    let last = last.map(|last| format!("{}, {}", last.said, when.ago(last.at))).unwrap_or_default();
    Faring { sign, word: word.to_owned(), notes, last }
}

/// As the form writes them: connect, first byte, idle, total, calls at once.
fn bounds(provider: &Provider) -> Vec<String> {
    let times = provider.timeouts.named().map(|(_, ms, _)| ms);
    let all = times.into_iter().chain([provider.max_concurrency.map(u64::from)]);
    all.map(|bound| bound.map(|bound| bound.to_string()).unwrap_or_default()).collect()
}

/// Whether it is the only way to a model, those to the models that stand in for it among them.
pub fn is_alone(gateway: &Gateway, model: &Model, id: &ProviderId) -> bool {
    let mut ways = gateway.ways(model, 0.0);
    ways.extend(gateway.fallbacks(model).iter().flat_map(|other| gateway.ways(other, 0.0)));
    model.enabled && !ways.is_empty() && ways.iter().all(|way| way.upstream.provider.id == *id)
}

/// What switching it off would do, line by line.
async fn impact(gateway: &Gateway, reader: &Account, provider: &Provider) -> Result<Vec<String>, Problem> {
    let models = gateway.models();
    let alone = models.iter().filter(|model| is_alone(gateway, model, &provider.id));
    let alone: Vec<&str> = alone.map(|model| model.name.as_str()).collect();
    let mut lines = vec![match alone.as_slice() {
        [] => "No model loses its last way: calls go by other routes, or to fallbacks that their keys may call."
            .to_owned(),
        [one] => format!("Nobody else serves {one}: its calls would be refused."),
        many => format!("Nobody else serves {}: their calls would be refused.", many.join(", ")),
    }];
    let day = Duration::from_secs(86_400);
    let calls = gateway.calls_of_provider(reader, &provider.name, day).await?;
    lines.push(match calls {
        0 => "It has served no call in the last 24 hours.".to_owned(),
        1 => "It has served one call in the last 24 hours.".to_owned(),
        many => format!("It has served {} calls in the last 24 hours.", grouped(many)),
    });
    Ok(lines)
}
