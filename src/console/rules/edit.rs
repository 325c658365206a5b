//! The page of one rule: what it says while it is written, the week it opens, and what it would have refused.

use super::fields::{Cap, HoursFields};
use super::said::{Said, fetch_said, week, words};
use super::tried::{Tried, fetch_tried, tried};
use crate::console::data::{Wire, shown, use_data};
use crate::console::form::{Done, FormState, PostForm, post, use_form};
use crate::console::ui::browser;
use crate::console::ui::drawn::{drawn, effect, memo, text, word};
use crate::console::ui::field::{FieldProblem, Submit};
use crate::console::ui::live::use_live;
use crate::console::ui::notice::FormProblem;
use crate::console::unread::unread;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is written in the form of a rule, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    pub name: String,
    pub description: String,
    /// Set if it is.
    pub enabled: Option<String>,
    pub quota: WrittenQuota,
    /// Where the cap's periods begin, if not where the hours are.
    pub timezone: String,
    pub hours: WrittenHours,
    pub weekdays: Vec<String>,
    /// The rule as it was when the form was filled in.
    pub seen: String,
    /// A button that does not save: `more`, `remove:` and a row of the ranges, `try`.
    pub act: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenQuota {
    pub credits: String,
    pub period: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenHours {
    pub timezone: String,
    pub ranges: Vec<WrittenRange>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenRange {
    pub from: String,
    pub to: String,
}

/// The fields as they are to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The rule's name; of a new one, that it is.
    pub title: String,
    pub written: Written,
}

/// The [`Fields`] of a rule; of a new one where the id is blank. `written` is a form that came back, if one did.
#[server(prefix = "/fn", endpoint = "rule-fields")]
pub async fn fetch_fields(id: String, written: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::rules::form;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let known = if id.is_empty() { None } else { Some(gateway.rule(&account, &id.into()).await?) };
    Ok(Wire::of(&form::fields(&account, known.as_ref().map(|known| &known.rule), &written)))
}

/// Makes a rule, or changes the one with this id; in force on the very next call of each key that it governs.
#[server(prefix = "/fn", endpoint = "save-rule")]
pub async fn save_rule(
    #[server(default)] id: String,
    #[server(default)] seen: String,
    #[server(default)] act: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] enabled: Option<String>,
    #[server(default)] quota: WrittenQuota,
    #[server(default)] timezone: String,
    #[server(default)] hours: WrittenHours,
    #[server(default)] weekdays: Vec<String>,
) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::problem::ProblemKind;
    use crate::page::rules::form;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let written = Written { name, description, enabled, quota, timezone, hours, weekdays, seen, act };
    // Nothing is to be saved yet: what was written goes back to the page, which draws it with a range more or fewer.
    if !written.act.is_empty() {
        return Err(Problem::new(ProblemKind::Invalid, ""));
    }
    let known = if id.is_empty() { None } else { Some(gateway.rule(&account, &id.into()).await?) };
    let spec = form::read(known.as_ref().map(|known| &known.rule), &written).whole()?;
    let saved = match &known {
        None => gateway.create_rule(&account, spec).await,
        Some(known) if !form::is_as_seen(&known.rule, &written.seen) => {
            let message = "This rule was changed since this page was opened, here or elsewhere. Nothing was saved: \
                reload the page to see it as it is, then change it.";
            return Err(Problem::new(ProblemKind::Meanwhile, message));
        }
        Some(known) => gateway.edit_rule(&account, known, spec).await,
    };
    let saved = saved.map_err(form::beside_its_fields)?;
    leptos_axum::redirect("/rules");
    Ok(Done::saying(crate::page::rules::saved(&saved, known.is_none())))
}

/// How long after the last letter the page follows what is written.
const PAUSE: Duration = Duration::from_millis(250);

/// The page.
#[component]
pub fn Rule() -> impl IntoView {
    let form = use_form::<SaveRule>();
    let params = use_params_map();
    let id = memo(move || params.read().get("id").filter(|id| id != "new").unwrap_or_default());
    // What is written in the form of which rule; blank until something is.
    let written = RwSignal::new((id.get_untracked(), form.state.written()));
    let body = move || written.with(|(of, body)| if *of == id.get() { body.clone() } else { String::new() });
    let came_back = form.state.written();
    let fields = use_data::<Fields, _>(move || id.get(), move || fetch_fields(id.get_untracked(), came_back.clone()));
    let live = use_live(&["rules", "keys", "accounts"]);
    let said = use_data::<Said, _>(
        move || format!("{} {} {}", id.get(), live.get(), body()),
        move || untrack(|| fetch_said(id.get(), body())),
    );
    let dry = use_data::<Tried, _>(
        move || format!("{} {}", id.get(), body()),
        move || untrack(|| fetch_tried(id.get(), body())),
    );
    let touched = RwSignal::new(0_u32);
    let mut follow = debounce(PAUSE, move |()| {
        if let Some(form) = browser::find(".rule-form") {
            written.set((id.get_untracked(), post::written(form.unchecked_ref(), None)));
        }
    });
    effect(move || {
        if touched.get() > 0 {
            follow(());
        }
    });
    // Rows of ranges that have moved no longer stand beside what was said of them.
    let moved = RwSignal::new(0_u32);
    form.forget_unless(move || moved.get() == 0);
    let touch = move || touched.update(|count| *count += 1);
    let state = form.state;
    view! {
        <PostForm form=state class="rule-form" novalidate=true>
            <main class="sheet" id="sheet" tabindex="-1" on:input=move |_| touch() on:change=move |_| touch()>
                <header class="sheet__head">
                    <div>{shown(fields, |fields| Ok(head(fields)))}</div>
                    <div class="sheet__actions rule__toggle">
                        {shown(fields, move |fields| Ok(fields.ok().map(|fields| toggle(state, &fields.written)).into_any()))}
                        {shown(said, |said| Ok(said.ok().map(|said| view! { <label for="enabled">{said.standing}</label> }).into_any()))}
                    </div>
                    <FieldProblem form=state field="enabled"/>
                </header>
                // What Enter presses: the first button of a form, which would else be one of those between the fields.
                <button class="visually-hidden" tabindex="-1" aria-hidden="true">"Save rule"</button>
                <input type="hidden" name="id" value=text(move || id.get())/>
                {drawn(move || state.message().filter(|said| !said.is_empty()).map(|_| view! { <div class="rule__problem"><FormProblem form=state/></div> }))}
                <section class="statement statement--first rule__part" aria-label="In words" aria-live="polite">
                    {shown(said, |said| Ok(said.ok().map(words).into_any()))}
                </section>
                <section class="statement rule__part" aria-label="Cap and hours">
                    <div class="twelfths">
                        {shown(fields, move |fields| Ok(fields.ok().map(|Fields { written, .. }| view! {
                            <div class="w-3"><Cap form=state written=written.clone()/></div>
                            <div class="w-3"><HoursFields form=state written moved touched/></div>
                        }).into_any()))}
                        <div class="w-6">{shown(said, |said| Ok(said.ok().map(week).into_any()))}</div>
                    </div>
                </section>
                <section class="statement rule__part" aria-label="Dry run">
                    {shown(dry, |dry| Ok(dry.ok().map(tried).into_any()))}
                    <p class="without-script"><button class="button" name="act" value="try">"Try it as written"</button></p>
                </section>
                <footer class="savebar">
                    <span role="status">
                        {shown(said, |said| Ok(said.ok().map(|said| view! { <b>{said.changes}</b> {said.on} }).into_any()))}
                    </span>
                    <span>
                        <a class="button" href="/rules">"Cancel"</a>
                        <Submit form=state>"Save rule"</Submit>
                    </span>
                </footer>
            </main>
        </PostForm>
    }
}

fn head(fields: Result<Fields, Problem>) -> AnyView {
    let crumb = view! { <p class="crumb"><a href="/rules">"Quota rules"</a></p> };
    match fields {
        Ok(Fields { title, .. }) => view! { <Title text=title.clone()/> {crumb} <h1>{title}</h1> }.into_any(),
        Err(problem) => view! { <Title text="Quota rule"/> {crumb} <h1>"Quota rule"</h1> {unread(problem)} }.into_any(),
    }
}

fn toggle(form: FormState, written: &Written) -> impl IntoView + use<> {
    let checked = written.enabled.is_some();
    let invalid = word(move || form.problem_for("enabled").map(|_| "true"));
    view! {
        <input class="toggle" type="checkbox" id="enabled" name="enabled" value="on" checked=checked aria-invalid=invalid/>
        <input type="hidden" name="seen" value=written.seen.clone()/>
    }
}
