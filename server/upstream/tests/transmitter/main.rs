//! A transmitter of security events, driven through its receiver's side against fakes on loopback.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod discovery;
mod fake;
mod keys;
mod management;
mod poll;
mod settings;
mod stream;
