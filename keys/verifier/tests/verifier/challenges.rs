//! How clients are told (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1), and what they can know before
//! (RFC 9728 §2, §3).

use actas_verifier::{
    Builder, Challenge, Outage, ProofFault, Rejection, Scheme, TokenFault, Verifier,
};
use serde_json::json;

const ALGS: &str = r#"algs="ES256 EdDSA PS256 RS256""#;
const METADATA: &str =
    r#"resource_metadata="https://documents.example/.well-known/oauth-protected-resource/v1""#;

fn builder() -> Builder {
    Verifier::builder("https://as.example/o/acme", "https://documents.example/v1")
}

fn told(rejection: &Rejection, scheme: Option<Scheme>) -> Challenge {
    builder().build().unwrap().challenge(rejection, scheme, &["documents:read"])
}

/// RFC 6750 §3.1: no error code for whoever has said nothing; RFC 9728 §5.1: `resource_metadata`.
#[test]
fn who_says_nothing_learns_how_to() {
    let challenge = told(&Rejection::NoToken, None);
    assert_eq!(challenge.status, 401);
    assert_eq!(
        challenge.www_authenticate,
        [
            format!(r#"Bearer scope="documents:read", {METADATA}"#),
            format!(r#"DPoP scope="documents:read", {METADATA}, {ALGS}"#),
        ]
    );
    assert_eq!(challenge.body(), json!({ "error_description": "an access token is needed" }));
}

#[test]
fn the_error_comes_by_the_scheme_that_was_used() {
    let bad = Rejection::Token(TokenFault::Expired);
    let bearer = told(&bad, Some(Scheme::Bearer));
    assert!(bearer.www_authenticate[0].starts_with(r#"Bearer error="invalid_token", "#));
    assert!(!bearer.www_authenticate[1].contains("error"));
    let dpop = told(&bad, Some(Scheme::Dpop));
    assert_eq!(dpop.www_authenticate.len(), 1);
    assert!(dpop.www_authenticate[0].starts_with(r#"DPoP error="invalid_token", "#));
}

/// RFC 9449 §7.1, §7.2.
#[test]
fn a_bound_token_as_a_bearer_token_is_asked_for_its_proof() {
    let challenge = told(&Rejection::BoundToKey, Some(Scheme::Bearer));
    assert_eq!(challenge.status, 401);
    assert_eq!(challenge.www_authenticate.len(), 1);
    assert!(challenge.www_authenticate[0].starts_with(r#"DPoP error="invalid_token", "#));
    assert!(challenge.www_authenticate[0].ends_with(ALGS));
}

/// RFC 6750 §3.1: "the "scope" attribute with the scope necessary to access the protected resource".
#[test]
fn too_little_scope_is_told_what_is_needed() {
    let challenge = told(&Rejection::Scope("documents:read".to_owned()), Some(Scheme::Bearer));
    assert_eq!(challenge.status, 403);
    let line = &challenge.www_authenticate[0];
    assert!(line.starts_with(r#"Bearer error="insufficient_scope", "#), "{line}");
    assert!(line.contains(r#"scope="documents:read", "#), "{line}");
    assert_eq!(challenge.body()["error"], "insufficient_scope");
}

#[test]
fn every_rejection_has_its_status_and_code() {
    let outage = Rejection::Unavailable(Outage::Lost);
    for (rejection, status, error) in [
        (Rejection::Malformed, 400, "invalid_request"),
        (Rejection::Token(TokenFault::Typ), 401, "invalid_token"),
        (Rejection::BoundToCertificate, 401, "invalid_token"),
        (Rejection::NotBound, 401, "invalid_token"),
        (Rejection::OtherKey, 401, "invalid_token"),
        (Rejection::Revoked, 401, "invalid_token"),
        (Rejection::NotListed, 401, "invalid_token"),
        (Rejection::NoProof, 401, "invalid_dpop_proof"),
        (Rejection::SeveralProofs, 401, "invalid_dpop_proof"),
        (Rejection::Proof(ProofFault::Method), 401, "invalid_dpop_proof"),
        (Rejection::Replayed, 401, "invalid_dpop_proof"),
        (outage, 503, "temporarily_unavailable"),
    ] {
        let challenge = told(&rejection, Some(Scheme::Dpop));
        assert_eq!(challenge.status, status, "{rejection}");
        assert_eq!(challenge.body()["error"], error, "{rejection}");
        assert_eq!(challenge.retry_after.is_some(), status == 503);
        assert_eq!(challenge.www_authenticate.is_empty(), status == 503);
    }
}

#[test]
fn who_takes_only_bound_tokens_asks_for_no_other() {
    let verifier = builder().bound_only().build().unwrap();
    for (rejection, scheme) in
        [(Rejection::NoToken, None), (Rejection::NotBound, Some(Scheme::Bearer))]
    {
        let lines = verifier.challenge(&rejection, scheme, &[]).www_authenticate;
        assert!(lines.len() == 1 && lines[0].starts_with("DPoP "), "{lines:?}");
    }
}

/// RFC 9110 §5.6.4: what comes from the configuration does not get out of its quotes.
#[test]
fn quotes_what_it_says() {
    let verifier = builder().build().unwrap();
    let line = &verifier.challenge(&Rejection::NoToken, None, &[r#"a"b\"#]).www_authenticate[0];
    assert!(line.starts_with(r#"Bearer scope="a\"b\\", "#), "{line}");
}

/// RFC 9728 §2, §3.2: "Claims with zero elements MUST be omitted".
#[test]
fn s2_the_metadata_says_whose_tokens_are_taken() {
    let verifier = builder().scopes(&["documents:read"]).name("Documents").build().unwrap();
    assert_eq!(
        serde_json::to_value(verifier.metadata()).unwrap(),
        json!({
            "resource": "https://documents.example/v1",
            "authorization_servers": ["https://as.example/o/acme"],
            "scopes_supported": ["documents:read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Documents",
            "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "PS256", "RS256"],
            "dpop_bound_access_tokens_required": false,
        })
    );
    let sparse = serde_json::to_value(builder().build().unwrap().metadata()).unwrap();
    assert!(sparse.get("scopes_supported").is_none() && sparse.get("resource_name").is_none());
}

/// RFC 9728 §3, §3.1: between host and path; a trailing slash goes.
#[test]
fn s3_1_the_metadata_lies_between_host_and_path() {
    const AT: &str = "/.well-known/oauth-protected-resource";
    for (audience, origin, url) in [
        ("https://api.example", None, format!("https://api.example{AT}")),
        ("https://api.example/", None, format!("https://api.example{AT}")),
        ("https://api.example/a/b", None, format!("https://api.example{AT}/a/b")),
        ("https://api.example/a/", None, format!("https://api.example{AT}/a")),
        ("https://api.example/a?b=c", None, format!("https://api.example{AT}/a?b=c")),
        (
            "https://api.example/a",
            Some("http://127.0.0.1:8080"),
            format!("http://127.0.0.1:8080{AT}/a"),
        ),
        ("documents", Some("https://api.example"), format!("https://api.example{AT}")),
    ] {
        let builder = Verifier::builder("https://as.example", audience);
        let builder = match origin {
            Some(origin) => builder.origin(origin),
            None => builder,
        };
        let verifier = builder.build().unwrap();
        assert_eq!(verifier.metadata().url(), url, "{audience}");
        let (origin, path) = (verifier.metadata().origin(), verifier.metadata().path());
        assert_eq!(format!("{origin}{path}"), url);
    }
}
