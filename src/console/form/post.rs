//! How a hydrated form is sent: as the browser itself would encode it, by `fetch`. One piece of code for every form.

use crate::console::ui::browser::{call, get};
use crate::domain::problem::{Problem, ProblemKind};
use leptos::ev::SubmitEvent;
use leptos::prelude::window;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::js_sys::{Object, Promise, Reflect};
use leptos::web_sys::{FormData, HtmlFormElement, UrlSearchParams};
use wasm_bindgen_futures::JsFuture;

/// What came of a post.
pub struct Answer {
    /// The outcome as JSON, or the problem.
    pub outcome: Result<String, Problem>,
    /// Where the server function leads, if it leads anywhere.
    pub leads_to: Option<String>,
}

/// What is written in the form, with the button that was pressed.
pub fn body(event: &SubmitEvent) -> String {
    let form = event.target().map(JsCast::unchecked_into::<HtmlFormElement>);
    let pressed = event
        .submitter()
        .and_then(|button| Some((button.get_attribute("name")?, button.get_attribute("value").unwrap_or_default())));
    form.map(|form| written(&form, pressed)).unwrap_or_default()
}

/// What is written in the form, with one more pair.
pub fn written(form: &HtmlFormElement, more: Option<(String, String)>) -> String {
    let data = FormData::new_with_form(form).ok();
    if let (Some(data), Some((name, value))) = (&data, more) {
        // A pair of texts can always be appended.
        _ = data.append_with_str(&name, &value);
    }
    let pairs = data.and_then(|data| UrlSearchParams::new_with_str_sequence_sequence(&data).ok());
    pairs.and_then(|pairs| pairs.to_string().as_string()).unwrap_or_default()
}

/// Posts to a server function.
pub async fn send(path: &str, body: &str) -> Answer {
    let failed = |kind, message: &str| Answer { outcome: Err(Problem::new(kind, message)), leads_to: None };
    let Some(response) = fetch(path, body).await else {
        let message = "Tollgate did not answer. Check the connection, look whether it was done, and try again.";
        return failed(ProblemKind::Unavailable, message);
    };
    let Some(text) = settled(call(&response, "text", &[])).await.and_then(|text| text.as_string()) else {
        return failed(ProblemKind::Unavailable, "Tollgate's answer broke off. Look whether it was done.");
    };
    let headers = get(&response, "headers");
    let header = |name: &str| call(&headers, "get", &[name.into()]).as_string();
    let leads_to = header("serverfnredirect").and_then(|_| header("location"));
    if get(&response, "ok").is_truthy() {
        return Answer { outcome: Ok(text), leads_to };
    }
    match serde_json::from_str::<Problem>(&text) {
        Ok(problem) => Answer { outcome: Err(problem), leads_to },
        Err(_) => failed(
            ProblemKind::Internal,
            "The answer could not be read. A proxy may have changed it, or Tollgate was updated: reload the page.",
        ),
    }
}

/// Posts an urlencoded body, and waits for the head of the answer; `None` where nobody answered.
async fn fetch(path: &str, body: &str) -> Option<JsValue> {
    let headers = object(&[
        ("accept", &"application/json".into()),
        ("content-type", &"application/x-www-form-urlencoded".into()),
    ]);
    let options = object(&[("method", &"POST".into()), ("headers", &headers), ("body", &body.into())]);
    settled(call(&window(), "fetch", &[path.into(), options])).await
}

/// What a promise came to; `None` where it was broken.
pub async fn settled(promise: JsValue) -> Option<JsValue> {
    JsFuture::from(promise.dyn_into::<Promise>().ok()?).await.ok()
}

pub fn object(fields: &[(&str, &JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in fields {
        // A new object takes any field.
        _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}
