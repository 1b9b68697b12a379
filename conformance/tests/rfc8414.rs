//! RFC 8414, Authorization Server Metadata, and the JWKS it points to (RFC 7517).

use conformance::{Exchange, TOKEN_EXCHANGE, http, target};
use serde_json::Value;

mod rfc8414 {
    mod clients;
}

fn metadata() -> Value {
    served(&target().well_known("oauth-authorization-server"), &["application/json"])
}

/// RFC 7517 §8.5.1 registers a type for key sets.
fn jwks(url: &str) -> Value {
    served(url, &["application/json", "application/jwk-set+json"])
}

fn served(url: &str, types: &[&str]) -> Value {
    let reply = http::get(url, &[]);
    assert_eq!(reply.status, 200, "{url}: {}", reply.text());
    let content_type = reply.header("content-type").unwrap_or_default();
    assert!(types.iter().any(|t| content_type.split(';').next() == Some(*t)), "{content_type}");
    reply.json()
}

/// The texts of a list, none when it is no list of texts.
fn strings<'v>(document: &'v Value, name: &str) -> Vec<&'v str> {
    let list = document.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// RFC 8414 §3: "If the issuer identifier value contains a path component, any terminating "/" MUST
/// be removed before inserting "/.well-known/" and the well-known URI suffix between the host
/// component and the path component." §3.2: "A successful response MUST use the 200 OK HTTP status
/// code and return a JSON object using the "application/json" content type".
#[test]
fn s3_serves_the_document_between_host_and_path() {
    assert!(metadata().is_object());
}

/// RFC 8414 §3.1: "any terminating "/" MUST be removed": what a client makes of an issuer that was given
/// to it with one is the same place, and no other document is at the place with it.
#[test]
fn s3_1_a_terminating_slash_leads_nowhere_else() {
    let url = format!("{}/", target().well_known("oauth-authorization-server"));
    let reply = http::get(&url, &[]);
    assert!(reply.status == 404 || reply.json() == metadata(), "{}: {}", url, reply.text());
    assert_eq!(metadata()["issuer"], target().issuer.trim_end_matches('/'));
}

/// `OpenID` Connect Discovery §4 appends its suffix to the issuer; RFC 8414 §5 inserts it. Clients
/// ask at all three places; RFC 9068 §4: "the values provided MUST be consistent".
#[test]
fn s5_serves_the_same_document_at_all_three_places() {
    let document = metadata();
    let appended = format!("{}/.well-known/openid-configuration", target().issuer);
    for url in [target().well_known("openid-configuration"), appended] {
        assert_eq!(served(&url, &["application/json"]), document, "{url}");
    }
}

/// RFC 8414 §3.3: "The "issuer" value returned MUST be identical to the authorization server's
/// issuer identifier value into which the well-known URI string was inserted".
#[test]
fn s3_3_names_itself_by_its_issuer_identifier() {
    assert_eq!(metadata()["issuer"], target().issuer);
}

/// RFC 8414 §3.3, whatever the request's headers pretend (ZITADEL CVE-2026-29067).
#[test]
fn s3_3_is_not_told_its_name_by_a_header() {
    let url = target().well_known("oauth-authorization-server");
    for header in ["host", "x-forwarded-host", "forwarded", "x-original-host"] {
        let value = if header == "forwarded" { "host=evil.example" } else { "evil.example" };
        let reply = http::get(&url, &[(header, value), ("x-forwarded-proto", "ftp")]);
        assert!(!reply.text().contains("evil.example"), "{header}: {}", reply.text());
        if reply.status == 200 {
            assert_eq!(reply.json(), metadata(), "{header}");
        }
    }
}

/// RFC 8414 §3.2: "Claims with zero elements MUST be omitted from the response."
/// `response_types_supported` is REQUIRED by §2 and may have none before there is a code flow.
#[test]
fn s3_2_omits_what_is_empty() {
    for (name, value) in metadata().as_object().unwrap() {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        assert!(!empty || name == "response_types_supported", "`{name}` is empty");
    }
}

/// RFC 8414 §2: "issuer REQUIRED. … a URL that uses the "https" scheme and has no query or fragment
/// components." (`http` only on loopback.)
#[test]
fn s2_the_issuer_has_neither_query_nor_fragment() {
    let document = metadata();
    let issuer = document["issuer"].as_str().unwrap();
    assert!(!issuer.contains(['?', '#']) && !issuer.ends_with('/'), "{issuer}");
}

/// RFC 8414 §2: "`response_types_supported` REQUIRED."
#[test]
fn s2_lists_its_response_types() {
    assert!(metadata()["response_types_supported"].is_array());
}

/// RFC 8414 §2: "`grant_types_supported` OPTIONAL. … If omitted, the default value is" the code and
/// implicit grants, which is not what we do; RFC 8693 §2.1 names our grant.
#[test]
fn s2_lists_the_token_exchange_grant() {
    assert!(strings(&metadata(), "grant_types_supported").contains(&TOKEN_EXCHANGE));
}

/// RFC 8414 §2: "`introspection_endpoint` OPTIONAL. URL of the authorization server's … introspection
/// endpoint", "`revocation_endpoint` OPTIONAL".
#[test]
fn s2_names_introspection_and_revocation() {
    let document = metadata();
    assert_eq!(document["introspection_endpoint"], target().introspection_endpoint);
    assert_eq!(document["revocation_endpoint"], target().revocation_endpoint);
    let granted = Exchange::happy(target()).send().granted();
    assert!(granted.is_active(target()));
    granted.revoke(target());
    assert!(!granted.is_active(target()));
}

/// RFC 7009 §2: "URL for token revocation endpoints MUST be HTTPS URLs"; RFC 7662 §4 wants TLS, too.
/// All are where the issuer is, which is HTTPS or loopback (`rfc8693::…s6_is_offered_over_tls…`).
#[test]
fn s2_every_endpoint_is_below_the_issuer() {
    let document = metadata();
    let endpoints: Vec<(&String, &str)> = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect();
    assert!(3 < endpoints.len(), "{document}");
    for (name, url) in endpoints {
        assert!(url.starts_with(&format!("{}/", target().issuer)), "{name}: {url}");
    }
}

/// RFC 9701 §7: "`introspection_signing_alg_values_supported` OPTIONAL. JSON array containing a list
/// of the JWS signing algorithms … supported by the introspection endpoint to sign the response."
#[test]
fn rfc9701_s7_lists_the_algorithm_of_signed_introspection() {
    let document = metadata();
    let granted = Exchange::happy(target()).send().granted();
    let algorithms = strings(&document, "introspection_signing_alg_values_supported");
    assert_eq!(algorithms, [granted.token.header["alg"].as_str().unwrap()]);
    // Nothing is encrypted, so nothing is said of it.
    for name in [
        "introspection_encryption_alg_values_supported",
        "introspection_encryption_enc_values_supported",
    ] {
        assert!(document.get(name).is_none(), "{name}");
    }
}

/// RFC 8414 §2: "`token_endpoint` … REQUIRED unless only the implicit grant type is supported."
#[test]
fn s2_the_token_endpoint_is_the_one_that_works() {
    assert_eq!(metadata()["token_endpoint"], target().token_endpoint);
    Exchange::happy(target()).send().granted();
}

/// RFC 8414 §3: only the identifier itself has a document; unknown organizations have none.
#[test]
fn s3_an_unknown_issuer_has_no_document() {
    let (origin, _) = target().split_issuer();
    for path in ["/o/nowhere", "/o/demo/nowhere", "/o/%2e%2e"] {
        let url = format!("{origin}/.well-known/oauth-authorization-server{path}");
        assert_eq!(http::get(&url, &[]).status, 404, "{url}");
    }
}

/// RFC 8414 §2: "`jwks_uri` … The referenced document contains the signing key(s) the client uses
/// to validate signatures".
#[test]
fn s2_the_jwks_holds_the_key_that_signed() {
    assert_eq!(metadata()["jwks_uri"], target().jwks_uri);
    let granted = Exchange::happy(target()).send().granted();
    assert!(granted.token.is_signed_by(&jwks(&target().jwks_uri)));
}

/// RFC 7517 §4.5: "When "kid" values are used within a JWK Set, different keys within the JWK Set
/// SHOULD use distinct "kid" values." §9.3 and RFC 7518 §8: private parts stay private, and no key
/// is symmetric.
#[test]
fn rfc7517_s4_5_publishes_public_keys_with_distinct_ids() {
    let jwks = jwks(&target().jwks_uri);
    let keys = jwks["keys"].as_array().unwrap();
    let mut ids: Vec<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), keys.len(), "distinct ids");
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "`{private}` is published");
        }
        assert_ne!(key["kty"], "oct");
        assert_eq!(key["use"], "sig", "RFC 8414 §2 and RFC 7517 §4.2");
    }
}

/// Keys of organizations are their own (RFC 8725 §3.8 ties a key to its issuer).
#[test]
fn rfc8725_s3_8_each_organization_has_its_own_keys() {
    let other = jwks(&target().jwks_uri.replace(&target().issuer, &target().other_org.issuer));
    let granted = Exchange::happy(target()).send().granted();
    assert!(!granted.token.is_signed_by(&other));
}
