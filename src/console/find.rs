//! Find or do: every page, key, group, rule and model by a few letters, and what may be done with them. A palette over
//! any page (Ctrl or Cmd and K); without JavaScript, a page of its own.

use super::data::{Reading, Wire, shown, use_data};
use super::ui::browser;
use super::ui::drawn::{Views, drawn, effect, text, word};
use super::ui::filters::{Filters, Search};
use super::ui::frame::Opens;
use super::ui::notice::Empty;
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::unread::unread;
use crate::domain::problem::Problem;
use leptos::ev::{self, KeyboardEvent};
use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long after the last letter is searched.
const PAUSE: Duration = Duration::from_millis(80);

/// What was found for `q`, the likeliest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    q: String,
    found: Vec<Found>,
}

/// A place to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// “Page”, “Token”, “Do”.
    kind: String,
    name: String,
    /// What tells it from others of its name.
    note: String,
    href: String,
}

/// What there is for a few letters, as a [`Finding`]. A verb before them, such as “revoke prod”, finds what it may be done with.
#[server(prefix = "/fn", endpoint = "find", protocol = Reading)]
pub async fn fetch_found(q: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let found = crate::page::find::found(&gateway, &account, &q).await?;
    let found = found.into_iter().map(|found| Found {
        kind: found.kind.to_owned(),
        name: found.name,
        note: found.note,
        href: found.href,
    });
    Ok(Wire::of(&Finding { q, found: found.collect() }))
}

/// The palette, closed until it is asked for; its part of the WASM comes when it first is.
#[component]
pub fn Palette(opens: Opens) -> impl IntoView {
    let Opens(is_open) = opens;
    listen(is_open);
    let is_wanted = Memo::new(move |was: Option<&bool>| is_open.get() || was.is_some_and(|was| *was));
    drawn(move || is_wanted.get().then(|| Suspend::new(async move { __Palette_view(is_open).await })))
}

#[lazy]
#[allow(non_snake_case, reason = "named as the views of pages are, whose parts are found by that")]
fn __Palette_view(is_open: RwSignal<bool>) -> AnyView {
    view! { <Asked is_open/> }.into_any()
}

#[component]
fn Asked(is_open: RwSignal<bool>) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let field = NodeRef::<html::Input>::new();
    let (written, at) = (RwSignal::new(String::new()), RwSignal::new(0_usize));
    // Enter was pressed before the answer to the last letters was there.
    let hurried = RwSignal::new(false);
    let finding = use_data::<Finding, _>(
        move || if is_open.get() { format!("?{}", written.get()) } else { String::new() },
        move || {
            let asked = is_open.get_untracked().then(|| written.get_untracked());
            async move {
                match asked {
                    Some(q) => fetch_found(q).await,
                    None => Ok(Wire::of(&Finding { q: String::new(), found: Vec::new() })),
                }
            }
        },
    );
    let go = use_navigate();
    let choose = move |at: usize| {
        let Some(found) = finding.found().and_then(|finding| finding.found.into_iter().nth(at)) else { return };
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
        go(&found.href, NavigateOptions::default());
    };
    effect(move || {
        let Some(dialog) = dialog.get().filter(|_| is_open.get()) else { return };
        if !dialog.open() {
            _ = dialog.show_modal();
        }
    });
    {
        let choose = choose.clone();
        effect(move || {
            let answers = finding.found().is_some_and(|finding| finding.q == *written.read());
            if answers && hurried.get_untracked() {
                hurried.set(false);
                untrack(|| choose(0));
            }
        });
    }
    let closed = move |_| {
        // It may have been opened again before this was told.
        if dialog.get_untracked().is_some_and(|dialog| dialog.open()) {
            return;
        }
        is_open.set(false);
        hurried.set(false);
        written.set(String::new());
        at.set(0);
        if let Some(field) = field.get_untracked() {
            field.set_value("");
        }
    };
    let mut search = debounce(PAUSE, move |text: String| {
        at.set(0);
        written.set(text);
    });
    let key = {
        let choose = choose.clone();
        move |event: KeyboardEvent| {
            let finding = untrack(|| finding.found());
            let count = finding.as_ref().map_or(0, |finding| finding.found.len());
            let now = at.get_untracked();
            let next = match event.key().as_str() {
                "ArrowDown" => (now + 1) % count.max(1),
                "ArrowUp" => (now + count.max(1) - 1) % count.max(1),
                "Enter" => {
                    event.prevent_default();
                    let asked = field.get_untracked().map(|field| field.value());
                    match finding {
                        Some(finding) if Some(&finding.q) == asked.as_ref() => untrack(|| choose(now)),
                        _ => hurried.set(true),
                    }
                    return;
                }
                _ => return,
            };
            event.prevent_default();
            at.set(next);
            if let Some(option) = browser::find(&format!("#found-{next}")) {
                browser::call(&option, "scrollIntoView", &[false.into()]);
            }
        }
    };
    let active = text(move || format!("found-{}", at.get()));
    view! {
        <dialog class="dialog dialog--small palette" aria-label="Find or do" node_ref=dialog on:close=closed>
            <input
                class="palette__field"
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="found"
                aria-activedescendant=active
                aria-label="Find a page, token, group, rule or model, or say what to do"
                placeholder="Find or do"
                autocomplete="off"
                spellcheck="false"
                node_ref=field
                on:keydown=key
                on:input=move |event| search(event_target_value(&event))
            />
            {shown(finding, move |finding| {
                let choose = choose.clone();
                Ok(finding.map_or_else(unread, move |finding| options(finding, at, choose)))
            })}
        </dialog>
    }
}

fn options(finding: Finding, at: RwSignal<usize>, choose: impl Fn(usize) + Clone + 'static) -> AnyView {
    let none = finding.found.is_empty() && !finding.q.is_empty();
    let says = none.then(|| format!("Nothing is called “{}”.", finding.q.trim()));
    let options = finding.found.into_iter().enumerate().map(|(index, found)| {
        let choose = choose.clone();
        let chosen = word(move || Some(if at.get() == index { "true" } else { "false" }));
        view! {
            <li
                class="palette__found"
                role="option"
                id=format!("found-{index}")
                aria-selected=chosen
                on:click=move |_| choose(index)
                on:mousemove=move |_| at.set(index)
            >
                <span class="palette__name">{found.name} <span class="palette__note">{found.note}</span></span>
                <span class="palette__kind">{found.kind}</span>
            </li>
        }
    });
    view! {
        <ul class="palette__list" role="listbox" id="found" aria-label="Found">{options.views()}</ul>
        <p class="palette__none" role="status">{says}</p>
    }
    .into_any()
}

/// Ctrl or Cmd and K, unless something else is asked for already.
fn listen(is_open: RwSignal<bool>) {
    effect(move || {
        let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
            let is_ours = (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
            if is_ours && event.key().eq_ignore_ascii_case("k") && browser::find("dialog:modal").is_none() {
                event.prevent_default();
                is_open.set(true);
            }
        });
        on_cleanup(move || listener.remove());
    });
}

/// The same as a page: the way without JavaScript.
#[component]
pub fn Find() -> impl IntoView {
    let asked = move || Place::here().get("q").unwrap_or_default().to_owned();
    let finding = use_data::<Finding, _>(asked, move || fetch_found(untrack(asked)));
    view! {
        <Sheet title="Find or do" lede=|| "Pages, tokens, groups, rules and models by a few letters; “revoke” and other verbs before them.">
            <Filters action="/find"><Search name="q" label="A few letters"/></Filters>
            {shown(finding, |finding| Ok(finding.map_or_else(unread, |finding| page(finding).into_any())))}
        </Sheet>
    }
}

fn page(finding: Finding) -> impl IntoView {
    if finding.found.is_empty() {
        let text = format!("Nothing is called “{}”.", finding.q.trim());
        return view! {
            <Empty title="Nothing found" text=move || text.clone()><a class="button" href="/find">"Show every page"</a></Empty>
        }
        .into_any();
    }
    let found = finding.found.into_iter().map(|found| {
        view! {
            <li class="palette__found">
                <span class="palette__name"><a href=found.href>{found.name}</a> " " <span class="palette__note">{found.note}</span></span>
                <span class="palette__kind">{found.kind}</span>
            </li>
        }
    });
    view! { <ul class="palette__list">{found.views()}</ul> }.into_any()
}
