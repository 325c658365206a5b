//! Why an input was not accepted: a sentence for each field that has to change, and nothing is saved.

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
    /// Not there, or not yours to see: 404.
    NotFound,
    /// It contradicts what exists, such as a name in use: 409.
    Conflict,
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
