//! The console for people: the document, the pages and their addresses.

pub mod data;
pub mod form;
pub mod ui;

pub mod dashboard;
mod find;
pub mod groups;
mod logs;
pub mod models;
pub mod playground;
mod press;
pub mod prices;
pub mod profile;
pub mod providers;
pub mod rules;
mod set_up;
pub mod sign_in;
pub mod token;
pub mod tokens;
mod unread;
pub mod zones;

use crate::domain::problem::{Problem, ProblemKind};
use data::{Reading, Wire, use_data};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{Outlet, ParentRoute, Route, Router, Routes};
use leptos_router::hooks::use_navigate;
use leptos_router::{ChooseView, LazyRoute, NavigateOptions, SsrMode, lazy_route, path};
use std::pin::Pin;
use std::sync::Arc;
use ui::frame::{Brand, Frame, Opens, Viewer};
use ui::live::{provide_live, use_live};
use ui::place::Place;
use ui::preferences::{Preferences, provide_preferences};
use ui::sheet::Sheet;
use ui::sprite::Sprite;
use ui::toast::{Toaster, Toasts};

/// Lets a page say that it is not there, or that it failed. Does nothing in the browser.
#[derive(Clone)]
pub struct SetStatus(Arc<dyn Fn(u16) + Send + Sync>);

impl SetStatus {
    pub fn new(set: impl Fn(u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }
}

/// Gives the answer that is being rendered a status other than 200.
pub fn set_status(status: u16) {
    if let Some(set) = use_context::<SetStatus>() {
        (set.0)(status);
    }
}

/// Lets a page tell the browser early who it is and which parts of the WASM it needs. Does nothing in the browser.
#[derive(Clone)]
pub struct NameParts(pub fn(&str));

/// The request that is being answered, as the log knows it.
#[derive(Clone)]
pub struct RequestId(pub String);

/// The HTML document. `js`, `wasm` and `css` are the URLs of this build's assets, and `worker` is the script of the worker that
/// warms the WASM: nothing where another tool than ours made them.
pub fn shell(js: &'static str, wasm: &'static str, css: &'static str, worker: Option<&'static str>) -> impl IntoView {
    let Preferences { theme, density, .. } = use_context().unwrap_or_default();
    // What the empty window is painted in before the stylesheet is there.
    let scheme = if theme == "system" { "light dark".to_owned() } else { theme.clone() };
    let start = match worker {
        Some(_) => format!("import*as it from{js:?};it.start({wasm:?})"),
        None => format!("import*as it from{js:?};await it.default({{module_or_path:{wasm:?}}});it.hydrate()"),
    };
    // Of a quick build, each function is compiled when it is first called.
    let warmer = worker.filter(|script| !script.is_empty()).map(|script| {
        // Only Chromium has this property, and only it has use for the worker.
        let start =
            format!("if(navigator.userAgentData)warmer=new Worker(URL.createObjectURL(new Blob([{script:?}])))");
        view! { <script nonce=use_nonce()>{start}</script> }
    });
    let compile = worker.map(|_| {
        let compile = "compiling=new Map;let main;for(const{href}of document.querySelectorAll('link[as=fetch]')){\
                       const it=WebAssembly.compileStreaming(fetch(href));compiling.set(href,it);\
                       Promise.all([it,main??=it]).then(([it])=>self.warmer?.postMessage(it),()=>{})}";
        view! { <script nonce=use_nonce()>{compile}</script> }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme data-density=density>
            <head>
                <meta charset="utf-8"/>
                // It takes a while to start.
                {warmer}
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=scheme/>
                // What there is to read comes first.
                <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin="anonymous" fetchpriority="low"/>
                <MetaTags/>
                // Before the stylesheet, for which scripts wait. The browser compiles while it lays out the page.
                {compile}
                <link rel="stylesheet" href=css/>
                // Laid out once, and nothing that was seen moves as more of it comes.
                <link rel="expect" href=format!("#{}", ui::toast::LAST) blocking="render"/>
                <link rel="modulepreload" href=js/>
                <script type="module" async=worker.is_some() nonce=use_nonce()>{start}</script>
                // Not the SVG: browsers draw one again for each page that a link leads to, where they remember no icons.
                <link rel="icon" href="/favicon-dark.png" sizes="48x48" media="(prefers-color-scheme: dark)"/>
                <link rel="icon" href="/favicon-light.png" sizes="48x48" media="(prefers-color-scheme: light)"/>
                <link rel="apple-touch-icon" href="/apple-touch-icon.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// A page as the router knows it: of one type whichever it is, so that what the router does with pages is compiled once.
#[derive(Clone, Copy)]
struct Page {
    preload: fn() -> Pin<Box<dyn Future<Output = ()>>>,
    view: fn() -> Pin<Box<dyn Future<Output = AnyView>>>,
}

fn page<T: LazyRoute>() -> Page {
    Page { preload: || Box::pin(T::preload()), view: || Box::pin(T::view(T::data())) }
}

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        (self.view)().await
    }

    async fn preload(&self) {
        (self.preload)().await;
    }
}

/// Pages that the browser loads when they are first shown, each from files of its own.
macro_rules! pages {
    ($($page:ident: $view:path),* $(,)?) => {
        /// Loads what the page needs that the document names, so that it can be hydrated in one go. For the browser.
        pub async fn preload() {
            let named = ui::browser::find("meta[name=page]").and_then(|meta| meta.get_attribute("content"));
            let page = match named.as_deref().unwrap_or_default() {
                $(stringify!($page) => page::<$page>(),)*
                _ => return,
            };
            page.preload().await;
        }

        $(
            struct $page;

            #[lazy_route]
            impl LazyRoute for $page {
                fn data() -> Self {
                    if let Some(NameParts(name)) = use_context() {
                        name(stringify!($page));
                    }
                    Self
                }

                fn view(_page: Self) -> AnyView {
                    $view().into_any()
                }
            }
        )*
    };
}

pages! {
    SignIn: sign_in::SignIn,
    SetUp: set_up::SetUp,
    Dashboard: dashboard::Dashboard,
    Logs: logs::Logs,
    Tokens: tokens::Tokens,
    Token: token::Token,
    Groups: groups::Groups,
    Group: groups::Group,
    Rules: rules::Rules,
    Rule: rules::Rule,
    Models: models::Models,
    Prices: prices::Prices,
    Model: models::Model,
    Providers: providers::Providers,
    Playground: playground::Playground,
    Profile: profile::Profile,
    Find: find::Find,
}

/// Everything inside `<body>`; the same on the server and in the browser.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    provide_preferences();
    provide_live();
    press::ask_while_pressed();
    Toasts::provide();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Tollgate".into() } else { format!("{title} · Tollgate") }/>
        <Sprite/>
        <Router>
            <Routes fallback=Nowhere>
                <Route path=path!("/sign-in") view={page::<SignIn>()} ssr=SsrMode::Async/>
                <Route path=path!("/setup") view={page::<SetUp>()} ssr=SsrMode::Async/>
                <ParentRoute path=path!("") view=House ssr=SsrMode::Async>
                    <Route path=path!("") view={page::<Dashboard>()} ssr=SsrMode::Async/>
                    <Route path=path!("/logs") view={page::<Logs>()} ssr=SsrMode::Async/>
                    <Route path=path!("/tokens") view={page::<Tokens>()} ssr=SsrMode::Async/>
                    <Route path=path!("/tokens/:id") view={page::<Token>()} ssr=SsrMode::Async/>
                    <Route path=path!("/groups") view={page::<Groups>()} ssr=SsrMode::Async/>
                    <Route path=path!("/groups/:id") view={page::<Group>()} ssr=SsrMode::Async/>
                    <Route path=path!("/rules") view={page::<Rules>()} ssr=SsrMode::Async/>
                    <Route path=path!("/rules/:id") view={page::<Rule>()} ssr=SsrMode::Async/>
                    <Route path=path!("/models") view={page::<Models>()} ssr=SsrMode::Async/>
                    <Route path=path!("/models/prices") view={page::<Prices>()} ssr=SsrMode::Async/>
                    <Route path=path!("/models/*name") view={page::<Model>()} ssr=SsrMode::Async/>
                    <Route path=path!("/playground") view={page::<Playground>()} ssr=SsrMode::Async/>
                    <Route path=path!("/providers") view={page::<Providers>()} ssr=SsrMode::Async/>
                    <Route path=path!("/find") view={page::<Find>()} ssr=SsrMode::Async/>
                    <Route path=path!("/profile") view={page::<Profile>()} ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
        <Toaster/>
    }
}

/// Who is signed in and what the index counts, as a [`Viewer`]. Sends whoever is signed out to sign in.
#[server(prefix = "/fn", endpoint = "viewer", protocol = Reading)]
pub async fn fetch_viewer() -> Result<Wire, Problem> {
    use crate::auth;
    use crate::domain::period::Zone;
    use crate::gateway::Gateway;
    let account = match auth::signed_in().await {
        Ok(account) => account,
        Err(problem) => {
            if problem.kind == ProblemKind::SignedOut {
                let asked =
                    use_context::<http::request::Parts>().map(|parts| parts.uri.to_string()).unwrap_or_default();
                let next = if asked.starts_with("/fn/") || asked == "/" { String::new() } else { asked };
                let query = serde_urlencoded::to_string([("next", &next)]).unwrap_or_default();
                leptos_axum::redirect(&if next.is_empty() {
                    "/sign-in".to_owned()
                } else {
                    format!("/sign-in?{query}")
                });
            }
            return Err(problem);
        }
    };
    let gateway = expect_context::<Gateway>();
    let zone = Zone::parse(&account.timezone).unwrap_or_else(Zone::utc);
    let offset = zone.local(gateway.clock().now()).strftime("%:z").to_string();
    let named =
        if zone.name().starts_with("UTC") { zone.name().to_owned() } else { format!("{}, UTC{offset}", zone.name()) };
    Ok(Wire::of(&Viewer {
        counts: ui::frame::Counts {
            tokens: Some(gateway.count_keys(&account).await?),
            groups: Some(gateway.count_groups(&account).await?),
            rules: Some(gateway.count_rules(&account).await?),
            models: Some(gateway.models().len() as u64),
            providers: gateway.providers(&account).ok().map(|providers| providers.len() as u64),
        },
        name: account.name,
        role: account.role,
        timezone: named,
    }))
}

/// The frame around every page for people who are signed in.
#[component]
fn House() -> impl IntoView {
    let changed = use_live(&["keys", "groups", "rules", "models", "providers", "accounts"]);
    let viewer = use_data::<Viewer, _>(move || changed.get().to_string(), fetch_viewer);
    let go = use_navigate();
    let opens = Opens(RwSignal::new(false));
    provide_context(opens);
    // A session can end under an open page; the server leads there only whoever asks it for a page.
    Effect::new(move |_| {
        if matches!(viewer.get(), Some(Err(problem)) if problem.kind == ProblemKind::SignedOut) {
            let here = untrack(Place::here).href();
            go(&Place::new("/sign-in").with("next", here).href(), NavigateOptions::default());
        }
    });
    view! {
        <Frame viewer=viewer>
            <Outlet/>
            <find::Palette opens/>
        </Frame>
    }
}

/// Nothing is at this address.
#[component]
fn Nowhere() -> impl IntoView {
    set_status(404);
    view! {
        <div class="entry">
            <header><Brand/></header>
            <Sheet title="Nothing here">
                <p>"This address leads to no page of the console. It may have been mistyped, or what it showed is gone."</p>
                <p class="sheet__after"><a class="button" href="/">"To the dashboard"</a></p>
            </Sheet>
        </div>
    }
}
