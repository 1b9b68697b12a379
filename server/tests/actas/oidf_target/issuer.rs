//! What is examined at the issuer.

use conformance::now;
use rustls::version;
use serde_json::{Value, json};

use super::Target;
use crate::http::{Reply, Request};

const FAPI: [&str; 3] = ["PS256", "ES256", "EdDSA"];

fn has(list: &Value, name: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|it| it == name))
}

/// `discovery-end-point-verification`
#[test]
fn the_metadata_names_what_the_plan_needs() {
    let target = Target::start();
    let discovery = target.url(&["server", "discoveryUrl"]);
    let issuer = discovery.as_str().split("/.well-known/").next().unwrap();
    assert_eq!(target.issuer(), issuer);
    let metadata = &target.metadata;
    assert!(has(&metadata["grant_types_supported"], "client_credentials"), "{metadata}");
    assert!(has(&metadata["token_endpoint_auth_methods_supported"], "private_key_jwt"));
    for list in
        ["token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"]
    {
        assert!(FAPI.iter().any(|name| has(&metadata[list], name)), "{list}: {metadata}");
    }
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(value.as_str().unwrap().starts_with("https://localhost:"), "{name}: {value}");
        }
    }
    let jwks_uri = metadata["jwks_uri"].as_str().unwrap().parse::<url::Url>().unwrap();
    let jwks = target.send(&jwks_uri, &Request::get(jwks_uri.path())).json();
    for key in jwks["keys"].as_array().unwrap() {
        assert!(key["kid"].is_string() && key.get("d").is_none(), "{key}");
    }
}

/// What the suite is told is all it needs, and its two clients have nothing in common.
#[test]
fn the_plan_brings_two_clients_with_keys() {
    let target = Target::start();
    let (one, other) = (target.player("client"), target.player("client2"));
    assert_ne!(one.id, other.id);
    assert_ne!(one.key.thumbprint(), other.key.thumbprint());
    for client in ["client", "client2"] {
        let key = &target.plan[client]["jwks"]["keys"][0];
        assert!(FAPI.iter().any(|name| key["alg"] == *name) && key["d"].is_string());
    }
    assert_eq!(target.plan["alias"], "actas");
}

/// `happy-flow`
#[test]
fn both_clients_get_tokens_that_are_bound_to_their_keys() {
    let target = Target::start();
    for version in [&version::TLS12, &version::TLS13] {
        for client in ["client", "client2"] {
            let player = target.player(client);
            let reply = target.send_by(version, &target.token_endpoint(), &player.happy());
            let (body, claims) = (reply.json(), reply.claims());
            assert_eq!(body["token_type"], "DPoP", "{body}");
            assert_eq!(claims["cnf"]["jkt"], player.proof_key.thumbprint());
            assert_eq!(claims["sub"], format!("service:{}", player.id));
            assert_eq!(claims.get("act"), None);
            assert_eq!(body.get("refresh_token"), None);
            assert_eq!(reply.header("cache-control"), Some("no-store"));
        }
    }
}

#[track_caller]
fn refused(reply: &Reply, errors: &[&str]) {
    let (status, error, _) = reply.refusal();
    assert!(errors.contains(&&*error), "{status} {error}");
    assert!(status == 400 || (status == 401 && error == "invalid_client"), "{status} {error}");
    assert!(reply.header("content-type").unwrap().starts_with("application/json"));
}

/// `ensure-client-assertion-with-exp-is-5-minutes-in-past-fails`, `-with-wrong-aud-fails`,
/// `-with-no-sub-fails`, `ensure-signed-client-assertion-with-RS256-fails`
#[test]
fn refuses_assertions_that_do_not_hold() {
    let target = Target::start();
    // Its key is one of RSA, so that it can sign with RS256 as well as with PS256.
    let player = target.player("client");
    assert_eq!(player.key.algorithm(), "PS256");
    let happy = player.assertion();
    let cases = [
        ("it has expired", happy.clone().claim("exp", now() - 300)),
        ("it is for another", happy.clone().claim("aud", "https://other.example")),
        (
            "it is for the token endpoint",
            happy.clone().claim("aud", target.token_endpoint().as_str()),
        ),
        (
            "it is for others, too",
            happy.clone().claim("aud", json!([target.issuer(), "https://other.example"])),
        ),
        ("it has no subject", happy.clone().claim("sub", Value::Null)),
        ("it has another subject", happy.clone().claim("sub", "client2")),
        ("it is signed with RS256", happy.clone().header("alg", "RS256")),
        ("it is not signed", happy.clone().header("alg", "none")),
    ];
    for (what, assertion) in cases {
        let reply = player.ask(&player.request(&assertion));
        assert_eq!(reply.refusal().1, "invalid_client", "{what}");
        refused(&reply, &["invalid_client"]);
    }
    player.ask(&player.request(&happy)).token();
}

/// `ensure-client-id-in-token-endpoint`, `ensure-client-assertion-in-token-endpoint`
#[test]
fn refuses_clients_that_are_not_who_they_say() {
    let target = Target::start();
    let (player, other) = (target.player("client"), target.player("client2"));
    let named = player.happy().with("client_id", other.id);
    refused(&player.ask(&named), &["invalid_client", "invalid_request"]);
    let bare = player.happy().without("client_assertion").without("client_assertion_type");
    let bare = bare.with("client_id", player.id);
    refused(&player.ask(&bare), &["invalid_client", "invalid_request"]);
    player.ask(&player.happy().with("client_id", player.id)).token();
}

/// `ensure-holder-of-key-required`
#[test]
fn refuses_whoever_proves_no_key() {
    let target = Target::start();
    let player = target.player("client");
    let empty = player.happy().header("dpop", "");
    refused(&player.ask(&empty), &["invalid_request", "invalid_dpop_proof"]);
    let none = player.without_proof(&player.assertion());
    refused(&player.ask(&none), &["invalid_request", "invalid_dpop_proof"]);
    player.token();
}

/// `ensure-dpopproof-with-iat-10seconds-before-succeeds`, `-after-succeeds`,
/// `check-dpop-proof-nbf-exp`
#[test]
fn takes_proofs_of_clocks_that_differ() {
    let target = Target::start();
    let player = target.player("client");
    let with = |proof: conformance::Statement| player.happy().header("dpop", &proof.text());
    for seconds in [-10, 10] {
        player.ask(&with(player.proof().claim("iat", now() + seconds))).token();
    }
    let proof = player.proof().claim("nbf", now()).claim("exp", now() + 60);
    player.ask(&with(proof)).token();
    for seconds in [-3600, 3600] {
        let reply = player.ask(&with(player.proof().claim("iat", now() + seconds)));
        refused(&reply, &["invalid_dpop_proof"]);
    }
}
