//! What is asked before a key is rotated, reset or revoked, and its new secret, shown once.

use super::acts::{ActOnToken, ResetToken, RotateToken, Rotated};
use super::told::Meters;
use crate::console::data::{Reading, Wire, shown, use_data};
use crate::console::form::{Form, PostForm};
use crate::console::ui::copy::{Code, Secret};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::Views;
use crate::console::ui::field::{FieldProblem, SelectField, Submit};
use crate::console::ui::notice::{FormProblem, Notice};
use crate::console::ui::status::Sign;
use crate::domain::problem::Problem;
use leptos::prelude::*;

/// How long an old secret may be honoured, in seconds.
const GRACES: [(&str, &str); 4] =
    [("0", "Not at all"), ("3600", "1 hour"), ("86400", "24 hours"), ("604800", "7 days")];

/// The foot of a question: away from it, or on.
fn foot(close: String, submit: AnyView) -> impl IntoView {
    view! {
        <footer class="dialog__foot">
            <span></span>
            <span>
                <a class="button" href=close data-noscroll>"Cancel"</a>
                {submit}
            </span>
        </footer>
    }
}

#[component]
pub fn RotateDialog(form: Form<RotateToken>, id: String, close: String) -> impl IntoView {
    let state = form.state;
    let chosen = state.value_of("grace_seconds").unwrap_or_else(|| "86400".to_owned());
    let graces = GRACES.into_iter().map(|(seconds, label)| {
        view! {
            <label class="choice">
                <input type="radio" name="grace_seconds" value=seconds checked=seconds == chosen/>
                <span>{label}</span>
            </label>
        }
    });
    let graces = graces.views();
    let submit = view! { <Submit form=state>"Rotate"</Submit> }.into_any();
    view! {
        <Dialog title="Rotate this token’s secret?" close=close.clone() small=true>
            <PostForm form=state class="dialog__form">
                <input type="hidden" name="id" value=id/>
                <div class="dialog__body dialog__stack">
                    <p>"It gets a new secret, shown once. Its id, limits, meters and history stay as they are."</p>
                    <FormProblem form=state/>
                    <fieldset>
                        <legend class="field__label">"The old secret is honoured for"</legend>
                        <div class="choices__row">{graces}</div>
                        <FieldProblem form=state field="grace_seconds"/>
                    </fieldset>
                    <p class="field__hint">"Meanwhile this page says who still uses the old one, and can end it at once."</p>
                </div>
                {foot(close, submit)}
            </PostForm>
        </Dialog>
    }
}

/// The new secret, shown once.
#[component]
pub fn RotatedDialog(rotated: Rotated, close: String) -> impl IntoView {
    let Rotated { name, secret, old, origin, model } = rotated;
    let curl = format!(
        "curl {origin}/v1/chat/completions \\\n  -H \"Authorization: Bearer {secret}\" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'"
    );
    view! {
        <Dialog title=format!("The new secret of {name}") lede=move || old.clone() close=close.clone()>
            <div class="dialog__body created rotated">
                <Secret text=secret.clone()/>
                <Notice sign=Sign::Warns>
                    <b>"Shown this once."</b>
                    " Only a keyed hash is stored. If it is lost, rotate again."
                </Notice>
                <Code text=curl mark=secret/>
            </div>
            <footer class="dialog__foot">
                <span></span>
                <span><a class="button button--primary" href=close data-noscroll>"I have stored it"</a></span>
            </footer>
        </Dialog>
    }
}

/// What may be reset of a key, as [`Meters`].
#[server(prefix = "/fn", endpoint = "token-meters", protocol = Reading)]
pub async fn fetch_meters(id: String) -> Result<Wire, Problem> {
    let account = crate::auth::admin().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&crate::page::token::meters(&gateway, &account, &id.into()).await?))
}

#[component]
pub fn ResetDialog(form: Form<ResetToken>, id: String, close: String) -> impl IntoView {
    let state = form.state;
    // Of its own, so that a change elsewhere does not draw the choice anew.
    let of = id.clone();
    let meters = use_data::<Meters, _>(String::new, move || fetch_meters(of.clone()));
    let cancel = close.clone();
    let submit = view! { <Submit form=state>"Reset"</Submit> }.into_any();
    view! {
        <Dialog title="Reset a meter?" close=close small=true>
            <PostForm form=state class="dialog__form">
                <input type="hidden" name="id" value=id/>
                <div class="dialog__body dialog__stack">
                    <p>
                        "What it has counted so far is taken off, so its next call has room at once. No period’s boundary \
                        moves, what calls in flight hold stays held, and the books say who did it."
                    </p>
                    <FormProblem form=state/>
                    {shown(meters, move |meters| Ok(match meters {
                        Ok(Meters { meters, .. }) if meters.len() > 1 => {
                            view! { <SelectField form=state field="limit" label="Meter" options=meters/> }.into_any()
                        }
                        Ok(_) => view! { <Notice sign=Sign::Off>"It has no limit of its own, and so no meter."</Notice> }.into_any(),
                        Err(problem) => view! { <Notice sign=Sign::Blocks>{problem.message}</Notice> }.into_any(),
                    }))}
                </div>
                {foot(cancel, submit)}
            </PostForm>
        </Dialog>
    }
}

/// Asks before a key is revoked, and says what that does.
#[component]
pub fn RevokeDialog(form: Form<ActOnToken>, id: String, close: String) -> impl IntoView {
    let state = form.state;
    let submit = view! { <Submit form=state class="button--blocks">"Revoke"</Submit> }.into_any();
    view! {
        <Dialog title="Revoke this token?" close=close.clone() small=true>
            <PostForm form=state class="dialog__form">
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="act" value="revoke"/>
                <div class="dialog__body">
                    <p>"Its very next call is refused. Calls in flight finish. What it has used stays in the books, and it can be restored."</p>
                    <FormProblem form=state always=true/>
                </div>
                {foot(close, submit)}
            </PostForm>
        </Dialog>
    }
}
