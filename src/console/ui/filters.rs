//! What narrows a list: a form that only changes the URL. With JavaScript a choice acts at once.
//!
//! Stands outside the `<Suspense>` of its list, so that the cursor stays while the list is fetched again.

use super::drawn::{Views, effect, text, word};
use super::place::Place;
use leptos::children::ViewFn;
use leptos::ev::{Event, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::js_sys::decode_uri_component;
use leptos::web_sys::{FormData, HtmlFormElement, HtmlInputElement, UrlSearchParams};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use std::time::Duration;

/// How long after the last letter a search begins.
const PAUSE: Duration = Duration::from_millis(300);

/// The form. `children` are [`Search`] and [`Choice`]s.
#[component]
pub fn Filters(
    /// The page's path.
    action: &'static str,
    /// How many rows there are: “1–9 of 48”.
    #[prop(optional, into)]
    count: ViewFn,
    children: Children,
) -> impl IntoView {
    let form = NodeRef::<html::Form>::new();
    let go = use_navigate();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(place) = form.get().and_then(|form| place_of(action, &form)) {
            go(&place.href(), NavigateOptions { scroll: false, replace: true, ..Default::default() });
        }
    };
    let now = move || _ = form.get_untracked().map(|form| form.request_submit());
    let mut search = debounce(PAUSE, move |()| now());
    view! {
        <form
            class="filters"
            role="search"
            method="get"
            action=action
            node_ref=form
            on:submit=submit
            on:change=move |_| now()
            on:input=move |event: Event| {
                if event_target::<HtmlInputElement>(&event).type_() == "search" {
                    search(());
                }
            }
        >
            {children()}
            <button class="button without-script">"Apply"</button>
            <span class="filters__count" role="status">{count.run()}</span>
        </form>
    }
}

/// Where a form that only changes the URL leads, as it is filled in now.
pub fn place_of(action: &str, form: &HtmlFormElement) -> Option<Place> {
    let data = FormData::new_with_form(form).ok()?;
    let pairs = UrlSearchParams::new_with_str_sequence_sequence(&data).map(|params| params.to_string());
    let pairs = pairs.ok().and_then(|text| text.as_string()).unwrap_or_default();
    let pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
    let decode =
        |text: &str| decode_uri_component(&text.replace('+', " ")).map_or_else(|_| String::new(), String::from);
    Some(pairs.fold(Place::new(action), |place, (name, value)| place.with(&decode(name), decode(value))))
}

/// Finds by text; `/` puts the cursor here.
#[component]
pub fn Search(
    name: &'static str,
    /// What it searches: “Name, key or id”.
    label: &'static str,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let value = move || Place::here().get(name).unwrap_or_default().to_owned();
    let first = untrack(value);
    effect(move || {
        let value = value();
        // Whoever is writing in it is ahead of the URL.
        if let Some(field) =
            field.get().filter(|field| super::browser::focused().as_ref() != Some(field.unchecked_ref()))
        {
            field.set_value(&value);
        }
    });
    view! {
        <input
            class="input filters__search"
            type="search"
            name=name
            value=first
            placeholder=label
            aria-label=label
            autocomplete="off"
            node_ref=field
        />
    }
}

/// One of a few; the first option is usually `("", "Every status")`.
#[component]
pub fn Choice(name: &'static str, label: &'static str, options: Vec<(String, String)>) -> impl IntoView {
    let field = NodeRef::<html::Select>::new();
    let value = move || Place::here().get(name).unwrap_or_default().to_owned();
    let first = untrack(value);
    effect(move || {
        let value = value();
        if let Some(field) = field.get() {
            field.set_value(&value);
        }
    });
    let options = options.into_iter().map(|(value, label)| {
        let selected = value == first;
        view! { <option value=value selected=selected>{label}</option> }
    });
    let options = options.views();
    let class = word(move || Some(if value().is_empty() { "input" } else { "input input--on" }));
    view! {
        <span class="select">
            <select class=class name=name aria-label=label node_ref=field>{options}</select>
        </span>
    }
}

/// The filters that are on, each with a link that takes it away.
#[component]
pub fn Chips(
    /// The name in the URL and what it says: `("key", "Key: production-web")`.
    chips: Vec<(&'static str, String)>,
) -> impl IntoView {
    let is_any = !chips.is_empty();
    let names: Vec<_> = chips.iter().map(|(name, _)| *name).collect();
    let chips = chips.into_iter().map(|(name, says)| {
        let href = text(move || page_one(Place::here()).without(name).href());
        view! {
            <li>
                <a class="chip" href=href data-noscroll>
                    {says} <span class="visually-hidden">", remove"</span> <span class="chip__x" aria-hidden="true">"×"</span>
                </a>
            </li>
        }
    });
    let chips = chips.views();
    let none = move || {
        let names = names.clone();
        text(move || names.iter().fold(page_one(Place::here()), |place, name| place.without(name)).href())
    };
    is_any.then(|| {
        view! {
            <ul class="chips" aria-label="Filters in use">
                {chips}
                <li><a class="chips__clear" href=none() data-noscroll>"Clear all"</a></li>
            </ul>
        }
    })
}

/// Another filter begins again at the first page.
fn page_one(place: Place) -> Place {
    place.without("after").without("before")
}
