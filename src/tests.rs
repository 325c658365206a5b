//! Tests of the whole: a gateway on each database, a clock wound by hand, upstreams that follow a script.

mod api;
mod app;
mod audit;
mod auth;
mod catalog;
mod charges;
mod lists;
mod live;
mod playground;
mod prices;
mod profile;
mod proxy;
mod scenarios;
mod simulation;
mod store;
mod tidy;
mod upstream;
