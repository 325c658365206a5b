//! Time zones to choose from, in every field that has the list [`ZONES`].

use super::data::{Reading, Wire};
use super::ui::drawn::effect;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use leptos::{ev, html};

/// The id of the list.
pub const ZONES: &str = "zones";

/// What the list holds for whoever has no JavaScript, as `<option>`s. Not there in the browser.
#[derive(Clone)]
pub struct ZoneOptions(pub fn() -> &'static str);

/// The time zones as `<option>`s.
#[server(prefix = "/fn", endpoint = "zones", protocol = Reading)]
pub async fn fetch_zones() -> Result<Wire, Problem> {
    crate::auth::signed_in().await?;
    Ok(Wire::of(&crate::page::zones::options()))
}

/// The list itself, once on a page. It is hundreds of elements: they come when a field that has it is first looked at.
#[component]
pub fn Zones() -> impl IntoView {
    let options = use_context::<ZoneOptions>().map_or("", |options| options.0());
    let list = NodeRef::<html::Datalist>::new();
    let is_asked = StoredValue::new(false);
    let look = move || {
        let looked_at = document().active_element().and_then(|field| field.get_attribute("list"));
        if looked_at.as_deref() == Some(ZONES) && !is_asked.get_value() {
            is_asked.set_value(true);
            leptos::task::spawn_local(async move {
                let answer = fetch_zones().await.and_then(|answer| answer.read::<String>());
                match (answer, list.try_get_untracked().flatten()) {
                    (Ok(options), Some(list)) => list.set_inner_html(&options),
                    // Any zone may be written without it. The next look asks again.
                    _ => _ = is_asked.try_set_value(false),
                }
            });
        }
    };
    effect(move || {
        look();
        let listener = window_event_listener(ev::focusin, move |_| look());
        on_cleanup(move || listener.remove());
    });
    view! {
        <datalist id=ZONES node_ref=list>
            <noscript inner_html=options></noscript>
        </datalist>
    }
}
