//! What programs may rely on.

mod books;
mod carried;
mod chat;
mod cuts;
mod dialects;
mod failover;
mod fallbacks;
mod forms;
mod interpreted;
mod lanes;
mod media;
mod memory;
mod patience;
mod quota;
mod recorded;
mod refusals;
mod responses;
mod routing;
mod rules;
mod safety;
mod services;
mod sounds;
mod streams;
mod tokens;
