//! Groups: what several keys share, and who of them uses it.

use super::ui::sheet::Sheet;
use leptos::prelude::*;

#[component]
pub fn Groups() -> impl IntoView {
    view! { <Sheet title="Groups"><p></p></Sheet> }
}

#[component]
pub fn Group() -> impl IntoView {
    view! { <Sheet title="Group"><p></p></Sheet> }
}
