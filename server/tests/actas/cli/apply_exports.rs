//! `actas apply`: exports of the audit trail; each bad value has an error of its own, and what is secret
//! stays so.

use crate::{
    database::Kind,
    scene::{Site, org},
};

const SPLUNK: &str = r#"
[[exports]]
id = "siem"
kind = "splunk"
url = "https://splunk.example:8088"
token = { file = "splunk.token" }
"#;

const FILE: &str = r#"
[[exports]]
id = "archive"
kind = "file"
file = "audit.jsonl"
"#;

fn site() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.write("splunk.token", "hec-secret-1\n");
    site
}

#[test]
fn shows_what_changes_and_nothing_when_nothing_does() {
    let site = site();
    site.apply(&org());
    let both = format!("{}{SPLUNK}{FILE}", org());
    let made = site.apply(&both);
    assert_eq!(made.changes, ["+ export siem (splunk)", "+ export archive (file)"]);
    assert_eq!(site.apply(&both).changes, [""; 0]);
    site.write("splunk.token", "hec-secret-2\n");
    assert_eq!(site.apply(&both).changes, ["~ export siem (splunk)"]);
    let gone = "- export archive (how far it was is forgotten, too)";
    assert_eq!(site.apply(&format!("{}{SPLUNK}", org())).changes, [gone]);
}

#[test]
fn stores_no_secret_that_could_be_read() {
    let site = site();
    site.apply(&format!("{}{SPLUNK}", org()));
    let stored = String::from_utf8_lossy(&site.database_bytes()).into_owned();
    assert!(stored.contains("siem") && !stored.contains("hec-secret"));
}

#[test]
fn tells_what_is_wrong_with_an_export() {
    for (from, to, expected) in [
        ("id = \"siem\"\n", "", "`id` is missing"),
        ("id = \"siem\"", "id = \"My SIEM\"", "`My SIEM` must be"),
        ("kind = \"splunk\"", "kind = \"kafka\"", "unknown variant `kafka`"),
        ("url = ", "uri = ", "unknown field `uri`"),
        ("https://splunk", "ftp://splunk", "`url` must be https"),
        ("splunk.token", "nowhere.token", "nowhere.token` cannot be read"),
        ("id = \"siem\"", "id = \"archive\"", "two have the id `archive`"),
    ] {
        let site = site();
        let text = format!("{}{}{FILE}", org(), crate::scene::changed(SPLUNK, from, to));
        let told = site.try_apply(&text, &[]).failed();
        assert!(told.contains("org.toml cannot be used:"), "{told}");
        assert!(told.contains(expected), "`{expected}` is not in:\n{told}");
        assert!(!told.contains("hec-secret"), "{told}");
        assert_eq!(site.apply(&org()).revision, 1, "something was changed by the refused file");
    }
}

#[test]
fn two_exports_do_not_write_into_one_file() {
    let other = crate::scene::changed(FILE, "archive", "copy");
    let told = site().try_apply(&format!("{}{FILE}{other}", org()), &[]).failed();
    assert!(told.contains("two write to the file `audit.jsonl`"), "{told}");
}
