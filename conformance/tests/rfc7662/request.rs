//! §2.1: the request, and who may make it.

use conformance::{
    AboutToken, Credentials, DOCUMENTS, Exchange, Granted, form::basic_raw, http, target,
    target::Client,
};

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

/// The happy request; each test changes one thing.
fn ask() -> AboutToken<'static> {
    AboutToken::introspect(target(), &granted().token.text)
}

fn is_active(ask: &AboutToken<'_>) -> bool {
    let reply = ask.send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json().get("active") == Some(&true.into())
}

fn api() -> Client {
    target().client("documents-api").clone()
}

/// RFC 7662 §2.1: "The protected resource calls the introspection endpoint using an HTTP POST
/// request with parameters sent as "application/x-www-form-urlencoded" data".
#[test]
fn s2_1_answers_a_post() {
    assert!(is_active(&ask()));
}

/// RFC 7662 §2.1: "… using an HTTP POST request …": a token in a query would end up in logs (§4).
#[test]
fn s2_1_refuses_a_get_with_the_same_parameters() {
    let url = format!("{}?{}", target().introspection_endpoint, ask().body());
    let reply = http::get(&url, &[("authorization", &basic_raw("documents-api", "any"))]);
    reply.hold_to_what_every_client_is_owed(target());
    assert!([400, 404, 405].contains(&reply.status), "{} {}", reply.status, reply.text());
}

/// RFC 7662 §2.1: "… as "application/x-www-form-urlencoded" data".
#[test]
fn s2_1_refuses_a_json_body() {
    let body = serde_json::json!({ "token": granted().token.text }).to_string();
    ask().send_body("application/json", body.as_bytes()).refused_as_invalid_request();
}

/// RFC 7662 §2.1: "To prevent token scanning attacks, the endpoint MUST also require some form of
/// authorization to access this endpoint". §4: "the authorization server MUST require
/// authentication of protected resources that need to access the introspection endpoint".
///
/// RFC 9701 §5 asks for 400 instead of RFC 6749 §5.2's 401 here; we keep the one status that clients
/// know, and refuse either way.
#[test]
fn s2_1_refuses_a_stranger() {
    let ask = ask();
    for accept in ["application/json", conformance::INTROSPECTION_JWT] {
        let stranger = ask.clone().authenticated(Credentials::Missing).accepting(accept);
        stranger.send().refused(401, "invalid_client");
    }
    assert!(is_active(&ask));
}

/// RFC 7662 §2.3: "If the protected resource uses OAuth 2.0 client credentials to authenticate to
/// the introspection endpoint and its credentials are invalid, the authorization server responds
/// with an HTTP 401 (Unauthorized) as described in Section 5.2 of OAuth 2.0".
#[test]
fn s2_3_refuses_a_wrong_secret() {
    let wrong = |secret: &str| Client { client_secret: secret.to_owned(), ..api() };
    let other = &target().client("calendar-api").client_secret;
    for secret in ["", "wrong", other, &format!("{}x", api().client_secret)] {
        let reply = ask().authenticated(Credentials::Basic(wrong(secret))).send();
        reply.refused(401, "invalid_client");
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Basic"), "RFC 6749 §5.2: {challenge}");
        ask().authenticated(Credentials::Body(wrong(secret))).send().refused(401, "invalid_client");
    }
    assert!(is_active(&ask()));
}

/// RFC 7662 §2.1: nobody is let in by the token that is asked about.
#[test]
fn s2_1_refuses_the_token_itself_as_authorization() {
    let token = granted().token.text;
    let bearer = Credentials::Header(format!("Bearer {token}"));
    let reply = AboutToken::introspect(target(), &token).authenticated(bearer).send();
    assert!([400, 401].contains(&reply.status), "{} {}", reply.status, reply.text());
}

/// RFC 8414 §2: "`introspection_endpoint_auth_methods_supported`": what it lists works.
#[test]
fn s2_1_takes_both_methods_of_client_authentication() {
    assert!(is_active(&ask().authenticated(Credentials::Basic(api()))));
    assert!(is_active(&ask().authenticated(Credentials::Body(api()))));
}

/// RFC 6749 §2.3: "The client MUST NOT use more than one authentication method in each request."
#[test]
fn rfc6749_s2_3_refuses_two_methods_at_once() {
    let twice = ask().adding("client_id", "documents-api");
    let twice = twice.adding("client_secret", &api().client_secret);
    twice.send().refused_as_invalid_request();
}

/// The other organization's resource server has the same name and no say here; nor has ours there.
#[test]
fn s2_1_credentials_are_good_at_their_own_issuer_only() {
    let strange = target().strange_api().client.clone();
    ask().authenticated(Credentials::Basic(strange.clone())).send().refused(401, "invalid_client");
    let there = ask().at(&target().other_org.introspection_endpoint);
    there.send().refused(401, "invalid_client");
    let reply = there.authenticated(Credentials::Basic(strange)).send();
    assert_eq!((reply.status, reply.text().as_str()), (200, conformance::INACTIVE));
}

/// RFC 7662 §2.1: "token REQUIRED. The string value of the token." RFC 6749 §3.2: "Parameters sent
/// without a value MUST be treated as if they were omitted from the request."
#[test]
fn s2_1_refuses_a_missing_token() {
    ask().without("token").send().refused_as_invalid_request();
    ask().with("token", "").send().refused_as_invalid_request();
}

/// RFC 6749 §3.2, by which these endpoints' forms are read: "Request and response parameters MUST
/// NOT be included more than once."
#[test]
fn rfc6749_s3_2_refuses_two_tokens() {
    ask().adding("token", &granted().token.text).send().refused_as_invalid_request();
    let hint = ask().adding("token_type_hint", "access_token");
    hint.adding("token_type_hint", "access_token").send().refused_as_invalid_request();
}

/// RFC 7662 §2.1: "The introspection endpoint MAY accept other OPTIONAL parameters": what it does
/// not know is overlooked.
#[test]
fn s2_1_overlooks_unknown_parameters() {
    assert!(is_active(&ask().with("resource", DOCUMENTS).with("x", "y")));
}

/// RFC 7662 §2.1: "If the server is unable to locate the token using the given hint, it MUST extend
/// its search across all of its supported token types."
#[test]
fn s2_1_a_wrong_hint_changes_nothing() {
    for hint in ["access_token", "refresh_token", "", "nonsense", "urn:example:unknown"] {
        assert!(is_active(&ask().with("token_type_hint", hint)), "{hint}");
    }
}
