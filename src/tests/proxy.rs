//! What programs may rely on.

mod books;
mod carried;
mod chat;
mod cuts;
mod failover;
mod patience;
mod quota;
mod refusals;
mod rules;
mod streams;
mod tokens;
