//! Instances of a client that an attester vouches for.

use keys::SigningKey;
use serde_json::{Value, json};
use server::clock;

use super::asserting::{Attested, happy, is_nobody, jwks, new_key, orchestrator, toml};
use crate::{database::Kind, scene::Scene};

const ATTESTER: &str = "https://attester.example";

on_both_databases![an_instance_is_believed_once_for_each_proof];

fn scene(kind: Kind, attester: &SigningKey) -> Scene {
    let settings = "auth_methods = [\"attest_jwt_client_auth\"]\nattester = \"acme\"";
    let keys = toml(&jwks(&[attester]));
    let section =
        format!("\n[[attesters]]\nid = \"acme\"\nissuer = \"{ATTESTER}\"\njwks = {keys}\n");
    Scene::declared(kind, |_, org| orchestrator(&org, settings, &section))
}

fn an_instance_is_believed_once_for_each_proof(kind: Kind) {
    let attester = new_key();
    let scene = scene(kind, &attester);
    let mut attested = Attested::new("orchestrator", ATTESTER);
    let sent = |it: &Attested| it.signed(happy(&scene), &attester, &it.instance);
    let first = sent(&attested);
    assert_eq!(scene.send(&first).claims()["act"]["sub"], "agent:orchestrator");
    assert_eq!(scene.records().pop().unwrap()["authenticated_by"], "attest_jwt_client_auth");
    is_nobody(&scene, &first, "the same proof");
    // The attestation is for more than one use.
    attested.proof["jti"] = json!("another");
    scene.send(&sent(&attested)).token();
}

#[test]
fn whoever_is_not_attested_or_lacks_the_key_is_nobody() {
    let (attester, thief) = (new_key(), new_key());
    let scene = scene(Kind::Sqlite, &attester);
    let sent = |change: &dyn Fn(&mut Attested)| {
        let mut attested = Attested::new("orchestrator", ATTESTER);
        change(&mut attested);
        attested.signed(happy(&scene), &attester, &attested.instance)
    };
    let signed = |attester: &SigningKey, prover: Option<&SigningKey>| {
        let attested = Attested::new("orchestrator", ATTESTER);
        attested.signed(happy(&scene), attester, prover.unwrap_or(&attested.instance))
    };
    let claim =
        |name: &str, value: Value| sent(&|it: &mut Attested| it.claims[name] = value.clone());
    let proof =
        |name: &str, value: Value| sent(&|it: &mut Attested| it.proof[name] = value.clone());
    let now = clock::now().0;
    scene.send(&sent(&|_| {})).token();
    for (what, request) in [
        ("a proof by another key", signed(&attester, Some(&thief))),
        ("an attestation by another key", signed(&thief, None)),
        ("an attestation of another client", claim("sub", json!("researcher"))),
        ("another attester", claim("iss", json!("https://other.example"))),
        ("an attestation that has expired", claim("exp", json!(now - 60))),
        ("a proof of long ago", proof("iat", json!(now - 120))),
        ("a proof for somebody else", proof("aud", json!("https://other.example"))),
        ("a client that is not attested", sent(&|it| it.client = "researcher".to_owned())),
    ] {
        is_nobody(&scene, &request, what);
    }
    for header in ["oauth-client-attestation", "oauth-client-attestation-pop"] {
        is_nobody(&scene, &sent(&|_| {}).and_header(header, "x"), "two of them");
    }
    let bare = happy(&scene).with("client_id", "orchestrator");
    is_nobody(&scene, &bare, "none at all");
    scene.send(&sent(&|_| {})).token();
}
