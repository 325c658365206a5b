//! The list of calls: a line each, with the day between lines where it changes.

use super::asked::{Asked, Stretch};
use crate::console::ui::drawn::{Views, memo, word};
use crate::console::ui::ledger::{Column, Ledger};
use crate::console::ui::money::{Money, grouped};
use crate::console::ui::place::Place;
use crate::console::ui::status::{Sign, Status};
use crate::console::ui::when::When;
use crate::domain::call::{Call, CallState};
use crate::domain::credits::Credits;
use crate::domain::period::Zone;
use crate::domain::time::Time;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// One page of the logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogPage {
    pub asked: Asked,
    pub stretch: Stretch,
    pub rows: Vec<CallRow>,
    /// The place of the first row; empty where there is none.
    pub top: String,
    /// How many calls are newer than the first row, though they belong here.
    pub fresh: usize,
    /// Where the neighbouring pages begin.
    pub newer: Option<String>,
    pub older: Option<String>,
    /// When it was read: “14:32:07”.
    pub as_of: String,
    /// Why it could not be read again since.
    pub trouble: Option<String>,
}

/// A call as the list shows it. Times are in the reader's zone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRow {
    pub id: String,
    pub at: String,
    /// “14:32:05”.
    pub time: String,
    /// “Today”, “Thu 19 Nov 2026”.
    pub day: String,
    pub key: String,
    pub model: String,
    pub ending: Ending,
    pub status: u16,
    pub input: u64,
    pub output: u64,
    pub took_ms: Option<u64>,
    /// What it cost; what it holds while it is in flight.
    pub credits: Credits,
}

/// How a call ended, as its sign shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    Answered,
    Failed,
    Refused,
    /// In flight.
    Held,
}

impl From<&Call> for Ending {
    fn from(call: &Call) -> Self {
        match call.state {
            CallState::Pending => Ending::Held,
            CallState::Refused => Ending::Refused,
            CallState::Settled if call.status < 400 => Ending::Answered,
            CallState::Settled => Ending::Failed,
        }
    }
}

impl Ending {
    pub fn sign(self) -> Sign {
        match self {
            Ending::Answered => Sign::Plain,
            Ending::Held => Sign::Flows,
            Ending::Failed => Sign::Warns,
            Ending::Refused => Sign::Blocks,
        }
    }
}

/// A call in its reader's zone, at this moment.
impl From<(&Call, &Zone, Time)> for CallRow {
    fn from((call, zone, now): (&Call, &Zone, Time)) -> Self {
        let at = zone.local(call.arrival.at);
        let is_today = at.date() == zone.local(now).date();
        let ending = Ending::from(call);
        Self {
            id: call.arrival.id.to_string(),
            at: call.arrival.at.to_string(),
            time: at.strftime("%H:%M:%S").to_string(),
            day: if is_today { "Today".to_owned() } else { at.strftime("%a %-d %b %Y").to_string() },
            key: call.arrival.key_name.clone(),
            model: call.arrival.model.clone(),
            ending,
            status: call.status,
            input: call.usage.input,
            output: call.usage.output,
            took_ms: call.total_ms,
            credits: if ending == Ending::Held { call.bound.cost } else { call.cost },
        }
    }
}

/// The table.
#[component]
pub fn Calls(
    rows: Vec<CallRow>,
    /// The id of the call whose drawer is open.
    open: Memo<String>,
) -> impl IntoView {
    let columns = vec![
        Column::new("Time", 1),
        Column::new("Key", 2),
        Column::new("Model", 3),
        Column::new("Outcome", 2),
        Column::new("Tokens in / out", 2).wide(),
        Column::new("Took", 1).wide().number(),
        Column::new("Credits", 1).number(),
    ];
    let here = untrack(Place::here);
    let mut day = "Today".to_owned();
    let lines = rows.into_iter().map(|row| {
        let turned = (row.day != day).then(|| {
            day.clone_from(&row.day);
            view! { <tr class="log__day"><th colspan="7" scope="rowgroup">{row.day.clone()}</th></tr> }
        });
        view! { {turned} {line(row, &here, open)} }
    });
    let lines = lines.views();
    view! { <Ledger class="ledger--calls" caption="Calls, newest first" columns=columns>{lines}</Ledger> }
}

fn line(row: CallRow, here: &Place, open: Memo<String>) -> impl IntoView + use<> {
    let href = here.clone().with("call", row.id.clone()).href();
    let is_open = memo(move || open.with(|open| *open == row.id));
    let selected = move || word(move || is_open.get().then_some("true"));
    let key = row.key.clone();
    let is_held = row.ending == Ending::Held;
    let outcome = if is_held { "held".to_owned() } else { row.status.to_string() };
    let tokens = format!("{} / {}", count(row.input), count(row.output));
    view! {
        <tr aria-selected=selected()>
            <th scope="row">
                <a class="log__time" href=href aria-current=selected() data-noscroll><When at=row.at text=row.time/></a>
            </th>
            <td data-label="Key"><span class="ledger__clip" title=row.key>{key}</span></td>
            <td data-label="Model">{row.model}</td>
            <td data-label="Outcome"><Status sign=row.ending.sign()>{outcome}</Status></td>
            <td class="ledger__wide" data-label="Tokens in / out">
                <span class:zero=row.input == 0 && row.output == 0>{if is_held { "—".to_owned() } else { tokens }}</span>
            </td>
            <td class="ledger__wide num" data-label="Took">{row.took_ms.map_or_else(|| "—".to_owned(), took)}</td>
            <td class="num" data-label="Credits">
                <Money credits=row.credits decimals=6/>
                {is_held.then(|| view! { <span class="ledger__sub">"held"</span> })}
            </td>
        </tr>
    }
}

/// A count of tokens with its thousands marked.
pub fn count(tokens: u64) -> String {
    grouped(i64::try_from(tokens).unwrap_or(i64::MAX))
}

/// A span as one reads it: “412 ms”, “1.8 s”, “2 min 3 s”.
pub fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}
