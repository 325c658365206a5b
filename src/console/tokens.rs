//! Tokens: every key with what it has used of its tightest budget, and what may be done with it.

mod created;
pub mod edit;
pub mod fetch;

use super::data::{shown, use_data};
use super::form::{Done, PostForm, use_form};
use super::ui::budget::BudgetLine;
use super::ui::dialog::Dialog;
use super::ui::drawn::{Views, drawn, memo, text};
use super::ui::field::Submit;
use super::ui::filters::{Chips, Choice, Filters, Search};
use super::ui::ledger::{Column, Ledger};
use super::ui::live::use_live;
use super::ui::menu::RowMenu;
use super::ui::notice::{Empty, FormProblem, Notice};
use super::ui::pager::Pager;
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::ui::status::{AsOf, Sign, Status};
use crate::domain::problem::Problem;
use created::CreatedDialog;
use edit::{EditDialog, SaveKey};
use fetch::{KeyList, KeyRow, Standing, fetch_keys};
use leptos::either::Either;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// Does one thing with one key: `disable`, `enable`, `revoke` or `restore`, a colon, and the key's id.
#[server(prefix = "/fn", endpoint = "change-key")]
pub async fn change_key(act: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::id::KeyId;
    use crate::domain::key::KeyStatus;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let unknown = || Problem::field("act", "That cannot be done with a key.");
    let (act, id) = act.split_once(':').ok_or_else(unknown)?;
    let id = KeyId::from(id);
    let (key, is) = match act {
        "revoke" => (gateway.revoke_key(&account, &id).await?, "is revoked; its next call is refused"),
        "restore" => (gateway.restore_key(&account, &id).await?, "is open again"),
        "enable" | "disable" => {
            let (status, is) = if act == "enable" {
                (KeyStatus::Active, "is enabled")
            } else {
                (KeyStatus::Disabled, "is disabled; its next call is refused")
            };
            let spec = crate::domain::key::KeySpec { status, ..gateway.key(&account, &id).await?.spec() };
            (gateway.edit_key(&account, &id, spec).await?, is)
        }
        _ => return Err(unknown()),
    };
    // A question that was asked about it is answered.
    leptos_axum::redirect("/tokens");
    Ok(Done::saying(format!("Key {} {is}.", key.name)))
}

#[component]
pub fn Tokens() -> impl IntoView {
    let form = use_form::<SaveKey>();
    let change = use_form::<ChangeKey>();
    let query = use_query_map();
    let read = move |name: &str| query.read().get(name).unwrap_or_default();
    let live = use_live(&["keys", "calls"]);
    let versions = move || format!("{} {} {}", form.version(), change.version(), live.get());
    let asked = move || [read("q"), read("status"), read("after"), versions()].join("\n");
    let keys = use_data::<KeyList, _>(asked, move || untrack(|| fetch_keys(read("q"), read("status"), read("after"))));
    let dialog = memo(move || (read("new"), read("edit"), read("revoke")));
    // A memo, so that a problem with the form does not draw its dialog anew and lose what was written.
    let created = memo(move || form.outcome().and_then(|saved| saved.created));
    form.forget_unless(move || dialog.with(|(new, edit, _)| !new.is_empty() || !edit.is_empty()));
    let actions = move || {
        view! {
            {shown(keys, |keys| Ok(keys.ok().map(|list| view! { <AsOf time=list.as_of/> }).into_any()))}
            <a class="button button--primary" href=text(|| Place::here().without("edit").with("new", "1").href()) data-noscroll>"New token"</a>
        }
    };
    let lede = move || shown(keys, |keys| Ok(keys.ok().map(|list| list.lede).into_any()));
    let statuses =
        ["", "active", "disabled", "revoked"].into_iter().zip(["Every status", "Active", "Disabled", "Revoked"]);
    view! {
        <Sheet title="Tokens" lede=lede actions=actions>
            <Filters action="/tokens">
                <Search name="q" label="Name, key or id"/>
                <Choice name="status" label="Status" options=statuses.map(|(value, label)| (value.to_owned(), label.to_owned())).collect()/>
            </Filters>
            {drawn(move || view! { <Chips chips=chips(&read("q"), &read("status"))/> })}
            <FormProblem form=change.state always=true/>
            <PostForm form=change.state>
                {shown(keys, move |keys| Ok(match keys {
                    Ok(list) => view! { <List list filtered=!untrack(|| read("q") + &read("status")).is_empty()/> }.into_any(),
                    Err(problem) => view! { <Unread problem/> }.into_any(),
                }))}
            </PostForm>
        </Sheet>
        {drawn(move || match (created.get(), dialog.get()) {
            (Some(created), _) => view! { <CreatedDialog created close=bare().href()/> }.into_any(),
            (None, (new, _, _)) if !new.is_empty() => view! { <EditDialog form id=String::new() close=bare().href()/> }.into_any(),
            (None, (_, edit, _)) if !edit.is_empty() => view! { <EditDialog form id=edit close=bare().href()/> }.into_any(),
            (None, (_, _, revoke)) if !revoke.is_empty() => {
                view! { <RevokeDialog change id=revoke close=bare().href()/> }.into_any()
            }
            _ => ().into_any(),
        })}
    }
}

/// The list as it stands, without a dialog over it.
fn bare() -> Place {
    Place::now().without("new").without("edit").without("revoke")
}

fn chips(search: &str, status: &str) -> Vec<(&'static str, String)> {
    let on = [("q", format!("“{search}”"), search), ("status", format!("Status: {status}"), status)];
    on.into_iter().filter(|(_, _, value)| !value.is_empty()).map(|(name, says, _)| (name, says)).collect()
}

#[component]
fn Unread(problem: Problem) -> impl IntoView {
    view! {
        <Notice sign=Sign::Blocks>
            <b>"The list could not be read. "</b> {problem.message} " "
            <a href=bare().href() rel="external">"Try again"</a>
        </Notice>
    }
}

#[component]
fn List(list: KeyList, filtered: bool) -> impl IntoView {
    if list.rows.is_empty() {
        return Either::Left(view! { <Nothing list filtered/> });
    }
    let columns = vec![
        Column::new("Name", 3),
        Column::new("Tightest budget", 3),
        Column::new("State", 2),
        Column::new("Rates", 2).wide(),
        Column::new("Last used", 1),
        Column::new("Actions", 1).unseen(),
    ];
    let KeyList { rows, next, revoked, .. } = list;
    let older = next.map(|after| bare().with("after", after).href());
    let newer = bare().get("after").is_some().then(|| bare().without("after").href());
    let gone = move || {
        (revoked > 0).then(|| {
            view! { <a href="/tokens?status=revoked">{format!("Revoked: {revoked}, which can be restored")}</a> }
        })
    };
    Either::Right(view! {
        <Ledger caption="Tokens, newest first" columns=columns>
            {rows.into_iter().map(|row| view! { <Row row/> }).views()}
        </Ledger>
        <Pager newer=newer older=older note=gone/>
    })
}

#[component]
fn Nothing(list: KeyList, filtered: bool) -> impl IntoView {
    if filtered {
        let text = "No key matches these filters.";
        return Either::Left(
            view! { <Empty title="No matches" text=move || text><a class="button" href="/tokens">"Show every token"</a></Empty> },
        );
    }
    let curl = format!(
        "curl {}/api/v1/keys \\\n  -H \"Authorization: Bearer tg-mgmt-…\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"name\": \"production-web\", \"limits\": {{\"monthly_spend\": \"200.00\"}}}}'",
        list.origin
    );
    let text = "A token is what a program calls with. Give each program its own, with its own budget.";
    Either::Right(view! {
        <Empty title="No tokens yet" text=move || text>
            <a class="button button--primary" href="/tokens?new=1">"New token"</a>
        </Empty>
        <super::ui::copy::Code text=curl/>
    })
}

#[component]
fn Row(row: KeyRow) -> impl IntoView {
    let KeyRow { id, name, hint, standing, budget, rates, last_used, expires } = row;
    let place = move |name: &'static str, id: &str| bare().with(name, id).href();
    let edit = place("edit", &id);
    let (rpm, tpm) = rates;
    let state = state(&standing);
    let menu = actions(&standing, &id, &edit, &place("revoke", &id));
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name ledger__clip" href=edit.clone() title=name.clone() data-noscroll>{name.clone()}</a>
                <span class="ledger__sub"><code>{hint}</code></span>
            </th>
            <td class="whole" data-label="Tightest budget"><BudgetLine budget=budget/></td>
            <td data-label="State">{state}</td>
            <td class="ledger__wide" data-label="Rates">{rpm}<span class="ledger__sub">{tpm}</span></td>
            <td data-label="Last used">{last_used}<span class="ledger__sub">{expires}</span></td>
            <td><RowMenu id=format!("menu-{id}") of=name>{menu}</RowMenu></td>
        </tr>
    }
}

fn state(standing: &Standing) -> impl IntoView + use<> {
    let (sign, word, sub) = match standing.clone() {
        Standing::Open { then } => (Sign::Flows, "Open", then),
        Standing::Near { then } => (Sign::Warns, "Near a limit", then),
        Standing::Blocked { until } => (Sign::Blocks, "Blocks now", until),
        Standing::Disabled => (Sign::Off, "Disabled", "calls are refused".to_owned()),
        Standing::Expired { at } => (Sign::Off, "Expired", at),
        Standing::Revoked { at } => (Sign::Off, "Revoked", at),
    };
    view! { <Status sign=sign>{word}</Status> <span class="ledger__sub">{sub}</span> }
}

fn actions(standing: &Standing, id: &str, edit: &str, revoke: &str) -> impl IntoView + use<> {
    let act = |act: &str, label: &'static str| {
        let value = format!("{act}:{id}");
        view! { <button class="menu__item" name="act" value=value>{label}</button> }.into_any()
    };
    let logs = view! { <a class="menu__item" href=format!("/logs?key={id}")>"Its calls"</a> }.into_any();
    if matches!(standing, Standing::Revoked { .. }) {
        return vec![act("restore", "Restore"), logs];
    }
    let edit = view! { <a class="menu__item" href=edit.to_owned() data-noscroll>"Edit"</a> }.into_any();
    let switch = match standing {
        Standing::Disabled => act("enable", "Enable"),
        _ => act("disable", "Disable"),
    };
    let revoke = view! { <a class="menu__item menu__item--blocks" href=revoke.to_owned() data-noscroll>"Revoke…"</a> };
    vec![edit, logs, switch, revoke.into_any()]
}

/// Asks before a key is revoked, and says what that does.
#[component]
fn RevokeDialog(change: super::form::Form<ChangeKey>, id: String, close: String) -> impl IntoView {
    let cancel = close.clone();
    view! {
        <Dialog title="Revoke this token?" close=close small=true>
            <PostForm form=change.state class="dialog__form">
                <div class="dialog__body">
                    <p>"Its very next call is refused. Calls in flight finish. What it has used stays in the books, and it can be restored."</p>
                    <FormProblem form=change.state always=true/>
                    <input type="hidden" name="act" value=format!("revoke:{id}")/>
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=cancel data-noscroll>"Cancel"</a>
                        <Submit form=change.state class="button--blocks">"Revoke"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}
