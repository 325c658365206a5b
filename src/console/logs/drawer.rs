//! The drawer of one call, beside the list.

use super::detail::{CallDetail, Fact, Why};
use super::rows::Ending;
use crate::console::ui::browser;
use crate::console::ui::copy::Copy;
use crate::console::ui::dialog::{Drawer, DrawerPart};
use crate::console::ui::drawn::Views;
use crate::console::ui::later::is_hydrating;
use crate::console::ui::place::Place;
use crate::console::ui::status::Status;
use crate::console::ui::sum::Sum;
use crate::console::ui::trace::Trace;
use crate::console::ui::when::When;
use leptos::prelude::*;

/// The call; `newer` and `older` are the ids of the rows above and below it, where the page has them.
#[component]
pub fn CallDrawer(call: CallDetail, newer: Option<String>, older: Option<String>) -> impl IntoView {
    // The drawer that was there before gives the focus back to its row; this one takes it after that.
    let is_hydrating = is_hydrating();
    Effect::new(move |_| {
        if !is_hydrating {
            browser::focus_soon(&["#drawer-t"]);
        }
    });
    let here = untrack(Place::here);
    let close = here.clone().without("call").href();
    let key = Place::new(format!("/tokens/{}", call.key_id)).href();
    let CallDetail { at, when, ending, outcome, then, refusal, .. } = call;
    let bar = move || view! { <When at=at.clone() text=when.clone()/> };
    let neighbours = move || {
        let link = |id: &Option<String>, name| {
            let href = here.clone().with("call", id.clone()?).href();
            Some(view! { <a href=href data-noscroll>{name}</a> })
        };
        view! { {link(&newer, "Previous")} {link(&older, "Next")} }
    };
    let id = call.id.clone();
    view! {
        <Drawer title=call.headline close=close bar=bar neighbours=neighbours>
            <p>
                <Status sign=ending.sign()>{outcome}</Status>
                <span class="muted">" on " <a href=key.clone()>{call.key}</a> ". " {then}</span>
            </p>
            {refusal.map(|why| reason(why, ending))}
            <DrawerPart title="Cost" note=move || call.source.clone()>
                <Sum caption="Cost arithmetic" rows=call.cost/>
                {facts(call.tokens)}
            </DrawerPart>
            <DrawerPart title="Call">
                <dl class="facts">
                    <dt>"Request"</dt>
                    <dd class="log__id"><code>{call.id}</code> <Copy text=id class="ledger__act"/></dd>
                    {pairs(call.facts)}
                    <dt>"Attempts"</dt>
                    {attempts(call.attempts, ending)}
                </dl>
            </DrawerPart>
        </Drawer>
    }
}

/// Why it was refused or failed: every gate on its way, and what the caller was told.
fn reason(why: Why, ending: Ending) -> impl IntoView {
    let title = if ending == Ending::Refused { "Why refused" } else { "What failed" };
    let href = why.href;
    let note = move || href.clone().map(|href| view! { <a href=href>"Open the limit"</a> });
    view! {
        <DrawerPart title=title note=note>
            {(!why.gates.is_empty()).then(|| view! { <Trace gates=why.gates/> })}
            <p class="log__told"><span class="muted">"The caller was told: "</span> {why.message}</p>
        </DrawerPart>
    }
}

fn facts(facts: Vec<Fact>) -> impl IntoView {
    (!facts.is_empty()).then(|| view! { <dl class="facts log__tokens">{pairs(facts)}</dl> })
}

fn pairs(facts: Vec<Fact>) -> impl IntoView {
    facts.into_iter().map(|(name, text)| view! { <dt>{name}</dt> <dd>{text}</dd> }).views()
}

fn attempts(attempts: Vec<String>, ending: Ending) -> impl IntoView {
    if attempts.is_empty() {
        let none = if ending == Ending::Held { "none has ended yet" } else { "none, never sent to a provider" };
        return view! { <dd>{none}</dd> }.into_any();
    }
    let lines = attempts.into_iter().map(|line| view! { <li>{line}</li> }).views();
    view! { <dd><ol class="log__attempts">{lines}</ol></dd> }.into_any()
}
