//! Profile: who is signed in, their zone, and the rule that their keys inherit.

use super::ui::sheet::Sheet;
use leptos::prelude::*;

#[component]
pub fn Profile() -> impl IntoView {
    view! { <Sheet title="Profile"><p></p></Sheet> }
}
