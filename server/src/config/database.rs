//! `[database]`

use std::path::Path;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Problems, variable};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    url: Option<String>,
    max_connections: Option<u32>,
}

#[derive(Debug)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`; it may hold a password.
    pub url: SecretString,
    pub max_connections: u32,
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Database> {
        let url =
            variable("ACTAS_DATABASE_URL").or(self.url).unwrap_or("sqlite:actas.db".to_owned());
        let max_connections = self.max_connections.unwrap_or(16);
        if !(1..=1000).contains(&max_connections) {
            problems.add("database.max_connections", "it must be from 1 to 1000");
            return None;
        }
        let url = if let Some(path) = url.strip_prefix("sqlite:") {
            // A relative file lies beside the configuration, wherever actas was started.
            format!("sqlite:{}", base.join(path.trim_start_matches("//")).display())
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            url
        } else {
            problems.add("database.url", "it must begin with sqlite: or postgres://");
            return None;
        };
        Some(Database { url: SecretString::from(url), max_connections })
    }
}
