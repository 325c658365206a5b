//! How one person likes the console: theme, density, shortcuts. Kept in cookies, so that no page flashes.

use super::drawn::{Views, effect};
use crate::console::form::post;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use leptos::web_sys::{Event, HtmlInputElement};
use serde::{Deserialize, Serialize};

/// Read from the cookies `theme`, `density` and `shortcuts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// `system`, `light` or `dark`; as `data-theme` on `<html>`.
    pub theme: String,
    /// `comfortable` or `compact`; as `data-density` on `<html>`.
    pub density: String,
    /// Whether single letters move about.
    pub shortcuts: bool,
}

const THEMES: [(&str, &str); 3] = [("system", "System"), ("light", "Light"), ("dark", "Dark")];
const DENSITIES: [(&str, &str); 2] = [("comfortable", "Comfortable"), ("compact", "Compact")];

impl Default for Preferences {
    fn default() -> Self {
        Self { theme: "system".into(), density: "comfortable".into(), shortcuts: true }
    }
}

impl Preferences {
    /// From `name=value` pairs; what is unknown is left at its default.
    pub fn from_cookies<'c>(pairs: impl Iterator<Item = &'c str>) -> Self {
        let mut read = Self::default();
        for (name, value) in pairs.filter_map(|pair| pair.trim().split_once('=')) {
            match name {
                "theme" => read.theme = one_of(&THEMES, value).to_owned(),
                "density" => read.density = one_of(&DENSITIES, value).to_owned(),
                "shortcuts" => read.shortcuts = value != "off",
                _ => {}
            }
        }
        read
    }
}

fn one_of(known: &[(&'static str, &'static str)], value: &str) -> &'static str {
    known.iter().map(|(name, _)| *name).find(|name| *name == value).unwrap_or(known[0].0)
}

/// Makes the preferences known to the whole page.
pub fn provide_preferences() {
    let read = SharedValue::new(|| use_context::<Preferences>().unwrap_or_default()).into_inner();
    provide_context(RwSignal::new(read));
}

pub fn use_preferences() -> RwSignal<Preferences> {
    use_context().unwrap_or_default()
}

/// Keeps the preferences for a year.
#[server(prefix = "/fn", endpoint = "preferences")]
pub async fn set_preferences(
    theme: String,
    density: String,
    #[server(default)] shortcuts: Option<String>,
) -> Result<(), Problem> {
    let shortcuts = if shortcuts.is_some() { "on" } else { "off" };
    let response = expect_context::<leptos_axum::ResponseOptions>();
    for (name, value) in
        [("theme", one_of(&THEMES, &theme)), ("density", one_of(&DENSITIES, &density)), ("shortcuts", shortcuts)]
    {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
        let cookie = http::HeaderValue::try_from(cookie).expect("names from our own lists");
        response.append_header(http::header::SET_COOKIE, cookie);
    }
    Ok(())
}

/// The form in the account menu and in the profile. With JavaScript a choice acts at once.
#[component]
pub fn PreferencesForm() -> impl IntoView {
    let preferences = use_preferences();
    // Shown first as the server rendered it; the radio buttons mind themselves from then on.
    let shown = preferences.get_untracked();
    let form = NodeRef::<leptos::html::Form>::new();
    let chosen = move |_: Event| {
        if let Some(Ok(now)) = form.get().map(|form| leptos::web_sys::FormData::new_with_form(&form)) {
            let text = |name: &str| now.get(name).as_string().unwrap_or_default();
            let now = Preferences { theme: text("theme"), density: text("density"), shortcuts: now.has("shortcuts") };
            show(&now);
            // The form's own names and values, none of which has to be escaped.
            let shortcuts = if now.shortcuts { "&shortcuts=on" } else { "" };
            let body = format!("theme={}&density={}{shortcuts}", now.theme, now.density);
            leptos::task::spawn_local(async move { _ = post::send("/fn/preferences", &body).await });
            preferences.set(now);
        }
    };
    // There may be two of these forms on a page: what is chosen in one holds in the other.
    effect(move || {
        let now = preferences.get();
        let Some(form) = form.get() else { return };
        for (name, value) in [("theme", &now.theme), ("density", &now.density)] {
            if let Ok(Some(choice)) = form.query_selector(&format!("[name={name}][value={value}]")) {
                choice.unchecked_ref::<HtmlInputElement>().set_checked(true);
            }
        }
        if let Ok(Some(shortcuts)) = form.query_selector("[name=shortcuts]") {
            shortcuts.unchecked_ref::<HtmlInputElement>().set_checked(now.shortcuts);
        }
    });
    view! {
        <form class="preferences" method="post" action="/fn/preferences" node_ref=form on:change=chosen>
            {choices("Theme", "theme", &THEMES, &shown.theme)}
            {choices("Rows", "density", &DENSITIES, &shown.density)}
            <label class="check">
                <input class="toggle" type="checkbox" name="shortcuts" checked=shown.shortcuts/>
                "Keyboard shortcuts"
            </label>
            <button class="button without-script">"Save"</button>
        </form>
    }
}

fn choices(
    legend: &'static str,
    name: &'static str,
    all: &'static [(&str, &str)],
    chosen: &str,
) -> impl IntoView + use<> {
    let options = all.iter().map(|(value, label)| {
        view! {
            <label class="choice">
                <input type="radio" name=name value=*value checked=*value == chosen/>
                <span>{*label}</span>
            </label>
        }
    });
    view! {
        <fieldset class="choices">
            <legend class="field__label">{legend}</legend>
            <div class="choices__row">{options.views()}</div>
        </fieldset>
    }
}

/// What the server will do with the next page, done to this one.
fn show(preferences: &Preferences) {
    if let Some(root) = document().document_element() {
        _ = root.set_attribute("data-theme", &preferences.theme);
        _ = root.set_attribute("data-density", &preferences.density);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_say_nonsense_change_nothing() {
        let read = |line: &str| Preferences::from_cookies(line.split(';'));
        assert_eq!(read("theme=purple; density=; a"), Preferences::default());
        let dark = Preferences { theme: "dark".into(), density: "compact".into(), shortcuts: false };
        assert_eq!(read("x=1; theme=dark; density=compact; shortcuts=off"), dark);
    }
}
