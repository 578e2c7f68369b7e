#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engawa_fuzz::careplan_unit::run(bytes));
