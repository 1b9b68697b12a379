//! What a transmitter publishes of itself (SSF 1.0 §7.1).

use serde::Deserialize;
use url::Url;

use crate::{fault::UpstreamFault, settings::Delivery};

const SSF: &str = "/.well-known/ssf-configuration";
/// Of transmitters older than SSF: Google's.
const RISC: &str = "/.well-known/risc-configuration";
/// Members a complex subject can have are seven (SSF 1.0 §3.5); a list beyond this is junk.
const MOST_CRITICAL_MEMBERS: usize = 50;

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    /// Optional, yet without it there is nothing to verify events with.
    jwks_uri: Option<String>,
    #[serde(default)]
    delivery_methods_supported: Vec<String>,
    configuration_endpoint: Option<String>,
    pub(super) status_endpoint: Option<String>,
    pub(super) verification_endpoint: Option<String>,
    #[serde(default)]
    pub(super) critical_subject_members: Vec<String>,
}

/// Where the document may be, the likeliest place first.
///
/// SSF 1.0 §7.2 inserts the well-known path between host and path. Many transmitters serve it
/// appended as well, and behind a proxy that knows one path only, that is the one that answers.
pub(super) fn addresses(issuer: &str) -> Result<Vec<String>, UpstreamFault> {
    let url = Url::parse(issuer)
        .ok()
        .filter(|url| url.has_host() && url.query().is_none() && url.fragment().is_none());
    let url = url.ok_or_else(|| UpstreamFault::url(issuer))?;
    let path = url.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url.to_string()
    };
    let mut addresses = vec![at(format!("{SSF}{path}"))];
    if !path.is_empty() {
        addresses.push(at(format!("{path}{SSF}")));
    }
    addresses.push(at(format!("{RISC}{path}")));
    Ok(addresses)
}

impl Metadata {
    /// Reads the document. Its `issuer` must be `issuer` to the letter (SSF 1.0 §7.2.3), or the
    /// events of one transmitter could be judged by another's keys.
    pub(super) fn parse(document: &[u8], issuer: &str) -> Result<Self, UpstreamFault> {
        let unusable = |what: &str| UpstreamFault::Metadata(what.to_owned());
        // A list of the members' values would pass for an object.
        if !document.trim_ascii_start().starts_with(b"{") {
            return Err(unusable("it is not a JSON object"));
        }
        let metadata: Self = keys::json(document).map_err(|error| {
            // The text may quote the document; nothing secret was sent for it, yet keep it short.
            UpstreamFault::Metadata(error.to_string().chars().take(200).collect())
        })?;
        if metadata.issuer != issuer {
            return Err(unusable("`issuer` is not the configured one"));
        }
        if MOST_CRITICAL_MEMBERS < metadata.critical_subject_members.len() {
            return Err(unusable("`critical_subject_members` is too long"));
        }
        Ok(metadata)
    }

    pub(super) fn jwks_uri(&self) -> Result<&str, UpstreamFault> {
        self.jwks_uri.as_deref().ok_or_else(|| missing("jwks_uri"))
    }

    pub(super) fn configuration_endpoint(&self) -> Result<&str, UpstreamFault> {
        self.configuration_endpoint.as_deref().ok_or_else(|| missing("configuration_endpoint"))
    }

    /// The transmitter's own name of a way to deliver. One that says nothing of them is taken to
    /// know the standard ones.
    pub(super) fn method(&self, delivery: Delivery) -> Result<&str, UpstreamFault> {
        let supported = &self.delivery_methods_supported;
        let names = names(delivery);
        let [standard, _] = names;
        if supported.is_empty() {
            return Ok(standard);
        }
        let known = names.into_iter().find(|name| supported.iter().any(|known| known == name));
        known.ok_or_else(|| {
            let what = match delivery {
                Delivery::Push => "it does not push (RFC 8935)",
                Delivery::Poll => "it cannot be polled (RFC 8936)",
            };
            UpstreamFault::NotAllowed(what.to_owned())
        })
    }
}

/// The standard name, and the one from before it was a standard.
pub(super) const fn names(delivery: Delivery) -> [&'static str; 2] {
    match delivery {
        Delivery::Push => {
            ["urn:ietf:rfc:8935", "https://schemas.openid.net/secevent/risc/delivery-method/push"]
        }
        Delivery::Poll => {
            ["urn:ietf:rfc:8936", "https://schemas.openid.net/secevent/risc/delivery-method/poll"]
        }
    }
}

fn missing(name: &str) -> UpstreamFault {
    UpstreamFault::Metadata(format!("it names no `{name}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://tr.example.com/t1";

    fn parse(document: &Value) -> Result<Metadata, UpstreamFault> {
        Metadata::parse(document.to_string().as_bytes(), ISSUER)
    }

    /// SSF 1.0 §7.2.1: inserted "between the host component and the path component, if any".
    #[test]
    fn inserts_the_well_known_path() {
        let expected = [
            "https://tr.example.com/.well-known/ssf-configuration/t1",
            "https://tr.example.com/t1/.well-known/ssf-configuration",
            "https://tr.example.com/.well-known/risc-configuration/t1",
        ];
        assert_eq!(addresses(ISSUER).unwrap(), expected);
        assert_eq!(addresses("https://tr.example.com/t1/").unwrap(), expected);
    }

    #[test]
    fn a_host_alone_has_one_place_and_the_old_one() {
        let expected = [
            "https://accounts.example.com/.well-known/ssf-configuration",
            "https://accounts.example.com/.well-known/risc-configuration",
        ];
        assert_eq!(addresses("https://accounts.example.com/").unwrap(), expected);
        assert_eq!(addresses("https://accounts.example.com").unwrap(), expected);
    }

    #[test]
    fn refuses_what_nothing_can_be_inserted_into() {
        for issuer in ["", "tr.example.com", "https://tr.example.com?q", "https://tr.example.com#f"]
        {
            assert!(matches!(addresses(issuer), Err(UpstreamFault::Url(_))), "{issuer}");
        }
    }

    #[test]
    fn refuses_another_issuer() {
        for other in
            ["https://tr.example.com/t1/", "https://tr.example.com/T1", "https://x.example"]
        {
            let fault = parse(&json!({ "issuer": other, "jwks_uri": "x" })).unwrap_err();
            assert!(fault.to_string().contains("not the configured one"), "{other}: {fault}");
        }
    }

    #[test]
    fn says_what_is_missing_when_it_is_needed() {
        let metadata = parse(&json!({ "issuer": ISSUER })).unwrap();
        assert!(metadata.jwks_uri().unwrap_err().to_string().contains("jwks_uri"));
        let endpoint = metadata.configuration_endpoint().unwrap_err().to_string();
        assert!(endpoint.contains("configuration_endpoint"));
    }

    #[test]
    fn delivers_by_the_name_the_transmitter_knows() {
        let [standard, old] = names(Delivery::Push);
        for (supported, expected) in [
            (json!(null), Some(standard)),
            (json!([]), Some(standard)),
            (json!([old]), Some(old)),
            (json!([old, standard]), Some(standard)),
            (json!(["urn:ietf:rfc:8936"]), None),
        ] {
            let mut document = json!({ "issuer": ISSUER });
            if !supported.is_null() {
                document["delivery_methods_supported"] = supported.clone();
            }
            let metadata = parse(&document).unwrap();
            assert_eq!(metadata.method(Delivery::Push).ok(), expected, "{supported}");
        }
    }

    #[test]
    fn refuses_a_document_that_is_not_metadata() {
        let values = json!([ISSUER, "https://tr.example.com/jwks", [], null, null, null, []]);
        for document in [json!([]), json!({}), json!({ "issuer": 7 }), values] {
            assert!(matches!(parse(&document), Err(UpstreamFault::Metadata(_))), "{document}");
        }
        let members = vec!["user"; 51];
        assert!(parse(&json!({ "issuer": ISSUER, "critical_subject_members": members })).is_err());
    }
}
