//! Dashboard.

use leptos::prelude::*;

/// To come.
#[component]
pub fn Dashboard() -> impl IntoView {
    view! { <h1>"Dashboard"</h1> }
}
