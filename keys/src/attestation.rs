use std::time::Duration;

use crate::{
    Algorithm, PublicKey, TokenFault,
    compact::Compact,
    expect::media_name,
    strict::{self, Member},
    verify::{age, audience, beginning, expiry, issue, name, opened_by, seconds},
};

/// What the proof of an attested client must be. There is no default: every field is a decision.
#[derive(Clone, Debug)]
pub struct ExpectAttestationProof<'a> {
    /// Our issuer: the sole audience, or others could have been sent the proof first.
    pub audience: &'a str,
    /// The algorithms instances of this client may use.
    pub algorithms: &'a [Algorithm],
    /// How old `iat` may be, whole seconds. A proof has no other end.
    pub past: Duration,
    /// How far ahead `iat` may be, whole seconds.
    pub future: Duration,
}

/// A proof that holds: whoever made it has the key its attestation confirms. Says nothing yet of whether
/// it was sent before.
///
/// Evidence: only [`verify_attestation_proof`] makes one.
///
/// ```compile_fail,E0451
/// fn forge(id: String) -> keys::AttestationProof {
///     keys::AttestationProof { id, issued_at: 0, challenge: None }
/// }
/// ```
///
/// ```
/// fn id(proof: &keys::AttestationProof) -> &str {
///     proof.id()
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AttestationProof {
    id: String,
    issued_at: i64,
    challenge: Option<String>,
}

impl AttestationProof {
    /// `jti`: to be taken once. 1 to 255 bytes, no control characters.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `iat`, seconds since the Unix epoch.
    #[must_use]
    pub const fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// `challenge`, as it came.
    #[must_use]
    pub fn challenge(&self) -> Option<&str> {
        self.challenge.as_deref()
    }
}

/// Verifies the proof that comes with an attestation, as of `now`, in seconds since the Unix epoch
/// (draft-ietf-oauth-attestation-based-client-auth-10 §5.2): `oauth-client-attestation-pop+jwt`.
///
/// `key` is the `cnf.jwk` of the verified attestation: the proof has no say in it, whatever its `kid`.
/// It names neither issuer nor subject, and ends by age.
///
/// # Errors
///
/// The first check that failed.
pub fn verify_attestation_proof(
    proof: &str,
    key: &PublicKey,
    expect: &ExpectAttestationProof<'_>,
    now: i64,
) -> Result<AttestationProof, TokenFault> {
    let kind = |typ: Option<&str>| {
        let is_proof =
            |typ| media_name(typ).eq_ignore_ascii_case("oauth-client-attestation-pop+jwt");
        typ.is_some_and(is_proof).then_some(())
    };
    let select = |_: Option<&str>, algorithm| {
        if key.serves(algorithm) { Ok(key) } else { Err(TokenFault::Algorithm) }
    };
    let (payload, ()) =
        opened_by(&Compact::split(proof)?, (select, None), expect.algorithms, kind)?;
    let [aud, exp, nbf, iat, jti, challenge] =
        strict::read(&payload, ["aud", "exp", "nbf", "iat", "jti", "challenge"])?;
    if audience(aud, &[expect.audience])?.len() != 1 {
        return Err(TokenFault::Audience);
    }
    let future = seconds(expect.future);
    let (latest_now, earliest_now) = (now.saturating_add(future), now.saturating_sub(future));
    // The draft has neither, but what a JWT says of its own validity holds (RFC 7519 §4.1.4).
    exp.map(|exp| expiry(&exp, earliest_now)).transpose()?;
    beginning(nbf.as_ref(), latest_now)?;
    let issued_at = issue(iat.as_ref(), latest_now)?;
    age(issued_at, expect.past, now)?;
    let id = jti.and_then(name).ok_or(TokenFault::TokenId)?;
    let challenge = match challenge {
        None => None,
        Some(Member::Text(challenge)) => Some(challenge.into_owned()),
        Some(Member::Texts(_) | Member::Integer(_) | Member::Other) => {
            return Err(TokenFault::Claims);
        }
    };
    Ok(AttestationProof { id, issued_at, challenge })
}
