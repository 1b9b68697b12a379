use std::{fmt, str::FromStr};

use jsonwebtoken::Algorithm as Jose;

/// A signature algorithm this server signs and verifies with (RFC 7518 §3.1, RFC 8037, RFC 9864).
///
/// `none` and the HMAC family have no variant, so no list can contain them.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519, the only curve of `EdDSA` that is accepted.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    /// Every algorithm, in the order of preference.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Ps256, Self::Rs256];

    /// The `alg` value we write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    pub(crate) const fn jose(self) -> Jose {
        match self {
            Self::Es256 => Jose::ES256,
            Self::EdDsa => Jose::EdDSA,
            Self::Rs256 => Jose::RS256,
            Self::Ps256 => Jose::PS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Compares exactly, case included (RFC 8725 §3.1). `Ed25519` is RFC 9864's name of `EdDSA`.
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        match name {
            "ES256" => Ok(Self::Es256),
            "EdDSA" | "Ed25519" => Ok(Self::EdDsa),
            "RS256" => Ok(Self::Rs256),
            "PS256" => Ok(Self::Ps256),
            _ => Err(UnknownAlgorithm),
        }
    }
}

/// A name that is none of [`Algorithm::ALL`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the algorithm is none of ES256, EdDSA, PS256, RS256")]
pub struct UnknownAlgorithm;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDsa));
    }

    #[test]
    fn names_are_case_sensitive_and_no_symmetric_one_is_known() {
        for name in ["es256", "none", "None", "HS256", "RS512", "ES256K", "Ed448", "", " ES256"] {
            assert_eq!(name.parse::<Algorithm>(), Err(UnknownAlgorithm), "{name}");
        }
    }
}
