//! Fields of the dialogs over the list, as the server has worded them: one drawing for each kind, whichever dialog.

use crate::console::form::FormState;
use crate::console::ui::drawn::Views;
use crate::console::ui::field::{SelectField, TextArea, TextField};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Every field there is, by its path.
const NAMES: [&str; 13] = [
    "name",
    "group_id",
    "account_id",
    "status",
    "expires_at",
    "timezone",
    "models",
    "ip_allowlist",
    "endpoints",
    "cache_ttl_seconds",
    "rule_id",
    "choice",
    "confirm",
];

/// A field: how it is labelled, what it holds and what stands under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldText {
    pub name: String,
    pub label: String,
    pub value: String,
    pub hint: String,
    pub kind: Kind,
}

/// What is written in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// One line; with an input's type.
    Line(String),
    /// Many lines; with what stands there while there are none.
    Lines(String),
    /// One of these, values and what they are called.
    One(Vec<(String, String)>),
}

/// Draws fields, one under the other.
pub fn fields(form: FormState, fields: Vec<FieldText>) -> AnyView {
    fields.into_iter().map(|text| field(form, text)).views()
}

pub fn field(form: FormState, text: FieldText) -> AnyView {
    let FieldText { name, label, value, hint, kind } = text;
    let Some(field) = NAMES.into_iter().find(|known| *known == name) else { return ().into_any() };
    let hint = move || hint.clone();
    match kind {
        Kind::Line(kind) => {
            let kind = if kind == "datetime-local" { "datetime-local" } else { "text" };
            view! { <TextField form field label kind value hint autofocus=field == NAMES[0]/> }.into_any()
        }
        Kind::Lines(placeholder) => view! { <TextArea form field label value placeholder hint/> }.into_any(),
        Kind::One(options) => view! { <SelectField form field label options value hint/> }.into_any(),
    }
}
