//! The master key is replaced while everything goes on.

use keys::MasterKey;

use super::JWKS;
use crate::{
    database::Kind,
    scene::{Scene, Site, org},
};

on_both_databases!(is_replaced_while_everything_goes_on);

const MASTER: &str = "master_key_file = \"master.key\"\n";
const BOTH: &str = "master_key_file = \"new.key\"\nprevious_master_key_files = [\"master.key\"]\n";
const NEW: &str = "master_key_file = \"new.key\"\n";

fn is_replaced_while_everything_goes_on(kind: Kind) {
    let mut scene = Scene::on(kind);
    let (exchange, jwks) = (scene.happy(), scene.server.get(JWKS).text().to_owned());
    scene.site.write("new.key", &MasterKey::generate().unwrap().1);
    scene.site.configure(MASTER, BOTH);

    // With both, before and after it is wrapped anew; the old server knows of nothing.
    let other = scene.site.serve();
    let told = scene.site.run(&["keys", "rewrap"]).succeeded();
    assert!(told.contains("is wrapped under the master key now"), "{told}");
    let told = scene.site.run(&["keys", "rewrap"]).succeeded();
    assert!(told.starts_with("nothing to do"), "{told}");
    for server in [&scene.server, &other] {
        server.send(&exchange).token();
        assert_eq!(server.get(JWKS).text(), jwks);
    }

    // With the new one only.
    scene.site.configure(BOTH, NEW);
    scene.server.kill();
    drop(other);
    scene.server = scene.site.serve();
    scene.send(&exchange).token();
    assert_eq!(scene.server.get(JWKS).text(), jwks);

    // With the old one only.
    scene.site.configure(NEW, MASTER);
    let told = scene.site.run(&["serve"]).failed();
    assert!(told.contains("the master key is not the one this database was last used with"));
    assert!(told.contains("`keys.previous_master_key_files`"), "{told}");
}

/// As it was before data keys were wrapped: its master key was its data key, and a constant sealed
/// under it told whether it was the right one.
fn older() -> Site {
    let site = Site::on(Kind::Postgres);
    let key = std::fs::read_to_string(site.path("master.key")).unwrap();
    let master = MasterKey::from_base64(&key).unwrap();
    // Migrates, and has sealed nothing by then.
    site.run(&["keys", "rewrap"]).succeeded();
    let probe = master.as_data_key().unwrap().seal("installation", b"actas").unwrap();
    // A compact JWE is text.
    let probe = String::from_utf8(probe).unwrap();
    site.postgres
        .as_ref()
        .unwrap()
        .ask(&format!("UPDATE installation SET data_key = NULL, probe = '{probe}'"));
    site.write("new.key", &MasterKey::generate().unwrap().1);
    site
}

#[test]
fn an_older_installation_goes_on() {
    let site = older();
    site.configure(MASTER, NEW);
    let told = site.run(&["keys", "rewrap"]).failed();
    assert!(told.contains("the master key is not the one"), "{told}");
    site.configure(NEW, MASTER);
    site.apply(&org());
    let before = site.serve().get(JWKS).text().to_owned();
    // From then on it is like any other.
    site.configure(MASTER, BOTH);
    let told = site.run(&["keys", "rewrap"]).succeeded();
    assert!(told.contains("is wrapped under the master key now"), "{told}");
    site.configure(BOTH, NEW);
    assert_eq!(site.serve().get(JWKS).text(), before);
}

#[test]
fn an_older_installation_takes_a_new_master_key_at_its_first_start() {
    let site = older();
    site.configure(MASTER, BOTH);
    let told = site.run(&["keys", "rewrap"]).succeeded();
    assert!(told.contains("is wrapped under the master key now"), "{told}");
    site.configure(BOTH, NEW);
    site.apply(&org());
}

#[test]
fn a_previous_key_that_is_none_is_told() {
    let site = Site::on(Kind::Sqlite);
    site.write("old.key", "too short\n");
    for (file, told) in [("old.key", "not 32 octets in base64"), ("gone.key", "cannot be read")] {
        let line = format!("{MASTER}previous_master_key_files = [\"{file}\"]\n");
        site.configure(MASTER, &line);
        let found = site.run(&["check-config"]).failed();
        assert!(found.contains("`keys.previous_master_key_files`"), "{found}");
        assert!(found.contains(told) && found.contains(file), "{found}");
        site.configure(&line, MASTER);
    }
}

#[test]
fn a_cache_time_beyond_reason_is_told() {
    let site = Site::on(Kind::Sqlite);
    for (age, fine) in [(0, false), (1, true), (3600, true), (3601, false)] {
        site.configure("[keys]\n", &format!("[keys]\njwks_max_age = {age}\n"));
        let done = site.run(&["check-config"]);
        if fine {
            done.succeeded();
        } else {
            let told = done.failed();
            assert!(told.contains("`keys.jwks_max_age`: it must be from 1 to 3600"), "{told}");
        }
        site.configure(&format!("[keys]\njwks_max_age = {age}\n"), "[keys]\n");
    }
}
