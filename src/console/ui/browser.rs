//! The few things that are asked of the browser directly. Never called on the server.

use leptos::prelude::*;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Array, Function, Promise, Reflect};
use leptos::web_sys::{Element, HtmlElement};
use send_wrapper::SendWrapper;
use std::time::Duration;
use wasm_bindgen_futures::JsFuture;

/// The first element that a selector finds.
pub fn find(selector: &str) -> Option<Element> {
    document().query_selector(selector).ok().flatten()
}

/// Puts the focus on what the first of the selectors finds that finds anything, once the page has been drawn again.
pub fn focus_soon(selectors: &'static [&'static str]) {
    request_animation_frame(move || {
        if let Some(element) = selectors.iter().find_map(|selector| find(selector)) {
            focus(&element);
        }
    });
}

/// Until the next frame is painted, which is between its callbacks and the next timer, and whoever else waited for it had a turn.
pub async fn painted() {
    let frame = SendWrapper::new(async {
        let promise = Promise::new(&mut |done, _| {
            let soon = |then: Box<dyn FnOnce()>| set_timeout(then, Duration::ZERO);
            let done = move || _ = done.call0(&JsValue::UNDEFINED);
            request_animation_frame(move || soon(Box::new(move || soon(Box::new(done)))));
        });
        _ = JsFuture::from(promise).await;
    });
    frame.await;
}

pub fn focus(element: &Element) {
    _ = element.unchecked_ref::<HtmlElement>().focus();
}

/// What has the focus now, if it is more than the page itself.
pub fn focused() -> Option<Element> {
    document().active_element().filter(|element| !element.has_type::<leptos::web_sys::HtmlBodyElement>())
}

/// Copies a text. Without the clipboard, which browsers keep from plain http, an old command still does it.
pub fn copy(text: &str) {
    let clipboard = get(&get(&window(), "navigator"), "clipboard");
    if !clipboard.is_undefined() {
        call(&clipboard, "writeText", &[text.into()]);
        return;
    }
    let document = document();
    let Ok(area) = document.create_element("textarea") else { return };
    area.set_text_content(Some(text));
    // Outside an open dialog nothing can be selected.
    let Some(place) = find("dialog:modal").or_else(|| document.body().map(Into::into)) else { return };
    let before = focused();
    if place.append_child(&area).is_ok() {
        call(&area, "select", &[]);
        call(&document, "execCommand", &["copy".into()]);
        area.remove();
    }
    if let Some(before) = before {
        focus(&before);
    }
}

/// Calls a method that is not worth a binding, or that older browsers lack.
pub fn call(on: &JsValue, method: &str, arguments: &[JsValue]) -> JsValue {
    let list = Array::new();
    for argument in arguments {
        list.push(argument);
    }
    match get(on, method).dyn_into::<Function>() {
        Ok(method) => method.apply(on, &list).unwrap_or(JsValue::UNDEFINED),
        Err(_) => JsValue::UNDEFINED,
    }
}

pub fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}
