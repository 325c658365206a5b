//! Prices: what each model costs, has cost and will cost, and what the field's price lists say; for admins alone.

pub mod acts;
mod list;
pub mod versions;

use super::data::{Data, Reading, Wire, shown, use_data};
use super::form::use_form;
use super::ui::drawn::{effect, memo};
use super::ui::live::use_live;
use super::ui::place::Place;
use super::ui::sheet::{Sheet, Statement};
use super::unread::unread;
use crate::domain::problem::{Problem, ProblemKind};
use acts::{AddPrice, ComparePrices, ImportPrices};
use leptos::prelude::*;
use list::PriceLists;
use serde::{Deserialize, Serialize};
use versions::{VersionRow, Versions};

/// What the page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PricesPage {
    /// The names of all models.
    pub models: Vec<String>,
    /// The one whose versions are shown; blank where none is asked for.
    pub model: String,
    pub rows: Vec<VersionRow>,
    /// Its price as lines to edit.
    pub lines: String,
    /// Where the snapshot is from, and of which day.
    pub snapshot: String,
    /// Whose clock starts are written in.
    pub timezone: String,
}

/// The versions of a model's price.
#[server(prefix = "/fn", endpoint = "prices", protocol = Reading)]
pub async fn fetch_prices(model: String) -> Result<Wire, Problem> {
    let account = crate::auth::admin().await.map_err(|problem| match problem.kind {
        ProblemKind::Forbidden => {
            let message = "Only admins set prices. What each model costs is under Models.";
            Problem { message: message.to_owned(), ..problem }
        }
        _ => problem,
    })?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::prices::page(&gateway, &account, model).await?))
}

/// The page.
#[component]
pub fn Prices() -> impl IntoView {
    let compare = use_form::<ComparePrices>();
    let import = use_form::<ImportPrices>();
    let add = use_form::<AddPrice>();
    // What was taken over is no difference any more; the rest is one to be shown anew.
    effect(move || {
        if import.version() > 0 {
            compare.state.forget();
        }
    });
    let changed = use_live(&["models"]);
    let model = memo(|| Place::here().get("model").unwrap_or_default().to_owned());
    let asked = move || format!("{} {} {} {}", changed.get(), import.version(), add.version(), model.get());
    let page: Data<PricesPage> = use_data(asked, move || fetch_prices(model.get_untracked()));
    view! {
        {shown(page, move |page| {
            let page = match page {
                Ok(page) => page,
                Err(problem) => return Ok(missing(problem).into_any()),
            };
            let snapshot = page.snapshot.clone();
            let lede = || "A price begins, by itself, and holds until another does. Calls keep the version they were charged by.";
            Ok(view! {
                <Sheet title="Prices" crumb=("/models", "Models") lede=lede>
                    <Statement title="Versions" id="h-versions"><Versions add page/></Statement>
                    <Statement title="Price lists" id="h-lists"><PriceLists compare import snapshot/></Statement>
                </Sheet>
            }
            .into_any())
        })}
    }
}

/// In place of the page: to most people it is not open at all.
fn missing(problem: Problem) -> impl IntoView {
    let title = if problem.kind == ProblemKind::Forbidden { "Not allowed" } else { "Prices" };
    view! { <Sheet title=title>{unread(problem)}</Sheet> }
}
