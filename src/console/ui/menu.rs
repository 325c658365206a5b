//! A small menu of things to do with one row.

use leptos::prelude::*;

/// A button with three dots; `children` are links and buttons of the class `menu__item`. Opens without JavaScript.
#[component]
pub fn RowMenu(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    /// Whose menu it is, for those who do not see the row: “production-web”.
    #[prop(into)]
    of: String,
    children: Children,
) -> impl IntoView {
    view! {
        <details class="row-menu" id=id name="row-menu">
            <summary aria-label=format!("Actions for {of}")>"⋯"</summary>
            <div class="menu">{children()}</div>
        </details>
    }
}
