use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::{
    asn1_rs::Oid,
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension, X509Extension},
    oid_registry::{OID_X509_EXT_BASIC_CONSTRAINTS, OID_X509_EXT_KEY_USAGE},
    prelude::FromDer,
};

use super::{CertificateFault, dn::Subject};

/// SPIFFE-ID §2.3.
const MAX_SPIFFE_ID: usize = 2048;
const MAX_TRUST_DOMAIN: usize = 255;

/// The one name of a certificate by which a client is known (RFC 8705 §2.1.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateName {
    /// `tls_client_auth_subject_dn`: RFC 4514, compared attribute by attribute.
    SubjectDn(String),
    /// `tls_client_auth_san_dns`
    Dns(String),
    /// `tls_client_auth_san_uri`
    Uri(String),
    /// `tls_client_auth_san_ip`
    Ip(IpAddr),
    /// `tls_client_auth_san_email`
    Email(String),
}

impl CertificateName {
    /// Whether any certificate could bear it: for whoever registers one.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        match self {
            Self::SubjectDn(text) => Subject::parse(text).is_some(),
            Self::Dns(text) | Self::Uri(text) => is_plain(text),
            Self::Ip(_) => true,
            Self::Email(text) => is_plain(text) && text.contains('@'),
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What a leaf says of itself.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// None when it has attributes that cannot be compared.
    subject: Option<Subject>,
    dns: Vec<String>,
    uris: Vec<String>,
    addresses: Vec<IpAddr>,
    emails: Vec<String>,
    /// Whether it says that it is an authority's.
    pub is_authority: bool,
    /// Whether its key may sign certificates or their revocation.
    signs_others: bool,
    /// Seconds since the Unix epoch, both within.
    pub valid: (i64, i64),
}

impl Leaf {
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| CertificateFault::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateFault::Malformed);
        }
        let validity = certificate.validity();
        let mut leaf = Self {
            subject: Subject::of(certificate.subject()),
            dns: Vec::new(),
            uris: Vec::new(),
            addresses: Vec::new(),
            emails: Vec::new(),
            is_authority: is_authority(&certificate)?,
            signs_others: signs_others(&certificate)?,
            valid: (validity.not_before.timestamp(), validity.not_after.timestamp()),
        };
        let names = certificate.subject_alternative_name();
        if let Some(names) = names.map_err(|_| CertificateFault::Malformed)? {
            for name in &names.value.general_names {
                leaf.take(name)?;
            }
        }
        Ok(leaf)
    }

    fn take(&mut self, name: &GeneralName<'_>) -> Result<(), CertificateFault> {
        match name {
            GeneralName::DNSName(name) => self.dns.push((*name).to_owned()),
            GeneralName::URI(name) => self.uris.push((*name).to_owned()),
            GeneralName::RFC822Name(name) => self.emails.push((*name).to_owned()),
            GeneralName::IPAddress(octets) => self.addresses.push(address(octets)?),
            // Of unknown kind it would escape being counted.
            GeneralName::Invalid(..) => return Err(CertificateFault::Malformed),
            GeneralName::OtherName(..)
            | GeneralName::X400Address(_)
            | GeneralName::DirectoryName(_)
            | GeneralName::EDIPartyName(_)
            | GeneralName::RegisteredID(_) => {}
        }
        Ok(())
    }

    /// No pattern means anything: `*.example` is a name that nobody has.
    pub fn bears(&self, name: &CertificateName) -> bool {
        if !name.is_well_formed() {
            return false;
        }
        match name {
            CertificateName::SubjectDn(text) => {
                self.subject.is_some() && self.subject == Subject::parse(text)
            }
            CertificateName::Dns(text) => self.dns.iter().any(|it| it.eq_ignore_ascii_case(text)),
            CertificateName::Uri(text) => self.uris.contains(text),
            CertificateName::Ip(address) => self.addresses.contains(address),
            CertificateName::Email(text) => self.emails.iter().any(|it| is_mailbox(it, text)),
        }
    }

    /// X.509-SVID §2, §4.1 and §4.3.
    pub fn spiffe_id(&self) -> Option<&str> {
        match self.uris.as_slice() {
            [one] if !self.is_authority && !self.signs_others && is_spiffe_id(one) => Some(one),
            _ => None,
        }
    }
}

/// RFC 5280 §4.2.1.9.
fn is_authority(certificate: &X509Certificate<'_>) -> Result<bool, CertificateFault> {
    match extension(certificate, &OID_X509_EXT_BASIC_CONSTRAINTS)? {
        None => Ok(false),
        Some(ParsedExtension::BasicConstraints(constraints)) => Ok(constraints.ca),
        Some(_) => Err(CertificateFault::Malformed),
    }
}

/// RFC 5280 §4.2.1.3.
fn signs_others(certificate: &X509Certificate<'_>) -> Result<bool, CertificateFault> {
    match extension(certificate, &OID_X509_EXT_KEY_USAGE)? {
        None => Ok(false),
        Some(ParsedExtension::KeyUsage(usage)) => Ok(usage.key_cert_sign() || usage.crl_sign()),
        Some(_) => Err(CertificateFault::Malformed),
    }
}

fn extension<'c>(
    certificate: &'c X509Certificate<'_>,
    oid: &Oid<'_>,
) -> Result<Option<&'c ParsedExtension<'c>>, CertificateFault> {
    let extension = certificate.get_extension_unique(oid);
    let extension = extension.map_err(|_| CertificateFault::Malformed)?;
    Ok(extension.map(X509Extension::parsed_extension))
}

fn address(octets: &[u8]) -> Result<IpAddr, CertificateFault> {
    <[u8; 4]>::try_from(octets)
        .map(|octets| Ipv4Addr::from(octets).into())
        .or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into()))
        .map_err(|_| CertificateFault::Malformed)
}

/// RFC 5280 §7.5: the local part as it is, the host in any case.
fn is_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((other_local, other_host))) => {
            local == other_local && host.eq_ignore_ascii_case(other_host)
        }
        (None | Some(_), _) => false,
    }
}

/// SPIFFE-ID §2: of a workload, so with a path.
fn is_spiffe_id(text: &str) -> bool {
    let Some((domain, path)) = text.strip_prefix("spiffe://").and_then(|it| it.split_once('/'))
    else {
        return false;
    };
    let is_of = |part: &str, also: &[u8]| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || also.contains(&byte))
    };
    let lower = b"abcdefghijklmnopqrstuvwxyz-._";
    let upper = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let segment = [lower.as_slice(), upper].concat();
    text.len() <= MAX_SPIFFE_ID
        && domain.len() <= MAX_TRUST_DOMAIN
        && is_of(domain, lower)
        && path.split('/').all(|part| is_of(part, &segment) && part != "." && part != "..")
}
