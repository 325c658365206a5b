//! Tokens.

use leptos::prelude::*;

/// To come.
#[component]
pub fn Tokens() -> impl IntoView {
    view! { <h1>"Tokens"</h1> }
}
