//! An authority of one's own, and its one certificate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

use crate::{
    clock,
    config::tls::{Tls, server_config},
};

/// Longer than anybody looks at a test run.
const LIFETIME: Duration = Duration::days(30);
/// Clocks differ.
const MARGIN: Duration = Duration::days(1);

/// A certificate for this machine, with its key.
pub(super) struct Certified {
    /// Of the authority, PEM.
    pub authority: String,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Certified {
    /// For `host`, `ip`, and for whoever is on this machine.
    pub(super) fn new(host: &str, ip: IpAddr) -> Result<Self, Box<dyn std::error::Error>> {
        let now = OffsetDateTime::from_unix_timestamp(clock::now().0)?;
        let (from, until) = (now - MARGIN, now + LIFETIME);
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "actas oidf-target");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (authority.not_before, authority.not_after) = (from, until);
        let authority_key = KeyPair::generate()?;
        let pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        let nearby = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST), ip];
        let mut names = vec!["localhost".to_owned()];
        names.extend(nearby.map(|ip| ip.to_string()));
        if !names.iter().any(|name| name == host) {
            names.push(host.to_owned());
        }
        names.dedup();
        let mut parameters = CertificateParams::new(names)?;
        parameters.distinguished_name.push(DnType::CommonName, host);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (parameters.not_before, parameters.not_after) = (from, until);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &issuer)?;
        let chain = vec![certificate.der().clone()];
        Ok(Self { authority: pem, chain, key: key.serialize_der() })
    }

    /// TLS as `actas serve` speaks it.
    pub(super) fn tls(&self) -> Result<Tls, Box<dyn std::error::Error>> {
        let key = PrivateKeyDer::try_from(self.key.clone())?;
        let server = server_config(self.chain.clone(), key, false)?;
        Ok(Tls { server, asks_clients: false })
    }
}
