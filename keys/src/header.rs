use std::borrow::Cow;

use crate::{
    Algorithm, TokenFault,
    strict::{self, Member},
};

/// The protected header of a JWS, as far as it is obeyed (RFC 7515 §4.1).
///
/// `jwk`, `jku`, `x5c`, `x5u` have no field: a token never brings its own key (CVE-2026-27962). A proof does, and `proof` reads that.
pub(crate) struct Header<'h> {
    pub algorithm: Algorithm,
    pub kid: Option<Cow<'h, str>>,
    pub typ: Option<Cow<'h, str>>,
}

impl<'h> Header<'h> {
    pub fn parse(json: &'h [u8]) -> Result<Self, TokenFault> {
        let [alg, kid, typ, crit, zip, b64] =
            strict::read(json, ["alg", "kid", "typ", "crit", "zip", "b64"])?;
        let Some(Member::Text(alg)) = alg else { return Err(TokenFault::Algorithm) };
        let algorithm = alg.parse().map_err(|_| TokenFault::Algorithm)?;
        // RFC 7515 §4.1.11: what is critical and not understood makes the token invalid; we
        // understand nothing. `zip` and `b64` would change what is read, named in `crit` or not.
        if crit.is_some() {
            return Err(TokenFault::Crit);
        }
        if zip.is_some() {
            return Err(TokenFault::Zip);
        }
        if b64.is_some() {
            return Err(TokenFault::B64);
        }
        Ok(Self { algorithm, kid: optional_text(kid)?, typ: optional_text(typ)? })
    }
}

/// Present but no text never becomes absent (CVE-2026-9704).
fn optional_text(member: Option<Member<'_>>) -> Result<Option<Cow<'_, str>>, TokenFault> {
    match member {
        None => Ok(None),
        Some(Member::Text(text)) => Ok(Some(text)),
        Some(Member::Texts(_) | Member::Integer(_) | Member::Other) => Err(TokenFault::Malformed),
    }
}
