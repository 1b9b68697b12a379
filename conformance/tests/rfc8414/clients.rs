//! §2: what the document says of clients is what works.

use conformance::{
    AboutToken, CLIENT_CREDENTIALS, Credentials, Exchange, JWT_BEARER, Key, TOKEN_EXCHANGE, target,
};

use crate::{metadata, strings};

const ENDPOINTS: [&str; 3] = ["token", "revocation", "introspection"];

/// RFC 8414 §2: "`token_endpoint_auth_methods_supported` OPTIONAL.", and the same for revocation and
/// introspection. What they list works (tests named `…takes_both_methods…`, and all of `rfc7523`), "none"
/// is not among them: all three are for authenticated clients.
#[test]
fn s2_lists_the_client_authentication_that_works() {
    let document = metadata();
    for endpoint in ENDPOINTS {
        let methods = strings(&document, &format!("{endpoint}_endpoint_auth_methods_supported"));
        let mut works = vec!["client_secret_basic", "client_secret_post", "private_key_jwt"];
        // Tried in `vouched_clients.rs`: a platform's token is a `private_key_jwt` on the wire.
        works.extend(["spiffe_jwt", "attest_jwt_client_auth"]);
        works.sort_unstable();
        let mut methods = methods;
        methods.sort_unstable();
        assert_eq!(methods, works, "{endpoint}");
    }
}

/// RFC 8414 §2: "`…_auth_signing_alg_values_supported` … This metadata entry MUST be present if either
/// of these authentication methods" (`private_key_jwt`, `client_secret_jwt`) "are specified …. The
/// value "none" MUST NOT be used." "Servers SHOULD support "RS256"."
#[test]
fn s2_lists_the_algorithms_of_client_assertions() {
    let document = metadata();
    for endpoint in ENDPOINTS {
        let name = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
        let algorithms = strings(&document, &name);
        for known in ["RS256", "PS256", "ES256", "EdDSA"] {
            assert!(algorithms.contains(&known), "{name}: {algorithms:?}");
        }
        // RFC 8725 §3.5: no key of ours is one that a person could remember.
        assert!(!algorithms.iter().any(|it| *it == "none" || it.starts_with("HS")), "{name}");
    }
}

/// RFC 8414 §2: each of the listed algorithms is taken at the token endpoint, RS256 among them.
#[test]
fn s2_each_listed_algorithm_works() {
    let keys = [("ES256", "es"), ("EdDSA", "ed"), ("RS256", "rs"), ("PS256", "ps")];
    let document = metadata();
    for algorithm in strings(&document, "token_endpoint_auth_signing_alg_values_supported") {
        let kid = keys.iter().find(|(known, _)| *known == algorithm).map(|(_, kid)| *kid);
        let assertion = target().assertion("signer", kid.unwrap_or("unknown"));
        let credentials = Credentials::Assertion("signer".to_owned(), assertion.text());
        Exchange::own(target(), "signer").authenticated(credentials).send().granted();
    }
}

/// RFC 9449 §5.1: "`dpop_signing_alg_values_supported`: A JSON array containing a list of the JWS alg
/// values … supported by the authorization server for DPoP proof JWTs."
#[test]
fn rfc9449_s5_1_lists_the_algorithms_of_proofs() {
    let document = metadata();
    let listed = strings(&document, "dpop_signing_alg_values_supported");
    for key in
        [Key::new(), Key::new_edwards(), target().key("signer", "ps"), target().key("signer", "rs")]
    {
        assert!(listed.contains(&key.algorithm()), "{listed:?}");
        Exchange::happy(target()).with_key(&key).send().granted();
    }
    assert!(!listed.iter().any(|it| *it == "none" || it.starts_with("HS")), "{listed:?}");
}

/// RFC 8414 §2: "`grant_types_supported` OPTIONAL. JSON array containing a list of the OAuth 2.0 grant type
/// values that this authorization server supports."
#[test]
fn s2_lists_the_grants_that_work() {
    let document = metadata();
    let mut listed = strings(&document, "grant_types_supported");
    listed.sort_unstable();
    let mut works = [CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE];
    works.sort_unstable();
    assert_eq!(listed, works);
    Exchange::own(target(), "nightly").send().granted();
    Exchange::redeeming(target(), &target().plain_assertion().mint()).send().granted();
    Exchange::happy(target())
        .with("grant_type", "password")
        .send()
        .refused(400, "unsupported_grant_type");
}

/// RFC 8414 §2: what is listed for revocation works there, with a key as with a secret.
#[test]
fn s2_a_key_is_good_for_revocation() {
    let minted = target().idp.access_token("alice").client("signer").audience(&["signer"]).mint();
    let granted = Exchange::of(target(), &minted).by("signer").send().granted();
    let revocation = AboutToken::revoke(target(), &granted.token.text);
    let wrong = target().assertion("signer", "es").signed_by(&Key::new()).text();
    let credentials = Credentials::Assertion("signer".to_owned(), wrong);
    revocation.clone().authenticated(credentials).send().refused(401, "invalid_client");
    assert!(granted.is_active(target()));
    let reply = revocation.by("signer").send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!granted.is_active(target()));
}

/// RFC 8705 §3.3: "`tls_client_certificate_bound_access_tokens` OPTIONAL": not said where no certificate
/// can arrive.
#[test]
fn rfc8705_s3_3_says_nothing_of_certificates_without_tls() {
    if target().issuer.starts_with("http://") {
        let document = metadata();
        assert_eq!(document.get("tls_client_certificate_bound_access_tokens"), None);
        let methods = strings(&document, "token_endpoint_auth_methods_supported");
        assert!(!methods.iter().any(|method| method.contains("tls")), "{methods:?}");
    }
}
