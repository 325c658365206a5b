//! What programs may rely on.

mod books;
mod chat;
mod quota;
mod refusals;
mod rules;
mod streams;
