//! `[keys]`: the master key, under which everything secret is sealed at rest.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use keys::MasterKey;
use serde::Deserialize;

use super::{Problems, variable};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    master_key_file: Option<PathBuf>,
    /// For tests and demos: a key does not belong into a configuration file.
    master_key: Option<String>,
}

#[derive(Debug)]
pub struct Keys {
    pub master: Arc<MasterKey>,
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Keys> {
        let path = "keys.master_key_file";
        let text = match (variable("ACTAS_MASTER_KEY").or(self.master_key), self.master_key_file) {
            (Some(text), _) => text,
            (None, Some(file)) => {
                let file = base.join(file);
                let read = std::fs::read_to_string(&file)
                    .map_err(|e| format!("`{}` cannot be read: {e}", file.display()));
                problems.take(path, read)?
            }
            (None, None) => {
                problems.add(
                    path,
                    "there is no master key: make one with `actas master-key > master.key`, \
                     or set ACTAS_MASTER_KEY",
                );
                return None;
            }
        };
        let key = MasterKey::from_base64(text.trim());
        Some(Keys { master: Arc::new(problems.take(path, key)?) })
    }
}
