//! Dashboard: what was spent against the last period, which budget runs dry first, and the newest calls.

mod budgets;
mod calls;
mod cost;
mod first_steps;
pub mod overview;

use super::data::{Reading, Wire, shown_for, use_data};
use super::ui::drawn::{Views, memo};
use super::ui::later::below;
use super::ui::live::use_live;
use super::ui::money::{Money, amount};
use super::ui::notice::Notice;
use super::ui::place::Place;
use super::ui::sheet::{Figure, Figures, Sheet};
use super::ui::status::{AsOf, Sign};
use super::ui::tabs::Steps;
use super::unread::unread;
use crate::domain::credits::Credits;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use overview::{Change, Counted, Overview};

/// The dashboard, as an [`Overview`], for `day`, `week` or `month`; anything else is the month.
#[server(prefix = "/fn", endpoint = "dashboard", protocol = Reading)]
pub async fn fetch_overview(#[server(default)] span: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::dashboard::overview(&gateway, &account, &span).await?))
}

/// The span is `?p=day`, `week` or `month`; the month stands for everything else.
#[component]
pub fn Dashboard() -> impl IntoView {
    let changed = use_live(&["calls", "keys", "providers"]);
    let query = use_query_map();
    let span = memo(move || query.read().get("p").unwrap_or_default());
    let asked = move || format!("{} {}", span.get(), changed.get());
    let overview = use_data::<Overview, _>(asked, move || fetch_overview(span.get_untracked()));
    // What was last seen stays when it cannot be fetched again.
    let seen = StoredValue::new(None::<(String, Overview)>);
    shown_for(
        move || span.track(),
        overview,
        move |overview| {
            let asked = span.get_untracked();
            match overview {
                Ok(overview) => {
                    seen.set_value(Some((asked, overview.clone())));
                    Ok(page(overview, None).into_any())
                }
                Err(problem) => match seen.get_value() {
                    Some((span, overview)) if span == asked => Ok(page(overview, Some(problem)).into_any()),
                    _ => Ok(view! { <Sheet title="Dashboard">{unread(problem)}</Sheet> }.into_any()),
                },
            }
        },
    )
}

fn page(overview: Overview, problem: Option<Problem>) -> impl IntoView {
    let Overview { span, title, lede, as_of, logs, spend, spend_change, figures, .. } = overview;
    let is_new = overview.first_steps.is_some();
    let stale = problem.map(|problem| stale(&problem, &as_of));
    let spend_href = (spend != Credits::ZERO).then_some(logs);
    let actions = move || {
        let (span, as_of) = (span.clone(), as_of.clone());
        view! {
            <AsOf time=as_of/>
            {(!is_new).then(|| view! { <Steps label="Period" steps=spans(&span)/> })}
        }
    };
    let shown = match overview.first_steps {
        Some(steps) => view! { <first_steps::FirstSteps steps/> }.into_any(),
        None => view! {
            {below(move || view! { <cost::CostByModel cost=overview.cost/> }.into_any())}
            {below(move || view! { <budgets::BudgetsByUrgency budgets=overview.budgets count=overview.budget_count/> }.into_any())}
            {below(move || view! { <calls::RecentCalls calls=overview.calls/> }.into_any())}
        }
        .into_any(),
    };
    view! {
        <Sheet title lede=move || lede.clone() actions>
            {stale}
            <Figures>
                {figure("Spend, credits", 3, spend_href, spend_change, view! { <Spend spend/> }.into_any())}
                {figures.into_iter().zip(FIGURES).map(|(one, (label, width))| counted(one, label, width)).views()}
            </Figures>
            {shown}
        </Sheet>
    }
}

const FIGURES: [(&str, u8); 4] = [("Tokens", 3), ("Requests", 2), ("Refused or failed", 2), ("Latency, mean", 2)];

fn spans(now: &str) -> Vec<(String, String, bool)> {
    let spans = [("day", "Today"), ("week", "Week"), ("month", "Month")];
    let step = |(span, label): (&str, &str)| {
        let p = if span == "month" { "" } else { span };
        (Place::new("/").with("p", p).href(), label.to_owned(), span == now)
    };
    spans.map(step).into()
}

/// Small sums with all that there is of them; large ones without the decimals that nobody reads.
#[component]
fn Spend(spend: Credits) -> impl IntoView {
    let decimals = if spend != Credits::ZERO && spend.nanos() < 10_000_000 { 6 } else { 2 };
    let class = digits(amount(spend, decimals).len() > 12);
    view! { <span class=class><Money credits=spend decimals/></span> }
}

fn digits(is_long: bool) -> &'static str {
    if is_long { "figure__digits figure__digits--long" } else { "figure__digits" }
}

fn counted(counted: Counted, label: &'static str, width: u8) -> impl IntoView {
    let Counted { value, unit, is_zero, change, href } = counted;
    let class = if is_zero { "zero" } else { digits(value.len() > 4 * usize::from(width)) };
    let value = view! {
        <span class=class>{value}</span>
        {(!unit.is_empty()).then(|| view! { <span class="unit">{unit}</span> })}
    };
    figure(label, width, href, change, value.into_any())
}

fn figure(label: &'static str, width: u8, href: Option<String>, changed: Change, value: AnyView) -> impl IntoView {
    let delta = move || change(changed.clone());
    match href {
        Some(href) => view! { <Figure label width href delta>{value}</Figure> }.into_any(),
        None => view! { <Figure label width delta>{value}</Figure> }.into_any(),
    }
}

fn change(change: Change) -> impl IntoView {
    let Change { by, is_bad, rest } = change;
    let comma = if by.is_empty() || rest.is_empty() { "" } else { ", " };
    view! {
        {(!by.is_empty()).then(|| view! { <b class=if is_bad { "block" } else { "" }>{by}</b> })}
        {comma}
        {rest}
    }
}

/// The books could not be asked again: what is shown is as of then.
fn stale(problem: &Problem, as_of: &str) -> impl IntoView + use<> {
    // Of a server that did not answer there is nothing more to say.
    let why = Some(problem.message.clone()).filter(|_| problem.kind != ProblemKind::Unavailable).unwrap_or_default();
    let shown = format!(" The newest figures could not be read; these are as of {as_of}. ");
    view! {
        <div class="stale" role="alert">
            <Notice sign=Sign::Warns>{why} {shown} <a href="" rel="external">"Try again"</a></Notice>
        </div>
    }
}
