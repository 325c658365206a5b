//! What the models can be narrowed by, and the filters that do it.

use super::told::ModelList;
use crate::console::data::{Data, Reading, Wire, shown};
use crate::console::ui::drawn::{drawn, text};
use crate::console::ui::filters::{Chips, Choice, Filters, Search};
use crate::console::ui::place::Place;
use crate::domain::model::CAPABILITIES;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Who serves models, and whether the reader may change them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelChoices {
    /// Id and name of every provider.
    pub providers: Vec<(String, String)>,
    pub is_admin: bool,
    /// Names of well-known models, for those who may add one.
    pub known: Vec<String>,
}

/// The providers by name.
#[server(prefix = "/fn", endpoint = "model-choices", protocol = Reading)]
pub async fn fetch_model_choices() -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let names = gateway.provider_names();
    let known = if account.is_admin() { gateway.known_models("", usize::MAX) } else { Vec::new() };
    let known = known.into_iter().map(|listed| listed.name).collect();
    let mut providers: Vec<_> = names.into_iter().map(|(id, name)| (id.to_string(), name)).collect();
    providers.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(Wire::of(&ModelChoices { providers, is_admin: account.is_admin(), known }))
}

type Options = [(&'static str, &'static str)];

const CALLABLE: &Options =
    &[("", "Callable or not"), ("yes", "Callable"), ("mine", "Callable by my keys"), ("no", "Not callable")];

const DAYS: &Options = &[("", "Measured over 30 days"), ("7", "Measured over 7 days")];

const ORDERS: &Options = &[
    ("", "By name"),
    ("price", "Cheapest input first"),
    ("-price", "Dearest input first"),
    ("-context", "Longest context first"),
    ("latency", "Quickest first byte first"),
    ("errors", "Fewest errors first"),
    ("cost", "Least for my 30 days first"),
];

/// The form and the chips.
#[component]
pub fn ModelFilters(choices: Data<ModelChoices>, list: Data<ModelList>) -> impl IntoView {
    let able = std::iter::once(("", "Every capability")).chain(CAPABILITIES.iter().map(|name| (*name, *name)));
    let able: Vec<_> = able.map(|(value, label)| (value.to_owned(), label.to_owned())).collect();
    let count = move || shown(list, |list| Ok(list.ok().map(|list| list.span).into_any()));
    // What is compared stays while the list is narrowed.
    let compared = text(|| Place::here().get("compare").unwrap_or_default().to_owned());
    view! {
        <Filters action="/models" count=count>
            <Search name="q" label="Model name"/>
            <Choice name="can" label="Capability" options=able/>
            {shown(choices, |choices| {
                let choice = choices.ok().map(|choices| {
                    let all = (String::new(), "Every provider".to_owned());
                    let options = std::iter::once(all).chain(choices.providers).collect::<Vec<_>>();
                    view! { <Choice name="provider" label="Provider" options=options/> }
                });
                Ok(choice.into_any())
            })}
            <Choice name="callable" label="Callable" options=fixed(CALLABLE, "callable")/>
            <Choice name="days" label="Measured over" options=fixed(DAYS, "days")/>
            <Choice name="sort" label="Order" options=fixed(ORDERS, "sort")/>
            <input type="hidden" name="compare" value=compared/>
        </Filters>
        {shown(choices, |choices| Ok(choices.ok().map(|choices| drawn(move || chips(&choices))).into_any()))}
    }
}

/// What a select offers; what the address asks for is always among it.
fn fixed(options: &Options, name: &str) -> Vec<(String, String)> {
    let mut options: Vec<(String, String)> =
        options.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect();
    let asked = Place::now().get(name).unwrap_or_default().to_owned();
    if options.iter().all(|(value, _)| *value != asked) {
        options.push((asked.clone(), asked));
    }
    options
}

fn chips(choices: &ModelChoices) -> impl IntoView + use<> {
    let here = Place::here();
    let asked = |name| here.get(name);
    let provider = |id: &str| {
        let named = choices.providers.iter().find(|(known, _)| known == id);
        format!("Served by {}", named.map_or(id, |(_, name)| name))
    };
    let labelled =
        |value: &str| CALLABLE.iter().find(|(known, _)| *known == value).map_or(value, |(_, label)| label).to_owned();
    let chips = [
        asked("q").map(|text| ("q", format!("Name has “{text}”"))),
        asked("can").map(|text| ("can", format!("Can {text}"))),
        asked("provider").map(|id| ("provider", provider(id))),
        asked("callable").map(|value| ("callable", labelled(value))),
    ];
    let chips: Vec<_> = chips.into_iter().flatten().collect();
    view! { <Chips chips/> }
}
