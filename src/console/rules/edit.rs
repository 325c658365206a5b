//! The page of one rule: what it says while it is written, the week it opens, and what it would have refused.

use super::fields::{Cap, HoursFields};
use super::said::{Said, fetch_said, week, words};
use super::tried::{Tried, fetch_tried, tried};
use crate::console::data::{Data, Reading, Wire, shown, use_data, use_data_after};
use crate::console::form::{Done, FormState, PostForm, post, use_form};
use crate::console::ui::browser;
use crate::console::ui::drawn::{drawn, effect, memo, text, word};
use crate::console::ui::field::{FieldProblem, Submit};
use crate::console::ui::later::below_and_awake;
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

/// The fields, and what they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub fields: Fields,
    pub said: Said,
}

/// A rule's page as it is opened, as [`Opened`]; of a new one where the id is blank. `written` is a form that came back, if one
/// did.
#[server(prefix = "/fn", endpoint = "rule-fields", protocol = Reading)]
pub async fn fetch_fields(id: String, written: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::rules::{form, said};
    let gateway = expect_context::<crate::gateway::Gateway>();
    let known = if id.is_empty() { None } else { Some(gateway.rule(&account, &id.into()).await?) };
    let now = gateway.clock().now();
    Ok(Wire::of(&Opened {
        fields: form::fields(&account, known.as_ref().map(|known| &known.rule), &written),
        said: said::said(&account, now, known.as_ref(), &written),
    }))
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
    let opened = use_data::<Opened, _>(move || id.get(), move || fetch_fields(id.get_untracked(), came_back.clone()));
    let live = use_live(&["rules", "keys", "accounts"]);
    let followed = follow(id, live, body);
    let said = memo(move || match followed.get() {
        // What it said before would be untrue.
        Some(Err(_)) => None,
        now => now.and_then(Result::ok).flatten().or_else(|| Some(opened.found()?.said)),
    });
    let dry = use_data_after::<Tried, _, _>(
        opened,
        move || format!("{} {}", id.get(), body()),
        move || untrack(|| fetch_tried(id.get(), body())),
    );
    let touched = RwSignal::new(0_u32);
    let mut soon = debounce(PAUSE, move |()| {
        if let Some(form) = browser::find(".rule-form") {
            written.set((id.get_untracked(), post::written(form.unchecked_ref(), None)));
        }
    });
    effect(move || {
        if touched.get() > 0 {
            soon(());
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
                {shown(opened, move |opened| Ok(match opened {
                    Ok(Opened { fields, .. }) => page(Page { state, id, fields, said, followed, dry, moved, touched }).into_any(),
                    Err(problem) => missing(problem).into_any(),
                }))}
            </main>
        </PostForm>
    }
}

/// What the rule says now, once that is no longer what it said when the page was opened.
fn follow(
    id: Memo<String>,
    live: Signal<u64>,
    body: impl Fn() -> String + Copy + Send + Sync + 'static,
) -> Data<Option<Said>> {
    let opened = StoredValue::new((id.get_untracked(), live.get_untracked(), body()));
    use_data(
        move || format!("{} {} {}", id.get(), live.get(), body()),
        move || {
            let now = untrack(|| (id.get(), live.get(), body()));
            if opened.with_value(|(opened, ..)| *opened != now.0) {
                opened.set_value(now.clone());
            }
            let is_as_opened = opened.with_value(|opened| *opened == now);
            async move { if is_as_opened { Ok(Wire::nothing()) } else { fetch_said(now.0, now.2).await } }
        },
    )
}

/// What the page is drawn of.
struct Page {
    state: FormState,
    id: Memo<String>,
    fields: Fields,
    said: Memo<Option<Said>>,
    followed: Data<Option<Said>>,
    dry: Data<Tried>,
    /// Counts that rows of ranges have come or gone.
    moved: RwSignal<u32>,
    /// Counts what the page should follow.
    touched: RwSignal<u32>,
}

fn page(page: Page) -> impl IntoView {
    let Page { state, id, fields, said, followed, dry, moved, touched } = page;
    let Fields { title, written } = fields;
    let toggle = toggle(state, &written);
    view! {
        <header class="sheet__head">
            <div>{head(title)}</div>
            <div class="sheet__actions rule__toggle">
                {toggle}
                <label for="enabled">{text(move || said.get().map(|said| said.standing).unwrap_or_default())}</label>
            </div>
            <FieldProblem form=state field="enabled"/>
        </header>
        // What Enter presses: the first button of a form, which would else be one of those between the fields.
        <button class="visually-hidden" tabindex="-1" aria-hidden="true">"Save rule"</button>
        <input type="hidden" name="id" value=text(move || id.get())/>
        {drawn(move || state.message().filter(|said| !said.is_empty()).map(|_| view! { <div class="rule__problem"><FormProblem form=state/></div> }))}
        <section class="statement statement--first" aria-label="In words" aria-live="polite">
            {drawn(move || match (said.get(), followed.get()) {
                (Some(said), _) => words(said).into_any(),
                (None, Some(Err(problem))) => unread(problem),
                (None, _) => ().into_any(),
            })}
        </section>
        {below_and_awake(move || view! {
            <section class="statement" aria-label="Cap and hours">
                <div class="twelfths">
                    <div class="w-3"><Cap form=state written=written.clone()/></div>
                    <div class="w-3"><HoursFields form=state written moved touched/></div>
                    <div class="w-6">{drawn(move || said.get().map(week))}</div>
                </div>
            </section>
        }.into_any())}
        {shown(dry, |dry| Ok(dry.ok().map(|dry| view! {
            <section class="statement" aria-label="Dry run">
                {tried(dry)}
                <p class="without-script"><button class="button" name="act" value="try">"Try it as written"</button></p>
            </section>
        }).into_any()))}
        {below_and_awake(move || view! {
            <footer class="savebar">
                <span role="status">
                    {drawn(move || said.get().map(|said| view! { <b>{said.changes}</b> {said.on} }))}
                </span>
                <span>
                    <a class="button" href="/rules">"Cancel"</a>
                    <Submit form=state>"Save rule"</Submit>
                </span>
            </footer>
        }.into_any())}
    }
}

/// There is no such rule, it is another's, or it could not be read.
fn missing(problem: Problem) -> impl IntoView {
    view! { <header class="sheet__head"><div>{head("Quota rule".to_owned())} {unread(problem)}</div></header> }
}

fn head(title: String) -> impl IntoView {
    view! { <Title text=title.clone()/> <p class="crumb"><a href="/rules">"Quota rules"</a></p> <h1>{title}</h1> }
}

fn toggle(form: FormState, written: &Written) -> impl IntoView + use<> {
    let checked = written.enabled.is_some();
    let invalid = word(move || form.problem_for("enabled").map(|_| "true"));
    view! {
        <input class="toggle" type="checkbox" id="enabled" name="enabled" value="on" checked=checked aria-invalid=invalid/>
        <input type="hidden" name="seen" value=written.seen.clone()/>
    }
}
