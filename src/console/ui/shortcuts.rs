//! Moving by keyboard: `/` to the search, `g` and a letter to a page, `?` for this list. Each person may switch it off.

use super::browser;
use super::drawn::{Views, effect};
use super::preferences::use_preferences;
use leptos::ev;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{HtmlElement, KeyboardEvent};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use std::time::Duration;

const PAGES: [(&str, &str, &str); 7] = [
    ("d", "/", "Dashboard"),
    ("l", "/logs", "Logs"),
    ("t", "/tokens", "Tokens"),
    ("g", "/groups", "Groups"),
    ("q", "/rules", "Quota rules"),
    ("m", "/models", "Models"),
    ("p", "/providers", "Providers"),
];

/// How long `g` waits for its letter.
const WAITS: Duration = Duration::from_millis(1500);

/// Listens for keys, and holds the dialog that lists them.
#[component]
pub(crate) fn Shortcuts() -> impl IntoView {
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    let preferences = use_preferences();
    let go = use_navigate();
    let going = RwSignal::new(false);
    effect(move || {
        let go = go.clone();
        let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
            if !preferences.read_untracked().shortcuts || is_someone_elses(&event) {
                return;
            }
            let key = event.key();
            let page = PAGES.iter().find(|(letter, _, _)| going.get_untracked() && *letter == key);
            going.set(false);
            match (page, key.as_str()) {
                (Some((_, href, _)), _) => go(href, NavigateOptions::default()),
                (None, "g") => {
                    going.set(true);
                    set_timeout(move || going.set(false), WAITS);
                }
                (None, "/") => {
                    let Some(search) = browser::find("[type=search]") else { return };
                    browser::focus(&search);
                }
                (None, "?") => {
                    let Some(dialog) = dialog.get_untracked() else { return };
                    _ = dialog.show_modal();
                }
                _ => return,
            }
            event.prevent_default();
        });
        on_cleanup(move || listener.remove());
    });
    let moves = PAGES.iter().map(|(letter, _, page)| {
        view! { <dt><kbd>"g"</kbd> " " <kbd>{*letter}</kbd></dt> <dd>{*page}</dd> }
    });
    view! {
        <dialog class="dialog dialog--small" aria-labelledby="shortcuts-t" node_ref=dialog>
            <header class="dialog__head"><h2 class="dialog__title" id="shortcuts-t">"Keyboard"</h2></header>
            <div class="dialog__body">
                <dl class="facts">
                    <dt><kbd>"Ctrl"</kbd> " " <kbd>"K"</kbd></dt> <dd>"Find or do anything, from anywhere"</dd>
                    <dt><kbd>"/"</kbd></dt> <dd>"Search this page"</dd>
                    {moves.views()}
                    <dt><kbd>"Esc"</kbd></dt> <dd>"Close what is open"</dd>
                    <dt><kbd>"?"</kbd></dt> <dd>"This list; the account menu switches it off"</dd>
                </dl>
            </div>
            <form class="dialog__foot" method="dialog"><span></span><span><button class="button">"Close"</button></span></form>
        </dialog>
    }
}

/// Keys with a modifier are the browser's, keys in a field are the field's, and a dialog has the page to itself.
fn is_someone_elses(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
    let writes = target.is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || target.is_content_editable()
    });
    writes
        || event.ctrl_key()
        || event.meta_key()
        || event.alt_key()
        || event.default_prevented()
        || browser::find("dialog:modal").is_some()
}
