//! What the server gives every console page: preferences, a waiting flash, the status it may set, and its policy.

pub mod dashboard;
pub mod export;
pub mod find;
pub mod groups;
pub mod keys;
pub mod limits;
pub mod models;
pub mod playground;
pub mod prices;
pub mod profile;
pub mod providers;
pub mod rules;
pub mod token;
pub mod trace;
pub mod when;
pub mod zones;

use crate::assets;
use crate::console::form::Flash;
use crate::console::ui::preferences::Preferences;
use crate::console::zones::ZoneOptions;
use crate::console::{NameParts, RequestId, SetStatus};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::{Link, Meta};

/// Names a request in the log and on the pages that say something failed.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The origin by which people and programs reach this server, without a slash at its end.
#[derive(Clone)]
pub struct Origin(pub String);

/// The origin, for texts that are to work as pasted.
pub fn origin() -> String {
    use_context::<Origin>().map(|Origin(origin)| origin).unwrap_or_default()
}

/// Where the changes were before the page was read; see [`crate::gateway::Gateway::mark`].
#[derive(Clone)]
pub struct Mark(pub String);

/// Goes into the context of every page: the closure of `leptos_routes_with_context` calls it first.
pub fn provide() {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else {
        return;
    };
    let cookies = parts.headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    provide_context(Preferences::from_cookies(cookies.flat_map(|line| line.split(';'))));
    if let Some(flash) = parts.extensions.get::<Flash>() {
        provide_context(flash.clone());
    }
    if let Some(id) = parts.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()) {
        provide_context(RequestId(id.to_owned()));
    }
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (CONTENT_SECURITY_POLICY, policy()),
    ] {
        response.insert_header(name, value);
    }
    provide_context(NameParts(name_parts));
    provide_context(ZoneOptions(zones::options));
    provide_context(SetStatus::new(move |status| {
        response.set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }));
}

/// Names a page in its head, and the parts of the WASM that it needs: the browser asks for them while the rest is on its
/// way.
fn name_parts(page: &str) {
    // Here and below: this is how leptos_meta hears of it; the HTML itself is empty.
    _ = view! { <Meta name="page" content=page.to_owned()/> }.to_html();
    // Its stream tells what has changed since. For people who are signed in.
    if let Some(Mark(mark)) = use_context().filter(|_| !matches!(page, "SignIn" | "SetUp")) {
        _ = view! { <Meta name="live" content=mark/> }.to_html();
    }
    for url in assets::names().pages.get(page).into_iter().flatten() {
        let id = format!("part-{url}");
        let link = view! {
            <Link
                id=id
                rel="preload"
                href=url.as_str()
                as_="fetch"
                type_="application/wasm"
                crossorigin="anonymous"
                fetchpriority="low"
            />
        };
        _ = link.to_html();
    }
}

/// Scripts are ours or carry this answer's nonce; styles are ours and stand in files; nothing frames us.
fn policy() -> HeaderValue {
    let nonce = use_nonce().map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{nonce}; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; worker-src blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("a nonce is letters and digits")
}
