//! The way to the first call: a token, a request, a provider; and how to read a budget line.

use super::overview::FirstSteps as Steps;
use crate::console::ui::copy::Copy;
use crate::console::ui::sheet::Statement;
use crate::console::ui::status::{LiveSign, Sign, Status};
use leptos::prelude::*;

#[component]
pub fn FirstSteps(steps: Steps) -> impl IntoView {
    let Steps { origin, has_key, has_provider } = steps;
    let key_curl = format!(
        "curl {origin}/api/v1/keys \\\n  -H \"Authorization: Bearer tg-mgmt-…\" \\\n  -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"name\": \"first\", \"limits\": {{\"credit_quota\": \"5.00\"}}}}'"
    );
    let call_curl = format!(
        "curl {origin}/v1/chat/completions \\\n  -H \"Authorization: Bearer sk-tg-…\" \\\n  -H \"Content-Type: application/json\" \\\n  \
         -d '{{\"model\": \"tollgate/echo\", \"messages\": [{{\"role\": \"user\", \"content\": \"hello books\"}}]}}'"
    );
    let base = format!("base_url = \"{origin}/v1\"");
    let done = usize::from(has_key) + usize::from(has_provider == Some(true));
    let all = 2 + usize::from(has_provider.is_some());
    let first_class = if has_key { "button" } else { "button button--primary" };
    view! {
        <Statement title="First call" id="h-first" note=move || format!("{done} of {all} done")>
            <ol class="steps">
                {step(1, !has_key, has_key, "Create a token",
                    "Blank limits are unlimited. Or give it 5.00 credits and see it stop there.",
                    code(&key_curl, "tg-mgmt-…"),
                    view! {
                        <a class=first_class href="/tokens?new=1">"New token"</a>
                        <Copy text=key_curl.clone()/>
                        <span class="muted">"by hand, or by curl with a management token: the same"</span>
                    }.into_any())}
                {step(2, has_key, false, "Make a call",
                    "The built-in model needs no provider. It counts words, so you can check the charge by eye.",
                    code(&call_curl, "sk-tg-…"),
                    view! {
                        <Copy text=call_curl.clone()/>
                        <LiveSign waiting=true>"Waiting for the first request…"</LiveSign>
                    }.into_any())}
                {has_provider.map(|has_provider| step(3, false, has_provider, "Add a provider",
                    "OpenAI, or anything that speaks like it. Then your clients change one line.",
                    code(&base, &format!("\"{origin}/v1\"")),
                    view! {
                        <a class="button" href="/providers">"Add a provider"</a>
                        <Copy text=base.clone()/>
                    }.into_any()))}
            </ol>
        </Statement>
        <Statement title="How to read a budget line" id="h-line" note=|| "it looks the same everywhere">
            <Legend/>
        </Statement>
    }
}

fn step(
    number: u8,
    is_next: bool,
    is_done: bool,
    title: &'static str,
    text: &'static str,
    code: AnyView,
    next: AnyView,
) -> impl IntoView {
    view! {
        <li class=if is_next { "step step--now" } else { "step" }>
            <div class="step__say">
                <span class="step__no" aria-hidden="true">{number}</span>
                <h3>{title}</h3>
                <p>{text}</p>
                {is_done.then(|| view! { <p class="step__done"><Status sign=Sign::Flows>"Done"</Status></p> })}
            </div>
            <div class="step__do">
                {code}
                <div class="step__next">{next}</div>
            </div>
        </li>
    }
}

/// Lines of code in which what is the reader's own is marked.
fn code(text: &str, own: &str) -> AnyView {
    let (before, after) = text.split_once(own).unwrap_or((text, ""));
    view! { <pre class="code" tabindex="0">{before.to_owned()}<b>{own.to_owned()}</b>{after.to_owned()}</pre> }
        .into_any()
}

#[component]
fn Legend() -> impl IntoView {
    view! {
        <div class="legend">
            <div class="legend__line budget">
                <div class="budget__rail">
                    <svg class="budget__line" role="img" aria-label="A budget line: settled, then held, then what is left, up to the post">
                        <line class="budget__track" x1="0" x2="100%" y1="12" y2="12"></line>
                        <rect class="budget__ink" y="4" width="46%" height="16"></rect>
                        <rect class="budget__held" x="46%" y="4.5" width="12%" height="15" fill="url(#held)"></rect>
                        <line class="budget__tick" x1="80%" x2="80%" y1="1" y2="23"></line>
                        <rect class="budget__post" x="100%" y="0" width="4" height="24"></rect>
                        <text class="budget__scale" x="0" y="43">"settled"</text>
                        <text class="budget__scale" x="46%" y="43">"held"</text>
                        <text class="budget__scale" x="58%" y="43">"left"</text>
                        <text class="budget__scale budget__scale--inner" x="80%" y="43" text-anchor="middle">"near"</text>
                        <text class="budget__scale" x="100%" y="43" text-anchor="end" dx="4">"blocks"</text>
                    </svg>
                </div>
            </div>
            <p><b>"Ink is settled"</b>"Charged, in the journal, final."</p>
            <p><b>"Hatching is held"</b>"Reserved by calls in flight; it settles or is released."</p>
            <p><b>"The bare line is left"</b>"Past the tick it turns amber, and red when nothing is left."</p>
            <p><b>"A post blocks"</b>"The next call is refused, and told why and until when."</p>
        </div>
    }
}
