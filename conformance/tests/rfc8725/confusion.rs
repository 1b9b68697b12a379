//! §2.1 and §2.8, generated: every algorithm for every key of a subject token, and every audience that
//! could be injected. One of each is right.

use conformance::{ACCESS_TOKEN, Exchange, Jwt, http, jwt::jwk_bytes, target};
use serde_json::{Value, json};

use crate::{refused, subject};

const ALGORITHMS: [&str; 22] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K",
    "EdDSA", "Ed25519", "Ed448", "HS256", "HS384", "HS512", "none", "None", "rs256", "", "dir",
    "RSA-OAEP",
];

/// RFC 8725 §3.1: "Each key MUST be used with exactly one algorithm, and this MUST be checked when the
/// cryptographic operation is performed." Whatever the header says, the provider signed with RS256.
#[test]
fn s3_1_every_algorithm_for_the_providers_key() {
    let mut taken = Vec::new();
    for algorithm in ALGORITHMS {
        let minted = target().idp.access_token("alice").header("alg", algorithm).mint();
        let reply = Exchange::of(target(), &minted).send();
        if reply.status == 200 {
            taken.push(algorithm);
        } else {
            reply.refused_as_invalid_request();
        }
    }
    assert_eq!(taken, ["RS256"]);
}

/// The same for our own key, over a signature that is right but for the header.
#[test]
fn s3_1_every_algorithm_for_our_own_key() {
    let ours = Exchange::happy(target()).for_agent("orchestrator").send().granted().token;
    Exchange::of(target(), &ours.text).send().granted();
    for algorithm in ALGORITHMS {
        for signature in [[0; 64].as_slice(), &[1; 256], &[]] {
            refused(&ours.forged(&[("alg", algorithm.into())], signature));
        }
    }
}

/// RFC 8725 §2.1: "An RS256 … can be changed into HS256 … the RSA public key as the HMAC shared secret":
/// with every public key that can be had here, in each form that a library has ever taken for a secret.
#[test]
fn s2_1_hmac_with_every_public_key() {
    let (theirs, ours) =
        (subject(), Exchange::happy(target()).for_agent("orchestrator").send().granted().token);
    for url in [&target().idp.jwks_uri, &target().jwks_uri] {
        let jwks = http::get(url, &[]);
        let mut secrets = vec![jwks.text().into_bytes(), Vec::new(), b"secret".to_vec()];
        for key in jwks.json()["keys"].as_array().into_iter().flatten() {
            secrets.push(key.to_string().into_bytes());
            secrets.extend(["n", "e", "x", "y"].iter().filter_map(|name| jwk_bytes(key, name)));
        }
        for secret in secrets {
            for token in [&theirs, &ours] {
                refused(&token.signed_with_public(&secret));
            }
        }
    }
}

/// RFC 8725 §3.9 with RFC 7519 §4.1.3: audiences somebody could inject, alone and beside others, into a
/// token that was issued to another client. One that names the agent is right.
#[test]
fn s3_9_every_audience() {
    let names = [
        "orchestrator",
        "Orchestrator",
        "orchestrator ",
        "orchestrator\u{0}",
        "orchestrator/",
        "agent:orchestrator",
        "signer",
        "other-agent",
        conformance::DOCUMENTS,
        target().issuer.as_str(),
        target().token_endpoint.as_str(),
        target().idp.issuer.as_str(),
        target().other_org.issuer.as_str(),
        "*",
        "",
    ];
    let mut taken = 0;
    for name in names {
        for (aud, right) in [
            (json!(name), name == "orchestrator"),
            (json!([name]), name == "orchestrator"),
            (json!(["elsewhere", name]), name == "orchestrator"),
            (json!([name, conformance::DOCUMENTS]), name == "orchestrator"),
            (json!([[name]]), false),
            (json!({ "aud": name }), false),
            (json!(format!("{name},orchestrator")), false),
        ] {
            let minted = target().idp.access_token("alice").client("some-app");
            let reply = Exchange::of(target(), &minted.claim("aud", aud.clone()).mint()).send();
            assert_eq!(reply.status == 200, right, "{aud}: {}", reply.text());
            taken += usize::from(right);
        }
    }
    assert_eq!(taken, 4);
}

/// The audience of our own token is the next agent: no other one gets anywhere with it, nor does one that
/// rewrites it.
#[test]
fn s3_9_every_agent_with_every_other_agents_token() {
    let agents = ["orchestrator", "researcher", "archivist", "other-agent"];
    for meant in agents {
        let handed = Exchange::happy(target()).for_agent(meant).send().granted().token;
        for asks in agents {
            let exchange = Exchange::of(target(), &handed.text).by(asks);
            let reply = exchange.with("subject_token_type", ACCESS_TOKEN).send();
            let is_presenter = asks == meant || asks == "orchestrator";
            let told = reply.json()["reason"].clone();
            assert_eq!(told == "presenter", !is_presenter, "{asks} with {meant}'s: {told}");
            assert!(reply.status == 200 || reply.status == 400, "{}", reply.text());
        }
        let swapped = Jwt::read(&handed.text).with_claims_swapped("aud", Value::from("signer"));
        Exchange::of(target(), &swapped).by("signer").send().refused_as_invalid_request();
    }
}
