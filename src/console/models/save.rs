//! What admins do to the catalogue: each form's server function.

use super::form::ModelDraft;
use crate::console::form::Done;
use crate::domain::problem::Problem;
use leptos::prelude::*;

/// Makes a model, or changes the one named `original`; then goes `back`.
#[server(prefix = "/fn", endpoint = "save-model")]
pub async fn save_model(
    #[server(default)] original: String,
    model: ModelDraft,
    #[server(default)] capabilities: Vec<String>,
    #[server(default)] back: String,
) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    use crate::console::form::{read_count, read_credits};
    use crate::domain::credits::Credits;
    use crate::domain::model::{Model, Route};
    use crate::domain::price::Price;
    use crate::domain::problem::{Check, ProblemKind};
    let mut check = Check::default();
    let price_of = |check: &mut Check, field: &str, text: &str| -> Credits {
        check.that(!text.trim().is_empty(), field, "Write what it costs, such as 2.50; 0 if it costs nothing.");
        read_credits(check, field, text).unwrap_or_default()
    };
    let price = match model.pricing.as_str() {
        "million" => {
            // Priced by other units alone, it needs none of these.
            let has_more = !model.more.trim().is_empty();
            let is_blank = |text: &str| text.trim().is_empty();
            let mut lines = model.more.clone();
            for (kind, text) in [("input", &model.input), ("output", &model.output)] {
                let field = format!("model.{kind}");
                if !(has_more && is_blank(&model.input) && is_blank(&model.output) && is_blank(&model.cached_input)) {
                    lines.push_str(&format!("\n{kind} {}", price_of(&mut check, &field, text)));
                }
            }
            if let Some(cached) = read_credits(&mut check, "model.cached_input", &model.cached_input) {
                lines.push_str(&format!("\ncached_input {cached}"));
            }
            Price::from_lines(&lines).map_or_else(
                |message| {
                    let field = if has_more { "model.more" } else { "model.pricing" };
                    check.that(false, field, format!("{message}."));
                    None
                },
                |price| price.and_then(|price| serde_json::to_value(price).ok()),
            )
        }
        "rate" => Some(serde_json::json!({
            "rate": price_of(&mut check, "model.rate", &model.rate),
            "completion_multiplier":
                price_of(&mut check, "model.completion_multiplier", &model.completion_multiplier),
        })),
        "free" => Some(serde_json::json!("free")),
        "none" => None,
        _ => return Err(Problem::field("model.pricing", "Choose how it is priced.")),
    };
    // The one reader of prices says what is no price, here as in the management API.
    let price = price.map(serde_json::from_value::<Price>).transpose();
    let price = price.unwrap_or_else(|error| {
        check.that(false, "model.pricing", format!("{error}."));
        None
    });
    let mut routes = Vec::new();
    for (at, route) in model.routes.iter().enumerate() {
        let field = |name: &str| format!("model.routes.{at}.{name}");
        let mut small = |name: &str, text: &str, otherwise: u32, range: std::ops::RangeInclusive<u32>| {
            let text = text.trim();
            let number = if text.is_empty() { Some(otherwise) } else { text.parse().ok() };
            let number = number.filter(|number| range.contains(number));
            let asks = format!("Write a whole number from {} to {}.", range.start(), range.end());
            check.that(number.is_some(), &field(name), asks);
            number.unwrap_or(otherwise)
        };
        let weight = small("weight", &route.weight, 1, 1..=1_000);
        let priority = small("priority", &route.priority, 0, 0..=1_000);
        if route.provider_id.is_empty() {
            let is_blank = route.upstream_model.trim().is_empty();
            check.that(is_blank, &field("provider_id"), "Choose who serves it, or clear this row.");
            continue;
        }
        let upstream_model = route.upstream_model.trim().to_owned();
        routes.push(Route { provider_id: route.provider_id.as_str().into(), upstream_model, weight, priority });
    }
    let fallbacks = model.fallbacks.lines().map(|line| line.trim().to_owned()).filter(|name| !name.is_empty());
    let fallbacks = fallbacks.collect();
    let model = Model {
        name: model.name.trim().to_owned(),
        display_name: model.display_name.trim().to_owned(),
        context_length: read_count(&mut check, "model.context_length", &model.context_length),
        max_output_tokens: read_count(&mut check, "model.max_output_tokens", &model.max_output_tokens),
        capabilities,
        price,
        price_version: 0,
        routes,
        fallbacks,
        enabled: model.enabled.is_some(),
    };
    // What the domain says of the rest, so that all is said at once.
    for problem in model.check().err().into_iter().flat_map(|problem| problem.fields) {
        check.that(false, &format!("model.{}", problem.field), problem.message);
    }
    check.done()?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let saved = match original.is_empty() {
        true => gateway.create_model(&account, model).await,
        false => gateway.edit_model(&account, &original, model).await,
    };
    let saved = saved.map_err(|mut problem| {
        for field in &mut problem.fields {
            field.field = format!("model.{}", field.field);
        }
        // Someone else deleted it meanwhile.
        if problem.kind == ProblemKind::NotFound {
            problem.message = format!("There is no model named {original:?} any more.");
        }
        problem
    })?;
    let back = crate::console::sign_in::own_path(&back);
    leptos_axum::redirect(if back.starts_with("/models?") { back } else { "/models" });
    let did = if original.is_empty() { "is in the catalogue" } else { "is saved" };
    let but = if saved.price.is_none() { " Calls are refused until it has a price." } else { "" };
    Ok(Done::saying(format!("Model {} {did}.{but}", saved.name)))
}

/// Takes a model out of the catalogue; then goes `back`.
#[server(prefix = "/fn", endpoint = "delete-model")]
pub async fn delete_model(name: String, #[server(default)] back: String) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    expect_context::<crate::gateway::Gateway>().delete_model(&account, &name).await?;
    let back = crate::console::sign_in::own_path(&back);
    leptos_axum::redirect(if back.starts_with("/models?") { back } else { "/models" });
    Ok(Done::saying(format!("Model {name} is deleted.")))
}
