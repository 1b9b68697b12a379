//! Each sink against a fake that is strict about the wire.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod fake;
mod file;
mod formats;
mod http;
mod otlp;
mod settings;
mod splunk;
mod syslog;
mod webhook;
