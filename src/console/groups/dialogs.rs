//! The dialogs over the list of groups: make or change one, delete one. A group's own page leads here as well, and is led
//! back to, so that the browser loads them with one page only.

use super::edit::{EditDialog, SaveGroup, Written};
use crate::console::data::{Data, Reading, Wire, shown, use_data};
use crate::console::form::{Done, Form, PostForm, use_form};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::field::Submit;
use crate::console::ui::notice::FormProblem;
use crate::console::ui::place::Place;
use crate::console::unread::unread;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Which dialog is asked for, and of which group; for a new one, the keys that are to be in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `new`, `edit`, `delete`, or nothing.
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
#[server(prefix = "/fn", endpoint = "group-fields", protocol = Reading)]
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

/// The dialogs of a page, and their forms.
#[derive(Clone, Copy)]
pub struct GroupDialogs {
    save: Form<SaveGroup>,
    delete: Form<DeleteGroup>,
    fields: Data<Option<Fields>>,
}

impl GroupDialogs {
    /// Called once by a page, near its top.
    pub fn new(wanted: Memo<Wanted>) -> Self {
        let (save, delete) = (use_form::<SaveGroup>(), use_form::<DeleteGroup>());
        let is = move |what: &[&str]| wanted.with(|wanted| what.contains(&wanted.what));
        save.forget_unless(move || is(&["new", "edit"]));
        delete.forget_unless(move || is(&["delete"]));
        let fields = use_data::<Option<Fields>, _>(
            move || wanted.with(Wanted::key),
            move || {
                let Wanted { what, of } = wanted.get_untracked();
                async move {
                    if what.is_empty() { Ok(Wire::nothing()) } else { fetch_group_fields(what.to_owned(), of).await }
                }
            },
        );
        Self { save, delete, fields }
    }

    /// Counts what has been done.
    pub fn version(self) -> usize {
        self.save.version() + self.delete.version()
    }

    pub fn view(self) -> AnyView {
        let Self { save, delete, fields } = self;
        shown(fields, move |fields| {
            let here = Place::now();
            let list = ["new", "edit", "delete", "keys", "back"]
                .into_iter()
                .fold(here.clone(), |place, name| place.without(name));
            // A group's own page led here.
            let back = here.get("back").filter(|back| back.starts_with("/groups/")).map(str::to_owned);
            let close = back.unwrap_or_else(|| list.href());
            let fields = match fields {
                Ok(None) => return Ok(().into_any()),
                Ok(Some(fields)) => fields,
                Err(problem) => return Ok(missing(problem, close).into_any()),
            };
            Ok(match fields.what.as_str() {
                "delete" => view! { <DeleteDialog form=delete fields close gone=list.href()/> }.into_any(),
                _ => view! { <EditDialog form=save fields close/> }.into_any(),
            })
        })
    }
}

/// Asks before a group is deleted, and says what becomes of its keys.
#[component]
fn DeleteDialog(form: Form<DeleteGroup>, fields: Fields, close: String, gone: String) -> impl IntoView {
    let Fields { id, written, says, .. } = fields;
    let content = view! {
        <input type="hidden" name="id" value=id/>
        <input type="hidden" name="back" value=gone/>
        <p>{says}</p>
        <p>"What its keys have used stays in the logs and in every total."</p>
    };
    view! {
        <Dialog title=format!("Delete {}?", written.name) close=close.clone() small=true>
            <PostForm form=form.state class="dialog__form">
                <div class="dialog__body dialog__stack"><FormProblem form=form.state always=true/> {content}</div>
                <footer class="dialog__foot">
                    <span></span>
                    <span>
                        <a class="button" href=close data-noscroll autofocus>"Cancel"</a>
                        <Submit form=form.state class="button--blocks">"Delete group"</Submit>
                    </span>
                </footer>
            </PostForm>
        </Dialog>
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
