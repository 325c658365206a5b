//! What a group's meters have counted, taken off by an admin.

use crate::console::data::{Data, Reading, Wire, shown};
use crate::console::form::{Done, Form, PostForm};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::field::{SelectField, Submit};
use crate::console::ui::notice::FormProblem;
use crate::console::unread::unread;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What can be reset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resettable {
    /// What would be taken off.
    pub says: String,
    /// Each limit's name and label.
    pub limits: Vec<(String, String)>,
}

/// What can be reset of a group, as an optional [`Resettable`].
#[server(prefix = "/fn", endpoint = "group-meters", protocol = Reading)]
pub async fn fetch_resettable(id: String) -> Result<Wire, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&Some(crate::page::groups::form::resettable(&gateway, &account, &id.into()).await?)))
}

/// Takes off what a group's meters have counted: all of them, or the one that is named. Then goes `back`.
#[server(prefix = "/fn", endpoint = "reset-group")]
pub async fn reset_group(
    id: String,
    #[server(default)] limit: String,
    #[server(default)] back: String,
) -> Result<Done, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let limit = Some(limit).filter(|limit| !limit.is_empty());
    let after = gateway.reset_group(&account, &id.into(), limit.as_deref()).await?;
    leptos_axum::redirect(crate::console::sign_in::own_path(&back));
    Ok(Done::saying(crate::page::groups::form::taken_off(&after)))
}

/// Asks which of a group's meters are to be reset, and says what that changes and what it does not.
#[component]
pub fn ResetDialog(
    form: Form<ResetGroup>,
    group: String,
    meters: Data<Option<Resettable>>,
    close: String,
) -> impl IntoView {
    let state = form.state;
    let content = shown(meters, move |meters| {
        Ok(match meters {
            Ok(meters) => meters.map(|meters| choice(state, meters)).into_any(),
            Err(problem) => unread(problem),
        })
    });
    view! {
        <Dialog title="Reset what is counted?" close=close.clone() small=true>
            <PostForm form=state class="dialog__form">
                <input type="hidden" name="id" value=group/>
                <input type="hidden" name="back" value=close.clone()/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=state always=true/>
                    {content}
                    <p class="muted">
                        "No boundary moves: its period ends when it would have. What calls in flight hold stays held, no key’s own meter is touched, and the totals stay. The books keep who took off how much."
                    </p>
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll autofocus>"Cancel"</a>
                        <Submit form=state>"Reset"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}

fn choice(form: crate::console::form::FormState, meters: Resettable) -> impl IntoView {
    let Resettable { says, limits } = meters;
    let choice = (limits.len() > 1).then(|| {
        let all = (String::new(), "Both meters".to_owned());
        let options = std::iter::once(all).chain(limits).collect::<Vec<_>>();
        view! { <SelectField form field="limit" label="Reset" options/> }
    });
    view! { {choice} <p>{says}</p> }
}
