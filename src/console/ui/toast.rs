//! Short words about what has just been done. Good news leaves by itself; bad news stays until it is put away.

use super::drawn::effect;
use crate::console::form::Flash;
use leptos::prelude::*;
use std::time::Duration;

const STAYS: Duration = Duration::from_secs(6);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Toast {
    id: u32,
    text: String,
    is_bad: bool,
}

/// The toasts of this page. One set for the whole app.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next: RwSignal<u32>,
}

impl Toasts {
    /// Called once, by the app. A form posted without JavaScript may have left something to say.
    pub(crate) fn provide() {
        let said = SharedValue::new(|| use_context::<Flash>().and_then(|flash| flash.message())).into_inner();
        let toasts = Self { shown: RwSignal::new(Vec::new()), next: RwSignal::new(0) };
        if let Some(said) = said {
            toasts.add(said, false);
        }
        provide_context(toasts);
    }

    /// Good news: “Key production-web is revoked.”
    pub fn say(text: &str) {
        if let Some(toasts) = use_context::<Self>() {
            toasts.add(text.to_owned(), false);
        }
    }

    /// Bad news that belongs to no form on the page.
    pub fn complain(text: &str) {
        if let Some(toasts) = use_context::<Self>() {
            toasts.add(text.to_owned(), true);
        }
    }

    fn add(self, text: String, is_bad: bool) {
        let id = self.next.get_untracked();
        self.next.set(id + 1);
        self.shown.update(|shown| {
            // The same words once are enough.
            shown.retain(|toast| toast.text != text);
            shown.push(Toast { id, text, is_bad });
        });
    }

    fn remove(self, id: u32) {
        self.shown.update(|shown| shown.retain(|toast| toast.id != id));
    }
}

/// Where toasts are shown, at the end of the body.
#[component]
pub(crate) fn Toaster() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.shown.get() key=|toast| toast.id let:toast>
                {one(toasts, toast)}
            </For>
        </div>
    }
}

fn one(toasts: Toasts, toast: Toast) -> impl IntoView {
    let Toast { id, text, is_bad } = toast;
    if !is_bad {
        effect(move || set_timeout(move || toasts.remove(id), STAYS));
    }
    let class = if is_bad { "toast toast--blocks" } else { "toast" };
    view! {
        <div class=class>
            <span>{text}</span>
            <button class="close needs-script" type="button" aria-label="Dismiss" on:click=move |_| toasts.remove(id)>
                "×"
            </button>
        </div>
    }
}
