//! §4.3 and §7: a proof at a protected resource, the API of the scene. The blocks are those of the
//! negative tests in the `OpenID` Foundation's FAPI 2.0 suite.

use conformance::{Exchange, Jwt, Key, Reply, Statement, http, key::hash_of, now, target};
use serde_json::{Value, json};

/// A token for the documents that is bound to a key, and the key.
struct Bound {
    key: Key,
    token: String,
}

impl Bound {
    fn new() -> Self {
        Self::to(Key::new())
    }

    fn to(key: Key) -> Self {
        let granted = Exchange::happy(target()).with_key(&key).send().granted();
        Self { key, token: granted.token.text }
    }

    fn proof(&self) -> Statement {
        self.key.proof_with("GET", &target().api, &self.token)
    }

    fn call(&self, scheme: &str, proofs: &[String]) -> Reply {
        let authorization = format!("{scheme} {}", self.token);
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(proofs.iter().map(|proof| ("dpop", proof.as_str())));
        http::get(&target().api, &headers)
    }

    fn sent(&self, proof: &Statement) -> Reply {
        self.call("DPoP", &[proof.text()])
    }

    fn accepted(&self, proof: &Statement) {
        let reply = self.sent(proof);
        assert_eq!(reply.status, 200, "{}: {}", proof.claims_text(), reply.text());
    }

    fn refused(&self, proof: &Statement) {
        refused(&self.sent(proof));
    }
}

/// RFC 9449 §7.1: "a resource server … responds with a 401 (Unauthorized) … the "DPoP" …
/// authentication scheme …, "`invalid_token`" … "`invalid_dpop_proof`" to indicate that the DPoP proof
/// itself was deemed invalid".
fn refused(reply: &Reply) {
    assert_eq!(reply.status, 401, "{}", reply.text());
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    let told = ["invalid_dpop_proof", "invalid_token"].iter().any(|code| challenge.contains(code));
    assert!(challenge.contains("DPoP") && told, "{challenge}");
}

/// RFC 9449 §7.1: "DPoP-bound access tokens are sent using the Authorization request header field with
/// an authentication scheme of "DPoP"."
#[test]
fn s7_1_a_token_with_its_proof_is_served() {
    for key in [Key::new(), Key::new_edwards(), target().key("fapi", "ps")] {
        let bound = Bound::to(key);
        bound.accepted(&bound.proof());
    }
}

/// RFC 9110 §11.1: "It uses a case-insensitive token to identify the authentication scheme".
#[test]
fn s7_1_the_scheme_is_compared_without_case() {
    let bound = Bound::new();
    for scheme in ["DPoP", "dpop", "DPOP"] {
        assert_eq!(bound.call(scheme, &[bound.proof().text()]).status, 200, "{scheme}");
    }
}

/// RFC 9449 §7.2: "… MUST reject … a DPoP-bound access token presented as a bearer token".
#[test]
fn s7_2_a_bound_token_is_no_bearer_token() {
    let bound = Bound::new();
    assert_eq!(bound.call("Bearer", &[]).status, 401);
    assert_eq!(bound.call("Bearer", &[bound.proof().text()]).status, 401);
    bound.accepted(&bound.proof());
}

/// RFC 9449 §7.1: a token without its proof; two proofs; and a bearer token with a proof is not bound.
#[test]
fn s4_3_there_is_one_proof() {
    let bound = Bound::new();
    refused(&bound.call("DPoP", &[]));
    refused(&bound.call("DPoP", &[bound.proof().text(), bound.proof().text()]));
    refused(&bound.call("DPoP", &["garbage".to_owned()]));
    bound.accepted(&bound.proof());
    let free = Exchange::happy(target()).send().granted().token.text;
    let free = Bound { key: Key::new(), token: free };
    refused(&free.sent(&free.proof()));
    assert_eq!(free.call("Bearer", &[]).status, 200);
}

/// RFC 9449 §4.3 (3): every member that must be there is missed.
#[test]
fn s4_3_refuses_what_is_incomplete() {
    let bound = Bound::new();
    bound.accepted(&bound.proof());
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        bound.refused(&bound.proof().claim(name, Value::Null));
    }
    for name in ["typ", "alg", "jwk"] {
        bound.refused(&bound.proof().header(name, Value::Null));
    }
}

/// RFC 9449 §4.3 (4) to (7): type, algorithm, signature, key.
#[test]
fn s4_3_refuses_what_is_not_signed_as_it_says() {
    let bound = Bound::new();
    bound.accepted(&bound.proof().header("typ", "dpop+jwt"));
    bound.refused(&bound.proof().header("typ", "JWT"));
    bound.refused(&bound.proof().header("alg", "none"));
    bound.refused(&bound.proof().header("alg", "RS256"));
    bound.refused(&bound.proof().header("alg", "HS256"));
    bound.refused(&bound.proof().signed_by(&Key::new()));
    bound.refused(&bound.proof().header("jwk", bound.key.private_jwk().clone()));
    let good = Jwt::read(&bound.proof().text());
    refused(&bound.call("DPoP", &[good.with_claims_swapped("jti", "another")]));
}

/// RFC 9449 §4.3 (8) and (9): method and address, "ignoring any query and fragment parts".
#[test]
fn s4_3_refuses_another_request() {
    let bound = Bound::new();
    let here = target().api.as_str();
    bound.refused(&bound.proof().claim("htm", "POST"));
    bound.refused(&bound.proof().claim("htm", "get"));
    for other in [format!("{here}/x"), target().token_endpoint.clone(), "https://a.example".into()]
    {
        bound.refused(&bound.proof().claim("htu", other));
    }
    for same in [format!("{here}?x=y"), format!("{here}#x"), here.replacen("http", "HTTP", 1)] {
        bound.accepted(&bound.proof().claim("htu", same));
    }
}

/// RFC 9449 §4.3 (11): ten seconds either way are a clock, an hour is not.
#[test]
fn s4_3_refuses_another_time() {
    let bound = Bound::new();
    for skew in [-10, 10] {
        bound.accepted(&bound.proof().claim("iat", now() + skew));
    }
    for skew in [-3600, 3600] {
        bound.refused(&bound.proof().claim("iat", now() + skew));
    }
    bound.accepted(&bound.proof().claim("nbf", now()).claim("exp", now() + 30));
}

/// RFC 9449 §4.3 (12) and §7: "when presented to a protected resource in conjunction with an access
/// token, … the value of the ath claim equals the hash of that access token, and … the public key to
/// which the access token is bound matches the public key from the DPoP proof."
#[test]
fn s7_the_proof_is_of_this_token_and_by_its_key() {
    let (bound, other) = (Bound::new(), Bound::new());
    bound.accepted(&bound.proof());
    bound.refused(&bound.proof().claim("ath", hash_of(&other.token)));
    bound.refused(&bound.proof().claim("ath", ""));
    bound.refused(&other.key.proof_with("GET", &target().api, &bound.token));
    let same_key = Bound::to(bound.key.clone());
    bound.refused(&same_key.proof());
    same_key.accepted(&same_key.proof());
}

/// RFC 9449 §11.1: a proof is used once there, too.
#[test]
fn s11_1_takes_a_proof_once() {
    let bound = Bound::new();
    let proof = bound.proof();
    bound.accepted(&proof);
    bound.refused(&proof);
    bound.accepted(&proof.again());
}

/// RFC 9449 §4.2: what it does not know it ignores.
#[test]
fn s4_2_ignores_what_it_does_not_know() {
    let bound = Bound::new();
    bound.accepted(&bound.proof().claim("x", 1).header("x", json!([1])));
}

/// RFC 9449 §7.1: "algs: … A space-delimited list of supported JWS algorithm names", and a stranger is
/// told that there is a way with proofs.
#[test]
fn s7_1_the_challenge_tells_of_proofs() {
    let reply = http::get(&target().api, &[("authorization", "DPoP x")]);
    assert_eq!(reply.status, 401);
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("DPoP") && challenge.contains("ES256"), "{challenge}");
}
