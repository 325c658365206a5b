//! What has changed on the server, without a reload: one stream for the tab that is seen, closed while it is hidden.

use super::browser::find;
use super::drawn::effect;
use crate::console::data::early;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use leptos::web_sys::{Event, EventSource, MessageEvent};
use std::time::Duration;

/// How long to wait after the server refused the stream. A broken connection is taken up again by the browser itself.
const PAUSE: Duration = Duration::from_secs(10);

/// The things whose changes the stream tells; `data:` is a comma list of these.
const TOPICS: [&str; 7] = ["calls", "keys", "groups", "rules", "models", "providers", "accounts"];

#[derive(Clone, Copy)]
pub struct Live {
    changes: [RwSignal<u64>; TOPICS.len()],
    /// Whether the stream is open now.
    pub is_open: RwSignal<bool>,
}

/// Called once, by the app.
pub(crate) fn provide_live() {
    provide_context(Live { changes: TOPICS.map(|_| RwSignal::new(0)), is_open: RwSignal::new(false) });
}

/// Counts the changes of these topics: a resource that reads it is fetched again after each.
/// Zero on the server and at first.
pub fn use_live(topics: &'static [&'static str]) -> Signal<u64> {
    let live = use_context::<Live>();
    Signal::derive(move || {
        let counted = TOPICS.iter().enumerate().filter(|(_, topic)| topics.contains(topic));
        live.map_or(0, |live| counted.map(|(at, _)| live.changes[at].get()).sum())
    })
}

impl Live {
    /// While nothing was heard, anything may have changed or have failed to be read, and time went on.
    fn note_all(self) {
        early::forget();
        for count in self.changes {
            count.update(|count| *count += 1);
        }
    }

    fn note(self, changed: &str) {
        early::forget();
        for (topic, count) in TOPICS.iter().zip(self.changes) {
            if changed.split(',').any(|named| named.trim() == *topic) {
                count.update(|count| *count += 1);
            }
        }
    }
}

/// Keeps the stream at `/live` open while the tab is seen. Called by the frame.
pub(crate) fn listen() {
    let Some(live) = use_context::<Live>() else { return };
    effect(move || {
        let stream = StoredValue::new_local(None::<EventSource>);
        // Up to where changes are known: first what the page was made with. The stream begins with what has changed since.
        let mark = find("meta[name=live]").and_then(|meta| meta.get_attribute("content"));
        let mark = StoredValue::new(mark.unwrap_or_default());
        let told = into_function(move |event: MessageEvent| {
            mark.set_value(event.last_event_id());
            live.note(&event.data().as_string().unwrap_or_default());
        });
        let was_open = StoredValue::new(false);
        let opened = into_function(move |_: Event| {
            live.is_open.set(true);
            if was_open.get_value() {
                live.note_all();
            }
            was_open.set_value(true);
        });
        let failed = into_function(move |_: Event| {
            live.is_open.set(false);
            let refused = stream
                .with_value(|stream| stream.as_ref().is_some_and(|stream| stream.ready_state() == EventSource::CLOSED));
            if refused {
                stream.set_value(None);
            }
        });
        let open = move || {
            let needed = !document().hidden() && stream.with_value(Option::is_none);
            if let Some(source) =
                needed.then(|| EventSource::new(&mark.with_value(|mark| format!("/live?since={mark}"))).ok()).flatten()
            {
                source.set_onmessage(Some(told.unchecked_ref()));
                source.set_onopen(Some(opened.unchecked_ref()));
                source.set_onerror(Some(failed.unchecked_ref()));
                stream.set_value(Some(source));
            }
        };
        let close = move || {
            if let Some(source) = stream.try_update_value(Option::take).flatten() {
                source.close();
            }
            live.is_open.set(false);
        };
        open();
        let again = set_interval_with_handle(open.clone(), PAUSE);
        let seen =
            window_event_listener_untyped(
                "visibilitychange",
                move |_| {
                    if document().hidden() { close() } else { open() }
                },
            );
        on_cleanup(move || {
            if let Ok(again) = again {
                again.clear();
            }
            seen.remove();
            close();
        });
    });
}

fn into_function<E: leptos::wasm_bindgen::convert::FromWasmAbi + 'static>(
    handler: impl FnMut(E) + 'static,
) -> leptos::wasm_bindgen::JsValue {
    Closure::<dyn FnMut(E)>::new(handler).into_js_value()
}
