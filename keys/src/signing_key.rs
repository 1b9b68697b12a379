use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::{
    Jwk,
    alg::{
        ec::{EcCurve, EcKeyPair as EcPem},
        ed::EdCurve,
        rsa::RsaKeyPair as RsaPem,
    },
};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA256, RsaEncoding,
    },
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    Algorithm, DataKey, JwksFault, PublicKey, Reading, SealFault, SignFault, Signer,
    thumbprint::thumbprint,
};

/// NIST SP 800-57: good until 2030, and four times as fast as 4096.
const RSA_BITS: u32 = 2048;

/// A private key of ours, parsed and ready to sign.
///
/// At rest it is a JWK sealed as a JWE (RFC 7517 §7).
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    pair: Pair,
    public_jwk: Value,
    public_key: PublicKey,
    /// The private JWK in JSON, for [`to_sealed`](SigningKey::to_sealed).
    private: Zeroizing<Vec<u8>>,
    reading: Reading,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl SigningKey {
    /// Makes a new key from the operating system's entropy. RSA takes up to a second.
    ///
    /// # Errors
    ///
    /// When the library cannot make one.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyFault> {
        let mut jwk = match algorithm {
            Algorithm::Es256 => Jwk::generate_ec_key(EcCurve::P256),
            Algorithm::EdDsa => Jwk::generate_ed_key(EdCurve::Ed25519),
            Algorithm::Rs256 | Algorithm::Ps256 => Jwk::generate_rsa_key(RSA_BITS),
        }
        .map_err(|_| KeyFault::Unusable)?;
        jwk.set_key_use("sig");
        jwk.set_algorithm(algorithm.name());
        Self::from_private(&jwk)
    }

    /// Opens a key that [`to_sealed`](Self::to_sealed) sealed for the same `context`.
    ///
    /// # Errors
    ///
    /// [`KeyFault::Seal`] for another master key, another context or changed bytes;
    /// [`KeyFault::Unusable`] if what was sealed is no key.
    pub fn from_sealed(master: &DataKey, context: &str, sealed: &[u8]) -> Result<Self, KeyFault> {
        let private = master.open(context, sealed)?;
        let jwk = Jwk::from_bytes(private.as_slice()).map_err(|_| KeyFault::Unusable)?;
        Self::from_private(&jwk)
    }

    /// Reads a private key in PEM (PKCS#8, or the older forms of one), as providers hand them out for
    /// `private_key_jwt`. An RSA key signs with RS256, a P-256 key with ES256. `kid` is its name at the
    /// provider; without, its thumbprint.
    ///
    /// # Errors
    ///
    /// [`KeyFault::Unusable`] for anything but such a key.
    pub fn from_pem(pem: &str, kid: Option<&str>) -> Result<Self, KeyFault> {
        let rsa = RsaPem::from_pem(pem).map(|pair| (pair.to_jwk_key_pair(), Algorithm::Rs256));
        let pair = rsa.or_else(|_| {
            EcPem::from_pem(pem, Some(EcCurve::P256))
                .map(|pair| (pair.to_jwk_key_pair(), Algorithm::Es256))
        });
        let (mut jwk, algorithm): (Jwk, _) = pair.map_err(|_| KeyFault::Unusable)?;
        jwk.set_key_use("sig");
        jwk.set_algorithm(algorithm.name());
        let kid = kid.map_or_else(|| thumbprint(&jwk), |kid| Some(kid.to_owned()));
        Self::named(&jwk, kid.ok_or(KeyFault::Unusable)?)
    }

    /// Seals the key for storage under `context`, which names its row.
    ///
    /// # Errors
    ///
    /// When sealing fails.
    pub fn to_sealed(&self, master: &DataKey, context: &str) -> Result<Vec<u8>, SealFault> {
        master.seal(context, &self.private)
    }

    /// The private key as a JWK, for the client it was made for: whoever has it is that client.
    ///
    /// # Errors
    ///
    /// [`KeyFault::Unusable`], should it not be JSON after all.
    pub fn to_private_jwk(&self) -> Result<Value, KeyFault> {
        let mut jwk = Jwk::from_bytes(self.private.as_slice()).map_err(|_| KeyFault::Unusable)?;
        jwk.set_key_id(&self.kid);
        Ok(Value::Object(jwk.as_ref().clone()))
    }

    fn from_private(jwk: &Jwk) -> Result<Self, KeyFault> {
        Self::named(jwk, thumbprint(jwk).ok_or(KeyFault::Unusable)?)
    }

    fn named(jwk: &Jwk, kid: String) -> Result<Self, KeyFault> {
        let algorithm = jwk.algorithm().and_then(|name| name.parse().ok());
        let algorithm: Algorithm = algorithm.ok_or(KeyFault::Unusable)?;
        let mut public = jwk.to_public_key().map_err(|_| KeyFault::Unusable)?;
        public.set_algorithm(algorithm.name());
        public.set_key_id(&kid);
        let public_jwk = Value::Object(public.as_ref().clone());
        let public_key = PublicKey::from_jwk(&public_jwk)?;
        let pair = Pair::from_private(algorithm, jwk).ok_or(KeyFault::Unusable)?;
        let private = serde_json::to_vec(jwk.as_ref()).map_err(|_| KeyFault::Unusable)?.into();
        Ok(Self {
            algorithm,
            kid,
            pair,
            public_jwk,
            public_key,
            private,
            reading: Reading::default(),
        })
    }
}

impl Signer for SigningKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignFault> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), input);
                Ok(signature.map_err(|_| SignFault::Key)?.as_ref().to_vec())
            }
            Pair::Edwards(pair) => Ok(pair.sign(input).as_ref().to_vec()),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), input, &mut signature)
                    .map_err(|_| SignFault::Key)?;
                Ok(signature)
            }
        }
    }

    fn public_jwk(&self) -> &Value {
        &self.public_jwk
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn reading(&self) -> Option<&Reading> {
        Some(&self.reading)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl Pair {
    fn from_private(algorithm: Algorithm, jwk: &Jwk) -> Option<Self> {
        match algorithm {
            Algorithm::Es256 => {
                let point = [vec![4], octets(jwk, "x")?.to_vec(), octets(jwk, "y")?.to_vec()];
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &octets(jwk, "d")?,
                    &point.concat(),
                    &SystemRandom::new(),
                );
                pair.ok().map(Self::Ecdsa)
            }
            Algorithm::EdDsa => {
                Ed25519KeyPair::from_seed_and_public_key(&octets(jwk, "d")?, &octets(jwk, "x")?)
                    .ok()
                    .map(Self::Edwards)
            }
            Algorithm::Rs256 => Some(Self::Rsa(rsa(jwk)?, &RSA_PKCS1_SHA256)),
            Algorithm::Ps256 => Some(Self::Rsa(rsa(jwk)?, &RSA_PSS_SHA256)),
        }
    }
}

fn octets(jwk: &Jwk, name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = jwk.parameter(name).and_then(Value::as_str)?;
    URL_SAFE_NO_PAD.decode(text).ok().map(Zeroizing::new)
}

fn rsa(jwk: &Jwk) -> Option<RsaKeyPair> {
    RsaKeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents {
            n: octets(jwk, "n")?.as_slice(),
            e: octets(jwk, "e")?.as_slice(),
        },
        d: octets(jwk, "d")?.as_slice(),
        p: octets(jwk, "p")?.as_slice(),
        q: octets(jwk, "q")?.as_slice(),
        dP: octets(jwk, "dp")?.as_slice(),
        dQ: octets(jwk, "dq")?.as_slice(),
        qInv: octets(jwk, "qi")?.as_slice(),
    })
    .ok()
}

/// Why there is no signing key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyFault {
    /// It could not be generated, or what was stored is not a private key of ours.
    #[error("the signing key cannot be used")]
    Unusable,
    /// Its public half would not be accepted.
    #[error(transparent)]
    Public(#[from] JwksFault),
    /// It could not be unsealed.
    #[error(transparent)]
    Seal(#[from] SealFault),
}
