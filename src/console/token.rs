//! One key: every limit that its calls meet, what it has used, what was refused, and what would be.

mod acts;
mod chain;
mod course;
mod dialogs;
mod explain;
mod tables;
pub mod told;

use super::data::{Reading, Wire, shown, use_data};
use super::form::{Form, PostForm, use_form};
use super::set_status;
use super::ui::browser;
use super::ui::drawn::{Views, drawn, memo};
use super::ui::later::below;
use super::ui::live::use_live;
use super::ui::notice::{Empty, FormProblem, Notice};
use super::ui::place::Place;
use super::ui::status::{AsOf, Sign, Status};
use super::unread::unread;
use crate::domain::key::KeyStatus;
use crate::domain::problem::{Problem, ProblemKind};
use acts::{ActOnToken, ResetToken, RotateToken};
use dialogs::{ResetDialog, RevokeDialog, RotateDialog, RotatedDialog};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use told::{Door, OldSecretTold, TokenPage};

/// A key's page, as a [`TokenPage`]; `of` and `span` choose the chart.
#[server(prefix = "/fn", endpoint = "token", protocol = Reading)]
pub async fn fetch_token(
    id: String,
    #[server(default)] of: String,
    #[server(default)] span: String,
) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::token::page(&gateway, &account, &id.into(), &of, &span).await?))
}

#[component]
pub fn Token() -> impl IntoView {
    let params = use_params_map();
    let id = memo(move || params.read().get("id").unwrap_or_default());
    let chart = memo(|| {
        let place = Place::here();
        let read = |name: &str| place.get(name).unwrap_or_default().to_owned();
        (read("of"), read("span"))
    });
    let (act, rotate, reset) = (use_form::<ActOnToken>(), use_form::<RotateToken>(), use_form::<ResetToken>());
    let changed = use_live(&["keys", "calls", "groups", "rules", "accounts"]);
    let versions = move || format!("{} {} {} {}", act.version(), rotate.version(), reset.version(), changed.get());
    let asked = move || {
        let (of, span) = chart.get();
        [id.get(), of, span, versions()].join("\n")
    };
    let page = use_data::<TokenPage, _>(asked, move || {
        let (of, span) = chart.get_untracked();
        fetch_token(id.get_untracked(), of, span)
    });
    let dialog = memo(|| {
        let place = Place::here();
        ["rotate", "reset", "revoke"].into_iter().find(|name| place.get(name).is_some()).unwrap_or_default()
    });
    // A memo, so that what changes elsewhere does not draw the secret's dialog anew.
    let rotated = memo(move || rotate.outcome());
    rotate.forget_unless(move || dialog.get() == "rotate");
    reset.forget_unless(move || dialog.get() == "reset");
    // What was last seen stays when it cannot be read again.
    let seen = StoredValue::new(None::<TokenPage>);
    view! {
        <main class="sheet token" id="sheet" tabindex="-1">
            {shown(page, move |page| Ok(match page {
                Ok(page) => {
                    seen.set_value(Some(page.clone()));
                    known(page, None, act).into_any()
                }
                Err(problem) => match seen.get_value().filter(|seen| seen.id == id.get_untracked()) {
                    Some(page) if problem.kind == ProblemKind::Unavailable => known(page, Some(problem), act).into_any(),
                    _ => missing(problem).into_any(),
                },
            }))}
            // Beside what is drawn again with each call, so that what is being written in it stays.
            <explain::WouldItPass id page/>
        </main>
        {drawn(move || match (rotated.get(), dialog.get()) {
            (Some(rotated), "rotate") => view! { <RotatedDialog rotated close=bare().href()/> }.into_any(),
            (None, "rotate") => view! { <RotateDialog form=rotate id=id.get() close=bare().href()/> }.into_any(),
            (_, "reset") => view! { <ResetDialog form=reset id=id.get() close=bare().href()/> }.into_any(),
            (_, "revoke") => view! { <RevokeDialog form=act id=id.get() close=bare().href()/> }.into_any(),
            _ => ().into_any(),
        })}
    }
}

/// The page as it stands, without a dialog over it.
fn bare() -> Place {
    Place::now().without("rotate").without("reset").without("revoke")
}

/// There is no such key, or it is another's; or it could not be read.
fn missing(problem: Problem) -> impl IntoView {
    let (title, content) = if problem.kind == ProblemKind::NotFound {
        set_status(404);
        let text = || "Nothing is known of it here, or it is someone else’s.";
        let content = view! {
            <Empty title="This address leads to no token of yours" text>
                <a class="button" href="/tokens">"To the tokens"</a>
            </Empty>
        };
        ("No such token", content.into_any())
    } else {
        ("Token", unread(problem))
    };
    view! {
        <Title text=title/>
        <header class="sheet__head">
            <div class="token__head">
                <p class="crumb"><a href="/tokens">"Tokens"</a></p>
                <h1>{title}</h1>
            </div>
        </header>
        {content}
    }
}

fn known(page: TokenPage, problem: Option<Problem>, act: Form<ActOnToken>) -> impl IntoView {
    let (id, name, as_of) = (page.id.clone(), page.name.clone(), page.as_of.clone());
    let title = name.clone();
    let stale = problem.map(|problem| {
        view! {
            <Notice sign=Sign::Blocks>
                <b>"Could not refresh. "</b> {problem.message} " Shown as of " {as_of} ". "
                <a href=Place::now().href() rel="external">"Retry"</a>
            </Notice>
        }
    });
    let actions = actions(&page, act);
    let TokenPage { course, tables, .. } = page.clone();
    let tables = tables.into_iter().filter(tables::is_shown).map(|table| below(move || tables::statement(table)));
    let old = (!page.old_secrets.is_empty()).then(|| old_secrets(id, page.old_secrets.clone(), act));
    let heading = heading(&page);
    view! {
        <Title text=title/>
        <header class="sheet__head">
            <div class="token__head">
                <p class="crumb"><a href="/tokens">"Tokens"</a></p>
                <h1>{name}</h1>
                {heading}
            </div>
            <div class="sheet__actions">{actions}</div>
        </header>
        {stale}
        <FormProblem form=act.state always=true/>
        {old}
        {below(move || view! { <chain::EffectiveLimits rows=page.chain checks=page.checks/> }.into_any())}
        {below(move || view! { <course::CourseOfBudget course/> }.into_any())}
        {tables.views()}
    }
}

/// What the key is, in one line that wraps.
fn heading(page: &TokenPage) -> impl IntoView + use<> {
    let TokenPage { hint, state, owner, last_used, expires, group, rule, .. } = page.clone();
    let then = (!state.then.is_empty()).then(|| format!(", {}", state.then));
    view! {
        <p class="key">
            <code>{hint}</code>
            <span><Status sign=state.sign>{state.says}</Status>{then}</span>
            {owner.map(|owner| view! { <span>"owner " {owner}</span> })}
            {[group, rule].into_iter().flatten().map(door).views()}
            <span>{expires}</span>
            // Last, since it grows as time goes on: nothing beside it moves.
            <span>{last_used}</span>
        </p>
    }
}

fn door(door: Door) -> impl IntoView {
    let Door { as_what, name, href, note } = door;
    let note = (!note.is_empty()).then(|| format!(" ({note})"));
    let name = match href {
        Some(href) => view! { <a class="key__door" href=href>{name}</a> }.into_any(),
        None => name.into_any(),
    };
    view! { <span>{as_what} " " {name} {note}</span> }
}

fn actions(page: &TokenPage, act: Form<ActOnToken>) -> impl IntoView + use<> {
    let here = bare();
    let open = |name: &str| here.clone().with(name, "1").href();
    let id = page.id.clone();
    let edit = Place::new("/tokens").with("edit", id.as_str()).href();
    let button = |act: &'static str, label: &'static str| {
        view! { <button class="button" name="act" value=act>{label}</button> }
    };
    let switch = match page.status {
        KeyStatus::Active => button("disable", "Disable"),
        KeyStatus::Disabled => button("enable", "Enable"),
        KeyStatus::Revoked => button("restore", "Restore"),
    };
    let is_there = page.status != KeyStatus::Revoked;
    let reset = (page.is_admin && is_there)
        .then(|| view! { <a class="button" href=open("reset") data-noscroll>"Reset a meter…"</a> });
    let play = Place::new("/playground").with("key", page.id.as_str()).href();
    let rest = is_there.then(|| {
        view! {
            <a class="button" href=play>"Try it"</a>
            <a class="button button--blocks" href=open("revoke") data-noscroll>"Revoke…"</a>
            <a class="button button--primary" href=edit>"Edit"</a>
        }
    });
    view! {
        <AsOf time=page.as_of.clone()/>
        {is_there.then(|| view! { <a class="button" href=open("rotate") data-noscroll>"Rotate…"</a> })}
        {reset}
        <PostForm form=act.state class="token__act">
            <input type="hidden" name="id" value=id/>
            {switch}
        </PostForm>
        {rest}
    }
}

/// Who still uses secrets that were replaced, and the button that ends that.
fn old_secrets(id: String, secrets: Vec<OldSecretTold>, act: Form<ActOnToken>) -> impl IntoView {
    let secrets = secrets.into_iter().map(|secret| {
        let OldSecretTold { hint, says, used, is_used } = secret;
        let end = format!("end:{hint}");
        let shown = if hint.is_empty() { "from an earlier version".to_owned() } else { hint };
        view! {
            <li class="token__old">
                <Notice sign=if is_used { Sign::Warns } else { Sign::Off }>
                    <b>"The old secret " <code>{shown}</code></b> " was " {says} ". " <b>{used}</b>
                </Notice>
                <button class="button" name="act" value=end>"End it now"</button>
            </li>
        }
    });
    let secrets = secrets.views();
    view! {
        <PostForm form=act.state class="token__olds">
            <input type="hidden" name="id" value=id/>
            <ul role="list" aria-label="Old secrets that are still honoured">{secrets}</ul>
        </PostForm>
    }
}

/// Where the reader looks next: the answer, or the field to change.
fn look_at_answer() {
    browser::focus_soon(&["#explain [aria-invalid=true]", "#verdict"]);
}
