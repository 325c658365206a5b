//! The list of tokens: a row each, what is ticked, and what may be done with one row or with all that are ticked.

use super::bare;
use super::fetch::{KeyList, KeyRow, Standing};
use crate::console::ui::budget::BudgetLine;
use crate::console::ui::copy::Code;
use crate::console::ui::drawn::{Views, drawn};
use crate::console::ui::later::later;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::menu::RowMenu;
use crate::console::ui::notice::Empty;
use crate::console::ui::place::Place;
use crate::console::ui::status::{Sign, Status};
use leptos::ev::{Event, MouseEvent};
use leptos::prelude::*;
use leptos::web_sys::HtmlInputElement;

/// The name of each row's box.
const IDS: &str = "ids[]";

/// What is ticked, of what can be.
#[derive(Clone, Copy)]
pub struct Ticks {
    ticked: RwSignal<Vec<String>>,
    rows: RwSignal<Vec<String>>,
    /// All that match are meant, on every page.
    all: RwSignal<bool>,
}

impl Ticks {
    pub fn new() -> Self {
        Self { ticked: RwSignal::new(Vec::new()), rows: RwSignal::new(Vec::new()), all: RwSignal::new(false) }
    }

    /// These are the rows now: nothing stays ticked that is not seen.
    pub fn show(self, list: &KeyList) {
        let rows: Vec<String> = list.rows.iter().map(|row| row.id.clone()).collect();
        self.ticked.update(|ticked| ticked.retain(|id| rows.contains(id)));
        self.rows.set(rows);
    }

    /// Nothing is ticked any more: something was done with what was.
    pub fn clear(self) {
        self.ticked.set(Vec::new());
        self.all.set(false);
    }

    /// A box was ticked or not: a row's own, or that of all.
    pub fn tick(self, event: &Event) {
        let input = event_target::<HtmlInputElement>(event);
        let is_on = input.checked();
        // Whoever takes one out, or begins anew, does not mean all that match.
        self.all.set(is_on && input.name() == "all");
        match input.name().as_str() {
            IDS => self.ticked.update(|ticked| {
                let id = input.value();
                ticked.retain(|known| *known != id);
                if is_on {
                    ticked.push(id);
                }
            }),
            "" => self.ticked.set(if is_on { self.rows.get_untracked() } else { Vec::new() }),
            _ => {}
        }
    }

    fn has(self, id: String) -> Box<dyn Fn() -> bool + Send + Sync> {
        Box::new(move || self.ticked.with(|ticked| ticked.contains(&id)))
    }

    fn has_all(self) -> Box<dyn Fn() -> bool + Send + Sync> {
        Box::new(move || self.ticked.with(Vec::len) > 0 && self.ticked.with(Vec::len) == self.rows.with(Vec::len))
    }
}

/// The list, or what is true where it has no rows.
pub fn list(list: KeyList, ticks: Ticks) -> AnyView {
    if list.rows.is_empty() {
        return nothing(&list);
    }
    let columns = vec![
        Column::new("Name", 3).sorts_by("name"),
        Column::new("Tightest budget", 3).sorts_by("budget"),
        Column::new("State", 2),
        Column::new("Group, rule", 2),
        Column::new("Rates", 1).wide(),
        Column::new("Last used", 1).sorts_by("used"),
        Column::new("Actions", 0).unseen(),
    ];
    let bar = bar(&list, ticks);
    let KeyList { rows, previous, next, revoked, sort, .. } = list;
    let here = bare();
    let page = |name: &str, (place, label): (String, String)| {
        let href = bare().without("after").without("before").with(name, place).href();
        view! { <a href=href>{label}</a> }
    };
    let gone = (revoked > 0 && here.get("status") != Some("revoked")).then(|| {
        view! { <a href="/tokens?status=revoked">{format!("Recently revoked: {revoked}, which can be restored")}</a> }
    });
    let pick = move || {
        view! { <input class="needs-script" type="checkbox" aria-label="Select all on this page" prop:checked=ticks.has_all()/> }
    };
    let rowed = move |key: KeyRow| {
        let here = here.clone();
        later(move || row(key, &here, ticks))
    };
    view! {
        {bar}
        <Ledger class="ledger--keys" caption="Tokens" columns=columns sort=sort pick=pick>
            {rows.into_iter().map(rowed).views()}
        </Ledger>
        <nav class="statement__foot" aria-label="Pages">
            <span>{gone}</span>
            <span class="pager">{previous.map(|to| page("before", to))} {next.map(|to| page("after", to))}</span>
        </nav>
    }
    .into_any()
}

/// What may be done with all that are ticked. Seen while any is; its buttons send the list's own form.
fn bar(list: &KeyList, ticks: Ticks) -> AnyView {
    let here = bare().href();
    let count = drawn(move || match ticks.ticked.with(Vec::len) {
        0 => "With the selected".to_owned(),
        count => format!("{count} selected"),
    });
    let all = (list.total > list.rows.len() as u64).then(|| {
        let label = format!("All {} that match", list.span.rsplit(' ').next().unwrap_or_default());
        view! { <label class="check bulk__all"><input type="checkbox" name="all" value="1" prop:checked=move || ticks.all.get()/><span>{label}</span></label> }
    });
    let clear = move |event: MouseEvent| {
        event.prevent_default();
        ticks.clear();
    };
    let act = |value: &'static str, label: &'static str| {
        view! { <button class="bulk__act" name="act" value=value>{label}</button> }
    };
    let file = |value: &'static str, label: &'static str| {
        view! {
            <button class="bulk__act" formaction="/export/keys" formmethod="get" name="format" value=value>{label}</button>
        }
    };
    let is_revoked = bare().get("status") == Some("revoked");
    let acts = (!is_revoked).then(|| {
        view! {
            {act("move", "Move to group…")}
            {act("group", "New group…")}
            {act("bind", "Bind rule…")}
            {act("enable", "Enable")}
            {act("disable", "Disable")}
        }
    });
    view! {
        <div class="bulk" role="group" aria-label="With the selected tokens">
            <span class="bulk__count" role="status">{count}</span>
            {all}
            {acts}
            {file("csv", "Export CSV")}
            {file("json", "Export JSON")}
            {(!is_revoked).then(|| act("revoke", "Revoke…"))}
            <a class="bulk__act bulk__end" href=here on:click=clear>"Clear"</a>
        </div>
    }
    .into_any()
}

fn nothing(list: &KeyList) -> AnyView {
    if list.is_narrowed {
        let text = || "No key matches these filters.";
        return view! {
            <Empty title="No matches" text=text><a class="button" href="/tokens">"Show every token"</a></Empty>
        }
        .into_any();
    }
    let text = || "A token is what a program calls with. Give each program its own, with its own budget.";
    let gone =
        (list.revoked > 0).then(|| view! { <a class="button" href="/tokens?status=revoked">"Recently revoked"</a> });
    view! {
        <Empty title="No tokens yet" text=text>
            <a class="button button--primary" href="/tokens?new=1">"New token"</a>
            {gone}
        </Empty>
        <Code text=list.curl.clone()/>
    }
    .into_any()
}

fn row(row: KeyRow, here: &Place, ticks: Ticks) -> AnyView {
    let KeyRow { id, name, hint, owner, standing, budget, group, rule, rates, last_used, expires } = row;
    let menu = actions(&standing, &id, here);
    let mut rates = rates.into_iter();
    let first = rates.next().unwrap_or_else(|| "—".to_owned());
    let rates = rates.map(|rate| view! { <span class="ledger__sub">{rate}</span> });
    let group = match group.is_empty() {
        true => view! { <span class="muted">"no group"</span> }.into_any(),
        false => view! { <span class="ledger__clip" title=group.clone()>{group.clone()}</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="ledger__pick">
                    <input type="checkbox" name=IDS value=id.clone() aria-label=format!("Select {name}") prop:checked=ticks.has(id.clone())/>
                    <span>
                        <a class="ledger__name ledger__clip" href=format!("/tokens/{id}") title=name.clone()>{name.clone()}</a>
                        <span class="ledger__sub"><code>{hint}</code>{owner}</span>
                    </span>
                </span>
            </th>
            <td class="whole" data-label="Tightest budget"><BudgetLine budget=budget/></td>
            <td data-label="State">{state(standing)}</td>
            <td data-label="Group, rule">
                {group}
                <span class="ledger__sub ledger__clip" title=rule.1.clone()><span class="muted">{rule.0}</span>{rule.1.clone()}</span>
            </td>
            <td class="ledger__wide" data-label="Rates">{first}{rates.views()}</td>
            <td data-label="Last used">{last_used}<span class="ledger__sub">{expires}</span></td>
            <td><RowMenu id=format!("menu-{id}") of=name>{menu}</RowMenu></td>
        </tr>
    }
    .into_any()
}

fn state(standing: Standing) -> AnyView {
    let (sign, word, sub) = match standing {
        Standing::Open { then } => (Sign::Flows, "Open", then),
        Standing::Near { then } => (Sign::Warns, "Near a limit", then),
        Standing::Blocked { until } => (Sign::Blocks, "Blocks now", until),
        Standing::Shut { opens } => (Sign::Blocks, "Outside hours", opens),
        Standing::Disabled => (Sign::Off, "Disabled", "calls are refused".to_owned()),
        Standing::AccountOff => (Sign::Off, "Account off", "calls are refused".to_owned()),
        Standing::Expired { at } => (Sign::Off, "Expired", at),
        Standing::Revoked { at } => (Sign::Off, "Revoked", at),
    };
    view! { <Status sign=sign>{word}</Status> <span class="ledger__sub">{sub}</span> }.into_any()
}

fn actions(standing: &Standing, id: &str, here: &Place) -> AnyView {
    let act = |act: &str, label: &'static str| {
        let value = format!("{act}:{id}");
        view! { <button class="menu__item" name="act" value=value>{label}</button> }.into_any()
    };
    let ask = |name: &str, label: &'static str| {
        let href = here.clone().with(name, id).href();
        let class = if name == "revoke" { "menu__item menu__item--blocks" } else { "menu__item" };
        view! { <a class=class href=href data-noscroll>{label}</a> }.into_any()
    };
    let go = |href: String, label: &'static str| view! { <a class="menu__item" href=href>{label}</a> }.into_any();
    let open = go(format!("/tokens/{id}"), "Open");
    let calls = go(format!("/logs?key={id}"), "Its calls");
    if matches!(standing, Standing::Revoked { .. }) {
        return [act("restore", "Restore"), open, calls].into_iter().views();
    }
    let switch = match standing {
        Standing::Disabled => act("enable", "Enable"),
        _ => act("disable", "Disable"),
    };
    [
        open,
        ask("edit", "Edit"),
        calls,
        ask("bind", "Bind rule…"),
        ask("move", "Move to group…"),
        ask("rotate", "Rotate…"),
        switch,
        ask("revoke", "Revoke…"),
    ]
    .into_iter()
    .views()
}
