//! draft-ietf-oauth-spiffe-client-auth: a JWT-SVID of the mesh.

use conformance::{CLIENT_ASSERTION, Credentials, Exchange, Key, Reply, Statement, now, target};
use serde_json::{Value, json};

const SPIFFE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
const SIDECAR: &str = "spiffe://mesh.demo.example/sidecar";

fn svid() -> Statement {
    let key = target().platform("mesh");
    let header = json!({ "typ": "JWT", "alg": key.algorithm(), "kid": key.kid() });
    let claims =
        json!({ "sub": SIDECAR, "aud": target().issuer, "exp": now() + 300, "iat": now() });
    Statement::new(&key, &header, &claims)
}

fn request(svid: &Statement) -> Exchange<'static> {
    let credentials = Credentials::Assertion("sidecar".to_owned(), svid.text());
    Exchange::vouched(target(), credentials).with("client_assertion_type", SPIFFE)
}

fn presented(svid: &Statement) -> Reply {
    request(svid).send()
}

fn refused(svid: &Statement) {
    let reply = presented(svid);
    assert_eq!(reply.status, 401, "{}: {}", svid.claims_text(), reply.text());
    reply.refused(401, "invalid_client");
}

/// JWT-SVID §3: the subject is the workload, whose trust domain's bundle verifies it; `iss` is no part.
#[test]
fn a_workload_is_who_its_mesh_says() {
    presented(&svid()).granted();
    presented(&svid().header("typ", "JOSE")).granted();
    presented(&svid().header("typ", Value::Null)).granted();
    presented(&svid().claim("iss", "https://spire.demo.example")).granted();
    request(&svid()).with("client_id", "sidecar").send().granted();
}

/// JWT-SVID §4: "sub" is the SPIFFE ID; another workload, another domain, or none.
#[test]
fn refuses_another_workload() {
    presented(&svid().claim("sub", SIDECAR)).granted();
    for other in [
        Value::Null,
        json!("spiffe://mesh.demo.example/other"),
        json!("spiffe://mesh.demo.example/sidecar/"),
        json!("spiffe://mesh.demo.example/sidecar/x"),
        json!("spiffe://evil.example/sidecar"),
        json!("spiffe://mesh.demo.example"),
        json!("SPIFFE://mesh.demo.example/sidecar"),
        json!("spiffe://evil@mesh.demo.example/sidecar"),
        json!("sidecar"),
    ] {
        refused(&svid().claim("sub", other));
    }
}

/// JWT-SVID §5: signed with a key of the bundle of its trust domain.
#[test]
fn refuses_a_key_of_another_bundle() {
    presented(&svid()).granted();
    for key in [Key::new(), target().platform("ci"), target().key("signer", "es")] {
        refused(&svid().signed_by(&key));
    }
    refused(&svid().header("alg", "none"));
    refused(&svid().header("alg", "HS256"));
}

/// JWT-SVID §3.2 and §3.3: audience and expiry are REQUIRED; the audience is us alone.
#[test]
fn refuses_what_is_not_for_us_now() {
    let issuer = target().issuer.as_str();
    presented(&svid().claim("aud", json!([issuer]))).granted();
    for aud in
        [json!([issuer, "https://a.example"]), json!("https://a.example"), json!([]), Value::Null]
    {
        refused(&svid().claim("aud", aud));
    }
    refused(&svid().claim("exp", now() - 60));
    refused(&svid().claim("exp", Value::Null));
    refused(&svid().header("typ", "at+jwt"));
}

/// RFC 7521 §4.2: of its own type, and under its own name.
#[test]
fn refuses_another_type_or_name() {
    request(&svid()).with("client_assertion_type", SPIFFE).send().granted();
    let as_jwt = request(&svid()).with("client_assertion_type", CLIENT_ASSERTION);
    as_jwt.send().refused(401, "invalid_client");
    for other in ["pipeline", "orchestrator", "nobody"] {
        request(&svid()).with("client_id", other).send().refused(401, "invalid_client");
    }
}
