//! `actas apply`: how a connection is asked and what it may signal; each bad value has an error of
//! its own, and what is secret stays so.

use std::fs;

use crate::{
    database::Kind,
    scene::{Site, changed, connected, org},
};

/// What is said of the happy file with these settings of its connection.
#[track_caller]
fn told(settings: &str) -> String {
    let site = Site::on(Kind::Sqlite);
    let told = site.try_apply(&connected(&org(), settings), &[]).failed();
    assert!(told.contains("org.toml cannot be used:"), "{told}");
    assert_eq!(site.apply(&org()).revision, 1, "something was changed by the refused file");
    told
}

/// Each of these settings is refused with words of its own.
#[track_caller]
fn refuses(cases: &[(&str, &str)]) {
    for (settings, expected) in cases {
        let told = told(settings);
        assert!(told.contains(expected), "`{expected}` is not in:\n{told}");
    }
}

fn stream(settings: &str) -> String {
    format!(
        "\n[[connections.streams]]\nid = \"ssf\"\nissuer = \"https://idp.example\"\n{settings}\n"
    )
}

const ALL: &str = r#"freshness = "bounded"
max_age = 30
reconnect_uri = "https://app.example/reconnect"
acr_values = "urn:example:mfa"

[[connections.checks]]
kind = "introspection"
rate_limit = 600

[[connections.checks]]
kind = "keycloak"
url = "https://keycloak.example"
realm = "staff"
client_id = "actas"
client_secret = { file = "keycloak.secret" }

[[connections.streams]]
id = "pushed"
issuer = "https://idp.example"
audience = ["https://actas.example"]
authorization = { value = "the-pushers-secret" }

[[connections.streams]]
id = "polled"
issuer = "https://idp.example"
delivery = "poll"
max_silence = 60
access = { bearer = { value = "the-pollers-secret" } }

[connections.logout]

[connections.revocation]
bearer = { value = "the-revokers-secret" }

[connections.scim]
bearer = { value = "the-provisioners-secret" }
"#;

fn site() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.write("keycloak.secret", "the-keycloak-secret\n");
    site
}

#[test]
fn takes_everything_there_is_to_declare() {
    let site = site();
    let file = connected(&org(), ALL);
    assert!(site.apply(&file).changes.contains(&"+ connection corp".to_owned()));
    assert_eq!(site.apply(&file).changes, [""; 0], "again, it is no change");
    for (from, to) in [
        ("rate_limit = 600", "rate_limit = 601"),
        ("max_age = 30", "max_age = 29"),
        ("max_silence = 60", "max_silence = 61"),
        ("\"the-revokers-secret\"", "\"another-secret\""),
        ("[connections.logout]\n", ""),
        ("urn:example:mfa", "urn:example:other"),
    ] {
        assert_eq!(site.apply(&changed(&file, from, to)).changes, ["~ connection corp"], "{from}");
        assert_eq!(site.apply(&file).changes, ["~ connection corp"]);
    }
}

#[test]
fn the_database_holds_no_secret_of_checks_and_signals() {
    let site = site();
    site.apply(&connected(&org(), ALL));
    let bytes = String::from_utf8_lossy(&site.database_bytes()).into_owned();
    assert!(bytes.contains("https://app.example/reconnect"), "what is not secret is there");
    for secret in ["keycloak", "pushers", "pollers", "revokers", "provisioners"] {
        assert!(!bytes.contains(&format!("the-{secret}-secret")), "{secret}");
    }
    assert!(!bytes.contains("keycloak.example"), "how a provider is asked is nobody's business");
}

#[test]
fn a_secret_in_another_place_is_the_same_secret() {
    let site = site();
    let file = connected(&org(), ALL);
    site.apply(&file);
    let value = "{ value = \"the-keycloak-secret\" }";
    assert_eq!(
        site.apply(&changed(&file, "{ file = \"keycloak.secret\" }", value)).changes,
        [""; 0]
    );
    fs::remove_file(site.path("keycloak.secret")).unwrap();
    let told = site.try_apply(&file, &[]).failed();
    assert!(told.contains("`checks`, number 2: `client_secret`"), "{told}");
}

#[test]
fn refuses_freshness_beyond_its_bounds() {
    refuses(&[
        ("freshness = \"lax\"", "unknown variant `lax`"),
        ("max_age = 10", "`max_age`: only with `freshness = \"bounded\"`"),
        ("freshness = \"strict\"\nmax_age = 10", "`max_age`: only with"),
        ("freshness = \"bounded\"", "`max_age`: `bounded` needs one of 1 to 30 seconds"),
        ("freshness = \"bounded\"\nmax_age = 0", "1 to 30 seconds"),
        ("freshness = \"bounded\"\nmax_age = 31", "1 to 30 seconds"),
    ]);
}

#[test]
fn refuses_a_place_to_reconnect_that_is_none() {
    refuses(&[(
        "reconnect_uri = \"/reconnect\"",
        "`reconnect_uri`: `/reconnect` is not an absolute URL",
    )]);
}

fn check(settings: &str) -> String {
    format!("\n[[connections.checks]]\n{settings}\n")
}

#[test]
fn refuses_checks_that_could_not_be_made() {
    let keycloak = "kind = \"keycloak\"\nurl = \"https://keycloak.example\"\n";
    for (settings, expected) in [
        (check("kind = \"telepathy\""), "`checks`, number 1: unknown variant `telepathy`"),
        (check("rate_limit = 1"), "`checks`, number 1: missing field `kind`"),
        (check("kind = \"introspection\"\nspeed = 1"), "unknown field `speed`"),
        (check(keycloak), "missing field `realm`"),
        (check(&format!("{keycloak}realm = \"staff\"")), "client_id"),
        (
            check(&format!(
                "{keycloak}realm = \"staff\"\nbearer = {{ env = \"ACTAS_TEST_UNSET\" }}"
            )),
            "`bearer`: the variable `ACTAS_TEST_UNSET` is not set",
        ),
        (
            check("kind = \"opa\"\nurl = \"https://opa.example\"\npath = \"actas/allow\""),
            "none of them knows the user",
        ),
        (
            check("kind = \"introspection\"") + &check("kind = \"authzen\"\nurl = \"nowhere\""),
            "`checks`: number 2: `url` is not a URL",
        ),
    ] {
        refuses(&[(&settings, expected)]);
    }
}

#[test]
fn refuses_introspection_without_a_client() {
    let file = changed(&org(), "client_secret = { value = \"the-introspection-secret\" }\n", "");
    let site = Site::on(Kind::Sqlite);
    let told = site.try_apply(&file, &[]).failed();
    assert!(told.contains("`client_id` and `client_secret`: introspection needs them"), "{told}");
    site.apply(&connected(&file, &check("kind = \"userinfo\"")));
}

#[test]
fn refuses_streams_that_could_not_be_looked_after() {
    let other = "\n[[connections.streams]]\nid = \"ssf\"\nissuer = \"https://other.example\"\n";
    for (settings, expected) in [
        (stream(other), "`streams`: two have the same `id`"),
        (stream("delivery = \"pigeon\""), "unknown variant `pigeon`"),
        (stream("delivery = \"poll\""), "stream `ssf`: one that is polled needs `access`"),
        (
            stream("poll_endpoint = \"https://idp.example/poll\""),
            "stream `ssf`: one that is pushed has no `poll_endpoint`",
        ),
        (stream("max_silence = 29"), "stream `ssf`: `max_silence` must be 30 to 86400 seconds"),
        (stream("max_silence = 86401"), "`max_silence` must be 30 to 86400 seconds"),
        (stream("access = { client_id = \"actas\" }"), "stream `ssf`: `access`"),
        (stream("speed = 1"), "unknown field `speed`"),
        (stream("").replace("\"ssf\"", "\"S S F\""), "`streams`: `id`"),
        (stream("").replace("https://idp.example", "nowhere"), "stream `ssf`: `issuer`: `nowhere`"),
        (stream("").replace("id = \"ssf\"\n", ""), "`streams`: missing field `id`"),
    ] {
        refuses(&[(&settings, expected)]);
    }
}

#[test]
fn refuses_receivers_that_let_anybody_in() {
    refuses(&[
        ("\n[connections.scim]\n", "signals: missing field `bearer`"),
        ("\n[connections.scim]\nbearer = { env = \"ACTAS_TEST_UNSET\" }", "`ACTAS_TEST_UNSET`"),
        ("\n[connections.logout]\nsecret = \"x\"", "unknown field `secret`"),
        ("\n[connections.revocation]\nsecret = \"x\"", "unknown field `secret`"),
    ]);
}
