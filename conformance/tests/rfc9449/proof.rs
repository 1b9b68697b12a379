//! §4.3: a proof at the token endpoint. Each refusal has [`accepted`] as twin, one member away.

use conformance::{Credentials, Exchange, Jwt, Key, Reply, Statement, key::fresh, now, target};
use serde_json::{Value, json};

fn request() -> Exchange<'static> {
    Exchange::own(target(), "orchestrator")
}

fn proof_with(key: &Key) -> Statement {
    key.proof("POST", &target().token_endpoint)
}

fn proof() -> Statement {
    proof_with(&Key::new())
}

fn sent(proof: &str) -> Reply {
    request().adding_proof(proof).send()
}

fn accepted(proof: &Statement) {
    sent(&proof.text()).granted();
}

/// RFC 9449 §5: "If the DPoP proof is invalid, the authorization server issues an error response per
/// Section 5.2 of [RFC6749] with "`invalid_dpop_proof`" as the value of the "error" parameter."
fn refused(proof: &Statement) {
    let reply = sent(&proof.text());
    assert_eq!(reply.status, 400, "{}: {}", proof.claims_text(), reply.text());
    reply.refused(400, "invalid_dpop_proof");
}

/// RFC 9449 §4.3 (1): "There is not more than one DPoP HTTP request header field."
#[test]
fn s4_3_refuses_two_proofs() {
    let (one, two) = (proof().text(), proof().text());
    request().adding_proof(&one).adding_proof(&two).send().refused(400, "invalid_dpop_proof");
    request().adding_proof(&one).adding_proof(&one).send().refused(400, "invalid_dpop_proof");
    sent(&format!("{one}, {two}")).refused(400, "invalid_dpop_proof");
    sent(&one).granted();
}

/// RFC 9449 §4.3 (2): "The DPoP HTTP request header field value is a single and well-formed JWT."
#[test]
fn s4_3_refuses_what_is_no_jwt() {
    accepted(&proof());
    let good = proof().text();
    for bad in [
        "garbage",
        "a.b.c",
        "....",
        "{}",
        "null",
        &good.replace('.', ""),
        &format!("{good}."),
        &format!("{good} {good}"),
        &format!("DPoP {good}"),
        &"x".repeat(7000),
    ] {
        sent(bad).refused(400, "invalid_dpop_proof");
    }
}

/// RFC 9449 §4.3 (3): "All required claims per Section 4.2 are contained in the JWT."
#[test]
fn s4_3_refuses_a_missing_claim() {
    accepted(&proof());
    for name in ["jti", "htm", "htu", "iat"] {
        refused(&proof().claim(name, Value::Null));
        refused(&proof().claim(name, json!([proof().claims_text()])));
        refused(&proof().claim(name, json!({})));
    }
    refused(&proof().claim("jti", ""));
    refused(&proof().claim("jti", "x".repeat(4000)));
    refused(&proof().claim("iat", now().to_string()));
}

/// RFC 9449 §4.3 (4): "The "typ" JOSE Header Parameter has the value "dpop+jwt"."
#[test]
fn s4_3_refuses_another_type() {
    accepted(&proof().header("typ", "dpop+jwt"));
    for typ in [
        Value::Null,
        json!("JWT"),
        json!("at+jwt"),
        json!("client-authentication+jwt"),
        json!("dpop"),
        json!("dpop+jwt;x=1"),
        json!(["dpop+jwt"]),
    ] {
        refused(&proof().header("typ", typ));
    }
}

/// RFC 9449 §4.3 (5): "The "alg" JOSE Header Parameter indicates a registered asymmetric digital
/// signature algorithm, is not "none", is supported by the application, and is acceptable per local
/// policy.": every algorithm over every type of key.
#[test]
fn s4_3_each_key_has_its_algorithm() {
    let keys = [
        (Key::new(), ["ES256"].as_slice()),
        (Key::new_edwards(), &["EdDSA", "Ed25519"]),
        // The key itself says nothing of which of the two it is for.
        (target().key("signer", "rs"), &["RS256", "PS256"]),
    ];
    let all = [
        "ES256", "EdDSA", "Ed25519", "RS256", "PS256", "ES384", "ES512", "ES256K", "RS384",
        "RS512", "PS384", "HS256", "HS512", "none", "None", "es256", "", "ECDH-ES", "RSA-OAEP",
        "dir",
    ];
    for (key, own) in keys {
        for algorithm in all {
            let proof = proof_with(&key).header("alg", algorithm);
            if own.contains(&algorithm) { accepted(&proof) } else { refused(&proof) }
        }
    }
    refused(&proof().header("alg", Value::Null));
}

/// RFC 9449 §4.3 (6): "The JWT signature verifies with the public key contained in the "jwk" JOSE
/// Header Parameter."
#[test]
fn s4_3_refuses_a_signature_that_is_none() {
    let (key, other) = (Key::new(), Key::new());
    accepted(&proof_with(&key));
    refused(&proof_with(&key).signed_by(&other));
    refused(&proof_with(&key).header("jwk", other.public_jwk()));
    let good = Jwt::read(&proof_with(&key).text());
    for bad in [
        good.with_claims_swapped("jti", fresh()),
        good.with_twin_of_last_character(),
        good.forged(&[], &[]),
        good.forged(&[], &[0; 64]),
        good.signed_with_public(b"secret"),
    ] {
        sent(&bad).refused(400, "invalid_dpop_proof");
    }
}

/// RFC 9449 §4.3 (7): "The "jwk" JOSE Header Parameter does not contain a private key."
#[test]
fn s4_3_refuses_a_private_key() {
    let keys = [Key::new(), Key::new_edwards(), target().key("signer", "ps")];
    for key in keys {
        accepted(&proof_with(&key));
        let mut whole = key.private_jwk().clone();
        refused(&proof_with(&key).header("jwk", whole.clone()));
        for member in ["p", "q", "dp", "dq", "qi", "kid"] {
            whole.as_object_mut().unwrap().remove(member);
        }
        refused(&proof_with(&key).header("jwk", whole));
    }
}

/// RFC 9449 §4.2: "`jwk`: Represents the public key chosen by the client in JSON Web Key (JWK)
/// format". RFC 8725 §3.4: "Validate Cryptographic Inputs": a point that is not on the curve.
#[test]
fn rfc8725_s3_4_refuses_what_is_no_public_key() {
    let key = Key::new();
    let with = |name: &str, value: Value| {
        let mut jwk = key.public_jwk();
        if value.is_null() {
            jwk.remove(name);
        } else {
            jwk.insert(name.to_owned(), value);
        }
        proof_with(&key).header("jwk", Value::Object(jwk))
    };
    accepted(&with("use", json!("sig")));
    let zero = "A".repeat(43);
    for (name, value) in [
        ("x", json!(zero)),
        ("y", json!(zero)),
        ("x", Value::Null),
        ("y", json!("AQAB")),
        ("crv", json!("P-384")),
        ("crv", json!("secp256k1")),
        ("crv", Value::Null),
        ("kty", json!("oct")),
        ("kty", json!("RSA")),
        ("kty", Value::Null),
        ("k", json!("AAAA")),
        ("use", json!("enc")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
    ] {
        refused(&with(name, value));
    }
    // Both at once is the point at infinity of a careless library.
    let mut infinity = key.public_jwk();
    infinity.insert("x".to_owned(), json!(zero));
    infinity.insert("y".to_owned(), json!(zero));
    refused(&proof_with(&key).header("jwk", Value::Object(infinity)));
    for jwk in [Value::Null, json!("x"), json!({}), json!([key.public_jwk()])] {
        refused(&proof_with(&key).header("jwk", jwk));
    }
}

/// RFC 9449 §4.3 (8): "The "htm" claim matches the HTTP method of the current request."
#[test]
fn s4_3_refuses_another_method() {
    accepted(&proof().claim("htm", "POST"));
    for method in ["GET", "PUT", "post", "Post", "POST ", "*"] {
        refused(&proof().claim("htm", method));
    }
}

/// RFC 9449 §4.3 (9): "The "htu" claim matches the HTTP URI value for the HTTP request in which the
/// JWT was received, ignoring any query and fragment parts."
#[test]
fn s4_3_refuses_another_address() {
    let here = target().token_endpoint.as_str();
    for same in [format!("{here}?x=y"), format!("{here}#part"), format!("{here}?#")] {
        accepted(&proof().claim("htu", same));
    }
    for other in [
        format!("{here}/"),
        format!("{here}x"),
        target().issuer.clone(),
        target().introspection_endpoint.clone(),
        target().other_org.token_endpoint.clone(),
        target().api.clone(),
        here.to_ascii_uppercase(),
        here.replacen("/oauth/", "/oauth/../oauth2/", 1),
        here.replacen("://", "://evil.example@", 1),
        here.replacen("http", "ftp", 1),
        "/oauth/token".to_owned(),
        "https://evil.example/oauth/token".to_owned(),
        String::new(),
    ] {
        refused(&proof().claim("htu", other));
    }
}

/// RFC 9449 §4.3: "To reduce the likelihood of false negatives, servers SHOULD employ syntax-based
/// normalization (Section 6.2.2 of [RFC3986]) and scheme-based normalization (Section 6.2.3 of
/// [RFC3986]) before comparing the "htu" claim."
#[test]
fn s4_3_compares_addresses_normalized() {
    let here = target().token_endpoint.as_str();
    let (scheme, rest) = here.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    for same in [
        format!("{}://{authority}/{path}", scheme.to_ascii_uppercase()),
        format!("{scheme}://{}/{path}", authority.to_ascii_uppercase()),
        format!("{scheme}://{authority}/x/../{path}"),
        format!("{scheme}://{authority}/./{path}"),
    ] {
        accepted(&proof().claim("htu", same));
    }
}

/// RFC 9449 §4.3 (11) and §11.1: "the creation time of the JWT, as determined by either the "iat"
/// claim or a server managed timestamp via the "nonce" claim, is within an acceptable window".
#[test]
fn s4_3_refuses_what_is_too_old_or_from_the_future() {
    for skew in [-10, 0, 10] {
        accepted(&proof().claim("iat", now() + skew));
    }
    for skew in [-3600, -120, 60, 3600, 1 << 40] {
        refused(&proof().claim("iat", now() + skew));
    }
    refused(&proof().claim("iat", 0));
    refused(&proof().claim("iat", i64::MIN));
}

/// RFC 9449 §11.1: "servers MUST only accept DPoP proofs for a limited time after their creation …
/// store, in the context of the target URI, the jti value of each DPoP proof … and … decline" a
/// second use.
#[test]
fn s11_1_takes_a_proof_once() {
    let first = proof();
    accepted(&first);
    refused(&first);
    accepted(&first.again());
}

/// The same when it comes from everywhere at once.
#[test]
fn s11_1_of_many_at_once_one_is_taken() {
    for _ in 0..5 {
        let text = proof().text();
        let send = || sent(&text).status;
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(send)).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let taken = statuses.iter().filter(|status| **status == 200).count();
        let refused = statuses.iter().filter(|status| **status == 400).count();
        assert_eq!((taken, refused), (1, 7), "{statuses:?}");
    }
}

/// What is spent is spent together: an assertion that comes with a proof which was used before is not
/// worth anything later, and a proof that comes with such an assertion neither.
#[test]
fn s11_1_assertion_and_proof_are_used_together() {
    let key = Key::new();
    let with = |assertion: &Statement, proof: &Statement| {
        let credentials = Credentials::Assertion("signer".to_owned(), assertion.text());
        let own = Exchange::own(target(), "signer").authenticated(credentials);
        own.adding_proof(&proof.text()).send()
    };
    let (assertion, proof) = (target().assertion("signer", "es"), proof_with(&key));
    with(&assertion, &proof).granted();
    with(&assertion, &proof.clone().again()).refused(401, "invalid_client");
    with(&assertion.clone().again(), &proof).refused(400, "invalid_dpop_proof");
    with(&assertion.again(), &proof.again()).granted();
}

/// RFC 9449 §11.1: the same id under another key is another proof: nobody uses up what another will
/// send.
#[test]
fn s11_1_an_id_is_its_keys_own() {
    let id = fresh();
    accepted(&proof_with(&Key::new()).claim("jti", id.as_str()));
    accepted(&proof_with(&Key::new()).claim("jti", id));
}

/// RFC 9449 §4.2: "Other JOSE Header Parameters or claims MAY be … included".
#[test]
fn s4_2_ignores_what_it_does_not_know() {
    accepted(&proof().claim("x", json!([1])).header("x", json!({ "y": 1 })));
    accepted(&proof().claim("nbf", now() - 5).claim("exp", now() + 60));
    // At the token endpoint there is no access token yet, and nothing to compare `ath` with.
    accepted(&proof().claim("ath", "x"));
}

/// RFC 7515 §4: "JWSs with duplicate Header Parameter names MUST" be refused, or the last counts;
/// RFC 7515 §4.1.11: what is critical must be known.
#[test]
fn rfc7515_s4_refuses_what_can_be_read_in_two_ways() {
    let claims = proof().claims_text();
    accepted(&proof().payload(claims.clone()));
    refused(&proof().payload(claims.replacen('{', "{\"htm\":\"GET\",", 1)));
    refused(&proof().payload(format!("{claims} {{}}")));
    refused(&proof().header("crit", json!(["jwk"])));
    refused(&proof().header("b64", false).header("crit", json!(["b64"])));
    refused(&proof().header("zip", "DEF"));
}

/// RFC 9449 §4.3: a proof that is sent must hold, whether or not it is needed.
#[test]
fn s4_3_a_bad_proof_is_not_overlooked() {
    Exchange::happy(target()).send().granted();
    let key = Key::new();
    let request = Exchange::happy(target());
    let bad = proof_with(&key).claim("htm", "GET").text();
    request.clone().adding_proof(&bad).send().refused(400, "invalid_dpop_proof");
    request.clone().adding_proof("").send().refused(400, "invalid_dpop_proof");
    request.with_key(&key).send().granted();
}

/// RFC 9449 §4.3 with RFC 6749 §3.2.1: who has no name gets no token, whatever key they have.
#[test]
fn s5_a_proof_authenticates_nobody() {
    let request = request().with_key(&Key::new());
    request.clone().send().granted();
    let nobody = request.authenticated(Credentials::Missing);
    nobody.send().refused(401, "invalid_client");
}
