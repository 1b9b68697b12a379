//! RFC 7521 §4.2 and RFC 7523 §3: the issuer of a client assertion may be "another entity", here a CI
//! provider whose tokens have no type and are used for an hour.

use conformance::{Credentials, Exchange, Key, Reply, Statement, now, target};
use serde_json::{Value, json};

const ISSUER: &str = "https://ci.demo.example";
const SUBJECT: &str = "repo:demo/house:ref:refs/heads/main";

fn token() -> Statement {
    let key = target().platform("ci");
    let header = json!({ "typ": "JWT", "alg": key.algorithm(), "kid": key.kid() });
    let claims = json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": target().issuer, "iat": now(), "exp": now() + 3600,
        "repository": "demo/house", "jti": "of the run, not of the request",
    });
    Statement::new(&key, &header, &claims)
}

fn request(token: &Statement) -> Exchange<'static> {
    let credentials = Credentials::Assertion("pipeline".to_owned(), token.text());
    Exchange::vouched(target(), credentials)
}

fn presented(token: &Statement) -> Reply {
    request(token).send()
}

fn refused(token: &Statement) {
    let reply = presented(token);
    assert_eq!(reply.status, 401, "{}: {}", token.claims_text(), reply.text());
    reply.refused(401, "invalid_client");
}

/// It is known by what was registered of it, with its name or without, and as often as it likes.
#[test]
fn a_workload_is_who_its_platform_says() {
    let token = token();
    for request in [request(&token), request(&token), request(&token).with("client_id", "pipeline")]
    {
        request.send().granted();
    }
    presented(&token.clone().header("typ", Value::Null)).granted();
    presented(&token.claim("aud", json!([target().issuer]))).granted();
}

/// RFC 7523 §3 (2): "sub" identifies the client: another branch of the same repository is another one.
#[test]
fn s3_refuses_another_workload() {
    presented(&token().claim("sub", SUBJECT)).granted();
    for other in [
        Value::Null,
        json!("repo:demo/house:ref:refs/heads/main2"),
        json!("repo:demo/house:pull_request"),
        json!("repo:evil/house:ref:refs/heads/main"),
        json!("pipeline"),
        json!(""),
        json!([SUBJECT]),
    ] {
        refused(&token().claim("sub", other));
    }
}

/// RFC 7523 §3 (1): whoever else signs tokens vouches for nobody here, and a client for no other.
#[test]
fn s3_refuses_another_issuer() {
    presented(&token().claim("iss", ISSUER)).granted();
    for other in [
        Value::Null,
        json!("https://ci.demo.example/"),
        json!("https://maker.demo.example"),
        json!(target().idp.issuer),
        json!(target().issuer),
        json!("pipeline"),
    ] {
        refused(&token().claim("iss", other));
    }
    for key in [Key::new(), target().platform("maker"), target().key("signer", "es")] {
        refused(&token().signed_by(&key));
    }
}

/// RFC 7523 §3 (3): it was asked for us alone; what was asked for others could be theirs to pass on.
#[test]
fn s3_refuses_another_audience() {
    let issuer = target().issuer.as_str();
    presented(&token().claim("aud", issuer)).granted();
    for other in [
        json!([issuer, "https://elsewhere.example"]),
        json!("https://elsewhere.example"),
        json!(target().token_endpoint),
        json!(target().other_org.issuer),
        Value::Null,
    ] {
        refused(&token().claim("aud", other));
    }
}

/// RFC 7523 §3 (4), (5), (9).
#[test]
fn s3_refuses_what_does_not_hold() {
    presented(&token().claim("exp", now() + 30)).granted();
    refused(&token().claim("exp", now() - 60));
    refused(&token().claim("exp", Value::Null));
    refused(&token().claim("nbf", now() + 60));
    refused(&token().header("alg", "none"));
    refused(&token().header("alg", "RS256"));
    refused(&token().header("kid", "unknown"));
    for typ in ["at+jwt", "client-authentication+jwt", "dpop+jwt", "x"] {
        refused(&token().header("typ", typ));
    }
}

/// RFC 7521 §4.2: "MUST identify the same client".
#[test]
fn rfc7521_s4_2_refuses_the_name_of_another_client() {
    request(&token()).with("client_id", "pipeline").send().granted();
    for other in ["orchestrator", "signer", "sidecar", "nobody"] {
        request(&token()).with("client_id", other).send().refused(401, "invalid_client");
    }
}

/// A client's own key does not make it a workload, nor does the platform's make an assertion of its own.
#[test]
fn each_client_has_its_own_way() {
    presented(&token()).granted();
    let key = target().platform("ci");
    refused(&Statement::of_client("pipeline", &key, &target().issuer));
    let signers = token().claim("iss", "signer").claim("sub", "signer");
    refused(&signers);
}
