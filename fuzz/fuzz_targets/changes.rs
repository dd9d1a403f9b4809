//! Runs one target of `onex_tests::fuzz` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(init: onex_fuzz::quiet(), |data: &[u8]| onex_tests::fuzz::run("changes", data));
