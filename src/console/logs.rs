//! Logs.

use leptos::prelude::*;

/// To come.
#[component]
pub fn Logs() -> impl IntoView {
    view! { <h1>"Logs"</h1> }
}
