//! `[keys]`: the master key, under which everything secret is sealed at rest; where signing keys are
//! made, and for how long others may cache them.

mod pkcs11;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use keys::MasterKey;
use serde::Deserialize;

pub use self::pkcs11::Pkcs11;
use super::{Problems, variable};

/// Five minutes: a planned change of keys then takes six, and an unplanned one is not felt for
/// longer than a token lives.
const JWKS_MAX_AGE: u64 = 300;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    master_key_file: Option<PathBuf>,
    /// For tests and demos: a key does not belong into a configuration file.
    master_key: Option<String>,
    #[serde(default)]
    previous_master_key_files: Vec<PathBuf>,
    jwks_max_age: Option<u64>,
    pkcs11: Option<pkcs11::File>,
}

#[derive(Debug)]
pub struct Keys {
    pub master: Arc<MasterKey>,
    /// Master keys of earlier, until what they have wrapped is wrapped anew.
    pub previous: Vec<MasterKey>,
    /// How long verifiers may cache a key set.
    pub jwks_max_age: Duration,
    /// Where new signing keys are made; none: here.
    pub pkcs11: Option<Pkcs11>,
}

impl Keys {
    /// Nothing but a master key.
    #[must_use]
    pub fn new(master: MasterKey) -> Self {
        Self {
            master: Arc::new(master),
            previous: Vec::new(),
            jwks_max_age: Duration::from_secs(JWKS_MAX_AGE),
            pkcs11: None,
        }
    }
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Keys> {
        let text = variable("ACTAS_MASTER_KEY").or(self.master_key);
        let master = match (text, self.master_key_file) {
            (Some(text), _) => problems.take(MASTER, parsed(&text)),
            (None, Some(file)) => problems.take(MASTER, read(base, &file)),
            (None, None) => {
                problems.add(
                    MASTER,
                    "there is no master key: make one with `actas master-key > master.key`, \
                     or set ACTAS_MASTER_KEY",
                );
                None
            }
        };
        let previous = self
            .previous_master_key_files
            .iter()
            .map(|file| problems.take("keys.previous_master_key_files", read(base, file)));
        let previous: Vec<_> = previous.collect();
        let jwks_max_age = self.jwks_max_age.unwrap_or(JWKS_MAX_AGE);
        if !(1..=3600).contains(&jwks_max_age) {
            problems.add("keys.jwks_max_age", "it must be from 1 to 3600 seconds");
        }
        let pkcs11 = self.pkcs11.map(|file| file.resolve(base, problems));
        Some(Keys {
            previous: previous.into_iter().collect::<Option<_>>()?,
            jwks_max_age: Duration::from_secs(jwks_max_age),
            pkcs11: match pkcs11 {
                None => None,
                Some(resolved) => Some(resolved?),
            },
            ..Keys::new(master?)
        })
    }
}

const MASTER: &str = "keys.master_key_file";

fn read(base: &Path, file: &Path) -> Result<MasterKey, String> {
    let file = base.join(file);
    let read = std::fs::read_to_string(&file);
    let text = read.map_err(|e| format!("`{}` cannot be read: {e}", file.display()))?;
    parsed(&text).map_err(|e| format!("`{}`: {e}", file.display()))
}

fn parsed(text: &str) -> Result<MasterKey, String> {
    MasterKey::from_base64(text.trim()).map_err(|e| e.to_string())
}
