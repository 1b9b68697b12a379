//! The run before this one.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use crate::{Outcome, figures::Book, group::Asked, machine::Machine};

/// What is looked at of a run that was kept.
#[derive(Debug, Deserialize)]
pub(crate) struct Before {
    pub machine: Machine,
    pub lines: Book,
}

/// The files of runs that can be compared: a part of everything is kept beside everything.
#[derive(Debug)]
pub(crate) struct Kept {
    latest: std::path::PathBuf,
    previous: std::path::PathBuf,
}

impl Kept {
    pub(crate) fn in_directory(directory: &Path, asked: &Asked) -> Self {
        let part = if asked.is_everything() { "" } else { "-part" };
        let file = |name| directory.join(format!("{name}{part}.json"));
        Self { latest: file("latest"), previous: file("previous") }
    }

    /// The last run, when it was on the same machine.
    pub(crate) fn before(&self, machine: &Machine) -> Outcome<Option<Before>> {
        let text = match fs::read(&self.latest) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // One of another version of this benchmark is none to compare with.
        let before: Option<Before> = serde_json::from_slice(&text).ok();
        Ok(before.filter(|before| before.machine.itself == machine.itself))
    }

    /// Puts a new run in place of the last, which becomes the previous. Returns where it is.
    pub(crate) fn keep(&self, run: &impl Serialize) -> Outcome<&Path> {
        match fs::rename(&self.latest, &self.previous) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        fs::write(&self.latest, serde_json::to_vec_pretty(run)?)?;
        Ok(&self.latest)
    }
}
