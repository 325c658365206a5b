//! Providers: the upstream accounts that serve models; for admins alone.

mod acts;
mod form;
pub mod list;
mod tryout;

use super::data::{Reading, Wire, shown, shown_for, use_data};
use super::form::PostForm;
use super::form::use_form;
use super::ui::drawn::memo;
use super::ui::live::use_live;
use super::ui::notice::{Empty, FormProblem};
use super::ui::place::Place;
use super::ui::sheet::Sheet;
use super::unread::unread;
use crate::domain::problem::{Problem, ProblemKind};
use acts::{ActOnProvider, DeleteProvider, DisableProvider, SaveProvider};
use form::{DeleteDialog, DisableDialog, ProviderDialog};
use leptos::prelude::*;
use list::{ProviderRow, Providing};
use tryout::{TryDialog, TryProvider};

/// Every provider, by name; of the one that may be disabled, what that would do.
#[server(prefix = "/fn", endpoint = "providers", protocol = Reading)]
pub async fn fetch_providers(#[server(default)] disabling: String) -> Result<Wire, Problem> {
    let account = crate::auth::admin().await.map_err(|problem| match problem.kind {
        ProblemKind::Forbidden => {
            let message =
                "Providers hold the team’s credentials, so only admins see them. What you can call is under Models.";
            Problem { message: message.to_owned(), ..problem }
        }
        _ => problem,
    })?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::providers::rows(&gateway, &account, &disabling).await?))
}

/// The page.
#[component]
pub fn Providers() -> impl IntoView {
    let save = use_form::<SaveProvider>();
    let delete = use_form::<DeleteProvider>();
    let disable = use_form::<DisableProvider>();
    let act = use_form::<ActOnProvider>();
    let tryout = use_form::<TryProvider>();
    let changed = use_live(&["providers", "models"]);
    let named = |name: &'static str| memo(move || Place::here().get(name).unwrap_or_default().to_owned());
    let (edited, deleted, disabled, tried) = (named("edit"), named("delete"), named("disable"), named("try"));
    let done = move || save.version() + delete.version() + disable.version() + act.version();
    let versions = move || format!("{} {} {}", changed.get(), done(), disabled.get());
    let list = use_data::<Vec<ProviderRow>, _>(versions, move || fetch_providers(disabled.get_untracked()));
    let is_new = memo(|| Place::here().get("new").is_some());
    save.forget_unless(move || is_new.get() || !edited.read().is_empty());
    delete.forget_unless(move || !deleted.read().is_empty());
    disable.forget_unless(move || !disabled.read().is_empty());
    tryout.forget_unless(move || !tried.read().is_empty());
    let dialog = move || {
        is_new.track();
        edited.track();
        deleted.track();
        disabled.track();
        tried.track();
    };
    let actions =
        || view! { <a class="button button--primary" href="/providers?new=1" data-noscroll>"New provider"</a> };
    let lede =
        || "The accounts that calls are forwarded to. Credentials are sealed in the database, and shown to nobody.";
    view! {
        {shown(list, move |rows| {
            let rows = match rows {
                Ok(rows) => rows,
                Err(problem) => return Ok(missing(problem).into_any()),
            };
            let content = match rows.is_empty() {
                true => none().into_any(),
                false => view! {
                    <FormProblem form=act.state always=true/>
                    <PostForm form=act.state><Providing rows act/></PostForm>
                }
                .into_any(),
            };
            Ok(view! { <Sheet title="Providers" lede=lede actions=actions>{content}</Sheet> }.into_any())
        })}
        {shown_for(dialog, list, move |rows| {
            let rows = rows.unwrap_or_default();
            let find = |id: Memo<String>| rows.iter().find(|row| row.id == id.get_untracked()).cloned();
            let (known, doomed, tested) = (find(edited), find(deleted), find(tried));
            // What that would do is read when it is asked.
            let questioned = find(disabled).filter(|row| row.enabled && !row.would.is_empty());
            let asks = is_new.get_untracked() || known.is_some();
            Ok(view! {
                {asks.then(|| view! { <ProviderDialog form=save known/> })}
                {doomed.map(|row| view! { <DeleteDialog form=delete row/> })}
                {questioned.map(|row| view! { <DisableDialog form=disable row/> })}
                {tested.map(|row| view! { <TryDialog form=tryout row/> })}
            }
            .into_any())
        })}
    }
}

fn none() -> impl IntoView {
    let text =
        || "A provider is an account at OpenAI, or at anything that speaks as it does: a base URL and a credential.";
    view! {
        <Empty title="There is no provider" text=text>
            <a class="button button--primary" href="/providers?new=1" data-noscroll>"New provider"</a>
        </Empty>
    }
}

/// In place of the page: to most people it is not open at all.
fn missing(problem: Problem) -> impl IntoView {
    let title = if problem.kind == ProblemKind::Forbidden { "Not allowed" } else { "Providers" };
    view! { <Sheet title=title>{unread(problem)}</Sheet> }
}
