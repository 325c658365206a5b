//! What programs may rely on.

mod books;
mod chat;
mod cuts;
mod quota;
mod refusals;
mod streams;
mod tokens;
