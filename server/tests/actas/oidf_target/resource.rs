//! What is examined at the API.

use conformance::{Key, Statement, key::fresh, now};
use serde_json::Value;

use super::{Player, Target};
use crate::http::Reply;

/// `happy-flow`, `access-token-type-header-case-sensitivity`
#[test]
fn whoever_proves_the_key_reads() {
    let target = Target::start();
    for (client, scheme) in [("client", "DPoP"), ("client2", "dpop"), ("client", "DPOP")] {
        let player = target.player(client);
        let token = player.token();
        let request = player.reading(scheme, &token);
        let reply = player.read(&request.header("dpop", &player.proof_with(&token).text()));
        assert_eq!(reply.status, 200, "{scheme}: {reply:?}");
        assert_eq!(reply.json()["subject"], format!("service:{}", player.id));
    }
}

#[track_caller]
fn refused(what: &str, reply: &Reply) {
    assert_eq!(reply.status, 401, "{what}: {reply:?}");
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    let errors = ["error=\"invalid_dpop_proof\"", "error=\"invalid_token\""];
    let told = challenge.contains("DPoP ") && errors.iter().any(|error| challenge.contains(error));
    assert!(told, "{what}: {challenge}");
}

/// Reads with this proof.
fn with(player: &Player<'_>, token: &str, proof: &str) -> Reply {
    player.read(&player.reading("DPoP", token).header("dpop", proof))
}

/// `dpop-negative-tests`
#[test]
fn refuses_proofs_that_do_not_hold() {
    let target = Target::start();
    let player = target.player("client");
    let token = player.token();
    let proof = || player.proof_with(&token);
    let edge = |seconds: i64| proof().claim("iat", now() + seconds);
    let private = player.proof_key.private_jwk().clone();
    let public = |key: &Key| Value::Object(key.public_jwk());
    let rsa = target.player("client2").key;
    let mut cases: Vec<(String, Statement)> = vec![
        ("wrong typ".into(), proof().header("typ", "JWT")),
        ("alg none".into(), proof().header("alg", "none")),
        ("alg of another key".into(), proof().header("alg", "RS256")),
        ("a private key".into(), proof().header("jwk", private)),
        ("wrong htm".into(), proof().claim("htm", "POST")),
        (
            "other path".into(),
            proof().claim("htu", format!("{}s", target.url(&["resource", "resourceUrl"]))),
        ),
        ("other host".into(), proof().claim("htu", "https://other.example/resource")),
        ("an hour ahead".into(), edge(3600)),
        ("an hour old".into(), edge(-3600)),
        ("wrong ath".into(), proof().claim("ath", conformance::key::hash_of("another"))),
        ("bad signature".into(), proof().signed_by(&Key::new())),
        ("different key".into(), {
            let other = Key::new();
            proof().header("jwk", public(&other)).signed_by(&other)
        }),
        ("signed with RS256".into(), {
            proof().header("alg", "RS256").header("jwk", public(&rsa)).signed_by(&rsa)
        }),
    ];
    for name in ["typ", "alg", "jwk"] {
        cases.push((format!("no {name}"), proof().header(name, Value::Null)));
    }
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        cases.push((format!("no {name}"), proof().claim(name, Value::Null)));
    }
    for (what, proof) in cases {
        refused(&what, &with(&player, &token, &proof.text()));
    }
    refused("not a JWT", &with(&player, &token, "not-a-jwt"));
    refused("no proof", &player.read(&player.reading("DPoP", &token)));
    let bearer = player.read(&player.reading("Bearer", &token));
    assert_eq!(bearer.status, 401, "{bearer:?}");
    let two = player.reading("DPoP", &token).header("dpop", &proof().text());
    refused("two proofs", &player.read(&two.and_header("dpop", &proof().text())));
    let once = proof().text();
    assert_eq!(with(&player, &token, &once).status, 200, "a correct proof still works");
    refused("used twice", &with(&player, &token, &once));
}

/// The key is one of RSA, and the token bound to it: only the algorithm is not FAPI's.
#[test]
fn refuses_proofs_of_rs256_by_the_key_of_the_token() {
    let target = Target::start();
    let player = Player { proof_key: target.player("client2").key, ..target.player("client") };
    let token = player.token();
    let proof = player.proof_with(&token);
    refused("RS256", &with(&player, &token, &proof.clone().header("alg", "RS256").text()));
    assert_eq!(with(&player, &token, &proof.text()).status, 200);
}

/// `dpop-negative-tests`, `ensure-dpopproof-with-iat-10seconds-before-succeeds`, `-after-succeeds`,
/// `check-dpop-proof-nbf-exp`
#[test]
fn takes_proofs_that_differ_where_it_does_not_matter() {
    let target = Target::start();
    let player = target.player("client");
    let token = player.token();
    let url = target.url(&["resource", "resourceUrl"]).to_string();
    let proof = || player.proof_with(&token).claim("jti", fresh());
    for (what, proof) in [
        ("ten seconds old", proof().claim("iat", now() - 10)),
        ("ten seconds ahead", proof().claim("iat", now() + 10)),
        ("nbf and exp", proof().claim("nbf", now()).claim("exp", now() + 60)),
        ("more members", proof().claim("more", "claims").header("more", "parameters")),
        ("a query", proof().claim("htu", format!("{url}?a=b"))),
        ("a fragment", proof().claim("htu", format!("{url}#a"))),
        ("upper case", proof().claim("htu", url.replace("https://localhost", "HTTPS://LOCALHOST"))),
    ] {
        let reply = with(&player, &token, &proof.text());
        assert_eq!(reply.status, 200, "{what}: {reply:?}");
    }
    let upper = player.reading("DPoP", &token).and_header("DPOP", &proof().text());
    assert_eq!(player.read(&upper).status, 200, "names of headers have no case");
    let queried = upper_query(&player, &token, &proof());
    assert_eq!(queried.status, 200, "{queried:?}");
}

/// The request has a query, and the proof is for the address without.
fn upper_query(player: &Player<'_>, token: &str, proof: &Statement) -> Reply {
    let path = format!("{}?a=b", player.target.url(&["resource", "resourceUrl"]).path());
    player.read(&player.reading("DPoP", token).at(&path).header("dpop", &proof.text()))
}
