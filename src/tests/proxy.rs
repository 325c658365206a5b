//! What programs may rely on.

mod books;
mod carried;
mod chat;
mod cuts;
mod dialects;
mod failover;
mod interpreted;
mod lanes;
mod memory;
mod patience;
mod quota;
mod recorded;
mod refusals;
mod responses;
mod rules;
mod streams;
mod tokens;
