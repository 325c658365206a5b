//! What is done with tokens, one or many: the server function behind the list and its dialogs, and the dialog that asks
//! before something is done.

use super::created::Created;
use super::fields::{FieldText, fields};
use crate::console::data::{Reading, Wire, shown, use_data};
use crate::console::form::{FormState, PostForm};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::field::Submit;
use crate::console::ui::notice::{FormProblem, Notice};
use crate::console::ui::status::Sign;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What came of it. Its parts are packed, since the browser reads what is packed with less than it reads JSON with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// For the toast; empty where the page says it.
    pub message: String,
    /// A [`Told`].
    told: Option<Wire>,
    /// A [`Created`]: a new secret.
    created: Option<Wire>,
}

impl Changed {
    pub fn saying(message: String) -> Self {
        Self { message, ..Self::default() }
    }

    pub fn telling(told: &Told) -> Self {
        Self { told: Some(Wire::of(told)), ..Self::default() }
    }

    pub fn showing(created: &Created) -> Self {
        Self { created: Some(Wire::of(created)), ..Self::default() }
    }

    pub fn told(&self) -> Option<Told> {
        self.told.as_ref()?.read().ok()
    }

    pub fn created(&self) -> Option<Created> {
        self.created.as_ref()?.read().ok()
    }
}

/// What stays on the page until something else is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub says: String,
    /// Which stayed as they were, and why; empty where none did.
    pub trouble: String,
    /// What undoes it, as the form is sent; empty where nothing does.
    pub undo: String,
}

/// What a dialog asks, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub act: String,
    pub whose: String,
    pub title: String,
    pub says: String,
    /// Which they are, where they are several.
    pub names: String,
    /// What has to be chosen or typed.
    pub fields: Vec<FieldText>,
    pub verb: String,
    pub is_grave: bool,
}

/// Does something with tokens: `act` is `revoke`, `enable`, `disable`, `move`, `bind`, `rotate`, `restore` or `group`, and
/// may name them after a colon; else those are meant that are ticked, or `all` that the list at `back` finds. What has
/// to be asked first leads to its dialog, which sends `whose` with its answer.
#[server(prefix = "/fn", endpoint = "change-keys")]
pub async fn change_keys(
    act: String,
    #[server(default)] ids: Vec<String>,
    #[server(default)] all: Option<String>,
    #[server(default)] back: String,
    #[server(default)] whose: String,
    #[server(default)] choice: String,
    #[server(default)] confirm: String,
) -> Result<Changed, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::keys::acts::{Outcome, Posted, change};
    let gateway = expect_context::<crate::gateway::Gateway>();
    let posted = Posted { act, ids, all: all.is_some(), back, whose, choice, confirm };
    match change(&gateway, &account, posted).await? {
        Outcome::Leads(place) => {
            leptos_axum::redirect(&place);
            Ok(Changed::default())
        }
        Outcome::Done { changed, then } => {
            if let Some(place) = then {
                leptos_axum::redirect(&place);
            }
            Ok(changed)
        }
    }
}

/// What a dialog shows: of `edit` the [`super::edit::Fields`] of the key whose id is `whose`, blank for a new one; of any
/// other act a [`Question`]. `asked` is the list's own address.
#[server(prefix = "/fn", endpoint = "key-dialog", protocol = Reading)]
pub async fn fetch_dialog(asked: String, act: String, whose: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::page::keys::{form, question};
    let gateway = expect_context::<crate::gateway::Gateway>();
    match act.as_str() {
        "edit" => Ok(Wire::of(&form::fields(&gateway, &account, &whose).await?)),
        _ => Ok(Wire::of(&question::question(&gateway, &account, &asked, &act, &whose).await?)),
    }
}

/// Asks before something is done.
#[component]
pub fn QuestionDialog(
    form: FormState,
    act: String,
    whose: String,
    /// The list's own address.
    close: String,
) -> impl IntoView {
    let back = close.clone();
    let question = use_data::<Question, _>(String::new, move || fetch_dialog(back.clone(), act.clone(), whose.clone()));
    shown(question, move |question| {
        Ok(match question {
            Ok(question) => asked(form, question, close.clone()),
            Err(problem) => nothing(problem, close.clone()),
        })
    })
}

fn asked(form: FormState, question: Question, close: String) -> AnyView {
    let Question { act, whose, title, says, names, fields: asked, verb, is_grave } = question;
    let class = if is_grave { "button--blocks" } else { "" };
    let cancel = close.clone();
    view! {
        <Dialog title=title close=close.clone() small=true>
            <PostForm form=form class="dialog__form" novalidate=true>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=form/>
                    <p>{says}</p>
                    {(!names.is_empty()).then(|| view! { <p class="muted">{names}</p> })}
                    <input type="hidden" name="act" value=act/>
                    <input type="hidden" name="whose" value=whose/>
                    <input type="hidden" name="back" value=close/>
                    {fields(form, asked)}
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=cancel data-noscroll>"Cancel"</a>
                        <Submit form=form class=class>{verb}</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
    .into_any()
}

/// In place of a question about what is not there.
pub fn nothing(problem: Problem, close: String) -> AnyView {
    view! {
        <Dialog title="This cannot be done" close=close.clone() small=true>
            <div class="dialog__body"><Notice sign=Sign::Blocks>{problem.message}</Notice></div>
            <footer class="dialog__foot">
                <span></span>
                <span><a class="button" href=close data-noscroll>"Close"</a></span>
            </footer>
        </Dialog>
    }
    .into_any()
}
