//! The test of a provider with a real call: which model, what it costs, what came of it.

use super::list::ProviderRow;
use crate::console::form::{Form, PostForm};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::drawn;
use crate::console::ui::field::{SelectField, Submit};
use crate::console::ui::notice::{FormProblem, Notice};
use crate::console::ui::place::Place;
use crate::console::ui::status::Sign;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    pub ok: bool,
    pub said: String,
}

/// Asks a provider for its list of models, and where a model is chosen for one tiny answer of it.
#[server(prefix = "/fn", endpoint = "try-provider")]
pub async fn try_provider(id: String, #[server(default)] model: String) -> Result<Tried, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    leptos_axum::redirect(&Place::new("/providers").with("try", id.as_str()).href());
    let id = id.into();
    let found = match model.is_empty() {
        true => gateway.test_provider(&account, &id).await?,
        false => gateway.try_provider(&account, &id, &model).await?,
    };
    Ok(Tried { ok: found.ok, said: format!("{} {} ms.", found.message, found.ms) })
}

/// The dialog; it stays open, so that one model after the other can be tried.
#[component]
pub fn TryDialog(form: Form<TryProvider>, row: ProviderRow) -> impl IntoView {
    let close = untrack(Place::here).without("try").href();
    let state = form.state;
    let mut options: Vec<(String, String)> = row.models.iter().map(|name| (name.clone(), name.clone())).collect();
    let first = row.models.first().cloned().unwrap_or_default();
    options.push((String::new(), "none: only its list of models, which spends nothing".to_owned()));
    let name = row.name.clone();
    let outcome = drawn(move || match (state.pending(), form.outcome()) {
        (true, _) => view! { <Notice sign=Sign::Plain>"Asking…"</Notice> }.into_any(),
        (false, Some(Tried { ok, said })) => {
            view! { <Notice sign=if ok { Sign::Flows } else { Sign::Blocks }>{said}</Notice> }.into_any()
        }
        (false, None) => ().into_any(),
    });
    view! {
        <Dialog title="Test with a call" lede=move || name.clone() close=close.clone() small=true>
            <PostForm form=state class="dialog__form">
                <input type="hidden" name="id" value=row.id/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=state/>
                    <SelectField
                        form=state
                        field="model"
                        label="Model"
                        options=options
                        value=first
                        hint=|| "A model with a route to it. The call answers with at most 16 tokens, which the provider charges; it counts on nobody’s budget."
                    />
                    <div role="status">{outcome}</div>
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll>"Close"</a>
                        <Submit form=state>"Test"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}
