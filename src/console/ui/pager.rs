//! The foot of a list that is read page by page.

use leptos::children::ViewFn;
use leptos::prelude::*;

/// Links to the neighbouring pages; the URL of each holds the key of the row it begins after.
#[component]
pub fn Pager(
    #[prop(into)] newer: Option<String>,
    #[prop(into)] older: Option<String>,
    /// At the left: how long rows are kept, how many there are.
    #[prop(optional, into)]
    note: ViewFn,
) -> impl IntoView {
    view! {
        <nav class="statement__foot" aria-label="Pages">
            <span>{note.run()}</span>
            <span class="pager">
                {newer.map(|href| view! { <a href=href rel="prev">"Newer"</a> })}
                {older.map(|href| view! { <a href=href rel="next">"Older"</a> })}
            </span>
        </nav>
    }
}
