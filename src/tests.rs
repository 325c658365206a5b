//! Tests of the whole: a gateway on each database, a clock wound by hand, upstreams that follow a script.

mod app;
mod proxy;
mod store;
mod tidy;
mod upstream;
