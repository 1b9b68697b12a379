//! What the crate promises, from outside: the happy fixture is in `fixture.rs`, every test changes
//! one thing of it.
#![expect(clippy::expect_used, reason = "a test fails by panicking, and says with what")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::string_slice, reason = "a test fails by panicking")]

mod assertions;
mod attestation_proofs;
mod certificate_names;
mod certificates;
mod events;
mod fixture;
mod forged_tokens;
mod key_ring;
mod kinds;
mod peeking;
mod pkcs11;
mod proof_keys;
mod proofs;
mod properties;
mod published_keys;
mod rotation;
mod rotation_histories;
mod round_trips;
mod sealing;
mod signing;
mod status_lists;
mod verifying;
