//! The fields of a rule: its cap, and its hours range by range.

use super::edit::{Written, WrittenRange};
use crate::console::form::FormState;
use crate::console::ui::browser;
use crate::console::ui::drawn::{Views, drawn, word};
use crate::console::ui::field::{FieldProblem, SelectField, TextArea, TextField};
use crate::console::zones::{ZONES, Zones};
use crate::domain::hours::Weekday;
use leptos::ev::MouseEvent;
use leptos::prelude::*;

#[component]
pub fn Cap(form: FormState, written: Written) -> impl IntoView {
    let periods = [("daily", "day"), ("weekly", "week"), ("monthly", "month")];
    let periods = periods.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    view! {
        <header class="statement__head"><h2>"Cap"</h2></header>
        <div class="rule__fields">
            <TextField form field="name" label="Name" value=written.name required=true/>
            <div class="rule__pair">
                <TextField form field="quota.credits" label="Credits" value=written.quota.credits placeholder="no cap"
                    inputmode="decimal" number=true/>
                <SelectField form field="quota.period" label="Each" options=periods value=written.quota.period/>
            </div>
            <TextField form field="hours.timezone" label="Time zone" value=written.hours.timezone list=ZONES
                hint=|| "Such as Europe/Berlin, UTC or UTC+8. The clock of the hours, and of the cap’s midnight."/>
            <TextField form field="timezone" label="Time zone of the cap, if another" value=written.timezone list=ZONES
                placeholder="the same"/>
            <TextArea form field="description" label="Description" value=written.description rows=2/>
            <Zones/>
        </div>
    }
}

#[component]
pub fn HoursFields(
    form: FormState,
    written: Written,
    /// Counts that rows have come or gone.
    moved: RwSignal<u32>,
    /// Counts what the page should follow.
    touched: RwSignal<u32>,
) -> impl IntoView {
    let days = Weekday::ALL.into_iter().map(|day| {
        let checked = written.weekdays.iter().any(|chosen| chosen == day.as_str());
        let invalid =
            word(move || (day == Weekday::Mon && form.problem_for("hours.weekdays").is_some()).then_some("true"));
        view! {
            <label class="day">
                <input type="checkbox" name="weekdays[]" value=day.as_str() checked=checked aria-invalid=invalid/>
                <span>{day.label()}</span>
            </label>
        }
    });
    let days = days.views();
    let rows = RwSignal::new(written.hours.ranges);
    let change = move |gone: Option<usize>| {
        let mut now = written_ranges();
        match gone {
            Some(at) if at < now.len() => _ = now.remove(at),
            Some(_) => {}
            None => now.push(WrittenRange::default()),
        }
        rows.set(now);
        moved.update(|count| *count += 1);
        touched.update(|count| *count += 1);
        browser::focus_soon(if gone.is_some() { &[".ranges__add"] } else { &[".ranges__row:last-child input"] });
    };
    let add = move |event: MouseEvent| {
        event.prevent_default();
        change(None);
    };
    view! {
        <header class="statement__head"><h2>"Hours"</h2></header>
        <div class="rule__fields">
            <fieldset aria-describedby="hours-weekdays-problem">
                <legend class="field__label">"Days"</legend>
                <div class="days">{days}</div>
                <FieldProblem form field="hours.weekdays"/>
            </fieldset>
            <fieldset aria-describedby="hours-ranges-problem hours-ranges-hint">
                <legend class="field__label">"Ranges, on those days"</legend>
                <div class="ranges">
                    {drawn(move || rows.get().into_iter().enumerate().map(|(at, range)| {
                        let remove = move |event: MouseEvent| {
                            event.prevent_default();
                            change(Some(at));
                        };
                        view! { <div class="ranges__row">{range_fields(form, at, range)}
                            <button class="ranges__remove" name="act" value=format!("remove:{at}")
                                aria-label=format!("Remove range {}", at + 1) on:click=remove>"Remove"</button>
                            {row_problem(form, at)}
                        </div> }
                    }).views())}
                </div>
                <FieldProblem form field="hours.ranges"/>
                <p class="field__hint" id="hours-ranges-hint">
                    "Outside of them it blocks. No days and no ranges: calls at any time. One past midnight, such as 22:00 to 06:00, belongs to the day it starts on."
                </p>
                <button class="button ranges__add" name="act" value="more" on:click=add>"Add range"</button>
            </fieldset>
        </div>
    }
}

fn range_fields(form: FormState, at: usize, range: WrittenRange) -> impl IntoView {
    let input = move |end: &'static str, value: String, placeholder: &'static str| {
        let invalid = word(move || {
            let is_general = at == 0 && form.problem_for("hours.ranges").is_some();
            (is_general || form.problem_for(&format!("hours.ranges.{at}")).is_some()).then_some("true")
        });
        view! {
            <input
                class="input input--num"
                id=format!("hours-ranges-{at}-{end}")
                name=format!("hours[ranges][{at}][{end}]")
                value=value
                placeholder=placeholder
                autocomplete="off"
                aria-label=format!("Range {} {end}", at + 1)
                aria-invalid=invalid
                aria-describedby=format!("hours-ranges-{at}-problem hours-ranges-problem")
            />
        }
    };
    view! { {input("from", range.from, "08:00")} <span class="muted">"to"</span> {input("to", range.to, "20:00")} }
}

fn row_problem(form: FormState, at: usize) -> AnyView {
    drawn(move || {
        form.problem_for(&format!("hours.ranges.{at}"))
            .map(|problem| view! { <p class="field__error" id=format!("hours-ranges-{at}-problem")>{problem}</p> })
    })
}

/// What is written in the rows now.
fn written_ranges() -> Vec<WrittenRange> {
    let read = |at: usize, end: &str| {
        let input = browser::find(&format!("#hours-ranges-{at}-{end}"))?;
        browser::get(&input, "value").as_string()
    };
    (0..).map_while(|at| Some(WrittenRange { from: read(at, "from")?, to: read(at, "to")? })).collect()
}
