//! The dialogs about one group, which its list and its own page open: make or change it, delete it, reset its meters.

use super::edit::{EditDialog, SaveGroup, Written};
use crate::console::data::{Data, Wire, shown, use_data};
use crate::console::form::{Done, Form, PostForm, use_form};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::field::{SelectField, Submit};
use crate::console::ui::notice::FormProblem;
use crate::console::ui::place::Place;
use crate::console::unread::unread;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Which dialog is asked for, and of which group; for a new one, the keys that are to be in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `new`, `edit`, `delete`, `reset`, or nothing.
    pub what: &'static str,
    pub of: String,
}

impl Wanted {
    pub fn new(what: &'static str, of: String) -> Self {
        Self { what, of }
    }

    fn key(&self) -> String {
        if self.what.is_empty() { String::new() } else { format!("{} {}", self.what, self.of) }
    }
}

/// What a dialog has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    pub what: String,
    /// Blank for a new group.
    pub id: String,
    pub written: Written,
    /// What the group does, or what will be done to it.
    pub says: String,
    pub note: Notes,
    pub zones: Vec<String>,
    /// The limits that can be reset: name and label.
    pub limits: Vec<(String, String)>,
}

/// What is said beside the fields; blank where there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// What an earlier edit has changed and is not in force yet.
    pub pending: String,
    /// The keys that are to be moved into a new group, and how many they are.
    pub keys: String,
    pub moves: String,
}

/// The [`Fields`] of a dialog, as an optional.
#[server(prefix = "/fn", endpoint = "group-fields")]
pub async fn fetch_group_fields(what: String, of: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    Ok(Wire::of(&Some(crate::page::groups::form::fields(&gateway, &account, what, of).await?)))
}

/// Deletes a group; its keys stay. Then goes `back`.
#[server(prefix = "/fn", endpoint = "delete-group")]
pub async fn delete_group(id: String, #[server(default)] back: String) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let id = id.as_str().into();
    let known = gateway.group(&account, &id).await?;
    gateway.delete_group(&account, &id).await.map_err(crate::page::groups::form::unfielded)?;
    leptos_axum::redirect(crate::console::sign_in::own_path(&back));
    Ok(Done::saying(format!(
        "Group {} is deleted. {}",
        known.group.name,
        crate::page::groups::form::stayed(known.keys)
    )))
}

/// Takes off what a group's meters have counted: all of them, or the one that is named. Then goes `back`.
#[server(prefix = "/fn", endpoint = "reset-group")]
pub async fn reset_group(
    id: String,
    #[server(default)] limit: String,
    #[server(default)] back: String,
) -> Result<Done, Problem> {
    let account = crate::auth::signed_in().await?;
    let gateway = expect_context::<crate::gateway::Gateway>();
    let limit = Some(limit).filter(|limit| !limit.is_empty());
    let after = gateway.reset_group(&account, &id.into(), limit.as_deref()).await?;
    leptos_axum::redirect(crate::console::sign_in::own_path(&back));
    Ok(Done::saying(crate::page::groups::form::taken_off(&after)))
}

/// The dialogs of a page, and their forms.
#[derive(Clone, Copy)]
pub struct GroupDialogs {
    save: Form<SaveGroup>,
    delete: Form<DeleteGroup>,
    reset: Form<ResetGroup>,
    fields: Data<Option<Fields>>,
}

impl GroupDialogs {
    /// Called once by a page, near its top.
    pub fn new(wanted: Memo<Wanted>) -> Self {
        let (save, delete, reset) = (use_form::<SaveGroup>(), use_form::<DeleteGroup>(), use_form::<ResetGroup>());
        let is = move |what: &[&str]| wanted.with(|wanted| what.contains(&wanted.what));
        save.forget_unless(move || is(&["new", "edit"]));
        delete.forget_unless(move || is(&["delete"]));
        reset.forget_unless(move || is(&["reset"]));
        let fields = use_data::<Option<Fields>, _>(
            move || wanted.with(Wanted::key),
            move || {
                let Wanted { what, of } = wanted.get_untracked();
                async move {
                    if what.is_empty() { Ok(Wire::nothing()) } else { fetch_group_fields(what.to_owned(), of).await }
                }
            },
        );
        Self { save, delete, reset, fields }
    }

    /// Counts what has been done.
    pub fn version(self) -> usize {
        self.save.version() + self.delete.version() + self.reset.version()
    }

    /// `gone` is where deleting leads.
    pub fn view(self, gone: &'static str) -> AnyView {
        let Self { save, delete, reset, fields } = self;
        shown(fields, move |fields| {
            let names = ["new", "edit", "delete", "reset", "keys"];
            let close = names.into_iter().fold(Place::now(), |place, name| place.without(name)).href();
            let fields = match fields {
                Ok(None) => return Ok(().into_any()),
                Ok(Some(fields)) => fields,
                Err(problem) => return Ok(missing(problem, close).into_any()),
            };
            Ok(match fields.what.as_str() {
                "delete" => view! { <DeleteDialog form=delete fields close gone/> }.into_any(),
                "reset" => view! { <ResetDialog form=reset fields close/> }.into_any(),
                _ => view! { <EditDialog form=save fields close/> }.into_any(),
            })
        })
    }
}

/// Asks before a group is deleted, and says what becomes of its keys.
#[component]
fn DeleteDialog(form: Form<DeleteGroup>, fields: Fields, close: String, gone: &'static str) -> impl IntoView {
    let Fields { id, written, says, .. } = fields;
    let content = view! {
        <input type="hidden" name="id" value=id/>
        <input type="hidden" name="back" value=gone/>
        <p>{says}</p>
        <p>"What its keys have used stays in the logs and in every total."</p>
    };
    let submit = view! { <Submit form=form.state class="button--blocks">"Delete group"</Submit> };
    view! {
        <Dialog title=format!("Delete {}?", written.name) close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form">
                <div class="dialog__body dialog__stack"><FormProblem form=form.state always=true/> {content}</div>
                {foot(close, submit.into_any())}
            </PostForm>
        </Dialog>
    }
}

/// Asks which of a group's meters are to be reset, and says what that changes and what it does not.
#[component]
fn ResetDialog(form: Form<ResetGroup>, fields: Fields, close: String) -> impl IntoView {
    let Fields { id, written, says, limits, .. } = fields;
    let choice = (limits.len() > 1).then(|| {
        let all = (String::new(), "Both meters".to_owned());
        let options = std::iter::once(all).chain(limits).collect::<Vec<_>>();
        view! { <SelectField form=form.state field="limit" label="Reset" options/> }
    });
    let content = view! {
        <input type="hidden" name="id" value=id/>
        <input type="hidden" name="back" value=close.clone()/>
        {choice}
        <p>{says}</p>
        <p>"No boundary moves: its period ends when it would have. What calls in flight hold stays held, and no key’s own meter is touched. The books keep who took off how much."</p>
    };
    let submit = view! { <Submit form=form.state>"Reset"</Submit> };
    view! {
        <Dialog title=format!("Reset what {} has used?", written.name) close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form">
                <div class="dialog__body dialog__stack"><FormProblem form=form.state always=true/> {content}</div>
                {foot(close, submit.into_any())}
            </PostForm>
        </Dialog>
    }
}

fn foot(close: String, submit: AnyView) -> impl IntoView {
    view! {
        <footer class="dialog__foot">
            <span></span>
            <span><a class="button" href=close data-noscroll autofocus>"Cancel"</a> {submit}</span>
        </footer>
    }
}

/// In place of a dialog about a group that could not be read.
fn missing(problem: Problem, close: String) -> impl IntoView {
    view! {
        <Dialog title="This cannot be done" close=close.clone() small=true>
            <div class="dialog__body">{unread(problem)}</div>
            <footer class="dialog__foot">
                <span></span>
                <span><a class="button" href=close data-noscroll autofocus>"Close"</a></span>
            </footer>
        </Dialog>
    }
}
