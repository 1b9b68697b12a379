use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{jwk::Jwk, jws};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Algorithm, TokenFault, certificate::Der, install, sha256, strict};

/// The largest JWKS that is read; Entra's, the longest known, has about 20 KiB with certificates.
const MAX_DOCUMENT: usize = 64 * 1024;
const MAX_KEYS: usize = 100;
/// NIST SP 800-131A: fewer bits are disallowed.
const MIN_RSA_BITS: usize = 2048;
/// What `ring` can verify with; a longer one would also make each verification a slow one.
const MAX_RSA_BITS: usize = 8192;
const COORDINATE: usize = 32;
/// The members of keys that only their owner may have (RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2;
/// `priv`: draft-ietf-cose-dilithium).
pub const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// A public key that is decoded, judged and ready to verify with.
#[derive(Clone, Debug)]
pub struct PublicKey {
    kid: Option<String>,
    /// What the type of the key allows.
    capable: &'static [Algorithm],
    /// What its `alg` narrows that to.
    pinned: Option<Algorithm>,
    key: DecodingKey,
    /// SHA-256 of what it verifies with: two keys of one `kid` differ in it.
    octets_hash: [u8; 32],
}

impl PublicKey {
    /// Reads one JWK (RFC 7517 §4).
    ///
    /// # Errors
    ///
    /// [`JwksFault::PrivateKey`] if it is not only public; [`JwksFault::Unusable`] if it is not for
    /// signatures, of a type, curve or algorithm we do not use, too short, or not well formed.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwksFault> {
        match jwk {
            Value::Object(members) => Self::from_members(members.clone()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(JwksFault::Malformed),
        }
    }

    fn from_members(members: Map<String, Value>) -> Result<Self, JwksFault> {
        let jwk = Jwk::from_map(members).map_err(|_| JwksFault::Unusable)?;
        if jwk.key_type() == "EC" {
            on_curve(&jwk)?;
        }
        Self::judged(&jwk)
    }

    /// Reads the key of a proof, which is used once. A point that is not on the curve fails in `ring`,
    /// which looks at each verification.
    pub(crate) fn for_one_use(jwk: &Jwk) -> Result<Self, JwksFault> {
        Self::judged(jwk)
    }

    fn judged(jwk: &Jwk) -> Result<Self, JwksFault> {
        let pinned = match jwk.algorithm() {
            Some(name) => Some(name.parse().map_err(|_| JwksFault::Unusable)?),
            None => None,
        };
        let (key, capable): (_, &[Algorithm]) = match jwk.key_type() {
            "EC" => (elliptic(jwk)?, &[Algorithm::Es256]),
            "OKP" => (edwards(jwk)?, &[Algorithm::EdDsa]),
            "RSA" => (rsa(jwk)?, &[Algorithm::Rs256, Algorithm::Ps256]),
            _ => return Err(JwksFault::Unusable),
        };
        if PRIVATE_MEMBERS.iter().any(|member| jwk.parameter(member).is_some()) {
            return Err(JwksFault::PrivateKey);
        }
        // RFC 7517 §4.2, §4.3.
        if jwk.key_use().is_some_and(|purpose| purpose != "sig")
            || !jwk.is_for_key_operation("verify")
            || pinned.is_some_and(|pinned| !capable.contains(&pinned))
        {
            return Err(JwksFault::Unusable);
        }
        install();
        let octets_hash = octets_hash(&key);
        Ok(Self { kid: jwk.key_id().map(str::to_owned), capable, pinned, key, octets_hash })
    }

    /// The `kid` under which the key is published.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn serves(&self, algorithm: Algorithm) -> bool {
        self.capable.contains(&algorithm) && self.pinned.is_none_or(|pinned| pinned == algorithm)
    }

    pub(crate) const fn octets_hash(&self) -> &[u8; 32] {
        &self.octets_hash
    }

    /// Whether `signature`, in base64url, is this key's over `message`.
    pub(crate) fn signed(&self, algorithm: Algorithm, message: &str, signature: &str) -> bool {
        // An undecodable signature is an error of `jsonwebtoken`; it is no signature all the same.
        self.serves(algorithm)
            && jsonwebtoken::crypto::verify(
                signature,
                message.as_bytes(),
                &self.key,
                algorithm.jose(),
            )
            .unwrap_or(false)
    }
}

/// The keys of one issuer, and of no other (Storm-0558): a JWKS that was read (RFC 7517 §5).
#[derive(Clone, Debug)]
pub struct PublicKeys {
    keys: Vec<PublicKey>,
    /// The first of each `x5c`, also of keys that sign nothing here: TLS knows more curves. A token
    /// never gets to choose by them.
    certificates: Vec<Der>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Map<String, Value>>,
}

impl PublicKeys {
    /// Reads a JWKS. Keys we have no use for are passed over, as RFC 7517 §5 asks.
    ///
    /// # Errors
    ///
    /// When the document is too large or not a JWKS, has a member twice, has more than 100 keys, two
    /// usable keys of one `kid`, or a private key.
    pub fn parse(document: &[u8]) -> Result<Self, JwksFault> {
        Self::read(document, |_| true)
    }

    /// Reads the keys that sign JWT-SVIDs out of the bundle of a SPIFFE trust domain, a JWKS in which
    /// each key says of which kind of SVID it is (SPIFFE Trust Domain and Bundle §4.2.2). Those that do
    /// not say so are passed over.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn of_bundle(bundle: &[u8]) -> Result<Self, JwksFault> {
        // What is left of its use is not one of RFC 7517.
        Self::read(bundle, |members| {
            members.remove("use").is_some_and(|purpose| purpose == "jwt-svid")
        })
    }

    fn read(
        document: &[u8],
        is_wanted: impl Fn(&mut Map<String, Value>) -> bool,
    ) -> Result<Self, JwksFault> {
        if MAX_DOCUMENT < document.len() {
            return Err(JwksFault::TooLarge);
        }
        let [] = strict::read(document, []).map_err(|_| JwksFault::Malformed)?;
        let document: Document =
            serde_json::from_slice(document).map_err(|_| JwksFault::Malformed)?;
        if MAX_KEYS < document.keys.len() {
            return Err(JwksFault::TooManyKeys);
        }
        let mut keys = Vec::with_capacity(document.keys.len());
        let mut certificates = Vec::new();
        for mut members in document.keys {
            if !is_wanted(&mut members) {
                continue;
            }
            certificates.extend(certificate(&members));
            match PublicKey::from_members(members) {
                Ok(key) => keys.push(key),
                Err(JwksFault::Unusable) => {}
                Err(fault) => return Err(fault),
            }
        }
        let mut kids = HashSet::new();
        if keys.iter().filter_map(PublicKey::kid).all(|kid| kids.insert(kid)) {
            Ok(Self { keys, certificates })
        } else {
            Err(JwksFault::RepeatedKid)
        }
    }

    /// Whether any of them verifies signatures of this algorithm.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.serves(algorithm))
    }

    /// Whether a token naming `kid` could be verified; of one that names none, whether there is any
    /// key. If not, fetching the JWKS again may help.
    #[must_use]
    pub fn holds(&self, kid: Option<&str>) -> bool {
        match kid {
            Some(_) => self.keys.iter().any(|key| key.kid() == kid),
            None => !self.is_empty(),
        }
    }

    /// How many keys can be used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Those with which clients may authenticate themselves (RFC 8705 §2.2), DER.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(Der::octets)
    }

    /// The one key that may have signed a token; keys are never tried in turn.
    pub(crate) fn select(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&PublicKey, TokenFault> {
        if kid.is_some() {
            let named = self.keys.iter().find(|key| key.kid() == kid);
            let key = named.ok_or(TokenFault::UnknownKey)?;
            return if key.serves(algorithm) { Ok(key) } else { Err(TokenFault::Algorithm) };
        }
        let mut serving = self.keys.iter().filter(|key| key.serves(algorithm));
        match (serving.next(), serving.next()) {
            (Some(key), None) => Ok(key),
            (None | Some(_), _) => Err(TokenFault::UnknownKey),
        }
    }
}

/// Why a JWKS or a key of it was not accepted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum JwksFault {
    /// Longer than 64 KiB.
    #[error("the key set is too large")]
    TooLarge,
    /// Not JSON, not of the shape of a JWKS, or a member appears twice.
    #[error("the key set is malformed")]
    Malformed,
    /// More than 100 keys.
    #[error("the key set has too many keys")]
    TooManyKeys,
    /// Two keys of one `kid`: which one is meant would be a guess.
    #[error("two keys have the same `kid`")]
    RepeatedKid,
    /// A private key, which whoever reads the set can sign with.
    #[error("the key set contains a private key")]
    PrivateKey,
    /// This one key cannot be used; within a set it is passed over.
    #[error("the key cannot be used to verify signatures")]
    Unusable,
}

fn certificate(members: &Map<String, Value>) -> Option<Der> {
    members.get("x5c")?.as_array()?.first()?.as_str().and_then(Der::of_x5c)
}

fn octets(jwk: &Jwk, name: &str) -> Result<Vec<u8>, JwksFault> {
    let text = jwk.parameter(name).and_then(Value::as_str).ok_or(JwksFault::Unusable)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwksFault::Unusable)
}

fn octets_hash(key: &DecodingKey) -> [u8; 32] {
    match key.kind() {
        DecodingKeyKind::SecretOrDer(octets) => sha256(octets),
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            let length = n.len().to_be_bytes();
            sha256(&[length.as_slice(), n, e].concat())
        }
    }
}

/// `josekit` refuses a point that is not on the curve: that takes as long as verifying a signature.
fn on_curve(jwk: &Jwk) -> Result<(), JwksFault> {
    let mut public = jwk.clone();
    public.set_parameter("d", None).map_err(|_| JwksFault::Unusable)?;
    jws::ES256.verifier_from_jwk(&public).map(drop).map_err(|_| JwksFault::Unusable)
}

/// RFC 7518 §6.2.1.
fn elliptic(jwk: &Jwk) -> Result<DecodingKey, JwksFault> {
    if jwk.curve() != Some("P-256") {
        return Err(JwksFault::Unusable);
    }
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    if x.len() != COORDINATE || y.len() != COORDINATE {
        return Err(JwksFault::Unusable);
    }
    // SEC 1 §2.3.3: 4 says that the point is not compressed.
    Ok(DecodingKey::from_ec_der(&[[4].as_slice(), &x, &y].concat()))
}

/// RFC 8037 §2. A point that is not on the curve fails at each verification, in `ring`.
fn edwards(jwk: &Jwk) -> Result<DecodingKey, JwksFault> {
    let x = octets(jwk, "x")?;
    if jwk.curve() == Some("Ed25519") && x.len() == COORDINATE {
        Ok(DecodingKey::from_ed_der(&x))
    } else {
        Err(JwksFault::Unusable)
    }
}

/// RFC 7518 §6.3.1.
fn rsa(jwk: &Jwk) -> Result<DecodingKey, JwksFault> {
    let (n, e) = (octets(jwk, "n")?, octets(jwk, "e")?);
    // Some issuers write the sign octet of a big integer, which the RFC forbids and `ring` refuses.
    let (n, e) = (unsigned(&n), unsigned(&e));
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(JwksFault::Unusable);
    }
    // With an exponent of 1 every message is its own signature; `ring` takes odd ones up to 2^33 - 1.
    let exponent = match e.len() {
        1..=5 => e.iter().fold(0_u64, |value, octet| value << 8 | u64::from(*octet)),
        _ => return Err(JwksFault::Unusable),
    };
    if (3..1 << 33).contains(&exponent) && exponent % 2 == 1 {
        Ok(DecodingKey::from_rsa_raw_components(n, e))
    } else {
        Err(JwksFault::Unusable)
    }
}

fn unsigned(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod vectors;
