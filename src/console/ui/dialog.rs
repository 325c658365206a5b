//! What opens over a page: dialogs, which ask for something, and drawers, which show one row of many.
//!
//! Both are opened by the URL, such as `?new=1`, so the server renders them open; a link closes them. With JavaScript
//! a dialog is modal, Escape follows its closing link, and the focus returns to where it was.

use super::browser;
use super::drawn::effect;
use super::later::is_hydrating;
use leptos::children::ViewFn;
use leptos::ev::Event;
use leptos::html;
use leptos::prelude::*;
use leptos::web_sys::{HtmlDialogElement, KeyboardEvent};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// A modal dialog. `children` are usually a form of the class `dialog__form` with a `dialog__body` and a `dialog__foot`.
#[component]
pub fn Dialog(
    #[prop(into)] title: String,
    /// One line under the title.
    #[prop(optional, into)]
    lede: ViewFn,
    /// Where closing leads: the page without the dialog.
    #[prop(into)]
    close: String,
    /// For a question or a few fields.
    #[prop(optional)]
    small: bool,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    return_focus();
    effect(move || {
        if let Some(dialog) = dialog.get() {
            // What has just been read is drawn before it is put into the page, where alone it can be shown.
            if dialog.is_connected() { show(&dialog) } else { request_animation_frame(move || show(&dialog)) }
        }
    });
    let leave = leave(close.clone());
    let cancel = {
        let leave = leave.clone();
        move |event: Event| {
            event.prevent_default();
            leave();
        }
    };
    view! {
        <div class="scrim"></div>
        <dialog
            class=if small { "dialog dialog--small" } else { "dialog" }
            open
            aria-labelledby="dialog-t"
            node_ref=dialog
            on:cancel=cancel
            on:close=move |_| leave()
        >
            <header class="dialog__head">
                <div>
                    <h2 class="dialog__title" id="dialog-t" tabindex="-1">{title}</h2>
                    <p class="dialog__lede">{lede.run()}</p>
                </div>
                <Close href=close/>
            </header>
            {children()}
        </dialog>
    }
}

fn show(dialog: &HtmlDialogElement) {
    // The server left it open and not modal, for browsers without JavaScript.
    _ = dialog.remove_attribute("open");
    _ = dialog.show_modal();
    // One that asks for nothing is read from its beginning.
    if let Some(title) = browser::find("#dialog-t").filter(|_| browser::find("dialog:modal [autofocus]").is_none()) {
        browser::focus(&title);
    }
}

/// One row of many, beside the list.
#[component]
pub fn Drawer(
    #[prop(into)] title: String,
    /// Above the title: when it was.
    #[prop(optional, into)]
    bar: ViewFn,
    /// Links to the neighbouring rows.
    #[prop(optional, into)]
    neighbours: ViewFn,
    #[prop(into)] close: String,
    children: Children,
) -> impl IntoView {
    let heading = NodeRef::<html::H2>::new();
    let is_hydrating = is_hydrating();
    return_focus();
    effect(move || {
        // A page that was loaded with its drawer open begins at its beginning.
        if let Some(heading) = heading.get().filter(|_| !is_hydrating) {
            browser::focus(&heading);
        }
    });
    let leave = leave(close.clone());
    let escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            leave();
        }
    };
    view! {
        <dialog class="drawer" open aria-labelledby="drawer-t" on:keydown=escape>
            <div class="drawer__bar">
                <span>{bar.run()}</span>
                <span>{neighbours.run()} <Close href=close/></span>
            </div>
            <h2 class="drawer__title" id="drawer-t" tabindex="-1" node_ref=heading>{title}</h2>
            {children()}
        </dialog>
    }
}

/// A part of a drawer, under its own rule.
#[component]
pub fn DrawerPart(
    #[prop(into)] title: String,
    #[prop(optional, into)] note: ViewFn,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="drawer__part">
            <header>
                <h3>{title}</h3>
                <span class="statement__note">{note.run()}</span>
            </header>
            {children()}
        </section>
    }
}

#[component]
fn Close(href: String) -> impl IntoView {
    view! { <a class="close" href=href aria-label="Close" data-noscroll>"×"</a> }
}

fn leave(href: String) -> impl Fn() + Clone + 'static {
    let go = use_navigate();
    move || go(&href, NavigateOptions { scroll: false, ..Default::default() })
}

/// Remembers what has the focus now, and gives it back when this part of the page is gone.
fn return_focus() {
    effect(move || {
        let before = StoredValue::new_local(browser::focused());
        on_cleanup(move || {
            let before = before.try_update_value(Option::take).flatten();
            // Only once the dialog is out of the page can anything else have the focus.
            request_animation_frame(move || {
                if let Some(to) = before.filter(|before| before.is_connected()).or_else(|| browser::find("#sheet")) {
                    browser::focus(&to);
                }
            });
        });
    });
}
