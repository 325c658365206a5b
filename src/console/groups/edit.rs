//! The form of a group: what it is called, and what its keys share.

use super::dialogs::Fields;
use crate::console::data::{Reading, Wire};
use crate::console::form::{Done, Form, PostForm};
use crate::console::ui::browser;
use crate::console::ui::dialog::Dialog;
use crate::console::ui::drawn::text;
use crate::console::ui::field::{FieldProblem, SelectField, Submit, TextArea, TextField, id_of};
use crate::console::ui::notice::FormProblem;
use crate::console::zones::{ZONES, Zones};
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is written in the fields of a group, as text; a blank quota is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    pub name: String,
    pub description: String,
    pub quota: WrittenQuota,
    pub timezone: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenQuota {
    pub tokens: String,
    pub credits: String,
    /// `daily`, `weekly`, `monthly` or `never`.
    pub period: String,
}

/// Makes a group and moves keys into it, or changes the one with this id; in force on the very next call. `keys` are
/// ids with commas between them.
#[server(prefix = "/fn", endpoint = "save-group")]
pub async fn save_group(
    #[server(default)] id: String,
    #[server(default)] keys: String,
    #[server(default)] back: String,
    #[server(default)] name: String,
    #[server(default)] description: String,
    #[server(default)] quota: WrittenQuota,
    #[server(default)] timezone: String,
) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    use crate::domain::id::GroupId;
    use crate::gateway::batch::Action;
    use crate::page::groups::form;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let written = Written { name, description, quota, timezone };
    if !id.is_empty() {
        let change = |known: &crate::gateway::groups::Populated| form::read(&written, Some(&known.group));
        let saved = gateway.edit_group(&account, &GroupId(id), change).await?;
        leptos_axum::redirect(crate::console::sign_in::own_path(&back));
        return Ok(Done::saying(format!("Group {} is changed, from its keys’ next calls on.", saved.group.name)));
    }
    let spec = form::read(&written, None)?;
    // Nothing is made where it is not clear what is to be in it.
    let keys = form::selected(&keys);
    form::all_there(&gateway.keys_by_id(&account, &keys).await.map_err(form::unfielded)?)?;
    let made = gateway.create_group(&account, spec).await?.group;
    leptos_axum::redirect(&format!("/groups/{}", made.id));
    if keys.is_empty() {
        return Ok(Done::saying(format!("Group {} is there. Put keys into it.", made.name)));
    }
    let moved = gateway.change_keys(&account, &keys, &Action::Move(Some(made.id))).await;
    Ok(Done::saying(match moved {
        Ok(done) => format!("Group {} is there. {}", made.name, form::moved(&done, &made.name)),
        Err(problem) => format!("Group {} is there, but no key was moved. {}", made.name, problem.message),
    }))
}

/// What a quota that is being written would do, in a sentence. `typed` has a line each for the tokens, the credits, the
/// period and the time zone.
#[server(prefix = "/fn", endpoint = "group-sentence", protocol = Reading)]
pub async fn fetch_sentence(typed: String) -> Result<Wire, Problem> {
    crate::auth::signed_in().await?;
    let mut lines = typed.split('\n').map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    let quota = WrittenQuota { tokens: next(), credits: next(), period: next() };
    let written = Written { name: "x".to_owned(), timezone: next(), quota, ..Written::default() };
    let spec = crate::page::groups::form::read(&written, None);
    // While a number is half written it says nothing; what is wrong with it is said when it is sent.
    Ok(Wire::of(&spec.map_or_else(|_| "…".to_owned(), |spec| crate::page::groups::sentence(&spec))))
}

/// How long after the last letter the sentence is asked for.
const PAUSE: Duration = Duration::from_millis(250);

#[component]
pub fn EditDialog(form: Form<SaveGroup>, fields: Fields, close: String) -> impl IntoView {
    let Fields { id, written, says, note, .. } = fields;
    let state = form.state;
    let is_new = id.is_empty();
    let (title, verb) = if is_new { ("New group", "Create group") } else { ("Edit group", "Save") };
    let periods = [("daily", "a day"), ("weekly", "a week"), ("monthly", "a month"), ("never", "in all, once")];
    let periods = periods.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    let said = RwSignal::new(says);
    let newest = StoredValue::new(String::new());
    let mut ask = debounce(PAUSE, move |typed: String| {
        newest.set_value(typed.clone());
        leptos::task::spawn_local(async move {
            let says = fetch_sentence(typed.clone()).await.and_then(|wire| wire.read::<String>());
            // More may have been typed meanwhile, or the dialog is gone.
            if let (Ok(says), Some(true)) = (says, newest.try_with_value(|newest| *newest == typed)) {
                _ = said.try_set(says);
            }
        });
    });
    let write = move |_| {
        let value = |field: &str| {
            let input = browser::find(&format!("#{}", id_of(field)));
            input.and_then(|input| browser::get(&input, "value").as_string()).unwrap_or_default()
        };
        ask(["quota.tokens", "quota.credits", "quota.period", "timezone"].map(value).join("\n"));
    };
    let keys = note.keys;
    let moves = (!note.moves.is_empty()).then(|| view! { <p class="group-form__moves">{note.moves}</p> });
    let pending = (!note.pending.is_empty()).then(|| view! { <p class="muted">{note.pending}</p> });
    view! {
        <Dialog title=title lede=move || "Blank is unlimited. Changes act on the next call." close=close.clone()>
            <PostForm form=state class="dialog__form" novalidate=true>
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="keys" value=keys/>
                <input type="hidden" name="back" value=close.clone()/>
                <div class="dialog__body">
                    <FormProblem form=state/>
                    <div class="group-form" on:input=write>
                        <div class="group-form__fields">
                            <TextField form=state field="name" label="Name" value=written.name required=true autofocus=true
                                hint=|| "The team, product or customer whose keys it is for."/>
                            <TextArea form=state field="description" label="Description" value=written.description rows=2/>
                            <fieldset class="group-form__quota">
                                <legend class="field__label">"Shared quota"</legend>
                                <TextField form=state field="quota.tokens" label="Tokens" value=written.quota.tokens
                                    placeholder="unlimited" inputmode="numeric" number=true hint=|| "Input and output together"/>
                                <TextField form=state field="quota.credits" label="Credits" value=written.quota.credits
                                    placeholder="unlimited" inputmode="decimal" number=true/>
                                <SelectField form=state field="quota.period" label="Each" options=periods value=written.quota.period/>
                                <FieldProblem form=state field="quota"/>
                            </fieldset>
                            <TextField form=state field="timezone" label="Time zone of its days and months"
                                value=written.timezone list=ZONES hint=|| "Such as Europe/Berlin, UTC or UTC+8."/>
                            <Zones/>
                        </div>
                        <div class="group-form__side">
                            <h3>"In words"</h3>
                            <p class="limits__says" role="status">{text(move || said.get())}</p>
                            {pending}
                            {moves}
                        </div>
                    </div>
                </div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll>"Cancel"</a>
                        <Submit form=state>{verb}</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
    }
}
