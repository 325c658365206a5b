//! Code to take along, and the button that copies it.

use super::browser;
use super::drawn::{Views, drawn};
use leptos::prelude::*;
use std::time::Duration;

/// Copies a text. Not seen without JavaScript, where the text itself can be selected.
#[component]
pub fn Copy(
    #[prop(into)] text: String,
    #[prop(default = "Copy".to_owned(), into)] label: String,
    #[prop(default = "button")] class: &'static str,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        browser::copy(&text);
        copied.set(true);
        set_timeout(move || copied.set(false), Duration::from_secs(2));
    };
    view! {
        <button class=format!("{class} needs-script") type="button" on:click=copy>
            {drawn(move || if copied.get() { "Copied".to_owned() } else { label.clone() })}
        </button>
    }
}

/// A secret, shown once.
#[component]
pub fn Secret(#[prop(into)] text: String) -> impl IntoView {
    view! {
        <div class="secret">
            <code class="secret__value">{text.clone()}</code>
            <Copy text label="Copy secret" class="button button--primary button--tall"/>
        </div>
    }
}

/// Lines of code with their copy button.
#[component]
pub fn Code(
    #[prop(into)] text: String,
    /// What is the reader's own in it, such as the key: marked wherever it stands.
    #[prop(optional, into)]
    mark: String,
) -> impl IntoView {
    let parts = text.split(if mark.is_empty() { "\0" } else { mark.as_str() }).enumerate().map(|(at, part)| {
        let own = (at > 0).then(|| view! { <b>{mark.clone()}</b> });
        view! { {own} {part.to_owned()} }
    });
    let parts = parts.views();
    view! {
        <div class="snippet__body">
            <pre class="code" tabindex="0">{parts}</pre>
            <Copy text=text class="button snippet__copy"/>
        </div>
    }
}

/// The same in several languages, one open at a time.
#[component]
pub fn Snippets(
    /// Language and code of each.
    snippets: Vec<(String, String)>,
    #[prop(optional, into)] mark: String,
) -> impl IntoView {
    let snippets = snippets.into_iter().enumerate().map(|(at, (language, text))| {
        view! {
            <details class="snippet" name="snippet" open=at == 0>
                <summary>{language}</summary>
                <Code text mark=mark.clone()/>
            </details>
        }
    });
    view! { <div>{snippets.views()}</div> }
}
