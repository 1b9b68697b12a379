use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cryptoki::{
    mechanism::{Mechanism, MechanismType},
    object::{Attribute, AttributeType, ObjectHandle},
    session::Session,
};
use josekit::jwk::Jwk;
use serde_json::{Value, json};

use super::{Module, ModuleFault};
use crate::{Algorithm, thumbprint::thumbprint};

/// The object identifier of P-256, in DER (RFC 5480 §2.1.1.1).
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// Ed25519 by its object identifier (RFC 8410 §3), and by the name PKCS#11 v3.0 §2.3.10 gives it.
const ED25519: [&[u8]; 2] = [&[0x06, 0x03, 0x2b, 0x65, 0x70], b"\x13\x0cedwards25519"];
const POINT: usize = 65;
const EDWARDS_POINT: usize = 32;
/// As of keys in files.
const RSA_BITS: u64 = 2048;

/// A key pair that was made: the id of both halves, and the public one.
pub(super) struct Pair {
    pub id: Vec<u8>,
    pub kid: String,
    pub public_jwk: Value,
}

impl Module {
    /// Makes a key pair in the token, not extractable, labelled `actas:{org}:{kid}`.
    pub(super) fn make(
        &self,
        org: &str,
        algorithm: Algorithm,
        id: &[u8],
    ) -> Result<Pair, ModuleFault> {
        for mechanism in needed(algorithm) {
            if self.lacks(mechanism)? {
                let (algorithm, lacks) = (algorithm.name(), mechanism.to_string());
                return Err(ModuleFault::Incapable { algorithm, lacks });
            }
        }
        self.with(|session| {
            // What an attempt has left behind that failed half-way.
            for half in session.find_objects(&[Attribute::Id(id.to_vec())])? {
                session.destroy_object(half)?;
            }
            let label = format!("actas:{org}");
            let (public, private) = generate(session, algorithm, id, &label)?;
            let jwk = public_jwk(session, algorithm, public)?;
            let kid = thumbprint(&jwk).ok_or(ModuleFault::Unusable)?;
            let label = Attribute::Label(format!("{label}:{kid}").into_bytes());
            for half in [public, private] {
                // For people only, and some modules do not let go of the first one.
                drop(session.update_attributes(half, std::slice::from_ref(&label)));
            }
            let mut public_jwk = jwk;
            public_jwk.set_key_use("sig");
            public_jwk.set_algorithm(algorithm.name());
            public_jwk.set_key_id(&kid);
            let public_jwk = Value::Object(public_jwk.as_ref().clone());
            Ok(Pair { id: id.to_vec(), kid, public_jwk })
        })
    }
}

fn needed(algorithm: Algorithm) -> [MechanismType; 2] {
    match algorithm {
        Algorithm::Es256 => [MechanismType::ECC_KEY_PAIR_GEN, MechanismType::ECDSA],
        Algorithm::EdDsa => [MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, MechanismType::EDDSA],
        Algorithm::Rs256 => [MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::SHA256_RSA_PKCS],
        Algorithm::Ps256 => {
            [MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::SHA256_RSA_PKCS_PSS]
        }
    }
}

type Halves = (ObjectHandle, ObjectHandle);

fn generate(
    session: &Session,
    algorithm: Algorithm,
    id: &[u8],
    label: &str,
) -> Result<Halves, ModuleFault> {
    let of_both = [
        Attribute::Token(true),
        Attribute::Id(id.to_vec()),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let private = [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    let private = [of_both.to_vec(), private.to_vec()].concat();
    let generate = |mechanism: &Mechanism<'_>, parameters: Vec<Attribute>| {
        let public = vec![Attribute::Private(false), Attribute::Verify(true)];
        let public = [of_both.to_vec(), public, parameters].concat();
        session.generate_key_pair(mechanism, &public, &private).map_err(ModuleFault::from)
    };
    match algorithm {
        Algorithm::Es256 => {
            generate(&Mechanism::EccKeyPairGen, vec![Attribute::EcParams(P256.to_vec())])
        }
        Algorithm::EdDsa => {
            let [by_identifier, by_name] = ED25519.map(|curve| Attribute::EcParams(curve.to_vec()));
            generate(&Mechanism::EccEdwardsKeyPairGen, vec![by_identifier])
                .or_else(|_| generate(&Mechanism::EccEdwardsKeyPairGen, vec![by_name]))
        }
        Algorithm::Rs256 | Algorithm::Ps256 => generate(
            &Mechanism::RsaPkcsKeyPairGen,
            vec![Attribute::ModulusBits(RSA_BITS.into()), Attribute::PublicExponent(vec![1, 0, 1])],
        ),
    }
}

fn public_jwk(
    session: &Session,
    algorithm: Algorithm,
    public: ObjectHandle,
) -> Result<Jwk, ModuleFault> {
    let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    let jwk = match algorithm {
        Algorithm::Es256 => {
            let point = point(session, public, POINT)?;
            let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
                return Err(ModuleFault::Unusable);
            };
            json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
        }
        Algorithm::EdDsa => {
            let point = point(session, public, EDWARDS_POINT)?;
            json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&point) })
        }
        Algorithm::Rs256 | Algorithm::Ps256 => {
            let (mut n, mut e) = (Vec::new(), Vec::new());
            let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
            for attribute in session.get_attributes(public, &wanted)? {
                if let Attribute::Modulus(octets) = attribute {
                    n = octets;
                } else if let Attribute::PublicExponent(octets) = attribute {
                    e = octets;
                }
            }
            json!({ "kty": "RSA", "n": encode(shortest(&n)), "e": encode(shortest(&e)) })
        }
    };
    match jwk {
        Value::Object(members) => Jwk::from_map(members).map_err(|_| ModuleFault::Unusable),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(ModuleFault::Unusable)
        }
    }
}

/// RFC 7518 §6.3.1.1: no zero octets before the number.
fn shortest(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn point(session: &Session, public: ObjectHandle, len: usize) -> Result<Vec<u8>, ModuleFault> {
    let attributes = session.get_attributes(public, &[AttributeType::EcPoint])?;
    let [Attribute::EcPoint(point)] = attributes.as_slice() else {
        return Err(ModuleFault::Unusable);
    };
    bare(point, len).map(<[u8]>::to_vec).ok_or(ModuleFault::Unusable)
}

/// `CKA_EC_POINT` is a DER octet string (PKCS#11 v2.40 §2.3.3); some modules leave the wrapping off.
fn bare(point: &[u8], len: usize) -> Option<&[u8]> {
    let point = match point {
        [0x04, length, rest @ ..] if usize::from(*length) == len && rest.len() == len => rest,
        whole => whole,
    };
    let compressed = len == POINT && point.first() != Some(&0x04);
    (point.len() == len && !compressed).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_point_with_and_without_its_wrapping() {
        let point = [vec![4], vec![7; 64]].concat();
        assert_eq!(bare(&point, POINT), Some(point.as_slice()));
        assert_eq!(bare(&[vec![4, 65], point.clone()].concat(), POINT), Some(point.as_slice()));
        assert_eq!(bare(&[vec![4, 32], vec![4; 32]].concat(), EDWARDS_POINT), Some(&[4; 32][..]));
        assert_eq!(bare(&[4; 32], EDWARDS_POINT), Some(&[4; 32][..]));
    }

    #[test]
    fn takes_nothing_else_for_a_point() {
        let compressed = [vec![2], vec![7; 64]].concat();
        for other in [&compressed[..], &[4; 64], &[4, 65], &[], &[4; 68]] {
            assert_eq!(bare(other, POINT), None, "{other:?}");
        }
    }

    #[test]
    fn writes_numbers_without_zeros_before_them() {
        assert_eq!(shortest(&[0, 0, 1, 0]), [1, 0]);
        assert_eq!(shortest(&[]), [0; 0]);
    }
}
