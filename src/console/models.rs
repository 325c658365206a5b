//! Models.

use leptos::prelude::*;

/// To come.
#[component]
pub fn Models() -> impl IntoView {
    view! { <h1>"Models"</h1> }
}
