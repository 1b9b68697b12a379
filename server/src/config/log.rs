//! `[log]`

use serde::Deserialize;

use super::{Problems, variable};

/// `actix_http` reports what strangers do wrong, one line per packet, as errors.
const DEFAULT: &str = "info,actix_http=off";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    format: Option<String>,
    filter: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub format: Format,
    /// As `tracing` reads it: `info`, `warn,server=debug`.
    pub filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Text,
}

impl File {
    pub(super) fn resolve(self, problems: &mut Problems) -> Option<Log> {
        let format = match self.format.as_deref() {
            None | Some("json") => Format::Json,
            Some("text") => Format::Text,
            Some(other) => {
                problems.add("log.format", format!("`{other}` is neither json nor text"));
                return None;
            }
        };
        let filter = variable("ACTAS_LOG").or(self.filter).unwrap_or(DEFAULT.to_owned());
        let known = tracing_subscriber::EnvFilter::try_new(&filter);
        problems.take("log.filter", known.map_err(|e| format!("`{filter}`: {e}")))?;
        Some(Log { format, filter })
    }
}
