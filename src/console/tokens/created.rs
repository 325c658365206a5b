//! A token that has just been made: its secret, once, and the way to its first call.

use super::edit::Created;
use crate::console::data::{Wire, shown, use_data};
use crate::console::ui::copy::{Secret, Snippets};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::live::use_live;
use crate::console::ui::notice::Notice;
use crate::console::ui::status::{LiveSign, Sign, Status};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// The first call of a key, as soon as there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstCall {
    id: String,
    says: String,
    passed: bool,
}

/// The newest call of a key that has just been made, as an optional [`FirstCall`].
#[server(prefix = "/fn", endpoint = "first-call")]
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
    let Created { id, name, secret, origin, model, says } = created;
    let live = use_live(&["calls"]);
    let first = use_data::<Option<FirstCall>, _>(move || live.get().to_string(), move || fetch_first_call(id.clone()));
    let curl = format!(
        "curl {origin}/v1/chat/completions \\\n  -H \"Authorization: Bearer {secret}\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    );
    let python = format!(
        "from openai import OpenAI\n\nclient = OpenAI(\n    base_url=\"{origin}/v1\",\n    api_key=\"{secret}\",\n)\nanswer = client.chat.completions.create(\n    model=\"{model}\",\n    messages=[{{\"role\": \"user\", \"content\": \"Hello\"}}],\n)\nprint(answer.choices[0].message.content)"
    );
    let node = format!(
        "import OpenAI from \"openai\";\n\nconst client = new OpenAI({{\n  baseURL: \"{origin}/v1\",\n  apiKey: \"{secret}\",\n}});\nconst answer = await client.chat.completions.create({{\n  model: \"{model}\",\n  messages: [{{ role: \"user\", content: \"Hello\" }}],\n}});\nconsole.log(answer.choices[0].message.content);"
    );
    let snippets = [("curl", curl), ("Python", python), ("Node", node)];
    let snippets = snippets.into_iter().map(|(language, text)| (language.to_owned(), text)).collect();
    view! {
        <Dialog title=format!("{name} is ready") lede=move || says.clone() close=close.clone()>
            <div class="dialog__body created">
                <Secret text=secret.clone()/>
                <Notice sign=Sign::Warns>
                    <b>"Shown this once."</b>
                    " Only a keyed hash is stored. If it is lost, revoke this token and make another."
                </Notice>
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
                <Snippets snippets=snippets mark=secret.clone()/>
            </div>
            <footer class="dialog__foot">
                <span class="muted">"Official OpenAI clients work as they are."</span>
                <span><a class="button button--primary" href=close data-noscroll>"I have stored it"</a></span>
            </footer>
        </Dialog>
    }
}
