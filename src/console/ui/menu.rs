//! A small menu of things to do with one row.

use super::drawn::effect;
use leptos::ev::{Event, FocusEvent, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Node;

/// A button with three dots; `children` are links and buttons of the class `menu__item`. Opens without JavaScript; with
/// it, it also closes when something is chosen, when the focus leaves it, and with Escape.
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
    let menu = NodeRef::<html::Details>::new();
    let close = move || {
        if let Some(menu) = menu.get_untracked() {
            menu.set_open(false);
        }
    };
    let left = move |event: FocusEvent| {
        let to = event.related_target().and_then(|to| to.dyn_into::<Node>().ok());
        if let (Some(menu), Some(to)) = (menu.get_untracked(), to)
            && !menu.contains(Some(&to))
        {
            close();
        }
    };
    // A list that is read again may make another row of this one: an open menu must not act on that.
    let (opened, of_row) = (id.clone(), id.clone());
    let toggled = move |_: Event| {
        if let Some(menu) = menu.get_untracked().filter(|menu| menu.open()) {
            _ = menu.set_attribute("data-opened", &opened);
        }
    };
    effect(move || {
        let Some(menu) = menu.get().filter(|menu| menu.open()) else { return };
        match menu.get_attribute("data-opened") {
            Some(opened) if opened != of_row => menu.set_open(false),
            // It was opened before the row was listened to.
            _ => _ = menu.set_attribute("data-opened", &of_row),
        }
    });
    let escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            close();
        }
    };
    view! {
        <details class="row-menu" id=id name="row-menu" node_ref=menu on:focusout=left on:keydown=escape on:toggle=toggled>
            <summary aria-label=format!("Actions for {of}")>"⋯"</summary>
            // Later, so that the button that was chosen still sends its form.
            <div class="menu" on:click=move |_| request_animation_frame(close)>{children()}</div>
        </details>
    }
}
