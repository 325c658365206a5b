//! Quota rules: caps and hours, kept once and bound to many keys. The list of them, and the page that edits one.

mod acts;
mod delete;
pub mod edit;
mod fields;
pub mod list;
pub mod said;
pub mod tried;

pub use edit::Rule;

use super::data::{shown, use_data};
use super::form::{PostForm, use_form};
use super::ui::drawn::{drawn, memo, text};
use super::ui::filters::{Chips, Choice, Filters, Search};
use super::ui::live::use_live;
use super::ui::notice::{Empty, FormProblem};
use super::ui::pager::Pager;
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::ui::status::AsOf;
use super::unread::unread;
use acts::{ChangeRule, DeleteRule};
use delete::DeleteDialog;
use leptos::prelude::*;
use list::{RuleList, RuleTable, fetch_rules};

/// The list.
#[component]
pub fn Rules() -> impl IntoView {
    let change = use_form::<ChangeRule>();
    let delete = use_form::<DeleteRule>();
    let read = |name: &str| Place::here().get(name).unwrap_or_default().to_owned();
    let live = use_live(&["rules", "keys", "accounts"]);
    let versions = move || format!("{} {} {}", live.get(), change.version(), delete.version());
    let asked = move || [read("q"), read("status"), read("after"), versions()].join("\n");
    let rules =
        use_data::<RuleList, _>(asked, move || untrack(|| fetch_rules(read("q"), read("status"), read("after"))));
    let doomed = memo(move || read("delete"));
    delete.forget_unless(move || !doomed.read().is_empty());
    let actions = move || {
        view! {
            {shown(rules, |rules| Ok(rules.ok().map(|list| view! { <AsOf time=list.as_of/> }).into_any()))}
            <a class="button button--primary" href="/rules/new">"New rule"</a>
        }
    };
    let lede = || "A cap, hours, or both, kept once and bound to many keys. A key’s own rule comes first, then its account’s default";
    let statuses = ["", "on", "off"].into_iter().zip(["On and off", "On", "Off"]);
    let statuses = statuses.map(|(value, label)| (value.to_owned(), label.to_owned())).collect();
    view! {
        <Sheet title="Quota rules" lede=lede actions=actions>
            <Filters action="/rules">
                <Search name="q" label="Name, description or id"/>
                <Choice name="status" label="Status" options=statuses/>
            </Filters>
            {drawn(move || view! { <Chips chips=chips(&read("q"), &read("status"))/> })}
            <FormProblem form=change.state always=true/>
            <PostForm form=change.state>
                {shown(rules, move |rules| Ok(match rules {
                    Ok(list) => listed(list, untrack(|| !read("q").is_empty() || !read("status").is_empty())),
                    Err(problem) => unread(problem),
                }))}
            </PostForm>
        </Sheet>
        {drawn(move || {
            let id = doomed.get();
            (!id.is_empty()).then(|| view! { <DeleteDialog form=delete id close=bare().href()/> })
        })}
    }
}

/// The list as it stands, without a dialog over it.
fn bare() -> Place {
    Place::now().without("delete")
}

fn chips(search: &str, status: &str) -> Vec<(&'static str, String)> {
    let on = [("q", format!("“{search}”"), search), ("status", format!("Status: {status}"), status)];
    on.into_iter().filter(|(_, _, value)| !value.is_empty()).map(|(name, says, _)| (name, says)).collect()
}

fn listed(list: RuleList, is_narrowed: bool) -> AnyView {
    if list.rows.is_empty() {
        return nothing(&list.origin, is_narrowed).into_any();
    }
    let older = list.next.map(|after| bare().with("after", after).href());
    let newer = bare().get("after").is_some().then(|| bare().without("after").href());
    let note = list.note;
    view! {
        <RuleTable rows=list.rows/>
        <Pager newer older note=move || note.clone()/>
    }
    .into_any()
}

fn nothing(origin: &str, is_narrowed: bool) -> impl IntoView {
    if is_narrowed {
        let clear = text(|| Place::here().without("q").without("status").without("after").href());
        return view! {
            <Empty title="No matches" text=|| "No rule matches these filters.">
                <a class="button" href=clear data-noscroll>"Show every rule"</a>
            </Empty>
        }
        .into_any();
    }
    let curl = format!(
        "curl {origin}/api/v1/rules \\\n  -H \"Authorization: Bearer tg-mgmt-…\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\n    \"name\": \"Office hours\",\n    \"quota\": {{\"credits\": \"50.00\", \"period\": \"daily\"}},\n    \"hours\": {{\n      \"timezone\": \"Europe/Berlin\",\n      \"weekdays\": [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"],\n      \"ranges\": [\"08:00-20:00\"]\n    }}\n  }}'"
    );
    let says = || "A rule caps the credits of each key that it governs, or says in which hours it may call; outside of them it blocks. Bind it to keys, or make it an account’s default.";
    view! {
        <Empty title="No rules yet" text=says>
            <a class="button button--primary" href="/rules/new">"New rule"</a>
        </Empty>
        <super::ui::copy::Code text=curl/>
    }
    .into_any()
}
