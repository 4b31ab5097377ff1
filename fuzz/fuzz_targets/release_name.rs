#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| heirloom_fuzz::light::release_name(data));
