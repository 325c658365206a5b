//! How a budget is used up: the chart, its data, and the choice of budget and period.

use super::told::{CourseRow, CourseTold};
use crate::console::ui::chart::Chart;
use crate::console::ui::drawn::Views;
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::sheet::Statement;
use crate::console::ui::tabs::Steps;
use leptos::prelude::*;

#[component]
pub fn CourseOfBudget(course: CourseTold) -> impl IntoView {
    let CourseTold { title, note, budgets, spans, svg, heads, rows } = course;
    let caption = title.clone();
    let columns = heads.iter().enumerate().map(|(at, head)| {
        let column = Column::new(head.clone(), 4);
        if at == 0 { column } else { column.number() }
    });
    let columns = columns.collect();
    let rows = rows.into_iter().map(move |row| line(row, &heads)).views();
    let choices = (!spans.is_empty()).then(|| {
        let budgets = (!budgets.is_empty()).then(|| view! { <Steps label="Budget" steps=budgets/> });
        view! { <div class="course__choices">{budgets} <Steps label="Period" steps=spans/></div> }
    });
    view! {
        <Statement title id="h-course" note=move || note.clone()>
            {choices}
            <Chart svg>
                <Ledger caption columns class="ledger--pairs">{rows}</Ledger>
            </Chart>
        </Statement>
    }
}

fn line(row: CourseRow, heads: &[String]) -> impl IntoView + use<> {
    let CourseRow { label, href, figures } = row;
    let label = match href {
        Some(href) => view! { <a href=href>{label}</a> }.into_any(),
        None => label.into_any(),
    };
    let figures = figures.into_iter().zip(heads.iter().skip(1).cloned());
    let figures = figures.map(|(figure, head)| view! { <td class="num" data-label=head>{figure}</td> });
    view! { <tr><th scope="row">{label}</th>{figures.views()}</tr> }
}
