//! A chart that the server drew, with its data as a table for whoever prefers to read it.

use super::browser;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::Element;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

/// `children` are the table behind “Show data”.
#[component]
pub fn Chart(
    /// As `charts` drew it: trusted, its texts escaped.
    svg: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let go = use_navigate();
    // The router minds HTML's links; a chart's are SVG's.
    let follow = move |event: MouseEvent| {
        let plain =
            event.button() == 0 && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
        let href = bucket(&event).and_then(|link| link.get_attribute("href"));
        if let Some(href) = href.filter(|_| plain) {
            event.prevent_default();
            go(&href, NavigateOptions::default());
        }
    };
    let walk = move |event: KeyboardEvent| {
        let from = bucket(&event);
        let to = match event.key().as_str() {
            "ArrowRight" => from.and_then(|from| neighbour(from, Element::next_element_sibling)),
            "ArrowLeft" => from.and_then(|from| neighbour(from, Element::previous_element_sibling)),
            _ => None,
        };
        if let Some(to) = to {
            event.prevent_default();
            browser::focus(&to);
        }
    };
    view! {
        <figure class="chart">
            <div class="chart__frame" inner_html=svg on:click=follow on:keydown=walk></div>
            {children.map(|children| view! {
                <details class="chart__data"><summary>"Show data"</summary>{children()}</details>
            })}
        </figure>
    }
}

fn bucket(event: &leptos::web_sys::Event) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest("a").ok().flatten()
}

/// The next link in one direction; labels stand between links.
fn neighbour(from: Element, step: fn(&Element) -> Option<Element>) -> Option<Element> {
    let mut at = step(&from)?;
    while at.tag_name() != "a" {
        at = step(&at)?;
    }
    Some(at)
}
