//! The question before a rule is deleted; where it is in use, the reason why it stays.

use super::acts::DeleteRule;
use crate::console::data::{Reading, Wire, shown, use_data};
use crate::console::form::{Form, PostForm};
use crate::console::ui::dialog::Dialog;
use crate::console::ui::field::Submit;
use crate::console::ui::notice::FormProblem;
use crate::console::unread::unread;
use crate::domain::problem::Problem;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doomed {
    name: String,
    /// Why it cannot be.
    in_the_way: Option<String>,
}

/// A rule that is to be deleted, as a [`Doomed`].
#[server(prefix = "/fn", endpoint = "doomed-rule", protocol = Reading)]
pub async fn fetch_doomed(id: String) -> Result<Wire, Problem> {
    let account = crate::auth::signed_in().await?;
    let known = expect_context::<crate::gateway::Gateway>().rule(&account, &id.into()).await?;
    let in_the_way = (!known.references.is_none()).then(|| known.references.in_the_way());
    Ok(Wire::of(&Doomed { name: known.rule.name, in_the_way }))
}

#[component]
pub fn DeleteDialog(form: Form<DeleteRule>, id: String, close: String) -> impl IntoView {
    let asked = id.clone();
    let doomed = use_data::<Doomed, _>(String::new, move || fetch_doomed(asked.clone()));
    let (back, cancel) = (close.clone(), close.clone());
    let body = shown(doomed, |doomed| {
        let doomed = match doomed {
            Ok(doomed) => doomed,
            Err(problem) => return Ok(unread(problem)),
        };
        let name = view! { <p><b>{doomed.name}</b></p> };
        Ok(match doomed.in_the_way {
            Some(reason) => view! { {name} <p>{reason}</p> }.into_any(),
            None => view! {
                {name}
                <p>"No key is bound to it and it is no account’s default, so nobody’s next call changes. This cannot be undone."</p>
            }
            .into_any(),
        })
    });
    let foot = shown(doomed, move |doomed| {
        let may = doomed.is_ok_and(|doomed| doomed.in_the_way.is_none());
        let cancel = cancel.clone();
        Ok(view! {
            <a class="button" href=cancel data-noscroll autofocus>{if may { "Cancel" } else { "Close" }}</a>
            {may.then(|| view! { <Submit form=form.state>"Delete rule"</Submit> })}
        }
        .into_any())
    });
    view! {
        <Dialog title="Delete this rule?" close small=true>
            <PostForm form=form.state class="dialog__form">
                <input type="hidden" name="id" value=id/>
                <input type="hidden" name="back" value=back/>
                <div class="dialog__body dialog__stack">
                    <FormProblem form=form.state always=true/>
                    {body}
                </div>
                <footer class="dialog__foot"><span></span><span>{foot}</span></footer>
            </PostForm>
        </Dialog>
    }
}
