//! Parts of a page or of a form, one shown at a time.

use super::drawn::{Views, drawn, effect};
use leptos::ev::Event;
use leptos::prelude::*;
use leptos::web_sys::HtmlInputElement;

/// Parts of a page: links, of which one is where the reader is.
#[component]
pub fn Tabs(
    #[prop(into)] label: String,
    /// Where each leads, its name, and whether it is shown.
    tabs: Vec<(String, String, bool)>,
) -> impl IntoView {
    let tabs = tabs.into_iter().map(|(href, name, is_current)| {
        let current = is_current.then_some("true");
        view! { <a class="tabs__tab" href=href aria-current=current data-noscroll>{name}</a> }
    });
    view! { <nav class="tabs" aria-label=label>{tabs.views()}</nav> }
}

/// A few steps of which one is chosen, such as a period.
#[component]
pub fn Steps(#[prop(into)] label: String, steps: Vec<(String, String, bool)>) -> impl IntoView {
    let steps = steps.into_iter().map(|(href, name, is_current)| {
        let current = is_current.then_some("true");
        view! { <a class="range__step" href=href aria-current=current data-noscroll>{name}</a> }
    });
    view! { <nav class="range" aria-label=label>{steps.views()}</nav> }
}

/// One part of a form.
pub struct Panel {
    name: String,
    problems: Signal<usize>,
    content: AnyView,
}

impl Panel {
    /// `problems` counts what has to change in this part: `Signal::derive(move || form.state.problems_under("limits"))`.
    pub fn new(name: impl Into<String>, problems: Signal<usize>, content: impl IntoView + 'static) -> Self {
        Self { name: name.into(), problems, content: content.into_any() }
    }
}

/// Parts of one form. All are in it, so no value is lost; radio buttons that belong to no form choose which is seen,
/// with or without JavaScript. Give the form `novalidate`: a browser cannot point at a field that is not seen.
#[component]
pub fn Panels(#[prop(into)] label: String, panels: Vec<Panel>) -> impl IntoView {
    // Where something has to change is seen first. `try_get`, because the answer that ends a form also takes its dialog
    // away, and what counts its problems with it.
    let problems: Vec<_> = panels.iter().map(|panel| panel.problems).collect();
    let worst = move || problems.iter().position(|count| count.try_get().unwrap_or(0) > 0);
    let shown = RwSignal::new(untrack(&worst).unwrap_or(0));
    effect(move || {
        if let Some(worst) = worst() {
            shown.set(worst);
        }
    });
    let first = shown.get_untracked();
    let mut tabs = Vec::new();
    let mut parts = Vec::new();
    for (at, Panel { name, problems, content }) in panels.into_iter().enumerate() {
        let choose = move |event: Event| {
            if event_target::<HtmlInputElement>(&event).checked() {
                shown.set(at);
            }
        };
        let dot = drawn(move || match problems.try_get().unwrap_or(0) {
            0 => None,
            count => Some(view! { " " <span class="tabs__dot">{format!("{count} to fix")}</span> }),
        });
        tabs.push(view! {
            <label class="tabs__tab">
                <input
                    class="tabs__pick visually-hidden"
                    type="radio"
                    name="panel"
                    form="no-form"
                    checked=at == first
                    prop:checked=move || shown.get() == at
                    on:change=choose
                />
                {name}
                {dot}
            </label>
        });
        parts.push(view! { <div class="panel">{content}</div> });
    }
    view! {
        <div class="panels">
            <div class="tabs" role="radiogroup" aria-label=label>{tabs}</div>
            {parts}
        </div>
    }
}
