//! Whom clients are believed by, driven through the ports against fakes on loopback.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bundle;
mod fake;
mod published;
mod review;
mod secure;
