//! `actas apply`: a file in which anything is wrong changes nothing.

use keys::MasterKey;

use crate::{
    database::Kind,
    scene::{Site, changed, org},
};

/// What is said of the happy file with one thing changed. Afterwards there is no organization.
#[track_caller]
fn told(from: &str, to: &str) -> String {
    told_of(&Site::on(Kind::Sqlite), &changed(&org(), from, to))
}

#[track_caller]
fn told_of(site: &Site, file: &str) -> String {
    let told = site.try_apply(file, &[]).failed();
    assert!(told.contains("org.toml cannot be used:"), "{told}");
    assert_eq!(site.apply(&org()).revision, 1, "something was changed by the refused file");
    told
}

#[track_caller]
fn contains(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
}

/// Where an entry of the happy file stands.
fn line_of(text: &str) -> usize {
    let org = org();
    let (before, _) = org.split_once(text).unwrap();
    before.matches('\n').count() + 1
}

/// One more `[[entry]]`.
#[track_caller]
fn told_of_one_more(entry: &str) -> String {
    told_of(&Site::on(Kind::Sqlite), &format!("{}\n{entry}\n", org()))
}

#[test]
fn tells_a_missing_file() {
    let site = Site::on(Kind::Sqlite);
    let told = site.run(&["apply", "-f", "nowhere.toml"]).failed();
    contains(&told, &["nowhere.toml cannot be read", "No such file"]);
}

#[test]
fn tells_an_unknown_field_and_its_line() {
    let line = format!("line {}", line_of("user = \"bob\""));
    contains(&told("user = \"bob\"", "usr = \"bob\""), &[&line, "unknown field `usr`"]);
}

#[test]
fn tells_a_missing_field_and_its_line() {
    let line = format!("line {}", line_of("[[resources]]"));
    let told = told("scope = \"documents:read documents:write\"\n\n[[grants]]", "\n[[grants]]");
    contains(&told, &[&line, "missing field `scope`"]);
}

#[test]
fn tells_two_problems_with_their_lines() {
    let file = changed(
        &org(),
        "agent = \"orchestrator\"\nscope = \"documents:read\"\n",
        "agent = \"nobody\"\nscope = \"documents:read\"\n",
    );
    let file = changed(&file, "\"researcher\", ", "\"nowhere\", ");
    let told = told_of(&Site::on(Kind::Sqlite), &file);
    let alice = line_of("[[grants]]\nconnection = \"corp\"\nuser = \"alice\"");
    let bob = line_of("[[grants]]\nconnection = \"corp\"\nuser = \"bob\"");
    contains(
        &told,
        &[
            &format!("line {alice}, grant: `targets`: there is no resource or agent `nowhere`"),
            &format!("line {bob}, grant: `agent`: there is no agent `nobody`"),
        ],
    );
    assert_eq!(told.matches("\n  - ").count(), 2, "{told}");
}

#[test]
fn refuses_an_organization_that_does_not_fit_into_a_path() {
    contains(&told("id = \"acme\"", "id = \"Acme Inc\""), &["id: `Acme Inc` must be"]);
}

#[test]
fn refuses_a_repeated_agent() {
    let told = told_of_one_more("[[agents]]\nid = \"researcher\"\nscope = \"documents:read\"");
    contains(&told, &["`researcher` names both agent `researcher` and agent `researcher`"]);
}

#[test]
fn refuses_an_agent_and_a_resource_of_one_name() {
    let told = told_of_one_more("[[resources]]\nid = \"researcher\"\nscope = \"documents:read\"");
    contains(&told, &["`researcher` names both agent `researcher` and resource `researcher`"]);
}

#[test]
fn refuses_an_alias_that_is_another_agent() {
    let to = "id = \"researcher\"\naliases = [\"orchestrator\"]";
    contains(&told("id = \"researcher\"", to), &["`orchestrator` names both"]);
}

const OTHER_CONNECTION: &str = r#"[[connections]]
id = "other"
issuer = "https://other-idp.example"
client_id = "actas"
client_secret = { value = "secret" }
subject_prefix = "other:"
"#;

#[test]
fn takes_a_second_connection() {
    let site = Site::on(Kind::Sqlite);
    let file = format!("{}\n{OTHER_CONNECTION}", org());
    assert!(site.apply(&file).changes.contains(&"+ connection other".to_owned()));
}

#[test]
fn refuses_two_connections_whose_users_cannot_be_told_apart() {
    let told = told_of_one_more(&changed(OTHER_CONNECTION, "subject_prefix = \"other:\"\n", ""));
    contains(&told, &["two connections have the same `subject_prefix`"]);
}

#[test]
fn refuses_two_connections_of_one_name() {
    let told = told_of_one_more(&changed(OTHER_CONNECTION, "id = \"other\"", "id = \"corp\""));
    contains(&told, &["two connections have the same `id`"]);
}

#[test]
fn refuses_two_connections_of_one_issuer() {
    let other = changed(OTHER_CONNECTION, "https://other-idp.example", "https://idp.example");
    contains(&told_of_one_more(&other), &["two connections have the same `issuer`"]);
}

#[test]
fn refuses_users_who_could_be_taken_for_agents() {
    let other = changed(OTHER_CONNECTION, "\"other:\"", "\"agent:\"");
    contains(&told_of_one_more(&other), &["`agent:` is the namespace of agents"]);
}

#[test]
fn refuses_a_grant_at_an_unknown_connection() {
    let told = told("\"corp\"\nuser = \"bob\"", "\"crop\"\nuser = \"bob\"");
    contains(&told, &["`connection`: there is no connection `crop`"]);
}

#[test]
fn refuses_a_second_grant_of_one_user_to_one_agent() {
    let told = told("user = \"bob\"", "user = \"alice\"");
    contains(&told, &["two grants of `alice` to `orchestrator`"]);
}

#[test]
fn refuses_an_expiry_that_is_no_date() {
    let told = told("user = \"bob\"", "user = \"bob\"\nexpires = \"tomorrow\"");
    contains(&told, &["grant: `expires`: `tomorrow` is not like"]);
}

#[test]
fn refuses_a_resource_that_requests_could_not_name() {
    let told = told(
        "[[resources]]\nid = \"https://documents.example\"",
        "[[resources]]\nid = \"https://Documents.example\"",
    );
    contains(&told, &["write `https://Documents.example` as `https://documents.example`"]);
}

#[test]
fn refuses_an_unknown_default_target() {
    let told = told("id = \"acme\"", "id = \"acme\"\ndefault_target = \"nowhere\"");
    contains(&told, &["default_target: there is no resource or agent `nowhere`"]);
}

#[test]
fn refuses_a_token_that_lives_too_long() {
    let told = told("id = \"acme\"", "id = \"acme\"\ntoken_lifetime = 3600");
    contains(&told, &["token_lifetime: it must be from 10 to 300"]);
}

#[test]
fn refuses_an_unknown_algorithm() {
    let told = told("id = \"acme\"", "id = \"acme\"\nalgorithm = \"HS256\"");
    contains(&told, &["algorithm: `HS256`: the algorithm is none of ES256"]);
}

#[test]
fn refuses_a_secret_that_is_not_there() {
    let value = "{ value = \"the-introspection-secret\" }";
    let told = told(value, "{ env = \"ACTAS_TEST_UNSET\" }");
    contains(&told, &["connection: `client_secret`: the variable `ACTAS_TEST_UNSET` is not set"]);
}

#[test]
fn refuses_a_new_secret_for_nobody() {
    let told = Site::on(Kind::Sqlite).try_apply(&org(), &["--new-secret", "nobody"]).failed();
    contains(&told, &["`nobody` is not an agent of this file, nor the `client_id`", "operators"]);
}

#[test]
fn tells_file_line_and_column_of_a_policy_that_does_not_parse() {
    let site = Site::on(Kind::Sqlite);
    site.write(
        "broken.cedar",
        "// Two lines down.\n\nforbid (principal, action, resource) when { };",
    );
    let told = told_of(&site, &(org() + "\n[[policies]]\nfile = \"broken.cedar\"\n"));
    contains(&told, &["broken.cedar:3:"]);
}

#[test]
fn tells_every_policy_that_does_not_fit_the_schema() {
    let site = Site::on(Kind::Sqlite);
    let policy = |condition| {
        format!(
            "forbid (principal, action == Action::\"exchange\", resource)\nwhen {{ {condition} }};\n"
        )
    };
    site.write("one.cedar", &policy("context.scop == \"x\""));
    site.write("two.cedar", &policy("context.depth == \"x\""));
    let policies = "\n[[policies]]\nfile = \"one.cedar\"\n\n[[policies]]\nfile = \"two.cedar\"\n";
    let told = told_of(&site, &(org() + policies));
    contains(&told, &["one.cedar:2:8", "two.cedar:2:8"]);
}

/// A site where the happy organization stands under another master key than it has now.
fn under_another_key() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    site.write("master.key", &MasterKey::generate().unwrap().1);
    site
}

#[test]
fn tells_that_the_master_key_is_another() {
    let told = under_another_key().try_apply(&org(), &[]).failed();
    contains(&told, &["master key"]);
    assert_eq!(told.lines().count(), 1, "{told}");
}

/// They would be hashed under a key that the server does not have.
#[test]
fn does_not_make_secrets_under_another_master_key() {
    let other = changed(&org(), "\"acme\"", "\"other\"");
    contains(&under_another_key().try_apply(&other, &[]).failed(), &["master key"]);
}

#[test]
fn tells_a_database_that_cannot_be_used() {
    let site = Site::on(Kind::Sqlite);
    site.configure("sqlite:actas.db", "sqlite:nowhere/actas.db");
    contains(&site.try_apply(&org(), &[]).failed(), &["nowhere/actas.db"]);
}
