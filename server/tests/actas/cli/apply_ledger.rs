//! `actas apply`: what the ledger needs to know of an organization: operators, resource servers that
//! ask, how long keys sign and how long the trail is kept.

use crate::{
    database::Kind,
    scene::{Site, changed, org},
};

const OPERATOR: &str = "\n[[operators]]\nid = \"night-shift\"\npowers = [\"revoke\", \"audit\"]\n";
const RESOURCE: &str = "[[resources]]\nid = \"https://documents.example\"";

fn with_server(settings: &str) -> String {
    changed(&org(), RESOURCE, &format!("{RESOURCE}\n{settings}"))
}

fn applied() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    site
}

fn an_operator_gets_a_token_that_is_shown_once(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let made = site.apply(&(org() + OPERATOR));
    assert_eq!(made.changes, ["+ operator night-shift"]);
    assert_eq!(made.secrets.len(), 1);
    assert!(made.secrets["night-shift"].starts_with("aco_"), "{:?}", made.secrets);
    let again = site.apply(&(org() + OPERATOR));
    assert_eq!((again.changes.len(), again.secrets.len()), (0, 0));
    assert_eq!(site.apply(&org()).changes, ["- operator night-shift"]);
}

fn a_resource_server_gets_a_secret_that_is_shown_once(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let file = with_server("client_id = \"documents-api\"");
    let made = site.apply(&file);
    assert_eq!(made.changes, ["~ resource https://documents.example"]);
    assert_eq!(made.secrets.len(), 1);
    assert!(made.secrets["documents-api"].starts_with("acs_"), "{:?}", made.secrets);
    let again = site.apply(&file);
    assert_eq!((again.changes.len(), again.secrets.len()), (0, 0));
    // A new name for the same server, which keeps its secret.
    let renamed = site.apply(&with_server("client_id = \"documents\""));
    assert_eq!(renamed.changes, ["~ resource https://documents.example"]);
    assert!(renamed.secrets.is_empty());
}

/// One that was no client for a while does not find an old secret good again.
fn a_resource_server_that_comes_back_gets_a_new_secret(kind: Kind) {
    let site = Site::on(kind);
    let file = with_server("client_id = \"documents-api\"");
    let first = site.apply(&file).secrets;
    site.apply(&org());
    let again = site.apply(&file).secrets;
    assert_ne!(again["documents-api"], first["documents-api"]);
}

fn a_change_of_powers_keeps_the_token(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&(org() + OPERATOR));
    let file = org() + &changed(OPERATOR, "\"revoke\", \"audit\"", "\"keys\"");
    let made = site.apply(&file);
    assert_eq!(made.changes, ["~ operator night-shift"]);
    assert!(made.secrets.is_empty());
}

fn new_secrets_are_made_when_asked_for(kind: Kind) {
    let site = Site::on(kind);
    let file = with_server("client_id = \"documents-api\"") + OPERATOR;
    let first = site.apply(&file).secrets;
    let asked = ["--new-secret", "night-shift", "--new-secret", "documents-api"];
    let made = site.apply_with(&file, &asked);
    assert_eq!(
        made.changes,
        ["~ resource https://documents.example: new secret", "~ operator night-shift: new secret"]
    );
    for name in ["night-shift", "documents-api"] {
        assert_ne!(made.secrets[name], first[name]);
    }
}

fn the_ledgers_settings_are_settings_of_the_organization(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    for setting in [
        "key_rotation_days = 0",
        "key_rotation_days = 3650",
        "audit_retention_days = 1",
        "audit_retention_days = 3650",
    ] {
        let file = changed(&org(), "id = \"acme\"", &format!("id = \"acme\"\n{setting}"));
        assert_eq!(site.apply(&file).changes, ["~ organization acme"], "{setting}");
        assert!(site.apply(&file).changes.is_empty(), "{setting}");
    }
    // The defaults, written out, after one that is not.
    let defaults = "id = \"acme\"\nkey_rotation_days = 30\naudit_retention_days = 90";
    assert_eq!(site.apply(&org()).changes, ["~ organization acme"]);
    assert!(site.apply(&changed(&org(), "id = \"acme\"", defaults)).changes.is_empty());
}

fn a_status_list_is_a_change_of_its_resource(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let file = with_server("status_list = true");
    assert_eq!(site.apply(&file).changes, ["~ resource https://documents.example"]);
    assert!(site.apply(&file).changes.is_empty());
    assert_eq!(site.apply(&org()).changes, ["~ resource https://documents.example"]);
}

on_both_databases![
    an_operator_gets_a_token_that_is_shown_once,
    a_resource_server_gets_a_secret_that_is_shown_once,
    a_resource_server_that_comes_back_gets_a_new_secret,
    a_change_of_powers_keeps_the_token,
    new_secrets_are_made_when_asked_for,
    the_ledgers_settings_are_settings_of_the_organization,
    a_status_list_is_a_change_of_its_resource,
];

#[test]
fn the_order_of_powers_is_no_change() {
    let site = Site::on(Kind::Sqlite);
    site.apply(&(org() + OPERATOR));
    for powers in ["\"audit\", \"revoke\"", "\"audit\", \"revoke\", \"audit\""] {
        let file = org() + &changed(OPERATOR, "\"revoke\", \"audit\"", powers);
        assert!(site.apply(&file).changes.is_empty(), "{powers}");
    }
}

#[test]
fn what_is_shown_once_is_shown_to_people() {
    let file = with_server("client_id = \"documents-api\"") + OPERATOR;
    let printed = Site::on(Kind::Sqlite).try_apply(&file, &[]).succeeded();
    let (_, secrets) = printed.split_once("\n\nSecrets, shown this once:\n").unwrap();
    let names: Vec<_> = secrets.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["documents-api", "night-shift", "orchestrator", "researcher"]);
}

#[test]
fn a_new_secret_is_made_for_nobody_else() {
    let file = with_server("client_id = \"documents-api\"");
    // By the name it authenticates under, and no other.
    for name in ["https://documents.example", "night-shift"] {
        let told = applied().try_apply(&file, &["--new-secret", name]).failed();
        assert!(told.contains(&format!("`{name}` is not an agent of this file")), "{told}");
    }
}

/// Nothing stands afterwards but what stood before.
#[track_caller]
fn refused(file: &str, expected: &str) {
    let site = applied();
    let told = site.try_apply(file, &[]).failed();
    assert!(told.contains("org.toml cannot be used:") && told.contains(expected), "{told}");
    assert!(site.apply(&org()).changes.is_empty());
}

#[test]
fn refuses_days_nobody_means() {
    for (setting, expected) in [
        ("key_rotation_days = 3651", "key_rotation_days: it must be from 0 to 3650 days"),
        ("audit_retention_days = 0", "audit_retention_days: it must be from 1 to 3650 days"),
        ("audit_retention_days = 3651", "audit_retention_days: it must be from 1 to 3650 days"),
    ] {
        refused(&changed(&org(), "id = \"acme\"", &format!("id = \"acme\"\n{setting}")), expected);
    }
}

#[test]
fn refuses_an_operator_who_can_do_nothing_or_who_knows_what() {
    let powers = |powers: &str| org() + &changed(OPERATOR, "\"revoke\", \"audit\"", powers);
    refused(&powers(""), "operator: `powers`: an operator without any can do nothing");
    refused(&powers("\"fly\""), "operator: `powers`: `fly` is none of `audit`, `revoke`, `keys`");
}

#[test]
fn refuses_names_that_are_none() {
    refused(&with_server("client_id = \"documents api\""), "`client_id`: `documents api` must be");
    let operator = changed(OPERATOR, "night-shift", "night shift");
    refused(&(org() + &operator), "`night shift` must be");
}

/// Clients authenticate by them, and secrets are asked for and shown by them.
#[test]
fn refuses_two_of_one_name_who_have_a_secret() {
    refused(
        &with_server("client_id = \"researcher\""),
        "resource `https://documents.example` (its `client_id`): `researcher` names agent \
         `researcher`, too",
    );
    refused(
        &(org() + &changed(OPERATOR, "night-shift", "researcher")),
        "operator `researcher`: `researcher` names agent `researcher`, too",
    );
    refused(
        &(org() + OPERATOR + OPERATOR),
        "operator `night-shift`: `night-shift` names operator `night-shift`, too",
    );
    let other = "\n[[resources]]\nid = \"other\"\nscope = \"x\"\nclient_id = \"documents-api\"\n";
    refused(
        &(with_server("client_id = \"documents-api\"") + other),
        "`documents-api` names resource `https://documents.example` (its `client_id`), too",
    );
}

#[test]
fn a_resource_may_be_a_client_by_its_own_name() {
    let made = applied().apply(&with_server("client_id = \"https://documents.example\""));
    assert_eq!(made.secrets.keys().collect::<Vec<_>>(), ["https://documents.example"]);
}
