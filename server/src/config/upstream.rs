//! `[upstream]`: how identity providers are reached.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::Problems;

/// A person waits for the agent that waits for us; two seconds is what a check may take.
const DEADLINE_MS: u64 = 2000;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    extra_ca: Option<PathBuf>,
    deadline_ms: Option<u64>,
    replicas: Option<u32>,
}

#[derive(Debug)]
pub struct Upstream {
    /// Certificates trusted besides the system's, PEM.
    pub extra_ca: Option<Vec<u8>>,
    pub deadline: Duration,
    /// How many processes like this one share the limits that providers set.
    pub replicas: u32,
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Upstream> {
        let extra_ca = match self.extra_ca.map(|file| base.join(file)) {
            None => None,
            Some(file) => {
                let read = std::fs::read(&file).map_err(|e| format!("`{}`: {e}", file.display()));
                Some(problems.take("upstream.extra_ca", read)?)
            }
        };
        let deadline_ms = self.deadline_ms.unwrap_or(DEADLINE_MS);
        if !(50..=10_000).contains(&deadline_ms) {
            problems.add("upstream.deadline_ms", "it must be from 50 to 10000");
            return None;
        }
        let replicas = self.replicas.unwrap_or(1);
        if !(1..=1000).contains(&replicas) {
            problems.add("upstream.replicas", "it must be from 1 to 1000");
            return None;
        }
        Some(Upstream { extra_ca, deadline: Duration::from_millis(deadline_ms), replicas })
    }
}
