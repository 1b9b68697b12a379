//! `actas apply`: whom clients are believed by, beside identity providers.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::json;

use crate::{
    cli::apply_clients::{inline, jwks, public_key, researcher},
    database::Kind,
    scene::{Site, changed, org},
};

const ISSUER: &str = r#"
[[workload_issuers]]
id = "github"
issuer = "https://token.actions.githubusercontent.com"
algorithms = ["RS256"]
"#;

const REVIEW: &str = "token_review = { url = \"https://kubernetes.default.svc\", \
    token_file = \"/run/token\", ca_file = \"/run/ca.crt\" }\n";

const DOMAIN: &str = r#"
[[trust_domains]]
id = "example.org"
bundle_uri = "https://spire.example.org/bundle"
"#;

const ATTESTER: &str = r#"
[[attesters]]
id = "acme"
issuer = "https://attester.example"
jwks_uri = "https://attester.example/jwks"
"#;

const AUTHORITY: &str = "\n[[certificate_authorities]]\nid = \"corp\"\nfile = \"ca.pem\"\n";

fn authority() -> (KeyPair, String) {
    let mut parameters = CertificateParams::default();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = parameters.self_signed(&key).unwrap().pem();
    (key, pem)
}

/// A site with the certificate of an authority beside its file.
fn site() -> Site {
    let site = Site::on(Kind::Sqlite);
    site.write("ca.pem", &authority().1);
    site
}

#[track_caller]
fn refuses(file: &str, expected: &str) {
    let told = site().try_apply(file, &[]).failed();
    assert!(told.contains("org.toml cannot be used:"), "{told}");
    assert!(told.contains(expected), "`{expected}` is not in:\n{told}");
}

#[track_caller]
fn takes(file: &str) {
    site().apply(file);
}

fn with(entry: &str) -> String {
    format!("{}{entry}", org())
}

/// Each of them comes, changes and goes, and says so.
#[test]
fn everybody_who_is_believed_is_declared() {
    let site = site();
    site.apply(&org());
    for (entry, what, from, to) in [
        (ISSUER, "workload issuer github", "\"RS256\"", "\"ES256\""),
        (DOMAIN, "trust domain example.org", "spire.example.org", "other.example.org"),
        (ATTESTER, "attester acme", "\"https://attester.example\"", "\"https://other.example\""),
    ] {
        let file = with(entry);
        assert_eq!(site.apply(&file).changes, [format!("+ {what}")]);
        assert_eq!(site.apply(&file).changes, [""; 0], "again, it is no change");
        assert_eq!(site.apply(&changed(&file, from, to)).changes, [format!("~ {what}")]);
        assert_eq!(site.apply(&org()).changes, [format!("- {what}")]);
    }
}

#[test]
fn an_authority_is_its_certificate_wherever_that_is() {
    let site = Site::on(Kind::Sqlite);
    let (_, pem) = authority();
    site.write("ca.pem", &pem);
    site.apply(&org());
    let authorities = |settings: &str| {
        with(&format!("\n[[certificate_authorities]]\nid = \"corp\"\n{settings}\n"))
    };
    let file = authorities("file = \"ca.pem\"");
    assert_eq!(site.apply(&file).changes, ["+ certificate authority corp"]);
    assert_eq!(site.apply(&authorities(&format!("pem = '''\n{pem}'''"))).changes, [""; 0]);
    site.write("ca.pem", &authority().1);
    assert_eq!(site.apply(&file).changes, ["~ certificate authority corp"]);
    assert_eq!(site.apply(&org()).changes, ["- certificate authority corp"]);
}

#[test]
fn refuses_an_authority_that_is_none() {
    refuses(&with("\n[[certificate_authorities]]\nid = \"corp\"\n"), "give either `file` or `pem`");
    refuses(&with(&format!("{AUTHORITY}pem = \"\"\n")), "give either `file` or `pem`");
    let nowhere = AUTHORITY.replace("ca.pem", "nowhere.pem");
    refuses(&with(&nowhere), "`nowhere.pem` cannot be read");
    let site = site();
    site.write("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let told = site.try_apply(&with(AUTHORITY), &[]).failed();
    assert!(told.contains("certificate authority: its certificates: "), "{told}");
    let (key, pem) = authority();
    site.write("ca.pem", &format!("{pem}{}", key.serialize_pem()));
    let told = site.try_apply(&with(AUTHORITY), &[]).failed();
    assert!(told.contains("there is a private key beside the certificates"), "{told}");
    site.write("ca.pem", &pem);
    site.apply(&with(AUTHORITY));
}

#[test]
fn names_on_certificates_need_an_authority_and_are_one() {
    let agent = |names: &str| researcher(&format!("auth_methods = [\"tls_client_auth\"]\n{names}"));
    let dns = "tls_client_auth_san_dns = \"agent.example\"";
    let file = agent(dns);
    refuses(&file, "`tls_client_auth` needs one of `[[certificate_authorities]]`");
    takes(&(file + AUTHORITY));
    let two = agent(&format!("{dns}\ntls_client_auth_san_ip = \"192.0.2.1\"")) + AUTHORITY;
    refuses(&two, "`tls_client_auth_…`: a client has exactly one of these names");
    for (fine, broken) in [
        ("subject_dn = \"CN=agent,O=Example\"", "subject_dn = \"agent\""),
        ("san_dns = \"agent.example\"", "san_dns = \"\""),
        ("san_uri = \"https://agent.example/a\"", "san_uri = \"agent\""),
        ("san_email = \"agent@example.org\"", "san_email = \"agent\""),
    ] {
        takes(&(agent(&format!("tls_client_auth_{fine}")) + AUTHORITY));
        refuses(
            &(agent(&format!("tls_client_auth_{broken}")) + AUTHORITY),
            "`tls_client_auth_…`: `",
        );
    }
    takes(&(agent("tls_client_auth_san_ip = \"2001:db8::1\"") + AUTHORITY));
    let told = Site::on(Kind::Sqlite).try_apply(&agent("tls_client_auth_san_ip = \"here\""), &[]);
    assert!(told.failed().contains("invalid IP address syntax"));
}

fn workload(issuer: &str, subject: &str, audience: &str) -> String {
    let workload =
        format!("issuer = \"{issuer}\", subject = \"{subject}\", audience = \"{audience}\"");
    researcher(&format!("auth_methods = [\"workload_identity\"]\nworkloads = [{{ {workload} }}]"))
}

#[test]
fn a_workload_is_named_to_the_letter_by_one_who_is_declared() {
    let (subject, audience) = ("repo:o/r:ref:refs/heads/main", "https://actas.example.com");
    takes(&(workload("github", subject, audience) + ISSUER));
    refuses(
        &workload("github", subject, audience),
        "`workloads`: there is no `[[workload_issuers]]` `github`",
    );
    refuses(
        &(workload("gitlab", subject, audience) + ISSUER),
        "there is no `[[workload_issuers]]` `gitlab`",
    );
    refuses(
        &(workload("github", "repo:o/*", audience) + ISSUER),
        "`subject`: `repo:o/*` must be the claim to the letter",
    );
    refuses(&(workload("github", "", audience) + ISSUER), "`subject`: `` must be");
    refuses(&(workload("github", subject, "") + ISSUER), "`audience`: `` must be");
}

#[test]
fn refuses_an_issuer_of_workloads_that_could_not_be_asked() {
    for (from, to, expected) in [
        (
            "https://token",
            "http://token",
            "`issuer`: `http://token.actions.githubusercontent.com` is not",
        ),
        ("\"RS256\"", "\"HS256\"", "`algorithms`: `HS256` is none of"),
        ("[\"RS256\"]", "[]", "`algorithms`: give at least one"),
        ("\"github\"", "\"git hub\"", "`id`: `git hub` must be"),
    ] {
        refuses(&with(&changed(ISSUER, from, to)), expected);
    }
    let other = ISSUER.replace("\"github\"", "\"other\"");
    refuses(&with(&format!("{ISSUER}{other}")), "two have the `issuer`");
    let same = ISSUER.replace("https://token", "https://other");
    refuses(&with(&format!("{ISSUER}{same}")), "two have the `id` `github`");
}

#[test]
fn a_cluster_is_asked_from_where_the_server_runs() {
    let file = with(&format!("{ISSUER}{REVIEW}"));
    takes(&file);
    refuses(&file.replace("https://kub", "http://kub"), "`token_review`: `url`: `http://kub");
    let absolute = "must be an absolute path: the server reads it";
    refuses(&file.replace("/run/token", "run/token"), &format!("`run/token` {absolute}"));
    refuses(&file.replace("/run/ca.crt", "ca.crt"), &format!("`ca.crt` {absolute}"));
}

#[test]
fn keys_of_an_issuer_may_be_declared() {
    let jwks = format!("{ISSUER}jwks = {}\n", inline(&[public_key()]));
    takes(&with(&jwks));
    let mut private = public_key();
    private["d"] = json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE");
    let jwks = format!("{ISSUER}jwks = {}\n", inline(&[private]));
    refuses(&with(&jwks), "workload issuer: `jwks`: key `one`: this is the private key");
}

fn spiffe(id: &str) -> String {
    researcher(&format!("auth_methods = [\"spiffe_jwt\", \"spiffe_x509\"]\nspiffe_id = \"{id}\""))
}

#[test]
fn a_spiffe_id_is_of_a_declared_domain() {
    takes(&(spiffe("spiffe://example.org/agent") + DOMAIN));
    refuses(
        &spiffe("spiffe://example.org/agent"),
        "`spiffe_id`: there is no `[[trust_domains]]` `example.org`",
    );
    refuses(
        &(spiffe("spiffe://example.com/agent") + DOMAIN),
        "there is no `[[trust_domains]]` `example.com`",
    );
    refuses(&(spiffe("spiffe://example.org") + DOMAIN), "is not like spiffe://example.org/agent");
    refuses(
        &(spiffe("https://example.org/agent") + DOMAIN),
        "is not like spiffe://example.org/agent",
    );
}

#[test]
fn a_bundle_is_in_one_place_and_of_use() {
    let domain = |bundle: &str| {
        with(&DOMAIN.replace("bundle_uri = \"https://spire.example.org/bundle\"", bundle))
    };
    let mut key = public_key();
    let one = "give one of `bundle`, `bundle_file` and `bundle_uri`";
    refuses(&domain(""), one);
    let inline_bundle = |key| format!("bundle = {}", inline(&[key]));
    refuses(&domain(&inline_bundle(key.clone())), "`bundle`: there is no key with the `use`");
    key["use"] = json!("jwt-svid");
    takes(&domain(&inline_bundle(key.clone())));
    let two = format!("{}\nbundle_file = \"bundle.json\"", inline_bundle(key.clone()));
    refuses(&domain(&two), one);
    let site = Site::on(Kind::Sqlite);
    let file = domain("bundle_file = \"bundle.json\"");
    assert!(site.try_apply(&file, &[]).failed().contains("`bundle.json` cannot be read"));
    site.write("bundle.json", &jwks(&[key.clone()]));
    site.apply(&file);
    assert_eq!(site.apply(&domain(&inline_bundle(key.clone()))).changes, [""; 0]);
    key["d"] = json!("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE");
    refuses(&domain(&inline_bundle(key)), "`bundle`: key `one`: this is the private key");
    refuses(&with(&DOMAIN.replace("https://spire", "http://spire")), "`bundle_uri`: `http://spire");
    refuses(
        &with(&DOMAIN.replace("\"example.org\"", "\"Example.org\"")),
        "`Example.org` is no name of a trust domain",
    );
}

#[test]
fn an_attester_is_declared_with_its_keys() {
    let agent = researcher("auth_methods = [\"attest_jwt_client_auth\"]\nattester = \"acme\"");
    takes(&format!("{agent}{ATTESTER}"));
    refuses(&agent, "`attester`: there is no `[[attesters]]` `acme`");
    let keyless = changed(ATTESTER, "jwks_uri = \"https://attester.example/jwks\"\n", "");
    refuses(&with(&keyless), "attester: give one of `jwks`, `jwks_file` and `jwks_uri`");
    refuses(
        &with(&format!("{ATTESTER}algorithms = [\"none\"]\n")),
        "`algorithms`: `none` is none of",
    );
}

/// How platforms are asked is nobody's business who reads the database.
#[test]
fn what_is_believed_of_whom_is_sealed() {
    let site = site();
    site.apply(&with(&format!("{ISSUER}{REVIEW}{DOMAIN}")));
    let bytes = String::from_utf8_lossy(&site.database_bytes()).into_owned();
    assert!(bytes.contains("workload_issuer"), "what is not secret is there");
    assert!(!bytes.contains("kubernetes.default.svc") && !bytes.contains("spire.example.org"));
}

/// What is declared is what a server can begin with, without asking anybody.
#[test]
fn a_server_takes_all_that_can_be_declared() {
    let site = site();
    let client = "auth_methods = [\"tls_client_auth\", \"spiffe_jwt\", \"spiffe_x509\", \
        \"workload_identity\", \"attest_jwt_client_auth\", \"private_key_jwt\"]\n\
        tls_client_auth_subject_dn = \"CN=agent,O=Example\"\n\
        spiffe_id = \"spiffe://example.org/agent\"\nattester = \"acme\"\n\
        workloads = [{ issuer = \"github\", subject = \"repo:o/r\", audience = \"actas\" }]\n";
    let keys = format!("jwks = {}", inline(&[public_key()]));
    let mut bundle = public_key();
    bundle["use"] = json!("jwt-svid");
    let domain =
        format!("\n[[trust_domains]]\nid = \"example.com\"\nbundle = {}\n", inline(&[bundle]));
    let believed = [ISSUER, REVIEW, DOMAIN, &domain, ATTESTER, AUTHORITY].concat();
    site.apply(&(researcher(&format!("{client}{keys}")) + &believed));
    site.serve().has_loaded("acme", 1);
}
