//! What is kept, sealed, of the token a chain began with: later hops are asked about by it.

use policy::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{org::Org, ports::Hints, refusal::Fault};

/// The identity provider's token and what it says of its user, as verified once.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub token: SecretString,
    pub hints: Hints,
}

#[derive(Serialize)]
struct Written<'a> {
    token: &'a str,
    hints: &'a Hints,
}

#[derive(Deserialize)]
struct Read<'a> {
    /// Borrowed from what was opened, which is wiped.
    token: &'a str,
    hints: Hints,
}

impl Kept {
    pub(crate) fn seal(&self, org: &Org, root: Uuid) -> Result<Vec<u8>, Fault> {
        let written = Written { token: self.token.expose_secret(), hints: &self.hints };
        let json = serde_json::to_vec(&written).map_err(|e| Fault::Keys(e.to_string()))?;
        let sealed = org.master.seal(&context(org, root), &Zeroizing::new(json));
        sealed.map_err(|fault| Fault::Keys(fault.to_string()))
    }

    pub(crate) fn open(org: &Org, root: Uuid, sealed: &[u8]) -> Result<Self, Fault> {
        let fault = |what: &dyn std::fmt::Display| {
            Fault::Keys(format!("the subject token of the chain's root: {what}"))
        };
        let json = org.master.open(&context(org, root), sealed).map_err(|e| fault(&e))?;
        let Read { token, hints } = serde_json::from_slice(&json).map_err(|e| fault(&e))?;
        Ok(Self { token: SecretString::from(token), hints })
    }

    pub(crate) fn signed_in_at(&self) -> Option<Timestamp> {
        self.hints.signed_in_at.map(Timestamp)
    }
}

/// Binds a sealed subject token to its delegation, so that rows cannot be swapped.
fn context(org: &Org, root: Uuid) -> String {
    format!("subject:{}:{root}", org.id)
}
