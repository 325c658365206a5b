//! The gates that a call walks through, one after the other; the line stops where one is shut.

use super::budget::{Budget, BudgetLine};
use super::drawn::Views;
use super::sum::{Sum, SumRow};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// A check or a limit, as one call met it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// “Rule Office hours CET, 50.00 credits a day”.
    pub name: String,
    /// Where it is set.
    pub href: Option<String>,
    /// “passed”, “13 of 60”, “would pass, 29.07 left”.
    pub value: String,
    pub state: GateState,
    /// Why it is shut, where that is a sum.
    pub why: Option<Shut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateState {
    Passed,
    /// Where the line stops.
    Shut,
    /// After that: the call never came so far.
    After,
}

/// A limit that is shut, and the sum that does not fit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shut {
    pub budget: Budget,
    pub sum: Vec<SumRow>,
}

#[component]
pub fn Trace(gates: Vec<Gate>) -> impl IntoView {
    view! { <ol class="trace">{gates.into_iter().map(gate).views()}</ol> }
}

fn gate(gate: Gate) -> impl IntoView {
    let Gate { name, href, value, state, why } = gate;
    let class = match state {
        GateState::Passed => "trace__gate",
        GateState::Shut => "trace__gate trace__gate--shut",
        GateState::After => "trace__gate trace__gate--after",
    };
    let name = match href {
        Some(href) => view! { <a href=href>{name}</a> }.into_any(),
        None => name.into_any(),
    };
    view! {
        <li class=class>
            <span class="trace__name"><b>{name}</b></span>
            <span class="trace__value">{value}</span>
            {why.map(shut)}
        </li>
    }
}

fn shut(why: Shut) -> impl IntoView {
    view! {
        <div class="trace__more">
            <BudgetLine budget=why.budget/>
            <Sum caption="Why it did not fit" rows=why.sum/>
        </div>
    }
}
