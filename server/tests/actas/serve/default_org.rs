//! `default_org`: one organization's issuer is the public URL itself.

use crate::{
    database::Kind,
    scene::{PUBLIC_URL, Scene, TOKEN, changed},
};

fn scene() -> Scene {
    Scene::configured(Kind::Sqlite, |site| site.set("default_org = \"acme\""))
}

#[test]
fn is_served_at_the_root() {
    let scene = scene();
    let claims = scene.send(&scene.happy().at("/oauth/token")).claims();
    assert_eq!((&claims["iss"], &claims["act"]["iss"]), (&PUBLIC_URL.into(), &PUBLIC_URL.into()));
    for document in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
    {
        let metadata = scene.server.get(document).json();
        assert_eq!(metadata["issuer"], PUBLIC_URL);
        assert_eq!(metadata["token_endpoint"], format!("{PUBLIC_URL}/oauth/token"));
    }
    assert_eq!(scene.server.get("/oauth/jwks").status, 200);
}

/// An issuer with two names would be two issuers.
#[test]
fn is_not_served_below_its_name() {
    let scene = scene();
    assert_eq!(scene.send(&scene.happy().at(TOKEN)).status, 404);
    let below = [
        "/o/acme/oauth/jwks",
        "/o/acme/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/o/acme",
        "/.well-known/openid-configuration/o/acme",
    ];
    for path in below {
        assert_eq!(scene.server.get(path).status, 404, "{path}");
    }
}

#[test]
fn leaves_the_others_below_theirs() {
    let scene = scene();
    let made = scene.site.apply(&changed(&scene.org, "\"acme\"", "\"other\""));
    scene.server.has_loaded("other", 1);
    let exchange = scene.happy().basic("orchestrator", &made.secrets["orchestrator"]);
    let claims = scene.send(&exchange.at("/o/other/oauth/token")).claims();
    assert_eq!(claims["iss"], format!("{PUBLIC_URL}/o/other"));
}

#[test]
fn without_one_there_is_nothing_at_the_root() {
    let scene = Scene::on(Kind::Sqlite);
    assert_eq!(scene.send(&scene.happy().at("/oauth/token")).status, 404);
    assert_eq!(scene.server.get("/oauth/jwks").status, 404);
    assert_eq!(scene.server.get("/.well-known/oauth-authorization-server").status, 404);
}
