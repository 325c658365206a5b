//! Tollgate: a self-hosted AI API gateway whose books are exact, with an admin console.
pub mod domain;
