//! A caller's request.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tollgate::proxy::promises::of_a_request(bytes));
