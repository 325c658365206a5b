//! The hours of a week in ink: a strip in lists, a grid beside the fields that set them.
//!
//! The server draws them as the path of one shape, so that half an hour is half a cell.

use super::drawn::Views;
use leptos::prelude::*;

/// Seven lines of 24 hours. Says nothing to those who do not see it: the words stand beside it.
#[component]
pub fn WeekStrip(
    /// In a box of 168 by 27: seven units an hour, four a day.
    open: String,
    /// In pencil, since it is not in force.
    #[prop(optional)]
    is_off: bool,
) -> impl IntoView {
    let class = if is_off { "week-mini week-mini--off" } else { "week-mini" };
    view! {
        <svg class=class viewBox="0 0 168 27" aria-hidden="true">
            <path class="week-mini__days" d="M84 1V27"></path>
            <path class="week-mini__open" d=open></path>
        </svg>
    }
}

/// Seven days by 24 hours, as wide as its place.
#[component]
pub fn WeekGrid(
    #[prop(into)] caption: String,
    /// The same in words, for those who do not see it.
    label: String,
    /// In a box of 1,440 by 152: a unit a minute, 22 a day.
    open: String,
    /// Day and hour, from zero, of the cell that is marked.
    now: (u8, u8),
    #[prop(optional)] is_off: bool,
) -> impl IntoView {
    let (day, hour) = (u16::from(now.0), u16::from(now.1));
    let class = if is_off { "week__grid week__grid--off" } else { "week__grid" };
    view! {
        <figure class="week">
            <figcaption class="week__caption">{caption}</figcaption>
            <div class="week__hours" aria-hidden="true">
                {["00", "04", "08", "12", "16", "20"].into_iter().map(|hour| view! { <span>{hour}</span> }).views()}
            </div>
            <div class="week__days" aria-hidden="true">
                {["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].into_iter().map(|day| view! { <span>{day}</span> }).views()}
            </div>
            <svg class=class viewBox="0 0 1440 152" preserveAspectRatio="none" role="img" aria-label=label>
                <path class="week__paper" d="M720 0V152"></path>
                <path class="week__open" d=open></path>
                <path class="week__lines" d="M0 76H1440"></path>
                <rect class="week__now" x=hour * 60 y=day * 22 width="60" height="20"></rect>
            </svg>
        </figure>
    }
}
