//! The vocabulary: every noun of the product, once. Pure: no clock, no chance, no I/O; shared with the browser.
//!
//! | noun | in one sentence |
//! | --- | --- |
//! | [`account`] | a person who signs in, with a role and a time zone of their own |
//! | [`amount`] | what one call takes of each measure: requests, tokens, credits |
//! | [`call`] | one proxied request, from admission to settlement: the row in the logs |
//! | [`credits`] | money, in whole nano-credits |
//! | [`floor`] | what an admin has set on a key: its owner may tighten it, never loosen it |
//! | [`group`] | several keys that share a quota and are watched together |
//! | [`health`] | how a provider fares, as its own answers tell |
//! | [`hours`] | the hours of the week in which calls are allowed, by the wall clock of one zone |
//! | [`id`] | the opaque names by which rows are known |
//! | [`impact`] | what a rule would have refused of calls that were really made |
//! | [`key`] | the secret a program sends, and what its holder may do with it |
//! | [`ledger`] | every meter and every call in flight, moved together or not at all |
//! | [`limit`] | one ceiling: scope x measure x period |
//! | [`meter`] | the running count against a limit in one period: settled and held |
//! | [`model`] | a name clients ask for, with its price and the routes that serve it |
//! | [`period`] | the stretch of time a limit counts over, and when it opens again |
//! | [`price`] | what a model's tokens cost |
//! | [`problem`] | why an input was not accepted, field by field |
//! | [`provider`] | an upstream account: dialect, base URL, credentials |
//! | [`refusal`] | why a call may not proceed: a closed list with stable codes |
//! | [`rule`] | a reusable template of a credit quota and of hours, which governs the keys bound to it |
//! | [`service`] | what is asked of a provider beside chats |
//! | [`time`] | an instant, in microseconds |
//! | [`usage`] | the tokens a call used, by kind |
//! | [`wallet`] | what pays for an account's calls: a subscription's cycle, then the balance |

pub mod account;
pub mod amount;
pub mod call;
pub mod credits;
pub mod floor;
pub mod group;
pub mod health;
pub mod hours;
pub mod id;
pub mod impact;
pub mod key;
pub mod ledger;
pub mod limit;
pub mod meter;
pub mod model;
pub mod period;
pub mod price;
pub mod price_list;
pub mod problem;
pub mod provider;
pub mod refusal;
pub mod rule;
pub mod service;
pub mod time;
pub mod usage;
pub mod wallet;
