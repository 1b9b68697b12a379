//! `[keys.pkcs11]`: a module that makes signing keys and never gives them away.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    apply::{check::secret, spec::SecretEntry},
    config::Problems,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    module: PathBuf,
    token: String,
    pin: SecretEntry,
    new_keys: Option<bool>,
}

/// A token of a PKCS#11 module.
#[derive(Clone, Debug)]
pub struct Pkcs11 {
    /// The module's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The user's PIN.
    pub pin: SecretString,
    /// Whether new keys are made there. If not, those that are there go on until they retire.
    pub new_keys: bool,
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Pkcs11> {
        let pin = problems.take("keys.pkcs11.pin", secret(&self.pin, base));
        if self.token.is_empty() || 32 < self.token.len() {
            problems.add("keys.pkcs11.token", "it is the label of a token: 1 to 32 bytes");
        }
        let (module, new_keys) = (base.join(self.module), self.new_keys.unwrap_or(true));
        Some(Pkcs11 { module, token: self.token, pin: pin?, new_keys })
    }
}
