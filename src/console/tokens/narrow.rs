//! The filters of the list, and the chips of those that are on.

use super::fetch::{KeyChoices, KeyList};
use crate::console::data::{Data, shown};
use crate::console::ui::drawn::drawn;
use crate::console::ui::filters::{Chips, Choice, Filters, Search};
use crate::console::ui::place::Place;
use leptos::prelude::*;

type Options = [(&'static str, &'static str)];

const STATUSES: &Options = &[
    ("", "Every status"),
    ("active", "Active"),
    ("disabled", "Disabled"),
    ("expired", "Expired"),
    ("revoked", "Revoked"),
];

const USES: &Options = &[
    ("", "Used or not"),
    ("near", "Near a limit"),
    ("blocked", "Blocked now"),
    ("unused", "Unused for 30 days"),
    ("expiring", "Expires within 7 days"),
];

const ORDERS: &Options = &[
    ("", "Newest first"),
    ("-budget", "Tightest budget first"),
    ("name", "By name"),
    ("-used", "Last used first"),
    ("used", "Longest unused first"),
    ("expires", "Expires first"),
];

/// The form and the chips.
#[component]
pub fn KeyFilters(choices: Data<KeyChoices>, list: Data<KeyList>) -> impl IntoView {
    let count = move || shown(list, |list| Ok(list.ok().map(|list| list.span).into_any()));
    view! {
        <Filters action="/tokens" count=count>
            <Search name="q" label="Name, key or id"/>
            {shown(choices, |choices| Ok(choices.ok().map(selects).into_any()))}
            <Choice name="status" label="Status" options=fixed(STATUSES, "status")/>
            <Choice name="use" label="Use" options=fixed(USES, "use")/>
            <Choice name="sort" label="Order" options=fixed(ORDERS, "sort")/>
        </Filters>
        {shown(choices, |choices| Ok(choices.ok().map(|choices| drawn(move || chips(&choices))).into_any()))}
    }
}

fn selects(choices: KeyChoices) -> impl IntoView {
    let KeyChoices { mut groups, mut rules, models, owners } = choices;
    groups.insert(0, ("none".to_owned(), "No group".to_owned()));
    rules.insert(0, ("none".to_owned(), "No rule".to_owned()));
    let models = models.into_iter().map(|name| (name.clone(), name)).collect();
    let owner = (!owners.is_empty()).then(|| select("owner", "Owner", "Every owner", owners));
    view! {
        {select("group", "Group", "Every group", groups)}
        {select("rule", "Rule in force", "Every rule", rules)}
        {select("model", "May call", "Every model", models)}
        {owner}
    }
}

fn select(name: &'static str, label: &'static str, all: &str, mut options: Vec<(String, String)>) -> AnyView {
    options.insert(0, (String::new(), all.to_owned()));
    view! { <Choice name label options=known(options, name)/> }.into_any()
}

fn fixed(options: &Options, name: &str) -> Vec<(String, String)> {
    known(options.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect(), name)
}

/// What a select offers; what the address asks for is always among it.
fn known(mut options: Vec<(String, String)>, name: &str) -> Vec<(String, String)> {
    let asked = Place::now().get(name).unwrap_or_default().to_owned();
    if options.iter().all(|(value, _)| *value != asked) {
        options.push((asked.clone(), asked));
    }
    options
}

fn chips(choices: &KeyChoices) -> impl IntoView + use<> {
    let here = Place::here();
    let named = |list: &[(String, String)], value: &str, none: &str| match value {
        "none" => none.to_owned(),
        value => list.iter().find(|(known, _)| known == value).map_or(value, |(_, name)| name).to_owned(),
    };
    let labelled = |list: &Options, value: &str| {
        list.iter().find(|(known, _)| *known == value).map_or(value, |(_, label)| label).to_owned()
    };
    let chip = |name: &'static str, says: &dyn Fn(&str) -> String| Some((name, says(here.get(name)?)));
    let chips = [
        chip("q", &|text| format!("“{text}”")),
        chip("group", &|id| format!("Group: {}", named(&choices.groups, id, "none"))),
        chip("rule", &|id| format!("Rule: {}", named(&choices.rules, id, "none"))),
        chip("model", &|name| format!("May call {name}")),
        chip("owner", &|id| format!("Owner: {}", named(&choices.owners, id, ""))),
        chip("status", &|value| labelled(STATUSES, value)),
        chip("use", &|value| labelled(USES, value)),
    ];
    let chips: Vec<_> = chips.into_iter().flatten().collect();
    view! { <Chips chips/> }
}
