//! Models: the catalogue with its prices, how each does here, and what one's own calls would cost on it; admins make,
//! change and delete what is in it.

mod choices;
mod compare;
mod form;
mod list;
pub mod one;
mod save;
pub mod told;

use super::data::{Data, Reading, Wire, both_shown_for, shown, use_data};
use super::form::{Form, use_form};
use super::ui::dialog::Dialog;
use super::ui::drawn::{drawn, memo, text};
use super::ui::live::use_live;
use super::ui::notice::Empty;
use super::ui::pager::Pager;
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::unread::unread;
use crate::domain::problem::Problem;
use choices::{ModelChoices, ModelFilters, fetch_model_choices};
use compare::SideBySide;
use form::{DeleteDialog, ModelDialog, ModelDraft};
use leptos::prelude::*;
use list::Catalogue;
pub use one::Model;
use save::{DeleteModel, SaveModel};
use serde::{Deserialize, Serialize};
use told::ModelList;

/// What is asked of the catalogue, as the URL holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    pub q: String,
    pub can: String,
    pub provider: String,
    /// `yes`, `mine`, `no`.
    pub callable: String,
    /// Over how many days latency and errors are told: 7 or 30.
    pub days: String,
    /// `name`, `price`, `context`, `latency`, `errors`, `cost`; with a `-` the other way.
    pub sort: String,
    /// Up to three names with commas between them.
    pub compare: String,
    /// The place that the page begins after.
    pub after: String,
}

impl Asked {
    fn here() -> Self {
        Self::of(&Place::here())
    }

    pub fn of(place: &Place) -> Self {
        let read = |name| place.get(name).unwrap_or_default().trim().to_owned();
        Self {
            q: read("q"),
            can: read("can"),
            provider: read("provider"),
            callable: read("callable"),
            days: read("days"),
            sort: read("sort"),
            compare: read("compare"),
            after: read("after"),
        }
    }

    /// All of it as one text, which differs wherever it differs.
    fn text(&self) -> String {
        let Self { q, can, provider, callable, days, sort, compare, after } = self;
        [q, can, provider, callable, days, sort, compare, after].map(String::as_str).join("\n")
    }

    pub fn is_narrowed(&self) -> bool {
        let Self { q, can, provider, callable, .. } = self;
        [q, can, provider, callable].into_iter().any(|filter| !filter.is_empty())
    }
}

/// A page of the models that are asked for, as a [`ModelList`].
#[server(prefix = "/fn", endpoint = "models", protocol = Reading)]
pub async fn fetch_models(asked: Asked) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::models::list::page(&gateway, &account, &asked).await?))
}

/// A model as its form holds it, and what it can do.
#[server(prefix = "/fn", endpoint = "model", protocol = Reading)]
pub async fn fetch_model(name: String) -> Result<Wire, Problem> {
    crate::auth::admin().await?;
    let model = expect_context::<crate::gateway::Gateway>().model(&name).ok_or_else(|| Problem::not_found("model"))?;
    let draft: (ModelDraft, Vec<String>) = ((&*model).into(), model.capabilities.clone());
    Ok(Wire::of(&Some(draft)))
}

/// A well-known model as its form would hold it; of one that is not known, its name.
#[server(prefix = "/fn", endpoint = "known-model", protocol = Reading)]
pub async fn fetch_known_model(name: String) -> Result<Wire, Problem> {
    crate::auth::admin().await?;
    let name = name.trim();
    let draft: (ModelDraft, Vec<String>) = match expect_context::<crate::gateway::Gateway>().known_model(name) {
        Some(model) => ((&model).into(), model.capabilities),
        None => ModelDraft::fresh(name),
    };
    Ok(Wire::of(&Some(draft)))
}

/// The page.
#[component]
pub fn Models() -> impl IntoView {
    let save = use_form::<SaveModel>();
    let delete = use_form::<DeleteModel>();
    let asked = memo(Asked::here);
    let changed = use_live(&["models", "providers"]);
    let choices = use_data::<ModelChoices, _>(move || changed.get().to_string(), fetch_model_choices);
    let list = use_data::<ModelList, _>(
        move || format!("{}\n{} {} {}", asked.with(Asked::text), changed.get(), save.version(), delete.version()),
        move || fetch_models(asked.get_untracked()),
    );
    let named = |name: &'static str| memo(move || Place::here().get(name).unwrap_or_default().to_owned());
    let (edited, deleted) = (named("edit"), named("delete"));
    let is_new = memo(|| Place::here().get("new").is_some());
    save.forget_unless(move || is_new.get() || !edited.read().is_empty());
    delete.forget_unless(move || !deleted.read().is_empty());
    let actions = move || {
        shown(choices, |choices| {
            let is_admin = choices.is_ok_and(|choices| choices.is_admin);
            let href = text(|| Place::here().with("new", "1").href());
            let links = is_admin.then(|| {
                view! {
                    <a class="button" href="/models/prices">"Prices"</a>
                    <a class="button button--primary" href=href data-noscroll>"New model"</a>
                }
            });
            Ok(view! { <a class="button" href="/playground">"Playground"</a> {links} }.into_any())
        })
    };
    let lede = move || shown(list, |list| Ok(list.ok().map(|list| lede(&list)).into_any()));
    view! {
        <Sheet title="Models" lede=lede actions=actions>
            {shown(list, |list| Ok(list.ok().and_then(|list| list.compared).map(|compared| view! { <SideBySide compared/> }).into_any()))}
            <ModelFilters choices list/>
            {shown(list, move |list| Ok(list.map_or_else(unread, |list| models(list).into_any())))}
        </Sheet>
        <Dialogs save delete is_new edited deleted choices/>
    }
}

/// What the figures are, and what one's own calls cost.
fn lede(list: &ModelList) -> String {
    let prices = "Prices in credits per million tokens.";
    match &list.spent {
        Some(spent) => format!("{prices} {} cost {spent}; each line says what they would have cost there.", list.whose),
        None => prices.to_owned(),
    }
}

fn models(list: ModelList) -> impl IntoView {
    let here = Place::now().without("after").without("new").without("edit").without("delete");
    if list.rows.is_empty() {
        return none(list.is_admin, list.is_narrowed).into_any();
    }
    let newer = list.newer.clone().map(|place| here.clone().with("after", place).href());
    let older = list.older.clone().map(|place| here.clone().with("after", place).href());
    view! {
        <Catalogue list/>
        <Pager newer older note=|| "First byte and errors are everyone’s, as measured here."/>
    }
    .into_any()
}

fn none(is_admin: bool, is_narrowed: bool) -> impl IntoView {
    if is_narrowed {
        let text = || "Nothing in the catalogue has all of these filters.";
        return view! {
            <Empty title="No model matches" text=text><a class="button" href="/models">"Clear the filters"</a></Empty>
        }
        .into_any();
    }
    let text = || "Clients ask for a model by its name; each has a price, and routes to providers that serve it.";
    let next = match is_admin {
        true => {
            view! { <a class="button button--primary" href="/models?new=1" data-noscroll>"New model"</a> }.into_any()
        }
        false => view! { <span class="muted">"An admin adds models."</span> }.into_any(),
    };
    view! { <Empty title="The catalogue is empty" text=text>{next}</Empty> }.into_any()
}

/// The dialog that the URL names, if one.
#[component]
fn Dialogs(
    save: Form<SaveModel>,
    delete: Form<DeleteModel>,
    is_new: Memo<bool>,
    edited: Memo<String>,
    deleted: Memo<String>,
    choices: Data<ModelChoices>,
) -> impl IntoView {
    // A new model that is to be filled in with what is known of this one.
    let filled = memo(|| {
        let place = Place::here();
        let name = place.get("known").filter(|_| place.get("new").is_some());
        name.unwrap_or_default().to_owned()
    });
    let known = use_data::<Option<(ModelDraft, Vec<String>)>, _>(
        move || edited.get() + &filled.get(),
        move || {
            let (name, filled) = (edited.get_untracked(), filled.get_untracked());
            async move {
                match (name.is_empty(), filled.is_empty()) {
                    (false, _) => fetch_model(name).await,
                    (true, false) => fetch_known_model(filled).await,
                    (true, true) => Ok(Wire::nothing()),
                }
            }
        },
    );
    view! {
        {both_shown_for(move || is_new.track(), choices, known, move |choices, known| {
            let (choices, known) = match (choices, known) {
                (Ok(choices), Ok(known)) => (choices, known),
                // The list says it.
                (Err(_), _) => return Ok(().into_any()),
                (_, Err(problem)) => return Ok(missing(problem).into_any()),
            };
            let is_asked = choices.is_admin && (is_new.get_untracked() || known.is_some());
            Ok(is_asked.then(|| view! { <ModelDialog form=save choices known is_new=is_new.get_untracked()/> }).into_any())
        })}
        {drawn(move || {
            let name = deleted.get();
            (!name.is_empty()).then(|| view! { <DeleteDialog form=delete name/> })
        })}
    }
}

/// In place of the form of a model that could not be read.
fn missing(problem: Problem) -> impl IntoView {
    let close = untrack(Place::here).without("edit").href();
    view! {
        <Dialog title="This model cannot be edited" close=close.clone() small=true>
            <div class="dialog__body">{unread(problem)}</div>
            <footer class="dialog__foot">
                <span></span>
                <span><a class="button" href=close data-noscroll autofocus>"Close"</a></span>
            </footer>
        </Dialog>
    }
}
