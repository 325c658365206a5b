//! What programs may rely on.

mod books;
mod chat;
mod refusals;
mod streams;
