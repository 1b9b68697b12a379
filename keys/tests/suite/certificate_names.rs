//! By which name a client is known (RFC 8705 §2.1.2), and its SPIFFE id.

use std::net::IpAddr;

use keys::{Certificate, CertificateName as Name};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa,
    KeyPair, KeyUsagePurpose, SanType, string::BmpString,
};

use crate::certificates::client;

fn made(params: &CertificateParams) -> Certificate {
    let key = KeyPair::generate().unwrap();
    Certificate::from_der(vec![params.self_signed(&key).unwrap().der().to_vec()]).unwrap()
}

fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = client();
    change(&mut params);
    params
}

fn called(names: Vec<SanType>) -> Certificate {
    made(&with(|params| params.subject_alt_names = names))
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// `attributes`, the least specific first, as certificates have them.
fn subject(attributes: &[(DnType, DnValue)]) -> Certificate {
    let mut name = DistinguishedName::new();
    for (kind, value) in attributes {
        name.push(kind.clone(), value.clone());
    }
    made(&with(|params| params.distinguished_name = name))
}

fn company() -> Certificate {
    subject(&[
        (DnType::CountryName, "DE".into()),
        (DnType::OrganizationName, "Acme, Inc. + Söhne".into()),
        (DnType::CommonName, "agent #1".into()),
    ])
}

fn is_subject(certificate: &Certificate, text: &str) -> bool {
    certificate.bears(&Name::SubjectDn(text.to_owned()))
}

/// RFC 4514 §2: the last attribute of the certificate comes first.
#[test]
fn a_subject_is_compared_attribute_by_attribute() {
    let certificate = company();
    for text in [
        r"CN=agent #1,O=Acme\, Inc. \+ Söhne,C=DE",
        r"cn=agent #1,o=Acme\, Inc. \+ Söhne,c=DE",
        r"2.5.4.3=agent #1,2.5.4.10=Acme\, Inc. \+ Söhne,2.5.4.6=DE",
        r"CN=agent\20#1,O=Acme\2C\20Inc.\20\2b\20S\C3\B6hne,C=DE",
        r"CN=agent \#1, O=Acme\, Inc. \+ Söhne, C=DE",
        r"CN = agent #1 , O = Acme\, Inc. \+ Söhne , C = DE ",
        r"CN=#0C086167656E74202331,O=Acme\, Inc. \+ Söhne,C=DE",
    ] {
        assert!(is_subject(&certificate, text), "{text}");
    }
    for text in [
        r"C=DE,O=Acme\, Inc. \+ Söhne,CN=agent #1",
        r"CN=agent #1,O=Acme\, Inc. \+ Söhne",
        r"O=Acme\, Inc. \+ Söhne,C=DE",
        r"CN=agent #1,O=Acme\, Inc. \+ Söhne,C=DE,DC=example",
        r"CN=Agent #1,O=Acme\, Inc. \+ Söhne,C=DE",
        r"CN=agent  #1,O=Acme\, Inc. \+ Söhne,C=DE",
        r"CN=agent #1\ ,O=Acme\, Inc. \+ Söhne,C=DE",
        r"CN=agent #1,O=Acme\, Inc. \+ Söhne+C=DE",
        r"CN=agent #1,O=Acme,C=DE",
        r"UID=agent #1,O=Acme\, Inc. \+ Söhne,C=DE",
    ] {
        assert!(Name::SubjectDn(text.to_owned()).is_well_formed(), "{text}");
        assert!(!is_subject(&certificate, text), "{text}");
    }
}

#[test]
fn what_is_not_written_as_a_name_is_nobodys() {
    for text in [
        "",
        " ",
        ",",
        "CN",
        "CN=a,",
        ",CN=a",
        "CN=a,,C=DE",
        "CN=a+",
        "=a",
        "XY=a",
        "1=a",
        "1..2=a",
        "01.2=a",
        "CN=a;C=DE",
        "CN=\"a\"",
        "CN=<a>",
        r"CN=a\",
        r"CN=a\x",
        r"CN=a\2",
        r"CN=\FF",
        "CN=#",
        "CN=#0",
        "CN=#0C0161FF",
        "CN=#zz",
        "CN=#0C02",
        "CN=a\0",
    ] {
        assert!(!Name::SubjectDn(text.to_owned()).is_well_formed(), "{text}");
        assert!(!is_subject(&company(), text), "{text}");
    }
    // Nobody may be known by having no name.
    assert!(!is_subject(&subject(&[]), ""));
}

#[test]
fn one_text_in_two_encodings_is_one_value() {
    let printable = DnValue::PrintableString("agent".try_into().unwrap());
    let wide = DnValue::BmpString(BmpString::try_from("agent").unwrap());
    for value in ["agent".into(), printable, wide] {
        let certificate = subject(&[(DnType::CommonName, value)]);
        assert!(is_subject(&certificate, "CN=agent"));
        assert!(!is_subject(&certificate, "CN=agents"));
    }
    // What T.61 means is anybody's guess: only the octets are compared.
    let guess = DnValue::TeletexString("agent".try_into().unwrap());
    let certificate = subject(&[(DnType::CommonName, guess)]);
    assert!(!is_subject(&certificate, "CN=agent"));
    assert!(is_subject(&certificate, "CN=#14056167656E74"));
}

#[test]
fn a_host_is_compared_in_any_case_and_is_no_pattern() {
    let certificate = called(vec![
        SanType::DnsName("Agent.example".try_into().unwrap()),
        SanType::DnsName("*.wild.example".try_into().unwrap()),
    ]);
    let bears = |text: &str| certificate.bears(&Name::Dns(text.to_owned()));
    assert!(bears("agent.example") && bears("AGENT.EXAMPLE") && bears("*.wild.example"));
    for other in ["example", "agent.example.", "x.agent.example", "a.wild.example", "*.example", ""]
    {
        assert!(!bears(other), "{other}");
    }
    // The common name is no host.
    assert!(!company().bears(&Name::Dns("agent #1".to_owned())));
    assert!(!certificate.bears(&Name::Uri("agent.example".to_owned())));
}

#[test]
fn an_address_is_compared_by_its_octets() {
    let (four, six) = (IpAddr::from([192, 0, 2, 1]), "2001:db8::1".parse().unwrap());
    let certificate = called(vec![SanType::IpAddress(four), SanType::IpAddress(six)]);
    assert!(certificate.bears(&Name::Ip(four)) && certificate.bears(&Name::Ip(six)));
    for other in ["192.0.2.2", "2001:db8::2", "::ffff:192.0.2.1"] {
        assert!(!certificate.bears(&Name::Ip(other.parse().unwrap())), "{other}");
    }
}

#[test]
fn an_address_is_refused_that_has_no_such_length() {
    // SubjectAltName with iPAddress of three octets.
    let content = vec![0x30, 0x05, 0x87, 0x03, 192, 0, 2];
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], content);
    let params = with(|params| params.custom_extensions = vec![extension]);
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    assert!(Certificate::from_der(vec![der]).is_err());
}

#[test]
fn a_mailbox_has_a_host_in_any_case() {
    let email = SanType::Rfc822Name("Agent@Example.com".try_into().unwrap());
    let certificate = called(vec![email]);
    let bears = |text: &str| certificate.bears(&Name::Email(text.to_owned()));
    assert!(bears("Agent@Example.com") && bears("Agent@example.COM"));
    for other in ["agent@example.com", "Agent@example.org", "x Agent@example.com", "Example.com"] {
        assert!(!bears(other), "{other}");
    }
}

#[test]
fn a_uri_is_compared_as_it_is() {
    let certificate = called(vec![uri("https://agent.example/a"), uri("urn:agent:1")]);
    let bears = |text: &str| certificate.bears(&Name::Uri(text.to_owned()));
    assert!(bears("https://agent.example/a") && bears("urn:agent:1"));
    for other in ["https://agent.example/a/", "https://AGENT.example/a", "urn:agent:11", ""] {
        assert!(!bears(other), "{other}");
    }
}

const ID: &str = "spiffe://example.org/ns/agents/a_b-C.1";

/// X.509-SVID §2: "MUST contain exactly one URI SAN".
#[test]
fn a_spiffe_id_is_the_only_uri() {
    assert_eq!(called(vec![uri(ID)]).spiffe_id().as_deref(), Some(ID));
    let host = SanType::DnsName("agent.example".try_into().unwrap());
    assert_eq!(called(vec![host, uri(ID)]).spiffe_id().as_deref(), Some(ID));
    for names in [
        vec![],
        vec![uri(ID), uri(ID)],
        vec![uri(ID), uri("spiffe://example.org/other")],
        vec![uri("https://example.org/"), uri(ID)],
    ] {
        assert_eq!(called(names.clone()).spiffe_id(), None, "{names:?}");
    }
}

/// X.509-SVID §4.1 and §4.3: a leaf is no authority and signs no certificates.
#[test]
fn a_spiffe_id_is_of_a_leaf() {
    let of = |is_ca: IsCa, usage: KeyUsagePurpose| {
        let params = with(|params| {
            params.subject_alt_names = vec![uri(ID)];
            params.is_ca = is_ca;
            params.key_usages = vec![usage];
        });
        made(&params).spiffe_id()
    };
    let signs = KeyUsagePurpose::DigitalSignature;
    assert_eq!(of(IsCa::NoCa, signs).as_deref(), Some(ID));
    assert_eq!(of(IsCa::ExplicitNoCa, signs).as_deref(), Some(ID));
    assert_eq!(of(IsCa::Ca(BasicConstraints::Unconstrained), signs), None);
    assert_eq!(of(IsCa::NoCa, KeyUsagePurpose::KeyCertSign), None);
    assert_eq!(of(IsCa::NoCa, KeyUsagePurpose::CrlSign), None);
}

/// SPIFFE-ID §2.
#[test]
fn a_spiffe_id_is_well_formed() {
    let long = |length: usize| format!("spiffe://e/{}", "x".repeat(length - 11));
    let domain = |length: usize| format!("spiffe://{}/a", "d".repeat(length));
    for id in ["spiffe://e/a", "spiffe://a.b-c_d.9/1/2/3", &long(2048), &domain(255)] {
        assert_eq!(called(vec![uri(id)]).spiffe_id().as_deref(), Some(id));
    }
    for id in [
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe:///a",
        "spiffe://Example.org/a",
        "SPIFFE://example.org/a",
        "https://example.org/a",
        "spiffe://example.org:8443/a",
        "spiffe://u@example.org/a",
        "spiffe://example.org/a?b",
        "spiffe://example.org/a#b",
        "spiffe://example.org//a",
        "spiffe://example.org/a/",
        "spiffe://example.org/./a",
        "spiffe://example.org/a/..",
        "spiffe://example.org/%61",
        "spiffe://example.org/a b",
        &long(2049),
        &domain(256),
    ] {
        assert_eq!(called(vec![uri(id)]).spiffe_id(), None, "{id}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a value is: escaped octet by octet it is that value, and no other.
    #[test]
    fn every_value_can_be_written(value in "[ -~äß€]{1,12}", other in "[ -~äß€]{1,12}") {
        let certificate = subject(&[(DnType::CommonName, value.as_str().into())]);
        let escaped = |text: &str| -> String {
            text.bytes().fold(String::new(), |text, octet| format!("{text}\\{octet:02x}"))
        };
        let is_called = |text: &str| is_subject(&certificate, &format!("CN={}", escaped(text)));
        prop_assert!(is_called(&value));
        prop_assert_eq!(is_called(&other), value == other);
    }

    #[test]
    fn no_name_makes_it_panic(text in r#"([a-zA-Z0-9 ,+=\\#;"]|ä){0,24}"#) {
        let certificate = called(vec![uri(ID)]);
        for name in [
            Name::SubjectDn(text.clone()), Name::Dns(text.clone()), Name::Uri(text.clone()),
            Name::Email(text.clone()),
        ] {
            prop_assert!(!certificate.bears(&name));
        }
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Certificate::from_der(vec![octets.clone()]).is_err());
        prop_assert!(keys::Authorities::from_pem(&octets).is_err());
        prop_assert!(keys::Authorities::from_bundle(&octets).is_err());
    }
}
