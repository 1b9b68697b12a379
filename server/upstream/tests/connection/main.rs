//! A connection to an identity provider, driven through its port against fakes on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod freshness;
mod keys;
mod opaque;
mod provider;
mod reach;
mod standing;
