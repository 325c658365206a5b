//! What a link leads to is asked for while the link is pressed: a press takes about a tenth of a second, in which most servers
//! answer.

use super::dashboard::FetchOverview;
use super::data::early::{self, Asking, asking};
use super::groups::fetch::FetchGroups;
use super::groups::one::FetchGroup;
use super::logs::{self, FetchLogs};
use super::models::one::FetchModelPage;
use super::models::{self, FetchModels};
use super::prices::FetchPrices;
use super::profile::FetchProfile;
use super::providers::FetchProviders;
use super::rules::edit::FetchFields;
use super::rules::list::FetchRules;
use super::token::FetchToken;
use super::tokens::fetch::FetchKeys;
use super::tokens::without_dialogs;
use super::ui::browser;
use super::ui::drawn::effect;
use super::ui::place::{Place, decode};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Element, Event, MouseEvent};
use leptos_router::location::{BrowserUrl, LocationProvider};

/// A link that the router follows.
const LINK: &str = "a[href]:not([target], [download], [rel~=external])";

/// Called once, by the app.
pub fn ask_while_pressed() {
    effect(|| {
        let listener = window_event_listener_untyped("pointerdown", |event| {
            // Of the press before, nothing came.
            early::forget();
            if let Some(asking) = pressed(&event).and_then(|place| first_read(&place)) {
                early::ask(asking);
            }
        });
        on_cleanup(move || listener.remove());
    });
}

/// Where the pressed link leads to, if that is another page.
fn pressed(event: &Event) -> Option<Place> {
    let mouse = event.unchecked_ref::<MouseEvent>();
    // A touch may be the beginning of a scroll.
    if browser::get(event, "pointerType").as_string().as_deref() == Some("touch") {
        return None;
    }
    // Those open other tabs and menus.
    if mouse.button() != 0 || mouse.ctrl_key() || mouse.meta_key() || mouse.shift_key() || mouse.alt_key() {
        return None;
    }
    let link = event.target()?.dyn_into::<Element>().ok()?.closest(LINK).ok()??;
    // Readers may pay for what they load.
    let connection = browser::get(&browser::get(&window(), "navigator"), "connection");
    if !connection.is_undefined() && browser::get(&connection, "saveData").is_truthy() {
        return None;
    }
    let url = BrowserUrl::parse(&browser::get(&link, "href").as_string()?).ok()?;
    let here = BrowserUrl::current().ok()?;
    (url.origin() == here.origin() && url.path() != here.path()).then(|| Place::of(&url))
}

/// What the page at a place reads first. Nothing where there is no such page, or it does not wait.
fn first_read(place: &Place) -> Option<Asking> {
    let read = |name: &str| place.get(name).unwrap_or_default().to_owned();
    let steps: Vec<_> = place.path().trim_start_matches('/').split('/').collect();
    Some(match steps[..] {
        [""] => asking(&FetchOverview { span: read("p") }),
        ["logs"] => asking(&FetchLogs { asked: logs::Asked::of(place), top: String::new() }).below(),
        ["tokens"] => asking(&FetchKeys { asked: without_dialogs(place.clone()).href() }).below(),
        ["tokens", id] => asking(&FetchToken { id: id.to_owned(), of: read("of"), span: read("span") }),
        ["groups"] => asking(&FetchGroups { q: read("q"), sort: read("sort"), after: read("after") }).below(),
        ["groups", id] => asking(&FetchGroup { id: id.to_owned(), span: read("p"), after: read("after") }),
        ["rules"] => asking(&FetchRules { q: read("q"), status: read("status"), after: read("after") }).below(),
        ["rules", id] => {
            let id = if id == "new" { String::new() } else { id.to_owned() };
            asking(&FetchFields { id, written: String::new() })
        }
        ["models"] => asking(&FetchModels { asked: models::Asked::of(place) }).below(),
        ["models", "prices"] => asking(&FetchPrices { model: read("model") }),
        ["models", ref name @ ..] => asking(&FetchModelPage { name: decode(&name.join("/")), of: read("of") }),
        ["providers"] => asking(&FetchProviders { disabling: read("disable") }).below(),
        ["profile"] => asking(&FetchProfile {}).below(),
        _ => return None,
    })
}
