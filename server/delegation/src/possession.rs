//! Proof that whoever sends a request has a key ([RFC 9449], [RFC 8705 §3]): what the new token is bound
//! to.
//!
//! [RFC 9449]: https://www.rfc-editor.org/rfc/rfc9449
//! [RFC 8705 §3]: https://www.rfc-editor.org/rfc/rfc8705#section-3

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Certificate, ExpectProof, ProofFault, SealFault, verify_proof};
use policy::{Confirmation, Timestamp};

use crate::{
    client::{Client, Unspent},
    org::Org,
    ports::{Once, OnceKind},
    refusal::{Failure, Fault, ProofRefusal, Refusal},
};

/// How old a proof may be: clocks of agents, and the way here.
pub const PAST: Duration = Duration::from_mins(1);
/// How far ahead its clock may be.
pub const FUTURE: Duration = Duration::from_secs(15);
/// How long a nonce of ours is good for.
const NONCE_LIFETIME: i64 = 300;

/// What came along to prove it.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// The one `DPoP` header.
    pub proof: Option<&'a str>,
    pub certificate: Option<&'a Certificate>,
    /// Where the proof must be meant for: the address of the endpoint, as published.
    pub uri: &'a str,
    pub now: Timestamp,
}

/// The key the sender has proved to have, if any. Only [`possession`] makes one, and it is worth
/// nothing before the proof is spent (see [`Unspent`]).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Possession {
    key: Option<Confirmation>,
    certificate: Option<Confirmation>,
}

impl Possession {
    /// What a token for `client` is bound to, which may have to be bound to what `subject` is bound to.
    ///
    /// A proof of a key is sent to be bound to it. A certificate comes with every request of its
    /// connection: it binds whoever registered for that, and what was bound to it before.
    #[must_use]
    pub fn of(&self, client: &Client, subject: Option<&Confirmation>) -> Option<Confirmation> {
        let by_certificate =
            client.certificate_bound || matches!(subject, Some(Confirmation::Certificate(_)));
        self.key.clone().or_else(|| self.certificate.clone().filter(|_| by_certificate))
    }
}

/// Verifies what is offered. A proof that is sent must hold, whether or not it is needed.
///
/// # Errors
///
/// [`Refusal::Proof`].
pub fn possession(
    org: &Org,
    client: &Client,
    offered: Offered<'_>,
) -> Result<Unspent<Possession>, Failure> {
    let Offered { proof, certificate, uri, now } = offered;
    let certificate = certificate.map(|it| Confirmation::Certificate(it.thumbprint().to_owned()));
    let Some(proof) = proof else {
        if client.dpop_bound {
            return Err(Refusal::Proof(ProofRefusal::Missing).into());
        }
        return Ok(Unspent::new(Possession { key: None, certificate }, Vec::new()));
    };
    let expect = ExpectProof {
        method: "POST",
        uri,
        algorithms: &client.algorithms,
        past: PAST,
        future: FUTURE,
        access_token: None,
    };
    let proof = verify_proof(proof, &expect, now.0).map_err(refused)?;
    match proof.nonce() {
        Some(nonce) if !is_nonce(org, nonce, now)? => {
            return Err(Refusal::Proof(ProofRefusal::Nonce).into());
        }
        None if org.dpop_nonce => return Err(Refusal::Proof(ProofRefusal::Nonce).into()),
        Some(_) | None => {}
    }
    let until = Timestamp(proof.issued_at()).plus(PAST).plus(FUTURE);
    let once = Once::new(OnceKind::Proof, proof.thumbprint(), proof.id(), until);
    let key = Some(Confirmation::Key(proof.thumbprint().to_owned()));
    Ok(Unspent::new(Possession { key, certificate }, vec![once]))
}

fn refused(fault: ProofFault) -> Failure {
    Refusal::Proof(ProofRefusal::Proof(fault)).into()
}

/// A nonce (RFC 9449 §8): when it was made, and what only we can compute of that. Every replica takes
/// it, and nobody remembers it.
///
/// # Errors
///
/// The data key cannot be used.
pub fn nonce(org: &Org, now: Timestamp) -> Result<String, Fault> {
    let made_at = now.0.to_be_bytes();
    let tag = org.master.attest(&context(org), &made_at).map_err(broken)?;
    Ok(URL_SAFE_NO_PAD.encode([made_at.as_slice(), &tag].concat()))
}

/// Whether it is one of ours, and not too old.
fn is_nonce(org: &Org, text: &str, now: Timestamp) -> Result<bool, Fault> {
    let Ok(octets) = URL_SAFE_NO_PAD.decode(text) else { return Ok(false) };
    let Some((made_at, tag)) = octets.split_first_chunk::<8>() else { return Ok(false) };
    let age = now.0.saturating_sub(i64::from_be_bytes(*made_at));
    let is_ours = org.master.is_attested(&context(org), made_at, tag).map_err(broken)?;
    Ok(is_ours && (-5..=NONCE_LIFETIME).contains(&age))
}

fn context(org: &Org) -> String {
    format!("dpop-nonce:{}", org.id)
}

fn broken(fault: SealFault) -> Fault {
    Fault::Keys(fault.to_string())
}

#[cfg(test)]
impl Possession {
    /// Of whoever has proved to have the key of this thumbprint.
    pub(crate) fn of_key(thumbprint: &str) -> Self {
        Self { key: Some(Confirmation::Key(thumbprint.to_owned())), certificate: None }
    }
}

#[cfg(test)]
mod tests;
