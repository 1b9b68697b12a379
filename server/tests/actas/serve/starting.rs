//! What keeps it from starting is told in a sentence, and it does not start half.

use std::{fs, net::TcpListener};

use keys::MasterKey;

use crate::{
    database::Kind,
    scene::{Scene, Site, org},
};

#[track_caller]
fn told(site: &Site) -> String {
    let told = site.run(&["serve"]).failed();
    assert!(told.lines().last().unwrap().starts_with("error: "), "{told}");
    told
}

#[test]
fn does_not_start_without_its_database() {
    let site = Site::on(Kind::Postgres);
    site.postgres.as_ref().unwrap().close();
    assert!(told(&site).contains("cannot connect to PostgreSQL"), "{}", told(&site));
}

#[test]
fn does_not_start_where_somebody_else_listens() {
    let site = Site::on(Kind::Sqlite);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    site.configure("127.0.0.1:0", &other.local_addr().unwrap().to_string());
    assert!(told(&site).contains("in use"), "{}", told(&site));
}

/// It could serve nothing, and would look ready.
#[test]
fn does_not_start_with_another_master_key() {
    let Scene { server, site, .. } = Scene::on(Kind::Sqlite);
    drop(server);
    let key = fs::read_to_string(site.path("master.key")).unwrap();
    site.write("master.key", &MasterKey::generate().unwrap().1);
    assert!(told(&site).contains("master key"), "{}", told(&site));
    site.write("master.key", &key);
    assert_eq!(site.serve().get("/o/acme/oauth/jwks").status, 200);
}

#[test]
fn starts_beside_an_organization_of_another_name() {
    let site = Site::on(Kind::Sqlite);
    site.set("default_org = \"nobody-yet\"");
    site.apply(&org());
    let server = site.serve();
    assert_eq!(server.get("/oauth/jwks").status, 404);
    assert_eq!(server.get("/o/acme/oauth/jwks").status, 200);
}
