//! `actas apply`: service accounts, what the organization grants, where tokens may go, and how long
//! secrets live.

use crate::{
    cli::apply_clients::{inline, public_key, researcher},
    database::Kind,
    scene::{Applied, Site, changed, org},
};

const ACCOUNT: &str = r#"
[[service_accounts]]
id = "nightly"
purpose = "the nightly report"
scope = "documents:read"
targets = ["https://documents.example"]
"#;

const ABROAD: &str = r#"
[[authorization_servers]]
id = "https://as.partner.example"
scope = "chat:read"
resources = ["https://mcp.partner.example"]
clients = { orchestrator = "client-over-there" }
"#;

const TRANSACTIONS: &str =
    "[transaction_tokens]\ntrust_domain = \"internal.example.com\"\nscope = \"documents:read\"";

fn with(entry: &str) -> String {
    format!("{}{entry}", org())
}

fn applied() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    site
}

#[track_caller]
fn refuses(file: &str, expected: &str) {
    let told = Site::on(Kind::Sqlite).try_apply(file, &[]).failed();
    assert!(told.contains(expected), "`{expected}` is not in:\n{told}");
}

/// The account with one thing changed is refused.
#[track_caller]
fn refuses_account(from: &str, to: &str, expected: &str) {
    refuses(&with(&changed(ACCOUNT, from, to)), expected);
}

fn secrets(applied: &Applied) -> Vec<&str> {
    applied.secrets.keys().map(String::as_str).collect()
}

fn a_service_account_comes_changes_and_goes(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let made = site.apply(&with(ACCOUNT));
    assert_eq!(made.changes, ["+ service account nightly"]);
    assert_eq!(secrets(&made), ["nightly"]);
    let again = site.apply(&with(ACCOUNT));
    assert_eq!((again.changes.len(), again.secrets.len()), (0, 0));
    for (from, to) in [
        ("the nightly report", "the weekly report"),
        ("scope = \"documents:read\"", "scope = \"documents:read documents:write\""),
        ("[\"https://documents.example\"]", "[\"https://documents.example\"]\ndisabled = true"),
    ] {
        let made = site.apply(&with(&changed(ACCOUNT, from, to)));
        assert_eq!(made.changes, ["~ service account nightly"], "{to}");
        assert_eq!(secrets(&made), [""; 0]);
        assert_eq!(site.apply(&with(ACCOUNT)).changes, ["~ service account nightly"]);
    }
    assert_eq!(site.apply(&org()).changes, ["- service account nightly"]);
    assert_eq!(site.apply(&org()).changes, [""; 0], "nor is anything of it left");
}

/// What the organization grants it is part of the account.
fn a_change_of_targets_is_a_change_of_the_account(kind: Kind) {
    let site = Site::on(kind);
    let api = "\n[[resources]]\nid = \"https://calendar.example\"\nscope = \"calendar:read\"\n";
    let one = with(&format!("{ACCOUNT}{api}"));
    site.apply(&one);
    let targets = "targets = [\"https://documents.example\"]\n\n[[resources]]";
    let more = targets.replace("example\"]", "example\", \"https://calendar.example\"]");
    let two = changed(&one, targets, &more);
    assert_eq!(site.apply(&two).changes, ["~ service account nightly"]);
    assert_eq!(site.apply(&two).changes, [""; 0]);
}

/// One that may say who it is: what the organization grants is nothing but that.
fn an_agent_may_speak_for_itself(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let itself = researcher("grant_types = [\"token_exchange\", \"client_credentials\"]");
    assert_eq!(site.apply(&itself).changes, ["~ agent researcher"]);
    assert_eq!(site.apply(&itself).changes, [""; 0]);
    assert_eq!(site.apply(&org()).changes, ["~ agent researcher"]);
    assert_eq!(site.apply(&org()).changes, [""; 0]);
}

/// Nothing of an agent is of the service account that takes its name.
fn an_agent_that_becomes_a_service_account_is_another(kind: Kind) {
    let site = Site::on(kind);
    let agent = with("\n[[agents]]\nid = \"nightly\"\nscope = \"documents:read\"\n");
    let first = site.apply(&agent);
    let made = site.apply(&with(ACCOUNT));
    assert_eq!(made.changes, ["- agent nightly", "+ service account nightly"]);
    assert_ne!(made.secrets["nightly"], first.secrets["nightly"]);
    assert_eq!(site.apply(&with(ACCOUNT)).changes, [""; 0]);
    assert_eq!(site.apply(&agent).changes, ["- service account nightly", "+ agent nightly"]);
}

fn a_purpose_may_go_to_another_account(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&with(ACCOUNT));
    let renamed = with(&changed(ACCOUNT, "\"nightly\"", "\"reporter\""));
    let made = site.apply(&renamed);
    assert_eq!(made.changes, ["- service account nightly", "+ service account reporter"]);
}

/// Half way there would be two for one purpose.
fn purposes_are_not_swapped_in_one_run(kind: Kind) {
    let site = Site::on(kind);
    let other = changed(ACCOUNT, "\"nightly\"", "\"weekly\"");
    let other = changed(&other, "the nightly report", "the weekly report");
    let (one, two) = ("purpose = \"the nightly report\"", "purpose = \"the weekly report\"");
    let both = with(&format!("{ACCOUNT}{other}"));
    site.apply(&both);
    let swapped = both
        .replace(one, "purpose = \"-\"")
        .replace(two, one)
        .replace("\"-\"", "\"the weekly report\"");
    let told = site.try_apply(&swapped, &[]).failed();
    assert!(told.contains("`the weekly report` is what `weekly` is for until now"), "{told}");
}

/// It gets a secret when it needs one, and loses it when it does not.
fn a_client_without_a_secret_has_none(kind: Kind) {
    let site = Site::on(kind);
    let first = site.apply(&org());
    let keys = inline(&[public_key()]);
    let keyed = researcher(&format!("auth_methods = [\"private_key_jwt\"]\njwks = {keys}"));
    let made = site.apply(&keyed);
    assert_eq!(made.changes, ["~ agent researcher", "~ agent researcher: its secrets end"]);
    assert_eq!(secrets(&made), [""; 0]);
    assert_eq!(site.apply(&keyed).changes, [""; 0]);
    let told = site.try_apply(&keyed, &["--new-secret", "researcher"]).failed();
    assert!(told.contains("`researcher` does not authenticate by a secret"), "{told}");
    let back = site.apply(&org());
    assert_eq!(secrets(&back), ["researcher"]);
    assert_ne!(back.secrets["researcher"], first.secrets["researcher"]);
}

fn a_second_secret_stands_beside_the_first(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&with(ACCOUNT));
    let file = with(ACCOUNT);
    let added = |expected: &str| {
        let made = site.apply_with(&file, &["--add-secret", "nightly"]);
        assert_eq!(made.changes, [format!("~ service account nightly: {expected}")]);
        assert_eq!(secrets(&made), ["nightly"]);
    };
    let dropped = || site.apply_with(&file, &["--drop-old-secrets", "nightly"]).changes;
    assert_eq!(dropped(), [""; 0], "there is nothing to drop");
    added("a second secret");
    added("a second secret, the older of two ends");
    assert_eq!(dropped(), ["~ service account nightly: its old secret ends"]);
    assert_eq!(dropped(), [""; 0]);
    added("a second secret");
    let replaced = site.apply_with(&file, &["--new-secret", "nightly"]);
    assert_eq!(replaced.changes, ["~ service account nightly: new secret"]);
    added("a second secret");
}

fn operators_and_resource_servers_have_second_secrets_too(kind: Kind) {
    let site = Site::on(kind);
    let id = "[[resources]]\nid = \"https://documents.example\"";
    let operator = "\n[[operators]]\nid = \"night-shift\"\npowers = [\"audit\"]\n";
    let file = changed(&org(), id, &format!("{id}\nclient_id = \"api\"")) + operator;
    site.apply(&file);
    let made = site.apply_with(&file, &["--add-secret", "api", "--add-secret", "night-shift"]);
    assert_eq!(secrets(&made), ["api", "night-shift"]);
    let names = ["--drop-old-secrets", "api", "--drop-old-secrets", "night-shift"];
    assert_eq!(site.apply_with(&file, &names).changes.len(), 2);
    assert_eq!(site.apply_with(&file, &names).changes.len(), 0);
}

on_both_databases![
    a_service_account_comes_changes_and_goes,
    a_change_of_targets_is_a_change_of_the_account,
    an_agent_may_speak_for_itself,
    an_agent_that_becomes_a_service_account_is_another,
    a_purpose_may_go_to_another_account,
    purposes_are_not_swapped_in_one_run,
    a_client_without_a_secret_has_none,
    a_second_secret_stands_beside_the_first,
    operators_and_resource_servers_have_second_secrets_too,
];

#[test]
fn nobody_is_asked_for_two_things() {
    let site = applied();
    for asked in [
        ["--add-secret", "researcher", "--new-secret", "researcher"],
        ["--add-secret", "researcher", "--drop-old-secrets", "researcher"],
        ["--new-secret", "researcher", "--drop-old-secrets", "researcher"],
    ] {
        let told = site.try_apply(&org(), &asked).failed();
        assert!(told.contains("`researcher` is asked for twice"), "{told}");
    }
    let told = site.try_apply(&org(), &["--add-secret", "nobody"]).failed();
    assert!(told.contains("`nobody` is not an agent of this file"), "{told}");
    let told = site.try_apply(&org(), &["--drop-old-secrets", "nobody"]).failed();
    assert!(told.contains("`nobody` is not an agent of this file"), "{told}");
}

#[test]
fn refuses_a_service_account_that_could_do_nothing() {
    let targets = "[\"https://documents.example\"]";
    refuses_account("the nightly report", " ", "`purpose`: say what for");
    refuses_account(targets, "[]", "`targets`: a service account without a target can do nothing");
    refuses_account(targets, "[\"nowhere\"]", "`targets`: there is no resource `nowhere`");
    refuses_account(targets, "[\"researcher\"]", "there is no resource `researcher`");
    let nothing = "`scope`: nothing of it means anything at its targets";
    refuses_account("\"documents:read\"", "\"calendar:read\"", nothing);
    let types = "disabled = false\ngrant_types = [\"token_exchange\"]\n";
    refuses(&with(&format!("{ACCOUNT}{types}")), "a service account acts for nobody else");
}

#[test]
fn refuses_two_accounts_of_one_purpose() {
    let other = changed(ACCOUNT, "\"nightly\"", "\"weekly\"");
    refuses(&with(&format!("{ACCOUNT}{other}")), "`nightly` and `weekly` have the same `purpose`");
}

#[test]
fn refuses_a_service_account_where_an_agent_is_meant() {
    let grant = with(ACCOUNT).replace("agent = \"orchestrator\"", "agent = \"nightly\"");
    refuses(&grant, "`agent`: `nightly` is a service account, which acts for no user");
    let target = changed(&with(ACCOUNT), "\"researcher\", ", "\"nightly\", ");
    refuses(&target, "`targets`: there is no resource or agent `nightly`");
}

#[test]
fn names_are_told_apart_whatever_they_name() {
    refuses_account(
        "\"nightly\"",
        "\"researcher\"",
        "`researcher` names both agent `researcher` and service account `researcher`",
    );
    let settings = changed(&org(), "id = \"acme\"", &format!("id = \"acme\"\n{TRANSACTIONS}"));
    let domain = |name: &str| settings.replace("internal.example.com", name);
    refuses(&domain("researcher"), "and the trust domain of transaction tokens");
    let server = ABROAD.replace("as.partner.example", "documents.example");
    refuses(&with(&server), "and authorization server `https://documents.example`");
    let id = "[[resources]]\nid = \"https://documents.example\"";
    let client =
        changed(&with(ABROAD), id, &format!("{id}\nclient_id = \"https://as.partner.example\""));
    refuses(&client, "(its `client_id`)");
    refuses(
        &with(ACCOUNT).replace(
            "client_id = \"actas\"",
            "client_id = \"actas\"\nsubject_prefix = \"service:\"",
        ),
        "`service:` is the namespace of service accounts",
    );
}

#[test]
fn tokens_may_go_to_other_domains() {
    let site = applied();
    let file = with(ABROAD);
    let made = site.apply(&file);
    assert_eq!(made.changes, ["+ authorization server https://as.partner.example"]);
    assert_eq!(made.secrets.len(), 0);
    assert_eq!(site.apply(&file).changes, [""; 0]);
    let other = changed(&file, "client-over-there", "another-client");
    assert_eq!(site.apply(&other).changes, ["~ authorization server https://as.partner.example"]);
    let granted = changed(&other, "\"researcher\", ", "\"https://as.partner.example\", ");
    assert_eq!(site.apply(&granted).changes, ["~ grant of alice to orchestrator"]);
    refuses(
        &changed(&org(), "\"researcher\", ", "\"https://as.partner.example\", "),
        "there is no resource or agent",
    );
    let gone = "- authorization server https://as.partner.example";
    assert_eq!(site.apply(&org()).changes, [gone, "~ grant of alice to orchestrator"]);
}

#[test]
fn refuses_another_domain_that_could_not_be_meant() {
    for (from, to, expected) in [
        ("https://as.partner.example", "as.partner", "`id`: `as.partner` is not an https URL"),
        ("https://as.partner.example", "http://as.partner.example", "is not an https URL"),
        ("chat:read", "", "`scope`: without any nothing can be asked for there"),
        ("https://mcp.partner.example", "mcp", "`resources`: `mcp` is not an absolute URI"),
        ("https://mcp.partner.example", "https://mcp.partner.example/", "`resources`: write"),
        ("{ orchestrator", "{ nobody", "`clients`: there is no agent `nobody`"),
        ("client-over-there", "", "`clients`: `` must be 1 to 255"),
    ] {
        refuses(&with(&changed(ABROAD, from, to)), expected);
    }
    let default = changed(
        &with(ABROAD),
        "id = \"acme\"",
        "id = \"acme\"\ndefault_target = \"https://as.partner.example\"",
    );
    refuses(&default, "default_target: there is no resource or agent");
}

/// RFC 8414 §3.3: issuers are identical or not the same; some end in a slash.
#[test]
fn takes_the_issuer_of_another_domain_as_it_is_written() {
    let id = "https://as.partner.example";
    for written in ["https://as.partner.example/", "https://AS.partner.example"] {
        let changes = applied().apply(&with(&changed(ABROAD, id, written))).changes;
        assert_eq!(changes, [format!("+ authorization server {written}")]);
    }
}

#[test]
fn transaction_tokens_are_of_the_organization() {
    let site = applied();
    let file = changed(&org(), "id = \"acme\"", &format!("id = \"acme\"\n{TRANSACTIONS}"));
    assert_eq!(site.apply(&file).changes, ["~ organization acme"]);
    assert_eq!(site.apply(&file).changes, [""; 0]);
    let granted = changed(&file, "\"researcher\", ", "\"internal.example.com\", ");
    assert_eq!(site.apply(&granted).changes, ["~ grant of alice to orchestrator"]);
    let empty = file.replace("scope = \"documents:read\"\n\n[[conn", "scope = \"\"\n\n[[conn");
    refuses(&empty, "transaction_tokens: `scope`: without any no such token could be issued");
    refuses(&file.replace("internal.example.com", ""), "transaction_tokens: `trust_domain`");
}

#[test]
fn a_grant_may_be_everybodys() {
    let site = applied();
    let file = changed(&org(), "user = \"bob\"", "user = \"*\"");
    let made = site.apply(&file).changes;
    assert_eq!(
        made,
        ["- grant of bob to orchestrator", "+ grant of everybody of corp to orchestrator"]
    );
    assert_eq!(site.apply(&file).changes, [""; 0]);
}
