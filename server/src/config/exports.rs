//! `[exports]`: how far the sinks of audit trails may reach. What is sent where says each
//! organization; this is for the operator of the process to allow.

use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    directory: Option<PathBuf>,
    #[serde(default)]
    private_addresses: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Exports {
    /// Where files may be written, in a folder for each organization; nowhere without.
    pub directory: Option<PathBuf>,
    /// Whether sinks may be in our own network, and spoken to in plain text.
    pub private_addresses: bool,
}

impl File {
    pub(super) fn resolve(self, base: &Path) -> Exports {
        Exports {
            directory: self.directory.map(|folder| base.join(folder)),
            private_addresses: self.private_addresses,
        }
    }
}
