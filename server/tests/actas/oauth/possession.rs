//! Proofs of possession end to end (RFC 9449): what is bound stays bound, and what is used is used. What a
//! proof must be is asserted in `conformance/`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, Signer, SigningKey};
use serde_json::{Value, json};
use server::clock;

use crate::{
    database::Kind,
    http::Reply,
    scene::{PUBLIC_URL, Scene, TOKEN, changed},
};

/// Somebody's key.
struct Key(SigningKey);

impl Key {
    fn new() -> Self {
        Self(SigningKey::generate(Algorithm::Es256).unwrap())
    }

    /// A proof for our token endpoint, with this nonce or none.
    fn proof(&self, nonce: Option<&str>) -> String {
        let mut jwk = self.0.public_jwk().clone();
        jwk.as_object_mut().unwrap().retain(|name, _| ["kty", "crv", "x", "y"].contains(&&**name));
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let mut claims = json!({
            "jti": clock::id().to_string(), "htm": "POST",
            "htu": format!("{PUBLIC_URL}{TOKEN}"), "iat": clock::now().0,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes()).unwrap());
        format!("{input}.{signature}")
    }
}

/// The organization wants a nonce of its own in proofs.
fn with_nonces() -> Scene {
    Scene::declared(Kind::Sqlite, |_, org| {
        changed(&org, "id = \"acme\"\n", "id = \"acme\"\ndpop_nonce = true\n")
    })
}

fn nonce(reply: &Reply) -> String {
    assert_eq!(reply.count("dpop-nonce"), 1, "{reply:?}");
    reply.header("dpop-nonce").unwrap().to_owned()
}

#[test]
fn the_next_hop_is_bound_to_the_key_of_whoever_asks() {
    let scene = Scene::on(Kind::Sqlite);
    let (one, other) = (Key::new(), Key::new());
    let handing = scene.happy().with("audience", "researcher").without("resource");
    let handed = scene.send(&handing.header("dpop", &one.proof(None)));
    assert_eq!(handed.json()["token_type"], "DPoP");
    let jkt = handed.claims()["cnf"]["jkt"].as_str().unwrap().to_owned();
    let next = scene.next_hop(&handed.token());
    // A token that is bound is never exchanged for one that is not.
    scene.send(&next).refusal();
    let bound = scene.send(&next.header("dpop", &other.proof(None)));
    assert_eq!(bound.json()["token_type"], "DPoP");
    assert_ne!(bound.claims()["cnf"]["jkt"].as_str().unwrap(), jkt);
}

fn a_proof_is_good_once(kind: Kind) {
    let scene = Scene::on(kind);
    let (happy, key) = (scene.happy(), Key::new());
    let proof = key.proof(None);
    scene.send(&happy.clone().header("dpop", &proof)).token();
    let again = scene.send(&happy.clone().header("dpop", &proof));
    again.refused(400, "invalid_dpop_proof", "proof");
    scene.send(&happy.header("dpop", &key.proof(None))).token();
}

on_both_databases![a_proof_is_good_once];

#[test]
fn one_proof_at_most() {
    let scene = Scene::on(Kind::Sqlite);
    let (happy, key) = (scene.happy(), Key::new());
    let one = happy.and_header("dpop", &key.proof(None));
    let two = one.clone().and_header("dpop", &key.proof(None));
    scene.send(&two).refused(400, "invalid_dpop_proof", "proof");
    scene.send(&one).token();
}

#[test]
fn whoever_lacks_a_nonce_is_told_one_and_gets_the_next_with_the_token() {
    let scene = with_nonces();
    let (happy, key) = (scene.happy(), Key::new());
    let with = |nonce: Option<&str>| happy.clone().header("dpop", &key.proof(nonce));
    let refused = scene.send(&with(None));
    refused.refused(400, "use_dpop_nonce", "proof");
    assert_eq!(refused.header("cache-control"), Some("no-store"));
    assert_eq!(refused.header("www-authenticate"), None);
    let first = nonce(&refused);
    let issued = scene.send(&with(Some(&first)));
    issued.token();
    let next = nonce(&issued);
    scene.send(&with(Some(&next))).token();
    let forged = format!("{first}A");
    scene.send(&with(Some(&forged))).refused(400, "use_dpop_nonce", "proof");
}

#[test]
fn where_no_nonce_is_wanted_nobody_is_told_one() {
    let scene = Scene::on(Kind::Sqlite);
    let (happy, key) = (scene.happy(), Key::new());
    let issued = scene.send(&happy.clone().header("dpop", &key.proof(None)));
    issued.token();
    assert_eq!(issued.header("dpop-nonce"), None);
    let refused = scene.send(&happy.header("dpop", "rubbish"));
    refused.refused(400, "invalid_dpop_proof", "proof");
    assert_eq!(refused.header("dpop-nonce"), None);
}
