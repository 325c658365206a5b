//! One way for every form: a server function, its problems beside the fields; the same with and without JavaScript.
//!
//! A page calls [`use_form`] once, near its top and never inside a `<Suspense>`, so that server and browser agree.
//! With JavaScript the [`leptos::form::ActionForm`] calls the server function; without it the browser posts, and the
//! `flash` module brings the outcome back to the page as a [`Flash`].

mod number;

pub use number::{read_count, read_credits};

use super::ui::browser;
use super::ui::toast::Toasts;
use crate::domain::problem::{Problem, ProblemKind};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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

/// What a form's server function answers. `message` is said in a toast; the field of that name is it without
/// JavaScript, so both must be the same.
pub trait Outcome: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    fn message(&self) -> Option<&str> {
        None
    }
}

impl Outcome for () {}

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

impl Outcome for Done {
    fn message(&self) -> Option<&str> {
        Some(&self.message)
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
pub struct Form<F>
where
    F: ServerFn + 'static,
    F::Output: 'static,
{
    /// For `<ActionForm action=form.action>`.
    pub action: ServerAction<F>,
    /// For the fields.
    pub state: FormState,
    flash: StoredValue<Option<F::Output>>,
}

impl<F: ServerFn> Clone for Form<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: ServerFn> Copy for Form<F> {}

/// What fields ask of their form; the same type for every form.
#[derive(Clone, Copy)]
pub struct FormState {
    problem: Memo<Option<Problem>>,
    values: StoredValue<Vec<(String, String)>>,
    pending: Signal<bool>,
    version: Signal<usize>,
}

/// Joins the hydrated action and the flash of a post without JavaScript.
pub fn use_form<F>() -> Form<F>
where
    F: ServerFn<Error = Problem> + Clone + Send + Sync + 'static,
    F::Output: Outcome,
{
    let action = ServerAction::<F>::new();
    let (flash, problem, values) = read_flash(F::PATH);
    let flash = flash.and_then(|json| serde_json::from_str::<F::Output>(&json).ok());
    let value = action.value();
    let problem = Memo::new(move |_| match &*value.read() {
        Some(Err(problem)) => Some(problem.clone()),
        Some(Ok(_)) => None,
        None => problem.clone(),
    });
    Effect::new(move |_| match &*value.read() {
        Some(Ok(outcome)) => {
            if let Some(message) = outcome.message() {
                Toasts::say(message);
            }
        }
        Some(Err(_)) => browser::focus_soon(&["[aria-invalid=true]", ".notice[role=alert]"]),
        None => {}
    });
    let state = FormState {
        problem,
        values: StoredValue::new(values),
        pending: action.pending().into(),
        version: action.version().into(),
    };
    Form { action, state, flash: StoredValue::new(flash) }
}

/// The part that is the same for every form, so that the browser loads it once.
fn read_flash(path: &str) -> (Option<String>, Option<Problem>, Vec<(String, String)>) {
    let flash = SharedValue::new(|| use_context::<Flash>().filter(|flash| flash.path == path)).into_inner();
    match flash {
        Some(Flash { outcome: Ok(json), values, .. }) => (Some(json), None, values),
        Some(Flash { outcome: Err(problem), values, .. }) => (None, Some(problem), values),
        None => (None, None, Vec::new()),
    }
}

impl<F> Form<F>
where
    F: ServerFn<Error = Problem> + Clone + Send + Sync + 'static,
    F::Output: Outcome,
{
    /// What the last post brought about, until the next one.
    pub fn outcome(self) -> Option<F::Output> {
        match &*self.action.value().read() {
            Some(Ok(outcome)) => Some(outcome.clone()),
            Some(Err(_)) => None,
            None => self.flash.get_value(),
        }
    }

    /// Starts afresh whenever `shown` turns false: a dialog that is opened again knows nothing of the last time.
    pub fn forget_unless(self, shown: impl Fn() -> bool + 'static) {
        Effect::new(move |_| {
            if !shown() {
                self.flash.set_value(None);
                self.action.clear();
            }
        });
    }

    /// Counts the answers, so that a resource which reads it is fetched again after each.
    pub fn version(self) -> usize {
        self.state.version.get()
    }
}

impl FormState {
    /// What is wrong with a field, by its path, such as `limits.rpm`.
    pub fn problem_for(self, field: &str) -> Option<String> {
        self.problem.with(|problem| Some(problem.as_ref()?.message_for(field)?.to_owned()))
    }

    /// How many fields at or below a path have to change.
    pub fn problems_under(self, path: &str) -> usize {
        let is_under =
            |field: &str| field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.problem.with(|problem| {
            let fields = problem.as_ref().map_or(&[][..], |problem| &problem.fields);
            fields.iter().filter(|problem| is_under(&problem.field)).count()
        })
    }

    /// Whether `field` is the first that has to change, and so the one to put the cursor in.
    pub fn is_first_problem(self, field: &str) -> bool {
        self.problem.with(|problem| {
            problem.as_ref().and_then(|problem| problem.fields.first()).is_some_and(|first| first.field == field)
        })
    }

    /// The problem in one sentence, if there is one.
    pub fn message(self) -> Option<String> {
        self.problem.with(|problem| problem.as_ref().map(|problem| problem.message.clone()))
    }

    pub fn problem(self) -> Option<Problem> {
        self.problem.get()
    }

    /// What had been written in a field when the post failed without JavaScript. With it, the field still has it.
    pub fn value_of(self, field: &str) -> Option<String> {
        let name = input_name(field);
        self.values.with_value(|values| values.iter().find(|(named, _)| *named == name).map(|(_, value)| value.clone()))
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
        self.pending.get()
    }

    pub fn version(self) -> usize {
        self.version.get()
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
