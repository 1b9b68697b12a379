//! Each sink against a fake that is strict about the wire.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod fake;
mod file;
mod formats;
mod http;
mod otlp;
mod settings;
mod splunk;
mod syslog;
mod webhook;
