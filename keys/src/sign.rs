use std::{
    fmt::Debug,
    sync::atomic::{AtomicU32, Ordering},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::Value;

use crate::{Algorithm, PublicKey, compact::MAX_TOKEN, pkcs11::ModuleFault, status_list, strict};

/// A private key that signs, wherever it lives.
pub trait Signer: Debug + Send + Sync {
    /// The algorithm of every signature.
    fn algorithm(&self) -> Algorithm;

    /// The `kid` under which the public half is published.
    fn kid(&self) -> &str;

    /// Signs `input`; the signature has the form RFC 7518 §3 gives it.
    ///
    /// # Errors
    ///
    /// [`SignFault::Key`] or [`SignFault::Module`] when the key cannot be used right now.
    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignFault>;

    /// The public half, as it is published.
    fn public_jwk(&self) -> &Value;

    /// [`public_jwk`](Self::public_jwk), read: what [`sign`] reads a token back with.
    fn public_key(&self) -> &PublicKey;

    /// How often what it signs is read back; none: always.
    fn reading(&self) -> Option<&Reading> {
        None
    }

    /// Whether signing waits for somebody else, so that nobody should who has others to serve.
    fn blocks(&self) -> bool {
        false
    }
}

/// How often what a key of our own memory has signed is read back: the first signature, and then one of
/// so many; after one that did not hold, the next again.
///
/// Reading back takes three times as long as signing. It finds a published key that is not the signing
/// one, a module that does not do its part, and a key that is damaged: all of them faults that stay, so
/// that one look in so many finds them too, and nobody would take the tokens signed in between. A fault
/// of one moment may pass: of RSA, where one gives the key away, `ring` looks at each signature itself;
/// of `EdDSA` it would take two signatures of one text, and no two tokens are one; of ECDSA one tells a
/// bit of the key, to somebody who can choose which bit. FIPS 140-3 asks that a pair is looked at once.
#[derive(Debug, Default)]
pub struct Reading {
    unread: AtomicU32,
}

impl Reading {
    const ONE_IN: u32 = 64;

    fn is_due(&self) -> bool {
        self.unread.fetch_add(1, Ordering::Relaxed).is_multiple_of(Self::ONE_IN)
    }

    fn failed(&self) {
        self.unread.store(0, Ordering::Relaxed);
    }
}

/// Signs `claims` as a token of kind `typ`, and reads it back, as often as the signer's [`Reading`] says,
/// before anybody sees it.
///
/// The result is a compact JWS whose header has `typ`, `alg` and `kid`.
///
/// # Errors
///
/// [`SignFault::Claims`] if the claims cannot be written, or if [`verify`](crate::verify()) would refuse
/// them for their form; [`SignFault::Key`] or
/// [`SignFault::Module`] if the key fails; [`SignFault::ReadBack`] if the
/// signature is not one of the published key.
pub fn sign<C: Serialize>(signer: &dyn Signer, typ: &str, claims: &C) -> Result<String, SignFault> {
    Unsigned::new(signer, typ, claims)?.sign(signer)
}

/// A token of which only the signature is missing: for a [`Signer`] that blocks.
#[derive(Clone, Debug)]
pub struct Unsigned {
    /// The signing input (RFC 7515 §5.1).
    text: String,
    longest: usize,
}

impl Unsigned {
    /// Writes header and claims of what `signer` is to sign.
    ///
    /// # Errors
    ///
    /// [`SignFault::Claims`], as [`sign`].
    pub fn new<C: Serialize>(
        signer: &dyn Signer,
        typ: &str,
        claims: &C,
    ) -> Result<Self, SignFault> {
        let mut header = Header::new(signer.algorithm().jose());
        header.typ = Some(typ.to_owned());
        header.kid = Some(signer.kid().to_owned());
        let header = serde_json::to_vec(&header).map_err(|_| SignFault::Claims)?;
        let claims = serde_json::to_vec(claims).map_err(|_| SignFault::Claims)?;
        let [] = strict::read(&claims, []).map_err(|_| SignFault::Claims)?;

        let mut text = String::with_capacity((header.len() + claims.len()) * 4 / 3 + 400);
        URL_SAFE_NO_PAD.encode_string(header, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut text);
        // A status list is no token that anybody presents: it is as long as it is.
        let longest = if typ == status_list::TYP { usize::MAX } else { MAX_TOKEN };
        Ok(Self { text, longest })
    }

    /// Signs it, and reads it back when that is due. `signer` is the one it was written for.
    ///
    /// # Errors
    ///
    /// As [`sign`].
    pub fn sign(self, signer: &dyn Signer) -> Result<String, SignFault> {
        let Self { text: mut token, longest } = self;
        let signature = URL_SAFE_NO_PAD.encode(signer.sign(token.as_bytes())?);
        let published = signer.public_key();
        if published.kid() != Some(signer.kid()) {
            return Err(SignFault::ReadBack);
        }
        if signer.reading().is_none_or(Reading::is_due)
            && !published.signed(signer.algorithm(), &token, &signature)
        {
            if let Some(reading) = signer.reading() {
                reading.failed();
            }
            return Err(SignFault::ReadBack);
        }
        token.push('.');
        token.push_str(&signature);
        if token.len() <= longest { Ok(token) } else { Err(SignFault::Claims) }
    }
}

/// Why a token could not be signed. A fault of ours, never an answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignFault {
    /// The claims cannot be written, or could not be verified afterwards.
    #[error("the claims cannot be signed")]
    Claims,
    /// The key cannot be used.
    #[error("the signing key is unavailable")]
    Key,
    /// The key is in a module that does not do its part.
    #[error(transparent)]
    Module(#[from] ModuleFault),
    /// What was signed does not verify with the published key: a fault of memory, of the key's
    /// custody, or a published key that is not the signing one.
    #[error("the signature does not verify with the published key")]
    ReadBack,
}
