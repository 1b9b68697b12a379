use actix_web::http::header::HeaderValue;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rcgen::{CertifiedKey, generate_simple_self_signed};

use super::*;

const CERT: HeaderName = HeaderName::from_static("client-cert");

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn read(
    format: Format,
    values: &[(&'static str, &str)],
) -> Result<Option<Chain>, CertificateFault> {
    certificate(&headers(values), &CERT, format)
}

/// A certificate, DER and PEM.
fn made() -> (Vec<u8>, String) {
    let CertifiedKey { cert, .. } = generate_simple_self_signed(["a".to_owned()]).unwrap();
    (cert.der().to_vec(), cert.pem())
}

fn encoded(pem: &str) -> String {
    utf8_percent_encode(pem, NON_ALPHANUMERIC).to_string()
}

const BROKEN: Result<Option<Chain>, CertificateFault> = Err(CertificateFault::Malformed);

#[test]
fn rfc_9440_is_octets_between_colons_and_a_chain_beside() {
    let read = |all: &[(&'static str, &str)]| read(Format::Rfc9440, all);
    assert_eq!(read(&[("client-cert", ":AQI=:")]), Ok(Some(vec![vec![1, 2]])));
    let chain = ("client-cert-chain", ":Aw==:, :BA==:");
    let all = Ok(Some(vec![vec![1, 2], vec![3], vec![4]]));
    assert_eq!(read(&[("client-cert", ":AQI=:"), chain]), all);
    let (one, other) = (("client-cert-chain", ":Aw==:"), ("client-cert-chain", ":BA==:"));
    assert_eq!(read(&[("client-cert", ":AQI=:"), one, other]), all);
    assert_eq!(read(&[chain]), Ok(None));
    for wrong in ["AQI=", ":AQI=", ":AQI:", "::", ":AQI=:;a=b", ":A Q:", ":AQI=:, :AQI=:"] {
        assert_eq!(read(&[("client-cert", wrong)]), BROKEN, "{wrong}");
        let chain = ("client-cert-chain", wrong);
        let is_list = wrong == ":AQI=:, :AQI=:";
        assert_eq!(read(&[("client-cert", ":AQI=:"), chain]).is_ok(), is_list, "{wrong}");
    }
}

#[test]
fn two_headers_are_refused_and_none_is_nobody() {
    for format in [Format::Rfc9440, Format::Pem, Format::Xfcc] {
        assert_eq!(read(format, &[]), Ok(None));
        assert_eq!(read(format, &[("client-cert", "")]), Ok(None));
        assert_eq!(read(format, &[("client-cert", ""), ("client-cert", "")]), BROKEN);
        assert_eq!(read(format, &[("client-cert", "rubbish")]), BROKEN);
    }
    let one = ("client-cert", ":AQI=:");
    assert!(read(Format::Rfc9440, &[one]).is_ok());
    assert_eq!(read(Format::Rfc9440, &[one, one]), BROKEN);
}

#[test]
fn pem_is_percent_encoded() {
    let ((der, pem), (other, more)) = (made(), made());
    let read = |value: &str| read(Format::Pem, &[("client-cert", value)]);
    assert_eq!(read(&encoded(&pem)), Ok(Some(vec![der.clone()])));
    assert_eq!(read(&encoded(&format!("{pem}{more}"))), Ok(Some(vec![der.clone(), other])));
    // What leaves the characters of base64 as they are.
    let sparing = pem.replace(' ', "%20").replace('\n', "%0A").replace('\r', "%0D");
    assert_eq!(read(&sparing), Ok(Some(vec![der])));
    for wrong in ["%", "%FF", &encoded("-----BEGIN CERTIFICATE-----\nAQ"), &encoded("rubbish")] {
        assert_eq!(read(wrong), BROKEN, "{wrong}");
    }
}

#[test]
fn envoys_element_has_a_certificate_or_a_chain() {
    let ((der, pem), (other, more)) = (made(), made());
    let (leaf, chain) = (encoded(&pem), encoded(&format!("{pem}{more}")));
    let read = |value: &str| read(Format::Xfcc, &[("client-cert", value)]);
    let alone = Ok(Some(vec![der.clone()]));
    let whole = Ok(Some(vec![der, other]));
    let subject = r#"By=spiffe://a;Hash=ab;Subject="CN=a, b; \"c\"";"#;
    assert_eq!(read(&format!("Cert=\"{leaf}\"")), alone);
    assert_eq!(read(&format!("{subject}Cert=\"{leaf}\";URI=spiffe://b")), alone);
    assert_eq!(read(&format!("{subject}Chain=\"{chain}\"")), whole);
    assert_eq!(read(&format!("Cert=\"{leaf}\";Chain=\"{chain}\"")), whole);
    let other = encoded(&more);
    for wrong in [
        // Somebody added to what somebody else had written.
        format!("Cert=\"{leaf}\",Cert=\"{leaf}\""),
        format!("Hash=ab,Cert=\"{leaf}\""),
        format!("Cert=\"{leaf}\";Cert=\"{leaf}\""),
        format!("Cert=\"{other}\";Chain=\"{chain}\""),
        format!("Cert=\"{leaf}"),
        "Hash=ab".to_owned(),
        "Cert".to_owned(),
    ] {
        assert_eq!(read(&wrong), BROKEN, "{wrong}");
    }
}

#[test]
fn the_client_is_the_rightmost_hop_that_is_not_trusted() {
    let found = |values: &[&str]| {
        let all: Vec<_> = values.iter().map(|value| ("x-forwarded-for", *value)).collect();
        let trusted = |hop: IpAddr| hop.to_string().starts_with("10.");
        let name = HeaderName::from_static("x-forwarded-for");
        address(&headers(&all), &name, trusted).map(|address| address.to_string())
    };
    for (values, expected) in [
        (&["192.0.2.1"][..], Some("192.0.2.1")),
        (&["198.51.100.7, 192.0.2.1"], Some("192.0.2.1")),
        (&["198.51.100.7, 192.0.2.1, 10.0.0.1"], Some("192.0.2.1")),
        (&["198.51.100.7", "192.0.2.1, 10.0.0.1"], Some("192.0.2.1")),
        (&["10.0.0.2, 10.0.0.1"], Some("10.0.0.2")),
        (&["192.0.2.1:5000"], Some("192.0.2.1")),
        (&["[2001:db8::1]:5000"], Some("2001:db8::1")),
        (&["[2001:db8::1]"], Some("2001:db8::1")),
        (&["::ffff:192.0.2.1"], Some("192.0.2.1")),
        // What cannot be read is not skipped: beyond it, nobody is to be believed.
        (&["198.51.100.7, unknown, 10.0.0.1"], Some("10.0.0.1")),
        (&["198.51.100.7, unknown"], None),
        (&[""], None),
        (&[], None),
    ] {
        assert_eq!(found(values).as_deref(), expected, "{values:?}");
    }
}
