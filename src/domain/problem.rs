//! Why an input was not accepted: a sentence for each field that has to change, and nothing is saved.

use super::period::Zone;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of problem it is; each door maps it to its own answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A field is wrong: 400.
    Invalid,
    /// A field or filter that does not exist: 400.
    UnknownField,
    /// Nobody is signed in, or the credentials are wrong: 401.
    SignedOut,
    /// Signed in, and not allowed: 403.
    Forbidden,
    /// An admin has set it, and its owner may not loosen it: 403.
    AdminLocked,
    /// Not there, or not yours to see: 404.
    NotFound,
    /// It contradicts what exists, such as a name in use: 409.
    Conflict,
    /// Somebody else changed it at the same moment; nothing was done, and it may be tried again: 409.
    Meanwhile,
    /// Too many attempts: 429.
    TooMany,
    /// Ours, not the caller's; the log has the cause: 500.
    Internal,
    /// The database cannot be reached: 503.
    Unavailable,
}

/// A refused input. `fields` names what to change; `message` says it in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub kind: ProblemKind,
    pub message: String,
    #[serde(default)]
    pub fields: Vec<FieldProblem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The path of the field as the management API names it, such as `limits.rpm`.
    pub field: String,
    pub message: String,
}

impl Problem {
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), fields: Vec::new() }
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("There is no such {what}."))
    }

    /// A problem with one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let fields = vec![FieldProblem { field: field.to_owned(), message: message.clone() }];
        Self { kind: ProblemKind::Invalid, message, fields }
    }

    pub fn conflict(field: &str, message: impl Into<String>) -> Self {
        Self { kind: ProblemKind::Conflict, ..Self::field(field, message) }
    }

    pub fn message_for(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Gathers what is wrong with an input, so that all of it is said at once.
#[derive(Debug, Default)]
pub struct Check {
    fields: Vec<FieldProblem>,
}

impl Check {
    /// Notes `message` beside `field` unless `holds`.
    pub fn that(&mut self, holds: bool, field: &str, message: impl Into<String>) {
        if !holds {
            self.fields.push(FieldProblem { field: field.to_owned(), message: message.into() });
        }
    }

    /// Notes what is wrong with a `name`.
    pub fn name(&mut self, name: &str) {
        let length = name.trim().chars().count();
        self.that((1..=200).contains(&length), "name", "Give it a name of 1 to 200 characters.");
        self.that(!name.contains(char::is_control), "name", "A name is one line of text.");
    }

    /// Notes what is wrong with a `description`, which may be blank.
    pub fn description(&mut self, description: &str) {
        let fits = description.chars().count() <= 2_000;
        self.that(fits, "description", "Keep the description within 2,000 characters.");
    }

    /// Notes beside `field` unless `name` is a time zone.
    pub fn zone(&mut self, field: &str, name: &str) {
        let message = match name.trim() {
            "" => "Choose a time zone, such as Europe/Berlin, UTC or UTC+8.".to_owned(),
            name => {
                // As much of it as it takes to recognise.
                let cut = name.char_indices().nth(40).map(|(at, _)| format!("{}…", &name[..at]));
                let shown = cut.as_deref().unwrap_or(name);
                format!("{shown:?} is not a time zone. Write one such as Europe/Berlin, UTC or UTC+8.")
            }
        };
        self.that(Zone::parse(name).is_some(), field, message);
    }

    /// # Errors
    /// A [`Problem`] that names every field noted.
    pub fn done(self) -> Result<(), Problem> {
        match self.fields.as_slice() {
            [] => Ok(()),
            [only] => Err(Problem::field(&only.field, only.message.clone())),
            [first, rest @ ..] => {
                let message = format!("{} And {} more to change.", first.message, rest.len());
                Err(Problem { kind: ProblemKind::Invalid, message, fields: self.fields })
            }
        }
    }
}
