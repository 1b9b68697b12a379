//! What an assertion must be (RFC 7523 §3, rfc7523bis): every test changes one thing of one that holds.
//! Which kind passes for which is in `kinds.rs`.

use std::time::Duration;

use keys::{
    Algorithm, AssertionKind, ExpectAssertion, PeekAssertion, Signer, TokenFault as Fault,
    VerifiedAssertion, peek_assertion, verify_assertion,
};
use serde_json::{Value, json};

use crate::fixture::{NOW, US, key, keys, set, signed, signed_text, stranger};

const CLIENT: &str = "signer";

fn expect() -> ExpectAssertion<'static> {
    ExpectAssertion {
        kind: AssertionKind::ClientAuthentication,
        issuer: Some(CLIENT),
        audience: &[US],
        sole_audience: true,
        algorithms: &Algorithm::ALL,
        leeway: Duration::from_secs(10),
        longest: Some(Duration::from_mins(5)),
    }
}

fn header() -> Value {
    let kid = key(Algorithm::Es256).kid();
    json!({ "typ": "client-authentication+jwt", "alg": "ES256", "kid": kid })
}

fn claims() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": US, "exp": NOW + 60, "iat": NOW, "jti": "1" })
}

fn with(name: &str, value: Value) -> String {
    signed(&header(), &set(claims(), name, value))
}

fn judge(token: &str, expect: &ExpectAssertion<'_>) -> Result<VerifiedAssertion<Value>, Fault> {
    verify_assertion(token, keys(), expect, NOW)
}

fn fault(token: &str) -> Option<Fault> {
    judge(token, &expect()).err()
}

#[test]
fn says_who_it_is_about() {
    let verified = judge(&signed(&header(), &claims()), &expect()).unwrap();
    let registered = verified.registered();
    assert_eq!(registered.issuer.as_deref(), Some(CLIENT));
    assert_eq!(registered.subject, CLIENT);
    assert_eq!(registered.audience, [US]);
    assert_eq!(registered.expires_at, NOW + 60);
    assert_eq!(registered.issued_at, Some(NOW));
    assert_eq!(registered.id.as_deref(), Some("1"));
    assert_eq!(verified.claims()["sub"], CLIENT);
}

/// Each claim, with what it may be and what it may not.
#[test]
fn every_claim_is_judged() {
    let other = "https://other.example";
    let long = "x".repeat(256);
    let table = [
        // RFC 7523 §3(1): `iss`, compared as a string (RFC 7521 §5.1).
        ("iss", json!(CLIENT), None),
        ("iss", Value::Null, Some(Fault::Issuer)),
        ("iss", json!("Signer"), Some(Fault::Issuer)),
        ("iss", json!("signer/"), Some(Fault::Issuer)),
        ("iss", json!([CLIENT]), Some(Fault::Issuer)),
        ("iss", json!(1), Some(Fault::Issuer)),
        // §3(2): `sub`.
        ("sub", json!("anybody"), None),
        ("sub", Value::Null, Some(Fault::Subject)),
        ("sub", json!(""), Some(Fault::Subject)),
        ("sub", json!([CLIENT]), Some(Fault::Subject)),
        ("sub", json!(1), Some(Fault::Subject)),
        ("sub", json!("a\nb"), Some(Fault::Subject)),
        ("sub", json!(long), Some(Fault::Subject)),
        ("sub", json!(long[..255]), None),
        // rfc7523bis §4: `aud` "MUST be the issuer identifier … as the sole value".
        ("aud", json!(US), None),
        ("aud", json!([US]), None),
        ("aud", Value::Null, Some(Fault::Audience)),
        ("aud", json!([]), Some(Fault::Audience)),
        ("aud", json!([US, other]), Some(Fault::Audience)),
        ("aud", json!([US, US]), Some(Fault::Audience)),
        ("aud", json!(other), Some(Fault::Audience)),
        ("aud", json!(format!("{US}/")), Some(Fault::Audience)),
        ("aud", json!(format!("{US}/token")), Some(Fault::Audience)),
        ("aud", json!("HTTPS://as.example"), Some(Fault::Audience)),
        ("aud", json!([US, 5]), Some(Fault::Audience)),
        ("aud", json!([[US]]), Some(Fault::Audience)),
        ("aud", json!({ "0": US }), Some(Fault::Audience)),
        // §3(4): `exp`, with a leeway of ten seconds.
        ("exp", json!(NOW - 9), None),
        ("exp", json!(NOW - 10), Some(Fault::Expired)),
        ("exp", json!(NOW - 300), Some(Fault::Expired)),
        ("exp", json!(NOW + 310), None),
        ("exp", json!(NOW + 311), None),
        ("exp", json!(i64::MAX), None),
        ("exp", Value::Null, Some(Fault::Expiry)),
        ("exp", json!((NOW + 60).to_string()), Some(Fault::Expiry)),
        ("exp", json!(1e12), Some(Fault::Expiry)),
        ("exp", json!([NOW + 60]), Some(Fault::Expiry)),
        // §3(5): `nbf`; the FAPI suite sends 8 and 60 seconds ahead.
        ("nbf", json!(NOW + 8), None),
        ("nbf", json!(NOW + 10), None),
        ("nbf", json!(NOW + 11), Some(Fault::NotYetValid)),
        ("nbf", json!(NOW + 60), Some(Fault::NotYetValid)),
        ("nbf", json!(NOW.to_string()), Some(Fault::NotBefore)),
        // §3(6): `iat`, which may be missing.
        ("iat", Value::Null, None),
        ("iat", json!(NOW - 309), None),
        ("iat", json!(NOW - 310), Some(Fault::TooOld)),
        ("iat", json!(NOW + 10), None),
        ("iat", json!(NOW + 11), Some(Fault::IssuedInFuture)),
        ("iat", json!(NOW.to_string()), Some(Fault::IssuedAt)),
        // §3(7): `jti`, which the caller may insist on.
        ("jti", Value::Null, None),
        ("jti", json!(""), Some(Fault::TokenId)),
        ("jti", json!(1), Some(Fault::TokenId)),
        ("jti", json!("a\0"), Some(Fault::TokenId)),
    ];
    for (name, value, expected) in table {
        assert_eq!(fault(&with(name, value.clone())), expected, "{name}: {value}");
    }
}

#[test]
fn several_audiences_are_a_decision() {
    let shared = ExpectAssertion { sole_audience: false, ..expect() };
    let both = with("aud", json!([US, "https://other.example"]));
    assert_eq!(judge(&both, &shared).err(), None);
    assert_eq!(judge(&both, &expect()).err(), Some(Fault::Audience));
    let nobody = with("aud", json!(["https://other.example"]));
    assert_eq!(judge(&nobody, &shared).err(), Some(Fault::Audience));
    // Either of two addresses of ours is one audience.
    let two = ExpectAssertion { audience: &[US, "https://as.example/token"], ..expect() };
    assert_eq!(judge(&with("aud", json!("https://as.example/token")), &two).err(), None);
    let both = with("aud", json!([US, "https://as.example/token"]));
    assert_eq!(judge(&both, &two).err(), Some(Fault::Audience));
}

/// What would live for longer than is remembered is good for so long after it was made.
#[test]
fn a_long_life_is_a_decision() {
    let patient = ExpectAssertion { longest: None, ..expect() };
    let until = |exp: i64, iat: Value, expect: &ExpectAssertion<'_>| {
        let token = signed(&header(), &set(set(claims(), "exp", json!(exp)), "iat", iat));
        judge(&token, expect).map(|verified| verified.registered().expires_at)
    };
    let hour = NOW + 3600;
    assert_eq!(until(hour, json!(NOW), &patient), Ok(hour));
    assert_eq!(until(hour, json!(NOW), &expect()), Ok(NOW + 300));
    assert_eq!(until(hour, json!(NOW - 309), &expect()), Ok(NOW - 9));
    assert_eq!(until(hour, json!(NOW - 310), &expect()), Err(Fault::TooOld));
    assert_eq!(until(hour, Value::Null, &expect()), Err(Fault::TooLong));
    assert_eq!(until(NOW + 310, Value::Null, &expect()), Ok(NOW + 310));
    assert_eq!(until(NOW + 60, json!(NOW - 250), &expect()), Ok(NOW + 50));
    // Used an hour ago, it is forgotten; that it ends soon must not make it good again.
    assert_eq!(until(NOW + 60, json!(NOW - 3540), &expect()), Err(Fault::TooOld));
    assert_eq!(until(NOW + 60, json!(NOW - 3540), &patient), Ok(NOW + 60));
}

/// A SPIFFE id says by which keys; its `iss` says nothing.
#[test]
fn an_issuer_is_not_looked_at_where_none_is_expected() {
    let svid = ExpectAssertion { kind: AssertionKind::Svid, issuer: None, ..expect() };
    let untyped = set(header(), "typ", Value::Null);
    for issuer in [Value::Null, json!("anybody"), json!(1)] {
        let token = signed(&untyped, &set(claims(), "iss", issuer));
        assert_eq!(judge(&token, &svid).unwrap().registered().issuer, None);
    }
}

/// RFC 7523 §3(9): the signature, of the one key it can be.
#[test]
fn is_signed_with_a_registered_key_and_algorithm() {
    let text =
        |signer, header: Value| signed_text(signer, &header.to_string(), &claims().to_string());
    for algorithm in Algorithm::ALL {
        let own =
            set(set(header(), "alg", json!(algorithm.name())), "kid", json!(key(algorithm).kid()));
        assert_eq!(fault(&text(key(algorithm), own.clone())), None, "{algorithm}");
        // FAPI 2.0 §5.4: a client that is pinned to others.
        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|it| *it != algorithm).collect();
        let pinned = ExpectAssertion { algorithms: &others, ..expect() };
        let refused = judge(&text(key(algorithm), own.clone()), &pinned).err();
        assert_eq!(refused, Some(Fault::Algorithm), "{algorithm}");
        for other in others {
            let confused = set(own.clone(), "alg", json!(other.name()));
            let refused = fault(&text(key(algorithm), confused));
            assert_eq!(refused, Some(Fault::Algorithm), "{algorithm} as {other}");
        }
    }
    assert_eq!(fault(&text(stranger(), header())), Some(Fault::Signature));
    let unknown = set(header(), "kid", json!(stranger().kid()));
    assert_eq!(fault(&text(stranger(), unknown)), Some(Fault::UnknownKey));
    for alg in ["none", "HS256"] {
        let header = set(header(), "alg", json!(alg));
        assert_eq!(fault(&text(key(Algorithm::Es256), header)), Some(Fault::Algorithm), "{alg}");
    }
}

/// RFC 7523 §2.2: "The value of the `client_assertion` parameter contains a single JWT."
#[test]
fn is_one_and_nothing_else() {
    let token = signed(&header(), &claims());
    for text in [
        format!("{token} {token}"),
        format!("{token},{token}"),
        format!("{token}~"),
        format!("{token} "),
        token.replace('.', ".."),
    ] {
        assert!(fault(&text).is_some(), "{text}");
    }
    for (name, value, expected) in [
        ("crit", json!(["x"]), Fault::Crit),
        ("zip", json!("DEF"), Fault::Zip),
        ("b64", json!(false), Fault::B64),
    ] {
        let token = signed(&set(header(), name, value), &claims());
        assert_eq!(fault(&token), Some(expected), "{name}");
    }
    let twice = claims().to_string().replacen('{', "{\"sub\":\"other\",", 1);
    let token = signed_text(key(Algorithm::Es256), &header().to_string(), &twice);
    assert_eq!(fault(&token), Some(Fault::RepeatedMember));
    let unshaped: Result<VerifiedAssertion<Vec<u8>>, _> =
        verify_assertion(&signed(&header(), &claims()), keys(), &expect(), NOW);
    assert_eq!(unshaped.err(), Some(Fault::Claims));
}

#[test]
fn peeking_tells_who_it_says_it_is() {
    let peeked = peek_assertion(&signed(&header(), &claims())).unwrap();
    let expected = PeekAssertion {
        issuer: Some(CLIENT.to_owned()),
        subject: Some(CLIENT.to_owned()),
        kid: Some(key(Algorithm::Es256).kid().to_owned()),
        typ: Some("client-authentication+jwt".to_owned()),
    };
    assert_eq!(peeked, expected);
    let neither = set(set(claims(), "iss", json!([CLIENT])), "sub", Value::Null);
    let peeked = peek_assertion(&signed(&header(), &neither)).unwrap();
    assert_eq!((peeked.issuer, peeked.subject), (None, None));
    assert_eq!(peek_assertion("a.b").err(), Some(Fault::Malformed));
}
