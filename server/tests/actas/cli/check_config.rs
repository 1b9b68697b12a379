//! `actas check-config`: what is wrong with a configuration, all at once.

use rcgen::generate_simple_self_signed;

use crate::{database::Kind, process::Finished, scene::Site};

fn site() -> Site {
    Site::on(Kind::Sqlite)
}

/// What is said of the happy configuration with one thing changed; nothing is started or made.
#[track_caller]
fn told(from: &str, to: &str) -> String {
    let site = site();
    site.configure(from, to);
    told_of(&site)
}

#[track_caller]
fn told_of(site: &Site) -> String {
    let told = site.run(&["check-config"]).failed();
    assert!(told.contains("actas.toml cannot be used:"), "{told}");
    assert!(!site.path("actas.db").exists());
    told
}

#[track_caller]
fn contains(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
}

#[test]
fn finds_nothing_wrong_with_a_good_one() {
    let printed = site().run(&["check-config"]).succeeded();
    contains(&printed, &["actas.toml is fine: http://127.0.0.1:8400"]);
}

#[test]
fn takes_the_file_from_the_environment() {
    let site = site();
    let mut command = crate::process::actas(["check-config"]);
    command.env("ACTAS_CONFIG", site.path("actas.toml"));
    Finished::of(command).succeeded();
}

#[test]
fn takes_the_master_key_from_the_environment() {
    let site = site();
    let key = std::fs::read_to_string(site.path("master.key")).unwrap();
    site.configure("master_key_file = \"master.key\"\n", "");
    let file = site.path("actas.toml");
    let mut command = crate::process::actas(["check-config", "--config", file.to_str().unwrap()]);
    command.env("ACTAS_MASTER_KEY", key);
    Finished::of(command).succeeded();
}

#[test]
fn tells_a_missing_file() {
    let site = site();
    std::fs::remove_file(site.path("actas.toml")).unwrap();
    contains(&told_of(&site), &["it cannot be read", "No such file"]);
}

#[test]
fn tells_an_unknown_setting_and_its_line() {
    contains(&told("listen =", "listens ="), &["line 3", "unknown field `listens`"]);
}

#[test]
fn tells_an_unknown_setting_of_a_section() {
    contains(&told("master_key_file", "master_keyfile"), &["unknown field `master_keyfile`"]);
}

#[test]
fn tells_a_file_that_is_no_toml() {
    contains(&told("[database]", "[database"), &["TOML parse error at line 6"]);
}

#[test]
fn tells_a_missing_public_url() {
    contains(&told("public_url = \"http://127.0.0.1:8400\"", ""), &["`public_url`: it is missing"]);
}

#[test]
fn tells_plain_http_outside_of_development() {
    contains(&told("development = true", ""), &["`public_url`", "must be https"]);
}

#[test]
fn tells_plain_http_of_a_public_host() {
    let told = told("http://127.0.0.1:8400", "http://actas.example");
    contains(&told, &["`public_url`", "must be https"]);
}

#[test]
fn tells_a_public_url_with_a_path() {
    let told = told("http://127.0.0.1:8400", "https://example.com/actas");
    contains(&told, &["`public_url`", "must be an origin"]);
}

#[test]
fn tells_an_address_without_a_port() {
    contains(&told("127.0.0.1:0", "127.0.0.1"), &["`listen`: `127.0.0.1` is not an address"]);
}

#[test]
fn tells_a_database_of_another_kind() {
    contains(&told("sqlite:actas.db", "mysql://db/actas"), &["`database.url`", "postgres://"]);
}

#[test]
fn tells_a_master_key_of_another_length() {
    let site = site();
    site.write("master.key", "c2hvcnQ=");
    let told = told_of(&site);
    contains(&told, &["`keys.master_key_file`: ", "the master key is not 32 octets in base64"]);
    assert!(!told.contains("c2hvcnQ="), "the key is told:\n{told}");
}

#[test]
fn tells_a_missing_master_key_file() {
    contains(&told("master.key", "no.key"), &["`keys.master_key_file`", "no.key", "No such file"]);
}

#[test]
fn tells_how_to_make_a_master_key_when_there_is_none() {
    let told = told("master_key_file = \"master.key\"\n", "");
    contains(&told, &["actas master-key > master.key", "ACTAS_MASTER_KEY"]);
}

#[test]
fn tells_a_certificate_without_a_key() {
    let told = told("[database]", "[tls]\ncertificate = \"tls.crt\"\n\n[database]");
    contains(&told, &["`tls.private_key`: it is missing"]);
}

#[test]
fn tells_a_key_without_a_certificate() {
    let told = told("[database]", "[tls]\nprivate_key = \"tls.key\"\n\n[database]");
    contains(&told, &["`tls.certificate`: it is missing"]);
}

#[test]
fn tells_a_key_of_another_certificate() {
    let site = site();
    let made = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    site.write("tls.crt", &made().cert.pem());
    site.write("tls.key", &made().signing_key.serialize_pem());
    let tls = "[tls]\ncertificate = \"tls.crt\"\nprivate_key = \"tls.key\"\n\n[database]";
    site.configure("[database]", tls);
    contains(&told_of(&site), &["`tls`", "tls.crt"]);
}

#[test]
fn tells_an_unknown_log_format() {
    let told = told("[keys]", "[log]\nformat = \"xml\"\n\n[keys]");
    contains(&told, &["`log.format`: `xml` is neither json nor text"]);
}

#[test]
fn tells_a_log_filter_that_is_none() {
    let told = told("[keys]", "[log]\nfilter = \"a=b=c\"\n\n[keys]");
    contains(&told, &["`log.filter`", "a=b=c"]);
}

#[test]
fn tells_a_deadline_out_of_range() {
    let told = told("[keys]", "[upstream]\ndeadline_ms = 20000\n\n[keys]");
    contains(&told, &["`upstream.deadline_ms`", "from 50 to 10000"]);
}

#[test]
fn tells_a_number_of_replicas_out_of_range() {
    for replicas in ["0", "1001"] {
        let told = told("[keys]", &format!("[upstream]\nreplicas = {replicas}\n\n[keys]"));
        contains(&told, &["`upstream.replicas`: it must be from 1 to 1000"]);
    }
    let site = site();
    site.configure("[keys]", "[upstream]\nreplicas = 3\n\n[keys]");
    site.run(&["check-config"]).succeeded();
}

#[test]
fn tells_several_problems_at_once() {
    let site = site();
    site.write("master.key", "short");
    site.configure("development = true", "");
    site.configure("127.0.0.1:0", "nowhere");
    let told = told_of(&site);
    contains(&told, &["`public_url`", "`listen`", "`keys.master_key_file`"]);
    assert_eq!(told.matches("\n  - ").count(), 3, "{told}");
}

#[test]
fn serve_and_apply_tell_the_same() {
    let site = site();
    site.configure("development = true", "");
    let told = told_of(&site);
    assert_eq!(site.run(&["serve"]).failed(), told);
    assert_eq!(site.try_apply(&crate::scene::org(), &[]).failed(), told);
}
