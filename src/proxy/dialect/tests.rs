//! Whole bodies, as the providers' own references have them, from each dialect to each other.

mod answers;
mod requests;
mod responses;
mod streams;
