//! Secrets of ours (RFC 6749 §2.3.1).

use keys::SecretHash;
use secrecy::{ExposeSecret, SecretString};

use super::{Caller, Claimed, ClientFault, Unspent};
use crate::{declared::Method, org::Org};

pub(super) fn authenticate(
    org: &Org,
    id: &str,
    secret: &SecretString,
    method: Method,
) -> Result<Unspent<Caller>, ClientFault> {
    // Hashed before anybody is looked for.
    let presented = org.master.hash_secret(secret.expose_secret());
    let claimed = Claimed::find(org, id)?;
    is_one_of(&claimed.client().secrets, &presented)?;
    Ok(Unspent::new(claimed.believed(method)?, Vec::new()))
}

/// No early exit: which of several secrets matched must not show either.
fn is_one_of(secrets: &[SecretHash], presented: &SecretHash) -> Result<(), ClientFault> {
    let matched = secrets.iter().fold(false, |any, stored| stored.matches(presented) | any);
    matched.then_some(()).ok_or(ClientFault::WrongSecret)
}
