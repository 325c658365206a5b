//! The frame around the pages of whoever is signed in: the index of pages, and the account's menu.

use super::browser;
use super::drawn::word;
use super::live;
use super::preferences::PreferencesForm;
use super::shortcuts::Shortcuts;
use crate::console::data::{Data, shown};
use crate::domain::account::Role;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};

/// Who is looking, as the frame shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    pub name: String,
    pub role: Role,
    /// The zone in which every time is shown, with its offset: “Europe/Berlin, UTC+1”.
    pub timezone: String,
    pub counts: Counts,
}

/// What the index counts; `None` shows no number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub tokens: Option<u64>,
    pub groups: Option<u64>,
    pub rules: Option<u64>,
    pub models: Option<u64>,
    pub providers: Option<u64>,
}

/// Whether what finds and does anything is open over the page. In the context of everything inside the frame.
#[derive(Clone, Copy)]
pub struct Opens(pub RwSignal<bool>);

#[component]
pub fn Frame(viewer: Data<Viewer>, children: Children) -> impl IntoView {
    live::listen();
    let path = use_location().pathname;
    // On a narrow screen the index is a popover; whoever chose a page wants to see it.
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now)
            && let Some(index) = browser::find("#index:popover-open")
        {
            browser::call(&index, "hidePopover", &[]);
        }
        now
    });
    view! {
        <div class="app">
            <a class="skip" href="#sheet" rel="external">"Skip to content"</a>
            <header class="masthead">
                <Brand/>
                <button class="button" type="button" popovertarget="index">"Menu"</button>
            </header>
            <nav class="index" id="index" popover="auto" aria-label="Console">
                <Brand/>
                <FindLink/>
                {shown(viewer, |viewer| {
                    let viewer = viewer.ok();
                    Ok(view! {
                        {index(viewer.as_ref())}
                        {viewer.map(account)}
                    }.into_any())
                })}
            </nav>
            {children()}
            <Shortcuts/>
        </div>
    }
}

/// The mark and the name, which lead home.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <a class="brand" href="/">
            <svg class="brand__mark" aria-hidden="true"><use href="#mark"></use></svg>
            "Tollgate"
        </a>
    }
}

/// The way to the palette; without JavaScript, to the same as a page.
#[component]
fn FindLink() -> impl IntoView {
    let open = move |event: MouseEvent| {
        if let Some(Opens(is_open)) = use_context::<Opens>() {
            event.prevent_default();
            is_open.set(true);
        }
    };
    view! { <a class="index__search" href="/find" on:click=open><span>"Find or do"</span><kbd>"Ctrl K"</kbd></a> }
}

fn index(viewer: Option<&Viewer>) -> impl IntoView + use<> {
    let counts = viewer.map(|viewer| viewer.counts).unwrap_or_default();
    let is_admin = viewer.is_some_and(|viewer| viewer.role == Role::Admin);
    view! {
        <div class="index__groups">
            <div>
                <ul>
                    {entry("/", "Dashboard", None)}
                    {entry("/logs", "Logs", None)}
                </ul>
            </div>
            <div>
                <h2 class="index__group">"Limits"</h2>
                <ul>
                    {entry("/tokens", "Tokens", counts.tokens)}
                    {entry("/groups", "Groups", counts.groups)}
                    {entry("/rules", "Quota rules", counts.rules)}
                </ul>
            </div>
            <div>
                <h2 class="index__group">"Supply"</h2>
                <ul>
                    {entry("/models", "Models", counts.models)}
                    {is_admin.then(|| entry("/providers", "Providers", counts.providers))}
                </ul>
            </div>
        </div>
    }
}

fn entry(href: &'static str, label: &'static str, count: Option<u64>) -> impl IntoView {
    let path = use_location().pathname;
    let current = word(move || {
        path.with(|path| match path.strip_prefix(href) {
            Some("") => Some("page"),
            Some(rest) if href != "/" && rest.starts_with('/') => Some("true"),
            _ => None,
        })
    });
    view! {
        <li>
            <a class="index__link" href=href aria-current=current>
                <span>{label}</span>
                {count.map(|count| view! { <span class="index__count">{count}</span> })}
            </a>
        </li>
    }
}

fn account(viewer: Viewer) -> impl IntoView {
    let role = match viewer.role {
        Role::Admin => "Admin",
        Role::User => "User",
    };
    view! {
        <div class="index__foot">
            <button class="index__account" type="button" popovertarget="account">
                <b>{viewer.name}</b>
                {role} " · " {viewer.timezone}
            </button>
            <div class="menu menu--account" id="account" popover="auto" role="group" aria-label="Account">
                <a class="menu__item" href="/profile">"Profile"</a>
                <PreferencesForm/>
                <form class="menu__part" method="post" action="/fn/sign-out">
                    <button class="button button--wide">"Sign out"</button>
                </form>
            </div>
        </div>
    }
}
