#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::delegated::own_claims(data));
