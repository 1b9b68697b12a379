//! Real tokens and real proofs, signed by `keys`, in front of an issuer on loopback. Each test starts from
//! what is let in, and changes one thing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "actix")]
mod application;
mod bound;
mod challenges;
mod issuer;
mod scene;
mod status_lists;
mod tokens;
