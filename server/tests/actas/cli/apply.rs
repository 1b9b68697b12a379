//! `actas apply`: an organization becomes what its file says.

use crate::{
    database::Kind,
    scene::{Site, changed, org, without},
};

/// A site where the happy organization stands.
fn applied() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    site
}

/// What changes when one thing in the happy organization is changed.
#[track_caller]
fn changes(from: &str, to: &str) -> Vec<String> {
    applied().apply(&changed(&org(), from, to)).changes
}

fn creates_an_organization_and_tells_the_secrets(kind: Kind) {
    let made = Site::on(kind).apply(&org());
    assert_eq!((made.org.as_str(), made.revision), ("acme", 1));
    let expected = [
        "+ organization acme",
        "+ connection corp",
        "+ agent orchestrator",
        "+ agent researcher",
        "+ resource https://documents.example",
        "+ grant of alice to orchestrator",
        "+ grant of bob to orchestrator",
    ];
    assert_eq!(made.changes, expected);
    assert_eq!(made.secrets.keys().collect::<Vec<_>>(), ["orchestrator", "researcher"]);
    for secret in made.secrets.values() {
        assert!(secret.starts_with("acs_") && secret.len() == 47, "256 bits: {secret}");
    }
    assert_ne!(made.secrets["orchestrator"], made.secrets["researcher"]);
}

fn a_second_run_changes_nothing(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let again = site.apply(&org());
    assert_eq!((again.revision, again.changes.len(), again.secrets.len()), (1, 0, 0));
}

on_both_databases![creates_an_organization_and_tells_the_secrets, a_second_run_changes_nothing];

#[test]
fn tells_people_the_same() {
    let site = Site::on(Kind::Sqlite);
    let printed = site.try_apply(&org(), &[]).succeeded();
    assert!(printed.starts_with("+ organization acme\n+ connection corp\n"), "{printed}");
    assert!(printed.contains("\nacme: applied (revision 1)\n"), "{printed}");
    assert_eq!(printed.matches("acs_").count(), 2, "{printed}");
    let again = site.try_apply(&org(), &[]).succeeded();
    assert_eq!(again, "acme is up to date (revision 1)\n");
}

#[test]
fn a_dry_run_tells_all_and_changes_nothing() {
    let site = Site::on(Kind::Sqlite);
    let tried = site.apply_with(&org(), &["--dry-run"]);
    assert_eq!((tried.revision, tried.changes.len(), tried.secrets.len()), (0, 7, 0));
    assert_eq!(site.apply(&org()).changes.len(), 7);
}

#[test]
fn a_dry_run_says_so_to_people() {
    let site = applied();
    let file = changed(&org(), "user = \"bob\"", "user = \"carol\"");
    let printed = site.try_apply(&file, &["--dry-run"]).succeeded();
    assert!(printed.contains("nothing was changed: this was a dry run"), "{printed}");
    assert_eq!(site.apply(&org()).changes, [""; 0]);
}

#[test]
fn a_changed_scope_is_a_change() {
    let changes = changes(
        "\"documents:read documents:write\"\n\n[[agents]]",
        "\"documents:read\"\n\n[[agents]]",
    );
    assert_eq!(changes, ["~ agent orchestrator"]);
}

#[test]
fn a_scope_in_another_order_is_no_change() {
    let scope = |scope| format!("\"{scope}\"\ntargets = [\"researcher\"");
    let changes =
        changes(&scope("documents:read documents:write"), &scope("documents:write documents:read"));
    assert_eq!(changes, [""; 0]);
}

#[test]
fn a_removed_grant_goes() {
    let changes = applied().apply(&without(&org(), "user = \"bob\"")).changes;
    assert_eq!(changes, ["- grant of bob to orchestrator"]);
}

#[test]
fn a_removed_agent_goes_with_what_named_it() {
    let file = without(&org(), "id = \"researcher\"");
    let made = applied().apply(&changed(&file, "\"researcher\", ", ""));
    assert_eq!(made.changes, ["- agent researcher", "~ grant of alice to orchestrator"]);
}

#[test]
fn an_agent_that_comes_back_gets_a_new_secret() {
    let site = Site::on(Kind::Sqlite);
    let first = site.apply(&org()).secrets;
    let file = without(&org(), "id = \"researcher\"");
    site.apply(&changed(&file, "\"researcher\", ", ""));
    let again = site.apply(&org()).secrets;
    assert_eq!(again.keys().collect::<Vec<_>>(), ["researcher"]);
    assert_ne!(again["researcher"], first["researcher"]);
}

#[test]
fn a_changed_setting_changes_the_organization() {
    let changes = changes("id = \"acme\"", "id = \"acme\"\nmax_chain_depth = 3");
    assert_eq!(changes, ["~ organization acme"]);
}

#[test]
fn a_changed_client_secret_changes_the_connection() {
    let changes = changes("the-introspection-secret", "another-secret");
    assert_eq!(changes, ["~ connection corp"]);
}

#[test]
fn a_client_secret_from_a_file_is_the_same_secret() {
    let site = applied();
    site.write("idp.secret", "the-introspection-secret\n");
    let value = "{ value = \"the-introspection-secret\" }";
    let file = changed(&org(), value, "{ file = \"idp.secret\" }");
    assert_eq!(site.apply(&file).changes, [""; 0]);
}

#[test]
fn a_policy_is_told_by_its_file() {
    let site = applied();
    let policy = "forbid (principal, action, resource);";
    site.write("closed.cedar", policy);
    let file = org() + "\n[[policies]]\nfile = \"closed.cedar\"\n";
    assert_eq!(site.apply(&file).changes, ["+ policy closed.cedar"]);
    site.write("closed.cedar", &format!("// Closed.\n{policy}"));
    assert_eq!(site.apply(&file).changes, ["~ policy closed.cedar"]);
    assert_eq!(site.apply(&org()).changes, ["- policy closed.cedar"]);
}

#[test]
fn a_new_secret_is_made_when_asked_for() {
    let site = Site::on(Kind::Sqlite);
    let first = site.apply(&org()).secrets;
    let made = site.apply_with(&org(), &["--new-secret", "orchestrator"]);
    assert_eq!(made.changes, ["~ agent orchestrator: new secret"]);
    assert_eq!(made.secrets.keys().collect::<Vec<_>>(), ["orchestrator"]);
    assert_ne!(made.secrets["orchestrator"], first["orchestrator"]);
}

#[test]
fn a_new_secret_is_not_made_by_a_dry_run() {
    let made = applied().apply_with(&org(), &["--dry-run", "--new-secret", "orchestrator"]);
    assert_eq!(made.changes, ["~ agent orchestrator: new secret"]);
    assert_eq!((made.revision, made.secrets.len()), (1, 0));
}

#[test]
fn two_organizations_stand_side_by_side() {
    let site = applied();
    let other = site.apply(&changed(&org(), "\"acme\"", "\"other\""));
    assert_eq!((other.org.as_str(), other.revision, other.changes.len()), ("other", 1, 7));
    assert_eq!(site.apply(&org()).changes, [""; 0]);
}

#[test]
fn the_database_holds_no_secret() {
    let site = Site::on(Kind::Sqlite);
    let made = site.apply(&org());
    let bytes = site.database_bytes();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("orchestrator"), "what is not secret is there to be found");
    assert!(!holds("the-introspection-secret"));
    assert!(!made.secrets.values().any(|secret| holds(secret)));
}
