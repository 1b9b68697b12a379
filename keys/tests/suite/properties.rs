//! What holds for every input: no panic, and never more lenient than `jsonwebtoken`.

use jsonwebtoken::{DecodingKey, Validation};
use keys::{Algorithm, DataKey, EventKind, Expect, PublicKeys, Signer, Typ, peek, verify};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{
    events,
    fixture::{
        ISSUER, NOW, US, claims, expect, fault, header, judge, key, keys, signed_text, token,
    },
};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!(ISSUER)),
        Just(json!(US)),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn name_of_claim() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "act", "scope"])
}

fn name_of_header() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["alg", "typ", "kid", "cty", "jwk", "x5c", "crit", "zip", "b64"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_verification_panic(text in "\\PC{0,200}", dots in "[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,90}") {
        for token in [text, dots] {
            prop_assert!(judge(&token).is_err());
            prop_assert!(peek(&token).is_err());
        }
    }

    #[test]
    fn no_signed_json_makes_verification_panic(name in name_of_header(), in_header in any_json(), in_claims in any_json()) {
        let mut header = header();
        header[name] = in_header;
        let token = signed_text(key(Algorithm::Es256), &header.to_string(), &in_claims.to_string());
        let _ = judge(&token);
        let _ = peek(&token);
    }

    #[test]
    fn no_change_of_one_character_is_accepted(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
        let whole = token();
        let at = at.index(whole.len());
        prop_assume!(whole[at..=at] != to);
        let changed = format!("{}{to}{}", &whole[..at], &whole[at + 1..]);
        prop_assert!(fault(&changed).is_some(), "{}", changed);
    }

    #[test]
    fn never_accepts_what_jsonwebtoken_refuses(name in name_of_claim(), value in any_json()) {
        let mut claims = claims();
        claims[name] = value;
        let token = signed_text(key(Algorithm::Es256), &header().to_string(), &claims.to_string());
        // Times apart, which `jsonwebtoken` compares with the clock of the machine.
        let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[US]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let jwk = key(Algorithm::Es256).public_jwk();
        let decoding = DecodingKey::from_ec_components(jwk["x"].as_str().unwrap(), jwk["y"].as_str().unwrap()).unwrap();
        if judge(&token).is_ok() {
            prop_assert!(jsonwebtoken::decode::<Value>(&token, &decoding, &validation).is_ok());
        }
    }

    #[test]
    fn what_is_accepted_keeps_its_promises(now in NOW - 1_000..NOW + 1_000, iat in NOW - 1_000..NOW + 1_000, life in -500_i64..500, nbf in NOW - 1_000..NOW + 1_000) {
        let mut claims = claims();
        claims["iat"] = json!(iat);
        claims["nbf"] = json!(nbf);
        claims["exp"] = json!(iat + life);
        let token = signed_text(key(Algorithm::Es256), &header().to_string(), &claims.to_string());
        let expect = Expect { typ: &[Typ::AccessToken, Typ::Untyped], ..expect() };
        let accepted = verify::<Value>(&token, keys(), &expect, now).is_ok();
        let alive = now < iat + life + 10 && nbf <= now + 10 && iat <= now + 10;
        prop_assert_eq!(accepted, alive);
    }

    #[test]
    fn no_event_of_any_shape_breaks_its_promises(kind in prop::sample::select(vec![EventKind::SecurityEvent, EventKind::LogoutToken, EventKind::GlobalRevocation]), name in name_of_claim(), value in any_json(), typ in prop::sample::select(vec!["secevent+jwt", "logout+jwt", "global-token-revocation+jwt", "JWT", "at+jwt"])) {
        let mut claims = events::claims(kind);
        claims[name] = value;
        let token = events::event(&json!(typ), &claims);
        if let Ok(event) = events::judge(kind, &token) {
            let registered = event.registered();
            prop_assert_eq!(&registered.issuer, ISSUER);
            prop_assert!(registered.audience.iter().any(|one| one == US) && !registered.id.is_empty());
            prop_assert!(registered.issued_at <= NOW + 300);
            prop_assert!(kind != EventKind::SecurityEvent || (registered.expires_at.is_none() && registered.subject.is_none()));
            prop_assert!(event.is_named() == (typ != "JWT"));
            prop_assert!(judge(&token).is_err(), "{typ} passes for an access token");
        }
    }

    #[test]
    fn no_document_makes_a_jwks_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), name in "kty|crv|x|y|n|e|d|kid|alg|use|key_ops|x5c|x5t", value in any_json(), algorithm in prop::sample::select(Algorithm::ALL.to_vec())) {
        let _ = PublicKeys::parse(&bytes);
        let mut jwk = key(algorithm).public_jwk().clone();
        jwk[name] = value;
        let _ = PublicKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes());
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does(plain in prop::collection::vec(any::<u8>(), 0..300), context in "\\PC{0,40}", forged in "[A-Za-z0-9_-]{0,40}\\.{0,2}[A-Za-z0-9_-]{16}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{22}") {
        let master = DataKey::generate().unwrap();
        let sealed = master.seal(&context, &plain).unwrap();
        let opened = master.open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), &plain[..]);
        prop_assert!(master.open(&context, forged.as_bytes()).is_err());
        prop_assert!(master.open(&context, &plain).is_err());
    }
}
