//! What admins do to prices: each form's server function.

use crate::console::form::Done;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The difference that a list makes, as the page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// It in a sentence.
    pub says: String,
    pub format: String,
    pub url: String,
    pub provider: String,
    /// Stands for the prices as they were shown, so that no others are taken over.
    pub digest: String,
    pub rows: Vec<DiffRow>,
    /// Names, and why they are no prices here.
    pub skipped: Vec<(String, String)>,
}

/// A model whose price would be another, or that is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffRow {
    pub name: String,
    pub is_new: bool,
    pub old: Vec<String>,
    pub new: Vec<String>,
    /// What the list prices beside this and has no place here.
    pub left_out: String,
}

/// Compares a list with the catalogue. Changes nothing.
#[server(prefix = "/fn", endpoint = "compare-prices")]
pub async fn compare_prices(
    #[server(default)] format: String,
    #[server(default)] url: String,
    #[server(default)] provider: String,
    #[server(default)] search: String,
) -> Result<Compared, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    crate::page::prices::compared(&gateway, &account, format, url, provider, &search).await
}

/// Takes over the prices that were ticked; then goes back to the page.
#[server(prefix = "/fn", endpoint = "import-prices")]
pub async fn import_prices(
    #[server(default)] format: String,
    #[server(default)] url: String,
    #[server(default)] provider: String,
    #[server(default)] digest: String,
    #[server(default)] names: Vec<String>,
    #[server(default)] create: Option<String>,
) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let create = create.is_some();
    let said = crate::page::prices::imported(&gateway, &account, format, url, provider, &digest, names, create).await?;
    leptos_axum::redirect("/models/prices");
    Ok(Done::saying(said))
}

/// Adds a version of a model's price; then goes back to its versions.
#[server(prefix = "/fn", endpoint = "add-price")]
pub async fn add_price(
    model: String,
    #[server(default)] price: String,
    #[server(default)] starts_at: String,
) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let said = crate::page::prices::added(&gateway, &account, &model, &price, &starts_at).await?;
    leptos_axum::redirect(&crate::console::ui::place::Place::new("/models/prices").with("model", model).href());
    Ok(Done::saying(said))
}
