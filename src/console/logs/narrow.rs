//! The filters of the logs, and the chips of those that are on.

use super::asked::{Asked, STATUSES, TIMES};
use super::rows::LogPage;
use crate::console::data::{Data, Reading, Wire, both_shown_for, shown, shown_for};
use crate::console::ui::drawn::memo;
use crate::console::ui::filters::{Chips, Choice, Filters, Search};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What can be chosen, and what the page says about where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogChoices {
    /// Id and name.
    pub keys: Vec<(String, String)>,
    pub groups: Vec<(String, String)>,
    pub models: Vec<String>,
    /// “Europe/Berlin, UTC+01:00”.
    pub zone: String,
    /// The address of this server, as programs call it.
    pub address: String,
}

/// The keys, groups and models one may filter by.
#[server(prefix = "/fn", endpoint = "log-choices", protocol = Reading)]
pub async fn fetch_log_choices() -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::key::KeyStatus;
    use crate::domain::period::Zone;
    use crate::gateway::Gateway;
    use crate::gateway::groups::{GroupOrder, GroupQuery};
    use crate::gateway::issue::KeyQuery;
    let gateway = expect_context::<Gateway>();
    let zone = Zone::parse(&account.timezone).unwrap_or_else(Zone::utc);
    let offset = zone.local(gateway.clock().now()).strftime("UTC%:z").to_string();
    let keys = gateway.keys(&account, KeyQuery { limit: 1_000, ..KeyQuery::default() }).await?.data;
    let mut keys: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let gone = if key.status == KeyStatus::Revoked { ", revoked" } else { "" };
            (key.id.to_string(), format!("{}{gone}", key.name))
        })
        .collect();
    keys.sort_by_key(|key| key.1.to_lowercase());
    let groups = GroupQuery { order: GroupOrder::Name, ascending: true, limit: 1_000, ..GroupQuery::default() };
    let groups = gateway.groups(&account, groups).await?.data.into_iter().map(|known| known.group);
    Ok(Wire::of(&LogChoices {
        keys,
        groups: groups.map(|group| (group.id.0, group.name)).collect(),
        models: gateway.models().iter().map(|model| model.name.clone()).collect(),
        zone: if zone.name().starts_with("UTC") {
            zone.name().to_owned()
        } else {
            format!("{}, {offset}", zone.name())
        },
        address: crate::page::origin(),
    }))
}

/// The form and the chips.
#[component]
pub fn LogFilters(choices: Data<LogChoices>, list: Data<LogPage>) -> impl IntoView {
    let has_range = memo(|| Asked::here().has_own_range());
    view! {
        <Filters action="/logs">
            <Search name="q" label="Request id"/>
            {shown(choices, |choices| Ok(choices.ok().map(|choices| selects(&choices)).into_any()))}
            <Choice name="status" label="Outcome" options=options(&STATUSES, &untrack(Asked::here).status)/>
            <Choice name="time" label="Time" options=options(&TIMES, "")/>
            {shown_for(move || has_range.track(), list, move |page| {
                let stretch = page.ok().map(|page| page.stretch).filter(|_| has_range.get_untracked());
                let range = stretch.map(|stretch| {
                    view! {
                        <span class="log__range">
                            {moment("from", "From", stretch.from_field)}
                            {moment("to", "Until", stretch.to_field)}
                        </span>
                    }
                });
                Ok(range.into_any())
            })}
        </Filters>
        {both_shown_for(|| (), choices, list, |choices, page| {
            Ok(choices.ok().zip(page.ok()).map(|(choices, page)| chips(&page, &choices)).into_any())
        })}
    }
}

fn selects(choices: &LogChoices) -> impl IntoView + use<> {
    let asked = untrack(Asked::here);
    let models: Vec<_> = choices.models.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let keys: Vec<_> = choices.keys.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let groups: Vec<_> = choices.groups.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    // Where nobody uses groups, there is nothing to choose.
    let group = (!groups.is_empty() || !asked.group.is_empty()).then(|| {
        let options = options(&[&[("", "Every group")], groups.as_slice()].concat(), &asked.group);
        view! { <Choice name="group" label="Group" options=options/> }
    });
    view! {
        <Choice name="key" label="Key" options=options(&[&[("", "Every key")], keys.as_slice()].concat(), &asked.key)/>
        {group}
        <Choice
            name="model"
            label="Model"
            options=options(&[&[("", "Every model")], models.as_slice()].concat(), &asked.model)
        />
    }
}

/// What a select offers; what the URL asks for is always among it.
fn options(known: &[(&str, &str)], asked: &str) -> Vec<(String, String)> {
    let mut options: Vec<_> = known.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect();
    if !known.iter().any(|(value, _)| *value == asked) {
        options.push((asked.to_owned(), asked.to_owned()));
    }
    options
}

fn moment(name: &'static str, label: &'static str, value: String) -> impl IntoView {
    view! {
        <label class="log__moment">
            <span class="muted">{label}</span>
            <input class="input" type="datetime-local" name=name value=value/>
        </label>
    }
}

fn chips(page: &LogPage, choices: &LogChoices) -> impl IntoView + use<> {
    let LogPage { asked, stretch, .. } = page;
    let named = |list: &[(&str, &str)], value: &str| {
        list.iter().find(|(known, _)| *known == value).map_or(value, |(_, label)| label).to_owned()
    };
    let key = choices.keys.iter().find(|(id, _)| *id == asked.key).map_or(&asked.key, |(_, name)| name);
    let group = choices.groups.iter().find(|(id, _)| *id == asked.group).map_or(&asked.group, |(_, name)| name);
    let mut chips = vec![("q", format!("Request {}", asked.q)), ("key", format!("Key {key}"))];
    chips.push(("group", format!("Group {group}")));
    chips.push(("model", format!("Model {}", asked.model)));
    chips.push(("status", named(&STATUSES, &asked.status)));
    let has_range = asked.has_own_range();
    chips.push(("time", named(&TIMES, &asked.time)));
    chips.push(("from", format!("From {}", stretch.from_field.replace('T', " "))));
    chips.push(("to", format!("Until {}", stretch.to_field.replace('T', " "))));
    chips.retain(|(name, _)| match *name {
        "q" => !asked.q.is_empty(),
        "key" => !asked.key.is_empty(),
        "group" => !asked.group.is_empty(),
        "model" => !asked.model.is_empty(),
        "status" => !asked.status.is_empty(),
        "time" => !asked.time.is_empty() && !has_range,
        "from" => has_range && !asked.from.is_empty(),
        _ => has_range && !asked.to.is_empty(),
    });
    view! { <Chips chips/> }
}
