//! Logs: one line per event worth an operator's attention, as JSON or text, on standard error.

use tracing_subscriber::EnvFilter;

use crate::config::log::{Format, Log};

/// Sends `tracing` to standard error. Called once; later calls change nothing.
pub fn start(settings: &Log) {
    let filter = EnvFilter::new(&settings.filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let started = match settings.format {
        Format::Json => builder.json().flatten_event(true).try_init(),
        Format::Text => builder.try_init(),
    };
    // Only a second start fails: the first one's settings stand.
    drop(started);
}
