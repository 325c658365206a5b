//! Tollgate: a self-hosted AI API gateway whose books are exact, with an admin console.

// Views are deep types; the compiler's own depth must allow for them.
#![recursion_limit = "256"]

// The fuzzer, which sets `fuzzing`, asks the gate alone: pages are most of what there is to compile.
#[cfg(not(fuzzing))]
pub mod console;
pub mod domain;

#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod api;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod assets;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod auth;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod charts;
#[cfg(feature = "ssr")]
pub mod clock;
#[cfg(feature = "ssr")]
pub mod config;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod flash;
#[cfg(feature = "ssr")]
pub mod gateway;
#[cfg(feature = "ssr")]
pub mod jobs;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod live;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod page;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod playground;
#[cfg(feature = "ssr")]
pub mod proxy;
#[cfg(all(feature = "ssr", not(fuzzing)))]
pub mod server;
#[cfg(feature = "ssr")]
pub mod store;
#[cfg(all(test, feature = "ssr"))]
mod tests;

/// Wakes the console in the browser.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    // Loaded before anything wakes: nothing waits between the first piece that listens to clicks and the last. Every page
    // that is loaded has to be named in its head, or this stops at what is not there yet.
    console::preload().await;
    let body = leptos::tachys::dom::body();
    leptos::mount::hydrate_from(body.clone(), console::App).forget();
    // Says that the page answers to clicks by itself now; styles and tests wait for it.
    _ = body.set_attribute("data-hydrated", "");
}
