//! Tokens: every key with what it has used of its tightest budget, and what may be done with one or with many.

pub mod ask;
pub mod created;
pub mod edit;
pub mod fetch;
pub mod fields;
mod list;
mod narrow;

use super::data::{shown, use_data};
use super::form::{FormState, PostForm, use_form};
use super::ui::drawn::{drawn, effect, memo, text};
use super::ui::live::use_live;
use super::ui::notice::{FormProblem, Notice};
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::ui::status::{AsOf, Sign};
use super::unread::unread;
use ask::{ChangeKeys, QuestionDialog, Told};
use created::CreatedDialog;
use edit::{EditDialog, SaveKey};
use fetch::{KeyChoices, KeyList, fetch_choices, fetch_keys};
use leptos::prelude::*;
use list::{Ticks, list};
use narrow::KeyFilters;

/// What a dialog over the list is opened by: `?revoke=` and the key's id, or several with commas, or `all`.
const DIALOGS: [&str; 8] = ["new", "edit", "revoke", "move", "bind", "rotate", "enable", "disable"];

/// The page.
#[component]
pub fn Tokens() -> impl IntoView {
    let save = use_form::<SaveKey>();
    let change = use_form::<ChangeKeys>();
    let (state, live) = (change.state, use_live(&["keys", "groups", "rules", "accounts", "calls"]));
    let choosable = use_live(&["groups", "rules", "models", "accounts"]);
    let asked = memo(|| without_dialogs(Place::here()).href());
    let dialog = memo(dialog);
    let ticks = Ticks::new();
    let keys = use_data::<KeyList, _>(
        move || format!("{} {} {} {}", asked.get(), save.version(), change.version(), live.get()),
        move || fetch_keys(asked.get_untracked()),
    );
    effect(move || {
        if change.version() > 0 {
            ticks.clear();
        }
    });
    let choices = use_data::<KeyChoices, _>(move || choosable.get().to_string(), fetch_choices);
    effect(move || {
        if let Some(list) = keys.found() {
            ticks.show(&list);
        }
    });
    // A memo, so that a problem with a form does not draw its dialog anew and lose what was written.
    let created = memo(move || {
        let saved = save.outcome().and_then(|saved| saved.created());
        saved.or_else(|| change.outcome().and_then(|changed| changed.created()))
    });
    save.forget_unless(move || matches!(dialog.get(), Some(("new" | "edit", _))));
    let is_first = StoredValue::new(true);
    effect(move || {
        dialog.track();
        // What went wrong in one dialog is not the next one's; what can be undone stays.
        let is_over = untrack(|| state.message().is_some() || created.with(Option::is_some));
        if is_over && !is_first.get_value() {
            state.forget();
        }
        is_first.set_value(false);
    });
    let export = move |format: &'static str| {
        text(move || {
            let query = asked.get().split_once('?').map(|(_, query)| format!("&{query}")).unwrap_or_default();
            format!("/export/keys?format={format}{query}")
        })
    };
    let actions = move || {
        view! {
            {shown(keys, |keys| Ok(keys.ok().map(|list| view! { <AsOf time=list.as_of/> }).into_any()))}
            <a class="button" href=export("csv") download>"Export CSV"</a>
            <a class="button" href=export("json") aria-label="Export JSON" download>"JSON"</a>
            <a class="button button--primary" href=text(|| without_dialogs(Place::here()).with("new", "1").href()) data-noscroll>"New token"</a>
        }
    };
    let lede = move || shown(keys, |keys| Ok(keys.ok().map(|list| list.lede).into_any()));
    view! {
        <Sheet title="Tokens" lede=lede actions=actions>
            <KeyFilters choices list=keys/>
            {drawn(move || dialog.read().is_none().then(|| view! { <FormProblem form=state always=true/> }))}
            {drawn(move || change.outcome().and_then(|changed| changed.told()).map(|said| told(state, said)))}
            <div on:change=move |event| ticks.tick(&event)>
                <PostForm form=state>
                    <input type="hidden" name="back" value=text(move || asked.get())/>
                    {shown(keys, move |keys| Ok(match keys {
                        Ok(found) => list(found, ticks),
                        Err(problem) => unread(problem),
                    }))}
                </PostForm>
            </div>
        </Sheet>
        {drawn(move || over(created.get(), dialog.get(), save, state))}
    }
}

/// The dialog that is open, if one.
fn over(
    created: Option<created::Created>,
    dialog: Option<(&'static str, String)>,
    save: super::form::Form<SaveKey>,
    state: FormState,
) -> AnyView {
    let close = bare().href();
    match (created, dialog) {
        (Some(created), _) => view! { <CreatedDialog created close/> }.into_any(),
        (None, Some(("new", _))) => view! { <EditDialog form=save id=String::new() close/> }.into_any(),
        (None, Some(("edit", id))) => view! { <EditDialog form=save id close/> }.into_any(),
        (None, Some((act, whose))) => view! { <QuestionDialog form=state act=act.to_owned() whose close/> }.into_any(),
        (None, None) => ().into_any(),
    }
}

/// What was done, and the way back: a form of its own, so that Enter in the list's boxes undoes nothing.
fn told(form: FormState, told: Told) -> impl IntoView {
    let Told { says, trouble, undo } = told;
    let sign = if trouble.is_empty() { Sign::Flows } else { Sign::Warns };
    let undo = (!undo.is_empty()).then(|| {
        view! { " " <button class="button" name="act" value=undo>"Undo"</button> }
    });
    view! {
        <div class="keys__told" role="status">
            <PostForm form><Notice sign=sign>{says} " " {trouble} {undo}</Notice></PostForm>
        </div>
    }
}

/// Which dialog the address opens, and for whom. Reactive.
fn dialog() -> Option<(&'static str, String)> {
    let here = Place::here();
    DIALOGS.iter().find_map(|name| Some((*name, here.get(name)?.to_owned())))
}

/// The list as it stands, without a dialog over it.
fn bare() -> Place {
    without_dialogs(Place::now())
}

pub fn without_dialogs(place: Place) -> Place {
    DIALOGS.iter().fold(place, |place, name| place.without(name))
}
