#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drop(heirloom_proto::verify(&heirloom_fuzz::light::envelope(1, 5, data))));
