//! Set up.

use leptos::prelude::*;

/// To come.
#[component]
pub fn SetUp() -> impl IntoView {
    view! { <h1>"SetUp"</h1> }
}
