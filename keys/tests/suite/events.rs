//! Signed events: what is believed, until where, and that no kind of JWT passes for another. Every
//! refusal has a twin that differs in one thing and is accepted.

use std::time::Duration;

use keys::{
    Algorithm, EventKind, ExpectEvent, Signer, TokenFault as Fault, Typ, VerifiedEvent, verify,
    verify_event,
};
use serde_json::{Value, json};

use crate::fixture::{ISSUER, NOW, US, expect, jwks, key, keys, signed_text, stranger};

const KINDS: [(EventKind, &str); 3] = [
    (EventKind::SecurityEvent, "secevent+jwt"),
    (EventKind::LogoutToken, "logout+jwt"),
    (EventKind::GlobalRevocation, "global-token-revocation+jwt"),
];

pub fn expect_event(kind: EventKind) -> ExpectEvent<'static> {
    ExpectEvent {
        kind,
        issuer: ISSUER,
        audience: &[US],
        algorithms: &Algorithm::ALL,
        leeway: Duration::from_mins(5),
    }
}

/// What is accepted as `kind`.
pub fn claims(kind: EventKind) -> Value {
    let mut claims = json!({ "iss": ISSUER, "aud": US, "iat": NOW - 60, "jti": "0199" });
    match kind {
        EventKind::SecurityEvent => claims["events"] = json!({ "urn:example:event": {} }),
        EventKind::LogoutToken => claims["sub"] = json!("alice"),
        EventKind::GlobalRevocation => claims["exp"] = json!(NOW + 240),
    }
    claims
}

pub fn event(typ: &Value, claims: &Value) -> String {
    let key = key(Algorithm::Es256);
    let mut header = json!({ "alg": "ES256", "kid": key.kid() });
    if !typ.is_null() {
        header["typ"] = typ.clone();
    }
    signed_text(key, &header.to_string(), &claims.to_string())
}

pub fn judge(kind: EventKind, token: &str) -> Result<VerifiedEvent<Value>, Fault> {
    verify_event(token, keys(), &expect_event(kind), NOW)
}

/// What is wrong with an event of `kind` in which `name` is `value`; `null` removes.
fn with(kind: EventKind, name: &str, value: Value) -> Option<Fault> {
    let (_, typ) = KINDS.into_iter().find(|(one, _)| *one == kind).unwrap();
    let mut claims = claims(kind);
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    judge(kind, &event(&json!(typ), &claims)).err()
}

#[test]
fn returns_what_was_verified() {
    let set = event(&json!("secevent+jwt"), &claims(EventKind::SecurityEvent));
    let verified = judge(EventKind::SecurityEvent, &set).unwrap();
    let registered = verified.registered();
    assert_eq!((registered.issuer.as_str(), registered.id.as_str()), (ISSUER, "0199"));
    assert_eq!(registered.audience, [US]);
    assert_eq!((registered.issued_at, registered.expires_at), (NOW - 60, None));
    assert_eq!(registered.subject, None);
    assert_eq!(verified.claims(), &claims(EventKind::SecurityEvent));
}

#[test]
fn kinds_are_never_mixed_up() {
    for (kind, own) in KINDS {
        let verified = judge(kind, &event(&json!(own), &claims(kind))).unwrap();
        assert!(verified.is_named(), "{own}");
        let long = format!("Application/{}", own.to_uppercase());
        assert!(judge(kind, &event(&json!(long), &claims(kind))).is_ok(), "{long}");
        for other in ["at+jwt", "dpop+jwt", "", "text/logout+jwt", "secevent+jwt "] {
            let fault = judge(kind, &event(&json!(other), &claims(kind))).err();
            assert_eq!(fault, Some(Fault::Typ), "{other} for {own}");
        }
        for (_, other) in KINDS.into_iter().filter(|(other, _)| *other != kind) {
            let fault = judge(kind, &event(&json!(other), &claims(kind))).err();
            assert_eq!(fault, Some(Fault::Typ), "{other} for {own}");
        }
    }
}

#[test]
fn only_old_kinds_may_be_untyped() {
    for typ in [Value::Null, json!("JWT")] {
        let judged = |kind| judge(kind, &event(&typ, &claims(kind)));
        assert_eq!(judged(EventKind::SecurityEvent).err(), Some(Fault::Typ), "{typ}");
        assert!(!judged(EventKind::LogoutToken).unwrap().is_named(), "{typ}");
        assert!(!judged(EventKind::GlobalRevocation).unwrap().is_named(), "{typ}");
    }
}

/// GHSA-7fpj-9hr8-28vh: a logout token was exchanged for an access token.
#[test]
fn no_event_passes_for_a_token() {
    let both = keys::Expect { typ: &[Typ::AccessToken, Typ::Untyped], ..expect() };
    for (_, typ) in KINDS {
        let token = event(&json!(typ), &crate::fixture::claims());
        assert_eq!(verify::<Value>(&token, keys(), &both, NOW).err(), Some(Fault::Typ), "{typ}");
    }
    let token = event(&json!("at+jwt"), &crate::fixture::claims());
    assert!(verify::<Value>(&token, keys(), &both, NOW).is_ok());
    for (kind, _) in KINDS {
        assert_eq!(judge(kind, &token).err(), Some(Fault::Typ), "{kind:?}");
    }
}

/// SSF 1.0 §4.1.7 and §4.1.2: neither `exp` nor `sub`, whatever they are.
#[test]
fn a_security_event_neither_expires_nor_has_a_sub() {
    let kind = EventKind::SecurityEvent;
    for value in [json!(NOW + 60), json!(0), json!("soon"), json!([])] {
        assert_eq!(with(kind, "exp", value), Some(Fault::UnexpectedExpiry));
    }
    for value in [json!("alice"), json!(""), json!(1)] {
        assert_eq!(with(kind, "sub", value), Some(Fault::UnexpectedSubject));
    }
    let null = |name: &str| {
        let mut claims = claims(kind);
        claims[name] = Value::Null;
        judge(kind, &event(&json!("secevent+jwt"), &claims)).err()
    };
    assert_eq!(null("exp"), Some(Fault::UnexpectedExpiry), "null is not absent");
    assert_eq!(null("sub"), Some(Fault::UnexpectedSubject), "null is not absent");
    assert_eq!(with(kind, "other", json!(1)), None);
}

#[test]
fn an_event_is_never_too_old_and_hardly_from_the_future() {
    for (kind, _) in KINDS {
        for iat in [0, NOW - 100_000_000, NOW + 300] {
            assert_eq!(with(kind, "iat", json!(iat)), None, "{kind:?} {iat}");
        }
        for iat in [NOW + 301, i64::MAX] {
            assert_eq!(with(kind, "iat", json!(iat)), Some(Fault::IssuedInFuture), "{kind:?}");
        }
        for iat in [Value::Null, json!("0"), json!(1.5)] {
            assert_eq!(with(kind, "iat", iat), Some(Fault::IssuedAt), "{kind:?}");
        }
        assert_eq!(with(kind, "nbf", json!(NOW + 301)), Some(Fault::NotYetValid), "{kind:?}");
        assert_eq!(with(kind, "nbf", json!("0")), Some(Fault::NotBefore), "{kind:?}");
        assert_eq!(with(kind, "nbf", json!(NOW)), None, "{kind:?}");
    }
}

#[test]
fn expiry_counts_where_there_may_be_one() {
    let (logout, revocation) = (EventKind::LogoutToken, EventKind::GlobalRevocation);
    assert_eq!(with(logout, "exp", Value::Null), None);
    assert_eq!(with(revocation, "exp", Value::Null), Some(Fault::Expiry), "it lets somebody in");
    for kind in [logout, revocation] {
        assert_eq!(with(kind, "exp", json!(NOW - 299)), None, "{kind:?}");
        assert_eq!(with(kind, "exp", json!(NOW - 300)), Some(Fault::Expired), "{kind:?}");
        assert_eq!(with(kind, "exp", json!("soon")), Some(Fault::Expiry), "{kind:?}");
        assert_eq!(with(kind, "sub", json!("")), Some(Fault::Subject), "{kind:?}");
        assert_eq!(with(kind, "sub", Value::Null), None, "{kind:?}");
    }
}

#[test]
fn who_says_it_to_whom_and_which_it_is_must_be_clear() {
    for (kind, _) in KINDS {
        for issuer in [Value::Null, json!("https://other.example"), json!([ISSUER])] {
            assert_eq!(with(kind, "iss", issuer), Some(Fault::Issuer), "{kind:?}");
        }
        for audience in [Value::Null, json!("https://other.example"), json!([US, 5]), json!([])] {
            assert_eq!(with(kind, "aud", audience), Some(Fault::Audience), "{kind:?}");
        }
        assert_eq!(with(kind, "aud", json!(["other", US])), None, "{kind:?}");
        for id in [Value::Null, json!(""), json!(7), json!("a\0"), json!("a".repeat(256))] {
            assert_eq!(with(kind, "jti", id), Some(Fault::TokenId), "{kind:?}");
        }
        assert_eq!(with(kind, "jti", json!("a".repeat(255))), None, "{kind:?}");
    }
}

#[test]
fn an_event_without_the_issuers_signature_is_nothing() {
    for (kind, typ) in KINDS {
        let good = event(&json!(typ), &claims(kind));
        assert!(judge(kind, &good).is_ok(), "{typ}");
        let (unsigned, _) = good.rsplit_once('.').unwrap();
        let judged = |token: String| judge(kind, &token).err();
        assert_eq!(judged(format!("{unsigned}.")), Some(Fault::Signature), "{typ}");

        let by = |signer, alg: &str| {
            let header = json!({ "typ": typ, "alg": alg, "kid": key(Algorithm::Es256).kid() });
            signed_text(signer, &header.to_string(), &claims(kind).to_string())
        };
        assert_eq!(judged(by(stranger(), "ES256")), Some(Fault::Signature), "{typ}");
        for alg in ["none", "HS256", "RS256"] {
            assert_eq!(judged(by(key(Algorithm::Es256), alg)), Some(Fault::Algorithm), "{typ}");
        }
        let narrow = ExpectEvent { algorithms: &[Algorithm::Rs256], ..expect_event(kind) };
        let fault = verify_event::<Value>(&good, keys(), &narrow, NOW).err();
        assert_eq!(fault, Some(Fault::Algorithm), "{typ}");
        let others = jwks(&json!([stranger().public_jwk()]));
        let fault = verify_event::<Value>(&good, &others, &expect_event(kind), NOW).err();
        assert_eq!(fault, Some(Fault::UnknownKey), "{typ}");
    }
}

#[test]
fn a_repeated_member_is_refused_at_every_depth() {
    let kind = EventKind::SecurityEvent;
    let key = key(Algorithm::Es256);
    let header = json!({ "typ": "secevent+jwt", "alg": "ES256", "kid": key.kid() }).to_string();
    let judged = |events: &str| {
        let text = claims(kind).to_string().replace(r#"{"urn:example:event":{}}"#, events);
        judge(kind, &signed_text(key, &header, &text)).err()
    };
    assert_eq!(judged(r#"{"a":{"b":1}}"#), None);
    assert_eq!(judged(r#"{"a":{"b":1,"b":2}}"#), Some(Fault::RepeatedMember));
    assert_eq!(judged(r#"{"a":{},"a":{}}"#), Some(Fault::RepeatedMember));
}
