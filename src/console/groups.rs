//! Groups: what several keys share, and who of them uses it.

pub mod dialogs;
pub mod edit;
pub mod fetch;
pub mod keys;
pub mod one;
pub mod reset;

use super::data::{shown, use_data};
use super::ui::budget::BudgetLine;
use super::ui::copy::Code;
use super::ui::drawn::{Views, drawn, memo, text};
use super::ui::filters::{Chips, Filters, Search};
use super::ui::later::later;
use super::ui::ledger::{Column, Ledger};
use super::ui::live::use_live;
use super::ui::money::Money;
use super::ui::notice::Empty;
use super::ui::pager::Pager;
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::ui::status::{AsOf, Status};
use super::unread::unread;
use crate::domain::credits::Credits;
use dialogs::{GroupDialogs, Wanted};
use fetch::{GroupList, GroupRow, State, fetch_groups};
use leptos::either::Either;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

pub use one::Group;

#[component]
pub fn Groups() -> impl IntoView {
    let query = use_query_map();
    let read = move |name: &str| query.read().get(name).unwrap_or_default();
    let dialogs = GroupDialogs::new(memo(move || match (read("new"), read("edit"), read("delete")) {
        (new, _, _) if !new.is_empty() => Wanted::new("new", read("keys")),
        (_, edit, _) if !edit.is_empty() => Wanted::new("edit", edit),
        (_, _, delete) => Wanted::new(if delete.is_empty() { "" } else { "delete" }, delete),
    }));
    let live = use_live(&["groups", "keys", "calls"]);
    let asked =
        move || [read("q"), read("sort"), read("after"), format!("{} {}", dialogs.version(), live.get())].join("\n");
    let list =
        use_data::<GroupList, _>(asked, move || untrack(|| fetch_groups(read("q"), read("sort"), read("after"))));
    let actions = move || {
        view! {
            {shown(list, |list| Ok(list.ok().map(|list| view! { <AsOf time=list.as_of/> }).into_any()))}
            <a class="button button--primary" href=text(|| bare(Place::here()).with("new", "1").href()) data-noscroll>"New group"</a>
        }
    };
    let lede = move || shown(list, |list| Ok(list.ok().map(|list| list.lede).into_any()));
    view! {
        <Sheet title="Groups" lede=lede actions=actions>
            <Filters action="/groups">
                <Search name="q" label="Name"/>
                <input type="hidden" name="sort" value=text(move || read("sort"))/>
            </Filters>
            {drawn(move || {
                let q = read("q");
                let chips = if q.is_empty() { Vec::new() } else { vec![("q", format!("Name has “{q}”"))] };
                view! { <Chips chips/> }
            })}
            {shown(list, move |list| Ok(match list {
                Ok(list) => {
                    let (sort, is_narrowed) = untrack(|| (read("sort"), !read("q").is_empty()));
                    view! { <List list sort is_narrowed/> }.into_any()
                }
                Err(problem) => unread(problem),
            }))}
        </Sheet>
        {dialogs.view()}
    }
}

/// The list without a dialog.
fn bare(place: Place) -> Place {
    ["new", "edit", "delete", "keys", "back"].into_iter().fold(place, |place, name| place.without(name))
}

#[component]
fn List(list: GroupList, sort: String, is_narrowed: bool) -> impl IntoView {
    let here = bare(Place::now());
    if list.rows.is_empty() {
        return Either::Left(none(list.origin, is_narrowed, here.get("after").is_some()));
    }
    let columns = vec![
        Column::new("Group", 3).sorts_by("name"),
        Column::new("Shared quota: settled, held, left", 3),
        Column::new("State", 2),
        Column::new("Keys", 1).number().sorts_by("keys"),
        Column::new("This month", 1).number().sorts_by("spend"),
        Column::new("Actions", 2).unseen(),
    ];
    let older = list.next.map(|after| here.clone().with("after", after).href());
    let newer = here.get("after").is_some().then(|| here.clone().without("after").href());
    let rows = list.rows.into_iter().map(move |group| {
        let here = here.clone();
        later(move || row(group, &here).into_any())
    });
    let rows = rows.views();
    let note = || "A call must fit its key’s limits and its group’s. Edits act on the next call.";
    Either::Right(view! {
        <Ledger class="ledger--groups" caption="Groups" columns=columns sort=sort>{rows}</Ledger>
        <Pager newer=newer older=older note=note/>
    })
}

fn row(row: GroupRow, here: &Place) -> impl IntoView + use<> {
    let GroupRow { id, name, sub, budgets, state, keys, spent } = row;
    let dialog = |what: &str| here.clone().with(what, id.as_str()).href();
    let (edit, delete) = (dialog("edit"), dialog("delete"));
    let lines = budgets.into_iter().map(|budget| view! { <BudgetLine budget/> }).views();
    let (edits, deletes) = (format!("Edit {name}"), format!("Delete {name}"));
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name ledger__clip" href=format!("/groups/{id}") title=name.clone()>{name.clone()}</a>
                <span class="ledger__sub ledger__clip">{sub}</span>
            </th>
            <td class="whole groups__quota" data-label="Shared quota">{lines}</td>
            <td data-label="State">{standing(state)}</td>
            <td class="num" data-label="Keys">{keys}</td>
            <td class="num" data-label="This month"><Spent spent/></td>
            <td data-label="Actions">
                <span class="ledger__actions">
                    <a class="ledger__act" href=edit aria-label=edits data-noscroll>"Edit"</a>
                    <a class="ledger__act" href=delete aria-label=deletes data-noscroll>"Delete"</a>
                </span>
            </td>
        </tr>
    }
}

/// A state as it stands in a cell.
fn standing(state: State) -> impl IntoView {
    let State { gate, word, then } = state;
    view! { <Status sign=gate.sign()>{word}</Status> <span class="ledger__sub">{then}</span> }
}

/// Small sums with all that there is of them; large ones without the decimals that nobody reads.
#[component]
fn Spent(spent: Credits) -> impl IntoView {
    let decimals = match spent.nanos().unsigned_abs() {
        1..10_000_000 => 6,
        100_000_000_000_000.. => 0,
        _ => 2,
    };
    view! { <Money credits=spent decimals/> }
}

fn none(origin: String, is_narrowed: bool, is_later: bool) -> AnyView {
    if is_narrowed || is_later {
        return view! {
            <Empty title="No matches" text=|| "No group matches this.">
                <a class="button" href="/groups">"Show every group"</a>
            </Empty>
        }
        .into_any();
    }
    let curl = format!(
        "curl {origin}/api/v1/groups \\\n  -H \"Authorization: Bearer tg-mgmt-…\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"name\": \"team-search\", \"quota\": {{\"credits\": \"200.00\", \"period\": \"monthly\"}}}}'"
    );
    let text = "A group is several keys that share one quota: a team, a product, a customer. \
                Each key keeps its own limits, and must fit the group’s as well.";
    view! {
        <Empty title="No groups yet" text=move || text>
            <a class="button button--primary" href="/groups?new=1" data-noscroll>"New group"</a>
            <Code text=curl/>
        </Empty>
    }
    .into_any()
}
