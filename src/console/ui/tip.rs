//! A word with more words behind it, for whoever points at it or reaches it by keyboard.

use leptos::prelude::*;

#[component]
pub fn Tip(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    #[prop(into)] text: String,
    children: Children,
) -> impl IntoView {
    let names = id.clone();
    view! {
        <span class="tip" tabindex="0" aria-describedby=names>
            {children()}
            <span class="tip__text" role="tooltip" id=id>{text}</span>
        </span>
    }
}
