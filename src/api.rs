//! The management API: what programs may do that manage keys, models, providers, and read logs and usage.

mod problem;
