//! The keys of a group: what each has used and may still use, taken out, and others put in.

use super::fetch::State;
use super::standing;
use crate::console::data::{Data, Reading, Wire, shown};
use crate::console::form::{Done, Form, PostForm};
use crate::console::ui::budget::{Budget, BudgetLine};
use crate::console::ui::copy::Code;
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::Views;
use crate::console::ui::field::Submit;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::Money;
use crate::console::ui::notice::{Empty, FormProblem};
use crate::console::ui::pager::Pager;
use crate::console::ui::place::Place;
use crate::console::ui::sheet::Statement;
use crate::console::unread::unread;
use crate::domain::credits::Credits;
use crate::domain::problem::Problem;
use leptos::ev::{Event, SubmitEvent};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A page of the keys of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    pub rows: Vec<Member>,
    pub next: Option<String>,
    /// That there are keys of others; blank where there are none.
    pub unseen: String,
    /// As many decimals as the sums of all rows want.
    pub decimals: u32,
    pub origin: String,
}

/// A key of the group, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: String,
    pub name: String,
    /// Its hint, and whose it is where it is another's.
    pub sub: String,
    /// The tightest of its own.
    pub budget: Budget,
    pub state: State,
    /// In the stretch that the page shows, while it was in this group.
    pub spent: Credits,
    pub calls: String,
    pub last_used: String,
}

/// Keys that may be put into a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    pub rows: Vec<OutsideKey>,
    /// Whether there are more than are shown.
    pub is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutsideKey {
    pub id: String,
    pub name: String,
    pub hint: String,
    /// “in team-chat”, “in no group”.
    pub place: String,
}

/// The keys that may be put into a group, as an optional [`Outside`]: those whose name, hint or id has `find`.
#[server(prefix = "/fn", endpoint = "group-outside", protocol = Reading)]
pub async fn fetch_outside(id: String, find: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&Some(crate::page::groups::one::outside(&gateway, &account, &id.into(), &find).await?)))
}

/// Moves keys into a group, out of whichever they are in; then goes `back`.
#[server(prefix = "/fn", endpoint = "add-keys")]
pub async fn add_keys(
    id: String,
    #[server(default)] keys: Vec<String>,
    #[server(default)] back: String,
) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::id::KeyId;
    use crate::domain::problem::ProblemKind;
    use crate::gateway::batch::Action;
    use crate::page::groups::form;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let group = gateway.group(&account, &id.into()).await?.group;
    if keys.is_empty() {
        return Err(Problem::new(ProblemKind::Invalid, "Choose the keys that are to be in it."));
    }
    let keys: Vec<KeyId> = keys.into_iter().map(KeyId).collect();
    let done = gateway.change_keys(&account, &keys, &Action::Move(Some(group.id))).await.map_err(form::unfielded)?;
    let said = form::moved(&done, &group.name);
    // What could not be done has to stay to be read.
    if let Some(first) = done.iter().find_map(|done| done.key.as_ref().err()) {
        return Err(Problem::new(first.kind, said));
    }
    leptos_axum::redirect(crate::console::sign_in::own_path(&back));
    Ok(Done::saying(said))
}

/// Takes a key out of a group.
#[server(prefix = "/fn", endpoint = "remove-key")]
pub async fn remove_key(id: String, key: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::groups::form;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let group = gateway.group(&account, &id.into()).await?.group;
    let key = gateway.leave_group(&account, &group.id, &key.into()).await.map_err(form::unfielded)?;
    Ok(Done::saying(format!("{} is out of {}: its next call counts for no group.", key.name, group.name)))
}

/// The keys as a ledger.
#[component]
pub fn MemberKeys(members: Members, group: String, form: Form<RemoveKey>, here: Place) -> impl IntoView {
    let Members { rows, next, unseen, decimals, origin } = members;
    let add = here.clone().with("add", "1").href();
    let is_later = here.get("after").is_some();
    let is_empty = rows.is_empty() && !is_later;
    let content = if is_empty {
        none(&origin, &group, add.clone()).into_any()
    } else {
        let columns = vec![
            Column::new("Key", 3),
            Column::new("Its own tightest budget", 3),
            Column::new("State", 2),
            Column::new("Credits", 1).number(),
            Column::new("Calls", 1).number().wide(),
            Column::new("Last used", 1).wide(),
            Column::new("Actions", 1).unseen(),
        ];
        let older = next.map(|after| here.clone().with("after", after).href());
        let newer = is_later.then(|| here.clone().without("after").href());
        let rows = rows.into_iter().map(|member| line(member, decimals)).views();
        let unseen = unseen.clone();
        view! {
            <PostForm form=form.state>
                <input type="hidden" name="id" value=group/>
                <Ledger caption="Keys of the group, newest first" columns=columns>{rows}</Ledger>
            </PostForm>
            <Pager newer=newer older=older note=move || unseen.clone()/>
        }
        .into_any()
    };
    let note = move || {
        // Where there are none, the way to the first stands larger.
        (!is_empty).then(|| view! { <a class="button" href=add.clone() data-noscroll>"Add keys…"</a> })
    };
    view! {
        <Statement title="Keys" id="h-keys" note>
            <FormProblem form=form.state always=true/>
            {content}
        </Statement>
    }
}

fn none(origin: &str, group: &str, add: String) -> impl IntoView + use<> {
    let curl = format!(
        "curl {origin}/api/v1/groups/{group}/keys \\\n  -H \"Authorization: Bearer tg-mgmt-…\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  -d '{{\"ids\": [\"…\"]}}'"
    );
    view! {
        <Empty title="No key is in it" text=|| "Keys that are put into it share its quota. Each keeps its secret, its own limits and its history.">
            <a class="button button--primary" href=add data-noscroll>"Add keys…"</a>
            <Code text=curl/>
        </Empty>
    }
}

fn line(member: Member, decimals: u32) -> impl IntoView {
    let Member { id, name, sub, budget, state, spent, calls, last_used } = member;
    let href = Place::new("/tokens").href() + "/" + &id;
    let removes = format!("Remove {name} from the group");
    view! {
        <tr>
            <th scope="row">
                <a class="ledger__name ledger__clip" href=href title=name.clone()>{name.clone()}</a>
                <span class="ledger__sub">{sub}</span>
            </th>
            <td class="whole" data-label="Its own tightest budget"><BudgetLine budget/></td>
            <td data-label="State">{standing(state)}</td>
            <td class="num" data-label="Credits"><Money credits=spent decimals/></td>
            <td class="num ledger__wide" data-label="Calls">{calls}</td>
            <td class="ledger__wide" data-label="Last used">{last_used}</td>
            <td data-label="Actions">
                <button class="ledger__act" name="key" value=id aria-label=removes>"Remove"</button>
            </td>
        </tr>
    }
}

/// How long after the last letter a search begins.
const PAUSE: Duration = Duration::from_millis(300);

/// Chooses among the keys that are not in the group. `here` is the page without the dialog.
#[component]
pub fn AddDialog(form: Form<AddKeys>, group: String, outside: Data<Option<Outside>>, here: Place) -> impl IntoView {
    let close = here.href();
    let path = format!("/groups/{group}");
    let found = Place::now().get("find").unwrap_or_default().to_owned();
    let go = use_navigate();
    let place = here.with("add", "1");
    let to = move |find: String| {
        go(
            &place.clone().with("find", find).href(),
            NavigateOptions { scroll: false, replace: true, ..Default::default() },
        );
    };
    let search = NodeRef::<leptos::html::Input>::new();
    let now = {
        let to = to.clone();
        move || to(search.get_untracked().map(|input| input.value()).unwrap_or_default())
    };
    let mut soon = debounce(PAUSE, {
        let now = now.clone();
        move |()| now()
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        now();
    };
    let state = form.state;
    view! {
        <Dialog title="Add keys" lede=|| "Each moves out of the group it is in, and keeps its secret, its own limits and its history." close=close.clone()>
            <form class="group-find" role="search" method="get" action=path on:submit=submit on:input=move |_: Event| soon(())>
                <input type="hidden" name="add" value="1"/>
                <input class="input" type="search" name="find" value=found placeholder="Name, key or id"
                    aria-label="Name, key or id" autocomplete="off" autofocus node_ref=search/>
                <button class="button without-script">"Find"</button>
            </form>
            <PostForm form=state class="dialog__form">
                <input type="hidden" name="id" value=group/>
                <input type="hidden" name="back" value=close.clone()/>
                <div class="dialog__body">
                    <FormProblem form=state always=true/>
                    {shown(outside, move |outside| Ok(match outside {
                        Ok(outside) => outside.map(choices).into_any(),
                        Err(problem) => unread(problem),
                    }))}
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll>"Cancel"</a>
                        <Submit form=state>"Add the chosen"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}

fn choices(outside: Outside) -> AnyView {
    let Outside { rows, is_cut } = outside;
    if rows.is_empty() {
        return view! { <Empty title="No key to add" text=|| "Every key is in it already, or none matches."/> }
            .into_any();
    }
    let columns = vec![Column::new("Key", 6), Column::new("Now", 6)];
    let rows = rows.into_iter().map(|OutsideKey { id, name, hint, place }| {
        view! {
            <tr>
                <th scope="row">
                    <label class="ledger__pick">
                        <input type="checkbox" name="keys[]" value=id/>
                        <span class="group-find__key"><b>{name}</b> <span class="ledger__sub"><code>{hint}</code></span></span>
                    </label>
                </th>
                <td data-label="Now">{place}</td>
            </tr>
        }
    });
    let rows = rows.views();
    let cut =
        is_cut.then(|| view! { <p class="statement__foot">"There are more: search for them by name, key or id."</p> });
    view! { <Ledger caption="Keys that are not in the group" columns=columns>{rows}</Ledger> {cut} }.into_any()
}
