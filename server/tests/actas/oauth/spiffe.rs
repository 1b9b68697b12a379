//! Workloads of a SPIFFE trust domain, by a JWT-SVID or an X.509-SVID.

use super::asserting::{
    Publisher, asserted, asserted_by_svid, bundle, happy, is_nobody, jwks, new_key, orchestrator,
    svid, toml,
};
use crate::{
    database::Kind,
    scene::Scene,
    secured::{Authority, Identity, Secured},
};

const ID: &str = "spiffe://example.org/agents/orchestrator";

fn settings(method: &str) -> String {
    format!("auth_methods = [\"{method}\"]\nspiffe_id = \"{ID}\"")
}

fn domain(bundle: &str) -> String {
    format!("\n[[trust_domains]]\nid = \"example.org\"\n{bundle}\n")
}

#[test]
fn a_workload_is_known_by_its_trust_domain() {
    let (ours, theirs) = (new_key(), new_key());
    let scene = Scene::declared(Kind::Sqlite, |site, org| {
        site.write("bundle.json", &bundle(&[&ours]).to_string());
        let other = "\n[[trust_domains]]\nid = \"other.example\"\n";
        let other = format!("{other}bundle = {}\n", toml(&bundle(&[&theirs])));
        let domains = domain("bundle_file = \"bundle.json\"") + &other;
        orchestrator(&org, &settings("spiffe_jwt"), &domains)
    });
    let sent = |key, id: &str| asserted_by_svid(happy(&scene), &svid(key, id));
    let good = sent(&ours, ID);
    assert_eq!(scene.send(&good).claims()["act"]["sub"], "agent:orchestrator");
    assert_eq!(scene.records().pop().unwrap()["authenticated_by"], "spiffe_jwt");
    scene.send(&good.clone().with("client_id", "orchestrator")).token();
    for (what, request) in [
        ("another client", good.with("client_id", "researcher")),
        ("another path", sent(&ours, "spiffe://example.org/agents/other")),
        ("a longer path", sent(&ours, &format!("{ID}/1"))),
        ("another domain's key", sent(&theirs, ID)),
        ("another domain", sent(&theirs, "spiffe://other.example/agents/orchestrator")),
        ("a domain nobody declared", sent(&ours, "spiffe://example.com/agents/orchestrator")),
        ("another kind of assertion", asserted(happy(&scene), &svid(&ours, ID))),
    ] {
        is_nobody(&scene, &request, what);
    }
}

#[test]
fn a_bundle_endpoint_may_rotate() {
    let spire = Publisher::start();
    spire.publishes(&bundle(&[&spire.key]));
    let scene = Scene::declared(Kind::Sqlite, |_, org| {
        let domain = domain(&format!("bundle_uri = \"{}\"", spire.keys()));
        orchestrator(&org, &settings("spiffe_jwt"), &domain)
    });
    let next = new_key();
    let sent = |key| asserted_by_svid(happy(&scene), &svid(key, ID));
    scene.send(&sent(&spire.key)).token();
    scene.send(&sent(&spire.key)).token();
    assert_eq!(spire.fetched(), 1);
    spire.publishes(&bundle(&[&next]));
    scene.send(&sent(&next)).token();
    is_nobody(&scene, &sent(&spire.key), "a key that was withdrawn");
    assert_eq!(spire.fetched(), 2);
}

/// A key is of one use in a bundle: without it, it is for none.
#[test]
fn keys_of_no_use_vouch_for_nobody() {
    let spire = Publisher::start();
    spire.publishes(&jwks(&[&spire.key]));
    let scene = Scene::declared(Kind::Sqlite, |_, org| {
        let domain = domain(&format!("bundle_uri = \"{}\"", spire.keys()));
        orchestrator(&org, &settings("spiffe_jwt"), &domain)
    });
    let sent = || asserted_by_svid(happy(&scene), &svid(&spire.key, ID));
    is_nobody(&scene, &sent(), "a key of no use");
    spire.publishes(&bundle(&[&spire.key]));
    scene.send(&sent()).token();
}

#[test]
fn a_workload_is_known_by_the_certificate_of_its_trust_domain() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let secured = Secured::with("client_certificates = true", |org| {
        let bundle = toml(&authority.bundle());
        orchestrator(&org, &settings("spiffe_x509"), &domain(&format!("bundle = {bundle}")))
    });
    let happy = happy(&secured.scene).with("client_id", "orchestrator");
    let good = authority.certify(ID, 2100);
    assert_eq!(secured.send_as(Some(&good), &happy).claims()["act"]["sub"], "agent:orchestrator");
    assert_eq!(secured.scene.records().pop().unwrap()["authenticated_by"], "spiffe_x509");
    for (what, identity) in [
        ("none", None),
        ("another path", Some(authority.certify("spiffe://example.org/agents/other", 2100))),
        ("another domain", Some(authority.certify("spiffe://other.example/orchestrator", 2100))),
        ("its name as a host", Some(authority.certify("agents.example.org", 2100))),
        ("expired", Some(authority.certify(ID, 2021))),
        ("another authority", Some(stranger.certify(ID, 2100))),
        ("nobody's", Some(Identity::self_signed(ID, 2100))),
    ] {
        let reply = secured.send_as(identity.as_ref(), &happy);
        assert_eq!(reply.refusal(), (401, "invalid_client".into(), String::new()), "{what}");
    }
    let other = happy.with("client_id", "researcher");
    secured.send_as(Some(&good), &other).refused(401, "invalid_client", "");
}
