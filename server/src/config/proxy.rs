//! `[proxy]`: what those in front of us may say about who they speak for.

use actix_web::http::header::HeaderName;
use ipnet::IpNet;
use serde::Deserialize;

use super::Problems;

/// RFC 9440 §2.1
const CLIENT_CERT: &str = "client-cert";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    trusted: Vec<String>,
    client_certificate_header: Option<String>,
    client_certificate_format: Option<Format>,
    client_address_header: Option<String>,
}

/// How a proxy writes down a certificate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 9440: octets between colons; the rest of the chain in a header of its own.
    Rfc9440,
    /// PEM, URL-encoded: nginx's `$ssl_client_escaped_cert`.
    Pem,
    /// Envoy's `x-forwarded-client-cert`.
    Xfcc,
}

/// Who is believed, and about what. From anybody else these headers are noise.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    pub trusted: Vec<IpNet>,
    pub certificate: Option<(HeaderName, Format)>,
    pub address: Option<HeaderName>,
}

impl File {
    pub(super) fn resolve(self, problems: &mut Problems) -> Option<Proxy> {
        let File { trusted, client_certificate_header, client_certificate_format, .. } = self;
        let says_something = client_certificate_header.is_some()
            || client_certificate_format.is_some()
            || self.client_address_header.is_some();
        if trusted.is_empty() && says_something {
            problems
                .add("proxy.trusted", "it is missing: the addresses whose headers are believed");
        }
        let networks = trusted.iter().map(|text| {
            let network = network(text);
            problems.take("proxy.trusted", network)
        });
        let trusted: Vec<_> = networks.collect();
        let certificate = match (client_certificate_header, client_certificate_format) {
            (None, None) => None,
            (None, Some(Format::Rfc9440)) => {
                Some((Some(HeaderName::from_static(CLIENT_CERT)), Format::Rfc9440))
            }
            (None, Some(_)) => {
                problems.add("proxy.client_certificate_header", "it is missing");
                None
            }
            (Some(name), format) => {
                let name = problems.take("proxy.client_certificate_header", header(&name));
                Some((name, format.unwrap_or(Format::Rfc9440)))
            }
        };
        let address = self.client_address_header;
        let address =
            address.map(|name| problems.take("proxy.client_address_header", header(&name)));
        Some(Proxy {
            trusted: trusted.into_iter().collect::<Option<_>>()?,
            certificate: match certificate {
                None => None,
                Some((name, format)) => Some((name?, format)),
            },
            address: match address {
                None => None,
                Some(name) => Some(name?),
            },
        })
    }
}

/// A range of addresses, or one.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| one());
    let network =
        network.map_err(|_| format!("`{text}` is not a range of addresses, like 10.0.0.0/8"))?;
    if network.prefix_len() == 0 {
        return Err(format!("`{text}` is everybody, who cannot be trusted"));
    }
    Ok(network.trunc())
}

fn header(name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{name}` is not the name of a header"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<Proxy, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string())?;
        let mut problems = Problems::default();
        let proxy = file.resolve(&mut problems);
        if problems.0.is_empty() {
            proxy.ok_or_else(String::new)
        } else {
            Err(problems.0.join("\n"))
        }
    }

    #[test]
    fn reads_what_is_trusted_and_about_what() {
        let proxy = resolve(
            "trusted = [\"10.1.2.3/8\", \"::1\"]\nclient_certificate_header = \"X-Cert\"\n\
             client_certificate_format = \"pem\"\nclient_address_header = \"X-Forwarded-For\"",
        );
        let proxy = proxy.unwrap();
        assert_eq!(proxy.trusted[0].to_string(), "10.0.0.0/8");
        assert_eq!(proxy.trusted[1].to_string(), "::1/128");
        assert_eq!(proxy.certificate, Some((HeaderName::from_static("x-cert"), Format::Pem)));
        assert_eq!(proxy.address, Some(HeaderName::from_static("x-forwarded-for")));
    }

    #[test]
    fn the_header_of_the_rfc_needs_no_name() {
        let proxy =
            resolve("trusted = [\"::1\"]\nclient_certificate_format = \"rfc9440\"").unwrap();
        let named = HeaderName::from_static("client-cert");
        assert_eq!(proxy.certificate, Some((named, Format::Rfc9440)));
        assert!(resolve("trusted = [\"::1\"]").unwrap().certificate.is_none());
    }

    #[test]
    fn refuses_what_would_trust_too_much_or_nobody() {
        for (text, path) in [
            ("trusted = [\"0.0.0.0/0\"]", "`proxy.trusted`"),
            ("trusted = [\"::/0\"]", "`proxy.trusted`"),
            ("trusted = [\"the proxy\"]", "`proxy.trusted`"),
            ("client_address_header = \"X-Forwarded-For\"", "`proxy.trusted`"),
            ("client_certificate_format = \"rfc9440\"", "`proxy.trusted`"),
            (
                "trusted = [\"::1\"]\nclient_certificate_format = \"xfcc\"",
                "`proxy.client_certificate_header`",
            ),
            (
                "trusted = [\"::1\"]\nclient_address_header = \"two words\"",
                "`proxy.client_address_header`",
            ),
            (
                "trusted = [\"::1\"]\nclient_certificate_format = \"der\"",
                "client_certificate_format",
            ),
        ] {
            let told = resolve(text).unwrap_err();
            assert!(told.contains(path), "{text}: {told}");
        }
    }
}
