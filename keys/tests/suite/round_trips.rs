//! What goes out comes back the same, and in its own place only: for every algorithm, for any content.

use std::sync::Arc;

use keys::{
    Algorithm, DataKey, Entry, ExpectProof, KeyRing, ProofFault, PublicKey, PublicKeys, Signer,
    TokenFault, rotation::State, sign, verify, verify_proof,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    fixture::{NOW, claims, expect, header, key, keys, set, signed_text},
    proofs,
};

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop::sample::select(Algorithm::ALL.to_vec())
}

/// A name and a value nobody has registered.
fn extra() -> impl Strategy<Value = (String, Value)> {
    let value = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "\\PC{0,24}".prop_map(Value::from),
        prop::collection::vec("\\PC{0,8}", 0..4).prop_map(Value::from),
    ];
    ("x_[a-z]{1,8}", value)
}

fn path() -> impl Strategy<Value = String> {
    "/[a-z]{1,4}(/[a-z0-9]{1,4}){0,2}"
}

/// The members of a JWK in an order of its own, as text.
fn written(members: &[(String, Value)]) -> String {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// A key without private halves, shuffled, among members that say nothing of it.
fn dressed_key() -> impl Strategy<Value = (Algorithm, String)> {
    let extras = prop::collection::btree_map("x_[a-z]{1,6}", "[a-z]{0,6}", 0..4);
    (algorithm(), extras, any::<bool>()).prop_flat_map(|(algorithm, extras, is_named)| {
        let mut jwk = proofs::bare(key(algorithm));
        if is_named {
            jwk["kid"] = json!("of-no-meaning");
            jwk["use"] = json!("sig");
        }
        let members = jwk.as_object().unwrap().clone().into_iter();
        let members = members.chain(extras.into_iter().map(|(name, value)| (name, json!(value))));
        let members: Vec<_> = members.collect();
        (Just(algorithm), Just(members).prop_shuffle().prop_map(|members| written(&members)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_verifies_as_it_was(algorithm in algorithm(), (name, value) in extra()) {
        let claims = set(claims(), &name, value);
        let token = sign(key(algorithm), "at+jwt", &claims).unwrap();
        let verified = verify::<Value>(&token, keys(), &expect(), NOW).unwrap();
        prop_assert_eq!(verified.claims(), &claims);
    }

    #[test]
    fn a_token_of_any_algorithm_has_no_octet_to_spare(algorithm in algorithm(), at in any::<prop::sample::Index>(), bit in 0..7_u32) {
        let token = sign(key(algorithm), "at+jwt", &claims()).unwrap();
        let mut changed = token.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        let changed = String::from_utf8(changed).unwrap();
        prop_assert!(verify::<Value>(&changed, keys(), &expect(), NOW).is_err(), "{}", changed);
        for end in [at, token.len() - 1] {
            prop_assert!(verify::<Value>(&token[..end], keys(), &expect(), NOW).is_err());
        }
    }

    #[test]
    fn no_key_verifies_for_another(signer in algorithm(), named in algorithm(), said in algorithm()) {
        let header = set(set(header(), "alg", json!(said.name())), "kid", json!(key(named).kid()));
        let token = signed_text(key(signer), &header.to_string(), &claims().to_string());
        let fault = verify::<Value>(&token, keys(), &expect(), NOW).err();
        let expected = match (said == named, signer == named) {
            (false, _) => Some(TokenFault::Algorithm),
            (true, false) => Some(TokenFault::Signature),
            (true, true) => None,
        };
        prop_assert_eq!(fault, expected);
    }

    #[test]
    fn a_proof_is_of_one_method_one_address_and_one_token(
        methods in prop::sample::select(vec![("GET", "POST"), ("POST", "GET"), ("POST", "PUT"), ("DELETE", "delete")]),
        paths in (path(), path()), tokens in ("[A-Za-z0-9._~-]{1,40}", "[A-Za-z0-9._~-]{1,40}"), algorithm in algorithm(),
    ) {
        let uris = [paths.0, paths.1].map(|path| format!("https://api.example{path}"));
        let hash = |token: &str| {
            use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
            URL_SAFE_NO_PAD.encode(keys::sha256(token.as_bytes()))
        };
        let signer = key(algorithm);
        let claims = json!({ "jti": "1", "iat": NOW, "htm": methods.0, "htu": uris[0], "ath": hash(&tokens.0) });
        let proof = proofs::signed(signer, &proofs::bearing(signer), &claims);
        let mut expect = ExpectProof { method: methods.0, uri: &uris[0], access_token: Some(&tokens.0), ..proofs::expect() };
        let fault = |expect: &ExpectProof<'_>| verify_proof(&proof, expect, NOW).err();
        prop_assert_eq!(fault(&expect), None);
        expect.method = methods.1;
        prop_assert_eq!(fault(&expect), Some(ProofFault::Method));
        expect.method = methods.0;
        expect.uri = &uris[1];
        prop_assert_eq!(fault(&expect), (uris[0] != uris[1]).then_some(ProofFault::Uri));
        expect.uri = &uris[0];
        expect.access_token = Some(&tokens.1);
        prop_assert_eq!(fault(&expect).is_some(), tokens.0 != tokens.1);
    }

    /// RFC 7638 §3.2: the required members only, whatever stands beside them and in whatever order.
    #[test]
    fn a_thumbprint_is_of_the_key_and_not_of_how_it_is_written((algorithm, jwk) in dressed_key()) {
        let signer = key(algorithm);
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"{algorithm}","jwk":{jwk}}}"#);
        let proof = signed_text(signer, &header, &proofs::claims().to_string());
        let proof = proofs::judge(&proof).unwrap();
        prop_assert_eq!(proof.thumbprint(), signer.kid());
    }

    #[test]
    fn a_published_set_reads_back_with_every_key(order in Just(Algorithm::ALL.to_vec()).prop_shuffle(), length in 1..=4_usize) {
        let published: Vec<_> = order[..length].iter().map(|one| key(*one).public_jwk()).collect();
        let set = PublicKeys::parse(json!({ "keys": published }).to_string().as_bytes()).unwrap();
        prop_assert_eq!(set.len(), length);
        for (at, algorithm) in order.iter().enumerate() {
            let is_in = at < length;
            prop_assert_eq!(set.holds(Some(key(*algorithm).kid())), is_in);
            prop_assert_eq!(set.serves(*algorithm), is_in);
            let token = sign(key(*algorithm), "at+jwt", &claims()).unwrap();
            let fault = verify::<Value>(&token, &set, &expect(), NOW).err();
            prop_assert_eq!(fault, (!is_in).then_some(TokenFault::UnknownKey));
        }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only(plain in prop::collection::vec(any::<u8>(), 0..200), places in ("\\PC{0,24}", "\\PC{0,24}")) {
        let master = DataKey::generate().unwrap();
        let sealed = master.seal(&places.0, &plain).unwrap();
        for place in [&places.0, &places.1, &format!("{} ", places.0), &format!("{}/", places.0)] {
            let opened = master.open(place, &sealed).ok();
            prop_assert_eq!(opened.as_deref(), (*place == places.0).then_some(&plain), "{}", place);
        }
        prop_assert!(DataKey::generate().unwrap().open(&places.0, &sealed).is_err());
    }
}

/// What a ring prints, whoever fetches it can read, and nothing private is in it.
#[test]
fn a_ring_publishes_public_keys_of_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let signer: Arc<dyn Signer> = Arc::new(keys::SigningKey::generate(algorithm).unwrap());
        let ring = vec![Entry { key: Arc::clone(&signer), state: State::Active }];
        let ring = KeyRing::new(ring).unwrap();
        let printed: Value = serde_json::from_str(ring.jwks_json()).unwrap();
        let jwk = &printed["keys"][0];
        assert_eq!(jwk, signer.public_jwk(), "{algorithm}");
        assert_eq!(PublicKey::from_jwk(jwk).unwrap().kid(), Some(signer.kid()));
        for private in keys::PRIVATE_MEMBERS {
            assert!(jwk.get(private).is_none(), "{private} of {algorithm}");
        }
    }
}
