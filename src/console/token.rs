//! One key: every limit that its calls meet, what it has used, and what was refused.

use super::ui::sheet::Sheet;
use leptos::prelude::*;

#[component]
pub fn Token() -> impl IntoView {
    view! { <Sheet title="Token"><p></p></Sheet> }
}
