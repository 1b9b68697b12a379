//! §3.4, §3.8, §3.9: claims of validly signed tokens which are missing, mistyped or repeated. Most
//! of these are accepted by a JWT library that was given an issuer and an audience.

use conformance::{Exchange, Jwt, Reply, now, target};
use serde_json::{Map, Value, json};

fn exchanged(token: &str) -> Reply {
    Exchange::of(target(), token).send()
}

/// The claims of a good token, as text to be signed after a change.
fn good_claims() -> Map<String, Value> {
    let token = Jwt::read(&target().idp.access_token("alice").mint());
    exchanged(&signed(&token.claims)).granted();
    token.claims
}

fn signed(claims: &Map<String, Value>) -> String {
    let text = Value::Object(claims.clone()).to_string();
    target().idp.access_token("alice").payload(text).mint()
}

fn refused_with(name: &str, value: &Value) {
    let mut claims = good_claims();
    claims.insert(name.to_owned(), value.clone());
    let reply = exchanged(&signed(&claims));
    assert_eq!(reply.status, 400, "{name} = {value}: {}", reply.text());
    reply.refused_as_invalid_request();
}

/// RFC 9068 §2.2 and RFC 7519 §4.1: what is required is missing.
#[test]
fn s3_refuses_a_missing_claim() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        let mut claims = good_claims();
        claims.remove(name);
        let reply = exchanged(&signed(&claims));
        assert_eq!(reply.status, 400, "without {name}: {}", reply.text());
        reply.refused_as_invalid_request();
    }
}

/// RFC 7519 §4.1.1: "iss" is one `StringOrURI` (fast-jwt CVE-2025-30144 took a list).
#[test]
fn s3_8_refuses_an_issuer_that_is_no_string() {
    let issuer = target().idp.issuer.clone();
    refused_with("iss", &json!([issuer]));
    refused_with("iss", &json!([issuer, "https://evil.example"]));
    refused_with("iss", &json!({ "0": issuer }));
    refused_with("iss", &Value::Null);
}

/// RFC 8725 §3.9: "if the audience value is not present or not associated with the recipient, it
/// MUST reject the JWT", in both forms of RFC 7519 §4.1.3, a string and a list of strings.
#[test]
fn s3_9_checks_the_audience_in_both_forms() {
    let with = |aud: Value| {
        let mut claims = good_claims();
        claims.insert("aud".to_owned(), aud);
        claims.insert("client_id".to_owned(), "some-app".into());
        exchanged(&signed(&claims))
    };
    with(json!("orchestrator")).granted();
    with(json!(["orchestrator"])).granted();
    with(json!(["elsewhere", "orchestrator"])).granted();
    with(json!("elsewhere")).refused_as_invalid_request();
    with(json!(["elsewhere"])).refused_as_invalid_request();
}

/// RFC 7519 §4.1.3: nothing but a string or a list of strings.
#[test]
fn s3_9_refuses_an_audience_of_another_type() {
    let aud = "orchestrator";
    for value in
        [json!(null), json!(5), json!({ "aud": aud }), json!([[aud]]), json!([aud, 5]), json!([])]
    {
        refused_with("aud", &value);
    }
}

/// RFC 7519 §2: `NumericDate` is "A JSON numeric value" (jsonwebtoken CVE-2026-25537 took a string
/// for an absent claim).
#[test]
fn rfc7519_s2_refuses_dates_of_another_type() {
    let later = now() + 600;
    for name in ["exp", "nbf", "iat"] {
        refused_with(name, &json!(later.to_string()));
        refused_with(name, &json!([later]));
        refused_with(name, &json!(true));
        refused_with(name, &json!("never"));
    }
    refused_with("exp", &Value::Null);
    refused_with("exp", &json!(1e308));
    refused_with("exp", &json!(-1));
}

/// RFC 7519 §4.1.4 and §4.1.5, however large the number.
#[test]
fn rfc7519_s4_1_refuses_dates_out_of_range() {
    let claims = good_claims();
    let (exp, text) = (claims["exp"].to_string(), serde_json::to_string(&claims).unwrap());
    let text = text.replace(&exp, "18446744073709551617");
    exchanged(&target().idp.access_token("alice").payload(text).mint())
        .refused_as_invalid_request();
}

/// RFC 7519 §4.1.6: a token from the future was made by a broken clock or a forger.
#[test]
fn rfc7519_s4_1_6_refuses_a_token_from_the_future() {
    let mut claims = good_claims();
    claims.insert("iat".to_owned(), (now() - 30).into());
    exchanged(&signed(&claims)).granted();
    refused_with("iat", &json!(now() + 550));
}

/// RFC 7519 §4.1.2: "sub" is one `StringOrURI`, and names somebody.
#[test]
fn rfc7519_s4_1_2_refuses_a_subject_that_names_nobody() {
    for value in [json!(""), json!(null), json!(7), json!(["alice"]), json!("a".repeat(5_000))] {
        refused_with("sub", &value);
    }
}

/// RFC 7519 §4: "The Claim Names within a JWT Claims Set MUST be unique; JWT parsers MUST either
/// reject JWTs with duplicate Claim Names or use a JSON parser that returns only the lexically last
/// duplicate member name". Two readers that disagree are an attack: refused, at every depth.
#[test]
fn rfc7519_s4_refuses_duplicate_claims() {
    let text = serde_json::to_string(&good_claims()).unwrap();
    let opened = text.strip_prefix('{').unwrap();
    let mint = |text: String| target().idp.access_token("alice").payload(text).mint();
    exchanged(&mint(format!("{{\"example\":1,{opened}"))).granted();
    for duplicate in [
        r#""sub":"bob""#,
        r#""\u0073ub":"bob""#,
        r#""aud":"elsewhere""#,
        r#""exp":1"#,
        r#""example":1,"example":2"#,
        r#""example":{"a":1,"a":2}"#,
        r#""act":{"sub":"a","sub":"b"}"#,
    ] {
        let reply = exchanged(&mint(format!("{{{duplicate},{opened}")));
        assert_eq!(reply.status, 400, "{duplicate}: {}", reply.text());
        reply.refused_as_invalid_request();
    }
}

/// RFC 8259 §9: "An implementation may set limits on the maximum depth of nesting." The process
/// survives what is deeper (Nimbus CVE-2025-53864).
#[test]
fn refuses_act_a_hundred_thousand_deep() {
    for depth in [200, 1_000, 100_000] {
        let act = format!("{}{{}}{}", r#"{"act":"#.repeat(depth), "}".repeat(depth));
        let text = serde_json::to_string(&good_claims()).unwrap();
        let text = text.replacen('{', &format!("{{\"act\":{act},"), 1);
        let token = target().idp.access_token("alice").payload(text).mint();
        let reply = exchanged(&token);
        assert!([400, 413].contains(&reply.status), "{depth}: {}", reply.status);
    }
    good_claims();
}

/// RFC 9068 §2.2.3 and RFC 8693 §4.2: a scope that is no string is no scope, and not "all".
#[test]
fn refuses_a_scope_of_another_type() {
    for value in [json!(7), json!({ "documents:read": true }), json!([["documents:read"]])] {
        let mut claims = good_claims();
        claims.insert("scope".to_owned(), value.clone());
        assert_eq!(exchanged(&signed(&claims)).status, 400, "{value}");
    }
}
