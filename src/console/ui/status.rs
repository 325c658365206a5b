//! How something stands: a word with a small gate before it, open, narrowing or shut. Never colour alone.

use super::drawn::word;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What the gate before the word looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    Flows,
    /// As `Flows`, in pencil: the ordinary outcome in a long list, so that the rest is seen.
    Plain,
    Warns,
    Blocks,
    Off,
}

impl Sign {
    fn drawing(self) -> &'static str {
        match self {
            Sign::Flows | Sign::Plain => "#flows",
            Sign::Warns => "#warns",
            Sign::Blocks => "#blocks",
            Sign::Off => "#off",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Sign::Flows => "status status--flows",
            Sign::Plain => "status status--flows status--plain",
            Sign::Warns => "status status--warns",
            Sign::Blocks => "status status--blocks",
            Sign::Off => "status status--off",
        }
    }
}

#[component]
pub fn Status(sign: Sign, children: Children) -> impl IntoView {
    view! {
        <span class=sign.class()>
            <svg class="status__mark" aria-hidden="true"><use href=sign.drawing()></use></svg>
            {children()}
        </span>
    }
}

/// Says that the page keeps itself up to date, or waits for something.
#[component]
pub fn LiveSign(
    /// Blinks: something has yet to happen.
    #[prop(optional)]
    waiting: bool,
    children: Children,
) -> impl IntoView {
    let class = if waiting { "live live--waiting" } else { "live" };
    view! { <span class=class>{children()}</span> }
}

/// How fresh the page is: live while its stream is open, else as of when it was made. Takes the same room either way.
#[component]
pub fn AsOf(
    /// The time it was made, as the server wrote it: “14:32:07”.
    time: String,
) -> impl IntoView {
    let is_open = move || use_context::<super::live::Live>().is_some_and(|live| live.is_open.get());
    view! {
        <span class=word(move || Some(if is_open() { "as-of" } else { "as-of as-of--still" }))>
            <span class="as-of__how"><span class="live">"Live, as of"</span> <span class="live live--off">"As of"</span></span>
            " " {time}
        </span>
    }
}
