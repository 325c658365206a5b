//! One group: how its quota stands, who of its keys uses it, on which models and when.

use super::fetch::State;
use super::keys::{AddDialog, AddKeys, MemberKeys, Members, Outside, RemoveKey, fetch_outside};
use super::reset::{ResetDialog, ResetGroup, Resettable, fetch_resettable};
use crate::console::data::{Reading, Wire, shown, use_data};
use crate::console::form::{Form, use_form};
use crate::console::set_status;
use crate::console::ui::budget::{Budget, BudgetLine};
use crate::console::ui::chart::Chart;
use crate::console::ui::drawn::{Views, drawn, memo};
use crate::console::ui::later::{below, below_and_awake};
use crate::console::ui::ledger::Column;
use crate::console::ui::live::use_live;
use crate::console::ui::money::{Money, amount};
use crate::console::ui::place::Place;
use crate::console::ui::shares::{FigureTable, Line, Share, ShareBar};
use crate::console::ui::sheet::{Figure, Sheet, Statement};
use crate::console::ui::status::{AsOf, Status};
use crate::console::ui::tabs::Steps;
use crate::console::unread::unread;
use crate::domain::credits::Credits;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde::{Deserialize, Serialize};

/// The whole page, as of one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPage {
    pub id: String,
    pub name: String,
    pub description: String,
    pub state: State,
    /// “12 keys”, “owner Mara Lindqvist”, “calendar of Europe/Berlin”.
    pub facts: Vec<String>,
    /// What it does, in a sentence; and what an edit changed that is not in force yet.
    pub says: String,
    pub pending: String,
    pub meters: Vec<Meter>,
    /// Whether the reader may reset them.
    pub may_reset: bool,
    pub as_of: String,
    /// Its calls.
    pub logs: String,
    /// `month` or `period`, and the other where it is another stretch: its name in the URL and its label.
    pub spans: Vec<(String, String)>,
    pub span: String,
    /// “November to date, Europe/Berlin, UTC+1”.
    pub stretch: String,
    pub total: Total,
    /// `None` where there was no call.
    pub used: Option<(ByKey, ByTime)>,
    pub members: Members,
}

/// A part of its quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// “Credits a month”.
    pub label: String,
    pub budget: Budget,
    /// Since when it counts, and what happens at the end.
    pub fate: (String, String),
}

/// What was used in the stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub credits: Credits,
    /// Enough for the whole page.
    pub decimals: u32,
    pub tokens: String,
    pub tokens_note: String,
    pub calls: String,
    pub calls_note: String,
    pub trouble: String,
    pub trouble_note: String,
}

/// Who has used how much of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByKey {
    /// What the shares are shares of: “credits”.
    pub shared: String,
    pub shares: Vec<Share>,
    /// Calls, tokens, credits and share of each key, or of several that are not named.
    pub lines: Vec<Line>,
    pub total: Vec<String>,
}

/// What it cost, by time and by model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByTime {
    /// “credits a day, by model”.
    pub note: String,
    pub svg: String,
    /// Credits and share of each model.
    pub models: Vec<Line>,
    pub total: Vec<String>,
    /// The chart as a table: its columns, and a line for each day or hour.
    pub columns: Vec<String>,
    pub lines: Vec<Line>,
}

/// A group's page, as a [`GroupPage`], for the month or, with `period`, for its quota's own period; with the keys after
/// a place in their list.
#[server(prefix = "/fn", endpoint = "group", protocol = Reading)]
pub async fn fetch_group(id: String, span: String, after: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::groups::one::page(&gateway, &account, &id.into(), &span, after).await?))
}

#[component]
pub fn Group() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let id = memo(move || params.read().get("id").unwrap_or_default());
    let read = move |name: &str| query.read().get(name).unwrap_or_default();
    let (add, remove, reset) = (use_form::<AddKeys>(), use_form::<RemoveKey>(), use_form::<ResetGroup>());
    let is_adding = memo(move || !read("add").is_empty());
    let is_resetting = memo(move || !read("reset").is_empty());
    add.forget_unless(move || is_adding.get());
    reset.forget_unless(move || is_resetting.get());
    let live = use_live(&["groups", "keys", "calls"]);
    let versions = move || format!("{} {} {} {}", add.version(), remove.version(), reset.version(), live.get());
    let asked = move || [id.get(), read("p"), read("after"), versions()].join("\n");
    let group = use_data::<GroupPage, _>(asked, move || untrack(|| fetch_group(id.get(), read("p"), read("after"))));
    // Not live: what is chosen in the dialog must stay chosen.
    let outside = use_data::<Option<Outside>, _>(
        move || if is_adding.get() { format!("{}\n{}", id.get(), read("find")) } else { String::new() },
        move || {
            let (is_asked, id, find) = untrack(|| (is_adding.get(), id.get(), read("find")));
            async move { if is_asked { fetch_outside(id, find).await } else { Ok(Wire::nothing()) } }
        },
    );
    let meters = use_data::<Option<Resettable>, _>(
        move || if is_resetting.get() { id.get() } else { String::new() },
        move || {
            let (is_asked, id) = untrack(|| (is_resetting.get(), id.get()));
            async move { if is_asked { fetch_resettable(id).await } else { Ok(Wire::nothing()) } }
        },
    );
    view! {
        {shown(group, move |group| Ok(match group {
            Ok(group) => page(group, remove).into_any(),
            Err(problem) => missing(problem).into_any(),
        }))}
        {drawn(move || {
            let group = id.get_untracked();
            match (is_adding.get(), is_resetting.get()) {
                (true, _) => view! { <AddDialog form=add group outside here=bare()/> }.into_any(),
                (_, true) => view! { <ResetDialog form=reset group meters close=bare().href()/> }.into_any(),
                _ => ().into_any(),
            }
        })}
    }
}

/// The page without a dialog.
fn bare() -> Place {
    ["reset", "add", "find"].into_iter().fold(Place::now(), |place, name| place.without(name))
}

/// In place of a group that could not be read.
fn missing(problem: Problem) -> impl IntoView {
    match problem.kind {
        ProblemKind::NotFound => {
            set_status(404);
            view! {
                <Sheet title="No such group" crumb=("/groups", "Groups")>
                    <p>"It was deleted, or it is someone else’s. The keys it had are still there, in no group."</p>
                    <p class="sheet__after"><a class="button" href="/groups">"To the groups"</a></p>
                </Sheet>
            }
            .into_any()
        }
        _ => view! { <Sheet title="Group" crumb=("/groups", "Groups")>{unread(problem)}</Sheet> }.into_any(),
    }
}

fn page(group: GroupPage, remove: Form<RemoveKey>) -> impl IntoView {
    let GroupPage { id, name, description, state, facts, as_of, logs, may_reset, .. } = group;
    let here = bare();
    let actions = {
        let here = here.clone().without("after");
        // Over the list, and back.
        let dialog = |what: &str| Place::new("/groups").with(what, id.as_str()).with("back", here.href()).href();
        let (edit, delete, reset) = (dialog("edit"), dialog("delete"), here.clone().with("reset", "1").href());
        move || {
            let reset =
                may_reset.then(|| view! { <a class="button" href=reset.clone() data-noscroll>"Reset a meter…"</a> });
            view! {
                <AsOf time=as_of.clone()/>
                <a class="button" href=logs.clone()>"Its calls"</a>
                {reset}
                <a class="button button--blocks" href=delete.clone()>"Delete…"</a>
                <a class="button button--primary" href=edit.clone()>"Edit"</a>
            }
        }
    };
    let lede = move || {
        let facts = facts.iter().map(|fact| view! { <span>{fact.clone()}</span> }).views();
        let described = (!description.is_empty())
            .then(|| view! { <span class="group-head__description">{description.clone()}</span> });
        let word = state.word.clone();
        view! {
            {described}
            <span class="group-head"><Status sign=state.gate.sign()>{word}</Status> {facts}</span>
        }
    };
    let used = group.used.map(|(keys, time)| {
        view! { {below(move || by_key(keys).into_any())} {below(move || by_time(time).into_any())} }.into_any()
    });
    let totals = totals(&group.total, group.stretch, &group.spans, &group.span, &here);
    let members = group.members;
    let members = below_and_awake(move || view! { <MemberKeys members group=id form=remove here/> }.into_any());
    view! {
        <Sheet title=name crumb=("/groups", "Groups") lede actions>
            {quota(group.meters, group.says, group.pending)}
            {totals}
            {used}
            {members}
        </Sheet>
    }
}

/// The meters of its quota, or that it has none.
fn quota(meters: Vec<Meter>, says: String, pending: String) -> impl IntoView {
    let meters = meters.into_iter().map(|Meter { label, budget, fate }| {
        view! { <div class="group-meter"><h3>{label}</h3> <BudgetLine budget fate=fate/></div> }
    });
    let meters = meters.views();
    let pending = (!pending.is_empty()).then(|| view! { <p class="muted">{pending}</p> });
    view! {
        <section class="statement statement--first" aria-labelledby="h-quota">
            <header class="statement__head">
                <h2 id="h-quota">"Shared quota"</h2>
                <p class="statement__note">"A call must fit its key’s limits and this."</p>
            </header>
            <div class="group-meters">{meters}</div>
            <p class="group-says">{says}</p>
            {pending}
        </section>
    }
}

fn totals(
    total: &Total,
    stretch: String,
    spans: &[(String, String)],
    span: &str,
    here: &Place,
) -> impl IntoView + use<> {
    let Total { credits, decimals, tokens, tokens_note, calls, calls_note, trouble, trouble_note } = total.clone();
    let steps: Vec<_> = spans
        .iter()
        .map(|(name, label)| {
            // The month is what is shown where nothing is asked for.
            let p = if name == "month" { "" } else { name };
            (here.clone().without("after").with("p", p).href(), label.clone(), name == span)
        })
        .collect();
    let steps = (steps.len() > 1).then(|| view! { <Steps label="Stretch" steps/> });
    let note = move || stretch.clone();
    view! {
        <section class="statement" aria-labelledby="h-used">
            <header class="statement__head">
                <h2 id="h-used">"Used"</h2>
                <div class="group-stretch"><p class="statement__note">{note()}</p> {steps}</div>
            </header>
            <div class="figures twelfths">
                <Figure label="Credits" width=3 delta=|| "settled">
                    <span class=digits(amount(credits, decimals).len() > 12)><Money credits decimals/></span>
                </Figure>
                <Figure label="Tokens" width=3 delta=move || tokens_note.clone()>{counted(tokens, 12)}</Figure>
                <Figure label="Calls" width=2 delta=move || calls_note.clone()>{counted(calls, 8)}</Figure>
                <Figure label="Refused or failed" width=4 delta=move || trouble_note.clone()>{counted(trouble, 12)}</Figure>
            </div>
        </section>
    }
}

fn digits(is_long: bool) -> &'static str {
    if is_long { "figure__digits figure__digits--long" } else { "figure__digits" }
}

/// A count, as large as its place allows.
fn counted(count: String, room: usize) -> impl IntoView {
    let class = if count == "0" { "zero" } else { digits(count.len() > room) };
    view! { <span class=class>{count}</span> }
}

/// Who has used how much: the bar, and its figures.
fn by_key(keys: ByKey) -> impl IntoView {
    let ByKey { shared, shares, lines, total } = keys;
    let label = format!("Shares of the {shared} by key");
    let columns = vec![
        Column::new("Key", 6),
        Column::new("Calls", 1).number(),
        Column::new("Tokens", 2).number(),
        Column::new("Credits", 2).number(),
        Column::new("Share", 1).number(),
    ];
    view! {
        <Statement title="By key" id="h-shares" note=move || format!("shares of the {shared}")>
            <ShareBar label shares/>
            <FigureTable caption="What each key used" columns lines total class="ledger--pairs"/>
        </Statement>
    }
}

/// What it cost: the chart, its data, and the models with their shares.
fn by_time(time: ByTime) -> impl IntoView {
    let ByTime { note, svg, models, total, columns, lines } = time;
    let mut heads = columns.into_iter();
    let mut columns: Vec<Column> = heads.by_ref().take(1).map(|head| Column::new(head, 2)).collect();
    columns.extend(heads.map(|head| Column::new(head, 2).number()));
    let by_model = vec![Column::new("Model", 6), Column::new("Credits", 3).number(), Column::new("Share", 3).number()];
    view! {
        <Statement title="Cost" id="h-cost" note=move || note.clone()>
            <div class="cost twelfths">
                <div class="w-8">
                    <Chart svg>
                        <div class="cost__data" tabindex="0" role="group" aria-label="Data of the chart">
                            <FigureTable caption="Credits by time and model" columns lines total=Vec::new() class="ledger--pairs cost__table"/>
                        </div>
                    </Chart>
                </div>
                <div class="w-4">
                    <FigureTable caption="Cost by model" columns=by_model lines=models total class="ledger--pairs"/>
                </div>
            </div>
        </Statement>
    }
}
