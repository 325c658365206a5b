//! Words in the page: notices, what a form's problem is, and pages that have nothing to show yet.

use super::drawn::drawn;
use super::status::Sign;
use crate::console::form::FormState;
use leptos::children::ViewFn;
use leptos::prelude::*;

/// A margin mark and words; the mark's colour is the meaning.
#[component]
pub fn Notice(sign: Sign, children: Children) -> impl IntoView {
    view! { <div class=class(sign)>{children()}</div> }
}

fn class(sign: Sign) -> &'static str {
    match sign {
        Sign::Flows => "notice notice--flows",
        Sign::Warns => "notice notice--warns",
        Sign::Blocks => "notice notice--blocks",
        Sign::Plain | Sign::Off => "notice",
    }
}

/// Why a form was not accepted, in one sentence. Nothing while there is no problem, or where the one field that has to
/// change says so itself.
#[component]
pub fn FormProblem(
    form: FormState,
    /// For forms that show none of their fields, such as the actions of a list.
    #[prop(optional)]
    always: bool,
) -> impl IntoView {
    drawn(move || {
        let said_by_field = form.problem().is_some_and(|problem| problem.fields.len() == 1) && !always;
        form.message().filter(|_| !said_by_field).map(|message| {
            view! { <p class="notice notice--blocks" role="alert" tabindex="-1">{message}</p> }
        })
    })
}

/// A list that has no rows: what is true, and the next thing to do. `children` are the buttons or a snippet.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(optional, into)] text: ViewFn,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty__title">{title}</p>
            <p class="muted">{text.run()}</p>
            {children.map(|children| view! { <div class="empty__next">{children()}</div> })}
        </div>
    }
}
