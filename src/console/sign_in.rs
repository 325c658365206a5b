//! Sign in.

use leptos::prelude::*;

/// To come.
#[component]
pub fn SignIn() -> impl IntoView {
    view! { <h1>"SignIn"</h1> }
}
