//! Providers.

use leptos::prelude::*;

/// To come.
#[component]
pub fn Providers() -> impl IntoView {
    view! { <h1>"Providers"</h1> }
}
