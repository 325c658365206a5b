//! An instant, written by the server in the reader's zone.

use leptos::prelude::*;

#[component]
pub fn When(
    /// RFC 3339.
    at: String,
    /// As the server formatted it, in the reader's zone: “14:32:05”.
    #[prop(into)]
    text: String,
    /// The whole date, for the tooltip.
    #[prop(optional, into)]
    full: Option<String>,
) -> impl IntoView {
    view! { <time datetime=at title=full>{text}</time> }
}
