use std::fmt;

use ring::hmac;
use subtle::ConstantTimeEq;

/// The keyed hash (HMAC-SHA-256) of a client secret: all that is kept of it.
///
/// Compared in constant time, with [`matches`](Self::matches):
///
/// ```
/// fn is_same(a: &keys::SecretHash, b: &keys::SecretHash) -> bool {
///     a.matches(b)
/// }
/// ```
///
/// and never with `==`, which tells by its duration how much is right:
///
/// ```compile_fail,E0369
/// fn is_same(a: &keys::SecretHash, b: &keys::SecretHash) -> bool {
///     a == b
/// }
/// ```
#[derive(Clone)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash as it is stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are of one secret, in constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub(crate) fn keyed(key: &hmac::Key, secret: &str) -> Self {
        let mut hash = [0; 32];
        // Both have 32 octets; zip cannot panic where `copy_from_slice` could.
        let tag = hmac::sign(key, secret.as_bytes());
        hash.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Self(hash)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}
