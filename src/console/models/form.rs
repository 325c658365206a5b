//! The dialogs of one model: make it, change it, delete it.

use super::choices::ModelChoices;
use super::save::{DeleteModel, SaveModel};
use crate::console::form::PostForm;
use crate::console::form::{Form, FormState, input_name};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::{Views, drawn, word};
use crate::console::ui::field::{CheckField, FieldProblem, SelectField, Submit, TextArea, TextField};
use crate::console::ui::notice::FormProblem;
use crate::console::ui::place::Place;
use crate::domain::model::{CAPABILITIES, Model, Route};
use crate::domain::price::{Kind, Price};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A model as it is written in the form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelDraft {
    pub name: String,
    pub display_name: String,
    pub context_length: String,
    pub max_output_tokens: String,
    /// `million`, `rate`, `free` or `none`.
    pub pricing: String,
    pub input: String,
    pub cached_input: String,
    pub output: String,
    /// What else it is priced by, a line each.
    pub more: String,
    pub rate: String,
    pub completion_multiplier: String,
    pub routes: Vec<RouteDraft>,
    /// The models that stand in for it, a line each, in their order.
    pub fallbacks: String,
    /// Set if it is.
    pub enabled: Option<String>,
}

/// A route as it is written in the form; one without a provider is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteDraft {
    pub provider_id: String,
    pub upstream_model: String,
    pub weight: String,
    pub priority: String,
}

impl ModelDraft {
    /// A new one, and what it can do.
    pub fn fresh(name: &str) -> (Self, Vec<String>) {
        let (name, pricing) = (name.to_owned(), "million".to_owned());
        let draft = Self { name, pricing, enabled: Some("on".to_owned()), ..Self::default() };
        (draft, vec!["chat".to_owned(), "streaming".to_owned()])
    }
}

impl From<&Model> for ModelDraft {
    fn from(model: &Model) -> Self {
        let number = |count: Option<u64>| count.map(|count| count.to_string()).unwrap_or_default();
        let draft = Self {
            name: model.name.clone(),
            display_name: model.display_name.clone(),
            context_length: number(model.context_length),
            max_output_tokens: number(model.max_output_tokens),
            routes: model.routes.iter().map(RouteDraft::from).collect(),
            fallbacks: model.fallbacks.join("\n"),
            enabled: model.enabled.then(|| "on".to_owned()),
            ..Self::default()
        };
        match &model.price {
            None => Self { pricing: "none".to_owned(), ..draft },
            Some(Price::Free) => Self { pricing: "free".to_owned(), ..draft },
            Some(Price::Rates(rates)) => {
                let stated = |kind| rates.tokens.stated(kind).map(|price| price.to_string()).unwrap_or_default();
                Self {
                    pricing: "million".to_owned(),
                    input: stated(Kind::Input),
                    cached_input: stated(Kind::CachedInput),
                    output: stated(Kind::Output),
                    more: rates.lines_but(&FIELDS),
                    ..draft
                }
            }
        }
    }
}

impl From<&Route> for RouteDraft {
    fn from(route: &Route) -> Self {
        Self {
            provider_id: route.provider_id.to_string(),
            upstream_model: route.upstream_model.clone(),
            weight: route.weight.to_string(),
            priority: route.priority.to_string(),
        }
    }
}

/// The form, for a new model or for one that is there.
#[component]
pub fn ModelDialog(
    form: Form<SaveModel>,
    choices: ModelChoices,
    /// What is there or known, with what it can do; nothing for a new one.
    known: Option<(ModelDraft, Vec<String>)>,
    is_new: bool,
) -> impl IntoView {
    let close = untrack(Place::here).without("new").without("known").without("edit").href();
    let (draft, able) = known.unwrap_or_else(|| ModelDraft::fresh(""));
    let fill = is_new.then(|| fill(choices.known));
    let state = form.state;
    let (title, does) = if is_new { ("New model", "Create model") } else { ("Edit model", "Save model") };
    let name = draft.name.clone();
    let lede = move || name.clone();
    let delete = (!is_new).then(|| {
        let href = untrack(Place::here).without("edit").with("delete", draft.name.clone()).href();
        view! { <a class="button button--blocks" href=href data-noscroll>"Delete…"</a> }
    });
    let original = if is_new { String::new() } else { draft.name.clone() };
    view! {
        <Dialog title=title lede=lede close=close.clone()>
            <PostForm form=form.state class="dialog__form" novalidate=true>
                <input type="hidden" name="original" value=original/>
                <input type="hidden" name="back" value=close.clone()/>
                <div class="dialog__body dialog__stack model">
                    <FormProblem form=state/>
                    {fill}
                    {general(state, &draft, is_new)}
                    {abilities(state, &able)}
                    {pricing(state, &draft)}
                    {routes(state, draft.routes, choices.providers)}
                    <TextArea
                        form=state
                        field="model.fallbacks"
                        label="Fallbacks"
                        value=draft.fallbacks
                        rows=2
                        hint=|| "The models, a line each, that answer in this order when no route of this one does. Only those that the key may call, and within its budgets."
                    />
                    <CheckField
                        form=state
                        field="model.enabled"
                        label="Enabled: keys may call it"
                        checked=draft.enabled.is_some()
                        toggle=true
                    />
                </div>
                <footer class="dialog__foot">
                    <span class="model__foot">{delete} <span class="muted">"Changes act on the next call."</span></span>
                    <span>
                        <a class="button" href=close data-noscroll>"Cancel"</a>
                        <Submit form=state>{does}</Submit>
                    </span>
                </footer>
            </PostForm>
            <form id="fill" method="get" action="/models" hidden></form>
        </Dialog>
    }
}

/// Starts from what is known of a well-known model: a form of its own, that is sent to this page.
fn fill(names: Vec<String>) -> impl IntoView {
    let names = names.into_iter().map(|name| view! { <option value=name></option> }).views();
    view! {
        <div class="model__fill">
            <label class="field__label" for="f-known">"Well-known model"</label>
            <input class="input" id="f-known" form="fill" name="known" list="known-models" placeholder="gpt-4o" autocomplete="off"/>
            <datalist id="known-models">{names}</datalist>
            <button class="button" form="fill" name="new" value="filled">"Fill in the rest"</button>
        </div>
    }
}

fn general(state: FormState, draft: &ModelDraft, is_new: bool) -> impl IntoView + use<> {
    let name = match is_new {
        true => view! {
            <TextField
                form=state
                field="model.name"
                label="Name"
                value=draft.name.clone()
                placeholder="gpt-4o"
                required=true
                autofocus=true
                hint=|| "What clients ask for. It stays as it is, since calls and keys refer to it."
            />
        }
        .into_any(),
        false => view! { <input type="hidden" name="model[name]" value=draft.name.clone()/> }.into_any(),
    };
    view! {
        <div class="model__pair">
            {name}
            <TextField
                form=state
                field="model.display_name"
                label="Display name"
                value=draft.display_name.clone()
                autofocus=!is_new
            />
        </div>
        <div class="model__pair">
            <TextField
                form=state
                field="model.context_length"
                label="Context length"
                unit="tokens"
                value=draft.context_length.clone()
                placeholder="not known"
                inputmode="decimal"
                number=true
                hint=|| "Input and output together, such as 128k."
            />
            <TextField
                form=state
                field="model.max_output_tokens"
                label="Most output"
                unit="tokens"
                value=draft.max_output_tokens.clone()
                placeholder="not known"
                inputmode="decimal"
                number=true
                hint=|| "Held for a call that does not say how much it wants."
            />
        </div>
    }
}

fn abilities(state: FormState, able: &[String]) -> impl IntoView + use<> {
    let boxes = CAPABILITIES.iter().map(|name| {
        let checked = able.iter().any(|able| able == name);
        view! { <CheckField form=state field="capabilities[]" label=*name value=*name checked=checked/> }
    });
    view! {
        <fieldset class="model__part">
            <legend class="field__label">"It can"</legend>
            <div class="model__boxes">{boxes.views()}</div>
            <FieldProblem form=state field="model.capabilities"/>
        </fieldset>
    }
}

const PRICINGS: [(&str, &str); 4] = [
    ("million", "Credits per million tokens"),
    ("rate", "Rate × completion multiplier"),
    ("free", "Free"),
    ("none", "No price yet"),
];

/// What has a field of its own.
const FIELDS: [Kind; 3] = [Kind::Input, Kind::CachedInput, Kind::Output];

/// Which fields count is for the stylesheet to show, so that it is shown without JavaScript too.
fn pricing(state: FormState, draft: &ModelDraft) -> impl IntoView + use<> {
    let options = PRICINGS.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect();
    let credits = |field: &'static str, label: &'static str, value: &str, placeholder: &'static str| {
        let value = value.to_owned();
        view! { <TextField form=state field label value placeholder inputmode="decimal" number=true/> }
    };
    let (more, has_more) = (draft.more.clone(), !draft.more.is_empty());
    view! {
        <div class="model__price">
            <SelectField form=state field="model.pricing" label="Price" options=options value=draft.pricing.clone()/>
            <div class="model__million">
                {credits("model.input", "Input", &draft.input, "2.50")}
                {credits("model.cached_input", "Cached input", &draft.cached_input, "as input")}
                {credits("model.output", "Output", &draft.output, "10.00")}
                <details class="model__more" open=has_more>
                    <summary>"Other kinds, units and long inputs"</summary>
                    <TextArea
                        form=state
                        field="model.more"
                        label="A line a price"
                        value=more
                        rows=5
                        hint=|| "Kinds of tokens: cache_write, cache_write_1h, audio_input, image_input, reasoning, audio_output, image_output. Units: per_image 0.04, per_image hd/1024x1024 0.08, per_second, per_million_characters, per_request, per_search. Long inputs: above 200000 input 5.00 output 15.00. A model that is priced by units alone leaves the fields above blank."
                    />
                </details>
            </div>
            <div class="model__rate">
                {credits("model.rate", "Rate", &draft.rate, "2.50")}
                {credits("model.completion_multiplier", "Completion multiplier", &draft.completion_multiplier, "4")}
            </div>
            <p class="model__free field__hint">"Calls are let through and cost nothing."</p>
            <p class="model__none field__hint">"Calls are refused until it has one."</p>
        </div>
    }
}

/// A row for each route and blank ones to add some; a row without a provider is left out.
fn routes(state: FormState, known: Vec<RouteDraft>, providers: Vec<(String, String)>) -> impl IntoView {
    let count = (known.len() + 1).max(3);
    let rows = (0..count).map(|at| {
        let route = known.get(at).cloned().unwrap_or_default();
        route_row(state, at, route, &providers)
    });
    view! {
        <fieldset class="model__part">
            <legend class="field__label">"Routes"</legend>
            <p class="field__hint">
                "Where calls go. The lowest priority first; among equals in proportion to weight. A row without a provider is left out."
            </p>
            <table class="routes">
                <caption class="visually-hidden">"Routes"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Provider"</th>
                        <th scope="col">"Its name for the model"</th>
                        <th scope="col">"Weight"</th>
                        <th scope="col">"Priority"</th>
                    </tr>
                </thead>
                <tbody>{rows.views()}</tbody>
            </table>
            <FieldProblem form=state field="model.routes"/>
        </fieldset>
    }
}

/// What is wrong with a part of a route.
fn problem_of(state: FormState, path: String) -> AnyView {
    drawn(move || state.problem_for(&path).map(|problem| view! { <p class="field__error">{problem}</p> }))
}

fn route_row(state: FormState, at: usize, route: RouteDraft, providers: &[(String, String)]) -> impl IntoView + use<> {
    let number = at + 1;
    let cell = move |field: &'static str, label: &'static str, value: String, placeholder: &'static str| {
        let path = format!("model.routes.{at}.{field}");
        let value = state.value_of(&path).unwrap_or(value);
        let class = if field == "upstream_model" { "input" } else { "input input--num" };
        let invalid = {
            let path = path.clone();
            word(move || state.problem_for(&path).map(|_| "true"))
        };
        view! {
            <td data-label=label>
                <input
                    class=class
                    name=input_name(&path)
                    value=value
                    placeholder=placeholder
                    autocomplete="off"
                    aria-label=format!("{label} of route {number}")
                    aria-invalid=invalid
                />
                {problem_of(state, path)}
            </td>
        }
    };
    let path = format!("model.routes.{at}.provider_id");
    let chosen = state.value_of(&path).unwrap_or(route.provider_id);
    let none = [(String::new(), "none".to_owned())];
    let options = none.iter().chain(providers).map(|(id, name)| {
        let selected = *id == chosen;
        view! { <option value=id.clone() selected=selected>{name.clone()}</option> }
    });
    let options = options.views();
    let problem = path.clone();
    view! {
        <tr>
            <td data-label="Provider">
                <span class="select">
                    <select
                        class="input"
                        name=input_name(&path)
                        aria-label=format!("Provider of route {number}")
                        aria-invalid=word(move || state.problem_for(&path).map(|_| "true"))
                    >
                        {options}
                    </select>
                </span>
                {problem_of(state, problem)}
            </td>
            {cell("upstream_model", "Its name for the model", route.upstream_model, "the same")}
            {cell("weight", "Weight", route.weight, "1")}
            {cell("priority", "Priority", route.priority, "0")}
        </tr>
    }
}

/// Asks before a model is deleted.
#[component]
pub fn DeleteDialog(form: Form<DeleteModel>, name: String) -> impl IntoView {
    let close = untrack(Place::here).without("delete").href();
    view! {
        <Dialog title="Delete this model?" close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form">
                <input type="hidden" name="name" value=name.clone()/>
                <input type="hidden" name="back" value=close.clone()/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=form.state always=true/>
                    <p>
                        "The next call of " <code>{name}</code>
                        " is refused as unknown. Its past calls stay in the logs and in every total. To stop it for a while, disable it instead."
                    </p>
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll autofocus>"Cancel"</a>
                        <Submit form=form.state>"Delete model"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}
