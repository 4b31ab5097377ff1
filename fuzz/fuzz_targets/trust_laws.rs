#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heirloom_fuzz::light::trust_laws(data));
