//! `actas apply`: how clients prove who they are, and what they may ask for; each bad value has an
//! error of its own.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    scene::{Site, changed, org},
};

/// A key of RFC 7517, appendix A.
pub fn public_key() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "kid": "one",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    })
}

/// The same with this member.
fn with(member: &str, value: impl Into<Value>) -> Value {
    let mut key = public_key();
    key[member] = value.into();
    key
}

pub fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// A key set as TOML has it.
pub fn inline(keys: &[Value]) -> String {
    let member = |(name, value): (&String, &Value)| format!("{name} = {value}");
    let key = |key: &Value| {
        let members: Vec<_> = key.as_object().unwrap().iter().map(member).collect();
        format!("{{ {} }}", members.join(", "))
    };
    format!("{{ keys = [{}] }}", keys.iter().map(key).collect::<Vec<_>>().join(", "))
}

/// The happy file with these settings of the researcher.
#[track_caller]
pub fn researcher(settings: &str) -> String {
    let id = "id = \"researcher\"\n";
    changed(&org(), id, &format!("{id}{settings}\n"))
}

/// The happy file with these settings of a resource server.
#[track_caller]
fn resource_server(settings: &str) -> String {
    let id = "[[resources]]\nid = \"https://documents.example\"\n";
    changed(&org(), id, &format!("{id}{settings}\n"))
}

#[track_caller]
fn refuses(file: &str, expected: &str) {
    let told = Site::on(Kind::Sqlite).try_apply(file, &[]).failed();
    assert!(told.contains("org.toml cannot be used:"), "{told}");
    assert!(told.contains(expected), "`{expected}` is not in:\n{told}");
}

#[track_caller]
fn takes(file: &str) {
    Site::on(Kind::Sqlite).apply(file);
}

fn private_key_jwt(settings: &str) -> String {
    format!("auth_methods = [\"private_key_jwt\"]\n{settings}")
}

#[test]
fn takes_keys_in_the_file_beside_it_and_at_an_address() {
    let site = Site::on(Kind::Sqlite);
    let key = public_key();
    let written = private_key_jwt(&format!("jwks = {}", inline(std::slice::from_ref(&key))));
    let made = site.apply(&researcher(&written));
    assert!(made.changes.contains(&"+ agent researcher".to_owned()));
    assert_eq!(made.secrets.keys().collect::<Vec<_>>(), ["orchestrator"], "no secret without use");
    assert_eq!(site.apply(&researcher(&written)).changes, [""; 0], "again, it is no change");

    site.write("keys.json", &jwks(&[key]));
    let beside = private_key_jwt("jwks_file = \"keys.json\"");
    assert_eq!(site.apply(&researcher(&beside)).changes, [""; 0], "the same keys elsewhere");

    let fetched = private_key_jwt("jwks_uri = \"https://agent.example/jwks\"");
    assert_eq!(site.apply(&researcher(&fetched)).changes, ["~ agent researcher"]);
    assert_eq!(site.apply(&researcher(&fetched)).changes, [""; 0]);
}

#[test]
fn refuses_keys_in_two_places() {
    let two = "jwks_uri = \"https://agent.example/jwks\"\njwks_file = \"keys.json\"";
    let expected = "agent: give one of `jwks`, `jwks_file` and `jwks_uri`";
    refuses(&researcher(&private_key_jwt(two)), expected);
}

#[test]
fn refuses_a_method_without_its_keys() {
    let expected = "`jwks`, `jwks_file` or `jwks_uri`: `private_key_jwt` needs it";
    refuses(&researcher(&private_key_jwt("")), expected);
}

#[test]
fn refuses_keys_that_nothing_uses() {
    let keys = format!("jwks = {}", inline(&[public_key()]));
    refuses(&researcher(&keys), "`jwks_uri`: only with `private_key_jwt` or `self_signed_tls");
}

#[test]
fn refuses_keys_that_cannot_be_read() {
    let file = |name: &str| researcher(&private_key_jwt(&format!("jwks_file = \"{name}\"")));
    refuses(&file("nowhere.json"), "`jwks_file`: `nowhere.json` cannot be read: No such file");
    let site = Site::on(Kind::Sqlite);
    site.write("keys.json", "{ \"keys\": [");
    let told = site.try_apply(&file("keys.json"), &[]).failed();
    assert!(told.contains("`jwks_file`: `keys.json` cannot be read: EOF"), "{told}");
}

#[test]
fn refuses_keys_at_an_address_that_is_not_safe() {
    for address in ["http://agent.example/jwks", "agent.example", "ftp://agent.example"] {
        let file = researcher(&private_key_jwt(&format!("jwks_uri = \"{address}\"")));
        refuses(&file, &format!("`jwks_uri`: `{address}` is not an https URL"));
    }
}

/// Whoever sends it here has shown it to somebody already.
#[test]
fn refuses_a_private_key_and_says_what_it_is() {
    let file = |key: Value| researcher(&private_key_jwt(&format!("jwks = {}", inline(&[key]))));
    let expected = "`jwks`: key `one`: this is the private key; register the public half";
    refuses(&file(with("d", "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE")), expected);
    takes(&file(public_key()));
}

/// Of a kind we do not use, too: what is passed over is stored all the same.
#[test]
fn refuses_a_private_key_of_an_unknown_kind() {
    let lattice = json!({ "kty": "AKP", "alg": "ML-DSA-44", "kid": "two", "pub": "cHVi" });
    let file = |key: Value| {
        researcher(&private_key_jwt(&format!("jwks = {}", inline(&[public_key(), key]))))
    };
    let mut private = lattice.clone();
    private["priv"] = json!("cHJpdg");
    refuses(&file(private), "`jwks`: key `two`: this is the private key");
    takes(&file(lattice));
}

/// RFC 8725 §3.5: "Human-memorizable passwords MUST NOT be directly used as the key".
#[test]
fn refuses_a_symmetric_key() {
    let key = json!({ "kty": "oct", "k": "c2VjcmV0" });
    let file = researcher(&private_key_jwt(&format!("jwks = {}", inline(&[key, public_key()]))));
    refuses(&file, "`jwks`: key number 1 is symmetric");
}

#[test]
fn refuses_keys_of_which_none_is_of_use() {
    let file = |key: Value| researcher(&private_key_jwt(&format!("jwks = {}", inline(&[key]))));
    refuses(&file(with("use", "enc")), "`jwks`: there is no key we can verify with");
    takes(&file(with("use", "sig")));
}

#[test]
fn refuses_two_keys_of_one_name() {
    let keys = inline(&[public_key(), public_key()]);
    let file = researcher(&private_key_jwt(&format!("jwks = {keys}")));
    refuses(&file, "`jwks`: two keys have the same `kid`");
}

#[test]
fn refuses_methods_that_are_none() {
    let methods = |list: &str| researcher(&format!("auth_methods = [{list}]"));
    refuses(&methods(""), "`auth_methods`: give at least one of `client_secret_basic`");
    refuses(&methods("\"none\""), "`auth_methods`: `none` is none of `client_secret_basic`");
    refuses(&methods("\"client_secret_jwt\""), "`client_secret_jwt` is none of");
    let twice = "\"client_secret_basic\", \"client_secret_basic\"";
    refuses(&methods(twice), "`auth_methods`: `client_secret_basic` is there twice");
    takes(&methods("\"client_secret_basic\""));
}

#[test]
fn refuses_algorithms_that_are_none() {
    let algorithms = |list: &str| {
        let uri = "jwks_uri = \"https://agent.example/jwks\"\n";
        researcher(&private_key_jwt(&format!("{uri}signing_algorithms = [{list}]")))
    };
    refuses(&algorithms("\"HS256\""), "`signing_algorithms`: `HS256` is none of `ES256`");
    refuses(&algorithms("\"none\""), "`signing_algorithms`: `none` is none of");
    refuses(&algorithms(""), "`signing_algorithms`: give at least one");
    refuses(&algorithms("\"ES256\", \"ES256\""), "`ES256` is there twice");
    takes(&algorithms("\"ES256\", \"PS256\""));
}

#[test]
fn refuses_algorithms_that_no_key_signs_with() {
    let file = |key: Value, list: &str| {
        let keys = format!("jwks = {}\n", inline(&[key]));
        researcher(&private_key_jwt(&format!("{keys}signing_algorithms = [{list}]")))
    };
    let expected = "`signing_algorithms`: none of its keys signs with any of them";
    refuses(&file(public_key(), "\"EdDSA\", \"PS256\""), expected);
    takes(&file(public_key(), "\"EdDSA\", \"ES256\""));
    takes(&file(with("alg", "ES256"), "\"ES256\""));
    refuses(&file(with("alg", "ES256"), "\"RS256\""), expected);
}

#[test]
fn refuses_a_setting_of_a_method_that_is_not_listed() {
    for (setting, owner) in [
        ("legacy_token_endpoint_audience = true", "private_key_jwt"),
        ("tls_client_auth_san_dns = \"agent.example\"", "tls_client_auth"),
        ("spiffe_id = \"spiffe://example.org/agent\"", "spiffe_jwt` or `spiffe_x509"),
        ("attester = \"acme\"", "attest_jwt_client_auth"),
        (
            "workloads = [{ issuer = \"github\", subject = \"s\", audience = \"a\" }]",
            "workload_identity",
        ),
    ] {
        refuses(&researcher(setting), &format!("only with `{owner}` in `auth_methods`"));
    }
}

#[test]
fn refuses_a_method_whose_setting_is_not_there() {
    for (method, setting) in [
        ("tls_client_auth", "tls_client_auth_…"),
        ("self_signed_tls_client_auth", "jwks`, `jwks_file` or `jwks_uri"),
        ("workload_identity", "workloads"),
        ("spiffe_jwt", "spiffe_id"),
        ("spiffe_x509", "spiffe_id"),
        ("attest_jwt_client_auth", "attester"),
    ] {
        let expected = format!("`{setting}`: `{method}` needs it");
        refuses(&researcher(&format!("auth_methods = [\"{method}\"]")), &expected);
    }
}

#[test]
fn a_self_signed_certificate_stands_beside_its_key() {
    let file = |key: Value| {
        let method = "auth_methods = [\"self_signed_tls_client_auth\"]";
        researcher(&format!("{method}\njwks = {}", inline(&[key])))
    };
    refuses(&file(public_key()), "`self_signed_tls_client_auth` needs a key with its `x5c`");
    takes(&file(with("x5c", json!(["MIIB"]))));
}

#[test]
fn refuses_tokens_that_are_bound_to_two_keys() {
    let one = "dpop_bound_access_tokens = true";
    let other = "tls_client_certificate_bound_access_tokens = true";
    refuses(&researcher(&format!("{one}\n{other}")), "a token is bound to one key");
    takes(&researcher(one));
    takes(&researcher(other));
}

#[test]
fn grant_types_go_by_two_names() {
    let site = Site::on(Kind::Sqlite);
    let types = |list: &str| researcher(&format!("grant_types = [{list}]"));
    site.apply(&types("\"jwt_bearer\", \"token_exchange\""));
    let jwt_bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let token_exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let uris = types(&format!("\"{token_exchange}\", \"{jwt_bearer}\""));
    assert_eq!(site.apply(&uris).changes, [""; 0], "the order means nothing, either");
    refuses(&types("\"password\""), "`grant_types`: `password` is none of `token_exchange`");
    refuses(&types(""), "`grant_types`: give at least one of");
    let twice = types(&format!("\"jwt_bearer\", \"{jwt_bearer}\""));
    refuses(&twice, &format!("`{jwt_bearer}` is there twice"));
}

#[test]
fn the_defaults_may_be_written_down() {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    let defaults = "auth_methods = [\"client_secret_post\", \"client_secret_basic\"]\n\
        grant_types = [\"token_exchange\"]\ndpop_bound_access_tokens = false";
    assert_eq!(site.apply(&researcher(defaults)).changes, [""; 0]);
}

#[test]
fn a_resource_server_authenticates_as_agents_do() {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    let keys = format!("jwks = {}", inline(&[public_key()]));
    let file = resource_server(&format!("client_id = \"api\"\n{}", private_key_jwt(&keys)));
    let made = site.apply(&file);
    assert_eq!(made.changes, ["~ resource https://documents.example"]);
    assert_eq!(made.secrets.len(), 0);
    assert_eq!(site.apply(&file).changes, [""; 0]);
    let secret = resource_server("client_id = \"api\"");
    assert_eq!(site.apply(&secret).secrets.keys().collect::<Vec<_>>(), ["api"]);
}

#[test]
fn refuses_settings_of_a_resource_server_that_never_asks() {
    let method = "auth_methods = [\"client_secret_basic\"]";
    refuses(&resource_server(method), "`auth_methods`: only with a `client_id`");
    takes(&resource_server(&format!("client_id = \"api\"\n{method}")));
    for setting in ["grant_types = [\"token_exchange\"]", "dpop_bound_access_tokens = true"] {
        let file = resource_server(&format!("client_id = \"api\"\n{setting}"));
        refuses(&file, "a resource server asks for no token");
    }
}

#[test]
fn tells_every_problem_of_a_client_at_once() {
    let settings = "auth_methods = [\"private_key_jwt\", \"spiffe_jwt\", \"magic\"]\n\
        spiffe_id = \"spiffe://example.org\"\ngrant_types = [\"password\"]";
    let told = Site::on(Kind::Sqlite).try_apply(&researcher(settings), &[]).failed();
    assert_eq!(told.matches(", agent: `").count(), 4, "{told}");
}

#[test]
fn tells_an_unknown_setting_of_a_client_and_its_line() {
    let told = Site::on(Kind::Sqlite).try_apply(&researcher("auth_method = []"), &[]).failed();
    assert!(told.contains("unknown field `auth_method`"), "{told}");
    assert!(told.contains("line 17"), "{told}");
}
