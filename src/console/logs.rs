//! Logs: every call, the refused ones too; narrowed by the URL, read page by page, each with its sums.

mod asked;
mod detail;
mod drawer;
mod narrow;
mod rows;
mod sums;

use super::data::{Data, Reading, Wire, both_shown_for, shown, shown_beside, use_data};
use super::set_status;
use super::ui::copy::Code;
use super::ui::dialog::Drawer;
use super::ui::drawn::{effect, memo};
use super::ui::live::use_live;
use super::ui::notice::{Empty, Notice};
use super::ui::pager::Pager;
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::ui::status::{AsOf, Sign};
use super::unread::unread;
use crate::domain::problem::{Problem, ProblemKind};
pub use asked::Asked;
use detail::CallDetail;
use drawer::CallDrawer;
use leptos::ev::MouseEvent;
use leptos::prelude::*;
use narrow::{LogChoices, LogFilters, fetch_log_choices};
use rows::{Calls, Ending, LogPage};

/// A page of the calls that are asked for. With `top`, the place of a first row, it begins there whatever has come
/// since, so that new calls never push what one reads.
#[server(prefix = "/fn", endpoint = "logs", protocol = Reading)]
pub async fn fetch_logs(asked: Asked, #[server(default)] top: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::call::CallState;
    use crate::domain::period::Zone;
    use crate::gateway::Gateway;
    use crate::gateway::usage::LogQuery;
    let gateway = expect_context::<Gateway>();
    let zone = Zone::parse(&account.timezone).unwrap_or_else(Zone::utc);
    let now = gateway.clock().now();
    let stretch = asked::Stretch::try_from((&asked, &zone, now))?;
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (state, status) = match asked.status.as_str() {
        "" => (None, None),
        "refused" => (Some(CallState::Refused), None),
        "held" => (Some(CallState::Pending), None),
        text => {
            let hundreds = text.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok());
            let range = hundreds.map(|digit| (digit * 100, digit * 100 + 99));
            let range = range.or_else(|| text.parse().ok().map(|exact| (exact, exact)));
            let unknown =
                || Problem::field("status", format!("“{text}” is no status. Write 402, 4xx, refused or held."));
            (None, Some(range.ok_or_else(unknown)?))
        }
    };
    let query = LogQuery {
        key_id: given(&asked.key).map(Into::into),
        group_id: given(&asked.group).map(Into::into),
        model: given(&asked.model),
        status,
        state,
        request_id: given(&asked.q),
        from: stretch.from,
        to: stretch.to,
        ..LogQuery::default()
    };
    let is_anchored = asked.is_first_page() && !top.is_empty();
    // The cursor is a place that rows come after; the first row itself lies just before the next possible id.
    let cursor = if is_anchored { Some(format!("{top}~")) } else { given(&asked.after) };
    let mut page =
        gateway.logs(&account, LogQuery { cursor, newer_than: given(&asked.before), ..query.clone() }).await?;
    let is_newest = asked.is_first_page() || (!asked.before.is_empty() && page.next.is_none());
    if is_newest && !asked.before.is_empty() {
        // Fewer than a page are newer: the newest page is whole all the same.
        page = gateway.logs(&account, query.clone()).await?;
    }
    let fresh = match is_anchored {
        true => gateway.count_newer(&account, LogQuery { newer_than: Some(top), ..query }).await?,
        false => 0,
    };
    let first = page.data.first().map(Gateway::log_place);
    Ok(Wire::of(&LogPage {
        asked,
        stretch,
        rows: page.data.iter().map(|call| (call, &zone, now).into()).collect(),
        top: first.clone().unwrap_or_default(),
        fresh,
        newer: first.filter(|_| !is_newest),
        older: page.next,
        as_of: zone.local(now).strftime("%H:%M:%S").to_string(),
        trouble: None,
    }))
}

/// One call in full.
#[server(prefix = "/fn", endpoint = "call", protocol = Reading)]
pub async fn fetch_call(id: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let when = crate::page::when::When::of(&account, gateway.clock().now());
    let call = gateway.call(&account, &id.into()).await?;
    let gates = crate::page::trace::of_call(&gateway, &account, &call, &when).await;
    let detail: CallDetail = (&call, gates, &when.zone, when.now).into();
    Ok(Wire::of(&Some(detail)))
}

/// The page.
#[component]
pub fn Logs() -> impl IntoView {
    let asked = memo(Asked::here);
    let open = memo(|| Place::here().get("call").unwrap_or_default().to_owned());
    let changed = use_live(&["calls"]);
    let choices = use_data::<LogChoices, _>(String::new, fetch_log_choices);
    // The page as it was last read: what is read again begins at the same row.
    let last = StoredValue::new(None::<LogPage>);
    let again = RwSignal::new(0_u32);
    let list = use_data::<LogPage, _>(
        move || {
            let changes = if asked.with(Asked::is_first_page) { changed.get() } else { 0 };
            format!("{} {changes} {}", asked.with(Asked::text), again.get())
        },
        move || read(asked.get_untracked(), last),
    );
    effect(move || {
        if let Some(Ok(page)) = list.get() {
            last.set_value(Some(page));
        }
    });
    let renew = Callback::new(move |event: MouseEvent| {
        event.prevent_default();
        last.set_value(None);
        again.update(|count| *count += 1);
    });
    let lede = move || {
        shown(choices, |choices| Ok(choices.ok().map(|choices| format!("Newest first. {}", choices.zone)).into_any()))
    };
    let actions = move || {
        shown(list, move |page| {
            Ok(page.ok().map(|page| view! { {newer(page.fresh, renew)} <AsOf time=page.as_of/> }).into_any())
        })
    };
    view! {
        <Sheet title="Logs" lede=lede actions=actions>
            <div class="log">
                <LogFilters choices list/>
                {both_shown_for(|| (), list, choices, move |page, choices| {
                    let both = page.and_then(|page| Ok((page, choices?)));
                    Ok(both.map_or_else(unread, |(page, choices)| calls(page, &choices, open, renew).into_any()))
                })}
            </div>
        </Sheet>
        <OpenCall open list changed/>
    }
}

/// Reads a page, from the row on that was first before. What is known stays where the server cannot be reached.
async fn read(asked: Asked, last: StoredValue<Option<LogPage>>) -> Result<Wire, Problem> {
    let known = last.try_get_value().flatten().filter(|page| page.asked == asked);
    let top = known.as_ref().map(|page| page.top.clone()).unwrap_or_default();
    match (fetch_logs(asked, top).await, known) {
        (Err(problem), Some(page)) if problem.kind == ProblemKind::Unavailable => {
            Ok(Wire::of(&LogPage { trouble: Some(problem.message), ..page }))
        }
        (read, _) => read,
    }
}

/// “12 new”: a link to the newest page.
fn newer(fresh: usize, renew: Callback<MouseEvent>) -> impl IntoView {
    let count = if fresh >= 1_000 { "999+".to_owned() } else { fresh.to_string() };
    let href = untrack(Place::here).without("call").href();
    let link = (fresh > 0).then(
        || view! { <a class="fresh" href=href on:click=move |event| renew.run(event)>{format!("{count} new")}</a> },
    );
    view! { <span class="log__news" role="status">{link}</span> }
}

fn calls(
    page: LogPage,
    choices: &LogChoices,
    open: Memo<String>,
    renew: Callback<MouseEvent>,
) -> impl IntoView + use<> {
    let here = untrack(Place::here).without("call").without("after").without("before");
    if page.rows.is_empty() {
        return none(&page.asked, choices, here).into_any();
    }
    let newest = here.href();
    let trouble = page.trouble.map(|trouble| {
        view! {
            <Notice sign=Sign::Warns>
                <b>{format!("As of {}. ", page.as_of)}</b> {trouble} " "
                <a href=newest on:click=move |event| renew.run(event)>"Try again"</a>
            </Notice>
        }
    });
    let newer = page.newer.map(|place| here.clone().with("before", place).href());
    let older = page.older.map(|place| here.clone().with("after", place).href());
    view! {
        {trouble}
        <Calls rows=page.rows open/>
        <Pager newer older/>
    }
    .into_any()
}

/// Nothing to list: nothing yet, nothing that matches, or the end.
fn none(asked: &Asked, choices: &LogChoices, here: Place) -> impl IntoView + use<> {
    if !asked.is_first_page() {
        let text = || "Nothing that matches is older than this.";
        return view! {
            <Empty title="No older calls" text=text><a class="button" href=here.href()>"To the newest"</a></Empty>
        }
        .into_any();
    }
    if asked.is_narrowed() {
        let text = || "Nothing in the logs has all of these filters.";
        return view! {
            <Empty title="No call matches" text=text><a class="button" href="/logs">"Clear the filters"</a></Empty>
        }
        .into_any();
    }
    let call = format!(
        "curl {}/v1/chat/completions \\\n  -H \"Authorization: Bearer $TOLLGATE_KEY\" \\\n  \
         -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"model\": \"tollgate/echo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'",
        choices.address
    );
    let text = || {
        view! {
            "Every call will be here as it happens, the refused ones too, with what it cost and why. Make a key under "
            <a href="/tokens">"Tokens"</a> ", then:"
        }
    };
    view! { <Empty title="No call has come through yet" text=text><Code text=call/></Empty> }.into_any()
}

/// The drawer of the call that the URL names.
#[component]
fn OpenCall(open: Memo<String>, list: Data<LogPage>, changed: Signal<u64>) -> impl IntoView {
    // Only a call in flight can still change.
    let is_held = RwSignal::new(false);
    let changes = Memo::new(move |before: Option<&u64>| {
        let now = changed.get();
        if is_held.get() { now } else { before.copied().unwrap_or_default() }
    });
    let call = use_data::<Option<CallDetail>, _>(
        move || format!("{} {}", open.get(), changes.get()),
        move || {
            let id = open.get_untracked();
            async move { if id.is_empty() { Ok(Wire::nothing()) } else { fetch_call(id).await } }
        },
    );
    effect(move || {
        is_held.set(matches!(call.get(), Some(Ok(Some(call))) if call.ending == Ending::Held));
    });
    // Its neighbours as they are now: another drawer for each change of the list would take the focus.
    shown_beside(list, call, |call, page| {
        let call = match call {
            Ok(None) => return Ok(().into_any()),
            Ok(Some(call)) => call,
            Err(problem) => return Ok(missing(problem).into_any()),
        };
        let rows = page.map(|page| page.rows).unwrap_or_default();
        let at = rows.iter().position(|row| row.id == call.id);
        let id = |at: usize| rows.get(at).map(|row| row.id.clone());
        let newer = at.and_then(|at| id(at.checked_sub(1)?));
        let older = at.and_then(|at| id(at + 1));
        Ok(view! { <CallDrawer call newer older/> }.into_any())
    })
}

/// The drawer of a call that could not be read.
fn missing(problem: Problem) -> impl IntoView {
    let close = untrack(Place::here).without("call").href();
    let (title, content) = match problem.kind {
        ProblemKind::NotFound => {
            set_status(404);
            let text = "Nothing is known of it here, or it is someone else’s call.";
            ("No such call", view! { <p class="muted">{text}</p> }.into_any())
        }
        _ => ("This call could not be read", unread(problem)),
    };
    view! { <Drawer title=title close=close>{content}</Drawer> }
}
