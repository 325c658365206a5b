//! How a budget is used up: the chart, its data, and the choice of budget and period.

use super::tables::ledger;
use super::told::CourseTold;
use crate::console::ui::chart::Chart;
use crate::console::ui::sheet::Statement;
use crate::console::ui::tabs::Steps;
use leptos::prelude::*;

#[component]
pub fn CourseOfBudget(course: CourseTold) -> impl IntoView {
    let CourseTold { title, note, budgets, spans, svg, data } = course;
    let choices = (!spans.is_empty()).then(|| {
        let budgets = (!budgets.is_empty()).then(|| view! { <Steps label="Budget" steps=budgets/> });
        view! { <div class="course__choices">{budgets} <Steps label="Period" steps=spans/></div> }
    });
    view! {
        <Statement title id="h-course" note=move || note.clone()>
            {choices}
            <Chart svg>{ledger(data, "ledger--pairs")}</Chart>
        </Statement>
    }
}
