//! Models: the catalogue with its prices; admins make, change and delete what is in it.

mod choices;
mod form;
mod list;
mod save;

use super::data::{Data, Wire, both_shown_for, shown, use_data};
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
use form::{DeleteDialog, ModelDialog, ModelDraft};
use leptos::prelude::*;
use list::{Catalogue, ModelPage};
use save::{DeleteModel, SaveModel};
use serde::{Deserialize, Serialize};

/// What is asked of the catalogue, as the URL holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    can: String,
    provider: String,
    after: String,
}

impl Asked {
    fn here() -> Self {
        let place = Place::here();
        let read = |name| place.get(name).unwrap_or_default().trim().to_owned();
        Self { q: read("q"), can: read("can"), provider: read("provider"), after: read("after") }
    }

    fn is_narrowed(&self) -> bool {
        !self.q.is_empty() || !self.can.is_empty() || !self.provider.is_empty()
    }
}

/// A page of the models that are asked for, by name.
#[server(prefix = "/fn", endpoint = "models")]
pub async fn fetch_models(asked: Asked) -> Result<Wire, Problem> {
    crate::auth::signed_in().await?;
    const ROWS: usize = 50;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let names = gateway.provider_names();
    let search = asked.q.to_lowercase();
    let mut found = gateway.models();
    found.retain(|model| {
        let named = model.name.to_lowercase().contains(&search) || model.display_name.to_lowercase().contains(&search);
        let able = asked.can.is_empty() || model.capabilities.contains(&asked.can);
        let served = |id: &str| model.routes.iter().any(|route| route.provider_id.as_str() == id);
        named && able && (asked.provider.is_empty() || served(&asked.provider))
    });
    let before = found.partition_point(|model| !asked.after.is_empty() && *model.name <= *asked.after);
    let shown = &found[before..found.len().min(before + ROWS)];
    let start = before.checked_sub(ROWS + 1).map(|at| found[at].name.clone());
    Ok(Wire::of(&ModelPage {
        rows: shown
            .iter()
            .map(|model| {
                let mut providers: Vec<String> = Vec::new();
                for name in model.routes.iter().filter_map(|route| names.get(&route.provider_id)) {
                    if !providers.contains(name) {
                        providers.push(name.clone());
                    }
                }
                (&**model, providers).into()
            })
            .collect(),
        matching: found.len(),
        before,
        newer: (before > 0).then(|| start.unwrap_or_default()),
        older: shown.last().filter(|_| before + shown.len() < found.len()).map(|model| model.name.clone()),
    }))
}

/// A model as its form holds it, and what it can do.
#[server(prefix = "/fn", endpoint = "model")]
pub async fn fetch_model(name: String) -> Result<Wire, Problem> {
    crate::auth::admin().await?;
    let model = expect_context::<crate::gateway::Gateway>().model(&name).ok_or_else(|| Problem::not_found("model"))?;
    let draft: (ModelDraft, Vec<String>) = ((&*model).into(), model.capabilities.clone());
    Ok(Wire::of(&Some(draft)))
}

/// A well-known model as its form would hold it; of one that is not known, its name.
#[server(prefix = "/fn", endpoint = "known-model")]
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
    let versions = move || format!("{} {} {}", changed.get(), save.version(), delete.version());
    let list = use_data::<ModelPage, _>(
        move || {
            asked.with(|asked| {
                [&asked.q, &asked.can, &asked.provider, &asked.after, &versions()].map(String::as_str).join("\n")
            })
        },
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
            let link = is_admin.then(|| {
                view! {
                    <a class="button" href="/models/prices">"Prices"</a>
                    <a class="button button--primary" href=href data-noscroll>"New model"</a>
                }
            });
            Ok(link.into_any())
        })
    };
    view! {
        <Sheet title="Models" lede=|| "What keys may call. Prices in credits per million tokens." actions=actions>
            <ModelFilters choices list/>
            {both_shown_for(|| (), list, choices, move |page, choices| {
                let both = page.and_then(|page| Ok((page, choices?.is_admin)));
                Ok(both.map_or_else(unread, |(page, is_admin)| {
                    models(page, is_admin, &asked.get_untracked()).into_any()
                }))
            })}
        </Sheet>
        <Dialogs save delete is_new edited deleted choices/>
    }
}

/// “1–50 of 213”, where there are any.
fn span(page: &ModelPage) -> String {
    let ModelPage { rows, matching, before, .. } = page;
    match rows.len() {
        0 => String::new(),
        count if count == *matching => format!("{count} of {matching}"),
        count => format!("{}–{} of {matching}", before + 1, before + count),
    }
}

fn models(page: ModelPage, is_admin: bool, asked: &Asked) -> impl IntoView + use<> {
    let here = untrack(Place::here).without("after").without("new").without("edit").without("delete");
    if page.rows.is_empty() {
        return none(is_admin, asked.is_narrowed()).into_any();
    }
    let newer = page.newer.map(|name| here.clone().with("after", name).href());
    let older = page.older.map(|name| here.clone().with("after", name).href());
    view! {
        <Catalogue rows=page.rows is_admin/>
        <Pager newer older note=|| "A model without a price is refused until it has one"/>
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
