//! An upstream's stream of server-sent events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tollgate::proxy::promises::of_a_stream(bytes));
