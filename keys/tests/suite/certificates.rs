//! Whose certificate it is, and who vouches for it: every test changes one thing of a chain that holds.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keys::{Authorities, Certificate, CertificateFault as Fault, PublicKeys, sha256};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    date_time_ymd,
};
use serde_json::{Value, json};

use crate::fixture::NOW;

/// Somebody who signs certificates.
pub struct Authority {
    pub der: Vec<u8>,
    pub issuer: Issuer<'static, KeyPair>,
}

pub fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn root(params: CertificateParams) -> Authority {
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Authority { der, issuer: Issuer::new(params, key) }
}

fn below(above: &Authority, params: CertificateParams) -> Authority {
    let key = KeyPair::generate().unwrap();
    let der = params.signed_by(&key, &above.issuer).unwrap().der().to_vec();
    Authority { der, issuer: Issuer::new(params, key) }
}

pub fn leaf(by: &Authority, params: &CertificateParams) -> Vec<u8> {
    params.signed_by(&KeyPair::generate().unwrap(), &by.issuer).unwrap().der().to_vec()
}

pub fn client() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "agent");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn pem(ders: &[&[u8]]) -> String {
    let begin = |der: &&[u8]| {
        let lines: Vec<_> = STANDARD.encode(der).into_bytes();
        let lines: Vec<_> =
            lines.chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    ders.iter().map(begin).collect()
}

fn trusting(authorities: &[&Authority]) -> Authorities {
    let ders: Vec<_> = authorities.iter().map(|it| it.der.as_slice()).collect();
    Authorities::from_pem(pem(&ders).as_bytes()).unwrap()
}

fn judge(chain: Vec<Vec<u8>>, trusted: &[&Authority], now: i64) -> Result<(), Fault> {
    Certificate::from_der(chain).unwrap().verify(&trusting(trusted), now)
}

#[test]
fn is_known_by_the_hash_of_its_leaf() {
    let root = root(authority_params("root"));
    let der = leaf(&root, &client());
    let certificate = Certificate::from_der(vec![der.clone(), root.der.clone()]).unwrap();
    assert_eq!(certificate.thumbprint(), URL_SAFE_NO_PAD.encode(sha256(&der)));
    assert_eq!(certificate.leaf(), der);
    let shown = format!("{certificate:?} {:?}", trusting(&[&root]));
    let expected =
        format!("Certificate {{ thumbprint: {:?}, .. }} Authorities(1)", certificate.thumbprint());
    assert_eq!(shown, expected);
}

#[test]
fn a_chain_must_lead_to_who_is_trusted() {
    let (ours, theirs) = (root(authority_params("ours")), root(authority_params("theirs")));
    let middle = below(&ours, authority_params("middle"));
    let direct = leaf(&ours, &client());
    let indirect = leaf(&middle, &client());
    assert_eq!(judge(vec![direct.clone()], &[&ours], NOW), Ok(()));
    assert_eq!(judge(vec![direct.clone()], &[&theirs, &ours], NOW), Ok(()));
    assert_eq!(judge(vec![direct.clone()], &[&theirs], NOW), Err(Fault::Untrusted));
    assert_eq!(judge(vec![indirect.clone(), middle.der.clone()], &[&ours], NOW), Ok(()));
    assert_eq!(judge(vec![indirect], &[&ours], NOW), Err(Fault::Untrusted));
    // The root it brings along itself is not trusted for that.
    assert_eq!(judge(vec![direct, ours.der.clone()], &[&theirs], NOW), Err(Fault::Untrusted));
    // Of the same name, with another key.
    let twin = root(authority_params("ours"));
    assert_eq!(judge(vec![leaf(&twin, &client())], &[&ours], NOW), Err(Fault::Untrusted));
}

#[test]
fn nobody_is_trusted_without_authorities() {
    let none = Authorities::from_bundle(br#"{"keys":[]}"#).unwrap();
    assert!(none.is_empty());
    let root = root(authority_params("root"));
    let certificate = Certificate::from_der(vec![leaf(&root, &client())]).unwrap();
    assert_eq!(certificate.verify(&none, NOW), Err(Fault::Untrusted));
    assert_eq!(certificate.verify(&trusting(&[&root]), NOW), Ok(()));
}

#[test]
fn only_an_authority_vouches() {
    let ours = root(authority_params("ours"));
    let mut no_authority = client();
    no_authority.is_ca = IsCa::ExplicitNoCa;
    let fellow = below(&ours, no_authority);
    let chain = vec![leaf(&fellow, &client()), fellow.der.clone()];
    assert_eq!(judge(chain, &[&ours], NOW), Err(Fault::Untrusted));
    // Nor is an authority a client.
    let middle = below(&ours, authority_params("middle"));
    assert_eq!(judge(vec![middle.der.clone()], &[&ours], NOW), Err(Fault::Untrusted));
    // And one authority may be forbidden to make another.
    let mut last = authority_params("last");
    last.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let last = below(&ours, last);
    let below_last = below(&last, authority_params("below"));
    let chain = |by: &Authority| vec![leaf(by, &client()), by.der.clone(), last.der.clone()];
    assert_eq!(judge(chain(&below_last), &[&ours], NOW), Err(Fault::Untrusted));
    assert_eq!(judge(chain(&last), &[&ours], NOW), Ok(()));
}

/// `NOW` is in January 2027.
#[test]
fn all_of_a_chain_must_be_valid_now() {
    let spans = [(2020, 2026), (2028, 2030)];
    for (from, until) in spans {
        let limited = |mut params: CertificateParams| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            params
        };
        let ours = root(authority_params("ours"));
        let old = leaf(&ours, &limited(client()));
        assert_eq!(judge(vec![old], &[&ours], NOW), Err(Fault::Time), "leaf {from}");

        let middle = below(&ours, limited(authority_params("middle")));
        let chain = vec![leaf(&middle, &client()), middle.der.clone()];
        assert_eq!(judge(chain, &[&ours], NOW), Err(Fault::Time), "intermediate {from}");

        let root = root(limited(authority_params("root")));
        let chain = vec![leaf(&root, &client())];
        assert_eq!(judge(chain.clone(), &[&root], NOW), Err(Fault::Untrusted), "root {from}");
        let then = date_time_ymd(from, 6, 1).unix_timestamp();
        assert_eq!(judge(chain, &[&root], then), Ok(()), "root {from}");
    }
}

/// RFC 5280 §4.1.2.5: "the period … from notBefore through notAfter, inclusive".
#[test]
fn both_ends_are_valid() {
    let ours = root(authority_params("ours"));
    let mut params = client();
    params.not_before = date_time_ymd(2027, 1, 1);
    params.not_after = date_time_ymd(2027, 2, 1);
    let (from, until) = (params.not_before.unix_timestamp(), params.not_after.unix_timestamp());
    let der = leaf(&ours, &params);
    for (now, expected) in [
        (from - 1, Err(Fault::Time)),
        (from, Ok(())),
        (until, Ok(())),
        (until + 1, Err(Fault::Time)),
        (-1, Err(Fault::Time)),
        (i64::MIN, Err(Fault::Time)),
    ] {
        assert_eq!(judge(vec![der.clone()], &[&ours], now), expected, "{now}");
    }
}

#[test]
fn must_be_for_client_authentication() {
    let ours = root(authority_params("ours"));
    for (usages, expected) in [
        (vec![ExtendedKeyUsagePurpose::ClientAuth], Ok(())),
        (vec![], Ok(())),
        (vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth], Ok(())),
        (vec![ExtendedKeyUsagePurpose::ServerAuth], Err(Fault::Usage)),
        (vec![ExtendedKeyUsagePurpose::CodeSigning], Err(Fault::Usage)),
    ] {
        let mut params = client();
        params.extended_key_usages.clone_from(&usages);
        assert_eq!(judge(vec![leaf(&ours, &params)], &[&ours], NOW), expected, "{usages:?}");
    }
}

#[test]
fn an_unknown_critical_extension_is_not_ignored() {
    let ours = root(authority_params("ours"));
    for (critical, expected) in [(false, Ok(())), (true, Err(Fault::Malformed))] {
        let mut params = client();
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 9], vec![5, 0]);
        extension.set_criticality(critical);
        params.custom_extensions = vec![extension];
        assert_eq!(judge(vec![leaf(&ours, &params)], &[&ours], NOW), expected, "{critical}");
    }
}

#[test]
fn every_octet_of_a_leaf_counts() {
    let ours = root(authority_params("ours"));
    let der = leaf(&ours, &client());
    let trusted = trusting(&[&ours]);
    for place in 0..der.len() {
        let mut changed = der.clone();
        changed[place] ^= 1;
        let judged = Certificate::from_der(vec![changed]).and_then(|it| it.verify(&trusted, NOW));
        assert!(judged.is_err(), "{place}");
    }
}

#[test]
fn chains_and_certificates_are_limited() {
    let ours = root(authority_params("ours"));
    let der = leaf(&ours, &client());
    let of = |count: usize| vec![der.clone(); count];
    assert!(Certificate::from_der(of(10)).is_ok());
    assert_eq!(Certificate::from_der(of(11)).err(), Some(Fault::TooLarge));
    assert_eq!(Certificate::from_der(of(0)).err(), Some(Fault::Malformed));
    assert_eq!(Certificate::from_der(vec![vec![0; 16 * 1024 + 1]]).err(), Some(Fault::TooLarge));
    let large = vec![der.clone(), vec![0; 16 * 1024 + 1]];
    assert_eq!(Certificate::from_der(large).err(), Some(Fault::TooLarge));
    let trailing = [der.as_slice(), &[0]].concat();
    assert_eq!(Certificate::from_der(vec![trailing]).err(), Some(Fault::Malformed));
    assert_eq!(Certificate::from_der(vec![Vec::new()]).err(), Some(Fault::Malformed));
    assert_eq!(Certificate::from_der(vec![b"certificate".to_vec()]).err(), Some(Fault::Malformed));
}

#[test]
fn reads_authorities_in_pem() {
    let (one, two) = (root(authority_params("one")), root(authority_params("two")));
    let both = pem(&[&one.der, &two.der]);
    let read = |text: &str| Authorities::from_pem(text.as_bytes());
    assert_eq!(read(&both).unwrap().len(), 2);
    assert_eq!(read(&format!("# ours\n{both}")).unwrap().len(), 2);
    assert!(!read(&both).unwrap().is_empty());
    let many = pem(&vec![one.der.as_slice(); 101]);
    assert_eq!(read(&many).err(), Some(Fault::TooLarge));
    assert!(read(&pem(&vec![one.der.as_slice(); 100])).is_ok());
    let client = leaf(&one, &client());
    for text in ["", "nothing", &pem(&[&client]), &pem(&[&one.der, &client]), &pem(&[b"no der"])] {
        assert_eq!(read(text).err(), Some(Fault::Malformed), "{text}");
    }
}

#[test]
fn reads_authorities_in_a_spiffe_bundle() {
    let root = root(authority_params("root"));
    let x5c = STANDARD.encode(&root.der);
    let read = |keys: Value| {
        let bundle = json!({ "keys": keys, "spiffe_sequence": 1, "spiffe_refresh_hint": 60 });
        Authorities::from_bundle(bundle.to_string().as_bytes()).map(|it| it.len())
    };
    let key = |purpose: &str, x5c: Value| json!([{ "kty": "EC", "use": purpose, "x5c": x5c }]);
    assert_eq!(read(key("x509-svid", json!([x5c]))), Ok(1));
    assert_eq!(read(key("jwt-svid", json!([x5c]))), Ok(0));
    assert_eq!(read(json!([{ "kty": "EC", "x5c": [x5c] }])), Ok(0));
    for x5c in [json!([]), json!([x5c, x5c]), json!(["?"]), json!(["AAAA"]), json!(x5c), json!([1])]
    {
        assert_eq!(read(key("x509-svid", x5c.clone())), Err(Fault::Malformed), "{x5c}");
    }
    for bundle in ["", "[]", "{}", r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(Authorities::from_bundle(bundle.as_bytes()).err(), Some(Fault::Malformed));
    }
}

/// RFC 8705 §2.2: a self-signed certificate is registered as `x5c` of a JWK.
#[test]
fn a_registered_certificate_is_that_one_to_the_octet_and_valid() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let der = client().self_signed(&key).unwrap().der().to_vec();
    let other = client().self_signed(&key).unwrap().der().to_vec();
    let keys =
        |jwk: Value| PublicKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    let point = key.public_key_raw();
    let jwk = |x5c: Value| {
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "x5c": x5c })
    };
    let certificate = Certificate::from_der(vec![der.clone()]).unwrap();
    let registered = keys(jwk(json!([STANDARD.encode(&der), "AAAA"])));
    assert_eq!(registered.len(), 1);
    assert_eq!(certificate.is_registered(&registered, NOW), Ok(()));
    assert!(!format!("{registered:?}").contains("[48, "), "{registered:?}");
    // A key of its own, or another certificate of the same key, is not the certificate.
    for x5c in [
        json!([STANDARD.encode(&other)]),
        json!(["AAAA", STANDARD.encode(&der)]),
        json!([]),
        json!([URL_SAFE_NO_PAD.encode([&der[..], &[255]].concat())]),
        json!(STANDARD.encode(&der)),
    ] {
        let judged = certificate.is_registered(&keys(jwk(x5c.clone())), NOW);
        assert_eq!(judged, Err(Fault::Unregistered), "{x5c}");
    }
    let long_ago = date_time_ymd(1970, 1, 2).unix_timestamp();
    assert_eq!(certificate.is_registered(&registered, long_ago), Err(Fault::Time));
}

/// TLS knows curves that no token is signed with here.
#[test]
fn a_certificate_may_be_registered_with_a_key_that_signs_no_token() {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let der = client().self_signed(&key).unwrap().der().to_vec();
    let jwk = json!({ "kty": "EC", "crv": "P-384", "x5c": [STANDARD.encode(&der)] });
    let keys = PublicKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    assert!(keys.is_empty());
    let certificate = Certificate::from_der(vec![der]).unwrap();
    assert_eq!(certificate.is_registered(&keys, NOW), Ok(()));
}
