//! Clients that authenticate by a certificate (RFC 8705), over TLS of our own.

use rustls::version;
use serde_json::{Value, json};

use crate::{
    http::Request,
    scene::{changed, exchange},
    secured::{Authority, Identity, Secured, client},
};

const NAME: &str = "agent.example";
const ASKS: &str = "client_certificates = true";

/// The orchestrator with these settings; the authority that the organization believes.
fn declared(org: &str, settings: &str, authority: &Authority) -> String {
    let agent = "scope = \"documents:read documents:write\"\n\n[[agents]]\nid = \"researcher\"";
    let org = changed(org, agent, &format!("{settings}\n{agent}"));
    let pem = &authority.pem;
    format!("{org}\n[[certificate_authorities]]\nid = \"corp\"\npem = \"\"\"\n{pem}\"\"\"\n")
}

/// The orchestrator is known by a name on a certificate of the authority.
fn by_name(authority: &Authority) -> Secured {
    let settings =
        format!("auth_methods = [\"tls_client_auth\"]\ntls_client_auth_san_dns = \"{NAME}\"");
    Secured::with(ASKS, |org| declared(&org, &settings, authority))
}

/// An exchange of alice's by whoever presents a certificate for it.
fn happy(secured: &Secured) -> Request {
    exchange(&secured.scene.provider.access_token("alice")).with("client_id", "orchestrator")
}

fn last_event(secured: &Secured) -> Value {
    secured.scene.records().pop().unwrap()
}

#[test]
fn a_certificate_of_the_authority_is_its_client() {
    let authority = Authority::new();
    let secured = by_name(&authority);
    let happy = happy(&secured);
    let identity = authority.certify(NAME, 2100);
    let claims = secured.send_as(Some(&identity), &happy).claims();
    assert_eq!(claims["act"]["sub"], "agent:orchestrator");
    // Nobody asked for a bound token.
    assert_eq!(claims["cnf"], Value::Null);
    assert_eq!(last_event(&secured)["authenticated_by"], "tls_client_auth");
    let trusted = std::slice::from_ref(&secured.certificate);
    let older = client(trusted, &version::TLS12, Some(&identity));
    secured.send(older, &happy).unwrap().0.token();
}

#[test]
fn whoever_has_the_certificate_without_its_key_is_not_heard() {
    let authority = Authority::new();
    let secured = by_name(&authority);
    let happy = happy(&secured);
    let identity = authority.certify(NAME, 2100);
    let thief = authority.certify(NAME, 2100).with_chain_of(&identity);
    let trusted = std::slice::from_ref(&secured.certificate);
    for version in [&version::TLS12, &version::TLS13] {
        secured.send(client(trusted, version, Some(&thief)), &happy).unwrap_err();
        secured.send(client(trusted, version, Some(&identity)), &happy).unwrap().0.token();
    }
}

#[test]
fn another_certificate_is_nobodys() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let secured = by_name(&authority);
    let happy = happy(&secured);
    let wrong = [
        ("none at all", None),
        ("another authority", Some(stranger.certify(NAME, 2100))),
        ("self-signed", Some(Identity::self_signed(NAME, 2100))),
        ("expired", Some(authority.certify(NAME, 2021))),
        ("another name", Some(authority.certify("other.example", 2100))),
    ];
    for (what, identity) in &wrong {
        let reply = secured.send_as(identity.as_ref(), &happy);
        assert_eq!(reply.refusal(), (401, "invalid_client".into(), String::new()), "{what}");
    }
    secured.send_as(Some(&authority.certify(NAME, 2100)), &happy).token();
}

#[test]
fn a_certificate_is_asked_for_and_not_insisted_upon() {
    let authority = Authority::new();
    let secured = Secured::with(ASKS, |org| org);
    let happy = secured.scene.happy();
    secured.send_as(None, &happy).token();
    // Somebody's certificate is nothing against whoever has a secret.
    secured.send_as(Some(&authority.certify(NAME, 2100)), &happy).token();
}

#[test]
fn no_certificate_arrives_where_none_is_asked_for() {
    let authority = Authority::new();
    let settings =
        format!("auth_methods = [\"tls_client_auth\"]\ntls_client_auth_san_dns = \"{NAME}\"");
    let secured = Secured::with("", |org| declared(&org, &settings, &authority));
    let identity = authority.certify(NAME, 2100);
    secured.send_as(Some(&identity), &happy(&secured)).refused(401, "invalid_client", "");
}

#[test]
fn a_self_signed_certificate_is_the_one_that_is_registered() {
    let (registered, other) =
        (Identity::self_signed(NAME, 2100), Identity::self_signed(NAME, 2100));
    let keys = registered.jwk();
    let member = |name: &str| format!("{name} = {}", keys[name]);
    let members = ["kty", "crv", "x", "y", "x5c"].map(member).join(", ");
    let settings = format!(
        "auth_methods = [\"self_signed_tls_client_auth\"]\njwks = {{ keys = [{{ {members} }}] }}"
    );
    let secured = Secured::with(ASKS, |org| declared(&org, &settings, &Authority::new()));
    let happy = happy(&secured);
    secured.send_as(Some(&registered), &happy).token();
    secured.send_as(Some(&other), &happy).refused(401, "invalid_client", "");
    secured.send_as(None, &happy).refused(401, "invalid_client", "");
}

#[test]
fn a_token_is_bound_to_the_certificate_it_was_asked_for_with() {
    let authority = Authority::new();
    let settings = format!(
        "auth_methods = [\"tls_client_auth\"]\ntls_client_auth_san_dns = \"{NAME}\"\n\
         tls_client_certificate_bound_access_tokens = true"
    );
    let secured = Secured::with(ASKS, |org| declared(&org, &settings, &authority));
    let identity = authority.certify(NAME, 2100);
    let reply = secured.send_as(Some(&identity), &happy(&secured));
    assert_eq!(reply.claims()["cnf"], json!({ "x5t#S256": identity.thumbprint() }));
    // RFC 8705 has no token type of its own.
    assert_eq!(reply.json()["token_type"], "Bearer");
}

#[test]
fn what_is_bound_to_a_certificate_stays_bound_to_one() {
    let authority = Authority::new();
    let settings = format!(
        "auth_methods = [\"tls_client_auth\"]\ntls_client_auth_san_dns = \"{NAME}\"\n\
         tls_client_certificate_bound_access_tokens = true"
    );
    let secured = Secured::with(ASKS, |org| declared(&org, &settings, &authority));
    let (identity, other) =
        (authority.certify(NAME, 2100), Identity::self_signed("other.example", 2100));
    let handing = happy(&secured).with("audience", "researcher").without("resource");
    let handed = secured.send_as(Some(&identity), &handing).token();
    let next = secured.scene.next_hop(&handed);
    secured.send_as(None, &next).refusal();
    let claims = secured.send_as(Some(&other), &next).claims();
    assert_eq!(claims["cnf"], json!({ "x5t#S256": other.thumbprint() }));
}

#[test]
fn the_metadata_names_certificates_where_they_can_arrive() {
    let authority = Authority::new();
    let said = |secured: &Secured| {
        let request = Request::get("/.well-known/oauth-authorization-server/o/acme");
        let document = secured.send_as(None, &request).json();
        (
            document["token_endpoint_auth_methods_supported"].clone(),
            document["tls_client_certificate_bound_access_tokens"].clone(),
        )
    };
    let with = by_name(&authority);
    let methods = ["client_secret_basic", "client_secret_post", "tls_client_auth"];
    assert_eq!(said(&with), (json!(methods), json!(true)));
    let settings =
        format!("auth_methods = [\"tls_client_auth\"]\ntls_client_auth_san_dns = \"{NAME}\"");
    let without = Secured::with("", |org| declared(&org, &settings, &authority));
    assert_eq!(said(&without), (json!(methods[..2]), Value::Null));
}
