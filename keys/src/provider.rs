use jsonwebtoken::{
    Algorithm as Jose, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{Error as SignatureError, Verifier},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// `jsonwebtoken` over `ring`: verifies the four algorithms of [`Algorithm`](crate::Algorithm).
///
/// It does not sign (a [`Signer`](crate::Signer) does), and it converts no JWK (`josekit` does);
/// both answer with an error, where `jsonwebtoken` without a provider panics.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Makes `ring` the cryptography of `jsonwebtoken` in this process; once is enough, more is harmless.
///
/// Nobody has to remember it: whoever makes a [`PublicKey`](crate::PublicKey) has called it, and
/// without one there is nothing to verify with.
pub fn install() {
    // An error says that a provider is there already: ours, since no other crate uses `jsonwebtoken`.
    let _ = PROVIDER.install_default();
}

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the type of `signer_factory`")]
fn no_signer(_: &Jose, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(unsupported())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the type of `verifier_factory`")]
#[expect(clippy::wildcard_enum_match_arm, reason = "a new algorithm of theirs is refused")]
fn verifier(algorithm: &Jose, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    let check = match algorithm {
        Jose::ES256 => Check::Point(&ECDSA_P256_SHA256_FIXED),
        Jose::EdDSA => Check::Point(&ED25519),
        Jose::RS256 => Check::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Jose::PS256 => Check::Rsa(&RSA_PSS_2048_8192_SHA256),
        _ => return Err(unsupported()),
    };
    Ok(Box::new(RingVerifier { algorithm: *algorithm, check, key: key.clone() }))
}

enum Check {
    Point(&'static dyn VerificationAlgorithm),
    Rsa(&'static RsaParameters),
}

struct RingVerifier {
    algorithm: Jose,
    check: Check,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        match (&self.check, self.key.kind()) {
            (Check::Point(check), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(*check, point).verify(message, signature)
            }
            (Check::Rsa(check), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(check, message, signature)
            }
            (Check::Point(_), DecodingKeyKind::RsaModulusExponent { .. })
            | (Check::Rsa(_), DecodingKeyKind::SecretOrDer(_)) => {
                return Err(SignatureError::new());
            }
        }
        .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Jose {
        self.algorithm
    }
}
