//! An upstream's answer in one piece.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tollgate::proxy::promises::of_an_answer(bytes));
