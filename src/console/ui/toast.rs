//! Short words about what has just been done. Good news leaves by itself; bad news stays until it is put away.

use super::drawn::{Views, drawn};
use crate::console::form::Flash;
use leptos::prelude::*;
use std::time::Duration;

const STAYS: Duration = Duration::from_secs(6);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Toast {
    id: u32,
    text: String,
    is_bad: bool,
    /// It was put away. Its place is kept while others are shown, so that none of them is read out again.
    is_gone: bool,
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
            // The same words once are enough; said again they take a new place, so that they are read out again.
            shown.iter_mut().filter(|toast| toast.text == text).for_each(|toast| toast.is_gone = true);
            shown.push(Toast { id, text, is_bad, is_gone: false });
        });
        if !is_bad && !is_server() {
            set_timeout(move || self.remove(id), STAYS);
        }
    }

    fn remove(self, id: u32) {
        self.shown.update(|shown| {
            shown.iter_mut().filter(|toast| toast.id == id).for_each(|toast| toast.is_gone = true);
            if shown.iter().all(|toast| toast.is_gone) {
                shown.clear();
            }
        });
    }
}

/// The last element of the body. Once it is there the page is whole.
pub(crate) const LAST: &str = "toasts";

/// Where toasts are shown, at the end of the body.
#[component]
pub(crate) fn Toaster() -> impl IntoView {
    let toasts = expect_context::<Toasts>();
    view! {
        <div class="toasts" id=LAST role="status" aria-live="polite">
            {drawn(move || toasts.shown.get().into_iter().map(|toast| one(toasts, toast)).views())}
        </div>
    }
}

fn one(toasts: Toasts, toast: Toast) -> AnyView {
    let Toast { id, text, is_bad, is_gone } = toast;
    if is_gone {
        return ().into_any();
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
    .into_any()
}
