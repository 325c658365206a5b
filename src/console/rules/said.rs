//! What a rule says as it is written: the sentence, when it opens and resets next, and its week.

use crate::console::data::{Reading, Wire};
use crate::console::ui::drawn::Views;
use crate::console::ui::week::WeekGrid;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Words, and whether they are what was chosen.
pub type Piece = (String, bool);

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub clause: Vec<Piece>,
    /// “Shut now: blocks. Opens today 15:00 for you, Fri 22:00 there.”
    pub next: Vec<Vec<Piece>>,
    /// “as saved”, “unsaved”, what cannot be read yet.
    pub note: String,
    pub week: Week,
    /// “On, governs 6 keys”.
    pub standing: String,
    /// “Changes 6 keys”, and how: “on their next call”.
    pub changes: String,
    pub on: String,
}

/// The hours of its week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// “90 of 168 hours open”.
    pub note: String,
    pub caption: String,
    pub label: String,
    pub open: String,
    pub now: (u8, u8),
    pub is_off: bool,
}

/// What a rule says, as an optional [`Said`]: as it is, or as `written` in its form.
#[server(prefix = "/fn", endpoint = "rule-said", protocol = Reading)]
pub async fn fetch_said(id: String, written: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let known = if id.is_empty() { None } else { Some(gateway.rule(&account, &id.into()).await?) };
    let now = gateway.clock().now();
    Ok(Wire::of(&Some(crate::page::rules::said::said(&account, now, known.as_ref(), &written))))
}

pub fn words(said: Said) -> impl IntoView {
    let next = said.next.into_iter().map(|line| view! { <span>{pieces(line)}</span> }).views();
    view! {
        <header class="statement__head"><h2>"In words"</h2><p class="statement__note">{said.note}</p></header>
        <p class="clause">{pieces(said.clause)}</p>
        <p class="clause__next">{next}</p>
    }
}

pub fn week(said: Said) -> impl IntoView {
    let Week { note, caption, label, open, now, is_off } = said.week;
    view! {
        <header class="statement__head"><h2>"The week"</h2><p class="statement__note">{note}</p></header>
        <WeekGrid caption label open now is_off/>
        <p class="week__key"><span>"ink: calls pass"</span><span>"paper: 403 outside_allowed_hours, with opens_at"</span></p>
    }
}

pub fn pieces(pieces: Vec<Piece>) -> AnyView {
    let piece = |(words, is_chosen)| match is_chosen {
        true => view! { <b>{words}</b> }.into_any(),
        false => String::into_any(words),
    };
    pieces.into_iter().map(piece).views()
}
