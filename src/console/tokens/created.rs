//! A token that has a new secret: the secret, once, and the way to its first call.

use crate::console::data::{Reading, Wire, shown, use_data};
use crate::console::ui::budget::{Budget, BudgetLine};
use crate::console::ui::copy::{Secret, Snippets};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::live::use_live;
use crate::console::ui::notice::Notice;
use crate::console::ui::status::{LiveSign, Sign, Status};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub id: String,
    pub name: String,
    pub secret: String,
    /// Language and code of its first call.
    pub snippets: Vec<(String, String)>,
    /// “production-web is ready”.
    pub title: String,
    /// Its limits in words, or what becomes of the secret before this one.
    pub says: String,
    /// Its tightest budget, and what becomes of that.
    pub line: Option<(Budget, (String, String))>,
    /// Whether it had another secret before.
    pub is_rotated: bool,
}

/// The first call of a key, as soon as there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstCall {
    id: String,
    says: String,
    passed: bool,
}

/// The newest call of a key that has just been made, as an optional [`FirstCall`].
#[server(prefix = "/fn", endpoint = "first-call", protocol = Reading)]
pub async fn fetch_first_call(key: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::gateway::usage::LogQuery;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let query = LogQuery { key_id: Some(key.as_str().into()), limit: 1, ..LogQuery::default() };
    let newest = gateway.logs(&account, query).await?.data.pop();
    let first = newest.map(|call| FirstCall {
        says: match &call.refusal {
            Some(refusal) => format!("A call came, and was refused: {}", refusal.message),
            None => format!("The first call came: {}, {} credits.", call.arrival.model, call.cost),
        },
        passed: call.refusal.is_none(),
        id: call.arrival.id.0,
    });
    Ok(Wire::of(&first))
}

#[component]
pub fn CreatedDialog(created: Created, close: String) -> impl IntoView {
    let Created { id, secret, snippets, title, says, line, is_rotated, .. } = created;
    let key = id.clone();
    let first = (!is_rotated).then(|| view! { <Waiting key/> });
    view! {
        <Dialog title=title lede=move || says.clone() close=close.clone()>
            <div class="dialog__body created">
                <Secret text=secret.clone()/>
                <Notice sign=Sign::Warns>
                    <b>"Shown this once."</b>
                    " Only a keyed hash is stored. If it is lost, rotate the token: same id, same budget, new secret."
                </Notice>
                {first}
                {line.map(|(budget, fate)| view! { <BudgetLine budget fate/> })}
                <Snippets snippets=snippets mark=secret.clone()/>
            </div>
            <footer class="dialog__foot">
                <span class="muted">"Official OpenAI clients work as they are."</span>
                <span>
                    <a class="button" href=format!("/tokens/{id}")>"Open token"</a>
                    <a class="button button--primary" href=close data-noscroll>"I have stored it"</a>
                </span>
            </footer>
        </Dialog>
    }
}

/// Turns green by itself when the first call comes.
#[component]
fn Waiting(key: String) -> impl IntoView {
    let live = use_live(&["calls"]);
    let first = use_data::<Option<FirstCall>, _>(move || live.get().to_string(), move || fetch_first_call(key.clone()));
    view! {
        <div class="created__wait" role="status">
            {shown(first, |first| Ok(match first.ok().flatten() {
                None => view! {
                    <LiveSign waiting=true>"Waiting for the first request…"</LiveSign>
                    <span class="muted">"It will appear here, with what it cost, within a second."</span>
                }.into_any(),
                Some(call) => {
                    let sign = if call.passed { Sign::Flows } else { Sign::Blocks };
                    view! {
                        <Status sign=sign>{call.says}</Status>
                        <a href=format!("/logs?call={}", call.id)>"Open it in the logs"</a>
                    }.into_any()
                }
            }))}
        </div>
    }
}
