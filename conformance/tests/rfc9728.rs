//! RFC 9728, OAuth 2.0 Protected Resource Metadata: of the API of the scene.

use conformance::{DOCUMENTS, Exchange, Key, Reply, http, target};
use serde_json::Value;

/// §3: the well-known suffix goes between host and path of the resource's identifier, a terminating
/// slash left out. That of the scene has no path, and is reached where the API is.
fn location() -> String {
    let api = target().api.as_str();
    let authority = api.find("://").map_or(0, |at| at + 3);
    let path = api.get(authority..).and_then(|rest| rest.find('/'));
    let (origin, _) = api.split_at(path.map_or(api.len(), |at| authority + at));
    format!("{origin}/.well-known/oauth-protected-resource")
}

fn metadata() -> Value {
    http::get(&location(), &[]).json()
}

fn called(authorization: &str) -> Reply {
    http::get(&target().api, &[("authorization", authorization)])
}

/// RFC 9728 §3.1: "the well-known URI string … is … inserted between the host component and the path";
/// §3.2: "A successful response MUST use the 200 OK HTTP status code and return a JSON object using the
/// "application/json" content type".
#[test]
fn s3_is_where_it_must_be() {
    let reply = http::get(&location(), &[]);
    assert_eq!(reply.status, 200, "{}: {}", location(), reply.text());
    assert!(reply.has("content-type", "application/json"));
    assert!(reply.json().is_object());
}

/// RFC 9728 §2: "resource REQUIRED. The protected resource's resource identifier"; §3.3: "The "resource"
/// value returned MUST be identical to the protected resource's resource identifier value into which
/// the well-known URI path suffix was inserted". It is the one its tokens are for.
#[test]
fn s3_3_names_itself_as_it_is_called() {
    assert_eq!(metadata()["resource"], DOCUMENTS);
    let token = Exchange::happy(target()).with("resource", DOCUMENTS).send().granted();
    assert_eq!(metadata()["resource"], token.claim("aud"));
}

/// RFC 9728 §3.1: the metadata of one resource is not that of any path below its server.
#[test]
fn s3_1_another_resource_has_none() {
    assert_eq!(http::get(&format!("{}/elsewhere", location()), &[]).status, 404);
    assert_eq!(http::get(&location(), &[]).status, 200);
}

/// RFC 9728 §3.2: "Parameters with multiple values are represented as JSON arrays. Parameters with zero
/// values MUST be omitted from the response."
#[test]
fn s3_2_omits_what_is_empty() {
    let document = metadata();
    for (name, value) in document.as_object().into_iter().flatten() {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        assert!(!is_empty, "`{name}` is empty");
    }
}

/// RFC 9728 §2: "`authorization_servers` OPTIONAL. JSON array containing a list of OAuth authorization
/// server issuer identifiers": where a client gets tokens for it.
#[test]
fn s2_names_its_authorization_server() {
    let document = metadata();
    let servers = document["authorization_servers"].as_array().cloned().unwrap_or_default();
    assert_eq!(servers, [Value::from(target().issuer.as_str())]);
}

/// RFC 9728 §2: "`scopes_supported` RECOMMENDED", "`bearer_methods_supported` OPTIONAL … [] … to indicate
/// that no Bearer methods are supported", "`dpop_signing_alg_values_supported` OPTIONAL".
#[test]
fn s2_tells_how_it_is_used() {
    let document = metadata();
    let list = |name: &str| document[name].as_array().cloned().unwrap_or_default();
    assert!(list("scopes_supported").contains(&Value::from("documents:read")), "{document}");
    assert_eq!(list("bearer_methods_supported"), [Value::from("header")]);
    assert!(
        list("dpop_signing_alg_values_supported").contains(&Value::from("ES256")),
        "{document}"
    );
    assert!(!list("dpop_signing_alg_values_supported").contains(&Value::from("none")));
}

/// RFC 9728 §5.1: "`resource_metadata`: The URL of the protected resource metadata", in the challenge of
/// a 401; and a client that follows it finds the document.
#[test]
fn s5_1_the_challenge_leads_to_it() {
    let good = Exchange::happy(target()).send().granted().token.text;
    assert_eq!(called(&format!("Bearer {good}")).status, 200);
    for refused in [http::get(&target().api, &[]), called("Bearer x"), called("DPoP x")] {
        assert_eq!(refused.status, 401);
        let challenge = refused.header("www-authenticate").unwrap_or_default();
        let named = format!("resource_metadata=\"{}\"", location());
        assert!(challenge.contains(&named), "{challenge}");
    }
}

/// RFC 6750 §3.1: "`insufficient_scope`: The request requires higher privileges … SHOULD respond with the
/// HTTP 403 … MAY include the "scope" attribute with the scope necessary".
#[test]
fn rfc6750_s3_1_the_challenge_names_the_scope() {
    let with = |scope: &str| {
        let granted = Exchange::happy(target()).with("scope", scope).send().granted();
        called(&format!("Bearer {}", granted.token.text))
    };
    assert_eq!(with("documents:read").status, 200);
    let reply = with("documents:write");
    assert_eq!(reply.status, 403);
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
    assert!(challenge.contains("scope=\"documents:read\""), "{challenge}");
}

/// RFC 6750 §2: "Clients MUST NOT use more than one method to transmit the token in each request"; a
/// token in the query is in every log, and is none here.
#[test]
fn rfc6750_s2_3_takes_no_token_from_the_address() {
    let token = Exchange::happy(target()).send().granted().token.text;
    let url = format!("{}?access_token={token}", target().api);
    assert_eq!(http::get(&url, &[]).status, 401);
    assert_eq!(called(&format!("Bearer {token}")).status, 200);
}

/// RFC 9728 §3.3: what it says of itself does not follow the headers of a request.
#[test]
fn s3_3_is_not_told_its_name_by_a_header() {
    for header in ["host", "x-forwarded-host", "x-original-host"] {
        let reply = http::get(&location(), &[(header, "evil.example")]);
        assert!(!reply.text().contains("evil.example"), "{header}: {}", reply.text());
    }
}

/// RFC 8414 §2 with RFC 9728 §4: "`protected_resources` OPTIONAL": the authorization server knows the
/// resources it issues tokens for.
#[test]
fn s4_the_authorization_server_lists_its_resources() {
    let document = http::get(&target().well_known("oauth-authorization-server"), &[]).json();
    let listed = document["protected_resources"].as_array().cloned().unwrap_or_default();
    assert!(listed.contains(&Value::from(DOCUMENTS)), "{document}");
}

/// RFC 9728 §2 with RFC 9449 §7.1: what it says of proofs is true.
#[test]
fn s2_a_proof_of_a_listed_algorithm_works() {
    let key = Key::new();
    let token = Exchange::happy(target()).with_key(&key).send().granted().token.text;
    let proof = key.proof_with("GET", &target().api, &token).text();
    let authorization = format!("DPoP {token}");
    let headers = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
    assert_eq!(http::get(&target().api, &headers).status, 200);
}
