//! Several processes on one database are one server.

use crate::{
    database::Kind,
    process::Server,
    scene::{Scene, Site, exchange},
};

/// Both have loaded the organization at the same time, each without a key to begin with.
fn two() -> (Server, Scene) {
    let (server, site, provider, org) = Scene::unapplied(Kind::Postgres);
    let other = site.serve();
    let secrets = site.apply(&org).secrets;
    server.has_loaded("acme", 1);
    other.has_loaded("acme", 1);
    (other, Scene { server, secrets, org, site, provider })
}

#[test]
fn agree_on_one_key() {
    let (other, scene) = two();
    let jwks = scene.server.get("/o/acme/oauth/jwks");
    assert_eq!(jwks.json()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(other.get("/o/acme/oauth/jwks").text(), jwks.text());
}

#[test]
fn take_each_others_tokens() {
    let (other, scene) = two();
    other.send(&scene.next_hop(&scene.handed())).token();
}

#[test]
fn agree_on_a_new_key() {
    let (other, mut scene) = two();
    let revision = scene.change("id = \"acme\"", "id = \"acme\"\nalgorithm = \"EdDSA\"").revision;
    scene.server.has_loaded("acme", revision);
    other.has_loaded("acme", revision);
    let jwks = scene.server.get("/o/acme/oauth/jwks");
    assert_eq!(jwks.json()["keys"].as_array().unwrap().len(), 2);
    assert_eq!(other.get("/o/acme/oauth/jwks").text(), jwks.text());
}

/// Whichever a request reaches, what `apply` took away is gone.
#[test]
fn follow_at_once_all_of_them() {
    let (other, mut scene) = two();
    let next_hop = scene.next_hop(&scene.handed());
    other.send(&next_hop).token();
    scene.change("id = \"researcher\"", "id = \"researcher\"\ndisabled = true");
    other.send(&next_hop).refused(401, "invalid_client", "");
    scene.send(&next_hop).refused(401, "invalid_client", "");
}

/// The schema is made once, whoever comes first.
#[test]
fn start_together_on_an_empty_database() {
    let site = Site::on(Kind::Postgres);
    let servers = std::thread::scope(|threads| {
        [0, 1, 2].map(|_| threads.spawn(|| site.serve())).map(|started| started.join().unwrap())
    });
    for server in &servers {
        assert_eq!(server.get("/readyz").status, 200);
    }
    let (provider, org) = (crate::provider::Provider::start(), crate::scene::org());
    let issuer = &provider.issuer;
    let made = site.apply(&crate::scene::changed(&org, "https://idp.example", issuer));
    for server in &servers {
        server.has_loaded("acme", 1);
        let exchange = exchange(&provider.access_token("alice"));
        server.send(&exchange.basic("orchestrator", &made.secrets["orchestrator"])).token();
    }
}
