//! Every kind of JWT shown to whoever expects another (RFC 8725 §3.11, §3.12): generated, whole.

use std::time::Duration;

use keys::{
    Algorithm, AssertionKind, EventKind, Expect, ExpectAssertion, ExpectAttestationProof,
    ExpectEvent, ExpectProof, ProofFault, PublicKey, Signer, TokenFault, Typ, VerifiedAssertion,
    VerifiedEvent, verify, verify_assertion, verify_attestation_proof, verify_event, verify_proof,
};
use serde_json::{Value, json};

use crate::fixture::{ISSUER, NOW, US, expect, key, keys, set, signed};

/// Somebody who expects one kind.
#[derive(Clone, Copy, Debug)]
enum Expects {
    Token(Typ),
    Event(EventKind),
    Assertion(AssertionKind),
    AttestationProof,
    Proof,
}

/// Who expects what, which name of its own that has, and whether it may come without.
const ALL: [(Expects, Option<&str>, bool); 13] = [
    (Expects::Token(Typ::AccessToken), Some("at+jwt"), false),
    (Expects::Token(Typ::Untyped), None, true),
    (Expects::Event(EventKind::SecurityEvent), Some("secevent+jwt"), false),
    (Expects::Event(EventKind::LogoutToken), Some("logout+jwt"), true),
    (Expects::Event(EventKind::GlobalRevocation), Some("global-token-revocation+jwt"), true),
    (
        Expects::Assertion(AssertionKind::ClientAuthentication),
        Some("client-authentication+jwt"),
        true,
    ),
    (Expects::Assertion(AssertionKind::Workload), None, true),
    (Expects::Assertion(AssertionKind::Svid), Some("JOSE"), true),
    (Expects::Assertion(AssertionKind::Attestation), Some("oauth-client-attestation+jwt"), false),
    (Expects::Assertion(AssertionKind::IdJag), Some("oauth-id-jag+jwt"), false),
    (Expects::Assertion(AssertionKind::Grant), None, true),
    (Expects::AttestationProof, Some("oauth-client-attestation-pop+jwt"), false),
    (Expects::Proof, Some("dpop+jwt"), false),
];

/// Kinds nobody here expects.
const STRANGE: [&str; 7] = [
    "wit+jwt",
    "wpt+jwt",
    "txntoken+jwt",
    "statuslist+jwt",
    "token-introspection+jwt",
    "jwt+at",
    "",
];

const URI: &str = "https://as.example/token";

impl Expects {
    /// What is wrong with a JWT of `typ`, which has all that this one wants to see in it, and nothing
    /// that it does not; and every key it might look for.
    fn judge(self, typ: &Value) -> Option<ProofFault> {
        let signer = key(Algorithm::Es256);
        let mut public = signer.public_jwk().clone();
        public.as_object_mut().unwrap().remove("kid");
        let header = json!({ "alg": "ES256", "kid": signer.kid(), "jwk": public });
        let mut claims = json!({
            "iss": ISSUER, "sub": "alice", "aud": US, "iat": NOW, "exp": NOW + 60, "jti": "1",
            "htm": "POST", "htu": URI
        });
        if let Self::Event(EventKind::SecurityEvent) = self {
            claims = set(set(claims, "sub", Value::Null), "exp", Value::Null);
        }
        self.fault(&signed(&set(header, "typ", typ.clone()), &claims))
    }

    fn fault(self, token: &str) -> Option<ProofFault> {
        let leeway = Duration::from_secs(10);
        let (past, future) = (Duration::from_mins(1), leeway);
        let algorithms = &Algorithm::ALL;
        let fault = match self {
            Self::Token(typ) => {
                let expect = Expect { typ: &[typ], ..expect() };
                verify::<Value>(token, keys(), &expect, NOW).err()
            }
            Self::Event(kind) => {
                let expect =
                    ExpectEvent { kind, issuer: ISSUER, audience: &[US], algorithms, leeway };
                let verified: Result<VerifiedEvent<Value>, _> =
                    verify_event(token, keys(), &expect, NOW);
                verified.err()
            }
            Self::Assertion(kind) => {
                let expect = ExpectAssertion {
                    kind,
                    issuer: Some(ISSUER),
                    audience: &[US],
                    sole_audience: true,
                    algorithms,
                    leeway,
                    longest: None,
                };
                let verified: Result<VerifiedAssertion<Value>, _> =
                    verify_assertion(token, keys(), &expect, NOW);
                verified.err()
            }
            Self::AttestationProof => {
                let key = PublicKey::from_jwk(key(Algorithm::Es256).public_jwk()).unwrap();
                let expect = ExpectAttestationProof { audience: US, algorithms, past, future };
                verify_attestation_proof(token, &key, &expect, NOW).err()
            }
            Self::Proof => {
                let (method, uri, access_token) = ("POST", URI, None);
                let expect = ExpectProof { method, uri, algorithms, past, future, access_token };
                return verify_proof(token, &expect, NOW).err();
            }
        };
        fault.map(ProofFault::Jwt)
    }
}

#[test]
fn nobody_takes_a_kind_for_another() {
    let names = ALL.iter().filter_map(|(_, name, _)| *name).chain(STRANGE);
    let names: Vec<_> = names.collect();
    for (expects, own, may_be_untyped) in ALL {
        for name in &names {
            let expected = (own != Some(name)).then_some(ProofFault::Jwt(TokenFault::Typ));
            for typ in [(*name).to_owned(), format!("application/{name}"), name.to_uppercase()] {
                assert_eq!(expects.judge(&json!(typ)), expected, "{expects:?} of `{typ}`");
            }
        }
        let expected = (!may_be_untyped).then_some(ProofFault::Jwt(TokenFault::Typ));
        for typ in [Value::Null, json!("JWT"), json!("jwt"), json!("application/jwt")] {
            assert_eq!(expects.judge(&typ), expected, "{expects:?} of `{typ}`");
        }
        let malformed = Some(ProofFault::Jwt(TokenFault::Malformed));
        assert_eq!(expects.judge(&json!(["at+jwt"])), malformed, "{expects:?}");
    }
}

/// What has a name is taken by one of all, so nothing passes for two things.
#[test]
fn every_name_is_one_kinds() {
    let names: Vec<_> = ALL.iter().filter_map(|(_, name, _)| *name).collect();
    for name in names {
        let takers = ALL.iter().filter(|(expects, ..)| expects.judge(&json!(name)).is_none());
        assert_eq!(takers.count(), 1, "{name}");
    }
}
