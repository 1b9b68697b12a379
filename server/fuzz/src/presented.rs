//! What a client presents of itself below HTTP, and what a proxy writes down of it: certificates
//! (RFC 5280, RFC 9440, and the ways of nginx and Envoy), and addresses.

use std::net::IpAddr;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keys::{Authorities, Certificate, CertificateFault, sha256};
use server::{config::proxy::Format, http::probe};

use crate::signed::NOW;

/// A certificate, DER: it is what was presented, to the octet, and nobody vouches for it.
pub fn certificate(data: &[u8]) {
    let chain = |length| Certificate::from_der(vec![data.to_vec(); length]);
    assert!(matches!(chain(11), Err(CertificateFault::TooLarge)), "it is bounded");
    let Ok(certificate) = chain(1) else { return };
    assert!(certificate.leaf() == data && data.len() <= 16 * 1024);
    assert_eq!(certificate.thumbprint(), URL_SAFE_NO_PAD.encode(sha256(data)), "RFC 8705 §3.1");
    assert!(certificate.spiffe_id().is_none_or(|id| id.starts_with("spiffe://")));
    let nobody = Authorities::from_bundle(br#"{"keys":[]}"#);
    assert!(nobody.is_ok_and(|nobody| certificate.verify(&nobody, NOW).is_err()));
}

/// Lines of a header, and after an empty line those of the one beside it.
type Lines<'a> = (Vec<&'a [u8]>, Vec<&'a [u8]>);

fn lines(data: &[u8]) -> Lines<'_> {
    let mut all = data.split(|byte| *byte == b'\n');
    let first = all.by_ref().take_while(|line| !line.is_empty()).collect();
    (first, all.collect())
}

/// Nothing when the headers are no good; no certificates when they are absent.
#[expect(clippy::option_option, reason = "absent and bad are two things")]
fn read((leaf, chain): &Lines<'_>, format: Format) -> Option<Option<Vec<Vec<u8>>>> {
    probe::certificate(leaf.iter().copied(), chain.iter().copied(), format)
}

/// The certificates that a proxy writes into headers, in each of the formats: written again, they are read
/// again; and of two headers neither is believed.
pub fn forwarded(data: &[u8]) {
    let lines = lines(data);
    for format in [Format::Rfc9440, Format::Pem, Format::Xfcc] {
        let Some(Some(chain)) = read(&lines, format) else { continue };
        assert!(lines.0.len() == 1 && !chain.is_empty());
        let (leaf, others) = match format {
            Format::Rfc9440 => {
                let octets = |der: &Vec<u8>| format!(":{}:", STANDARD.encode(der));
                let others = chain.iter().skip(1).map(octets);
                (chain.iter().take(1).map(octets).collect(), others.collect())
            }
            Format::Pem => (pem(&chain), Vec::new()),
            Format::Xfcc => (format!("Hash=00;Chain=\"{}\"", pem(&chain)), Vec::new()),
        };
        let others: Vec<&[u8]> = others.iter().map(String::as_bytes).collect();
        let again = read(&(vec![leaf.as_bytes()], others.clone()), format);
        assert_eq!(again, Some(Some(chain)), "{format:?}");
        let twice = read(&(vec![leaf.as_bytes(); 2], others), format);
        assert_eq!(twice, None, "nobody can tell which one the proxy has written");
    }
}

/// PEM, percent-encoded.
fn pem(chain: &[Vec<u8>]) -> String {
    let one = |der: &Vec<u8>| {
        let base64 = STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    };
    let text: String = chain.iter().map(one).collect();
    text.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02X}"))
}

/// The addresses that proxies add: whom ours has heard counts, and nothing that stands further left.
pub fn forwarded_for(data: &[u8]) {
    let is_ours = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().starts_with(&[10]),
        IpAddr::V6(_) => false,
    };
    let read = |lines: &[&[u8]]| probe::address(lines.iter().copied(), is_ours);
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let Some(found) = read(&lines) else { return };
    assert_eq!(found, found.to_canonical(), "one address, one spelling");
    if is_ours(found) {
        return;
    }
    for claimed in ["192.0.2.7", "10.0.0.1", "nobody", ""] {
        let mut more = vec![claimed.as_bytes()];
        more.extend(&lines);
        assert_eq!(read(&more), Some(found), "a client says `{claimed}` of itself");
    }
}
