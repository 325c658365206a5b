//! One way for every form: a server function, its problems beside the fields; the same with and without JavaScript.
//!
//! A page calls [`use_form`] once, near its top and never inside a `<Suspense>`, so that server and browser agree.
//! With JavaScript the [`PostForm`] sends what is written and shows the answer in place; without it the browser posts,
//! and the `flash` module brings the outcome back to the page as a [`Flash`].

mod number;
pub mod post;

pub use number::{read_count, read_credits};

use super::data::early;
use super::ui::browser;
use super::ui::drawn::effect;
use super::ui::place::encode;
use super::ui::toast::Toasts;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use post::Answer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// Fields whose name contains one of these are never sent back to a page.
pub const SECRET_FIELDS: [&str; 4] = ["password", "secret", "credential", "api_key"];

/// What came of a form that the browser posted by itself. Read once, by the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The path of the server function, such as `/fn/create-key`.
    pub path: String,
    /// The outcome as JSON, or the problem.
    pub outcome: Result<String, Problem>,
    /// What had been written in the form, by input name, if there is a problem with it.
    pub values: Vec<(String, String)>,
}

impl Flash {
    /// What to say about a success wherever the reader now is: the outcome's `message`, if it has one.
    pub fn message(&self) -> Option<String> {
        let said = serde_json::from_str::<Done>(self.outcome.as_ref().ok()?).ok()?;
        Some(said.message).filter(|message| !message.is_empty())
    }
}

/// The outcome that is only a sentence: “Key production-web is revoked.”
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub message: String,
}

impl Done {
    pub fn saying(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Server functions answer with a [`Problem`]; the `flash` module gives it its HTTP status.
impl FromServerFnError for Problem {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Problem::new(
                ProblemKind::Unavailable,
                "Tollgate did not answer. Check the connection, look whether it was done, and try again.",
            ),
            ServerFnErrorErr::Args(what) | ServerFnErrorErr::MissingArg(what) => Problem::new(
                ProblemKind::Invalid,
                format!("This form does not fit the server: {what}. Reload the page."),
            ),
            ServerFnErrorErr::Deserialization(_) => Problem::new(
                ProblemKind::Internal,
                "The answer could not be read. A proxy may have changed it, or Tollgate was updated: reload the page.",
            ),
            other => Problem::new(ProblemKind::Internal, other.to_string()),
        }
    }
}

/// A form of the server function `F`, on one page.
pub struct Form<F> {
    /// For `<PostForm form=form.state>` and the fields in it.
    pub state: FormState,
    of: PhantomData<fn() -> F>,
}

impl<F> Clone for Form<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Form<F> {}

/// What fields ask of their form; the same type for every form.
#[derive(Clone, Copy)]
pub struct FormState {
    path: &'static str,
    /// What the last post brought about: the outcome as JSON, or the problem.
    answer: RwSignal<Option<Result<String, Problem>>>,
    /// What had been written when a post without JavaScript failed.
    values: StoredValue<Vec<(String, String)>>,
    /// What was sent and is not answered yet, as it was sent.
    sent: RwSignal<Option<String>>,
    version: RwSignal<usize>,
}

/// Joins the hydrated form and the flash of a post without JavaScript.
pub fn use_form<F: ServerFn>() -> Form<F> {
    Form { state: form_state(F::PATH), of: PhantomData }
}

/// The part that is the same for every form, so that the browser loads it once.
fn form_state(path: &'static str) -> FormState {
    let flash = SharedValue::new(|| use_context::<Flash>().filter(|flash| flash.path == path)).into_inner();
    let (answer, values) = flash.map(|flash| (flash.outcome, flash.values)).unzip();
    FormState {
        path,
        answer: RwSignal::new(answer),
        values: StoredValue::new(values.unwrap_or_default()),
        sent: RwSignal::new(None),
        version: RwSignal::new(0),
    }
}

impl<F: ServerFn> Form<F>
where
    F::Output: DeserializeOwned,
{
    /// What the last post brought about, until the next one.
    pub fn outcome(self) -> Option<F::Output> {
        self.state.answer.with(|answer| serde_json::from_str(answer.as_ref()?.as_ref().ok()?).ok())
    }

    /// Starts afresh whenever `shown` turns false: a dialog that is opened again knows nothing of the last time.
    pub fn forget_unless(self, shown: impl Fn() -> bool + 'static) {
        self.state.forget_unless(Box::new(shown));
    }

    /// Counts what has been done, so that data which asks for it is read again after each.
    pub fn version(self) -> usize {
        self.state.version()
    }
}

impl FormState {
    /// Where it is posted to.
    pub fn path(self) -> &'static str {
        self.path
    }

    fn forget_unless(self, shown: Box<dyn Fn() -> bool>) {
        effect(move || {
            if !shown() {
                self.answer.set(None);
            }
        });
    }

    /// Knows nothing of the last answer any more.
    pub fn forget(self) {
        self.answer.set(None);
    }

    /// What is wrong with a field, by its path, such as `limits.rpm`.
    pub fn problem_for(self, field: &str) -> Option<String> {
        self.with_problem(|problem| Some(problem?.message_for(field)?.to_owned()))
    }

    /// How many fields at or below a path have to change.
    pub fn problems_under(self, path: &str) -> usize {
        let is_under =
            |field: &str| field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.with_problem(|problem| {
            let fields = problem.map_or(&[][..], |problem| &problem.fields);
            fields.iter().filter(|problem| is_under(&problem.field)).count()
        })
    }

    /// Whether `field` is the first that has to change, and so the one to put the cursor in.
    pub fn is_first_problem(self, field: &str) -> bool {
        self.with_problem(|problem| {
            problem.and_then(|problem| problem.fields.first()).is_some_and(|first| first.field == field)
        })
    }

    /// The problem in one sentence, if there is one.
    pub fn message(self) -> Option<String> {
        self.with_problem(|problem| problem.map(|problem| problem.message.clone()))
    }

    pub fn problem(self) -> Option<Problem> {
        self.with_problem(|problem| problem.cloned())
    }

    /// What had been written in a field when the post failed without JavaScript. With it, the field still has it.
    pub fn value_of(self, field: &str) -> Option<String> {
        let name = input_name(field);
        self.values.with_value(|values| values.iter().find(|(named, _)| *named == name).map(|(_, value)| value.clone()))
    }

    /// All that had been written when the post failed without JavaScript, as the browser sent it; blank where none failed.
    pub fn written(self) -> String {
        let pair = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value));
        self.values.with_value(|values| values.iter().map(pair).collect::<Vec<_>>().join("&"))
    }

    /// Every value of a field that may occur more than once, such as the checkboxes `models[]`.
    pub fn values_of(self, field: &str) -> Option<Vec<String>> {
        let name = input_name(field);
        self.values.with_value(|values| {
            let all = values.iter().filter(|(named, _)| *named == name).map(|(_, value)| value.clone());
            (!values.is_empty()).then(|| all.collect())
        })
    }

    /// Whether an answer is awaited.
    pub fn pending(self) -> bool {
        self.sent.with(Option::is_some)
    }

    /// Whether an answer is awaited to a post in which this button was pressed.
    pub fn pressed(self, name: &str, value: &str) -> bool {
        let pair = format!("{name}={}", encode(value));
        self.sent.with(|sent| sent.as_ref().is_some_and(|sent| sent.split('&').any(|sent| sent == pair)))
    }

    /// An answer has come: it is shown, said, or followed.
    fn answered(self, answer: Answer, go: &dyn Fn(&str)) {
        early::forget();
        self.sent.set(None);
        match &answer.outcome {
            Ok(json) => {
                self.version.update(|version| *version += 1);
                if let Ok(Done { message }) = serde_json::from_str(json)
                    && !message.is_empty()
                {
                    Toasts::say(&message);
                }
            }
            Err(_) => browser::focus_soon(&["[aria-invalid=true]", ".notice[role=alert]"]),
        }
        self.answer.set(Some(answer.outcome));
        if let Some(place) = answer.leads_to {
            go(&place);
        }
    }

    fn with_problem<R>(self, read: impl FnOnce(Option<&Problem>) -> R) -> R {
        self.answer.with(|answer| read(answer.as_ref().and_then(|answer| answer.as_ref().err())))
    }

    pub fn version(self) -> usize {
        self.version.get()
    }
}

/// A form that posts to its server function: by itself before the WASM arrives and without it, and then without
/// leaving the page. Fields keep what is written in them either way.
#[component]
pub fn PostForm(
    form: FormState,
    #[prop(optional)] class: &'static str,
    /// Where the server judges all, because fields may be out of sight.
    #[prop(optional)]
    novalidate: bool,
    children: Children,
) -> impl IntoView {
    let navigate = use_navigate();
    let submit = move |event: SubmitEvent| {
        // A button may send the form elsewhere, such as to a download: that is the browser's to do.
        if event.submitter().is_some_and(|button| button.has_attribute("formaction")) {
            return;
        }
        event.prevent_default();
        if untrack(|| form.pending()) {
            return;
        }
        let body = post::body(&event);
        form.sent.set(Some(body.clone()));
        let navigate = navigate.clone();
        leptos::task::spawn_local(async move {
            let answer = post::send(form.path, &body).await;
            form.answered(answer, &|place| navigate(place, NavigateOptions { scroll: false, ..Default::default() }));
        });
    };
    view! {
        <form method="post" action=form.path class=class novalidate=novalidate on:submit=submit>
            {children()}
        </form>
    }
}

/// The input of the field `limits.rpm` is named `limits[rpm]`, which a server function reads as a struct `limits`.
pub fn input_name(field: &str) -> String {
    let (first, rest) = field.split_once('.').unwrap_or((field, ""));
    rest.split('.').filter(|part| !part.is_empty()).fold(first.to_owned(), |name, part| format!("{name}[{part}]"))
}

/// Whether what is written in the input of this name may be sent back to a page.
pub fn is_secret(input: &str) -> bool {
    SECRET_FIELDS.iter().any(|word| input.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_input() {
        for (field, name) in
            [("name", "name"), ("limits.rpm", "limits[rpm]"), ("a.b.c", "a[b][c]"), ("models[]", "models[]")]
        {
            assert_eq!(input_name(field), name);
        }
    }

    #[test]
    fn secrets_are_known_by_their_name() {
        assert!(is_secret("password") && is_secret("provider[api_key]") && is_secret("new_password"));
        assert!(!is_secret("name") && !is_secret("email"));
    }

    #[test]
    fn a_flash_says_what_its_outcome_says() {
        let flash = |json: &str| Flash { path: "/fn/x".into(), outcome: Ok(json.into()), values: vec![] };
        assert_eq!(flash(r#"{"message":"Saved.","id":"1"}"#).message().as_deref(), Some("Saved."));
        assert_eq!(flash(r#"{"id":"1"}"#).message(), None);
        assert_eq!(flash("null").message(), None);
    }
}
