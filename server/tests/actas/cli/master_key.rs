use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    database::Kind,
    process::{Finished, actas},
    scene::Site,
};

fn printed() -> String {
    Finished::of(actas(["master-key"])).succeeded()
}

#[test]
fn is_32_bytes_in_base64_on_a_line() {
    let line = printed();
    assert_eq!(STANDARD.decode(line.strip_suffix('\n').unwrap()).unwrap().len(), 32);
}

#[test]
fn differs_each_time() {
    assert_ne!(printed(), printed());
}

#[test]
fn can_be_used_as_printed() {
    let site = Site::on(Kind::Sqlite);
    site.write("master.key", &printed());
    site.run(&["check-config"]).succeeded();
}
