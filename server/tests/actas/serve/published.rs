//! What anybody may read.

use crate::{database::Kind, http::Request, scene::Scene};

const JWKS: &str = "/o/acme/oauth/jwks";

#[test]
fn the_jwks_is_not_sent_twice_to_who_knows_it() {
    let scene = Scene::on(Kind::Sqlite);
    let first = scene.server.get(JWKS);
    let tag = first.header("etag").unwrap();
    let known = |tags: &str| scene.send(&Request::get(JWKS).header("if-none-match", tags));
    for tags in [tag, "*", &format!("\"older\", {tag}"), &format!("W/{tag}")] {
        let again = known(tags);
        assert_eq!((again.status, again.text(), again.header("etag")), (304, "", Some(tag)));
        assert_eq!(again.header("cache-control"), first.header("cache-control"));
    }
    assert_eq!(known("\"older\"").text(), first.text());
}

#[test]
fn the_jwks_has_another_tag_when_it_has_another_key() {
    let mut scene = Scene::on(Kind::Sqlite);
    let before = scene.server.get(JWKS);
    let made = scene.change("id = \"acme\"", "id = \"acme\"\nalgorithm = \"EdDSA\"");
    scene.server.has_loaded("acme", made.revision);
    assert_ne!(scene.server.get(JWKS).header("etag"), before.header("etag"));
}

#[test]
fn the_jwks_holds_nothing_private() {
    let mut scene = Scene::on(Kind::Sqlite);
    let made = scene.change("id = \"acme\"", "id = \"acme\"\nalgorithm = \"EdDSA\"");
    scene.server.has_loaded("acme", made.revision);
    let keys = scene.server.get(JWKS).json();
    for key in keys["keys"].as_array().unwrap() {
        let members: Vec<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let public = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
        assert!(members.iter().all(|member| public.contains(member)), "{members:?}");
    }
}

#[test]
fn the_key_outlives_the_process() {
    let Scene { server, site, .. } = Scene::on(Kind::Sqlite);
    let before = server.get(JWKS);
    drop(server);
    assert_eq!(site.serve().get(JWKS).text(), before.text());
}

#[test]
fn health_and_readiness_are_told() {
    let scene = Scene::on(Kind::Sqlite);
    assert_eq!(scene.server.get("/healthz").json()["status"], "ok");
    let ready = scene.server.get("/readyz").json();
    assert_eq!((&ready["status"], &ready["organizations"]), (&"ready".into(), &1.into()));
}
