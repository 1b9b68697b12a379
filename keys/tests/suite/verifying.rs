//! Verification beyond the incidents: what is accepted, and exactly until where.

use std::time::Duration;

use keys::{Algorithm, Expect, Signer, TokenFault as Fault, Typ, Verified, verify};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixture::{
    ISSUER, NOW, US, claims, expect, fault, header, judge, jwks, key, keys, signed_text, token,
    with_claim, with_header,
};

fn fault_of(token: &str, expect: &Expect<'_>, now: i64) -> Option<Fault> {
    verify::<Value>(token, keys(), expect, now).err()
}

#[test]
fn returns_what_was_verified() {
    let verified = judge(&token()).unwrap();
    let registered = verified.registered();
    assert_eq!(registered.issuer, ISSUER);
    assert_eq!(registered.subject, "alice");
    assert_eq!(registered.audience, [US]);
    assert_eq!(registered.issued_at, NOW - 60);
    assert_eq!(registered.expires_at, NOW + 240);
    assert_eq!(registered.id.as_deref(), Some("0199"));
    assert_eq!(verified.typ(), Typ::AccessToken);
    assert_eq!(verified.claims(), &claims());
}

#[test]
fn reads_the_claims_into_the_callers_type() {
    #[derive(Deserialize)]
    struct Claims {
        client_id: String,
    }
    let verified: Verified<Claims> = verify(&token(), keys(), &expect(), NOW).unwrap();
    assert_eq!(verified.claims().client_id, "orchestrator");

    let without = with_claim("client_id", Value::Null);
    let refused = verify::<Claims>(&without, keys(), &expect(), NOW);
    assert_eq!(refused.err(), Some(Fault::Claims));
}

#[test]
fn accepts_every_algorithm_with_its_own_key() {
    for algorithm in Algorithm::ALL {
        let signer = key(algorithm);
        let header = json!({ "typ": "at+jwt", "alg": algorithm.name(), "kid": signer.kid() });
        let token = signed_text(signer, &header.to_string(), &claims().to_string());
        assert_eq!(fault(&token), None, "{algorithm}");

        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|one| *one != algorithm).collect();
        let expect = Expect { algorithms: &others, ..expect() };
        assert_eq!(fault_of(&token, &expect, NOW), Some(Fault::Algorithm), "{algorithm}");
    }
}

#[test]
fn accepts_the_fully_specified_name_of_eddsa() {
    let signer = key(Algorithm::EdDsa);
    let header = json!({ "typ": "at+jwt", "alg": "Ed25519", "kid": signer.kid() });
    assert_eq!(fault(&signed_text(signer, &header.to_string(), &claims().to_string())), None);
}

#[test]
fn expires_at_the_second_it_says() {
    assert_eq!(fault_of(&token(), &expect(), NOW + 249), None);
    assert_eq!(fault_of(&token(), &expect(), NOW + 250), Some(Fault::Expired));
    let exact = Expect { leeway: Duration::ZERO, ..expect() };
    assert_eq!(fault_of(&token(), &exact, NOW + 239), None);
    assert_eq!(fault_of(&token(), &exact, NOW + 240), Some(Fault::Expired));
}

#[test]
fn begins_at_the_second_it_says() {
    let token = with_claim("nbf", json!(NOW + 20));
    assert_eq!(fault_of(&token, &expect(), NOW + 10), None);
    assert_eq!(fault_of(&token, &expect(), NOW + 9), Some(Fault::NotYetValid));
}

#[test]
fn is_not_issued_later_than_now() {
    assert_eq!(fault_of(&token(), &expect(), NOW - 70), None);
    assert_eq!(fault_of(&token(), &expect(), NOW - 71), Some(Fault::IssuedInFuture));
}

#[test]
fn is_not_older_than_expected() {
    let aged = |age| Expect { max_age: Some(Duration::from_secs(age)), ..expect() };
    assert_eq!(fault_of(&token(), &aged(50), NOW), None);
    assert_eq!(fault_of(&token(), &aged(49), NOW), Some(Fault::TooOld));
}

#[test]
fn survives_times_at_the_edge_of_the_integers() {
    for (exp, iat) in [(i64::MAX, i64::MIN), (i64::MAX, 0)] {
        let mut claims = claims();
        claims["exp"] = json!(exp);
        claims["iat"] = json!(iat);
        let token = signed_text(key(Algorithm::Es256), &header().to_string(), &claims.to_string());
        let aged = Expect { max_age: Some(Duration::MAX), leeway: Duration::MAX, ..expect() };
        for now in [i64::MIN, 0, i64::MAX] {
            let _ = fault_of(&token, &aged, now);
        }
        assert_eq!(fault(&token), None);
    }
}

#[test]
fn compares_the_issuer_as_a_string() {
    for issuer in ["https://idp.example/", "HTTPS://idp.example", "https://idp.example:443", ""] {
        let expect = Expect { issuer, ..expect() };
        assert_eq!(fault_of(&token(), &expect, NOW), Some(Fault::Issuer), "{issuer}");
    }
    let nameless = with_claim("iss", json!(""));
    assert_eq!(fault_of(&nameless, &Expect { issuer: "", ..expect() }, NOW), Some(Fault::Issuer));
}

#[test]
fn one_of_several_audiences_is_enough_and_none_expected_leaves_it_to_the_caller() {
    let expect_two = Expect { audience: &["orchestrator", US], ..expect() };
    assert_eq!(fault_of(&token(), &expect_two, NOW), None);

    let unjudged = Expect { audience: &[], ..expect() };
    assert_eq!(fault_of(&with_claim("aud", json!(["a", "b"])), &unjudged, NOW), None);
    assert_eq!(fault_of(&with_claim("aud", Value::Null), &unjudged, NOW), None);
    assert_eq!(fault_of(&with_claim("aud", json!(5)), &unjudged, NOW), Some(Fault::Audience));
}

#[test]
fn tells_the_kinds_it_accepts_apart() {
    let both = Expect { typ: &[Typ::AccessToken, Typ::Untyped], ..expect() };
    for (typ, expected) in [
        (json!("at+jwt"), Typ::AccessToken),
        (json!("JWT"), Typ::Untyped),
        (Value::Null, Typ::Untyped),
    ] {
        let token = with_header("typ", typ);
        let verified = verify::<Value>(&token, keys(), &both, NOW).unwrap();
        assert_eq!(verified.typ(), expected);
    }
    let untyped = Expect { typ: &[Typ::Untyped], ..expect() };
    assert_eq!(fault_of(&token(), &untyped, NOW), Some(Fault::Typ));
}

#[test]
fn without_a_kid_exactly_one_key_may_serve() {
    let nameless = with_header("kid", Value::Null);
    let one = key(Algorithm::Es256).public_jwk();
    let other = crate::fixture::stranger().public_jwk();
    let rsa = key(Algorithm::Rs256).public_jwk();
    let judge = |keys: Value| verify::<Value>(&nameless, &jwks(&keys), &expect(), NOW).err();

    assert_eq!(judge(json!([one])), None);
    assert_eq!(judge(json!([rsa, one])), None, "the other key is of another algorithm");
    assert_eq!(judge(json!([one, other])), Some(Fault::UnknownKey), "never tries in turn");
    assert_eq!(judge(json!([rsa])), Some(Fault::UnknownKey));
    assert_eq!(judge(json!([])), Some(Fault::UnknownKey));
}

#[test]
fn a_kid_is_not_served_by_a_key_without_one() {
    let mut anonymous = key(Algorithm::Es256).public_jwk().clone();
    anonymous.as_object_mut().unwrap().remove("kid");
    let refused = verify::<Value>(&token(), &jwks(&json!([anonymous])), &expect(), NOW);
    assert_eq!(refused.err(), Some(Fault::UnknownKey));
}

#[test]
fn an_rsa_key_without_alg_serves_both_paddings_and_one_with_alg_its_own() {
    let signer = key(Algorithm::Rs256);
    let header = json!({ "typ": "at+jwt", "alg": "PS256", "kid": signer.kid() });
    let mislabelled = signed_text(signer, &header.to_string(), &claims().to_string());
    assert_eq!(fault(&mislabelled), Some(Fault::Algorithm));

    let mut open = signer.public_jwk().clone();
    open.as_object_mut().unwrap().remove("alg");
    let keys = jwks(&json!([open]));
    let refused = verify::<Value>(&mislabelled, &keys, &expect(), NOW);
    assert_eq!(refused.err(), Some(Fault::Signature), "PS256 was allowed, and checked as such");
    let header = json!({ "typ": "at+jwt", "alg": "RS256", "kid": signer.kid() });
    let honest = signed_text(signer, &header.to_string(), &claims().to_string());
    assert!(verify::<Value>(&honest, &keys, &expect(), NOW).is_ok());
}

#[test]
fn a_key_without_alg_still_serves_only_its_own_type() {
    let mut open = key(Algorithm::Es256).public_jwk().clone();
    open.as_object_mut().unwrap().remove("alg");
    let keys = jwks(&json!([open]));
    assert!(verify::<Value>(&token(), &keys, &expect(), NOW).is_ok());
    let confused = with_header("alg", json!("RS256"));
    let refused = verify::<Value>(&confused, &keys, &expect(), NOW);
    assert_eq!(refused.err(), Some(Fault::Algorithm));
}

#[test]
fn the_payload_must_be_an_object() {
    for claims in ["[]", "\"alice\"", "null", "", "{", "{}{}"] {
        let token = signed_text(key(Algorithm::Es256), &header().to_string(), claims);
        assert_eq!(fault(&token), Some(Fault::Malformed), "{claims}");
    }
}
