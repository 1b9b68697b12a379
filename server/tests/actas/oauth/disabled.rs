//! A client with every method there is: while it is disabled, or stopped, none of them works.

use serde_json::json;

use super::asserting::{
    Attested, Publisher, US, asserted, asserted_by_svid, bundle, happy, jwks, new_key,
    orchestrator, own, platform_token, svid, toml,
};
use crate::{
    database::Kind,
    http::Reply,
    scene::Scene,
    secured::{Authority, Identity, Secured},
};

const NAME: &str = "agent.example";
const SPIFFE_ID: &str = "spiffe://example.org/agent";
const ATTESTER: &str = "https://attester.example";
const BRANCH: &str = "repo:acme/agents:ref:refs/heads/main";
const ID: &str = "id = \"orchestrator\"\n";

/// Each attempt of `all` works while nothing is in its way, and none while something is.
#[track_caller]
fn follows(scene: &mut Scene, all: impl Fn(&Scene) -> Vec<(&'static str, Reply)>) {
    let works = |scene: &Scene| {
        for (method, reply) in all(scene) {
            assert_eq!(reply.status, 200, "{method}: {}", reply.text());
            assert_eq!(scene.records().pop().unwrap()["client"], "orchestrator", "{method}");
        }
    };
    let fails = |scene: &Scene| {
        for (method, reply) in all(scene) {
            let expected = (401, "invalid_client".into(), String::new());
            assert_eq!(reply.refusal(), expected, "{method}");
        }
    };
    works(scene);
    scene.change(ID, &format!("{ID}disabled = true\n"));
    fails(scene);
    scene.change("disabled = true\n", "");
    works(scene);
    scene.site.run(&["revoke", "agent", "acme", "orchestrator"]).succeeded();
    fails(scene);
    // What is declared does not let it go on.
    scene.site.apply(&scene.org);
    fails(scene);
    scene.site.run(&["restore", "agent", "acme", "orchestrator"]).succeeded();
    works(scene);
}

#[test]
fn nothing_that_it_sends_makes_it_anybody() {
    let (platform, key, attester) = (Publisher::start(), new_key(), new_key());
    let mut scene = Scene::declared(Kind::Sqlite, |_, org| {
        let methods = "auth_methods = [\"client_secret_basic\", \"client_secret_post\", \
                       \"private_key_jwt\", \"workload_identity\", \"spiffe_jwt\", \
                       \"attest_jwt_client_auth\"]";
        let settings = format!(
            "{methods}\njwks = {}\nspiffe_id = \"{SPIFFE_ID}\"\nattester = \"acme\"\nworkloads = {}",
            toml(&jwks(&[&key])),
            toml(&json!([{ "issuer": "ci", "subject": BRANCH, "audience": US }])),
        );
        let sections = format!(
            "\n[[workload_issuers]]\nid = \"ci\"\nissuer = \"{}\"\n\
             \n[[trust_domains]]\nid = \"example.org\"\nbundle = {}\n\
             \n[[attesters]]\nid = \"acme\"\nissuer = \"{ATTESTER}\"\njwks = {}\n",
            platform.issuer(),
            toml(&bundle(&[&key])),
            toml(&jwks(&[&attester])),
        );
        orchestrator(&org, &settings, &sections)
    });
    follows(&mut scene, |scene| {
        let secret = scene.secret("orchestrator");
        let (happy, attested) = (happy(scene), Attested::new("orchestrator", ATTESTER));
        let subject = json!({ "sub": BRANCH });
        let job = platform_token(platform.issuer(), &platform.key, &subject);
        let named = happy.clone().with("client_id", "orchestrator");
        let requests = [
            ("client_secret_basic", happy.clone().basic("orchestrator", secret)),
            ("client_secret_post", named.with("client_secret", secret)),
            ("private_key_jwt", asserted(happy.clone(), &own("orchestrator", &key))),
            ("workload_identity", asserted(happy.clone(), &job)),
            ("spiffe_jwt", asserted_by_svid(happy.clone(), &svid(&key, SPIFFE_ID))),
            ("attest_jwt_client_auth", attested.signed(happy, &attester, &attested.instance)),
        ];
        requests.map(|(method, request)| (method, scene.send(&request))).into()
    });
}

#[test]
fn no_certificate_makes_it_anybody() {
    let (authority, registered) = (Authority::new(), Identity::self_signed(NAME, 2100));
    let by_name = authority.certify(NAME, 2100);
    let by_id = authority.certify(SPIFFE_ID, 2100);
    let mut secured = Secured::with("client_certificates = true", |org| {
        let methods = "auth_methods = [\"tls_client_auth\", \"self_signed_tls_client_auth\", \
                       \"spiffe_x509\"]";
        let settings = format!(
            "{methods}\ntls_client_auth_san_dns = \"{NAME}\"\nspiffe_id = \"{SPIFFE_ID}\"\njwks = {}",
            toml(&json!({ "keys": [registered.jwk()] })),
        );
        let sections = format!(
            "\n[[certificate_authorities]]\nid = \"corp\"\npem = \"\"\"\n{}\"\"\"\n\
             \n[[trust_domains]]\nid = \"example.org\"\nbundle = {}\n",
            authority.pem,
            toml(&authority.bundle()),
        );
        orchestrator(&org, &settings, &sections)
    });
    let trusted = secured.certificate.clone();
    follows(&mut secured.scene, |scene| {
        let happy = happy(scene).with("client_id", "orchestrator");
        let identities = [
            ("tls_client_auth", &by_name),
            ("self_signed_tls_client_auth", &registered),
            ("spiffe_x509", &by_id),
        ];
        let send = |identity| crate::secured::sent_as(scene, &trusted, Some(identity), &happy);
        identities.map(|(method, identity)| (method, send(identity))).into()
    });
}
