//! Quota rules: caps and hours, kept once and bound to many keys.

use super::ui::sheet::Sheet;
use leptos::prelude::*;

#[component]
pub fn Rules() -> impl IntoView {
    view! { <Sheet title="Quota rules"><p></p></Sheet> }
}

#[component]
pub fn Rule() -> impl IntoView {
    view! { <Sheet title="Quota rule"><p></p></Sheet> }
}
