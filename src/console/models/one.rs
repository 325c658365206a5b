//! One model: its prices, what one's own calls would cost on it, its routes, its use by days, and how it is called.

use super::list::page_of;
use super::told::{Days, FigureTold, ModelPage, Own, RouteTold};
use crate::console::data::{Reading, Wire, shown, use_data};
use crate::console::set_status;
use crate::console::ui::chart::Chart;
use crate::console::ui::copy::Snippets;
use crate::console::ui::drawn::{Views, memo};
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::live::use_live;
use crate::console::ui::place::{Place, decode};
use crate::console::ui::shares::FigureTable;
use crate::console::ui::sheet::{Figure, Figures, Sheet, Statement};
use crate::console::ui::status::{AsOf, Status};
use crate::console::ui::sum::Sum;
use crate::console::unread::unread;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::ev::Event;
use leptos::prelude::*;
use leptos::web_sys::HtmlSelectElement;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map};

/// A model's page, as a [`ModelPage`]; `of` names the model whose calls are priced anew, all where it is empty.
#[server(prefix = "/fn", endpoint = "model-page", protocol = Reading)]
pub async fn fetch_model_page(name: String, #[server(default)] of: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::models::one::page(&gateway, &account, &name, &of).await?))
}

/// The page.
#[component]
pub fn Model() -> impl IntoView {
    let params = use_params_map();
    let name = memo(move || decode(&params.read().get("name").unwrap_or_default()));
    let of = memo(|| Place::here().get("of").unwrap_or_default().to_owned());
    let changed = use_live(&["models", "providers", "calls"]);
    let page = use_data::<ModelPage, _>(
        move || format!("{}\n{}\n{}", name.get(), of.get(), changed.get()),
        move || fetch_model_page(name.get_untracked(), of.get_untracked()),
    );
    shown(page, |page| Ok(page.map_or_else(|problem| missing(problem).into_any(), |page| told(page).into_any())))
}

/// In place of a model that could not be read.
fn missing(problem: Problem) -> impl IntoView {
    match problem.kind {
        ProblemKind::NotFound => {
            set_status(404);
            view! {
                <Sheet title="No such model" crumb=("/models", "Models")>
                    <p>"It was deleted, or never there. Its past calls are still in the logs and in every total."</p>
                    <p class="sheet__after"><a class="button" href="/models">"To the models"</a></p>
                </Sheet>
            }
            .into_any()
        }
        _ => view! { <Sheet title="Model" crumb=("/models", "Models")>{unread(problem)}</Sheet> }.into_any(),
    }
}

fn told(page: ModelPage) -> impl IntoView {
    let ModelPage { name, title, sign, state, why, can, as_of, is_admin, is_callable, .. } = page;
    let lede = move || {
        let (title, why, can, state) = (title.clone(), why.clone(), can.join(", "), state.clone());
        view! {
            <span class="model-head">
                {(!title.is_empty()).then(|| view! { <span>{title}</span> })}
                <Status sign>{state}</Status>
                {(!why.is_empty()).then(|| view! { <span>{why}</span> })}
                {(!can.is_empty()).then(|| view! { <span>{can}</span> })}
            </span>
        }
    };
    let (logs, named) = (page.logs, name.clone());
    let actions = move || {
        let compare = Place::new("/models").with("compare", named.replace(',', "%2C")).href();
        let edit = is_admin.then(|| {
            let href = Place::new("/models").with("edit", named.as_str()).href();
            view! { <a class="button" href=href>"Edit"</a> }
        });
        let call = is_callable.then(|| {
            let href = Place::new("/playground").with("model", named.as_str()).href();
            view! { <a class="button button--primary" href=href>"Try it"</a> }
        });
        view! {
            <AsOf time=as_of.clone()/>
            <a class="button" href=logs.clone()>"Its calls"</a>
            <a class="button" href=compare>"Compare"</a>
            {edit}
            {call}
        }
    };
    let figures = page.figures.into_iter().map(figure).views();
    let days = page.days.map(days);
    view! {
        <Sheet title=name.clone() crumb=("/models", "Models") lede actions>
            <Figures>{figures}</Figures>
            <div class="model-parts">
                {prices(page.prices, page.unpriced)}
                {own(&name, page.own)}
            </div>
            {routes(page.routes, page.fallbacks)}
            {days}
            <Statement title="Call it" id="h-call" note=|| "With a key of yours in TOLLGATE_KEY.">
                <Snippets snippets=page.snippets/>
            </Statement>
        </Sheet>
    }
}

fn figure(told: FigureTold) -> impl IntoView {
    let FigureTold { label, value, unit, note } = told;
    let unit = (!unit.is_empty()).then(|| view! { <span class="unit">" "{unit}</span> });
    let class = if value == "—" { "zero" } else { "" };
    view! { <Figure label width=3 delta=move || note.clone()><span class=class>{value}{unit}</span></Figure> }
}

fn prices(lines: Vec<crate::console::ui::shares::Line>, unpriced: String) -> AnyView {
    let content = match lines.is_empty() {
        true => view! { <p class="model-says">{unpriced}</p> }.into_any(),
        false => {
            let columns = vec![Column::new("Kind", 8), Column::new("Credits", 4).number()];
            view! { <FigureTable caption="Prices" columns lines total=Vec::new() class="ledger--pairs"/> }.into_any()
        }
    };
    view! { <Statement title="Prices" id="h-prices">{content}</Statement> }.into_any()
}

/// What the reader's calls would have cost here: the two figures, the sum, and what it assumes.
fn own(name: &str, own: Own) -> AnyView {
    let Own { whose, options, chosen, nothing, then, now, change, sum, assumes } = own;
    let title = format!("{whose} on this model");
    // The form leads to this very page.
    let action = page_of(name);
    let choice = (options.len() > 2).then(|| view! { <OfWhich action options chosen/> });
    let content = match sum.is_empty() {
        true => view! { <p class="model-says">{nothing}</p> }.into_any(),
        false => view! {
            <p class="model-would">
                <span>{then}</span> <span class="model-would__to" role="img" aria-label="would have been">"→"</span> <b>{now}</b>
                <span class="model-would__change">{change}</span>
            </p>
            <Sum caption="What they would have cost" rows=sum/>
            <p class="model-says muted">{assumes}</p>
        }
        .into_any(),
    };
    view! { <Statement title id="h-own" note=|| "credits">{choice} {content}</Statement> }.into_any()
}

/// Which calls are priced anew. With JavaScript a choice acts at once.
#[component]
fn OfWhich(action: String, options: Vec<(String, String)>, chosen: String) -> impl IntoView {
    let go = use_navigate();
    let leads = action.clone();
    let choose = move |event: Event| {
        let of = event_target::<HtmlSelectElement>(&event).value();
        let href = Place::new(leads.clone()).with("of", of).href();
        go(&href, NavigateOptions { scroll: false, replace: true, ..Default::default() });
    };
    let options = options.into_iter().map(|(value, label)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{label}</option> }
    });
    let options = options.views();
    view! {
        <form class="model-of" method="get" action=action>
            <span class="select"><select class="input" name="of" aria-label="Calls of" on:change=choose>{options}</select></span>
            <button class="button without-script">"Show"</button>
        </form>
    }
}

/// In the order in which they are tried.
fn routes(routes: Vec<RouteTold>, fallbacks: Vec<String>) -> AnyView {
    let content = match routes.is_empty() {
        true if !fallbacks.is_empty() => view! { <p class="model-says">"No provider serves it."</p> }.into_any(),
        true => view! { <p class="model-says">"No provider serves it: its calls are refused until a route leads to one."</p> }.into_any(),
        false => {
            let columns = vec![
                Column::new("Provider", 3),
                Column::new("Its name there", 3),
                Column::new("Priority", 1).number(),
                Column::new("Weight", 1).number(),
                Column::new("Share", 2).number(),
                Column::new("State", 2),
            ];
            let rows = routes.into_iter().map(route).views();
            view! { <Ledger caption="Routes, in the order in which they are tried" columns>{rows}</Ledger> }.into_any()
        }
    };
    let note = || "The lowest priority first; among equals in proportion to weight.";
    let links = fallbacks.iter().enumerate().map(|(at, name)| {
        let then = if at > 0 { ", then " } else { "" };
        view! { {then} <a href=page_of(name)>{name.clone()}</a> }
    });
    let fallbacks = (!fallbacks.is_empty()).then(|| {
        view! { <p class="model-says">"Where no route answers, " {links.views()} " answers instead, at its own price, for keys that may call it."</p> }
    });
    view! { <Statement title="Routes" id="h-routes" note>{content} {fallbacks}</Statement> }.into_any()
}

fn route(route: RouteTold) -> impl IntoView {
    let RouteTold { provider, upstream_model, priority, weight, share, sign, state } = route;
    view! {
        <tr>
            <th scope="row">{provider}</th>
            <td data-label="Its name there"><code>{upstream_model}</code></td>
            <td class="num" data-label="Priority">{priority}</td>
            <td class="num" data-label="Weight">{weight}</td>
            <td class="num" data-label="Share">{share}</td>
            <td data-label="State"><Status sign>{state}</Status></td>
        </tr>
    }
}

/// What was used of it, by days.
fn days(days: Days) -> AnyView {
    let Days { note, svg, lines, total } = days;
    let columns = vec![
        Column::new("Day", 4),
        Column::new("Calls", 2).number(),
        Column::new("Refused", 2).number(),
        Column::new("Tokens", 2).number(),
        Column::new("Credits", 2).number(),
    ];
    view! {
        <Statement title="Use" id="h-use" note=move || note.clone()>
            <Chart svg>
                <FigureTable caption="Use by day" columns lines total class="ledger--pairs"/>
            </Chart>
        </Statement>
    }
    .into_any()
}
