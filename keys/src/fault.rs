/// Why a token was not accepted; one variant per check, in the order of the checks.
///
/// For logs, counters and the audit trail. Callers learn a category, never which check failed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// Longer than 16 KiB.
    #[error("the token is too large")]
    TooLarge,
    /// Five segments: a JWE. Encryption is not authentication (CVE-2026-29000).
    #[error("the token is encrypted")]
    Encrypted,
    /// Not three segments of unpadded base64url, or not JSON objects within.
    #[error("the token is not a compact JWS of JSON objects")]
    Malformed,
    /// A member name twice in one object, at any depth (RFC 7519 §4, RFC 8725).
    #[error("a member appears more than once")]
    RepeatedMember,
    /// Nested beyond 32 levels (CVE-2025-53864).
    #[error("the token is nested too deep")]
    TooDeep,
    /// `alg` is absent, unknown, symmetric, `none`, not expected here or not the key's own.
    #[error("the algorithm is not acceptable")]
    Algorithm,
    /// `crit` is present: no extension is understood here (RFC 7515 §4.1.11).
    #[error("the header asks for a critical extension")]
    Crit,
    /// `zip` is present: nothing is ever inflated here.
    #[error("the token is compressed")]
    Zip,
    /// `b64` is present (RFC 7797).
    #[error("the payload encoding is not acceptable")]
    B64,
    /// `typ` is of another kind of token (RFC 8725 §3.11).
    #[error("the token is of another kind")]
    Typ,
    /// No key has this `kid`, or the token has none and more or fewer than one key would serve.
    #[error("the key is unknown")]
    UnknownKey,
    /// The signature is not of this key.
    #[error("the signature is not valid")]
    Signature,
    /// `iss` is absent, not a string, or another issuer.
    #[error("the issuer is not the expected one")]
    Issuer,
    /// `aud` is neither a string nor strings, or none of the expected.
    #[error("the audience is not the expected one")]
    Audience,
    /// `exp` is absent or not an integer (CVE-2026-25537).
    #[error("the expiry is absent or not an integer")]
    Expiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `exp` is further ahead than is remembered, and there is no `iat` to count from.
    #[error("the expiry is too far ahead")]
    TooLong,
    /// `nbf` is not an integer.
    #[error("the start of validity is not an integer")]
    NotBefore,
    /// `nbf` lies ahead.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// `iat` is absent or not an integer.
    #[error("the time of issue is absent or not an integer")]
    IssuedAt,
    /// `iat` lies ahead.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `iat` is older than the expected maximum age.
    #[error("the token is too old")]
    TooOld,
    /// `exp` in a security event: it says what happened, and that does not expire (SSF 1.0 §4.1.7).
    #[error("the security event has an expiry")]
    UnexpectedExpiry,
    /// `sub` in a security event, which names its subject as `sub_id` (SSF 1.0 §4.1.2).
    #[error("the security event has a subject")]
    UnexpectedSubject,
    /// `sub` is absent, empty, longer than 255 bytes, not a string, or has control characters.
    #[error("the subject is absent or unacceptable")]
    Subject,
    /// `jti` is as unacceptable as a bad `sub`, or absent where it is required.
    #[error("the token id is unacceptable")]
    TokenId,
    /// The claims do not fit the type the caller reads them into.
    #[error("the claims are not of the expected shape")]
    Claims,
}
