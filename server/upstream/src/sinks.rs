//! Where audit trails are sent: one file for each kind of sink, each with its own settings.
//!
//! Reading order: `part` (how a batch becomes what a sink takes at once), `format` (how an event
//! reads) with `weight`, `ocsf` and `cef`, `post` (what all sinks over HTTP have in common), then one
//! kind each.
//!
//! A sink never drops anything: what it cannot deliver is [`Unsent`](delegation::export::Unsent),
//! and comes again. It says nothing in the receiver's own words, which may quote what we sent.

mod cef;
pub mod datadog;
pub mod file;
mod format;
mod ocsf;
pub mod otlp;
mod part;
mod post;
pub mod splunk;
pub mod syslog;
pub mod webhook;
mod weight;

use std::{path::PathBuf, sync::Arc};

use delegation::export::Sink;
use serde::{Deserialize, Serialize};

pub use self::format::{Format, JsonFormat};
use crate::http::{Outbound, OutboundSettings, Reach};

/// A sink, as declared, with its secrets, and as stored (sealed) in the same JSON.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SinkSettings {
    /// JSON lines on this machine.
    File(file::Settings),
    /// Standard Webhooks.
    Webhook(webhook::Settings),
    /// RFC 5424 over TCP or TLS.
    Syslog(syslog::Settings),
    /// Splunk's HTTP Event Collector.
    Splunk(splunk::Settings),
    /// Datadog's log intake.
    Datadog(datadog::Settings),
    /// OpenTelemetry's logs over HTTP, in JSON.
    Otlp(otlp::Settings),
}

impl SinkSettings {
    /// As declared.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
            Self::Syslog(_) => "syslog",
            Self::Splunk(_) => "splunk",
            Self::Datadog(_) => "datadog",
            Self::Otlp(_) => "otlp",
        }
    }
}

/// What sinks are made with.
#[derive(Clone, Debug)]
pub struct Workshop {
    pub outbound: Outbound,
    /// Where files may be written; nowhere without.
    pub directory: Option<PathBuf>,
}

impl Workshop {
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub fn build(&self, settings: &SinkSettings) -> Result<Arc<dyn Sink>, String> {
        let outbound = || self.outbound.clone();
        Ok(match settings {
            SinkSettings::File(settings) => {
                Arc::new(file::File::new(settings, self.directory.clone())?)
            }
            SinkSettings::Webhook(settings) => {
                Arc::new(webhook::Webhook::new(settings, outbound())?)
            }
            SinkSettings::Syslog(settings) => Arc::new(syslog::Syslog::new(settings, outbound())?),
            SinkSettings::Splunk(settings) => Arc::new(splunk::Splunk::new(settings, outbound())?),
            SinkSettings::Datadog(settings) => {
                Arc::new(datadog::Datadog::new(settings, outbound())?)
            }
            SinkSettings::Otlp(settings) => Arc::new(otlp::Otlp::new(settings, outbound())?),
        })
    }
}

/// Whether a sink could be made of these settings, wherever it may then send.
///
/// # Errors
///
/// What is wrong with them.
pub fn validate(settings: &SinkSettings) -> Result<(), String> {
    let anywhere = OutboundSettings { reach: Reach::Anywhere, ..OutboundSettings::default() };
    let outbound = Outbound::new(anywhere).map_err(|error| error.to_string())?;
    Workshop { outbound, directory: Some(PathBuf::new()) }.build(settings).map(drop)
}
