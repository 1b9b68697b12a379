//! `actas apply`: which tokens of a connection are taken, and how much may be asked.

use crate::{
    database::Kind,
    scene::{Site, changed, connected, org},
};

const ALL: &str = r#"kinds = ["access_token", "id_token", "id_jag", "assertion"]
opaque_tokens = true
max_token_age = 3600
clients = ["orchestrator"]
believe_act = true
groups_claim = "roles"
scope_mapping = [
  { scope = "Documents.Read", gives = "documents:read" },
  { group = "finance", gives = "documents:read documents:write" },
]"#;

#[track_caller]
fn refuses(file: &str, expected: &str) {
    let told = Site::on(Kind::Sqlite).try_apply(file, &[]).failed();
    assert!(told.contains(expected), "`{expected}` is not in:\n{told}");
}

/// Each rule is kept, and each change of one is a change of the connection.
fn every_rule_of_a_connection_is_kept(kind: Kind) {
    let site = Site::on(kind);
    let file = connected(&org(), ALL);
    site.apply(&file);
    assert_eq!(site.apply(&file).changes, [""; 0], "again, it is no change");
    for (from, to) in [
        (", \"assertion\"]", "]"),
        ("opaque_tokens = true", "opaque_tokens = false"),
        ("3600", "1800"),
        ("clients = [\"orchestrator\"]", "clients = [\"researcher\"]"),
        ("believe_act = true\n", ""),
        ("\"roles\"", "\"groups\""),
        ("\"Documents.Read\"", "\"Documents.ReadAll\""),
        ("{ group = \"finance\"", "{ scope = \"finance\""),
        ("\"documents:read documents:write\" },", "\"documents:write\" },"),
    ] {
        let changes = site.apply(&changed(&file, from, to)).changes;
        assert_eq!(changes, ["~ connection corp"], "{from}");
        assert_eq!(site.apply(&file).changes, ["~ connection corp"]);
    }
}

fn limits_are_of_the_organization(kind: Kind) {
    let site = Site::on(kind);
    site.apply(&org());
    let names = ["organization", "agent", "user", "address"];
    for setting in names.map(|name| format!("[limits]\n{name} = {{ per_second = 1, burst = 2 }}")) {
        let file = changed(&org(), "id = \"acme\"", &format!("id = \"acme\"\n{setting}"));
        assert_eq!(site.apply(&file).changes, ["~ organization acme"], "{setting}");
        assert_eq!(site.apply(&file).changes, [""; 0]);
    }
    let nonce = changed(&org(), "id = \"acme\"", "id = \"acme\"\ndpop_nonce = true");
    assert_eq!(site.apply(&nonce).changes, ["~ organization acme"]);
    assert_eq!(site.apply(&nonce).changes, [""; 0]);
    assert_eq!(site.apply(&org()).changes, ["~ organization acme"]);
}

on_both_databases![every_rule_of_a_connection_is_kept, limits_are_of_the_organization];

#[test]
fn refuses_limits_that_let_nothing_through() {
    for (rate, expected) in [
        ("{ per_second = 0, burst = 1 }", "limits: `user`: `per_second` and `burst` must be 1"),
        ("{ per_second = 1, burst = 0 }", "limits: `user`: `per_second` and `burst` must be 1"),
        ("{ per_second = 1 }", "missing field `burst`"),
        ("{ per_second = -1, burst = 1 }", "invalid value: integer `-1`"),
    ] {
        let limits = format!("id = \"acme\"\n[limits]\nuser = {rate}");
        refuses(&changed(&org(), "id = \"acme\"", &limits), expected);
    }
    let unknown = "id = \"acme\"\n[limits]\ntenant = { per_second = 1, burst = 1 }";
    refuses(&changed(&org(), "id = \"acme\"", unknown), "unknown field `tenant`");
}

#[test]
fn refuses_rules_that_mean_nothing() {
    let mapping = "scope_mapping = [{ group = \"finance\", gives = \"documents:read\" }]";
    let mapped = |from: &str, to: &str| connected(&org(), &changed(mapping, from, to));
    Site::on(Kind::Sqlite).apply(&connected(&org(), mapping));
    let either = "`scope_mapping`: give either `scope` or `group` of each";
    refuses(&mapped("group = \"finance\", ", ""), either);
    refuses(&mapped("group", "scope = \"a\", group"), either);
    refuses(&mapped("group = \"finance\"", "scope = \"a b\""), "`a b` is not one scope");
    refuses(&mapped("\"documents:read\"", "\"\""), "`gives`: leave out what gives nothing");
    refuses(&mapped("\"documents:read\"", "\"é\""), "`scope_mapping`: `gives`: ");
    for (settings, expected) in [
        ("kinds = []", "`kinds`: there are `access_token`, `id_token`, `id_jag`, `assertion`"),
        ("kinds = [\"saml\"]", "`kinds`: there are `access_token`"),
        ("max_token_age = 0", "`max_token_age`: it must be 1 second at least"),
        ("clients = [\"nobody\"]", "`clients`: there is no agent `nobody`"),
        ("groups_claim = \"\"", "`groups_claim`: it is empty"),
    ] {
        refuses(&connected(&org(), settings), expected);
    }
}

#[test]
fn tokens_that_say_nothing_are_of_one_connection_that_can_be_asked() {
    let other = r#"
[[connections]]
id = "other"
issuer = "https://other-idp.example"
client_id = "actas"
client_secret = { value = "secret" }
subject_prefix = "other:"
"#;
    let one = format!("{}{other}", connected(&org(), "opaque_tokens = true"));
    Site::on(Kind::Sqlite).apply(&one);
    refuses(&format!("{one}opaque_tokens = true\n"), "`opaque_tokens`: `corp` takes them already");
    let asked = "opaque_tokens = true\n\n[[connections.checks]]\nkind = \"userinfo\"";
    refuses(&connected(&org(), asked), "it needs a check `introspection`");
}
