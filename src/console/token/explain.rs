//! “Would this call pass?”: a form that only changes the URL, and the answer, gate by gate.

use super::look_at_answer;
use super::told::{Explained, Question, TokenPage, Verdict};
use crate::console::data::{Data, Reading, Wire, shown, use_data_after};
use crate::console::ui::drawn::{Views, effect, memo};
use crate::console::ui::filters::place_of;
use crate::console::ui::later::below;
use crate::console::ui::place::Place;
use crate::console::ui::sheet::Statement;
use crate::console::ui::status::{Sign, Status};
use crate::console::ui::trace::Trace;
use crate::console::unread::unread;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// The form of a question about a key's call, with the answer, as [`Explained`].
#[server(prefix = "/fn", endpoint = "explain-call", protocol = Reading)]
pub async fn fetch_explained(id: String, question: Question) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let explained = crate::page::token::question::explained(&gateway, &account, &id.into(), question).await?;
    Ok(Wire::of(&explained))
}

impl Question {
    /// As an address has it.
    fn of(place: &Place) -> Self {
        let read = |name| place.get(name).unwrap_or_default().trim().to_owned();
        Self {
            model: read("model"),
            input: read("input"),
            output: read("output"),
            endpoint: read("endpoint"),
            at: read("at"),
            ip: read("ip"),
        }
    }
}

#[component]
pub fn WouldItPass(id: Memo<String>, page: Data<TokenPage>) -> impl IntoView {
    let question = memo(|| Question::of(&Place::here()));
    // The same question, asked again, may have another answer.
    let again = RwSignal::new(0_u32);
    let has_asked = StoredValue::new(false);
    let asked = move || {
        let Question { model, input, output, endpoint, at, ip } = question.get();
        [id.get(), model, input, output, endpoint, at, ip, again.get().to_string()].join("\n")
    };
    let fetch = move || fetch_explained(id.get_untracked(), question.get_untracked());
    let explained = use_data_after::<Explained, _, _>(page, asked, fetch);
    let note = || "Judged as real calls are; nothing is held.";
    shown(explained, move |explained| {
        // The page says so.
        if matches!(&explained, Err(problem) if problem.kind == ProblemKind::NotFound) {
            return Ok(().into_any());
        }
        let id = id.get_untracked();
        // Asked for now, and not when it wakes: by then the address may be another than the server's.
        let here = Place::now();
        let kept = ["of", "span"].into_iter().filter_map(|name| Some((name, here.get(name)?.to_owned()))).collect();
        Ok(below(move || {
            let content = match explained {
                Ok(explained) => view! { <Asked id explained kept again has_asked/> }.into_any(),
                Err(problem) => unread(problem),
            };
            let statement =
                view! { <Statement title="Would this call pass?" id="h-explain" note>{content}</Statement> };
            view! { <div id="explain">{statement}</div> }.into_any()
        }))
    })
}

#[component]
fn Asked(
    id: String,
    explained: Explained,
    /// What the address says beside the question.
    kept: Vec<(&'static str, String)>,
    again: RwSignal<u32>,
    /// Whether the reader has asked on this page, and waits for the answer.
    has_asked: StoredValue<bool>,
) -> impl IntoView {
    let Explained { question, models, endpoints, zone, problems, verdict } = explained;
    let form = NodeRef::<html::Form>::new();
    let go = use_navigate();
    let path = format!("/tokens/{id}");
    let action = format!("{path}#explain");
    effect(move || {
        if has_asked.try_update_value(std::mem::take).unwrap_or_default() {
            look_at_answer();
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(place) = form.get_untracked().and_then(|form| place_of(&path, &form)) {
            has_asked.set_value(true);
            if Question::of(&place) == Question::of(&Place::now()) {
                again.update(|count| *count += 1);
            }
            go(&place.href(), NavigateOptions { scroll: false, ..Default::default() });
        }
    };
    let problem = |name: &str| problems.iter().find(|(field, _)| field == name).map(|(_, says)| says.clone());
    let field = |name: &'static str, label: &'static str, hint: String, input: Input| {
        let problem = problem(name);
        view! { <Field name label hint input problem/> }
    };
    let kept = kept.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).views();
    let options = models.iter().map(|model| view! { <option value=model.clone()></option> }).views();
    let text = |value: String, kind, mode| Input::Text { value, kind, mode };
    let count = |value| text(value, "text", "numeric");
    view! {
        <form class="explain" method="get" action=action node_ref=form on:submit=submit>
            {kept}
            {field("model", "Model", String::new(), text(question.model, "text", "models"))}
            {field("input", "Input tokens", "Blank is none.".into(), count(question.input))}
            {field("output", "Most output tokens", "Blank leaves it to the gateway.".into(), count(question.output))}
            {field("endpoint", "Path", String::new(), Input::Choice { value: question.endpoint, options: endpoints })}
            {field("at", "When", format!("In {zone}. Blank is now."), text(question.at, "datetime-local", ""))}
            {field("ip", "From address", "Blank is not judged.".into(), text(question.ip, "text", ""))}
            <datalist id="explain-models">{options}</datalist>
            <p class="explain__ask"><button class="button button--primary">"Explain"</button></p>
        </form>
        {verdict.map(|verdict| view! { <Answer verdict/> })}
    }
}

enum Input {
    /// `mode` is the input mode, or `models` for a text with suggestions.
    Text {
        value: String,
        kind: &'static str,
        mode: &'static str,
    },
    Choice {
        value: String,
        options: Vec<String>,
    },
}

#[component]
fn Field(
    name: &'static str,
    label: &'static str,
    hint: String,
    input: Input,
    problem: Option<String>,
) -> impl IntoView {
    let id = format!("explain-{name}");
    let (hint_id, problem_id) = (format!("{id}-hint"), format!("{id}-problem"));
    let described = format!("{hint_id} {problem_id}");
    let invalid = problem.is_some().then_some("true");
    let control = match input {
        Input::Text { value, kind, mode } => {
            let (list, mode) = if mode == "models" { (Some("explain-models"), "") } else { (None, mode) };
            view! {
                <input
                    class="input"
                    id=id.clone()
                    name=name
                    r#type=kind
                    value=value
                    list=list
                    inputmode=(!mode.is_empty()).then_some(mode)
                    autocomplete="off"
                    required=list.is_some()
                    aria-invalid=invalid
                    aria-describedby=described
                />
            }
            .into_any()
        }
        Input::Choice { value, options } => {
            let options = options.into_iter().map(|option| {
                let selected = option == value;
                view! { <option value=option.clone() selected=selected>{option.clone()}</option> }
            });
            let options = options.views();
            view! {
                <span class="select">
                    <select class="input" id=id.clone() name=name aria-invalid=invalid aria-describedby=described>
                        {options}
                    </select>
                </span>
            }
            .into_any()
        }
    };
    view! {
        <div class="field">
            <label class="field__label" for=id>{label}</label>
            {control}
            <div class="field__hint" id=hint_id>{hint}</div>
            {problem.map(|says| view! { <p class="field__error" id=problem_id>{says}</p> })}
        </div>
    }
}

#[component]
fn Answer(verdict: Verdict) -> impl IntoView {
    let Verdict { passes, headline, notes, told, gates } = verdict;
    let sign = if passes { Sign::Flows } else { Sign::Blocks };
    let told = (!told.is_empty()).then(|| {
        view! { <p><span class="muted">"The caller would be told: "</span> {told}</p> }
    });
    let notes = notes.into_iter().map(|note| view! { <p class="muted">{note}</p> }).views();
    view! {
        <div class="verdict">
            <h3 class="verdict__title" id="verdict" tabindex="-1"><Status sign>{headline}</Status></h3>
            {told}
            {notes}
            <Trace gates/>
        </div>
    }
}
