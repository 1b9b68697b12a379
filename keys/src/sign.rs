use std::fmt::Debug;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Header;
use serde::Serialize;
use serde_json::Value;

use crate::{Algorithm, PublicKey, compact::MAX_TOKEN, strict};

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
    /// [`SignFault::Key`] when the key cannot be used right now.
    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignFault>;

    /// The public half, as it is published.
    fn public_jwk(&self) -> &Value;

    /// [`public_jwk`](Self::public_jwk), read: what [`sign`] reads a token back with.
    fn public_key(&self) -> &PublicKey;
}

/// Signs `claims` as a token of kind `typ`, and reads it back before anybody sees it.
///
/// The result is a compact JWS whose header has `typ`, `alg` and `kid`.
///
/// # Errors
///
/// [`SignFault::Claims`] if the claims cannot be written, or if [`verify`](crate::verify()) would refuse
/// them for their form; [`SignFault::Key`] if the key fails; [`SignFault::ReadBack`] if the
/// signature is not one of the published key.
pub fn sign<C: Serialize>(signer: &dyn Signer, typ: &str, claims: &C) -> Result<String, SignFault> {
    let mut header = Header::new(signer.algorithm().jose());
    header.typ = Some(typ.to_owned());
    header.kid = Some(signer.kid().to_owned());
    let header = serde_json::to_vec(&header).map_err(|_| SignFault::Claims)?;
    let claims = serde_json::to_vec(claims).map_err(|_| SignFault::Claims)?;
    let [] = strict::read(&claims, []).map_err(|_| SignFault::Claims)?;

    let mut token = String::with_capacity((header.len() + claims.len()) * 4 / 3 + 400);
    URL_SAFE_NO_PAD.encode_string(header, &mut token);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(token.as_bytes())?);
    let published = signer.public_key();
    if published.kid() != Some(signer.kid())
        || !published.signed(signer.algorithm(), &token, &signature)
    {
        return Err(SignFault::ReadBack);
    }
    token.push('.');
    token.push_str(&signature);
    if token.len() <= MAX_TOKEN { Ok(token) } else { Err(SignFault::Claims) }
}

/// Why a token could not be signed. A fault of ours, never an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum SignFault {
    /// The claims cannot be written, or could not be verified afterwards.
    #[error("the claims cannot be signed")]
    Claims,
    /// The key cannot be used.
    #[error("the signing key is unavailable")]
    Key,
    /// What was signed does not verify with the published key: a fault of memory, of the key's
    /// custody, or a published key that is not the signing one.
    #[error("the signature does not verify with the published key")]
    ReadBack,
}
