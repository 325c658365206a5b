//! The dialogs of one provider: make it, change it, delete it.

use super::acts::{DeleteProvider, DisableProvider, SaveProvider};
use super::list::ProviderRow;
use crate::console::form::PostForm;
use crate::console::form::{Form, FormState};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::Views;
use crate::console::ui::field::{CheckField, SelectField, Submit, TextArea, TextField};
use crate::console::ui::notice::FormProblem;
use crate::console::ui::place::Place;
use leptos::prelude::*;

/// The form, for a new provider or for one that is there.
#[component]
pub fn ProviderDialog(form: Form<SaveProvider>, known: Option<ProviderRow>) -> impl IntoView {
    let close = untrack(Place::here).without("new").without("edit").href();
    let state = form.state;
    let is_new = known.is_none();
    let (title, does) = if is_new { ("New provider", "Create provider") } else { ("Edit provider", "Save provider") };
    let is_builtin = known.as_ref().is_some_and(|row| row.is_builtin);
    let lede = move || {
        if is_builtin {
            "Built in: tollgate/echo and tollgate/fill"
        } else {
            "Someone whose models calls are forwarded to"
        }
    };
    let original = known.as_ref().map(|row| row.id.clone()).unwrap_or_default();
    let name = known.as_ref().map(|row| row.name.clone()).unwrap_or_default();
    let asks_usage = known.as_ref().is_none_or(|row| row.usage_option);
    let is_enabled = known.as_ref().is_none_or(|row| row.enabled);
    let delete = (!is_new).then(|| {
        let href = Place::new("/providers").with("delete", original.clone()).href();
        view! { <a class="button button--blocks" href=href data-noscroll>"Delete…"</a> }
    });
    let bounds = known.as_ref().map(|row| row.bounds.clone()).unwrap_or_default();
    let upstream = (!is_builtin).then(|| {
        let known = known.map(|row| (row.kind.0, row.base_url, row.credentials, row.responses));
        let (kind, base_url, kept, responses) = known.unwrap_or_default();
        upstream(state, kind, base_url, kept, responses)
    });
    view! {
        <Dialog title=title lede=lede close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form" novalidate=true>
                <input type="hidden" name="original" value=original/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=state/>
                    <TextField form=state field="name" label="Name" value=name required=true autofocus=true placeholder="openai"/>
                    {upstream}
                    <div>
                        <CheckField form=state field="usage_option" label="Ask for usage at the end of streams" checked=asks_usage/>
                        <p class="field__hint">
                            "For OpenAI’s API: adds stream_options.include_usage to calls that do not have it, so that streams are charged by the provider’s own count; turn it off for one that refuses the option."
                        </p>
                    </div>
                    {bounded(state, bounds)}
                    <CheckField form=state field="enabled" label="Enabled: calls may go to it" checked=is_enabled toggle=true/>
                </div>
                <footer class="dialog__foot">
                    <span>{delete}</span>
                    <span>
                        <a class="button" href=close data-noscroll>"Cancel"</a>
                        <Submit form=state>{does}</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}

/// The APIs that a provider may speak.
const KINDS: [(&str, &str); 4] = [
    ("openai", "OpenAI, or anything compatible"),
    ("anthropic", "Anthropic"),
    ("gemini", "Google Gemini"),
    ("azure", "Azure OpenAI"),
];

/// The bounds: each field, its label, and what holds where it is blank.
const BOUNDS: [(&str, &str, &str); 5] = [
    ("timeouts.connect_ms", "Connect, ms", "10000"),
    ("timeouts.first_byte_ms", "First byte, ms", "600000"),
    ("timeouts.idle_ms", "Silence in mid-answer, ms", "300000"),
    ("timeouts.total_ms", "In all, ms", "no limit"),
    ("max_concurrency", "Calls at once", "no limit"),
];

/// Timeouts and limits: folded away until one of them is set, or wrong.
fn bounded(state: FormState, written: Vec<String>) -> impl IntoView {
    let is_open = BOUNDS.iter().zip(written.iter().map(Some).chain([None; 5])).any(|((field, _, _), value)| {
        let is_wrong = untrack(|| state.problem_for(field).is_some());
        is_wrong || value.is_some_and(|value| !value.is_empty())
    });
    let mut written = written.into_iter();
    let fields = BOUNDS.iter().map(|(field, label, otherwise)| {
        let value = written.next().unwrap_or_default();
        view! { <TextField form=state field label=*label value placeholder=*otherwise inputmode="numeric" number=true/> }
    });
    view! {
        <details class="providers__bounds" open=is_open>
            <summary>"Timeouts and limits"</summary>
            <p class="field__hint">
                "A full provider is passed over, and one that is late is given up. What was sent to it by then may have cost it, so the call is charged what it held."
            </p>
            {fields.views()}
        </details>
    }
}

/// Whether a provider speaks OpenAI's Responses API.
const SPEAKS: [(&str, &str); 3] = [("", "If it is OpenAI or Azure"), ("true", "Yes"), ("false", "No")];

fn upstream(state: FormState, kind: String, base_url: String, kept: Vec<String>, responses: String) -> impl IntoView {
    let listed = |list: &[(&str, &str)]| list.iter().map(|(value, label)| ((*value).into(), (*label).into())).collect();
    let (kinds, speaks) = (listed(&KINDS), listed(&SPEAKS));
    let hint = match kept.len() {
        0 => "One a line. Sealed before they are stored; calls use them in turn.".to_owned(),
        1 => format!("{} is stored. Leave it empty to keep it.", kept[0]),
        count => format!("{count} are stored: {}. Leave it empty to keep them.", kept.join(", ")),
    };
    let placeholder = if kept.is_empty() { "sk-…" } else { "" };
    view! {
        <SelectField
            form=state
            field="kind"
            label="API"
            options=kinds
            value=kind
            hint=|| "Callers may speak any of them: calls are translated where they differ."
        />
        <TextField
            form=state
            field="base_url"
            label="Base URL"
            value=base_url
            kind="url"
            required=true
            placeholder="https://api.openai.com/v1"
            hint=|| "As its clients have it, such as https://api.anthropic.com."
        />
        <SelectField
            form=state
            field="responses"
            label="Speaks the Responses API"
            options=speaks
            value=responses
            hint=|| "Of those compatible with OpenAI some do: then such calls go on untouched."
        />
        <TextArea form=state field="credentials" label="Credentials" rows=2 placeholder=placeholder hint=move || hint.clone()/>
    }
}

/// Asks before a provider is deleted, by its name; while models have a route to it, says which.
#[component]
pub fn DeleteDialog(form: Form<DeleteProvider>, row: ProviderRow) -> impl IntoView {
    let close = untrack(Place::here).without("delete").href();
    let state = form.state;
    let is_free = row.models.is_empty();
    let content = match is_free {
        true => view! {
            <p>"Its credentials are deleted with it. Its past calls stay in the logs and in every total."</p>
            <TextField
                form=state
                field="confirm"
                label=format!("Type {} to confirm", row.name)
                autofocus=true
                required=true
            />
        }
        .into_any(),
        false => {
            let models = row.models.iter().map(|name| {
                let href = Place::new("/models").with("edit", name.clone()).href();
                view! { <li><a href=href>{name.clone()}</a></li> }
            });
            view! {
                <p>"It cannot be deleted while models have a route to it. Remove the route from, or disable the provider instead:"</p>
                <ul class="providers__models">{models.views()}</ul>
            }
            .into_any()
        }
    };
    view! {
        <Dialog title=format!("Delete {}?", row.name) close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form" novalidate=true>
                <input type="hidden" name="id" value=row.id/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=state/>
                    {content}
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll>{if is_free { "Cancel" } else { "Close" }}</a>
                        {is_free.then(|| view! { <Submit form=state>"Delete provider"</Submit> })}
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}

/// Asks before a provider is switched off, and says what that would do.
#[component]
pub fn DisableDialog(form: Form<DisableProvider>, row: ProviderRow) -> impl IntoView {
    let close = untrack(Place::here).without("disable").href();
    let state = form.state;
    let lines = row.would.into_iter().map(|line| view! { <p>{line}</p> });
    view! {
        <Dialog title=format!("Disable {}?", row.name) close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form">
                <input type="hidden" name="id" value=row.id/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=state always=true/>
                    {lines.views()}
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll autofocus>"Cancel"</a>
                        <Submit form=state class="button--blocks">"Disable provider"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}
