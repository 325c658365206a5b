//! What can be written in: each field with its label, its hint, and what is wrong with it.
//!
//! A field is named by its path as problems name it, such as `limits.rpm`; its input's name is then `limits[rpm]`.

use super::drawn::{Views, drawn, word};
use crate::console::form::{FormState, input_name, is_secret};
use leptos::children::ViewFn;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

/// A label, an input, its hint and its problem.
#[component]
pub fn TextField(
    form: FormState,
    field: &'static str,
    #[prop(into)] label: String,
    /// After the label, in pencil: “credits”.
    #[prop(optional)]
    unit: &'static str,
    #[prop(optional, into)] hint: ViewFn,
    /// What it holds now. A failed post puts back what had been written.
    #[prop(optional, into)]
    value: String,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(optional, into)] placeholder: String,
    /// `off` unless said.
    #[prop(optional)]
    autocomplete: &'static str,
    #[prop(optional)] inputmode: &'static str,
    /// The id of a `<datalist>`.
    #[prop(optional)]
    list: &'static str,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    /// Digits at the right.
    #[prop(optional)]
    number: bool,
    /// 40 px, as on the way in.
    #[prop(optional)]
    tall: bool,
) -> impl IntoView {
    let id = id_of(field);
    view! {
        <div class="field">
            <label class="field__label" for=id>
                {label} {(!unit.is_empty()).then(|| view! { " " <span class="unit">{unit}</span> })}
            </label>
            <Input form field value kind placeholder autocomplete inputmode list required autofocus number tall/>
            <div class="field__hint" id=hint_of(field)>{hint.run()}</div>
            <FieldProblem form field/>
        </div>
    }
}

/// The input alone, for tables of fields: a `<label for=id_of(field)>` and a [`FieldProblem`] stand elsewhere.
#[component]
pub fn Input(
    form: FormState,
    field: &'static str,
    #[prop(optional, into)] value: String,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional, into)] placeholder: String,
    #[prop(optional)] autocomplete: &'static str,
    #[prop(optional)] inputmode: &'static str,
    #[prop(optional)] list: &'static str,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    #[prop(optional)] number: bool,
    #[prop(optional)] tall: bool,
) -> impl IntoView {
    let name = input_name(field);
    debug_assert!(kind != "password" || is_secret(&name), "{name} would be sent back to the page");
    let value = if kind == "password" { String::new() } else { form.value_of(field).unwrap_or(value) };
    let class = match (number, tall) {
        (true, _) => "input input--num",
        (false, true) => "input input--tall",
        (false, false) => "input",
    };
    view! {
        <input
            class=class
            id=id_of(field)
            name=name
            r#type=kind
            value=value
            placeholder=(!placeholder.is_empty()).then_some(placeholder)
            autocomplete=if autocomplete.is_empty() { "off" } else { autocomplete }
            inputmode=(!inputmode.is_empty()).then_some(inputmode)
            list=(!list.is_empty()).then_some(list)
            required=required
            autofocus=autofocus || untrack(|| form.is_first_problem(field))
            aria-invalid=word(move || invalid(form, field))
            aria-describedby=described_by(field)
        />
    }
}

/// Many lines.
#[component]
pub fn TextArea(
    form: FormState,
    field: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: ViewFn,
    #[prop(optional, into)] value: String,
    #[prop(default = 3)] rows: u8,
    #[prop(optional, into)] placeholder: Option<String>,
) -> impl IntoView {
    let value = form.value_of(field).unwrap_or(value);
    view! {
        <div class="field">
            <label class="field__label" for=id_of(field)>{label}</label>
            <textarea
                class="input"
                id=id_of(field)
                name=input_name(field)
                rows=rows
                placeholder=placeholder
                autocomplete="off"
                aria-invalid=word(move || invalid(form, field))
                aria-describedby=described_by(field)
            >
                {value}
            </textarea>
            <div class="field__hint" id=hint_of(field)>{hint.run()}</div>
            <FieldProblem form field/>
        </div>
    }
}

/// One of a few.
#[component]
pub fn SelectField(
    form: FormState,
    field: &'static str,
    #[prop(into)] label: String,
    /// Value and label of each.
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: ViewFn,
) -> impl IntoView {
    view! {
        <div class="field">
            <label class="field__label" for=id_of(field)>{label}</label>
            <Select form field options value/>
            <div class="field__hint" id=hint_of(field)>{hint.run()}</div>
            <FieldProblem form field/>
        </div>
    }
}

/// The select alone, for tables of fields.
#[component]
pub fn Select(
    form: FormState,
    field: &'static str,
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    /// Where no `<label>` is seen.
    #[prop(optional, into)]
    label: Option<String>,
) -> impl IntoView {
    let chosen = form.value_of(field).unwrap_or(value);
    let options = options.into_iter().map(|(value, label)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{label}</option> }
    });
    view! {
        <span class="select">
            <select
                class="input"
                id=id_of(field)
                name=input_name(field)
                aria-label=label
                aria-invalid=word(move || invalid(form, field))
                aria-describedby=described_by(field)
            >
                {options.views()}
            </select>
        </span>
    }
}

/// Yes or no. Unchecked, it is not sent: the server function's argument is `#[server(default)] Option<String>`.
#[component]
pub fn CheckField(
    form: FormState,
    field: &'static str,
    #[prop(into)] label: String,
    #[prop(optional)] checked: bool,
    /// What is sent, and with `field="models[]"` one of several.
    #[prop(default = "on".to_owned(), into)]
    value: String,
    /// Drawn as a switch: it acts at once, or turns a thing on and off.
    #[prop(optional)]
    toggle: bool,
) -> impl IntoView {
    let checked = form.values_of(field).map_or(checked, |values| values.contains(&value));
    view! {
        <label class="check">
            <input class:toggle=toggle r#type="checkbox" name=input_name(field) value=value checked=checked/>
            <span>{label}</span>
        </label>
    }
}

/// What is wrong with a field. Nothing while it is right.
#[component]
pub fn FieldProblem(form: FormState, field: &'static str) -> impl IntoView {
    drawn(move || {
        form.problem_for(field).map(|problem| view! { <p class="field__error" id=problem_of(field)>{problem}</p> })
    })
}

/// Sends the form. While an answer is awaited a second click does nothing.
#[component]
pub fn Submit(
    form: FormState,
    /// The form's id, where the button stands outside it.
    #[prop(optional)]
    of: Option<&'static str>,
    /// `button--tall button--wide`, `button--blocks`.
    #[prop(optional)]
    class: &'static str,
    #[prop(optional)] name: Option<&'static str>,
    #[prop(optional, into)] value: Option<String>,
    children: Children,
) -> impl IntoView {
    let once = move |event: MouseEvent| {
        if form.pending() {
            event.prevent_default();
        }
    };
    view! {
        <button
            class=format!("button button--primary {class}")
            form=of
            name=name
            value=value
            aria-disabled=word(move || form.pending().then_some("true"))
            on:click=once
        >
            {children()}
        </button>
    }
}

/// The id of a field's input.
pub fn id_of(field: &str) -> String {
    field.replace(['.', '[', ']'], "-")
}

fn hint_of(field: &str) -> String {
    id_of(field) + "-hint"
}

fn problem_of(field: &str) -> String {
    id_of(field) + "-problem"
}

fn described_by(field: &str) -> String {
    format!("{} {}", problem_of(field), hint_of(field))
}

fn invalid(form: FormState, field: &str) -> Option<&'static str> {
    form.problem_for(field).map(|_| "true")
}
